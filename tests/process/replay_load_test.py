"""`galileo load --replay` and `--targets`, and experiments with `replay` and `targets`: each request of a file is sent, once or round and
round, as it stands there and when its time has come."""
import collections
import json
import sqlite3
import subprocess

import pytest
from conftest import ROOT, accepts, free_port, result_of, wait_for
from raw_server import RawServer
from replay_test import ASKED, ask, log_of, nginx  # noqa: F401


@pytest.fixture
def server():
    server = RawServer()
    yield server
    server.close()


def lines_of(server):
    """What was asked, as first lines without their version."""
    return [request.line.rsplit(" ", 1)[0] for request in server.requests]


def due(database):
    """When requests were due, in seconds since the first."""
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(traces)")]
        created = next(one for one in columns if one.lower() == "created")
        times = sorted(row[0] for row in connection.execute(f"SELECT {created} FROM traces"))
    return [time - times[0] for time in times]


def test_what_nginx_has_logged_comes_to_another_server_as_it_came_to_it(run, nginx, server):  # noqa: F811
    folder, port = nginx
    for _ in range(20):
        for line, _ in ASKED:
            ask(port, line)
    log = folder / "timed.log"
    wait_for(lambda: log.read_text().count("\n") == 20 * len(ASKED), "nginx's log")
    done = run("load", f"http://{server.address}/", "--replay", log, "--speed", "100", "--threads", "2", "--json", "r.json", "--no-telemetry")
    assert done.ran, done
    wanted = collections.Counter(f"{line.split()[0]} {target}" for line, target in ASKED for _ in range(20))
    assert collections.Counter(lines_of(server)) == wanted
    for request in server.requests:
        assert request.all("User-Agent") == ['test "agent"'] and request.all("Host") == [server.address] and len(request.all("Content-Length")) == request.line.startswith("POST")
    assert "times are ends" in done.err + done.out and "whole seconds" in done.err + done.out, done


@pytest.mark.parametrize("speed", ["2", "10"])
def test_a_replay_lasts_as_long_as_its_log_over_the_speed_and_its_count_is_exact(run, server, tmp_path, speed):
    (tmp_path / "log").write_text(log_of(2001, rate=500))
    done = run("load", f"http://{server.address}/", "--replay", "log", "--speed", speed, "--db", "t.sqlite", "--no-telemetry")
    assert done.ran, done
    times = due(tmp_path / "t.sqlite")
    assert len(times) == len(server.requests) == 2001
    assert abs(times[-1] - 4 / float(speed)) < 0.01, times[-1]
    assert sorted(lines_of(server)) == sorted(f"GET /p/{i}" for i in range(2001))


def test_headers_and_bodies_go_out_as_recorded_but_for_credentials(run, server, tmp_path):
    entry = {"startedDateTime": "2026-11-30T10:00:00.000Z", "request": {
        "method": "PUT", "url": "http://elsewhere/x?token=geheim&b=%7E", "headers": [{"name": "Authorization", "value": "geheim"}, {"name": "X-A", "value": "b"},
            {"name": ":path", "value": "/x"}, {"name": "Transfer-Encoding", "value": "chunked"}, {"name": "Accept", "value": "a/b"}, {"name": "Host", "value": "elsewhere"}],
        "postData": {"mimeType": "text/plain", "text": "ž"}}}
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    done = run("load", f"http://{server.address}/", "--replay", "a.har", "-H", "Authorization: staging", "-H", "accept: c/d", "--no-telemetry", "--json", "r.json")
    assert done.ran, done
    [request] = server.requests
    assert request.line == "PUT /x?b=%7E HTTP/1.1" and request.body == "ž".encode(), request.line
    headers = sorted((name.lower(), value) for name, value in request.headers if name.lower() not in ("user-agent",))
    assert headers == sorted([("accept", "c/d"), ("authorization", "staging"), ("x-a", "b"), ("content-type", "text/plain"), ("host", server.address),
                              ("content-length", "2")]), headers
    assert "geheim" not in done.out + done.err + (tmp_path / "r.json").read_text()
    server.requests.clear()
    assert run("load", f"http://{server.address}/", "--replay", "a.har", "--keep-secrets", "--keep-host", "--no-telemetry").ran
    [request] = server.requests
    assert request.line == "PUT /x?token=geheim&b=%7E HTTP/1.1" and request.all("authorization") == ["geheim"] and request.all("host") == ["elsewhere"]


TARGETS = """GET http://{0}/a?b=%7E&c
X-A: 1

# a word
POST http://{0}/b/../c
Content-Type: text/x
@body

DELETE http://{0}/d
GET http://{0}/e
"""


@pytest.mark.parametrize("pace", [("-c", "3"), ("--rate", "500"), ("-c", "1")])
def test_targets_are_sent_one_after_the_other_and_round_again(run, server, tmp_path, pace):
    (tmp_path / "body").write_bytes(b"\0\xffbody")
    (tmp_path / "targets").write_text(TARGETS.format(server.address))
    done = run("load", "--targets", "targets", "-n", "40", *pace, "-H", "X-All: yes", "--no-telemetry", "--threads", "2")
    assert done.ran, done
    counts = collections.Counter(lines_of(server))
    assert counts == {"GET /a?b=%7E&c": 10, "POST /b/../c": 10, "DELETE /d": 10, "GET /e": 10}, counts
    for request in server.requests:
        assert request.all("X-All") == ["yes"] and request.all("Host") == [server.address]
        assert request.all("X-A") == (["1"] if "/a" in request.line else []), request.headers
        assert request.body == (b"\0\xffbody" if request.line.startswith("POST") else b""), request.line
    if pace == ("-c", "1"):
        assert lines_of(server)[:5] == ["GET /a?b=%7E&c", "POST /b/../c", "DELETE /d", "GET /e", "GET /a?b=%7E&c"]


def test_targets_in_json_and_what_isnt_one(run, server, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"method": "POST", "url": f"http://{server.address}/x", "body": "aGVsbG8=", "header": {"A": ["b", "c"]}}) + "\n")
    assert run("load", "--targets", "t.json", "-n", "2", "--no-telemetry").ran
    assert [(one.line, one.body, one.all("A")) for one in server.requests] == [("POST /x HTTP/1.1", b"hello", ["b", "c"])] * 2
    for text, said in (("", "there is no target in it"), ("GET http://a/\nwhat\n", "t, line 2: it is neither a header nor a body's file"),
                       ("GET http://a/\n\nGET http://b/\n", "line 3: it is of http://b, and those before of http://a"),
                       ("POST http://a/\n@nobody\n", "nobody"), ("GET /path\n", "names no host")):
        (tmp_path / "t").write_text(text)
        done = run("load", "--targets", "t", "-n", "1")
        assert done.code == 2 or "nobody" in said and done.code, done
        assert said in done.err and done.err.count("\n") == 1, done


def test_what_a_replay_cant_be_beside_is_refused_before_anything_is_sent(run, server, tmp_path):
    (tmp_path / "log").write_text(log_of(3))
    url = f"http://{server.address}/"
    for flags, said in ((("--rate", "5"), "beside"), (("--clients", "2"), "of a replay must be 1"), (("--targets", "log"), "can't both be given"), (("--method", "PUT"), "has its own"),
                        (("--speed", "1000"), "from 0.1 to 100"), (("--format", "har"), "can't be read")):
        done = run("load", url, "--replay", "log", *flags)
        assert done.code == 2 and said in done.err, (flags, done)
    for flags in (("--speed", "2"), ("--keep-secrets",)):
        done = run("load", url, *flags)
        assert done.code == 2 and "--replay" in done.err, done
    done = run("load", "--replay", "log")
    assert done.code == 2 and "URL" in done.err, done
    assert not server.requests


EXPERIMENT = """name: x
services: {{a: {{hosts: {{"{}": 1}}}}}}
clients:
  - service: a
    replay: {{file: logs/log, speed: 10, fields: {{target: path}}, share: 1.0}}
  - service: a
    name: others
    targets: logs/targets
    closed_loop: {{connections: 2}}
    requests: 6
telemetry: off
"""


def test_an_experiment_file_has_both(run, server, tmp_path):
    (tmp_path / "e/logs").mkdir(parents=True)
    (tmp_path / "e/logs/log").write_text(log_of(20))
    (tmp_path / "e/logs/targets").write_text("GET /t1\n\nGET /t2\n\nPOST /t3\n@logs/body\n")
    (tmp_path / "e/logs/body").write_text("body")
    (tmp_path / "e/x.yaml").write_text(EXPERIMENT.format(server.address))
    dry = run("run", "e/x.yaml", "--dry-run")
    assert dry.code == 0 and "replay of" in dry.out and "targets of" in dry.out, dry
    done = run("run", "e/x.yaml", "--json", "r.json")
    assert done.ran, done
    assert collections.Counter(lines_of(server)) == {**{f"GET /p/{i}": 1 for i in range(20)}, "GET /t1": 2, "GET /t2": 2, "POST /t3": 2}
    text = (tmp_path / "e/x.yaml").read_text()
    for old, new, said in (("speed: 10", "speed: fast", "clients[0].replay.speed: 'fast' isn't a replay's speed"), ("logs/log", "logs/none", "No such file"),
                           ("target: path", "what: x", "unknown key 'what'"), ("    targets:", "    rate: 5\n    targets:", "only one of"),
                           ("file: logs/log, ", "", "file is missing")):
        (tmp_path / "e/y.yaml").write_text(text.replace(old, new))
        done = run("run", "e/y.yaml", "--dry-run")
        assert done.code == 2 and said in done.err, (new, done)


GROWING = """
import pathlib, socket, sys, time
log = pathlib.Path("log")
log.write_text(log.read_text() * 2)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
"""


def test_a_log_that_changes_before_it_is_sent_is_noticed(run, server, tmp_path):
    """As one that is still written to: its times are the plan's, its requests are read when they are needed."""
    (tmp_path / "log").write_text(log_of(5))
    (tmp_path / "grow.py").write_text(GROWING)
    port = free_port()
    (tmp_path / "x.yaml").write_text(f"""name: x
applications: [{{name: grow, command: [/usr/bin/python3, grow.py, "{port}"], ready: "127.0.0.1:{port}"}}]
services: {{a: {{hosts: {{"{server.address}": 1}}}}}}
clients: [{{service: a, replay: log}}]
telemetry: off
""")
    done = run("run", "x.yaml")
    assert done.code not in (0, 90), done


def test_the_example_runs_and_sends_its_log(run, tmp_path):
    log = ROOT / "examples/replay/access.log"
    figures = run("replay", "show", log, "--json")
    wanted = json.loads(figures.out)
    done = run("run", ROOT / "examples/replay/experiment.yaml", "--json", "r.json", "--set", "clients[0].replay.speed=20", timeout=60)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert json.dumps(result).find(f'"intended": {wanted["requests"]}') > 0 or result["requests"]["intended"] == wanted["requests"], result.keys()


LACKS_BODIES = "".join(f'127.0.0.1 - - [01/Dec/2026:08:00:0{second} +0000] "{method} /{second} HTTP/1.1" 200 2\n'
                       for second, method in enumerate(("POST", "GET", "PUT", "POST", "PATCH")))
BODY = '{"id": {{seq}}, "key": "{{uuid}}", "kind": "{{choice a b}}", "token": "{{env TOKEN}}"}'


def test_a_body_that_the_log_lacks_is_made_anew_for_each_request(run, server, tmp_path):
    """By the request's number and the seed: the same bodies twice; what has none stays without."""
    (tmp_path / "access.log").write_text(LACKS_BODIES)
    seen = []
    for _ in range(2):
        server.requests.clear()
        done = run("load", f"http://{server.address}", "--replay", "access.log", "--speed", "100", "--body", BODY, "--seed", "5", "--json", "r.json", "--db", "none", env={"TOKEN": "a-secret"})
        assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 5, done
        assert "a-secret" not in (tmp_path / "r.json").read_text() + done.out + done.err
        seen.append(sorted((request.line.split()[1], request.line.split()[0], request.body) for request in server.requests))
    assert seen[0] == seen[1]
    bodies = {target: json.loads(body) for target, method, body in seen[0] if body}
    assert {target: body["id"] for target, body in bodies.items()} == {"/0": 1, "/2": 3, "/3": 4, "/4": 5}
    assert len({body["key"] for body in bodies.values()}) == 4 and {body["token"] for body in bodies.values()} == {"a-secret"}
    assert all(body["kind"] in "ab" for body in bodies.values())


@pytest.mark.parametrize("body, told", [("{{row.user}}", "a row's or an answer's values"), ("{{value.token}}", "a row's or an answer's values"), ("{{nothing}}", "nothing")])
def test_a_body_that_a_log_can_t_have_is_refused(run, server, tmp_path, body, told):
    (tmp_path / "access.log").write_text(LACKS_BODIES)
    done = run("load", f"http://{server.address}", "--replay", "access.log", "--body", body)
    assert done.code == 2 and told in done.err and server.requests == [], done
