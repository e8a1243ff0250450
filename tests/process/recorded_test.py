"""What was recorded of the original system, said again to our worker: each request of a client, each answer of an
application as a trace, and a whole session of the original shell, command by command."""
import json
import operator
import os
import re
import time

import peers
import pytest
from conftest import ROOT, SLOWER, free_port, wait_for
from redis_server import API, EVENT_BUS

VECTORS = ROOT.parent / "shared/vectors"
TRACES = "galileo/results/traces"
DONE = EVENT_BUS + API + "WorkloadDoneEvent"

pytestmark = [
    pytest.mark.sanitize,
    pytest.mark.skipif(not VECTORS.exists(), reason="what was recorded of the original isn't beside the checkout"),
]


def recorded(name):
    return [json.loads(line) for line in (VECTORS / name).read_text().splitlines()]


@pytest.fixture
def worker(start, tmp_path):
    """worker(server, "w1", galileo_zone="main"): a running `galileo worker` with no other labels."""
    def call(server, name, **labels):
        env = {key: value for key, value in os.environ.items() if not key.startswith("galileo_")}
        env |= server.env | {"galileo_worker_name": name, "galileo_trace_logging": "redis"} | labels
        process = start("worker", "--spool", tmp_path, env=env)
        wait_for(lambda: server("SISMEMBER", "galileo:workers", name), f"{name} to register")
        return process
    return call


class Lines:
    """The trace lines that are published, by the client's service."""
    def __init__(self, server):
        self.by_service = {}
        server.listen(TRACES, handler=lambda _, line: self.by_service.setdefault(line.split(",")[2], []).append(line))

    def wait(self, service, seconds=10):
        wait_for(lambda: service in self.by_service, f"a trace of {service}", seconds)
        [line] = self.by_service[service]
        return line


def masked(line):
    """A trace line without what differs from run to run: id, client, service, times; a time that isn't one stays."""
    line = re.sub(r"^[0-9a-f]{10}:\d+,[^,]*,[^,]*,", "ID,CLIENT,SERVICE,", line)
    return re.sub(r"(?<=,)\d{10}\.\d{7}(?=,)", "TIME", line)


def ask_once(server, service, host, parameters):
    """One client of the service with these parameters, told to send one request; host: None for no route."""
    if host:
        server.route(service, host)
    server.ask_once("w1", service, parameters)


# The old library's own, and their order: not a promise.
FREE = ("user-agent", "accept-encoding", "accept", "connection")


def head_of(text):
    first, *headers = text.split("\r\n")
    pairs = [header.split(": ", 1) for header in headers]
    return first, sorted((name.lower(), value) for name, value in pairs if name.lower() not in FREE or value == "me")


def test_every_recorded_request_reaches_the_application_as_it_did(redis, worker):
    """Of those that the original couldn't send, ours sends two: auth as a list, which JSON has for a pair, and a path
    without its slash; of an argument that requests doesn't know, creating the client fails, not each request."""
    server = redis()
    worker(server, "w1")
    seen, lines = {}, Lines(server)

    def application(connection, _):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
        seen[connection.getsockname()[1]] = (head.decode("latin-1"), body.decode("latin-1"))
        end = b"" if head.startswith(b"HEAD") else b"ok"
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\n" + end)
        connection.recv(1)

    cases = recorded("http-requests.jsonl")
    for case in cases:
        with peers.serve(application) as port:
            if case["name"] == "unknown-kwarg":
                with pytest.raises(AssertionError, match="unknown argument 'nosuch'; use one of: data, json"):
                    ask_once(server, "req-unknown", f"127.0.0.1:{port}", case["parameters"])
                continue
            ask_once(server, "req-" + case["name"], f"127.0.0.1:{port}", case.get("parameters"))
            line = lines.wait("req-" + case["name"])
            if case["name"] == "auth-list":
                assert "authorization: basic dtpw" in seen[port][0].lower() and ",200," in line
                continue
            if case["name"] == "path-no-slash":
                assert seen[port][0].startswith("GET /x HTTP/1.1\r\n") and ",200," in line
                continue
            if case["name"] == "path-double-slash":  # the original asked this host, and wrote down another
                case["trace"] = case["trace"].replace(",200,b,", ",200,HOST:PORT,")
            assert masked(line) == masked(case["trace"].replace("HOST:PORT", f"127.0.0.1:{port}")), case
            if "request_head" not in case:
                assert port not in seen, case
                continue
            head, body = seen[port]
            assert head_of(head) == head_of(case["request_head"].replace("HOST:PORT", f"127.0.0.1:{port}")), case
            assert body == case.get("payload", ""), case
    assert len(cases) >= 25


def test_every_recorded_answer_gives_the_recorded_trace(redis, worker):
    server = redis()
    worker(server, "w1")
    lines = Lines(server)
    cases = recorded("traces.jsonl")
    for case in cases:
        service = "case-" + case["name"]
        answer = (case.get("answer") or "").encode("latin-1")

        def application(connection, _):
            while (request := peers.read_request(connection)) is not None:
                if case["name"] == "closed":
                    return
                if case["name"] == "timeout":
                    time.sleep(1.5)
                if request.startswith(b"GET /ok "):  # where the redirect leads
                    connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\nfine")
                else:
                    connection.sendall(answer)

        with peers.serve(application) as port:
            host = {"refused": f"127.0.0.1:{free_port()}", "no-route": None}.get(case["name"], f"127.0.0.1:{port}")
            ask_once(server, service, host, case.get("parameters"))
            if case["name"] == "utf8-not-declared-text":  # read as ISO-8859-1 there, though it is UTF-8
                case["payload"] = case["payload"].encode("latin-1").decode()
            expected = case["payload"].replace(case.get("host") or "-no host-", host or "")
            assert masked(lines.wait(service)) == masked(expected), case
    assert len(cases) >= 22


# --- the session

SHELL = ("c1", "c19")  # of the recorded connections, those of the shell; the others are the worker's
WORKLOAD = EVENT_BUS + API + "SetWorkloadCommand"
# What the original worker never answered, since it had died of the first of these (the recordings say so); ours does.
DONE_BY_OURS = {"request const n3 no ia": ["w1:hello:0"], "request expo n5": ["w1:hello:0"]}


class Session:
    """The recorded session with the ports of this test, and a mirror of its keys in another database of the same Redis:
    all that the recorded shell and worker did to keys is done there."""

    def __init__(self, server, ports):
        self.server, self.mirror = server, server.connect()
        self.mirror.command("SELECT", 1)
        self.steps = []
        for line in recorded("shell-session.jsonl"):
            line["args"] = [re.sub(r"\b(16379|18080|18082)\b", lambda m: str(ports[m[0]]), text) for text in line["args"]]
            if not self.steps or self.steps[-1][0] != line["step"]:
                self.steps.append((line["step"], []))
            self.steps[-1][1].append(line)
        self.events = server.listen(DONE, EVENT_BUS + API + "RegisterWorkerEvent").messages

    def on_mirror(self, line):
        changes = ("SADD", "SREM", "SET", "DEL", "HMSET", "RPUSH")
        if line["command"] in changes:
            self.mirror.command(line["command"], *line["args"])

    def keys(self, command):
        """All keys but those that only ours has: heartbeats, and what its answers leave for those who don't take them."""
        found = {}
        for key in command("KEYS", "*"):
            if key.endswith(":heartbeat") or "__rpc_" in key:
                continue
            kind = command("TYPE", key)
            if kind == "none":
                continue  # it has gone meanwhile
            if kind == "string":
                found[key] = json.loads(command("GET", key) or "null")
            else:
                read = {"set": ("SMEMBERS", key), "hash": ("HGETALL", key), "list": ("LRANGE", key, 0, -1)}[kind]
                value = command(*read)
                found[key] = sorted(value) if kind == "set" else dict(zip(value[::2], value[1::2])) if kind == "hash" else value
        return found

    def keys_of_both(self):
        recorded = self.keys(self.mirror.command)
        if "w1" in recorded:  # ours doesn't tell everybody the password
            recorded["w1"] = {key: value for key, value in recorded["w1"].items() if "password" not in key}
        return self.keys(self.server), recorded


def answers_of(step):
    """What the recorded worker answered to remote calls, by the channel they were asked for on."""
    answers = {}
    for line in step:
        if line["command"] == "LPUSH" and "__rpc_" in line["args"][0]:
            answers.setdefault(line["args"][0], []).append(line["args"][1])
    return answers


def hello(connection, _):
    while peers.read_request(connection) is not None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nhello galileo\n")


@pytest.fixture
def application():
    with peers.serve(hello) as port:
        yield port


def test_the_recorded_session_gets_the_recorded_answers(redis, worker, application):
    server = redis(password="secret")
    ports = {"16379": server.port, "18080": application, "18082": free_port()}
    traces = []
    server.listen(TRACES, handler=lambda _, line: traces.append(line))
    session = Session(server, ports)
    worker(server, "w1", galileo_zone="main", galileo_logging_level="INFO")
    session.events.get(timeout=10)  # that it has registered, before the session
    compared = dict.fromkeys(("answers", "events", "keys"), 0)
    seen = []
    for name, step in session.steps:
        expected_events, receivers, waiting = [], {}, {}
        recorded_answers = answers_of(step)
        for line in step:
            session.on_mirror(line)
            command, arguments = line["command"], line["args"]
            if line["connection"] not in SHELL:
                if command == "PUBLISH" and arguments[0] in (DONE, EVENT_BUS + API + "RegisterWorkerEvent"):
                    expected_events.append((arguments[0], arguments[1]))
                if command == "PUBLISH" and arguments[0] == TRACES:
                    seen.append(arguments[1])
                continue
            if command in ("SUBSCRIBE", "UNSUBSCRIBE"):
                continue
            if command == "BRPOP":
                # As often as there were receivers, as the shell does; the original's client 0 was dead by then.
                if arguments[0] in waiting:
                    continue
                waiting[arguments[0]] = [server("BRPOP", arguments[0], 5)[1] for _ in range(receivers[arguments[0]])]
                continue
            result = server(command, *arguments)
            if command == "PUBLISH" and "__rpc_" in arguments[1]:
                receivers[EVENT_BUS + json.loads(arguments[1])["__obj"][1]] = result
        for channel, answers in recorded_answers.items():
            given = list(waiting[channel])
            if name == "info":
                [own] = [text for text in given if '"w1:hello:0"' in text]  # which lives here
                given.remove(own)
            assert sorted(map(without_failed_of_three, given)) == sorted(map(without_failed_of_three, answers)), name
            compared["answers"] += len(answers)
        expected_events += [(DONE, json.dumps({"__obj": [client], "__type": API + "WorkloadDoneEvent"}))
                            for client in DONE_BY_OURS.get(name, [])]
        came = [session.events.get(timeout=10 * SLOWER) for _ in expected_events]
        assert sorted(came) == sorted(expected_events), name
        compared["events"] += len(came)
        if name == "rps 20":
            time.sleep(0.3)
        wait_for(lambda: operator.eq(*session.keys_of_both()), lambda: f"the same keys after '{name}': {session.keys_of_both()}")
        compared["keys"] += 1
    assert session.events.empty()
    # The traces, but for the rate's, of which nobody knows how many there were in time.
    wait_for(lambda: len(traces) >= 5 + 3 + 5 + 8 + 10 + 2, "the traces")
    assert by_client(traces, "w1:hello:1") == by_client(seen, "w1:hello:1") != []
    assert by_client(traces, "w1:hello:2") == by_client(seen, "w1:hello:2") != []
    assert by_client(traces, "w1:noroute:4") == by_client(seen, "w1:noroute:4") != []
    first = by_client(seen, "w1:hello:0")
    assert len(first) == 5 and by_client(traces, "w1:hello:0")[:5] == first
    # Which of three hosts is asked, is drawn; what a trace of each looks like, isn't.
    assert len(by_client(traces, "w1:three:3")) == len(by_client(seen, "w1:three:3")) == 10
    assert set(by_client(traces, "w1:three:3")) <= set(by_client(seen, "w1:three:3"))
    assert compared == {"answers": 14, "events": 8, "keys": len(session.steps)}


def without_failed_of_three(text):
    """How many of its ten requests went to the host that is down: as the draws have it."""
    return re.sub(r"(\"galileo_zone\": \"main\"}\]\], 10, )\d+", r"\1N", text)


def by_client(lines, client):
    """The client's traces without ids, times and the application's own headers."""
    return [re.sub(r"\{.*\}", "{HEADERS}", masked(line)) for line in lines if line.split(",")[1] == client]
