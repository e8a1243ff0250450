"""Requests that are made one by one, and checks, on workers of a fleet over a real Redis: the same requests as from one machine, each
row and each record once, checks counted, and what can't be refused before anything is sent."""
import collections
import json
import os
import re
import signal
import sqlite3

import pytest
from conftest import SLOWER, result_of, strip_colour, wait_for
from raw_server import RawServer
from redis_server import ForeignWorker
from replay_test import log_of


@pytest.fixture
def server():
    server = RawServer(lambda request, _: answer_to(request))
    yield server
    server.close()


def answer_to(request):
    """An order's number comes back; every fourth login is refused."""
    target = request.line.split()[1]
    number = re.search(r"\d+", target)
    refused = target.startswith("/login") and number and int(number[0]) % 4 == 0
    body = b'{"no": 1}' if refused else b'{"token": "t%s"}' % (number[0].encode() if number else b"")
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.fixture
def workers(start, redis, tmp_path):
    """workers("a", "b"): a bus with these workers, whose folders hold nothing of the experiment's; .processes by name."""
    def call(*names, **options):
        bus = redis()
        bus.processes = {}
        for name in names:
            folder = tmp_path / f"of-{name}"
            folder.mkdir(exist_ok=True)
            bus.processes[name] = start("worker", "--name", name, "--bus", bus.url, "--traces", "redis", cwd=folder, env={**os.environ, **bus.env, **options})
        for name in names:
            wait_for(lambda: bus("GET", f"galileo:worker:{name}:heartbeat") and bus("SISMEMBER", "galileo:workers", name), f"{name} to register")
        return bus
    return call


def write(tmp_path, server, client, rest="", **files):
    folder = tmp_path / "controller"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    path = folder / "experiment.yaml"
    path.write_text(f'name: made\nseed: 7\ntelemetry: off\nservices: {{s: {{hosts: "{server.address}"}}}}\nclients:\n  - service: s\n{client}{rest}')
    return path


def sent(server):
    """All that was asked, whatever the order, but for what is of a connection."""
    return collections.Counter((r.line, r.body, tuple(r.all("X-Id")), tuple(r.all("Authorization"))) for r in server.requests)


def rows(tmp_path, query):
    connection = sqlite3.connect(tmp_path / "galileo.sqlite")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


ORDERS = """    requests: 15
    num: 4
    rate: 400
    data: {file: users.csv, order: random}
    request:
      method: post
      path: /orders/{{seq}}?user={{row.user}}&c={{client}}
      headers: {X-Id: "{{uuid}}", Authorization: "{{basic row.user row.password}}", X-Secret: "{{env MADE_SECRET}}"}
      json: {n: "{{raw rand_int 1 1000}}", file: "{{base64 cat.bin}}", of: "{{choice a b}}"}
"""
USERS = 'user,password\nann lee,"a ""b"""\nbob,p&q\nzoë,x\n'


def test_workers_send_the_same_requests_as_one_machine(run, workers, server, tmp_path):
    path = write(tmp_path, server, ORDERS, users_csv=USERS, cat_bin=b"meow\xff\x00")
    secret = {"MADE_SECRET": "only the controller has it"}
    done = run("run", path, "--json", "here.json", env=secret)
    assert done.ran, done
    here = sent(server)
    assert sum(here.values()) == 60
    for names in (("a",), ("b", "c", "d")):
        server.requests.clear()
        bus = workers(*names)
        done = run("run", path, "--bus", bus.url, "--json", "there.json", "--db", f"{len(names)}.sqlite", env=secret, timeout=60)
        assert done.ran, done
        assert sent(server) == here
        assert {tuple(r.all("X-Secret")) for r in server.requests} == {("only the controller has it",)}
        result = result_of(tmp_path / "there.json")
        assert result["ledger"]["answered"] == 60 and result["ledger"]["balanced"] and result["ledger"]["traces"]["stored"] == 60
        # Nothing stays on the bus.
        assert bus("KEYS", "galileo:run:*") == [] and bus("KEYS", "galileo:client:*") == []


@pytest.mark.parametrize("pace", ["closed_loop: {connections: 2}", "rate: 2000"])
def test_each_row_is_used_once_over_all_workers_and_the_end_is_told(run, workers, server, tmp_path, pace):
    bus = workers("a", "b", "c")
    client = f'    num: 7\n    {pace}\n    data: {{file: ids.csv, order: once}}\n    request: {{path: "/{{{{row.id}}}}"}}\n'
    path = write(tmp_path, server, client, ids_csv="id\n" + "".join(f"{n}\n" for n in range(503)))
    done = run("run", path, "--bus", bus.url, "--json", "r.json", timeout=60)
    assert done.ran, done
    assert sorted(int(re.match(r"GET /(\d+) ", request.line)[1]) for request in server.requests) == list(range(503))
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["intended"] == 503 and result["ledger"]["balanced"]
    assert any(note.endswith("ids.csv has ended the load: all 503 rows are used") for note in result["notes"]), result["notes"]


STEPS = """    num: 2
    rate: 100
    requests: 20
    steps:
      - name: login
        request: {path: "/login/{{seq}}"}
        checks: [{ok: status 200}]
        take: {token: json /token}
        think: uniform(0.01, 0.02)
      - name: order
        request: {path: "/order/{{value.token}}"}
        checks: [{fresh: "body has token"}, {never: status 500}]
"""


def test_checks_and_steps_are_told_as_on_one_machine(run, workers, server, tmp_path):
    path = write(tmp_path, server, STEPS, 'thresholds: ["checks(ok) == 100%", "checks(never) > 50%"]\n')
    told = []
    for where in ("here", "there"):
        server.requests.clear()
        bus = ("--bus", workers("a", "b").url) if where == "there" else ()
        done = run("run", path, *bus, "--json", f"{where}.json", "--db", f"{where}.sqlite", "--report", f"{where}.html", timeout=60)
        assert done.code in (90, 99), done
        result = result_of(tmp_path / f"{where}.json")
        connection = sqlite3.connect(tmp_path / f"{where}.sqlite")
        traces = connection.execute("SELECT STEP, FAILED_CHECK, ERROR, count(*) FROM traces GROUP BY 1, 2, 3 ORDER BY 1, 2, 3").fetchall()
        connection.close()
        notes = sorted(re.sub(r" \(worker .*", "", note) for note in result["notes"] if note.startswith("no_value"))
        told.append((sent(server), result["checks"], result["ledger"]["failed"], [(one["name"], one["answered"], one["failed"]) for one in result["steps"]],
                     [(one["value"], one["passed"]) for one in result["thresholds"]], traces, len(notes)))
        assert result["ledger"]["balanced"], result["ledger"]
        assert re.search(r"✓ ok +40 passed, 0 failed", strip_colour(done.out + done.err)), done
    here, there = told
    assert here == there
    assert here[1] == [{"name": "ok", "passed": 40, "failed": 0}, {"name": "fresh", "passed": 30, "failed": 0}, {"name": "never", "passed": 0, "failed": 30}]
    assert here[2] == {"no_value": 10, "check": 30} and here[6] == 1


def test_a_replay_is_shared_out_and_each_record_is_sent_once_and_at_its_time(run, workers, server, tmp_path):
    bus = workers("a", "b", "c")
    path = write(tmp_path, server, "    replay: {file: access.log, speed: 2}\n", access_log=log_of(1001, rate=500))
    done = run("run", path, "--bus", bus.url, "--json", "r.json", timeout=60)
    assert done.ran, done
    assert sorted(request.line for request in server.requests) == sorted(f"GET /p/{i} HTTP/1.1" for i in range(1001))
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["intended"] == result["ledger"]["answered"] == 1001 and result["ledger"]["balanced"]
    assert any("1,001 records read, 1,001 sent" in note for note in result["notes"]), result["notes"]
    times = [time for time, in rows(tmp_path, "SELECT CREATED FROM traces ORDER BY 1")]
    assert abs(times[-1] - times[0] - 1) < 0.02
    assert [count for count, in rows(tmp_path, "SELECT count(*) FROM traces GROUP BY CLIENT ORDER BY CLIENT")] == [334, 334, 333]
    # An end before the log's, and fewer records than workers.
    for client, wanted in (("    replay: {file: access.log, speed: 10}\n    requests: 7\n", 7), ("    replay: short.log\n", 2)):
        server.requests.clear()
        path = write(tmp_path, server, client, access_log=log_of(100, rate=500), short_log=log_of(2, rate=500))
        done = run("run", path, "--bus", bus.url, "--json", "r.json", timeout=60)
        assert done.ran, done
        assert sorted(request.line for request in server.requests) == sorted(f"GET /p/{i} HTTP/1.1" for i in range(wanted))


def test_a_replays_bodies_of_a_template_are_made_by_whoever_sends_them(run, workers, server, tmp_path):
    """Numbers over all workers, and a file that the workers haven't."""
    bus = workers("a", "b")
    path = write(tmp_path, server, "    replay: {file: access.log, speed: 100, body: '{{seq}} {{file words}}'}\n", access_log=log_of(20, rate=500).replace("GET", "POST"), words="some words")
    done = run("run", path, "--bus", bus.url, "--json", "r.json", timeout=60)
    assert done.ran, done
    assert sorted(int(request.body.split()[0]) for request in server.requests) == list(range(1, 21))
    assert all(request.body.endswith(b" some words") for request in server.requests)


def test_targets_are_sent_one_after_the_other_over_all_workers_with_their_bodies(run, workers, server, tmp_path):
    bus = workers("a", "b")
    (tmp_path / "controller/bodies").mkdir(parents=True)
    (tmp_path / "controller/bodies/one").write_bytes(b"\xffbody")
    path = write(tmp_path, server, "    num: 2\n    rate: 100\n    requests: 15\n    targets: targets\n",
                 targets="GET /a\n\nPOST /b\n@bodies/one\n\nPOST /c\nX-Id: 7\n@bodies/one\n")
    done = run("run", path, "--bus", bus.url, "--json", "r.json", timeout=60)
    assert done.ran, done
    assert sent(server) == {("GET /a HTTP/1.1", b"", (), ()): 10, ("POST /b HTTP/1.1", b"\xffbody", (), ()): 10, ("POST /c HTTP/1.1", b"\xffbody", ("7",), ()): 10}


def test_several_phases_use_what_the_workers_were_given_once(run, workers, server, tmp_path):
    bus = workers("a", "b")
    path = write(tmp_path, server, "", ids_csv="id\n1\n2\n3\n4\n")
    phase = "{name: %s, clients: [{service: s, num: 2, rate: 50, requests: 2, data: {file: ids.csv, order: once}, request: {path: '/{{row.id}}'}}]}"
    path.write_text(path.read_text().replace("clients:\n  - service: s\n", f"phases: [{phase % 'one'}, {phase % 'two'}]\n"))
    done = run("run", path, "--bus", bus.url, "--json", "r.json", timeout=60)
    assert done.ran, done
    assert collections.Counter(request.line.split()[1] for request in server.requests) == {f"/{n}": 2 for n in range(1, 5)}


CHECKED = "    rate: 50\n    requests: 5\n    checks: [{ok: status 200}]\n"


@pytest.mark.parametrize("old", ["of the old system", "of version 0.0"])
def test_a_worker_that_doesnt_know_such_requests_is_refused_by_its_name_before_anything_is_sent(run, workers, server, tmp_path, old):
    bus = workers("good")
    foreign = ForeignWorker(bus, "older", {"zone": "a"})
    if old == "of version 0.0":
        bus("SET", "galileo:worker:older:heartbeat", json.dumps({"worker": "older", "boot": "b", "version": "0.0", "pid": 1, "at_ns": 0, "traces_waiting": 0}))
    done = run("run", write(tmp_path, server, CHECKED), "--bus", bus.url, timeout=60)
    assert done.code == 2 and "worker older doesn't know the checks of client 's'" in done.err and old in done.err, done
    assert not server.requests and not foreign.made
    # One whose labels leave it out is sent by the other.
    bus("HSET", "good", "zone", "b")
    foreign.close()


@pytest.mark.parametrize("client, files, told", [
    ('    data: {file: big.csv}\n    request: {path: "/{{row.id}}"}\n', {"big.csv": 257 << 20}, r"big\.csv: it has 257\.0 MiB, and at most 256\.0 MiB of a file travel"),
    ('    request: {method: post, data: "{{file one}}{{file two}}{{file three}}"}\n', {"one": 200 << 20, "two": 201 << 20, "three": 202 << 20},
     r"three: with it the run's files are more than 512\.0 MiB"),
    ('    data: {file: bad.csv}\n    request: {path: "/{{row.id}}"}\n', {}, r"worker a can't make the clients' requests, .*bad\.csv"),
    ("    app: ./mine\n", {}, r"clients\[0\]\.app can't be a folder on a fleet"),
])
def test_what_workers_cant_be_given_is_told_before_anything_is_sent(run, workers, server, tmp_path, client, files, told):
    bus = workers("a")
    path = write(tmp_path, server, "    rate: 10\n    requests: 5\n" + client, bad_csv="id,name\n1,2,3\n")
    for name, size in files.items():
        (path.parent / name).write_text("id\n1\n")
        os.truncate(path.parent / name, size)
    done = run("run", path, "--bus", bus.url, timeout=120)
    assert done.code not in (0, 90) and re.search(told, done.err), done
    assert "/proc/self" not in done.err and not server.requests
    assert bus("KEYS", "galileo:run:*") == []


def test_a_path_of_the_controllers_is_never_opened_by_a_worker(workers, tmp_path):
    """By somebody who says what no controller of ours does."""
    import hashlib
    bus = workers("a")
    (tmp_path / "of-a/secret").write_text("the worker's own")
    description = json.dumps({"version": 1, "method": "POST", "path": "/", "body": "galileo0template0000000z", "source": "templates",
                              "parameters": {"mark.000000": f"pfile '{tmp_path}/of-a/secret'"}}).encode()
    name = hashlib.sha256(description).hexdigest()
    bus("RPUSH", f"galileo:run:r:content:{name}", description)
    with pytest.raises(AssertionError, match="requests are made of what wasn't sent"):
        bus.rpc("Worker.take_requests:a", {"run": "r", "descriptions": [{"hash": name, "bytes": len(description), "called": "x"}], "contents": []})


APP = """
n = 0
def next_request():
    global n
    n += 1
    return "post", "/app", {"json": n}
"""


def test_an_app_on_a_fleet_has_checks_and_a_time_out(run, workers, server, tmp_path):
    bus = workers("a", "b")
    for name in "ab":
        app = tmp_path / f"of-{name}/apps/mine"
        app.mkdir(parents=True)
        (app / "manifest.yml").write_text("name: mine\n")
        (app / "generator.py").write_text(APP)
    path = write(tmp_path, server, "    app: mine\n    num: 2\n    rate: 50\n    requests: 5\n    request: {timeout: 5s}\n    checks: [{ok: status 200}]\n")
    done = run("run", path, "--bus", bus.url, "--json", "r.json", timeout=60)
    assert done.ran, done
    assert result_of(tmp_path / "r.json")["checks"] == [{"name": "ok", "passed": 10, "failed": 0}]
    assert sorted(json.loads(request.body) for request in server.requests) == sorted([1, 2, 3, 4, 5] * 2)


def test_a_worker_that_dies_in_a_replay_is_a_named_loss_and_the_books_balance(start, workers, server, tmp_path):
    bus = workers("a", "b")
    path = write(tmp_path, server, "    replay: access.log\n", access_log=log_of(2000, rate=500))
    with open(tmp_path / "out", "w") as log:
        process = start("run", path, "--bus", bus.url, "--json", "r.json", cwd=tmp_path, log=log)
        wait_for(lambda: len(server.requests) > 200, "requests to be sent", 30)
        bus.processes["b"].kill()
        process.wait(60 * SLOWER)
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["balanced"], result["ledger"]
    reasons = " ".join(result["verdict"]["reasons"])
    assert "worker b died" in reasons and "nobody sent the rest of what was worker b's share of s's replay: one of 2 requests" in reasons, reasons
    by_a = [request for request in server.requests if int(re.search(r"\d+", request.line)[0]) % 2 == 0]
    assert len(by_a) == 1000 and len({request.line for request in server.requests}) == len(server.requests)


def test_ctrl_c_in_the_midst_of_scenarios_ends_them_and_the_books_balance(start, workers, server, tmp_path):
    bus = workers("a", "b")
    path = write(tmp_path, server, STEPS.replace("requests: 20", "duration: 60s").replace("uniform(0.01, 0.02)", "2s"))
    with open(tmp_path / "out", "w") as log:
        process = start("run", path, "--bus", bus.url, "--json", "r.json", cwd=tmp_path, log=log)
        wait_for(lambda: len(server.requests) > 100, "requests to be sent", 30)
        process.send_signal(signal.SIGINT)
        process.wait(60 * SLOWER)
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["balanced"], result["ledger"]
    assert result["ledger"]["not_sent"].get("stopped", 0) > 0 or result["ledger"]["failed"].get("stopped", 0) > 0, result["ledger"]
    assert bus("KEYS", "galileo:run:*") == [] and bus("KEYS", "galileo:client:*") == []
