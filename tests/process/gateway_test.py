"""`galileo gateway`, seen by clients and targets that know only HTTP and docs/wire/gateway.md."""
import contextlib
import json
import os
import re
import socket
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import ROOT, SLOWER, accepts, free_port, wait_for
from raw_server import OK, RawServer

VECTORS = ROOT.parent / "shared/vectors/gateway.json"


@pytest.fixture
def target():
    """target(answer): a RawServer, closed with the test."""
    made = []

    def call(*arguments):
        made.append(RawServer(*arguments))
        return made[-1]
    yield call
    for server in made:
        server.close()


class Gateway:
    def __init__(self, process, port, status, weights):
        self.process, self.port, self.status, self.weights = process, port, status, weights

    def set(self, **functions):
        """set(app=[(server, 3), ...]), and waits until it is taken."""
        before = self.log().count("weights taken")
        # In one step: a file that is half written when it is read is refused first.
        self.weights.with_suffix(".new").write_text(weights_of(functions))
        os.replace(self.weights.with_suffix(".new"), self.weights)
        wait_for(lambda: self.log().count("weights taken") > before, "the weights")

    def log(self):
        return self.weights.with_suffix(".log").read_text()

    def metric(self, name):
        page = urlopen(f"http://127.0.0.1:{self.status}/metrics").read().decode()
        return int(re.search(rf"^galileo_gateway_{name} (\d+)$", page, re.M)[1])


def weights_of(functions):
    name = lambda server: server if isinstance(server, str) else server.address
    return json.dumps({function: {"ips": [name(server) for server, _ in pairs], "weights": [weight for _, weight in pairs]}
                       for function, pairs in functions.items()})


@pytest.fixture
def gateway(start, tmp_path):
    """gateway({"app": [(server, 1)]}, "--threads", 2): running, with zone main and node gw-main."""
    def call(functions, *arguments, node="gw-main", zone="main", port=None, before=()):
        port, status = port or free_port(), free_port()
        weights = tmp_path / f"weights-{port}.json"
        weights.write_text(weights_of(functions))
        with open(weights.with_suffix(".log"), "w") as log:
            process = start("gateway", "--zone", zone, "--node", node, "--listen", f"127.0.0.1:{port}",
                            *([] if "--threads" in arguments else ["--threads", 1]), "--weights", weights, "--status", f"127.0.0.1:{status}", *arguments, log=log, before=before)
        wait_for(lambda: (accepts(port) and accepts(status)) or process.poll() is not None, "the gateway to listen")
        assert process.poll() is None, weights.with_suffix(".log").read_text()
        return Gateway(process, port, status, weights)
    return call


@pytest.fixture
def start_target(start, tmp_path):
    """start_target(): a `galileo target`; its address."""
    def call():
        port = free_port()
        with open(tmp_path / "target.log", "w") as log:
            start("target", "--listen", f"127.0.0.1:{port}", log=log)
        wait_for(lambda: accepts(port), "the target")
        return f"127.0.0.1:{port}"
    return call


class Client:
    """A connection that sends bytes and reads answers."""

    def __init__(self, gateway, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout * SLOWER)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def get(self, path, *headers, method="GET", body=b"", version="1.1"):
        self.send("\r\n".join([f"{method} {path} HTTP/{version}", "Host: somewhere", *headers, "", ""]).encode() + body)
        return self.answer(method)

    def answer(self, method="GET"):
        line = self.file.readline()
        if not line:
            return None
        answer = Answer(int(line.split()[1]))
        while (line := self.file.readline().rstrip(b"\r\n")):
            answer.headers.append(tuple(part.strip() for part in line.decode("latin-1").split(":", 1)))
        length, coding = answer.one("content-length"), answer.one("transfer-encoding")
        if method == "HEAD" or answer.status in (101, 204, 304) or answer.status < 200:
            pass
        elif coding:
            while size := int(self.file.readline(), 16):
                answer.body += self.file.read(size)
                self.file.readline()
            while (line := self.file.readline().rstrip(b"\r\n")):
                answer.trailers.append(line.decode())
        elif length is not None:
            answer.body = self.file.read(int(length))
        else:
            answer.body = self.file.read()
        return answer

    def closed(self):
        with contextlib.suppress(ConnectionError):
            return self.file.read(1) == b""
        return True


class Answer:
    def __init__(self, status):
        self.status, self.headers, self.trailers, self.body = status, [], [], b""

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name):
        return next(iter(self.all(name)), None)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:200]}"


@pytest.mark.quick
@pytest.mark.sanitize
def test_targets_are_chosen_in_the_order_that_was_recorded(gateway, target):
    sequences = json.loads(VECTORS.read_text())["sequences"] if VECTORS.exists() else [{"weights": [5, 3, 2], "targets": [1, 1, 1, 2, 1, 2, 3]}]
    servers = [target() for _ in range(3)]
    for one in sequences:
        if one["weights"] == [0, 1]:
            one = {**one, "targets": [2] * 6}
        running = gateway({"app": list(zip(servers, one["weights"]))})
        client = Client(running)
        if "one request had gone before" in one.get("note", ""):
            client.get("/function/app")
        seen = [client.get("/function/app").one("X-Final-Host") for _ in one["targets"]]
        assert [next(i for i, server in enumerate(servers, 1) if server.address == host) for host in seen] == one["targets"], one
        running.process.terminate()


@pytest.mark.sanitize
def test_the_place_in_the_order_is_kept_when_weights_change(gateway, target):
    a, b, c = servers = [target() for _ in range(3)]
    running = gateway({"app": [(a, 1), (b, 1), (c, 1)]})
    client = Client(running)
    addresses = [server.address for server in servers]
    order = lambda count: [addresses.index(client.get("/function/app").one("X-Final-Host")) for _ in range(count)]
    assert order(4) == [0, 1, 2, 0]
    running.set(app=[(a, 1), (b, 2), (c, 1)])
    # After the first comes the second, and the new proportions hold at once: 1, 2, 1 of four.
    assert order(8) == [1, 0, 1, 2, 1, 0, 1, 2]
    running.set(app=[(a, 0), (b, 0), (c, 0)])
    assert sorted(order(6)) == [0, 0, 1, 1, 2, 2], "all weights 0: each in turn"
    running.set(app=[(c, 1)])
    assert order(3) == [2, 2, 2]
    running.set(other=[(c, 1)])
    assert client.get("/function/app").status == 404 and client.get("/function/other").status == 200


def test_paths_are_those_that_were_recorded(gateway, target):
    server = target()
    client = Client(gateway({"app": [(server, 1)]}))
    for path, upstream in [("/function/app", "/"), ("/function/app/", "/"), ("/function/app/a?x=1&y=%20z", "/a?x=1&y=%20z"), ("/function/app/a/b", "/a/b"),
                           ("/function/app?x=1", "/?x=1"), ("/function/app/a?x=b/c", "/a?x=b/c"), ("/function/app//x/../y;z", "//x/../y;z"),
                           ("/function/app/a?x=/function/other", "/a?x=/function/other")]:
        assert client.get(path).status == 200
        assert server.requests[-1].line == f"GET {upstream} HTTP/1.1", path
    count = len(server.requests)
    for path in ("/function/none/x", "/other", "/function/", "/function", "/", "*", "/functions/app", "/Function/app"):
        answer = client.get(path)
        assert answer.status == 404 and b"in zone main" in answer.body, path
    assert len(server.requests) == count


@pytest.mark.sanitize
def test_the_headers_show_the_hop(gateway, target):
    server = target()
    client = Client(gateway({"app": [(server, 1)]}))
    began = time.time()
    answer = client.get("/function/app/x", "X-Final-Host: evil", "Accept-Language: de", "Connection: close, X-Secret", "X-Secret: 1")
    sent = server.requests[-1]
    assert sent.all("Host") == ["somewhere"] and sent.all("Accept-Language") == ["de"] and sent.all("X-Secret") == [] == sent.all("Connection")
    assert sent.all("X-Final-Host") == [server.address] == answer.all("X-Final-Host")
    assert sent.all("X-Forwarded-For") == ["gw-main, 127.0.0.1"] and answer.all("X-Forwarded-For") == ["gw-main"]
    for stamp in (sent.all("X-Forwarded-Host-Gw-Main"), answer.all("X-Forwarded-Host-Gw-Main")):
        assert re.fullmatch(r"\d{10}\.\d{7}", stamp[0]) and began - 1 < float(stamp[0]) < time.time() + 1
    assert answer.one("Connection") == "close" and client.closed()


@pytest.mark.sanitize
def test_gateways_pass_on_to_each_other_without_loops(gateway, target):
    """Two zones whose gateways know each other: a request goes over at most two of them."""
    server = target()
    ports = [free_port(), free_port()]
    names = [f"127.0.0.1:{port}" for port in ports]
    # The second one would rather send everything back.
    second = gateway({"app": [(server, 1), (names[0], 9)]}, "--gateways", names[0], node="gw-b", zone="b", port=ports[1])
    first = gateway({"app": [(names[1], 1)]}, "--gateways", names[1], node="gw-a", zone="a", port=ports[0])
    client = Client(first)
    for _ in range(10):
        answer = client.get("/function/app/deep/path?q=1")
        assert answer.status == 200
        assert answer.all("X-Forwarded-For") == ["gw-a", "gw-b"], "the first hop first"
        assert answer.all("X-Final-Host") == [names[1], server.address]
        assert answer.one("X-Forwarded-Host-Gw-A") <= answer.one("X-Forwarded-Host-Gw-B")
        assert server.requests[-1].line == "GET /deep/path?q=1 HTTP/1.1"
        assert server.requests[-1].all("X-Forwarded-For") == ["gw-b, 127.0.0.1"]
    # A function that only gateways serve ends there.
    second.set(app=[(names[0], 1)])
    assert client.get("/function/app").status == 503


@pytest.mark.sanitize
def test_bodies_of_every_framing_go_both_ways(gateway, target):
    def answer(request, connection):
        path = request.line.split()[1]
        return {
            "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n",
            "/close": b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
            "/none": b"HTTP/1.1 204 No Content\r\n\r\n",
            "/same": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            "/head": b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n",
            "/interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny",
            "/echo": b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(request.body), request.body),
        }[path] if path != "/close" else connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
    server = target(answer)
    running = gateway({"app": [(server, 1)]})
    client = Client(running)
    chunked = client.get("/function/app/chunked")
    assert (chunked.body, chunked.trailers) == (b"abcdefg", ["X-Sum: 7"])
    assert client.get("/function/app/none").status == 204 and client.get("/function/app/same").status == 304
    head = client.get("/function/app/head", method="HEAD")
    assert head.one("Content-Length") == "12345" and head.body == b""
    interim = client.get("/function/app/interim")
    assert interim.status == 103 and interim.one("Link") == "x"
    assert (last := client.answer()).status == 200 and last.body == b"y" and last.one("Link") is None
    assert client.get("/function/app/echo", "Content-Length: 5", method="POST", body=b"hello").body == b"hello"
    sent = b"5\r\nhello\r\n1\r\n \r\n0\r\nX-After: 1\r\n\r\n"
    answer = client.get("/function/app/echo", "Transfer-Encoding: chunked", method="PUT", body=b"5\r\nhello\r\n0\r\n\r\n")
    assert answer.status == 201 and answer.body == b"5\r\nhello\r\n0\r\n\r\n", "as it came"
    assert server.connections == 1, "all over one connection"
    # Until the end of the connection.
    last = client.get("/function/app/close")
    assert last.body == b"until the end" and last.one("Connection") == "close" and client.closed()
    # Pieces of any size, and requests one after the other without waiting.
    slow = Client(running)
    for byte in b"POST /function/app/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz":
        slow.send(bytes([byte]))
    assert slow.answer().body == b"xyz"
    slow.send(b"".join(b"POST /function/app/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d" % i for i in range(10)))
    assert [slow.answer().body for _ in range(10)] == [b"%d" % i for i in range(10)]
    # 100-continue is said by the gateway, as soon as there is somewhere for the body to go.
    slow.send("POST /function/app/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert slow.answer().status == 100
    slow.send("ab")
    assert slow.answer().body == b"ab" and server.requests[-1].all("Expect") == []
    # Clients of HTTP/1.0 get no chunks, and keep their connection if they ask for that.
    old = Client(running)
    answer = old.get("/function/app/echo", "Connection: keep-alive", "Content-Length: 1", method="POST", body=b"z", version="1.0")
    assert answer.one("Connection") == "keep-alive" and answer.body == b"z"
    answer = old.get("/function/app/chunked", "Connection: keep-alive", version="1.0")
    assert answer.one("Transfer-Encoding") is None and answer.body == b"abcdefg" and old.closed()
    assert running.metric("cut_total") == 0 == running.metric("failed_total")


@pytest.mark.sanitize
def test_another_protocol_passes_through(gateway, target):
    def answer(request, connection):
        assert request.all("Upgrade") == ["websocket"] and request.all("Connection") == ["Upgrade"]
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nfirst")
        while data := connection.recv(65536):
            connection.sendall(data.upper())
    running = gateway({"app": [(target(answer), 1)]})
    client = Client(running)
    switched = client.get("/function/app/ws", "Connection: keep-alive, Upgrade", "Upgrade: websocket")
    assert switched.status == 101 and switched.one("Upgrade") == "websocket" and switched.one("Sec-WebSocket-Accept") == "x"
    assert client.file.read(5) == b"first"
    client.send(b"\x00\x01hello")
    assert client.file.read(7) == b"\x00\x01HELLO"
    big = b"abcdefgh" * 100_000
    threading.Thread(target=client.send, args=(big,), daemon=True).start()
    assert client.file.read(len(big)) == big.upper()
    client.socket.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: running.metric("clients") == 0, "the end of the tunnel")
    assert running.metric("upgraded_total") == 1


def test_a_large_body_is_never_whole_in_memory(gateway, target):
    size = 200 << 20

    def answer(request, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        block = bytes(1 << 20)
        for _ in range(size >> 20):
            connection.sendall(block)
        return b""
    running = gateway({"app": [(target(answer), 1)]})
    client = Client(running)
    client.send("GET /function/app HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.5)  # a client that doesn't read yet: the target has to wait
    status = Path(f"/proc/{running.process.pid}/status")
    resident = lambda: int(re.search(r"VmRSS:\s+(\d+) kB", status.read_text())[1])
    assert resident() < 40 << 10
    while client.file.readline() != b"\r\n":
        pass
    left = size
    while left > 0:
        left -= len(client.file.read(min(left, 1 << 20)))
    assert resident() < 40 << 10
    # And the other way, to a target that doesn't read for a while.
    gate = threading.Event()

    class Slow(RawServer):
        def serve(self, connection):
            gate.wait(30)
            while b"\r\n\r\n" not in connection.recv(65536, socket.MSG_PEEK):
                pass
            taken = 0
            while taken < size:
                taken += len(connection.recv(1 << 20))
            connection.sendall(OK)
    slow = Slow()
    running.set(app=[(slow, 1)])
    uploader = Client(running, 30)

    def upload():
        uploader.send(f"POST /function/app HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
        for _ in range(size >> 20):
            uploader.send(bytes(1 << 20))
    thread = threading.Thread(target=upload, daemon=True)
    thread.start()
    time.sleep(0.5)
    assert thread.is_alive() and resident() < 40 << 10
    gate.set()
    assert uploader.answer().status == 200
    slow.close()


@pytest.mark.sanitize
def test_what_targets_do_wrong(gateway, target):
    """Refusing, closing, cutting, talking nonsense, being slow: an answer of the gateway's own, or a connection that is cut."""
    def answer(request, connection):
        path = request.line.split()[1]
        if path == "/slow":
            time.sleep(1.5 * SLOWER)
            return None
        return {
            "/closes": None, "/nonsense": b"hello there\r\n\r\n", "/half": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
            "/head": b"HTTP/1.1 200 OK\r\nContent-", "/two": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "/both": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "/switch": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "/huge": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(100)) + b"\r\n",
            "/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
            "/more": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabcdef", "/ok": OK,
        }[path]

    def hang_up(request, connection):
        got = answer(request, connection)
        if got and request.line.split()[1] in ("/half", "/head"):
            connection.sendall(got)
            return None
        return got
    server = target(hang_up)
    running = gateway({"app": [(server, 1)], "gone": [(f"127.0.0.1:{free_port()}", 1)], "empty": []}, "--answer-timeout", f"{SLOWER}s")
    client = Client(running)
    for path in ("closes", "nonsense", "head", "two", "both", "switch", "huge"):
        got = client.get(f"/function/app/{path}")
        assert got.status == 502 and got.one("X-Final-Host") == server.address, (path, got)
    refused = client.get("/function/gone")
    assert refused.status == 502 and refused.one("X-Forwarded-For") == "gw-main" and b"refused" in refused.body
    assert client.get("/function/empty").status == 503
    assert client.get("/function/app/slow").status == 504
    assert client.get("/function/app/more").body == b"a"
    assert client.get("/function/app/ok").body == b"ok", "what was left of the answer before is no answer"
    for path in ("half", "chunks"):
        cut = Client(running)
        cut.send(f"GET /function/app/{path} HTTP/1.1\r\nHost: a\r\n\r\n")
        text = cut.file.read()
        assert text.startswith(b"HTTP/1.1 200") and not text.endswith(b"0\r\n\r\n"), path
    assert running.metric("failed_total") == 10 and running.metric("cut_total") == 2


@pytest.mark.sanitize
def test_an_idle_connection_that_turns_out_closed_is_nobody_s_fault(gateway, target):
    """A request that may be sent twice is; another isn't."""
    closing = threading.Event()

    def answer(request, connection):
        if closing.is_set() and len(server.requests) % 2 == 0:
            return None
        return OK
    server = target(answer)
    running = gateway({"app": [(server, 1)]})
    client = Client(running)
    assert client.get("/function/app").status == 200
    closing.set()
    assert client.get("/function/app").status == 200 and len(server.requests) == 3
    assert running.metric("retried_total") == 1
    answer = client.get("/function/app", "Content-Length: 1", method="POST", body=b"x")
    assert answer.status == 502 and len(server.requests) == 4, "it may have been carried out"


HOST = "Host: a\r\n"
REFUSED = {
    "two lengths": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "the same length twice": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 1, 1\r\n\r\na",
    "a length with a sign": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: +1\r\n\r\na",
    "a negative length": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: -1\r\n\r\n",
    "a length in hex": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 0x1\r\n\r\na",
    "a length beyond 64 bits": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 18446744073709551617\r\n\r\na",
    "an empty length": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: \r\n\r\na",
    "a length with a blank": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 1 0\r\n\r\n0123456789",
    "length and chunks": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "chunked twice": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two lines": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another coding": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "another coding before": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding that nearly is": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding with a tab of its own": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "an empty coding": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": f"POST /function/app HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": f"GET /function/app HTTP/1.1\r\n{HOST}X: 1\r\n 2\r\n\r\n",
    "a folded coding": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a first header that is folded": f"GET /function/app HTTP/1.1\r\n X: 1\r\n{HOST}\r\n",
    "a bare LF after a header": "GET /function/app HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
    "a bare LF after the first line": "GET /function/app HTTP/1.1\nHost: a\r\n\r\n",
    "a bare LF at the end": f"GET /function/app HTTP/1.1\r\n{HOST}\n",
    "a bare CR": f"GET /function/app HTTP/1.1\r\n{HOST}X: a\rY: b\r\n\r\n",
    "a NUL in a value": f"GET /function/app HTTP/1.1\r\n{HOST}X: a\0b\r\n\r\n",
    "a NUL in a name": f"GET /function/app HTTP/1.1\r\n{HOST}X\0: a\r\n\r\n",
    "a NUL in the path": f"GET /function/app/\0 HTTP/1.1\r\n{HOST}\r\n",
    "a control character": f"GET /function/app HTTP/1.1\r\n{HOST}X: a\x01\r\n\r\n",
    "a DEL": f"GET /function/app HTTP/1.1\r\n{HOST}X: a\x7f\r\n\r\n",
    "a blank before the colon": f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length : 1\r\n\r\na",
    "a tab before the colon": f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a header without a name": f"GET /function/app HTTP/1.1\r\n{HOST}: 1\r\n\r\n",
    "a header without a colon": f"GET /function/app HTTP/1.1\r\n{HOST}X\r\n\r\n",
    "a name that is no token": f"GET /function/app HTTP/1.1\r\n{HOST}X(1): 1\r\n\r\n",
    "no host": "GET /function/app HTTP/1.1\r\nX: 1\r\n\r\n",
    "two hosts": "GET /function/app HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same host twice": "GET /function/app HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a whole URL": f"GET http://evil/function/app HTTP/1.1\r\n{HOST}\r\n",
    "an authority": f"CONNECT evil:80 HTTP/1.1\r\n{HOST}\r\n",
    "a path without its slash": f"GET function/app HTTP/1.1\r\n{HOST}\r\n",
    "a blank in the path": f"GET /function/app/a b HTTP/1.1\r\n{HOST}\r\n",
    "two blanks": f"GET  /function/app HTTP/1.1\r\n{HOST}\r\n",
    "a tab for a blank": f"GET\t/function/app HTTP/1.1\r\n{HOST}\r\n",
    "no version": f"GET /function/app\r\n{HOST}\r\n",
    "another version": f"GET /function/app HTTP/2.0\r\n{HOST}\r\n",
    "a version that isn't there": f"GET /function/app HTTP/1.2\r\n{HOST}\r\n",
    "a version in small letters": f"GET /function/app http/1.1\r\n{HOST}\r\n",
    "a method that is no token": f"G(T /function/app HTTP/1.1\r\n{HOST}\r\n",
    "no method": f" /function/app HTTP/1.1\r\n{HOST}\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}
CUT_IN_THE_BODY = {
    "a chunk extension": "5;x=1\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a blank": "5 \r\nhello\r\n0\r\n\r\n",
    "a chunk size that isn't a number": "x\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a prefix": "0x5\r\nhello\r\n0\r\n\r\n",
    "a negative chunk": "-5\r\nhello\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": "ffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
    "an empty chunk size": "\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than it says": "4\r\nhello\r\n0\r\n\r\n",
    "a chunk that ends with LF": "5\r\nhello\n0\r\n\r\n",
    "a chunk size that ends with LF": "5\nhello\r\n0\r\n\r\n",
    "a trailer without a colon": "5\r\nhello\r\n0\r\nX\r\n\r\n",
    "a trailer that is folded": "5\r\nhello\r\n0\r\n X: 1\r\n\r\n",
}


@pytest.mark.sanitize
def test_a_request_that_could_be_read_in_two_ways_is_refused(gateway, target):
    """400, the connection is closed, and nothing of it reaches a target: neither itself nor what follows."""
    server = target()
    running = gateway({"app": [(server, 1)]})
    for name, text in REFUSED.items():
        client = Client(running)
        client.send(text + f"GET /function/app/smuggled HTTP/1.1\r\n{HOST}\r\n")
        answer = client.answer()
        assert answer and answer.status == 400 and answer.one("Connection") == "close" and client.closed(), (name, answer)
    assert server.requests == []
    assert running.metric("refused_total") == len(REFUSED) and len(REFUSED) >= 40
    # Of a body in chunks the head may have gone on already: then the target sees a request that is never whole.
    for name, text in CUT_IN_THE_BODY.items():
        client = Client(running)
        client.send(f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{text}GET /function/app/smuggled HTTP/1.1\r\n{HOST}\r\n")
        answer = client.answer()
        assert answer and answer.status == 400 and client.closed(), (name, answer)
    assert not any("smuggled" in request.line or request.body.endswith(b"0\r\n\r\n") for request in server.requests)


@pytest.mark.sanitize
def test_limits_and_slow_senders(gateway, target):
    running = gateway({"app": [(target(), 1)]}, "--head-max", "2k", "--body-max", "1k", "--head-timeout", f"{300 * SLOWER}ms", "--idle-timeout", f"{600 * SLOWER}ms")
    status = lambda text: (lambda client: (client.send(text), client.answer())[1].status)(Client(running))
    assert status(f"GET /function/app HTTP/1.1\r\n{HOST}X: {'y' * 3000}\r\n\r\n") == 431
    assert status(f"GET /function/app/{'y' * 3000} HTTP/1.1\r\n{HOST}\r\n") == 431
    assert status(f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 2000\r\n\r\n") == 413
    assert status(f"POST /function/app HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n7d0\r\n") == 413
    assert status(f"GET /function/app HTTP/1.1\r\n{HOST}X: begun") == 408
    silent = Client(running)  # without a byte: closed without a word
    assert silent.closed()
    half = Client(running)
    half.send(f"POST /function/app HTTP/1.1\r\n{HOST}Content-Length: 10\r\n\r\nabc")
    assert half.answer().status == 408 and half.closed()
    idle = Client(running)
    assert idle.get("/function/app").status == 200 and idle.closed()


@pytest.mark.sanitize
def test_weights_that_change_all_the_time_fail_no_request(gateway, run, start_target):
    a, b = start_target(), start_target()
    running = gateway({"app": [(a, 1), (b, 1)]}, "--threads", 2)
    changes, over = 0, threading.Event()

    def change():
        nonlocal changes
        while not over.wait(0.01):
            running.weights.with_suffix(".new").write_text(weights_of({"app": [(a, changes % 5), (b, 1 + changes % 3)][:1 + changes % 2] or [(b, 1)]}))
            running.weights.with_suffix(".new").rename(running.weights)
            changes += 1
    thread = threading.Thread(target=change)
    thread.start()
    done = run("load", f"http://127.0.0.1:{running.port}/function/app", "-r", "2k" if SLOWER == 1 else "200", "-d", "3s", "--json", "r.json", "-q", "--db", "none")
    over.set()
    thread.join()
    assert done.ran, done
    assert changes > 50 and running.log().count("weights taken") > 30
    ledger = json.loads((running.weights.parent / "r.json").read_text())["ledger"]
    assert ledger["sent"] > 500 and ledger["failed"] == {}, ledger
    assert running.metric("failed_total") == 0


@pytest.mark.sanitize
def test_a_stop_lets_requests_end(gateway, target):
    asked = threading.Event()

    def answer(request, connection):
        asked.set()
        time.sleep(0.5)
        return OK
    running = gateway({"app": [(target(answer), 1)]})
    busy, idle = Client(running), Client(running)
    busy.send(f"GET /function/app HTTP/1.1\r\n{HOST}\r\n")
    assert asked.wait(10)
    running.process.terminate()
    assert idle.closed()
    got = busy.answer()
    assert got.status == 200 and got.body == b"ok" and busy.closed()
    assert running.process.wait(10 * SLOWER) == 0
    with pytest.raises(ConnectionRefusedError):
        Client(running)


@pytest.mark.quick
def test_the_handler_dummy_and_the_old_variables(start, tmp_path):
    port = free_port()
    with open(tmp_path / "log", "w") as log:
        start("gateway", env={**os.environ, "eb_go_lb_zone": "main", "eb_go_lb_listen_port": str(port), "eb_go_lb_node_name": "gw"}, log=log)
    wait_for(lambda: accepts(port), "the gateway")
    text = urlopen(f"http://127.0.0.1:{port}/any/path?x=1").read().decode()
    assert "/any/path?x=1" in text and f"127.0.0.1:{port}" in text


@pytest.mark.parametrize("arguments, said", [
    (["--weights", "w.json"], "give --zone NAME, or set eb_go_lb_zone"),
    (["--zone", "a", "--weights", "none.json"], "none.json"),
    (["--zone", "a", "--weights", "bad.json"], "function 'f': 2 ips have 1 weights"),
    (["--zone", "a", "--weights", "w.json", "--etcd", "127.0.0.1:1"], "give --weights or --etcd"),
    (["--zone", "a", "--etcd", "127.0.0.1"], "etcd can't be at '127.0.0.1'"),
    (["--zone", "a", "--handler", "x"], "one of dummy, wrr"),
    (["--zone", "a", "--weights", "w.json", "--policy", "wr"], "'wrr'"),
    (["--zone", "a", "--weights", "w.json", "--head-timeout", "0"], "--head-timeout can't be '0'"),
    (["--zone", "a", "--weights", "w.json", "--listen", "TAKEN"], "Address already in use"),
])
def test_what_can_t_be_is_one_clear_error(run, tmp_path, arguments, said):
    (tmp_path / "w.json").write_text(weights_of({"f": [("127.0.0.1:1", 1)]}))
    (tmp_path / "bad.json").write_text('{"f": {"ips": ["a:1", "b:1"], "weights": [1]}}')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("gateway", *[word.replace("TAKEN", f"127.0.0.1:{taken.getsockname()[1]}") for word in arguments])
    assert done.code in (1, 2, 92) and said in done.err and done.err.count("galileo gateway:") == 1, done
