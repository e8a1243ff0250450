"""An experiment file's limits are the same on a fleet as on one machine: the same requests come to the same end, or the file is
refused before anything is started. Over a real Redis."""
import contextlib
import json
import os
import socket
import sqlite3
import time

import pytest
from conftest import SLOWER, result_of, wait_for
from raw_server import RawServer
from redis_server import API, EVENT_BUS, ForeignWorker

HEAD = "HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n"


def answer(request, _connection):
    path = request.line.split()[1]
    if path == "/silent":
        time.sleep(8)
        return None
    body = "x" * 5000 if path == "/body" else "hello"
    more = {"/chain": "Location: /chain\r\n", "/head": "X: " + "x" * 5000 + "\r\n"}.get(path, "X-Kept: yes\r\n")
    return (HEAD.format({"/chain": 302, "/missing": 404}.get(path, 200), len(body), more) + body).encode()


@pytest.fixture(scope="module")
def server():
    made = RawServer(answer)
    yield made
    made.close()


@pytest.fixture(scope="module")
def full():
    """A port that takes no connection more: its queue is full."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield "127.0.0.1:%d" % listener.getsockname()[1]


@pytest.fixture
def ends(run, start, redis, server, full, tmp_path):
    """ends(limits, paths, ...): what one request to each path came to, here and on a fleet, and how often the server was asked."""
    bus = redis()
    start("worker", "--name", "w", "--bus", bus.url, "--traces", "redis", "--spool", tmp_path / "w")
    wait_for(lambda: bus("GET", "galileo:worker:w:heartbeat"), "the worker")

    def call(limits, paths, pace="rate: 50, requests: 1"):
        services = ", ".join(f'{path}: {{hosts: {{"{full if path == "full" else server.address}": 1}}}}' for path in paths)
        clients = "\n".join(f"  - {{service: {path}, {pace}, request: {{method: get, path: /{path}}}}}" for path in paths)
        file = tmp_path / "limits.yaml"
        file.write_text(f"name: limits\nseed: 7\nservices: {{{services}}}\nclients:\n{clients}\n{limits}\n")
        found = []
        for name, arguments in (("here", []), ("fleet", ["--bus", bus.url])):
            server.requests.clear()
            done = run("run", file, "--db", f"{name}.sqlite", "-q", "--json", f"{name}.json", *arguments)
            result = result_of(tmp_path / f"{name}.json")
            assert result["ledger"]["balanced"], done
            rows = sqlite3.connect(tmp_path / f"{name}.sqlite").execute(
                "SELECT SERVICE, STATUS, ERROR, HEADERS, RESPONSE FROM traces WHERE EXP_ID = ?", [result["experiment"]["id"]]).fetchall()
            asked = sorted(request.line.split()[1].lstrip("/") for request in server.requests)
            found.append((sorted(rows), {path: asked.count(path) for path in paths}))
        return found
    return call


PATHS = ["chain", "missing", "silent", "body", "head", "kept", "full"]


def test_every_limit_of_a_file_is_obeyed_by_a_fleet_as_by_one_machine(ends):
    here, fleet = ends("limits: {redirects: 3, fail_on: 500-599, request_timeout: 400ms, connect_timeout: 300ms, body_max: 1KiB, "
                       "head_max: 1KiB, keep_headers: true, keep_response: 3}", PATHS)
    by_path = {row[0]: row[1:] for row in here[0]}
    failures = {path: failure for path, (_, failure, _, _) in by_path.items()}
    assert failures == {"chain": "too_many_redirects", "missing": None, "silent": "timeout", "body": "body_too_large",
                        "head": "head_too_large", "kept": None, "full": "connect_timeout"}
    assert by_path["kept"][3] == "hel" and json.loads(by_path["kept"][2])["X-Kept"] == "yes" and here[1]["chain"] == 4
    assert fleet == here


def test_what_a_file_doesnt_say_is_the_same_on_a_fleet(ends):
    here, fleet = ends("", [path for path in PATHS if path not in ("silent", "full")])
    by_path = {row[0]: row[1:] for row in here[0]}
    assert by_path["chain"][:2] == (302, None) and here[1]["chain"] == 1
    assert by_path["missing"][:2] == (404, "status")
    assert by_path["kept"][2:] == (None, None), "neither headers nor bodies are kept"
    assert fleet == here


def test_what_isnt_answered_within_the_grace_ends_on_a_fleet_too(ends):
    begun = time.monotonic()
    here, fleet = ends("limits: {grace: 200ms, request_timeout: 20s}", ["silent"], "rate: 20, duration: 200ms")
    assert {row[2] for row in here[0]} == {"unfinished"} and len(here[0]) == 4
    assert fleet == here
    assert time.monotonic() - begun < 15 * SLOWER, "nobody waited for the answers"


@pytest.mark.parametrize("key, value", [("threads", 2), ("connections", 7), ("address_family", "ipv4")])
def test_a_limit_that_is_each_workers_own_is_refused_before_anything_starts(run, tmp_path, key, value):
    (tmp_path / "x.yaml").write_text(f"""name: x
applications: [{{name: app, command: [touch, started]}}]
services: {{s: {{hosts: {{"127.0.0.1:1": 1}}}}}}
clients: [{{service: s, rate: 10, requests: 1}}]
limits: {{{key}: {value}}}
""")
    done = run("run", "x.yaml", "--bus", "redis://127.0.0.1:1", cwd=tmp_path)  # where nobody listens: nobody is asked
    assert done.code == 2 and f"x.yaml:5:" in done.err and f"limits.{key} is each worker's own on a fleet; " in done.err, done
    assert sorted(os.listdir(tmp_path)) == ["x.yaml"]
    assert run("run", "x.yaml", "--dry-run", cwd=tmp_path).code == 0


class OldWorker(ForeignWorker):
    """One of the old system that is quick: what its client is told to send it has sent, and says so."""

    def __init__(self, redis, name):
        self.publisher, self.parameters, self.sent = redis.connect(), [], 0
        super().__init__(redis, name)
        self.client = redis.listen(EVENT_BUS + API + "SetWorkloadCommand", EVENT_BUS + API + "CloseClientCommand",
                                   EVENT_BUS + "Client.get_info", handler=self.obey)

    def create(self, text):
        self.config = json.loads(text)["__obj"][2][0][1]
        self.parameters.append(self.config[2])
        super().create(text)

    def obey(self, channel, text):
        client = f"{self.name}:s:{self.made - 1}"
        if channel.endswith("get_info"):
            return self.respond(text, [[client, self.name, self.config], self.sent, 0], API + "ClientInfo")
        if channel.endswith("CloseClientCommand"):
            return self.publisher.all([("SREM", f"galileo:worker:{self.name}:clients", client), ("DEL", f"galileo:client:{client}")])
        self.sent = json.loads(text)["__obj"][1]
        for i in range(self.sent):
            times = ",".join(f"{time.time() + part:.7f}" for part in (0, 0.0001, 0.002))
            self.publisher.command("PUBLISH", "galileo/results/traces", f'id{i},{client},s,{times},404,h:80,,{{"X-A": "1"}},hello')
        self.publisher.command("PUBLISH", EVENT_BUS + API + "WorkloadDoneEvent", json.dumps({"__obj": [client], "__type": API + "WorkloadDoneEvent"}))


def test_a_worker_of_the_old_system_gets_words_that_it_knows_and_what_it_doesnt_tell_is_said(run, redis, tmp_path):
    bus = redis()
    old = OldWorker(bus, "old")

    def call(limits):
        (tmp_path / "x.yaml").write_text(f"""name: x
services: {{s: {{hosts: {{"127.0.0.1:1": 1}}}}}}
clients: [{{service: s, rate: 50, requests: 20}}]
limits: {{{limits}}}
""")
        return run("run", "x.yaml", "--bus", bus.url, "-q", "--json", "r.json", cwd=tmp_path)
    try:
        done = call("fail_on: 500-599, request_timeout: 4s, body_max: 1KiB")
        assert done.ran, done
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["answered"] == 20 and result["ledger"]["balanced"], done
        assert "worker old doesn't tell its own share" in done.out, done
        assert [set(one) for one in old.parameters] == [{"method", "path", "kwargs", "galileo"}]
        assert old.parameters[0]["galileo"] == {"as_written": True}, "beside what it gives to requests"
        assert old.parameters[0]["kwargs"] == {"timeout": 4.0, "allow_redirects": False}
        kept = sqlite3.connect(tmp_path / "galileo.sqlite").execute("SELECT DISTINCT HEADERS, RESPONSE FROM traces").fetchall()
        assert kept == [(None, None)], "what the file doesn't ask for"
        refused = call("redirects: 3")
        assert refused.code == 2 and "limits.redirects" in refused.err and "follows none or 30" in refused.err, refused
    finally:
        old.close()
        old.client.close()
