"""What a request over HTTP/2 or TLS costs, beside the peers that speak them."""
import contextlib
import json
import re
import statistics
import subprocess

from tools import FLOORS, SCRATCH, free_port, galileo_load, measured, nginx, table


def summed(figures, base):
    """Rows by cost: median CPU a request, its spread, against `base`, requests a second."""
    of = statistics.median(one[0] for one in figures[base])
    rows = []
    for name, rounds in sorted(figures.items(), key=lambda item: statistics.median(one[0] for one in item[1])):
        cpus = [one[0] for one in rounds]
        rows.append((name, f"{statistics.median(cpus):.2f}", f"{min(cpus):.2f}–{max(cpus):.2f}", f"{statistics.median(cpus) / of:.2f}",
                     f"{statistics.median(one[1] for one in rounds):,.0f}"))
    return rows


def requests_of_h2load(text):
    return int(re.search(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded", text)[1])


def http2(quick):
    """Cleartext, by prior knowledge: a closed loop of connections and streams."""
    seconds, rounds, connections = (2, 3, 10) if quick else (5, 7, 10)
    rows = []
    port = free_port()
    with nginx(f"}} server {{ listen 127.0.0.1:{port} http2 backlog=4096; http2_max_concurrent_streams 1000; location / {{ return 200 \"ok\"; }}"):
        for streams in (1, 10, 100):
            figures = {}
            for _ in range(rounds):
                text, cpu, wall, _ = measured(["h2load", "-t1", f"-c{connections}", f"-m{streams}", "-D", seconds, f"http://127.0.0.1:{port}/"])
                done = requests_of_h2load(text)
                figures.setdefault("h2load 1.52", []).append((cpu * 1e6 / done, done / seconds))
                result, (_, cpu, _, _) = galileo_load(port, "--http2-prior-knowledge", "-c", connections, "--streams", streams, "-d", f"{seconds}s")
                ledger = result["ledger"]
                assert ledger["balanced"] and not ledger["failed"] and ledger["traces"]["lost"] == 0, ledger
                assert result["generator"]["http"]["connections"] == connections, result["generator"]
                figures.setdefault("**galileo**, every request traced", []).append((cpu * 1e6 / ledger["answered"], ledger["answered"] / seconds))
            rows += [(streams, *row) for row in summed(figures, "h2load 1.52")]
    return "HTTP/2: CPU a request", (
        f"Cleartext, {connections} connections, {seconds} s, {rounds} rounds, nginx `return 200` on the other core. Bar: 1.1 × h2load's; h2load keeps no record of a request.\n\n" +
        table(["streams a connection", "generator", "CPU a request, µs (median)", "min–max", "× h2load", "requests/s"], rows))


@contextlib.contextmanager
def nginx_with_tls(more=""):
    key, certificate = SCRATCH / "key.pem", SCRATCH / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    port = free_port()
    with nginx(f"}} server {{ listen 127.0.0.1:{port} ssl backlog=4096; ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; {more} "
               "location / { return 200 \"ok\"; }"):
        yield port, certificate


def load_over_tls(port, *arguments):
    return galileo_load(port, *arguments, scheme="https")


def requests_of_wrk(text):
    return int(re.search(r"(\d+) requests in", text)[1])


def https(quick):
    """TLS 1.3: connections that are kept, and a new one for each request."""
    seconds, rounds = (2, 3) if quick else (5, 7)
    rows = []
    with nginx_with_tls() as (port, certificate):
        url, figures = f"https://127.0.0.1:{port}/", {}
        for _ in range(rounds):
            text, cpu, _, _ = measured(["wrk", "-t1", "-c50", f"-d{seconds}", url])
            figures.setdefault("wrk 4.1, verifies nothing", []).append((cpu * 1e6 / requests_of_wrk(text), requests_of_wrk(text) / seconds))
            for name, flags in (("**galileo**, verification on", ["--cacert", certificate]), ("**galileo**, verification off", ["-k"])):
                result, (_, cpu, _, _) = load_over_tls(port, "-c", 50, "-d", f"{seconds}s", *flags)
                assert result["ledger"]["balanced"] and not result["ledger"]["failed"], result["ledger"]
                answered = result["ledger"]["answered"]
                figures.setdefault(name, []).append((cpu * 1e6 / answered, answered / seconds))
        rows += [("kept, 50 connections", *row) for row in summed(figures, "wrk 4.1, verifies nothing")]
    # The server ends each connection with its answer, and gives no tickets: each handshake is a whole one.
    with nginx_with_tls("keepalive_requests 1; ssl_session_tickets off; ssl_session_cache off;") as (port, certificate):
        url, figures = f"https://127.0.0.1:{port}/", {}
        for _ in range(rounds):
            # It goes on with new connections when it has a number to send, not when it has a time.
            count = 400 * seconds
            text, cpu, wall, _ = measured(["timeout", 60, "h2load", "--h1", "-t1", "-c10", "-n", count, url])
            assert requests_of_h2load(text) == count, text
            figures.setdefault("h2load 1.52, verifies nothing", []).append((cpu * 1e6 / count, count / wall))
            text, *_ = measured([FLOORS / "floor_tls", port, 10, seconds])
            floor = json.loads(text)
            figures.setdefault("C and OpenSSL (floor), verifies nothing", []).append(
                (floor["us_per_request"], floor["requests"] / floor["wall_s"]))
            for name, flags in (("**galileo**, verification on", ["--cacert", certificate]), ("**galileo**, verification off", ["-k"])):
                result, (_, cpu, _, _) = load_over_tls(port, "-c", 10, "-d", f"{seconds}s", *flags)
                assert result["ledger"]["balanced"] and not result["ledger"]["failed"], result["ledger"]
                answered, tls = result["ledger"]["answered"], result["generator"]["tls"]
                assert tls["resumed"] == 0 and tls["handshakes"] >= answered, tls
                figures.setdefault(name, []).append((cpu * 1e6 / answered, answered / seconds))
        rows += [("a new one each, 10 at a time", *row) for row in summed(figures, "h2load 1.52, verifies nothing")]
    return "HTTPS: CPU a request", (
        f"TLS 1.3, P-256, HTTP/1.1, {seconds} s, {rounds} rounds, nginx `return 200` on the other core; no handshake is resumed. Bar: 1.1 × the peer's.\n\n" +
        table(["connections", "generator", "CPU a request, µs (median)", "min–max", "× the peer", "requests/s"], rows))
