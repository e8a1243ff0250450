"""The calls of `galileo session` on a fleet, over a real Redis: what no bus, wrong words, a lost worker and a lost bus are told."""
import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest
from conftest import free_port, wait_for


class Session:
    def __init__(self, galileo, env=None):
        self.process = subprocess.Popen([galileo, "session"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})})

    def ask(self, call, **keys):
        self.process.stdin.write(json.dumps({"call": call, **keys}).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __call__(self, call, **keys):
        answer = self.ask(call, **keys)
        assert "ok" in answer, answer
        return answer["ok"]

    def error(self, call, **keys):
        return self.ask(call, **keys)["error"]

    def end(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


@pytest.fixture
def session(galileo):
    started = []

    def start(env=None):
        started.append(Session(galileo, env))
        return started[-1]
    yield start
    for one in started:
        one.end()


@pytest.fixture
def fleet(one_redis, start, tmp_path):
    """A worker w1 and a session on its bus."""
    worker = start("worker", "--name", "w1", "--bus", one_redis.url, "--spool", tmp_path)
    wait_for(lambda: one_redis("GET", "galileo:worker:w1:heartbeat"), "the worker")
    return one_redis, worker


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_bus_comes_first_and_must_be_there(session):
    ours = session()
    assert "fleet.connect comes first" in ours.error("fleet.workers")["why"]
    nobody = ours.error("fleet.connect", url=f"redis://:secret@127.0.0.1:{free_port()}")
    assert nobody["code"] == "unavailable" and "secret" not in json.dumps(nobody)
    for wrong in ({"url": "in-process:"}, {"server": {"url": "in-process:"}}, {"server": []}, {"server": {"url": "redis://h", "port": 1}}, {"url": 7},
                  {"server": {"url": "redis://h:x"}}, {"standalone": 1}, {"bus": "redis://h"}):
        assert ours.error("fleet.connect", **wrong)["code"] == "usage", wrong
    ours.process.stdin.close()
    assert ours.process.wait(20) == 0 and ours.process.stderr.read() == b""


def test_wrong_words_of_calls_change_nothing(session, fleet):
    redis, _ = fleet
    ours = session()
    assert ours("fleet.connect", url=redis.url) == {"where": f"{redis.url}/0"}
    assert "has its bus already" in ours.error("fleet.connect", url=redis.url)["why"]
    client = ["w1:img:0", "w1", ["img", None, None, None]]
    for call, keys in (("fleet.workers", {"name": "w1"}), ("fleet.spawn", {}), ("fleet.spawn", {"service": "img", "num": 0}),
                       ("fleet.spawn", {"service": "img", "num": -1}), ("fleet.spawn", {"service": "img", "client": 1}),
                       ("fleet.spawn", {"service": "img", "labels": {}}), ("fleet.request", {}), ("fleet.request", {"clients": "w1"}),
                       ("fleet.request", {"clients": [7]}), ("fleet.request", {"clients": []}), ("fleet.request", {"clients": [client], "num": 1.5}),
                       ("fleet.request", {"clients": [client], "distribution": "zipf"}), ("fleet.request", {"clients": [client], "parameters": ["a"]}),
                       ("fleet.rps", {"clients": [client], "rate": -1}), ("fleet.discover", {"timeout_s": 100}), ("fleet.event", {}),
                       ("routes.set", {"service": "img"}), ("routes.set", {"service": "img", "hosts": ["a:1"], "weights": [-1]}),
                       ("telemetry.tell", {"nodes": ["n"], "command": "reboot"}), ("record.start", {"metadata": []}),
                       ("record.start", {"metadata": {"notes": 1}}), ("once", {"weights": [1]}), ("once", {"router": "none", "hosts": ["a:1"]})):
        assert ours.error(call, **keys)["code"] == "usage", (call, keys)
    assert ours("fleet.waits") == [] and ours("fleet.forget", wait=7) is False and ours("record.stop") is None
    assert ours("routes") == {"routes": [], "malformed": []} and ours("routes.get", service="img") is None
    assert redis("KEYS", "galileo:client:*") == [] and redis("SMEMBERS", "galileo:workers") == ["w1"]


def test_a_worker_obeys_and_is_missed(session, fleet, target):
    redis, worker = fleet
    ours = session({"galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(redis.port)})
    ours("fleet.connect")
    [seen] = ours("fleet.workers")
    assert (seen["name"], seen["clients"], seen["alive"], seen["heartbeat"]) == ("w1", 0, True, True)
    ours("routes.set", service="img", hosts=[target().removeprefix("http://").rstrip("/")], weights=[1])
    clients = ours("fleet.spawn", service="img", num=2, parameters={"path": "/ü", "kwargs": {"params": {"a": 0.5}}})
    assert clients == [[f"w1:img:{n}", "w1", ["img", None, {"path": "/ü", "kwargs": {"params": {"a": 0.5}}}, None]] for n in (0, 1)]
    number = ours("fleet.request", clients=clients, num=3, distribution="expovariate", parameters=[100])
    over = []
    wait_for(lambda: over.extend(ours("fleet.waits")) or over, "the clients")
    assert over == [{"wait": number, "done": True}] and ours("fleet.waits") == []
    assert [(description[0], requests, failed) for description, requests, failed in ours("fleet.info", clients=clients)["clients"]] == [
        ("w1:img:0", 3, 0), ("w1:img:1", 3, 0)]
    forgotten = ours("fleet.request", clients=clients, num=3, distribution="constant", parameters=[60])
    assert ours("fleet.forget", wait=forgotten) is True
    number = ours("fleet.request", clients=clients, num=3, distribution="constant", parameters=[60])
    worker.kill()
    wait_for(lambda: over.extend(ours("fleet.waits")) or len(over) == 2, "the loss", 20)
    assert over[1]["wait"] == number and not over[1]["done"] and "worker 'w1' is gone" in over[1]["error"]["why"]
    assert ours.error("fleet.close", clients=clients)["code"] == "unavailable"


@pytest.mark.parametrize("away", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_bus_that_is_lost_ends_each_wait(session, fleet, away):
    redis, _ = fleet
    ours = session()
    ours("fleet.connect", url=redis.url)
    clients = ours("fleet.spawn", service="img", num=1)
    waits = {ours("fleet.request", clients=clients, num=1, distribution="constant", parameters=[600]) for _ in range(3)}
    os.kill(redis.process.pid, away)
    over = []
    try:
        wait_for(lambda: over.extend(ours("fleet.waits")) or over, "the loss", 30)
    finally:
        if away == signal.SIGSTOP:
            os.kill(redis.process.pid, signal.SIGCONT)
    assert {one["wait"] for one in over} == waits and all(one["error"]["code"] == "unavailable" and "the bus is away" in one["error"]["why"] for one in over)


def test_who_is_gone_in_the_middle_of_a_record_leaves_no_clients(session, fleet, target, tmp_path):
    """But those that others have spawned, and its own where nothing is recorded any more."""
    redis, _ = fleet
    ours, others = session(), session()
    for one in (ours, others):
        one("fleet.connect", url=redis.url)
    others("routes.set", service="img", hosts=[target().removeprefix("http://").rstrip("/")], weights=[1])
    kept = others("fleet.spawn", service="img")
    clients = ours("fleet.spawn", service="img", num=3)
    ours("fleet.close", clients=clients[2:])
    ours("record.start", name="cut off", db=str(tmp_path / "cut.sqlite"))
    ours("fleet.rps", clients=clients[:2], rate=50)
    ours.process.stdin.close()
    assert ours.process.wait(60) == 0
    assert others("fleet.clients") == kept
    with closing(sqlite3.connect(tmp_path / "cut.sqlite")) as database:
        assert database.execute("SELECT NAME, STATUS, END >= START FROM experiments").fetchall() == [("cut off", "FINISHED", 1)]
    after = session()
    after("fleet.connect", url=redis.url)
    left = after("fleet.spawn", service="img")
    after("record.start", db=str(tmp_path / "whole.sqlite"))
    after("record.stop", wait_s=20)
    after.process.stdin.close()
    assert after.process.wait(60) == 0 and len(others("fleet.clients")) == 2
    others("fleet.close", clients=[*kept, *left])


def test_a_fleet_of_its_own_leaves_nothing(session, tmp_path, target):
    ours = session({"TMPDIR": str(tmp_path), "galileo_worker_name": "here"})
    ours("fleet.connect", standalone=True)
    ours("routes.set", service="img", hosts=[target().removeprefix("http://").rstrip("/")], weights=[1])
    clients = ours("fleet.spawn", service="img", num=2)
    about = ours("record.start", name="alone", db=str(tmp_path / "alone.sqlite"), metadata={"a": 1})
    assert about["name"] == "alone" and ours.error("record.start")["code"] == "usage"
    ours("fleet.request", clients=clients, num=5)
    over = []
    wait_for(lambda: over.extend(ours("fleet.waits")) or over, "the clients")
    assert over[0]["done"]
    wait_for(lambda: ours("fleet.info", clients=clients)["clients"][1][1] == 5, "the answers")
    ours("fleet.close", clients=clients)
    assert list(tmp_path.glob("galileo-standalone-*"))
    ours.process.stdin.close()
    assert ours.process.wait(60) == 0
    assert not list(tmp_path.glob("galileo-standalone-*"))
    with closing(sqlite3.connect(tmp_path / "alone.sqlite")) as database:
        assert database.execute("SELECT NAME, STATUS, END >= START FROM experiments").fetchall() == [("alone", "FINISHED", 1)]
        assert database.execute("SELECT count(*) FROM traces WHERE STATUS = 200").fetchall() == [(10,)]


def test_one_request_has_its_answer_whole(session, target):
    host = target("--size", 300 * 1024).removeprefix("http://").rstrip("/")
    answer = session()("once", service="img", hosts=[host], parameters={"method": "post", "path": "/a?b=1", "kwargs": {"data": "x"}})
    assert (answer["status"], answer["server"], answer["method"], answer["path"]) == (200, host, "POST", "/a?b=1")
    assert len(answer["body"]) == 300 * 1024 and answer["headers"]["Content-Length"] == str(300 * 1024)
    assert 0 < answer["sent"] <= answer["first_byte"] <= answer["done"]
    ours = session()
    refused = ours.error("once", hosts=[f"127.0.0.1:{free_port()}"])
    assert refused["code"] == "unavailable" and "refused" in refused["why"]
    assert ours.error("once")["code"] == "not_found"
    assert ours.error("once", hosts=["nowhere.invalid:1"])["code"] == "unavailable"
