"""HTTP/2 under load: nginx, nghttpd, a server of python3-h2 that looks at what it is asked, and servers that break the rules,
frame by frame."""
import contextlib
import json
import socket
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest
from conftest import accepts, free_port, result_of, strip_colour, wait_for
from tls_files import Authority

ROOT = Path(__file__).resolve().parent.parent.parent

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
  {paths}
  log_format told '{{"protocol": "$server_protocol", "offered": "$ssl_alpn_protocol", "connection": "$connection", "host": "$http_host"}}';
  access_log {folder}/access.log told;
  server {{
    listen 127.0.0.1:{port} ssl http2; listen 127.0.0.1:{cleartext} http2; listen 127.0.0.1:{older} ssl; server_name localhost;
    ssl_certificate {certificate}; ssl_certificate_key {key}; {more}
    location / {{ return 200 "ok"; }}
    location /there {{ return 302 /; }}
  }}
}}
"""
SETTINGS, PING, HEADERS, DATA, RESET, GO_AWAY, CONTINUATION = 4, 6, 1, 0, 3, 7, 9


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


class Nginx:
    def __init__(self, folder, pair, more=""):
        self.folder, self.port, self.cleartext, self.older = folder, free_port(), free_port(), free_port()
        paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, paths=paths, port=self.port, cleartext=self.cleartext,
                                                        older=self.older, certificate=pair[0], key=pair[1], more=more))
        self.process = subprocess.Popen(["nginx", "-e", folder / "nginx.log", "-c", folder / "nginx.conf"])
        wait_for(lambda: accepts(self.port), "nginx to listen")

    def told(self):
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def nginx(tmp_path_factory, authority):
    running = []

    def call(more=""):
        running.append(Nginx(tmp_path_factory.mktemp("nginx"), authority.sign("localhost"), more))
        return running[-1]
    yield call
    for one in running:
        one.stop()


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def ok(stream):
    return frame(HEADERS, 5, stream, b"\x88")  # ":status: 200" is in everybody's table


class FrameServer:
    """Sees each frame; `react(server, connection, kind, flags, stream)` sends what it likes. `first` goes out at once."""

    def __init__(self, react=lambda server, connection, kind, flags, stream: None, first=frame(SETTINGS)):
        self.react, self.first, self.connections, self.asked = react, first, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(30)
                self.connections += 1
                self.open.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ConnectionError), connection:
            connection.sendall(self.first)
            read = connection.makefile("rb")
            assert read.read(24).startswith(b"PRI * HTTP/2.0")
            while len(head := read.read(9)) == 9:
                read.read(int.from_bytes(head[:3], "big"))
                self.asked += head[3] == HEADERS
                if self.react(self, connection, head[3], head[4], int.from_bytes(head[5:], "big")) == "leave":
                    return

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def frames():
    servers = []

    def call(*arguments, **named):
        servers.append(FrameServer(*arguments, **named))
        return servers[-1]
    yield call
    for server in servers:
        server.close()


def rows(tmp_path, sql):
    with contextlib.closing(sqlite3.connect(tmp_path / "galileo.sqlite")) as database:
        return database.execute(sql).fetchall()


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_server_is_asked_over_http2_with_several_streams_on_each_connection(run, nginx, tmp_path):
    server = nginx("keepalive_requests 1000000;")
    done = run("load", f"http://localhost:{server.cleartext}/", "--http2-prior-knowledge", "-c", 3, "--streams", 5, "-n", 600, "-t", 1,
               "--json", "r.json")
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert (result["ledger"]["answered"], result["ledger"]["balanced"]) == (600, True), done
    assert result["generator"]["http"] == {"connections": 3, "requests_1": 0, "requests_2": 600, "given_up": 0}
    assert "600 requests over HTTP/2; 3 connections made" in strip_colour(done.err + done.out)
    told = server.told()
    assert {one["protocol"] for one in told} == {"HTTP/2.0"} and len({one["connection"] for one in told}) == 3
    assert rows(tmp_path, "SELECT PROTOCOL, count(*), sum(STATUS = 200), min(REQUEST_BYTES) > 9, min(RESPONSE_BYTES) > 18 FROM traces"
                          " GROUP BY PROTOCOL") == [("HTTP/2", 600, 600, 1, 1)]


@pytest.mark.quick
def test_tls_agrees_on_http2_and_where_it_does_not_on_http1(run, nginx, authority, tmp_path):
    server = nginx()
    for flags, port, protocol in ((["--http2"], server.port, "HTTP/2"), (["--http2"], server.older, None), ([], server.port, None),
                                  (["--http2-prior-knowledge"], server.port, "HTTP/2")):
        (tmp_path / "galileo.sqlite").unlink(missing_ok=True)
        done = run("load", f"https://localhost:{port}/", "--cacert", authority.file, *flags, "-c", 2, "-n", 100, "-t", 1, "--json", "r.json")
        assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 100, done
        assert rows(tmp_path, "SELECT DISTINCT PROTOCOL FROM traces") == [(protocol,)], flags
        assert result_of(tmp_path / "r.json")["generator"]["tls"]["handshakes"] == 2
    assert {one["offered"] for one in server.told()} == {"h2", "http/1.1"}
    assert {one["host"] for one in server.told()} == {f"localhost:{server.port}", f"localhost:{server.older}"}


def test_a_default_nginx_which_ends_connections_after_1000_requests_fails_none(run, nginx, tmp_path):
    server = nginx()
    done = run("load", f"http://127.0.0.1:{server.cleartext}/", "--http2-prior-knowledge", "-c", 4, "--streams", 25, "-n", "60k", "--db", "none",
               "--json", "r.json", timeout=60)
    result = result_of(tmp_path / "r.json")
    assert (result["ledger"]["answered"], result["ledger"]["failed"]) == (60_000, {}), done
    assert result["generator"]["http"]["connections"] >= 60
    assert len(server.told()) == 60_000


@pytest.mark.quick
def test_each_request_has_a_connection_of_its_own_where_that_is_asked_for(run, nginx, target, tmp_path):
    server = nginx()
    for url, flags in ((f"http://127.0.0.1:{server.cleartext}/", ["--http2-prior-knowledge", "--streams", 4]), (target(), [])):
        done = run("load", url, *flags, "--disable-keepalive", "-c", 2, "-n", 40, "-t", 1, "--json", "r.json")
        assert done.ran, done
        result = result_of(tmp_path / "r.json")
        assert (result["ledger"]["answered"], result["generator"]["http"]["connections"]) == (40, 40), done
    assert len({one["connection"] for one in server.told()}) == 40


def test_an_open_loop_shares_its_connections_evenly_and_waits_for_streams_as_a_phase_of_its_own(run, frames, tmp_path):
    def slowly(server, connection, kind, flags, stream):  # 20 requests/s a stream: fewer than come
        if kind == HEADERS:
            threading.Timer(0.05, connection.sendall, [ok(stream)]).start()
    server = frames(slowly)
    done = run("load", server.url, "--http2-prior-knowledge", "-r", 200, "-c", 2, "--streams", 4, "-n", 200, "-t", 1, "--json", "r.json")
    assert result_of(tmp_path / "r.json")["ledger"]["answered"] == 200, done
    assert server.connections == 2
    assert rows(tmp_path, "SELECT count(*) > 20, min(QUEUED <= DISPATCHED - INTENDED + 1e-6), min(QUEUED > 0) FROM traces WHERE QUEUED IS NOT NULL") == [
        (1, 1, 1)]
    # Not stretched: each was due when its rate says.
    assert rows(tmp_path, "SELECT max(INTENDED) - min(INTENDED) < 0.9951 FROM traces") == [(1,)]


@pytest.fixture
def nghttpd(tmp_path):
    (tmp_path / "page").write_text("page")
    port = free_port()
    process = subprocess.Popen(["nghttpd", "--no-tls", "-d", tmp_path, "--echo-upload", str(port)], stdout=subprocess.DEVNULL)
    wait_for(lambda: accepts(port), "nghttpd to listen")
    yield port
    process.terminate()
    process.wait(10)


def test_bodies_and_heads_go_both_ways_with_nghttpd(run, nghttpd, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 4000)  # beyond a window
    done = run("load", f"http://127.0.0.1:{nghttpd}/page", "--http2-prior-knowledge", "-b", f"@{body}", "-c", 2, "--streams", 3, "-n", 30,
               "--json", "r.json")
    assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 30, done
    assert rows(tmp_path, "SELECT min(REQUEST_BYTES) > 1024000 AND max(REQUEST_BYTES) < 1030000, min(RESPONSE_BYTES) > 1024000 FROM traces") == [(1, 1)]
    for method in ("HEAD", "GET"):
        done = run("load", f"http://127.0.0.1:{nghttpd}/page", "--http2-prior-knowledge", "-m", method, "-c", 1, "-n", 5, "--json", "r.json", "--db", f"{method}.sqlite")
        assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 5, done


def test_what_is_asked_keeps_the_rules_of_a_strict_server(run, tmp_path):
    h2 = pytest.importorskip("h2.connection")
    from h2.config import H2Configuration
    from h2.events import RequestReceived, StreamEnded
    seen = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    # It looks at each header, and ends the connection over one that may not be.
                    strict = h2.H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
                    strict.initiate_connection()
                    connection.sendall(strict.data_to_send())
                    while data := connection.recv(65536):
                        for event in strict.receive_data(data):
                            if isinstance(event, RequestReceived):
                                seen.append([tuple(pair) for pair in event.headers])
                            if isinstance(event, StreamEnded):
                                strict.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
                        connection.sendall(strict.data_to_send())
    threading.Thread(target=serve, daemon=True).start()
    done = run("load", f"http://127.0.0.1:{listener.getsockname()[1]}/a?b=c", "--http2-prior-knowledge", "-c", 1, "--streams", 2, "-n", 4,
               "-H", "Host: other.example", "-H", "Connection: keep-alive, x-hop", "-H", "X-Hop: 1", "-H", "Keep-Alive: timeout=9",
               "-H", "Proxy-Connection: keep-alive", "-H", "Upgrade: h2c", "-H", "TE: gzip", "-H", "X-Mixed-Case: Kept", "-b", "text",
               "--json", "r.json")
    listener.close()
    assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 4, done
    for headers in seen:
        names = [name for name, _ in headers]
        assert headers[:4] == [(":method", "POST"), (":scheme", "http"), (":authority", "other.example"), (":path", "/a?b=c")]
        assert ("x-mixed-case", "Kept") in headers and ("content-length", "4") in headers
        assert not set(names) & {"host", "connection", "x-hop", "keep-alive", "proxy-connection", "upgrade", "te", "transfer-encoding"}
    assert len(seen) == 4


def upon_a_request(answer):
    """Sends `answer(stream)`, for ever the same where it is a list of one and a count."""
    def react(server, connection, kind, flags, stream):
        if kind == HEADERS:
            connection.sendall(answer(stream))
    return react


def endlessly(piece, first=b""):
    def react(server, connection, kind, flags, stream):
        if kind != HEADERS:
            return
        if first:
            connection.sendall(first(stream))
        many = (piece(stream) if callable(piece) else piece) * 1000
        while True:  # until the client has gone
            connection.sendall(many)
    return react


BREAKERS = {
    "pings": (endlessly(frame(PING, 0, 0, b"p" * 8)), {"http2_flood"}),
    "settings": (endlessly(frame(SETTINGS)), {"http2_flood"}),
    "empty data": (endlessly(lambda stream: frame(DATA, 0, stream), lambda stream: frame(HEADERS, 4, stream, b"\x88")), {"http2_flood"}),
    "window updates": (endlessly(frame(8, 0, 0, b"\0\0\0\1")), {"http2_flood"}),
    "continuations": (endlessly(lambda stream: frame(CONTINUATION, 0, stream), lambda stream: frame(HEADERS, 0, stream, b"\x88")),
                      {"http2_broken", "http2_flood"}),
    "interim answers": (endlessly(lambda stream: frame(HEADERS, 4, stream, b"\x08\x03100")), {"head_too_large", "http2_flood"}),
    "frames of no known type": (endlessly(frame(0x42, 0, 0, b"x")), {"http2_flood"}),
    "resets": (upon_a_request(lambda stream: frame(RESET, 0, stream, (8).to_bytes(4, "big"))), {"http2_reset"}),
    "refusals": (upon_a_request(lambda stream: frame(RESET, 0, stream, (7).to_bytes(4, "big"))), {"http2_refused"}),
    "an unknown stream": (upon_a_request(lambda stream: frame(HEADERS, 5, stream + 100, b"\x88")), {"http2_broken"}),
    "a head that is none": (upon_a_request(lambda stream: frame(HEADERS, 5, stream, b"\xff" * 20)), {"http2_broken"}),
    "an answer without a status": (upon_a_request(lambda stream: frame(HEADERS, 5, stream, b"\0\1a\1b")), {"http2_broken"}),
    "garbage in the middle": (upon_a_request(lambda stream: b"\xde\xad\xbe\xef" * 100), {"http2_broken"}),
    "a window beyond its end": (upon_a_request(lambda stream: frame(8, 0, 0, b"\x7f\xff\xff\xff")), {"http2_window"}),
    "calm": (upon_a_request(lambda stream: frame(GO_AWAY, 0, 0, bytes(4) + (11).to_bytes(4, "big") + b"too_many")), {"http2_calm"}),
    "an end by an error": (lambda server, connection, kind, flags, stream: kind == HEADERS and (
        connection.sendall(frame(GO_AWAY, 0, 0, stream.to_bytes(4, "big") + (1).to_bytes(4, "big"))), "leave")[1], {"http2_rejected"}),
}


@pytest.mark.quick
@pytest.mark.parametrize("name", BREAKERS)
def test_who_breaks_the_rules_is_a_failure_with_a_name_and_holds_nobody_up(name, run, frames, tmp_path):
    react, expected = BREAKERS[name]
    server = frames(react)
    done = run("load", server.url, "--http2-prior-knowledge", "-c", 1, "--streams", 2, "-n", 4, "--timeout", "20s", "--db", "none",
               "--json", "r.json", timeout=15)
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["answered"] == 0 and ledger["failed"] and set(ledger["failed"]) <= expected and ledger["balanced"], done
    assert result_of(tmp_path / "r.json")["generator"]["rss_max_bytes"] < 200 << 20


@pytest.mark.parametrize("first", [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", bytes(100),
                                   b"\xff" * 4096])
def test_who_does_not_speak_http2_is_told_from_who_speaks_it_badly(first, run, frames, tmp_path):
    server = frames(first=first)
    run("load", server.url, "--http2-prior-knowledge", "-c", 1, "-n", 3, "--timeout", "20s", "--db", "none", "--json", "r.json", timeout=15)
    assert result_of(tmp_path / "r.json")["ledger"]["failed"] == {"not_http2": 3}


def test_a_window_that_stays_shut_is_a_timeout_that_says_so(run, frames, tmp_path):
    server = frames(first=frame(SETTINGS, 0, 0, (4).to_bytes(2, "big") + bytes(4)))
    # The server has said it before the second request, on the same connection.
    done = run("load", server.url, "--http2-prior-knowledge", "-c", 1, "-n", 2, "-b", "x" * 70_000, "--timeout", "300ms", "--db", "none",
               "--json", "r.json")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["failed"] == {"timeout": 2}, done
    assert any("window for the request's body stayed shut" in note for note in result["notes"]), result["notes"]


def test_a_server_that_wants_calm_after_our_resets_is_not_to_blame(run, frames, tmp_path):
    resets = []

    def react(server, connection, kind, flags, stream):
        if kind == RESET:
            resets.append(stream)
            if len(resets) == 20:
                connection.sendall(frame(GO_AWAY, 0, 0, (stream + 2).to_bytes(4, "big") + (11).to_bytes(4, "big") + b"too_many_resets"))
                return "leave"
        if kind == HEADERS:
            connection.sendall(frame(PING, 0, 0, bytes(8)))  # it is there, and doesn't answer
    server = frames(react)
    done = run("load", server.url, "--http2-prior-knowledge", "-c", 1, "--streams", 4, "-n", 40, "--timeout", "50ms", "--db", "none",
               "--json", "r.json")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["failed"]["http2_calm"] >= 1, done
    assert any("streams had been reset here, by time-outs" in note for note in result["notes"]), result["notes"]


@pytest.mark.quick
@pytest.mark.parametrize("flags, words", [
    (["http://127.0.0.1:1/", "--http2"], "give --http2-prior-knowledge, or write https://"),
    (["https://127.0.0.1:1/", "--http2", "--http2-prior-knowledge"], "can't both be given"),
    (["http://127.0.0.1:1/", "--streams", "5"], "add --http2 or --http2-prior-knowledge"),
    (["http://127.0.0.1:1/", "--http2-prior-knowledge", "--streams", "0"], "streams"),
])
def test_flags_that_make_no_sense_are_refused_with_the_mend(flags, words, run):
    done = run("load", *flags, "-n", 1)
    assert done.code == 2 and words in done.err, done


@pytest.mark.quick
def test_an_experiment_file_says_the_same(run, nginx, tmp_path):
    server = nginx()
    (tmp_path / "e.yaml").write_text(f"""name: streams
services: {{app: {{hosts: ["localhost:{server.cleartext}"]}}}}
clients:
  - {{service: app, closed_loop: {{connections: 2}}, requests: 100, request: {{http: {{prior_knowledge: yes, streams: 4}}}}}}
  - {{service: app, num: 2, rate: 100, requests: 20, request: {{http: {{prior_knowledge: yes, connections: 1}}}}}}
  - {{service: app, rate: 100, requests: 5, request: {{http: {{keepalive: no}}}}}}
limits: {{threads: 1}}
""")
    done = run("run", "e.yaml", "--json", "r.json")
    result = result_of(tmp_path / "r.json")
    # Clients that ask alike share connections; nginx speaks HTTP/2 alone at that port.
    assert result["ledger"]["answered"] == 140 and result["generator"]["http"]["requests_2"] == 140, done
    (tmp_path / "wrong.yaml").write_text((tmp_path / "e.yaml").read_text().replace("streams: 4", "streams: many, protocol: h2"))
    done = run("run", "wrong.yaml", "--dry-run")
    assert done.code == 2 and "whole number" in done.err and "unknown key 'protocol'" in done.err, done


def test_the_example_runs_and_no_request_fails(run, tmp_path):
    done = run("run", ROOT / "examples/http2/experiment.yaml", "--json", "r.json", env={"TMPDIR": str(tmp_path)}, timeout=60)
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 6000 and not result["ledger"]["failed"], done
    assert result["generator"]["http"]["requests_2"] == 6000 and result["generator"]["http"]["connections"] >= 6
