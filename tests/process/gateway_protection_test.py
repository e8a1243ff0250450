"""What `galileo gateway` does about targets that fail and clients that ask for too much, and how it speaks TLS."""
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from conftest import SLOWER, accepts, free_port, wait_for
from gateway_test import Client, gateway, target, weights_of  # noqa: F401  (fixtures)
from raw_server import OK

NO = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


def refuses():
    """An address where nobody listens."""
    return f"127.0.0.1:{free_port()}"


def path_of(request):
    return request.line.split()[1]


def page(running, name):
    try:
        with urlopen(f"http://127.0.0.1:{running.status}/{name}") as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.quick
@pytest.mark.sanitize
@pytest.mark.parametrize("bad", ["refuses", "closes", "503", "slow"])
def test_a_request_is_sent_to_another_target_when_one_fails(gateway, target, bad):
    def fails(request, connection):
        return {"closes": None, "503": NO, "slow": b""}[bad]
    failing = refuses() if bad == "refuses" else target(fails)
    good = target(lambda request, connection: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(request.body), request.body))
    running = gateway({"app": [(failing, 1), (good, 1)]}, "--retries", 1, "--answer-timeout", "300ms")
    client = Client(running)
    for _ in range(4):
        answer = client.get("/function/app/x")
        assert answer.status == 200 and answer.all("X-Final-Host") == [good.address]
        assert good.requests[-1].all("X-Final-Host") == [good.address] and good.requests[-1].line == "GET /x HTTP/1.1"
    # One of which the target may have seen something isn't repeated, one that it can't have is.
    statuses = Counter(Client(running).get("/function/app/x", "Content-Length: 5", method="POST", body=b"hello").status for _ in range(4))
    assert statuses == {"refuses": {200: 4}, "closes": {200: 2, 502: 2}, "503": {200: 2, 503: 2}, "slow": {200: 2, 504: 2}}[bad]
    assert all(request.body == b"hello" for request in good.requests if request.line.startswith("POST"))
    assert running.metric("moved_total") == (8 if bad == "refuses" else 4)


def test_a_body_that_has_begun_goes_to_the_target_that_can_be_reached(gateway, target):
    good = target(lambda request, connection: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(request.body), request.body))
    running = gateway({"app": [(refuses(), 1), (good, 1)]}, "--retries", 1)
    client = Client(running)
    big = bytes(range(256)) * 4000
    for _ in range(2):
        client.send(f"POST /function/app/x HTTP/1.1\r\nHost: a\r\nContent-Length: {len(big)}\r\n\r\n".encode() + big[:1000])
        client.send(big[1000:])
        answer = client.answer()
        assert answer.status == 200 and answer.body == big


def test_without_retries_nothing_is_sent_twice_and_with_them_only_as_often_as_said(gateway, target):
    seen = []
    servers = [target(lambda request, connection: seen.append(1) or NO) for _ in range(4)]
    pairs = [(server, 1) for server in servers]
    assert Client(gateway({"app": pairs})).get("/function/app").status == 503 and len(seen) == 1
    seen.clear()
    running = gateway({"app": pairs}, "--retries", 2)
    answer = Client(running).get("/function/app")
    # Each target once, and the last one's answer is passed on.
    assert answer.status == 503 and answer.body == b"busy" and len(seen) == 3
    seen.clear()
    running = gateway({"app": pairs[:2]}, "--retries", 9)
    assert Client(running).get("/function/app").body == b"busy" and len(seen) == 2


def test_another_address_of_the_target_is_tried_at_once(gateway, target, tmp_path):
    (tmp_path / "hosts").write_text("127.0.0.2 two.example\n127.0.0.1 two.example\n127.0.0.3 two.example\n")
    with_hosts = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(tmp_path / "hosts")]
    if subprocess.run([*with_hosts, "true"], capture_output=True).returncode != 0:
        pytest.skip("no mounts of its own: it needs root, and no chroot")
    server = target()  # on 127.0.0.1 alone
    running = gateway({"app": [(f"two.example:{server.address.rpartition(':')[2]}", 1)]}, before=with_hosts)
    wait_for(lambda: page(running, "readyz")[0] == 200, "the name to be looked up")
    client = Client(running)
    assert [client.get("/function/app", "Connection: close" if i == 5 else "A: b").status for i in range(6)] == [200] * 6
    for _ in range(3):
        assert Client(running).get("/function/app", "Content-Length: 2", method="POST", body=b"xy").status == 200
    assert running.metric("failed_total") == 0


def test_a_target_that_keeps_failing_rests_and_comes_back(gateway, target):
    broken = [True]
    bad = target(lambda request, connection: BROKEN if broken[0] else OK)
    good = [target() for _ in range(2)]
    running = gateway({"app": [(bad, 1), *((server, 1) for server in good)], "alone": [(bad, 1)]}, "--eject-after", 3, "--eject-for", "700ms")
    client = Client(running)
    # It is the only one of `alone`: at most half of a function's targets rest, so that it goes on.
    statuses = [client.get("/function/app").status for _ in range(30)]
    assert statuses.count(500) == 10 and running.metric("ejected_total") == 0
    running.set(app=[(bad, 1), *((server, 1) for server in good)])
    statuses = [client.get("/function/app").status for _ in range(30)]
    assert statuses.count(500) <= 3 and running.metric("ejected_total") == 1 and "a target rests" in running.log()
    before = len(bad.requests)
    broken[0] = False
    wait_for(lambda: client.get("/function/app").status and len(bad.requests) > before, "the target to be asked again")
    assert [client.get("/function/app").status for _ in range(9)] == [200] * 9 and len(bad.requests) > before + 2


def test_at_most_half_of_the_targets_rest(gateway, target):
    servers = [target(lambda request, connection: BROKEN) for _ in range(4)]
    running = gateway({"app": [(server, 1) for server in servers]}, "--eject-after", 2, "--eject-for", "60s")
    client = Client(running)
    for _ in range(40):
        assert client.get("/function/app").status == 500
    assert running.metric("ejected_total") == 2


@pytest.mark.sanitize
def test_a_target_gets_no_more_requests_at_once_than_it_may(gateway, target):
    gate = threading.Event()

    def answer(request, connection):
        gate.wait(10 * SLOWER)
        return OK
    servers = [target(answer), target(answer)]
    running = gateway({"app": [(servers[0], 9), (servers[1], 1)]}, "--target-max", 2, "--threads", 2)
    clients = [Client(running) for _ in range(4)]
    for client in clients:
        client.send("GET /function/app HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: sum(len(server.requests) for server in servers) == 4, "all four")
    assert [len(server.requests) for server in servers] == [2, 2], "the heavier one is full"
    fifth = Client(running).get("/function/app")
    assert fifth.status == 503 and b"as many requests as they may" in fifth.body
    gate.set()
    assert [client.answer().status for client in clients] == [200] * 4
    assert Client(running).get("/function/app").status == 200 and running.metric("limited_total") == 1


def test_a_function_gets_no_more_requests_a_second_than_it_may(gateway, target):
    running = gateway({"app": [(target(), 1)], "other": [(target(), 1)]}, "--rate", "5/10", "--threads", 2)
    clients = [Client(running) for _ in range(4)]
    began = time.monotonic()
    statuses = Counter(clients[i % 4].get("/function/app").status for i in range(40))
    passed = 10 + 5 * (time.monotonic() - began)
    assert statuses[200] + statuses[429] == 40 and 10 <= statuses[200] <= passed + 1
    assert clients[0].get("/function/other").status == 200, "each function has its own"
    wait_for(lambda: clients[0].get("/function/app").status == 200, "the rate to allow one")
    assert running.metric("limited_total") >= statuses[429]


@pytest.mark.sanitize
def test_no_more_clients_at_once_than_there_may_be(gateway, target):
    running = gateway({"app": [(target(), 1)]}, "--connections-max", 3, "--threads", 2)
    wait_for(lambda: running.metric("clients") == 0, "the probes of this test to be gone")
    clients = [Client(running) for _ in range(3)]
    assert [client.get("/function/app").status for client in clients] == [200] * 3
    beyond = Client(running)
    beyond.send("GET /function/app HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = beyond.answer()
    assert answer.status == 503 and b"as many connections as may be" in answer.body and beyond.closed()
    clients.pop().socket.close()
    def one_more():
        with contextlib.suppress(OSError):
            return Client(running).get("/function/app").status == 200
    wait_for(one_more, "a place to be free")


@pytest.mark.sanitize
def test_an_early_answer_arrives_although_the_client_still_sends(gateway, target):
    """A connection that is closed with bytes unread is reset, and the answer with it."""
    small, large = [gateway({"app": [(target(), 1)]}, "--body-max", size) for size in ("1k", "10M")]
    for running, path, status in ((small, "/function/app", 413), (large, "/function/none", 404)):
        for _ in range(20):
            client = Client(running)
            body = b"x" * 3_000_000
            client.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                client.send(body)
            assert client.answer().status == status
        wait_for(lambda: running.metric("clients") == 0, "the lingering ones to be gone")


@pytest.mark.sanitize
def test_targets_that_nobody_names_any_more_are_let_go(gateway, target):
    asked, gate = threading.Event(), threading.Event()

    def slow(request, connection):
        if path_of(request) == "/slow":
            asked.set()
            gate.wait(10 * SLOWER)
        return OK
    a, b = target(slow), target()
    running = gateway({"app": [(a, 1)], "gone": [(a, 1)]})
    client, busy = Client(running), Client(running)
    assert client.get("/function/gone").status == 200
    busy.send("GET /function/gone/slow HTTP/1.1\r\nHost: a\r\n\r\n")
    assert asked.wait(10)
    running.set(app=[(b, 1)])
    # Its idle connection is closed, the busy one when it has answered.
    assert client.get("/function/gone").status == 404 and client.get("/function/app").one("X-Final-Host") == b.address
    gate.set()
    answer = busy.answer()
    assert answer.status == 200 and answer.one("X-Final-Host") == a.address
    wait_for(lambda: all(is_closed(connection) for connection in a.open), "the connections to it to be closed")
    # And it may come back.
    running.set(app=[(a, 1)], gone=[(a, 1)])
    assert client.get("/function/gone").status == 200


def is_closed(connection):
    return connection.fileno() < 0


def test_a_function_may_have_its_own_policy(gateway, target):
    gate = threading.Event()

    def answer(request, connection):
        if path_of(request) == "/slow":
            gate.wait(10 * SLOWER)
        return OK
    a, b = target(answer), target()
    running = gateway({"app": [(a, 1), (b, 1)]})
    value = json.loads(running.weights.read_text())
    value["app"]["policy"] = "least_request"
    value["turns"] = {"ips": [a.address, b.address], "weights": [1, 1]}
    running.weights.write_text(json.dumps(value))
    client, busy = Client(running), Client(running)
    wait_for(lambda: client.get("/function/turns").status == 200, "the weights")
    # While one has a request under way, the other gets all.
    busy.send("GET /function/app/slow HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: any(path_of(request) == "/slow" for request in a.requests + b.requests), "the slow one")
    seen = {client.get("/function/app").one("X-Final-Host") for _ in range(6)}
    assert len(seen) == 1
    # New weights, also in another order, know of it.
    value["app"] = {"ips": [b.address, a.address], "weights": [2, 2], "policy": "least_request"}
    value["mark"] = value["turns"]
    running.weights.write_text(json.dumps(value))
    wait_for(lambda: client.get("/function/mark").status == 200, "the new weights")
    assert {client.get("/function/app").one("X-Final-Host") for _ in range(6)} == seen
    gate.set()
    assert busy.answer().status == 200
    assert len({client.get("/function/app").one("X-Final-Host") for _ in range(6)}) == 2
    value["app"]["policy"] = "lest_request"
    running.weights.write_text(json.dumps(value))
    wait_for(lambda: "there is no policy 'lest_request'" in running.log(), "the refusal")


def test_ring_hash_keeps_together_what_it_is_told(gateway, target):
    servers = [target() for _ in range(5)]
    pairs = [(server, 1) for server in servers]
    by = lambda client, paths, *headers: {client.get(f"/function/app/{path}", *headers).one("X-Final-Host") for path in paths}
    paths = [f"p{i}?x={i}" for i in range(40)]
    assert len(by(Client(gateway({"app": pairs}, "--policy", "ring_hash")), paths)) == 1, "one client's"
    client = Client(gateway({"app": pairs}, "--policy", "ring_hash", "--hash-by", "path"))
    assert len(by(client, paths)) == 5 and len(by(client, [f"same?x={i}" for i in range(9)])) == 1
    client = Client(gateway({"app": pairs}, "--policy", "ring_hash", "--hash-by", "header:x-session"))
    assert len(by(client, paths, "X-Session: 7")) == 1
    assert len({host for i in range(40) for host in by(client, ["p"], f"x-session: s{i}")}) == 5
    # When its target can't be reached, another one takes it, and always the same.
    some = [f"s{i}" for i in range(40)]
    client = Client(gateway({"app": [(refuses(), 1), *pairs]}, "--policy", "ring_hash", "--hash-by", "path", "--retries", 1))
    assert all(len({next(iter(by(client, [path]))) for _ in range(2)}) == 1 for path in some)


def test_ewma_turns_away_from_a_slow_target(gateway, target):
    slow = target(lambda request, connection: time.sleep(0.05) or OK)
    fast = target()
    running = gateway({"app": [(slow, 1), (fast, 1)]}, "--policy", "ewma")
    client = Client(running)
    for _ in range(60):
        assert client.get("/function/app").status == 200
    assert len(fast.requests) > 45


@pytest.mark.quick
def test_the_trace_context_passes_through(gateway, target):
    server = target()
    trace = ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]
    assert Client(gateway({"app": [(server, 1)]})).get("/function/app", *trace).status == 200
    assert [f"{name}: {server.requests[-1].all(name)[0]}" for name in ("traceparent", "tracestate")] == trace


@pytest.mark.quick
def test_it_is_ready_until_it_stops(gateway, target):
    asked = threading.Event()
    running = gateway({"app": [(target(lambda request, connection: asked.set() or time.sleep(1) or OK), 1)]})
    assert page(running, "readyz") == (200, "ok\n") == page(running, "healthz")
    # Weights that can't be taken are told, but neither a restart nor another gateway would help.
    running.weights.write_text("{")
    wait_for(lambda: "can't be taken" in running.log(), "the refusal")
    assert page(running, "readyz")[0] == 200
    status, text = page(running, "healthz")
    assert status == 200 and "isn't a JSON object" in text
    busy = Client(running)
    busy.send("GET /function/app HTTP/1.1\r\nHost: a\r\n\r\n")
    assert asked.wait(10)
    running.process.terminate()
    wait_for(lambda: page(running, "readyz") == (503, "it is stopping\n"), "readiness to end")
    assert busy.answer().status == 200 and running.process.wait(10 * SLOWER) == 0


@pytest.mark.quick
def test_in_mode_prod_the_log_is_json_in_a_file_of_the_day(start, tmp_path):
    (tmp_path / "w.json").write_text(weights_of({"f": [("127.0.0.1:1", 1)]}))
    port = free_port()
    with open(tmp_path / "log", "w") as log:
        process = start("gateway", "--zone", 'a "b"', "--listen", f"127.0.0.1:{port}", "--weights", tmp_path / "w.json",
                        env={**os.environ, "eb_go_lb_mode": "prod"}, cwd=tmp_path, log=log)
    wait_for(lambda: accepts(port), "the gateway")
    (tmp_path / "w.json").write_text("[]")
    wait_for(lambda: "can't be taken" in (tmp_path / "log").read_text(), "the refusal")
    process.terminate()
    assert process.wait(10 * SLOWER) == 0
    [file] = (tmp_path / "logs").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d\.json", file.name)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {"time", "level", "msg"} <= set(lines[0]) and len(lines) == len((tmp_path / "log").read_text().splitlines())
    assert next(line for line in lines if line["msg"] == "listening")["zone"] == 'a "b"'
    assert any(line["level"] == "warning" and "a JSON object" in line["why"] for line in lines)


def certificate(folder, name):
    """A certificate of its own for localhost, and its key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


class TlsClient(Client):
    def __init__(self, gateway, ca):
        super().__init__(gateway)
        context = ssl.create_default_context(cafile=ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def name(self):
        return dict(pair[0] for pair in self.socket.getpeercert()["subject"])["commonName"]


@pytest.mark.sanitize
def test_clients_may_speak_tls_and_a_new_certificate_is_taken(gateway, target, tmp_path):
    cert, key = certificate(tmp_path, "first")
    body = bytes(range(256)) * 8000
    server = target(lambda request, connection: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(request.body), request.body))
    running = gateway({"app": [(server, 1)]}, "--tls-cert", cert, "--tls-key", key, "--threads", 2, "--head-timeout", "2s")
    old = TlsClient(running, cert)
    assert old.name() == "first" and old.socket.selected_alpn_protocol() == "http/1.1"
    for _ in range(3):
        answer = old.get("/function/app", f"Content-Length: {len(body)}", method="POST", body=body)
        assert answer.status == 200 and answer.body == body
    # Who doesn't speak it gets nothing, and is counted.
    plain = Client(running)
    plain.send("GET /function/app HTTP/1.1\r\nHost: a\r\n\r\n")
    assert plain.answer() is None or plain.closed()
    wait_for(lambda: running.metric("tls_failed_total") >= 1, "the count")
    silent = Client(running)
    assert silent.closed(), "a handshake has its time"
    # The key comes a moment after its certificate: until then the old one stays.
    other = tmp_path / "other"
    other.mkdir()
    new_cert, new_key = certificate(other, "second")
    os.replace(new_cert, cert)
    wait_for(lambda: "the certificate can't be taken" in running.log(), "the refusal")
    assert "the certificate" in page(running, "healthz")[1]
    os.replace(new_key, key)
    wait_for(lambda: "certificate taken" in running.log(), "the new one")
    assert TlsClient(running, cert).name() == "second"
    assert old.get("/function/app").status == 200, "who was there stays"
    assert page(running, "healthz") == (200, "ok\n")
    # The end is an end, not a cut: also after a refusal while the client still sends.
    closing = TlsClient(running, cert)
    assert closing.get("/function/app", "Connection: close").status == 200 and closing.socket.recv(1) == b""


@pytest.mark.parametrize("arguments, said", [
    (["--tls-cert", "none.pem"], "none.pem"),
    (["--tls-cert", "w.json"], "w.json"),
    (["--tls-key", "key.pem"], "give --tls-cert too"),
    (["--hash-by", "cookie"], "one of client, path, header:NAME"),
    (["--rate", "x"], "--rate can't be 'x'"),
    (["--rate", "10/0"], "--rate can't be '10/0'"),
    (["--connections-max", "many"], "--connections-max can't be 'many'"),
    (["--eject-for", "0"], "--eject-for can't be '0'"),
    (["--mode", "test"], "one of dev, prod"),
])
def test_what_can_t_be_is_one_clear_error(run, tmp_path, arguments, said):
    (tmp_path / "w.json").write_text(weights_of({"f": [("127.0.0.1:1", 1)]}))
    done = run("gateway", "--zone", "a", "--weights", "w.json", "--listen", f"127.0.0.1:{free_port()}", *arguments)
    assert done.code in (1, 2, 92) and said in done.err and done.err.count("galileo gateway:") == 1, done
