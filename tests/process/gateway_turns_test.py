"""What is left behind in `galileo gateway` by a turn that wasn't the happy one: who is blamed, what is used again, and what spins."""
import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import free_port, wait_for
from gateway_protection_test import page
from gateway_test import HOST, Client, gateway, target, weights_of  # noqa: F401  (fixtures)
from raw_server import OK

BIG = 8 << 20


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def big(request, connection):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG + bytes(BIG)


@pytest.mark.quick
def test_the_order_is_exact_over_all_loops(gateway, target):
    servers = [target(), target()]
    running = gateway({"app": list(zip(servers, [3, 1]))}, "--threads", 4)
    chosen = []
    for _ in range(400):
        client = Client(running)  # each goes to some loop
        chosen += client.get("/function/app").all("X-Final-Host")
        client.socket.shutdown(socket.SHUT_RDWR)
    assert Counter(chosen) == {servers[0].address: 300, servers[1].address: 100}
    assert chosen == ([servers[0].address] * 3 + [servers[1].address]) * 100
    running.set(app=list(zip(servers, [1, 1])))
    chosen = [Client(running).get("/function/app").one("X-Final-Host") for _ in range(20)]
    assert all(one != other for one, other in zip(chosen, chosen[1:]))


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_target_that_closes_after_its_answer_isn_t_asked_again_there(gateway, target):
    def answers_and_closes(request, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # both go out together
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_WR)
        return None
    running = gateway({"app": [(target(answers_and_closes), 1)]})
    client = Client(running)
    assert [client.get("/function/app", "Content-Length: 5", method="POST", body=b"hello").status for _ in range(50)] == [200] * 50
    assert running.metric("failed_total") == 0


@pytest.mark.quick
@pytest.mark.sanitize
def test_what_a_target_says_unasked_doesn_t_get_into_a_request(gateway, target):
    """Given an idle connection on which the target says that it closes, in the moment in which a body comes for it."""
    server = target()
    running = gateway({"app": [(server, 1)]})
    client = Client(running)
    assert client.get("/function/app").status == 200
    threads = Path(f"/proc/{running.process.pid}/task")
    wait_for(lambda: all((thread / "stat").read_text().rpartition(")")[2].split()[0] == "S" for thread in threads.iterdir()), "the end of the turn")
    running.process.send_signal(signal.SIGSTOP)  # so that it finds both when it looks
    client.send(b"POST /function/app HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + b"b" * 2000)
    server.open[0].sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + b"x" * 1000)
    running.process.send_signal(signal.SIGCONT)
    assert client.answer().status == 200
    assert server.requests[-1].body == b"b" * 2000
    assert server.connections == 2


@pytest.mark.sanitize
def test_a_stop_lets_a_slow_reader_have_all_of_his_answer(gateway, target):
    running = gateway({"app": [(target(big), 1)]})
    client = Client(running, timeout=30)
    client.send(f"GET /function/app HTTP/1.1\r\n{HOST}\r\n")
    wait_for(lambda: running.metric("requests_total") == 1, "the request")
    running.process.terminate()
    time.sleep(0.5)
    answer = client.answer()
    assert answer.status == 200 and len(answer.body) == BIG


@pytest.mark.sanitize
def test_a_client_that_reads_slowly_is_not_its_target_s_fault(gateway, target):
    running = gateway({"app": [(target(big), 1)]}, "--answer-timeout", "200ms", "--eject-after", 1)
    client = Client(running, timeout=30)
    client.send(f"GET /function/app HTTP/1.1\r\n{HOST}\r\n")
    time.sleep(1)
    answer = client.answer()
    assert answer.status == 200 and len(answer.body) == BIG
    assert running.metric("ejected_total") == 0 and running.metric("cut_total") == 0
    # And one that doesn't read at all has his own time.
    gone = gateway({"app": [(target(big), 1)]}, "--idle-timeout", "300ms", "--eject-after", 1)
    idler = Client(gone, timeout=30)
    idler.send(f"GET /function/app HTTP/1.1\r\n{HOST}\r\n")
    wait_for(lambda: gone.metric("clients") == 0, "the client to be given up")
    assert gone.metric("ejected_total") == 0 and gone.metric("cut_total") == 1


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_client_that_left_leaves_no_request_at_its_target(gateway, target):
    left = threading.Event()

    def waits(request, connection):
        connection.settimeout(10)
        with contextlib.suppress(OSError):
            if connection.recv(1) == b"":
                left.set()
        return None
    running = gateway({"app": [(target(waits), 1)]}, "--eject-after", 1)
    client = Client(running)
    client.send(f"GET /function/app HTTP/1.1\r\n{HOST}\r\n")
    wait_for(lambda: running.metric("requests_total") == 1, "the request")
    client.socket.shutdown(socket.SHUT_RDWR)
    assert left.wait(10), "its target's connection is closed"
    wait_for(lambda: running.metric("clients") == 0, "the client to go")
    assert running.metric("ejected_total") == 0
    # Requests that were sent ahead are answered all the same.
    def slow(request, connection):
        time.sleep(0.3)
        return OK
    ok = gateway({"app": [(target(slow), 1)]})
    client = Client(ok)
    client.send(f"GET /function/app/1 HTTP/1.1\r\n{HOST}\r\nGET /function/app/2 HTTP/1.1\r\n{HOST}\r\n")
    client.socket.shutdown(socket.SHUT_WR)
    assert [client.answer().status for _ in range(2)] == [200, 200] and client.closed()


@pytest.mark.quick
@pytest.mark.parametrize("bad, status", [("NONSENSE\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x" * 100_000 + "\r\n\r\n", 431)])
def test_a_second_request_that_is_none_is_told_so_as_the_first(gateway, target, bad, status):
    running = gateway({"app": [(target(), 1)]})
    client = Client(running)
    for _ in range(2):
        assert client.get("/function/app").status == 200
    client.send(bad)
    assert client.answer().status == status and client.closed()


@pytest.mark.alone
@pytest.mark.sanitize
def test_without_descriptors_it_rests_and_comes_back(gateway, target):
    running = gateway({"app": [(target(), 1)]}, before=("prlimit", "--nofile=40:40"))
    crowd = []
    for _ in range(80):
        crowd.append(socket.create_connection(("127.0.0.1", running.port), timeout=10))
    wait_for(lambda: "connections can't be taken" in running.log(), "it to say so")
    before = cpu_seconds(running.process)
    time.sleep(1)
    assert cpu_seconds(running.process) - before < 0.3
    assert running.log().count("connections can't be taken") <= 2, "once for each of its ports"
    for one in crowd:
        one.close()
    client = Client(running, timeout=20)
    assert client.get("/function/app").status == 200
    assert running.process.poll() is None


def test_a_name_that_leads_nowhere_costs_no_request_and_is_told(gateway, target):
    good = target()
    running = gateway({"app": [("nowhere.invalid:80", 1), (good, 1)]})
    wait_for(lambda: page(running, "readyz")[0] == 200, "the name to be looked up", 30)
    client = Client(running)
    for _ in range(6):
        assert client.get("/function/app").all("X-Final-Host") == [good.address]
    assert "nowhere.invalid" in page(running, "healthz")[1]
    alone = gateway({"app": [("nowhere.invalid:80", 1)]})
    assert page(alone, "readyz")[0] == 503
    wait_for(lambda: "no target's name can be resolved" in page(alone, "readyz")[1], "the reason", 30)
    answer = Client(alone).get("/function/app")
    assert answer.status == 502 and b"can't be resolved" in answer.body
    assert page(alone, "readyz")[0] == 503


@pytest.mark.quick
def test_weights_behind_links_are_followed_as_a_configuration_map_swaps_them(gateway, target, tmp_path, start):
    first, second = target(), target()
    mount, elsewhere = tmp_path / "mount", tmp_path / "elsewhere"
    mount.mkdir(), elsewhere.mkdir()
    for name, server in ("1", first), ("2", second):
        (elsewhere / name).mkdir()
        (elsewhere / name / "weights.json").write_text(weights_of({"app": [(server, 1)]}))
    (mount / "..data").symlink_to(elsewhere / "1")
    (mount / "weights.json").symlink_to("..data/weights.json")
    (tmp_path / "path.json").symlink_to(mount / "weights.json")  # nothing happens in its folder
    running = gateway({})
    port, status = free_port(), free_port()
    with open(tmp_path / "linked.log", "w") as log:
        start("gateway", "--zone", "main", "--node", "gw", "--listen", f"127.0.0.1:{port}", "--threads", 1, "--weights", tmp_path / "path.json",
              "--status", f"127.0.0.1:{status}", log=log)
    running.port, running.status = port, status

    def answers():
        with contextlib.suppress(OSError):
            return Client(running).get("/function/app").one("X-Final-Host")
    wait_for(lambda: answers() == first.address, "the first weights")
    (mount / "..data_tmp").symlink_to(elsewhere / "2")
    os.replace(mount / "..data_tmp", mount / "..data")
    wait_for(lambda: answers() == second.address, "the second weights")
    (elsewhere / "2" / "weights.json").write_text(weights_of({"app": [(first, 1)]}))
    wait_for(lambda: answers() == first.address, "what was written behind the links")


@pytest.mark.quick
def test_weights_that_can_t_be_taken_are_told_once_although_the_log_is_beside_them(gateway, target):
    running = gateway({"app": [(target(), 1)]})
    running.weights.write_text("{")
    wait_for(lambda: "the weights can't be taken" in running.log(), "it to say so")
    time.sleep(1.5)
    assert running.log().count("the weights can't be taken") == 1
    running.weights.write_text(weights_of({"app": [(target(), 1)]}))
    wait_for(lambda: page(running, "healthz")[1] == "ok\n", "the weights to be good")


# Where a target fails within an exchange: what it sends before it closes; what the client sees; and whether a new request is answered.
FAULTS = {
    "before the request": (b"", 502),
    "within the status line": (b"HTTP/1.1 20", 502),
    "within the head": (b"HTTP/1.1 200 OK\r\nContent-Len", 502),
    "after the head": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "cut"),
    "within the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "cut"),
    "within a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", "cut"),
    "before the trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n", "cut"),
    "within the trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\nX: ", "cut"),
    "after the answer": (OK, 200),
    "after an interim answer": (b"HTTP/1.1 103 Early Hints\r\n\r\n", 502),
}


@pytest.mark.sanitize
@pytest.mark.parametrize("reset", [False, True], ids=["closes", "resets"])
def test_a_target_that_fails_between_any_two_steps(gateway, target, reset):
    failing = {}

    def answer(request, connection):
        part = failing.pop(request.line.split()[1], None)
        if part is None:
            return OK
        connection.sendall(part)
        if reset and not part == OK:
            time.sleep(0.05)  # what was sent is read before the reset throws it away
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return None
    server = target(answer)
    running = gateway({"app": [(server, 1)]})
    for number, (place, (part, expected)) in enumerate(FAULTS.items()):
        for fresh in True, False:  # a new connection to the target, or one that was used
            path = f"/{number}{fresh}"
            failing[path] = part
            client = Client(running)
            if not fresh:
                assert client.get("/function/app/before").status == 200, place
            client.send(f"POST /function/app{path} HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\nhi")
            if expected == "cut":
                text = client.file.read()
                assert text.startswith(b"HTTP/1.1 200") and not text.endswith((b"hello", b"\r\n\r\n0\r\n\r\n")), place
            else:
                got = client.answer()
                if got and got.status == 103:
                    got = client.answer()
                assert got.status == expected, (place, fresh, got)
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_RDWR)
            assert Client(running).get("/function/app/after").status == 200, place
    wait_for(lambda: running.metric("clients") == 0, "the clients to go")
    assert running.process.poll() is None and not re.search("ERROR", running.log())
