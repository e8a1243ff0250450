"""What bench/run.py measures of the gateway, beside nginx and HAProxy as reverse proxies that do the same work."""
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import resource
import select
import shutil
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

from tools import GALILEO, ROOT, SCRATCH, free_port, galileo_load, have, measured, nginx, start, stop, table, wait_for_port

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]

OURS = "**galileo gateway**"
PATH = "/function/hello/"
MIB = 1 << 20
ZONE = ["--zone", "main", "--node", "gw-main", "--threads", "1"]


# --- the three proxies: the same path, the same headers, connections kept on both sides, no log

def weights(path, targets):
    """Puts the weights there in one step, as an editor that means well does."""
    path.with_suffix(".new").write_text(json.dumps({"hello": {"ips": list(targets), "weights": list(targets.values())}}))
    os.replace(path.with_suffix(".new"), path)


def galileo_command(port, app):
    path = SCRATCH / f"weights-{port}.json"
    weights(path, {f"127.0.0.1:{app}": 1})
    return [GALILEO, "gateway", *ZONE, "--listen", f"127.0.0.1:{port}", "--weights", path, "--idle-timeout", "600s"]


def nginx_command(port, app):
    folder = SCRATCH / f"nginx-{port}"
    folder.mkdir()
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "conf").write_text(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log crit;
events {{ worker_connections 12000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_max_body_size 2m; {paths}
upstream app {{ server 127.0.0.1:{app}; keepalive 64; keepalive_requests 1000000000; keepalive_timeout 600s; }}
server {{ listen 127.0.0.1:{port} backlog=4096;
location {PATH} {{ proxy_pass http://app/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
proxy_request_buffering off; proxy_buffers 8 64k; proxy_max_temp_file_size 0;
proxy_set_header X-Forwarded-For "gw-main, $remote_addr"; proxy_set_header X-Final-Host 127.0.0.1:{app}; proxy_set_header X-Forwarded-Host-Gw-Main $msec;
add_header X-Forwarded-For gw-main always; add_header X-Final-Host $upstream_addr always; add_header X-Forwarded-Host-Gw-Main $msec always;
}} }} }}""")
    return ["nginx", "-c", folder / "conf"]


def haproxy_command(port, app):
    """Its path by a converter, which costs it what a pattern does; the target's name by the server's."""
    path = SCRATCH / f"haproxy-{port}"
    path.write_text(f"""global
  nbthread 1
  maxconn 11000
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-request 60s
  timeout http-keep-alive 600s
  option http-keep-alive
  http-reuse always
frontend in
  bind 127.0.0.1:{port} backlog 4096
  use_backend hello if {{ path_beg {PATH} }}
backend hello
  http-request set-path %[path,bytes({len(PATH) - 1})]
  http-request set-header X-Forwarded-For "gw-main, %[src]"
  http-request set-header X-Forwarded-Host-Gw-Main %[date(0,us)]
  http-send-name-header X-Final-Host
  http-response set-header X-Forwarded-For gw-main
  http-response set-header X-Final-Host %s
  http-response set-header X-Forwarded-Host-Gw-Main %[date(0,us)]
  server 127.0.0.1:{app} 127.0.0.1:{app}
""")
    return ["haproxy", "-db", "-f", path]


COMMANDS = {OURS: galileo_command, "nginx 1.22": nginx_command, "HAProxy 2.6": haproxy_command}


class Running:
    def __init__(self, process, port, log):
        self.process, self.port, self.log = process, port, log

    def folders(self):
        """Of the processes of its group: nginx has a master and a worker."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(path.read_text().rpartition(")")[2].split()[2]) == self.process.pid:
                    yield path.parent

    def cpu(self):
        """Seconds of all its threads, to the nanosecond where the kernel counts so."""
        tasks = [task for folder in self.folders() for task in (folder / "task").iterdir()]
        try:
            return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
        except FileNotFoundError:
            stats = [(task / "stat").read_text().rpartition(")")[2].split() for task in tasks]
            return sum(int(one[11]) + int(one[12]) for one in stats) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Resident KiB, pages that several of its processes share counted once."""
        return sum(int(re.search(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.M)[1]) for folder in self.folders())


@contextlib.contextmanager
def running(command, port):
    """On core 1, and listening."""
    log = SCRATCH / f"log-{port}"
    with open(log, "wb") as file:
        process = start(command, 1, stdout=file, stderr=file, cwd=SCRATCH)
    try:
        wait_for_port(port)
        yield Running(process, port, log)
    finally:
        stop(process)


@contextlib.contextmanager
def proxies(app):
    """All that are installed, each of which has answered right: {name: Running}."""
    with contextlib.ExitStack() as stack:
        made = {}
        for name, command in COMMANDS.items():
            if name == OURS or have(name.split()[0].lower()):
                port = free_port()
                made[name] = stack.enter_context(running(command(port, app), port))
                check(name, port, app)
        yield made


# What the application saw, and how many requests its connection has had.
SEEN = 'location /seen { return 200 "$uri|$http_x_forwarded_for|$http_x_final_host|$http_x_forwarded_host_gw_main|$connection_requests"; }'


def check(name, port, app):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for i in range(1, 4):
        client.request("GET", PATH + "seen")
        answer = client.getresponse()
        text = answer.read().decode()
        headers = [answer.getheader(header, "") for header in ("X-Forwarded-For", "X-Final-Host", "X-Forwarded-Host-Gw-Main")]
        told = ["gw-main, 127.0.0.1", f"127.0.0.1:{app}"]
        seen = text.split("|")
        stamps = all(re.fullmatch(r"1\d{9}(\.\d+|\d{6})", stamp) for stamp in (seen[3], headers[2]))
        if answer.status != 200 or seen[0] != "/seen" or seen[1:3] != told or headers[:2] != ["gw-main", told[1]] or not stamps or int(seen[4]) < i:
            raise SystemExit(f"bench: {name} doesn't do the same work: {answer.status} {text} {headers}")
    client.close()


def wrk(port, path, connections, seconds, *more):
    """Requests, all of them answered with 2xx."""
    text, *_ = measured(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "30s", *more, f"http://127.0.0.1:{port}{path}"], core=0)
    if "Socket errors" in text or "Non-2xx" in text:
        raise SystemExit(f"bench: wrk met errors\n{text}")
    return int(re.search(r"(\d+) requests in", text)[1])


def peers_best(medians):
    return min((value for name, value in medians.items() if name != OURS), default=float("nan"))


def not_met(what):
    return f"Not met: {'; '.join(what) or 'none'}."


def spread(values, digits=2):
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


# --- CPU a request

def cpu(quick):
    seconds, rounds = (2, 3) if quick else (5, 7)
    figures = {}
    with nginx(SEEN) as app, proxies(app) as made:
        for _ in range(rounds):
            for name, proxy in made.items():
                before = proxy.cpu()
                requests = wrk(proxy.port, PATH, 50, seconds)
                figures.setdefault(name, []).append(((proxy.cpu() - before) * 1e6 / requests, requests / seconds))
    medians = {name: statistics.median(one[0] for one in all_of) for name, all_of in figures.items()}
    best = peers_best(medians)
    # Of each round, since the machine's speed changes from round to round more than the ratio does.
    ratio = statistics.median(figures[OURS][i][0] / peers_best({name: figures[name][i][0] for name in figures}) for i in range(rounds))
    rows = [(name, f"{medians[name]:.2f}", spread([one[0] for one in all_of]), f"{medians[name] / best:.2f}",
             f"{statistics.median(one[1] for one in all_of):,.0f}") for name, all_of in figures.items()]
    return "CPU a request", (
        f"wrk, 50 connections, {seconds} s, {rounds} rounds, medians; wrk and the application (nginx `return 200`) on core 0, the proxy with one thread on core 1. "
        f"Against the better peer of the same round: {ratio:.2f}. Bar: ≤ 0.95; goal: 0.8. " +
        not_met([f"{ratio:.2f} × the better peer"] if not ratio <= 0.95 else []) + "\n\n" +
        table(["proxy", "CPU a request, µs", "min–max", "× the better peer", "requests/s"], rows))


# --- what it adds to the latency

def latency(quick):
    seconds, rounds, rate = (3, 3, 20_000) if quick else (8, 7, 20_000)
    figures = {}
    with nginx(SEEN) as app, proxies(app) as made:
        ways = {"direct": (app, "/")} | {name: (proxy.port, PATH) for name, proxy in made.items()}
        for _ in range(rounds):
            for name, (port, path) in ways.items():
                done, _ = galileo_load(port, "-r", rate, "-c", 64, "-d", f"{seconds}s", "--warmup", "1s", core=0, path=path)
                ledger = done["ledger"]
                assert ledger["balanced"] and not ledger["failed"] and not ledger["not_sent"], (name, ledger)
                figures.setdefault(name, []).append([done["latency_s"][key] * 1e6 for key in ("p50", "p99")] +
                                                    [done["dispatch_error_s"]["p99"] * 1e6, done["rate"]["achieved_rps"]])
    added = {name: [one[1] - direct[1] for one, direct in zip(all_of, figures["direct"])] for name, all_of in figures.items()}
    medians = {name: statistics.median(values) for name, values in added.items() if name != "direct"}
    missed = [f"{medians[OURS]:.0f} µs beside {peers_best(medians):.0f} µs"] if not medians[OURS] <= peers_best(medians) else []
    rows = []
    for name, all_of in figures.items():
        p50, p99, dispatch, achieved = (statistics.median(values) for values in zip(*all_of))
        if achieved < 0.98 * rate:
            missed.append(f"{name} got {achieved:,.0f}/s only: what's here is a queue")
        rows.append((name, f"{achieved:,.0f}", f"{p50:.0f}", f"{p99:.0f}", f"{medians[name]:.0f}" if name in medians else "–",
                     spread(added[name], 0) if name in medians else "–", f"{dispatch:.0f}"))
    return f"Latency at {rate:,} requests/s", (
        f"`galileo load -r {rate} -c 64`, {seconds} s of which the first is left out, {rounds} rounds, medians; generator and application on core 0, the proxy on core 1. "
        "Added: p99 less the direct one's of the same round. Where the direct way's scheduling delay is beyond 1 ms, the machine was busy with others. "
        f"Bar: ours ≤ the better peer's. {not_met(missed)}\n\n" +
        table(["way", "answers/s", "p50, µs", "p99, µs", "added to the p99, µs", "min–max", "scheduling delay p99, µs"], rows))


# --- memory

REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def ask(client):
    """The answer to one request on a connection that stays, as text."""
    client.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        more = client.recv(4096)
        if not more:
            raise SystemExit(f"bench: the connection was closed after {answer}")
        answer += more
    return answer.decode()


def connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def memory(quick):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))  # the proxies take it over
    count = min(10_000, limit[1] - 500)
    rows, missed = [], []
    with nginx(SEEN) as app, proxies(app) as made:
        for name, proxy in made.items():
            before = proxy.memory()
            with contextlib.ExitStack() as stack:
                poll, clients = select.poll(), []
                for _ in range(count):
                    clients.append(stack.enter_context(connected(proxy.port)))
                    assert " 200 " in ask(clients[-1])
                    poll.register(clients[-1], select.POLLIN)
                time.sleep(2)
                after = proxy.memory()
                assert not poll.poll(0), f"{name} closed idle connections"
                for client in clients[::100]:
                    ask(client)
            rows.append((name, f"{before / 1024:.1f} MiB", f"{after / 1024:.1f} MiB", f"{(after - before) * 1024 / count:,.0f}"))
            if name == OURS and after > 100 * 1024:
                missed.append(f"{after / 1024:.0f} MiB")
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    return f"Memory with {count:,} idle clients", (
        f"Each client has had one answer and keeps its connection; one thread, proportional set size. Bar: ours ≤ 100 MiB. {not_met(missed)}\n\n" +
        table(["proxy", "before", "with them", "bytes a client"], rows))


# --- bodies

# nginx answers by `return` before it has read the body; passed on to itself, it has to have it whole.
UPLOADS = """location /up { client_max_body_size 2m; client_body_buffer_size 2m; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://127.0.0.1:%d/; }"""


def reads_bodies(port, path):
    """No answer before the last byte of the body: else it wouldn't be the body that is measured."""
    with connected(port) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {MIB}\r\n\r\n".encode() + b"x" * (MIB - 1))
        client.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            raise SystemExit(f"bench: answered before the body was there: {client.recv(4096)}")
        client.settimeout(30)
        client.sendall(b"x")
        assert b" 200 " in client.recv(4096)


def bodies(quick):
    seconds, rounds = (2, 3) if quick else (5, 5)
    SCRATCH.chmod(0o711)  # nginx's worker may be another user
    (SCRATCH / "big").write_bytes(os.urandom(MIB))
    (SCRATCH / "upload.lua").write_text(f'wrk.method = "POST"\nwrk.body = string.rep("x", {MIB})\n')
    own = free_port()
    more = f"{SEEN} listen 127.0.0.1:{own}; {UPLOADS % own} location /big {{ root {SCRATCH}; sendfile on; tcp_nopush on; }}"
    cases = {"download": ("big", []), "upload": ("up", ["-s", SCRATCH / "upload.lua"])}
    figures = {}
    with nginx(more) as app, proxies(app) as made:
        reads_bodies(app, "/up")
        for proxy in made.values():
            reads_bodies(proxy.port, PATH + "up")
        for _ in range(rounds):
            for case, (path, arguments) in cases.items():
                for name, proxy in made.items():
                    before = proxy.cpu()
                    gigabytes = wrk(proxy.port, PATH + path, 16, seconds, *arguments) * MIB / 1e9
                    figures.setdefault((case, name), []).append(((proxy.cpu() - before) / gigabytes, gigabytes / seconds))
    medians = {key: statistics.median(one[0] for one in all_of) for key, all_of in figures.items()}
    missed, rows = [], []
    for (case, name), all_of in sorted(figures.items(), key=lambda item: item[0][0]):
        peer = medians.get((case, "HAProxy 2.6"), float("nan"))
        ratio = medians[case, name] / peer
        rows.append((case, name, f"{medians[case, name]:.3f}", spread([one[0] for one in all_of], 3), f"{ratio:.2f}", f"{statistics.median(one[1] for one in all_of):.2f}"))
        if name == OURS and not ratio <= 1:
            missed.append(f"{case}s {ratio:.2f} × HAProxy's")
    return "Bodies of 1 MiB", (
        f"wrk, 16 connections, {seconds} s, {rounds} rounds, medians; nginx with `proxy_request_buffering off` and without temporary files. "
        f"Bar: ours ≤ HAProxy's. {not_met(missed)}\n\n" +
        table(["bodies", "proxy", "CPU seconds a GB", "min–max", "× HAProxy's", "GB/s"], rows))


# --- weights that change

def changes(quick):
    seconds, rate, every = 10, 5_000, 0.01
    b, c = free_port(), free_port()
    with nginx(f"{SEEN} listen 127.0.0.1:{b}; listen 127.0.0.1:{c};") as a:
        a, b, c = (f"127.0.0.1:{port}" for port in (a, b, c))
        sets = itertools.cycle([{a: 3, b: 1}, {a: 1, b: 3}, {a: 1}, {b: 2, c: 1}])
        port = free_port()
        command = galileo_command(port, a.split(":")[1])
        over, written = threading.Event(), 0

        def change():
            nonlocal written
            due = time.monotonic()
            while not over.is_set():
                weights(SCRATCH / f"weights-{port}.json", next(sets))
                written += 1
                due += every
                over.wait(max(0, due - time.monotonic()))

        with running(command, port) as gateway:
            thread = threading.Thread(target=change, daemon=True)
            thread.start()
            done, _ = galileo_load(port, "-r", rate, "-c", 64, "-d", f"{seconds}s", core=0, path=PATH)
            over.set()
            thread.join(10)
            time.sleep(0.2)  # the last one may be under way
            taken = gateway.log.read_text().count("weights taken") - 1  # the first is the start's
    ledger = done["ledger"]
    failed = sum(ledger["failed"].values()) + sum(ledger["not_sent"].values()) + ledger["in_flight_at_end"]
    missed = [f"{failed} failed: {ledger['failed']}"] if failed or not ledger["balanced"] else []
    return "Weights that change under load", (
        f"A new file {1 / every:.0f} times a second for {seconds} s, other weights or other targets of three, at {rate:,} requests/s. Bar: no failed request. {not_met(missed)}\n\n" +
        table(["requests", "answered", "failed or not sent", "files written", "taken", "p99"],
              [(f"{ledger['intended']:,}", f"{ledger['answered']:,}", failed, f"{written:,}", f"{taken:,}", f"{done['latency_s']['p99'] * 1e3:.2f} ms")]))


# --- from an update to its effect

def effects(port, targets, count, put):
    """Milliseconds from the beginning of put(target) to the end of the first answer by it, and to the end of put."""
    took, put_took = [], []
    with connected(port) as client:
        to = lambda: re.search(r"X-Final-Host: (\S+)", ask(client), re.I)[1]
        deadline = time.monotonic() + 10
        while to() != targets[0]:
            assert time.monotonic() < deadline, "the first weights have no effect"
        for i in range(1, count + 1):
            time.sleep(random.uniform(0.005, 0.025))  # not in step with anything
            wanted, began = targets[i % 2], time.monotonic()
            put(wanted)
            put_took.append((time.monotonic() - began) * 1e3)
            while to() != wanted:
                if time.monotonic() > began + 10:
                    raise SystemExit("bench: no effect of new weights within 10 s")
            took.append((time.monotonic() - began) * 1e3)
            for _ in range(3):
                assert to() == wanted, "the old weights are back"
    return took, put_took


def effect(quick):
    count, rows, missed = 50 if quick else 200, [], []

    def note(name, took, bar=None):
        took = sorted(took)
        figures = statistics.median(took), took[min(len(took) - 1, int(len(took) * 0.99))], took[-1]
        rows.append((name, *(f"{value:.1f} ms" for value in figures), f"≤ {bar} ms" if bar else "–"))
        if bar and figures[2] > bar:
            missed.append(f"{name}: {figures[2]:.0f} ms")

    other = free_port()
    with nginx(f"{SEEN} listen 127.0.0.1:{other};") as app:
        targets = [f"127.0.0.1:{app}", f"127.0.0.1:{other}"]
        port = free_port()
        with running(galileo_command(port, app), port):
            took, _ = effects(port, targets, count, lambda target: weights(SCRATCH / f"weights-{port}.json", {target: 1}))
        note("file", took, 100)
        if have("etcd"):
            from etcd_server import Etcd  # needs pytest, which comes with it
            folder = SCRATCH / "etcd"
            folder.mkdir()
            etcd = Etcd(folder)
            try:
                put = lambda target: etcd.put("golb/function/main/hello", {"ips": [target], "weights": [1]})
                put(targets[0])
                port = free_port()
                with running([GALILEO, "gateway", *ZONE, "--listen", f"127.0.0.1:{port}", "--etcd", etcd.address], port):
                    took, put_took = effects(port, targets, count, put)
            finally:
                etcd.stop()
                shutil.rmtree(folder, ignore_errors=True)
            note("etcd", took, 100)
            note("of that, until etcd has answered the put", put_took)
    return "From an update to its effect", (
        f"{count} times: from the beginning of the write to the first answer by the other target, asked for all the time on one connection. Bar: 100 ms at most. {not_met(missed)}\n\n" +
        table(["weights in", "p50", "p99", "max", "bar"], rows))


def gateway(quick):
    parts = [part(quick) for part in (cpu, latency, memory, bodies, changes, effect)]
    return "Gateway", "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)
