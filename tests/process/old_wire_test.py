"""What a worker makes of an old shell's words, each as the original library sends it, on a real Redis.

tests/peers has the original packages themselves; these cases need none of them.
"""
import json
import os
import queue
import re
import time
from urllib.request import urlopen

import peers
import pytest
from conftest import SLOWER, free_port, wait_for
from redis_server import API, EVENT_BUS

pytestmark = [pytest.mark.quick, pytest.mark.sanitize]


class Worker:
    """A running `galileo worker` w1 and what it says on the bus."""

    def __init__(self, server, start, tmp_path, *arguments):
        self.server, self.status = server, free_port()
        self.done = server.listen(EVENT_BUS + API + "WorkloadDoneEvent")
        self.events = server.listen("galileo/events")
        self.traces = server.listen("galileo/results/traces")
        self.log = tmp_path / "worker.log"
        self.process = start("worker", "--name", "w1", "--bus", server.url, "--traces", "redis", "--spool", tmp_path,
                             "--status", f"127.0.0.1:{self.status}", *arguments, log=open(self.log, "wb"))
        wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker to register")

    def client(self, service="app", parameters=None):
        [made] = self.server.rpc("WorkerDaemon.create_client:w1", ["w1", [service, None, parameters, None], 1])
        return made[0]

    def tell(self, kind, *fields):
        self.say(kind, json.dumps({"__obj": fields, "__type": API + kind}))

    def say(self, kind, text):
        assert self.server("PUBLISH", EVENT_BUS + API + kind, text) > 0

    def ended(self):
        return json.loads(self.done.messages.get(timeout=10 * SLOWER)[1])["__obj"][0]

    def trace(self):
        return self.traces.messages.get(timeout=10 * SLOWER)[1].split(",", 10)

    def metrics(self):
        with urlopen(f"http://127.0.0.1:{self.status}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return {name.removeprefix("galileo_worker_"): float(value)
                for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


@pytest.fixture
def worker(redis, start, tmp_path):
    return lambda *arguments: Worker(redis(), start, tmp_path, *arguments)


@pytest.fixture
def routed(worker, target):
    one = worker()
    one.server.route("app", target().removeprefix("http://").rstrip("/"))
    return one


def test_a_recorded_profile_is_obeyed_whatever_its_parameters_are(routed):
    """["ran"] is what every profile experiment of the original sends."""
    for parameters in (["ran"], None, [], [1, None, {"a": "b"}], "ran", {"a": 1}):
        client = routed.client()
        routed.server("LPUSH", client, "0.001", "1e-11", "0.002")
        routed.tell("SetWorkloadCommand", client, None, "prerecorded", parameters)
        assert routed.ended() == client
        assert {routed.trace()[1] for _ in range(3)} == {client}
    assert routed.events.messages.empty()


# What stands behind the client's id, and what the worker says of it.
REFUSED = {
    "a distribution that there isn't": ('null, "parabola", [1]', "parabola"),
    "a text among the parameters": ('5, "constant", ["0.05"]', "parameters[0] is a text"),
    "too many parameters": ('5, "expovariate", [1, 2, 3]', "expovariate"),
    "parameters that can't be": ('5, "uniform", [2]', "uniform"),
    "a number of requests below 0": ('-1, "constant", [1]', "num"),
    "half a request": ('1.5, "constant", [1]', "num"),
    "a number that is none, as Python writes it": ('5, "constant", [NaN]', "JSON"),
    "no end": ('5, "constant", [Infinity]', "JSON"),
    "an end that is missing": ('5, "const', "JSON"),
    "a list for the distribution": ('5, ["constant"], [1]', "distribution"),
    "a class that it isn't": ('5, "constant", [1]], "__type": "os.system"}', "os.system"),
}


def test_a_workload_that_cant_be_obeyed_ends_and_says_why(routed):
    for what, (rest, why) in REFUSED.items():
        client = routed.client()
        end = "" if rest.endswith("}") else f'], "__type": "{API}SetWorkloadCommand"}}'
        routed.say("SetWorkloadCommand", f'{{"__obj": ["{client}", {rest}{end}')
        assert routed.ended() == client, what
        time, name, value = routed.events.messages.get(timeout=10 * SLOWER)[1].split(" ", 2)
        assert name == "workload/refused" and float(time) > 1e9, what
        told = json.loads(value)
        assert told["client"] == client and why in told["why"], (what, told)
        assert why in routed.log.read_text(), what
    metrics = routed.metrics()
    assert metrics["messages_malformed_total"] + metrics["commands_refused_total"] == len(REFUSED)


def test_a_workload_that_is_refused_ends_the_one_before(routed):
    client = routed.client()
    routed.tell("SetWorkloadCommand", client, None, "constant", [0.005])
    routed.trace()
    routed.tell("SetWorkloadCommand", client, None, "parabola", [])
    assert routed.ended() == client
    wait_for(lambda: routed.metrics()["in_flight"] == 0, "what was sent to be answered")
    sent = routed.metrics()["requests_sent_total"]
    # Its own requests show that time has passed for the others.
    other = routed.client()
    routed.tell("SetWorkloadCommand", other, 20, "constant", [0.005])
    assert routed.ended() == other
    wait_for(lambda: routed.metrics()["requests_answered_total"] == sent + 20, lambda: f"20 requests more than {sent}: {routed.metrics()}")


def looks(server):
    """How often a profile has been asked for."""
    return int(re.search(r"cmdstat_lrange:calls=(\d+)", server("INFO", "commandstats")).group(1))


def test_a_profile_that_is_no_list_ends_the_workload_and_isnt_asked_for_for_ever(routed):
    client = routed.client()
    routed.server("SET", client, "no list")
    routed.tell("SetWorkloadCommand", client, None, "prerecorded", ["ran"])
    assert routed.ended() == client
    assert "workload/refused" in routed.events.messages.get(timeout=10 * SLOWER)[1]
    before = looks(routed.server)
    other = routed.client()
    routed.server("LPUSH", other, "nonsense", "0.001", "also none")
    routed.tell("SetWorkloadCommand", other, 5, "prerecorded", None)
    assert routed.ended() == other  # after the one entry that is a number
    assert looks(routed.server) - before <= 10


def test_of_a_client_that_isnt_ours_no_end_is_said(routed):
    """It would end another's waiting; the old shell's wait even dies of it."""
    stranger = '{"__obj": ["w9:app:0", -1, "constant", [1]], "__type": "x"}'
    for text in (stranger, '{"__obj": ["w1:app:77", null, "parabola", []]}', '{"__obj": [7]}', "nonsense"):
        routed.say("SetWorkloadCommand", text)
    ours = routed.client()
    routed.tell("SetWorkloadCommand", ours, None, "parabola", [])
    assert routed.ended() == ours
    assert f'"{ours}"' in routed.events.messages.get(timeout=10 * SLOWER)[1]
    with pytest.raises(queue.Empty):
        routed.events.messages.get_nowait()


def test_living_clients_are_said_again_when_workers_are_discovered(routed):
    """The original library spawns its clients, and discovers after that."""
    ids = [routed.client() for _ in range(3)]
    closed = routed.client()
    registered = routed.server.listen(EVENT_BUS + API + "RegisterWorkerEvent")
    routed.tell("CloseClientCommand", closed)
    routed.server("DEL", "galileo:worker:w1:clients", "galileo:workers", f"galileo:client:{ids[0]}")
    routed.tell("RegisterWorkerCommand")
    registered.messages.get(timeout=10 * SLOWER)
    assert sorted(routed.server("SMEMBERS", "galileo:worker:w1:clients")) == ids
    assert json.loads(routed.server("GET", f"galileo:client:{ids[0]}"))[0] == ids[0]


def test_a_body_is_whole_in_its_trace(worker, target):
    """The first 65,536 of 200,000 bytes arrived, without a word."""
    one = worker()
    one.server.route("app", target("--size", "200k").removeprefix("http://").rstrip("/"))
    one.tell("SetWorkloadCommand", one.client(), 1, "constant", [0.001])
    assert one.trace()[10] == "x" * 200_000
    assert one.metrics()["responses_cut_total"] == 0


@pytest.mark.parametrize("way", ["flag", "variable"])
def test_a_body_that_is_cut_is_counted_and_told(redis, start, tmp_path, target, way, monkeypatch):
    if way == "variable":
        monkeypatch.setenv("galileo_keep_response", "1kB")
    one = Worker(redis(), start, tmp_path, *(("--keep-response", "1000") if way == "flag" else ()))
    one.server.route("app", target("--size", "1001").removeprefix("http://").rstrip("/"))
    one.tell("SetWorkloadCommand", one.client(), 3, "constant", [0.001])
    assert [len(one.trace()[10]) for _ in range(3)] == [1000] * 3
    assert one.metrics()["responses_cut_total"] == 3
    wait_for(lambda: "bodies are cut" in one.log.read_text(), "the log to say so")


def test_a_bound_that_cant_be_is_refused(run):
    for value in ("5MiB", "much", "-1"):
        done = run("worker", f"--keep-response={value}", "--bus", "redis://127.0.0.1:1")
        assert done.code == 2 and value in done.err and "--keep-response" in done.err, done


# kwargs of old clients, and what the application must get.
KWARGS = {
    "stream": ({"stream": True, "data": "b"}, b"b"),
    "hooks": ({"hooks": {"response": None}, "data": "b"}, b"b"),
    "null and false": ({"proxies": None, "cert": None, "files": None, "headers": False, "auth": None, "data": "b"}, b"b"),
    "no proxies": ({"proxies": {"http": None, "https": None}, "data": "b"}, b"b"),
    "a certificate": ({"cert": ["/no/cert", "/no/key"], "data": "b"}, b"b"),
    "a file": ({"files": {"image": ["cat.jpg", "meow", "image/jpeg"]}, "data": {"k": "v"}},
               b'--B\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n--B\r\nContent-Disposition: form-data; name="image"; '
               b'filename="cat.jpg"\r\nContent-Type: image/jpeg\r\n\r\nmeow\r\n--B--\r\n'),
}


def test_clients_with_odd_arguments_are_made_and_send(worker):
    heads, bodies = [], []

    def handler(connection, _):
        while True:
            data = peers.read_request(connection)
            if data is None:
                return
            head, body = data.split(b"\r\n\r\n", 1)
            length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
            while len(body) < length:
                body += connection.recv(65536)
            heads.append(head)
            bodies.append(body)
            connection.sendall(peers.OK)
    with peers.serve(handler) as port:
        one = worker()
        one.server.route("app", f"127.0.0.1:{port}")
        for what, (kwargs, wanted) in KWARGS.items():
            one.tell("SetWorkloadCommand", one.client(parameters={"method": "post", "kwargs": kwargs}), 1, "constant", [0.001])
            assert one.trace()[6] == "200", what
            boundary = re.search(rb"boundary=(\S+)", heads[-1])
            assert (bodies[-1].replace(boundary.group(1), b"B") if boundary else bodies[-1]) == wanted, what


def test_a_proxy_is_refused_with_the_reason(routed):
    with pytest.raises(AssertionError, match="not through a proxy"):
        routed.client(parameters={"kwargs": {"proxies": {"http": "http://10.0.0.1:3128"}}})
    assert routed.client() == "w1:app:0"


def test_the_targets_answers_say_when_they_began_and_ended(target):
    url = target("--delay", "30ms")
    before = time.time()
    with urlopen(url, timeout=10) as answer:
        began, ended = float(answer.headers["X-Start"]), float(answer.headers["X-End"])
    assert before - 0.01 <= began <= ended <= time.time() + 0.01 and ended - began >= 0.03
    with urlopen(url, timeout=10) as answer:  # stamped anew
        assert float(answer.headers["X-Start"]) >= ended


def test_the_log_levels_of_the_old_system_hold_for_every_command(run, redis, start, tmp_path):
    """galileo_log_level was the recorder's there, galileo_logging_level the others'."""
    names = re.findall(r"^  (\w+) ", run("--help").out.split("options:")[0], re.M)
    assert {"worker", "recorder", "gateway", "telemd", "load", "exp"} <= set(names)
    for name in names:
        for variable in ("galileo_logging_level", "galileo_log_level"):
            done = run(name, "--no-such-flag", env={variable: "loud"})
            assert done.code == 2 and variable in done.err and "loud" in done.err, (name, done)
    wrong = run("exp", "ls", env={"galileo_logging_level": "WARN", "galileo_log_level": "loud"})
    assert "loud" not in wrong.err  # the first wins
    assert run("exp", "--help", env={"galileo_log_level": "loud"}).code == 0
    server, quiet = redis(), tmp_path / "quiet.log"
    start("worker", "--name", "w2", "--bus", server.url, log=open(quiet, "wb"), env={**os.environ, "galileo_log_level": "ERROR"})
    wait_for(lambda: server("SISMEMBER", "galileo:workers", "w2"), "the worker to register")
    assert quiet.read_text() == ""
