"""`galileo run FILE --bus`: an experiment on the workers of a fleet, over a real Redis, and what becomes of its books
when a worker or the bus goes away."""
import json
import os
import re
import signal
import sqlite3
import time
from urllib.request import urlopen

import pytest
from conftest import SLOWER, free_port, result_of, wait_for
from redis_server import API, EVENT_BUS

FILE = """
name: fleet
creator: me
seed: 7
services: {{app: {{hosts: {{"{host}": 1}}}}}}
{clients}
"""
CLIENTS = """clients:
  - {service: app, num: 4, arrival: {distribution: expovariate, parameters: [100]}, requests: 100}"""


@pytest.fixture
def worker(start, tmp_path):
    """worker(server, "w1"): a running `galileo worker`, registered."""
    def call(server, name, *arguments, env=None, folder=None):
        folder = tmp_path / (folder or name)
        folder.mkdir(exist_ok=True)
        traces = () if "--traces" in arguments else ("--traces", "redis")
        process = start("worker", "--name", name, "--bus", server.url, *traces, "--spool", folder, *arguments, env={**os.environ, **(env or {})})
        wait_for(lambda: server("GET", f"galileo:worker:{name}:heartbeat") and
                 server("SISMEMBER", "galileo:workers", name), f"{name} to register")
        return process
    return call


@pytest.fixture
def write(tmp_path, target):
    url = target()
    host = url.removeprefix("http://").rstrip("/")

    def call(clients=CLIENTS):
        path = tmp_path / "fleet.yaml"
        path.write_text(FILE.format(host=host, clients=clients))
        return path
    return call


def rows(tmp_path, sql):
    return sqlite3.connect(tmp_path / "galileo.sqlite").execute(sql).fetchall()


@pytest.mark.sanitize
@pytest.mark.quick
def test_the_same_file_runs_on_two_workers_and_the_books_balance(run, redis, worker, write, tmp_path):
    server = redis()
    for name in ("w1", "w2"):
        worker(server, name)
    done = run("run", write(), "--bus", server.url, "--json", "r.json", "--report", "r.html", "-q")
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["intended"] == result["ledger"]["answered"] == 400, done
    assert result["ledger"]["balanced"] and result["ledger"]["traces"]["stored"] == 400
    clients = dict(rows(tmp_path, "SELECT CLIENT, count(*) FROM traces GROUP BY CLIENT"))
    assert clients == {f"{w}:app:{n}": 100 for w in ("w1", "w2") for n in (0, 1)}
    # Everything that a trace of one machine has is there too.
    assert rows(tmp_path, "SELECT count(*) FROM traces WHERE INTENDED IS NULL OR FIRST_BYTE IS NULL OR PHASE != 'main'") == [(0,)]
    offsets = [json.loads(value) for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'fleet/clock'")]
    assert sorted(one["worker"] for one in offsets) == ["w1", "w2"]
    assert all(abs(one["offset_ns"]) <= one["uncertainty_ns"] + 2_000_000 for one in offsets), "one machine, one clock"
    assert "the workers began within" in done.out
    # A run leaves nothing behind.
    assert server("KEYS", "routing:*") == [] and server("KEYS", "galileo:client:*") == []


@pytest.mark.quick
def test_a_program_beside_a_run_finds_its_bus_in_its_environment(run, redis, worker, write, tmp_path):
    """Named by --bus alone, with a password; what the file says of its environment holds."""
    server = redis(password="only for tests")
    worker(server, "w1", env={"galileo_redis_password": "only for tests"})
    path = write(CLIENTS + """
beside:
  - {name: scaler, command: [sh, -c, "env; sleep 1000"], environment: {galileo_redis_db: 3}}""")
    env = {name: value for name, value in os.environ.items() if not name.startswith("galileo_redis_")}
    done = run("run", path, "--bus", f"redis://:only%20for%20tests@127.0.0.1:{server.port}", "-q", env={**env, "galileo_redis_url": "redis://elsewhere"})
    assert done.ran, done
    log, = (tmp_path / "galileo.sqlite.logs").rglob("scaler.log")
    said = dict(line.split("=", 1) for line in log.read_text().splitlines() if line.startswith("galileo_redis_"))
    assert said == {"galileo_redis_url": "", "galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(server.port), "galileo_redis_db": "3",
                    "galileo_redis_password": "only for tests"}
    assert b"only for tests" not in (tmp_path / "galileo.sqlite").read_bytes() and "only for tests" not in done.out + done.err


def test_the_schedule_of_a_seed_is_that_of_one_machine(run, redis, worker, write, tmp_path):
    server = redis()
    for name in ("w1", "w2", "w3"):
        worker(server, name)
    path = write(CLIENTS + "\nevents: [{at: 300ms, client: app, arrival: expovariate(300)}]")
    seen = []
    for database, arguments in (("here.sqlite", []), ("fleet.sqlite", ["--bus", server.url])):
        assert run("run", path, "--db", database, "-q", *arguments).ran
        found = sqlite3.connect(tmp_path / database).execute("SELECT CLIENT, CREATED FROM traces").fetchall()
        by_client = {}
        for client, created in found:
            by_client.setdefault(client, []).append(created)
        gaps = [[round((b - a) * 1e6) for a, b in zip(times, times[1:])] for times in map(sorted, by_client.values())]
        seen.append(sorted(gaps))
    assert len(seen[0]) == len(seen[1]) == 4
    for one, other in zip(*seen):
        assert max(abs(a - b) for a, b in zip(one, other)) <= 1


@pytest.mark.sanitize
def test_a_condition_changes_the_rate_on_all_workers_at_one_moment(run, redis, worker, write, tmp_path):
    server = redis()
    for name in ("w1", "w2"):
        worker(server, name)
    path = write("""clients: [{service: app, name: web, num: 2, rate: 20, duration: 4s}]
events: [{when: "answered >= 20", client: web, rate: 200}, {when: "answered >= 20", event: twenty}]""")
    assert run("run", path, "--bus", server.url, "-q").ran
    changed = {}
    for client, due in rows(tmp_path, "SELECT CLIENT, CREATED FROM traces ORDER BY CREATED"):
        changed.setdefault(client, []).append(due)
    assert sorted(changed) == ["w1:app:0", "w2:app:0"]
    began = []
    for due in changed.values():
        gaps = [round(b - a, 3) for a, b in zip(due, due[1:])]
        began.append(due[gaps.index(0.005)] - 0.005)
        assert set(gaps[:8]) == {0.05} and set(gaps[gaps.index(0.005):]) == {0.005}
    # One client is ahead of the other by half of the time between two requests.
    assert abs(began[0] - began[1]) < 0.012, "clocks of one machine differ by little"
    names = [name for name, in rows(tmp_path, "SELECT NAME FROM events ORDER BY TIMESTAMP")]
    assert names.count("client/arrival") == 1 and names.count("twenty") == 1


def test_a_condition_that_comes_to_hold_while_the_bus_is_away_changes_nothing_and_that_is_told(start, redis, worker, write, tmp_path):
    """The run goes on at its old rate, on all workers, and its books balance once the bus is back."""
    server = redis()
    for name in ("w1", "w2"):
        worker(server, name)
    (tmp_path / "flag").write_text("0\n")
    path = write(f"""clients: [{{service: app, name: web, num: 2, rate: 20, duration: {int(12 * SLOWER)}s}}]
telemetry: {{instruments: [file], files: {{flag: {tmp_path}/flag}}}}
events: [{{when: "max(file/flag) >= 1", client: web, rate: 500}}]""")
    traces = []
    server.listen("galileo/results/traces", "galileo/results/batches", handler=lambda *_: traces.append(1))
    process = start("run", path, "--bus", server.url, "-q", "--json", "result.json", log=open(tmp_path / "run.log", "w"))
    told = lambda: (tmp_path / "run.log").read_text()
    wait_for(lambda: traces or process.poll() is not None, told, 30)
    server.kill()
    (tmp_path / "flag").write_text("1\n")
    time.sleep(6 + SLOWER)  # the flag is read each second, the condition looked at five times as often, and 3 s are waited for an answer
    server.launch()
    assert process.wait(60 * SLOWER) in (0, 90), told()
    result = result_of(tmp_path / "result.json")
    assert any(note.startswith("not done: when max(file/flag) >= 1") for note in result["notes"]), result["notes"]
    assert result["ledger"]["balanced"] and result["ledger"]["sent"] == result["ledger"]["intended"] == int(12 * SLOWER) * 40, told()
    assert rows(tmp_path, "SELECT count(*) FROM events WHERE NAME = 'client/arrival'") == [(0,)]


@pytest.mark.sanitize
def test_phases_warmup_profiles_and_labels_work_as_on_one_machine(run, redis, worker, write, tmp_path):
    server = redis()
    worker(server, "here", env={"galileo_zone": "main"})
    worker(server, "there", env={"galileo_zone": "edge"})
    (tmp_path / "profile.csv").write_text("\n".join(["0.01"] * 50))
    clients = """warmup: 300ms
phases:
  - {name: slow, clients: [{service: app, rate: 50, duration: 1s, worker_labels: {galileo_zone: edge}}]}
  - {name: played, clients: [{service: app, arrival: {profile: profile.csv}, worker_labels: {galileo_zone: main}}]}
  - {name: closed, duration: 500ms, clients: [{service: app, closed_loop: {connections: 2}}]}"""
    done = run("run", write(clients), "--bus", server.url, "--json", "r.json", "-q")
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    phases = {phase["name"]: phase for phase in result["phases"]}
    assert set(phases) == {"warmup", "slow", "played", "closed"}, done
    assert 12 <= result["ledger"]["warmup"] <= 16
    assert phases["played"]["answered"] == 50 and phases["closed"]["answered"] > 10
    assert rows(tmp_path, "SELECT DISTINCT substr(CLIENT, 1, 5) FROM traces WHERE PHASE = 'slow'") == [("there",)]
    assert rows(tmp_path, "SELECT DISTINCT substr(CLIENT, 1, 4) FROM traces WHERE PHASE = 'played'") == [("here",)]


@pytest.fixture
def result_of_a_death(start, redis, worker, write, tmp_path):
    """result_of_a_death(clients, after): of a run on w1 and w2, where w2 is killed `after` seconds into it; and what it said."""
    def call(clients, after):
        server = redis()
        worker(server, "w1")
        victim = worker(server, "w2")
        process = start("run", write(clients), "--bus", server.url, "--json", "r.json", "-q")
        wait_for(lambda: server("KEYS", "galileo:client:w2:*"), "clients on the worker")
        time.sleep(after)
        victim.kill()
        out, err = process.communicate(timeout=60)
        return result_of(tmp_path / "r.json"), out + err
    return call


@pytest.mark.sanitize
def test_a_worker_that_is_killed_marks_the_result_and_the_books_balance(result_of_a_death, tmp_path):
    result, said = result_of_a_death("clients:\n  - {service: app, num: 4, rate: 50, duration: 6s}", after=2.5)
    assert any("worker w2 died" in reason for reason in result["verdict"]["reasons"]), said
    assert result["ledger"]["balanced"], result["ledger"]
    assert result["verdict"]["value"] in ("SUSPECT", "INVALID")
    by_worker = dict(rows(tmp_path, "SELECT substr(CLIENT, 1, 2), count(*) FROM traces GROUP BY 1"))
    assert by_worker["w1"] == 600, "the other one went on"
    assert 100 < by_worker["w2"] < 500


def test_the_phases_after_a_workers_death_run_on_those_that_are_left(result_of_a_death, tmp_path):
    result, said = result_of_a_death("""phases:
  - {name: first, clients: [{service: app, num: 2, rate: 50, duration: 6s}]}
  - {name: second, clients: [{service: app, num: 2, rate: 50, duration: 1s}]}""", after=1)
    assert result["ledger"]["balanced"], (result["ledger"], said)
    assert {phase["name"]: phase["answered"] for phase in result["phases"]}["second"] == 100, said
    assert rows(tmp_path, "SELECT DISTINCT substr(CLIENT, 1, 2) FROM traces WHERE PHASE = 'second'") == [("w1",)]


@pytest.mark.sanitize
def test_the_last_worker_dies_between_two_phases_and_the_run_says_so(start, redis, worker, write, tmp_path):
    server = redis()
    victim = worker(server, "w1")
    clients = """phases:
  - {name: first, clients: [{service: app, num: 2, rate: 50, duration: 3s}]}
  - {name: second, clients: [{service: app, num: 2, rate: 50, duration: 1s}]}"""
    process = start("run", write(clients), "--bus", server.url, "--json", "r.json")  # with a view, which looks at what is there
    wait_for(lambda: server("KEYS", "galileo:client:w1:*"), "clients on the worker")
    time.sleep(1.5)
    victim.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 92 and "all workers have died" in err, (process.returncode, out, err)
    assert rows(tmp_path, "SELECT STATUS FROM experiments") == [("FAILED",)]
    kept = rows(tmp_path, "SELECT count(*) FROM traces")[0][0]
    assert kept > 30, "what arrived is kept"
    # And told, with why there isn't more.
    told = re.search(r"verdict INVALID\n.*can't begin phase 'second'.*all workers have died", out)
    assert told and re.search(r"^latency ", out, re.M) and f"stored {kept:,}" in out, out
    result = result_of(tmp_path / "r.json")
    assert result["verdict"]["value"] == "INVALID" and result["ledger"]["traces"]["stored"] == kept
    assert [(phase["name"], phase["answered"] > 30) for phase in result["phases"]] == [("first", True)]


@pytest.mark.sanitize
def test_redis_restarted_in_the_middle_loses_no_trace(start, redis, worker, write, tmp_path):
    server = redis()
    for name in ("w1", "w2"):
        worker(server, name)
    clients = "clients:\n  - {service: app, num: 4, rate: 50, duration: 6s}"
    process = start("run", write(clients), "--bus", server.url, "--json", "r.json", "-q")
    wait_for(lambda: len(server("KEYS", "galileo:client:*")) == 4, "the clients")
    time.sleep(2)
    server.restart(away=1)
    out, err = process.communicate(timeout=90)
    assert process.returncode in (0, 90), out + err
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["intended"] == result["ledger"]["traces"]["stored"] == 1200, out
    assert result["ledger"]["balanced"]
    count, distinct = rows(tmp_path, "SELECT count(*), count(DISTINCT REQUEST_ID) FROM traces")[0]
    assert count == distinct == 1200


def test_a_bus_that_hears_questions_before_it_takes_listeners_is_no_workers_death(start, redis, worker, write, tmp_path):
    server = redis()
    worker(server, "w1")
    process = start("run", write("clients:\n  - {service: app, num: 4, rate: 50, duration: 6s}"), "--bus", server.url, "--json", "r.json", "-q")
    wait_for(lambda: len(server("KEYS", "galileo:client:*")) == 4, "the clients")
    time.sleep(0.5)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(1)  # the run asks for the worker's heartbeat, and waits
    server.kill()
    listening = ["subscribe", "psubscribe"]
    server.words += ["--user", "default", "on", "nopass", "~*", "&*", "+@all", *(f"-{command}" for command in listening)]
    server.launch()  # it is answered by a server that knows nobody
    time.sleep(1)
    server("ACL", "SETUSER", "default", *(f"+{command}" for command in listening))
    out, err = process.communicate(timeout=90 * SLOWER)
    assert process.returncode in (0, 90), out + err
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert "died" not in out and ledger["balanced"] and ledger["traces"]["stored"] == 1200, (ledger, out, err)


def test_a_worker_whose_traces_may_take_little_disk_counts_those_that_found_no_room(start, redis, worker, target, tmp_path):
    server = redis()
    worker(server, "w1", "--spool-max", "4MiB", "--keep-response", "4000")
    host = target("--size", "4000").removeprefix("http://").rstrip("/")
    clients = "clients:\n  - {service: app, num: 4, rate: 250, duration: 8s}\nlimits: {keep_headers: true, keep_response: 4000}"
    (tmp_path / "fleet.yaml").write_text(FILE.format(host=host, clients=clients))
    process = start("run", tmp_path / "fleet.yaml", "--bus", server.url, "--json", "r.json", "-q")
    wait_for(lambda: len(server("KEYS", "galileo:client:*")) == 4, "the clients")
    time.sleep(1.5)
    used, until = 0, time.monotonic() + 4
    server.kill()
    while time.monotonic() < until:
        used = max(used, sum(path.stat().st_blocks * 512 for path in (tmp_path / "w1").iterdir()))
        time.sleep(0.05)
    server.launch()
    out, err = process.communicate(timeout=90 * SLOWER)
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert used <= 4 << 20, used
    assert ledger["balanced"] and ledger["intended"] == 8000, (ledger, out, err)
    traces = ledger["traces"]
    assert traces["lost"] > 500 and traces["stored"] + traces["lost"] == 8000, (traces, out, err)
    assert f"{traces['lost']:,} traces were lost" in out and process.returncode in (0, 90), out
    assert rows(tmp_path, "SELECT count(*), count(DISTINCT REQUEST_ID) FROM traces") == [(traces["stored"], traces["stored"])]


@pytest.mark.sanitize
def test_ctrl_c_stops_the_fleet_and_keeps_what_was_done(start, redis, worker, write, tmp_path):
    server = redis()
    worker(server, "w1")
    clients = "clients:\n  - {service: app, num: 2, rate: 50, duration: 60s}"
    process = start("run", write(clients), "--bus", server.url, "--json", "r.json", "-q")
    wait_for(lambda: server("KEYS", "galileo:client:*"), "the clients")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 105, out + err
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["balanced"] and ledger["answered"] > 50
    assert server("KEYS", "galileo:client:*") == []


@pytest.mark.quick
def test_a_fleet_without_workers_and_a_bus_that_is_not_there(run, redis, write, port):
    server = redis()
    path = write()
    done = run("run", path, "--bus", server.url, "-q")
    assert done.code == 92 and "there are no workers" in done.err, done
    done = run("run", path, "--bus", "redis://127.0.0.1:1", "-q")
    assert done.code == 92 and "127.0.0.1:1" in done.err, done


@pytest.mark.quick
def test_a_worker_takes_its_keys_with_it(redis, worker, tmp_path):
    server = redis()
    process = worker(server, "w1")
    assert server.hash("w1")["galileo_worker_name"] == "w1"
    goodbye = server.listen("__eventbus:global:galileo.worker.api.UnregisterWorkerEvent")
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(goodbye.messages.get(timeout=5)[1])["__obj"] == ["w1"]
    assert server("KEYS", "*") == []
    assert not list((tmp_path / "w1").iterdir()), "a drained spool is deleted"


@pytest.mark.sanitize
@pytest.mark.quick
def test_a_worker_that_is_stopped_at_work_ends_in_time_and_leaves_no_keys(redis, worker):
    server = redis()
    process = worker(server, "w1")
    server.rpc("WorkerDaemon.create_client:w1", ["w1", ["nowhere", None, None, None], 3])
    command = {"__obj": ["w1:nowhere:0", None, "constant", [0.01]], "__type": "galileo.worker.api.SetWorkloadCommand"}
    server("PUBLISH", "__eventbus:global:galileo.worker.api.SetWorkloadCommand", json.dumps(command))
    time.sleep(0.5)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert server("KEYS", "galileo:*") == [] and server("KEYS", "w1") == []


@pytest.mark.parametrize("mode", ["file", "sql"])
def test_traces_are_kept_in_the_spool_or_a_database_as_asked(run, redis, worker, tmp_path, mode):
    server = redis()
    process = worker(server, "w1", "--traces", mode, "--db", tmp_path / "lab.sqlite")
    ids = server.rpc("WorkerDaemon.create_client:w1", ["w1", ["nowhere", None, None, None], 1])
    done = server.listen("__eventbus:global:galileo.worker.api.WorkloadDoneEvent")
    command = {"__obj": [ids[0][0], 20, "constant", [0.01]], "__type": "galileo.worker.api.SetWorkloadCommand"}
    server("PUBLISH", "__eventbus:global:galileo.worker.api.SetWorkloadCommand", json.dumps(command))
    done.messages.get(timeout=10)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    if mode == "sql":
        found = sqlite3.connect(tmp_path / "lab.sqlite").execute("SELECT CLIENT, EXP_ID, STATUS, count(*) FROM traces").fetchall()
        assert found == [("w1:nowhere:0", None, -1, 20)], "they belong to no experiment yet"
        assert not list((tmp_path / "w1").iterdir()), "a drained spool is deleted"
    else:
        spool, = (tmp_path / "w1").glob("*.spool")
        assert run("exp", "export", "last", "--db", spool, "--output", "out").code == 0
        assert len((tmp_path / "out/traces.csv").read_text().splitlines()) == 21


@pytest.mark.sanitize
def test_a_fleet_run_that_is_killed_never_says_that_its_books_balance(run, start, redis, worker, write, tmp_path):
    server = redis()
    for name in ("w1", "w2"):
        worker(server, name)
    process = start("run", write("clients: [{service: app, num: 2, rate: 200, duration: 60s}]"), "--bus", server.url, "-q")

    def stored():
        try:
            return rows(tmp_path, "SELECT count(*) FROM traces")[0][0]
        except sqlite3.OperationalError:  # no table yet
            return 0
    wait_for(lambda: stored() > 200, "the first rows", 20)
    process.kill()
    process.wait()
    shown = run("exp", "show", "last")
    assert "the run was cut off" in shown.out and "balanced" not in shown.out and "left no books" in shown.out, shown
    ledger = json.loads(run("exp", "show", "last", "--json").out)["ledger"]
    assert ledger["balanced"] is False and ledger["answered"] == stored() > 200 and ledger["sent"] >= ledger["answered"], ledger


def test_a_killed_worker_comes_back_at_once_and_publishes_what_it_left(redis, worker, port, tmp_path):
    server = redis()
    first = worker(server, "w1")
    got = server.listen("galileo/results/traces")
    ids = server.rpc("WorkerDaemon.create_client:w1", ["w1", ["nowhere", None, None, None], 1])
    assert [one[0] for one in ids] == ["w1:nowhere:0"]
    command = {"__obj": ["w1:nowhere:0", None, "constant", [0.01]], "__type": "galileo.worker.api.SetWorkloadCommand"}
    server("PUBLISH", "__eventbus:global:galileo.worker.api.SetWorkloadCommand", json.dumps(command))
    got.messages.get(timeout=10)
    server.restart(away=0)  # and nobody listens to traces any more
    time.sleep(1)
    first.kill()
    first.wait()
    again = server.listen("galileo/results/traces")
    worker(server, "w1")
    line = again.messages.get(timeout=15)[1]
    assert line.split(",")[1] == "w1:nowhere:0", "what waited in the spool"


@pytest.mark.quick
def test_a_second_worker_of_a_name_and_a_wrong_password_are_refused(run, redis, worker):
    server = redis()
    worker(server, "w1")
    done = run("worker", "--name", "w1", "--bus", server.url)
    assert done.code == 2 and "a worker of that name is alive" in done.err, done
    locked = redis(password="secret")
    done = run("worker", "--name", "w2", "--bus", locked.url, env={"galileo_redis_password": "wrong"})
    assert done.code == 2 and "password" in done.err.lower(), done


def metrics(port):
    """The worker's own numbers, without their prefix and labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    pairs = [line.removeprefix("galileo_worker_").rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


def request_once(server, service, host, traces):
    """A new client of the worker w1 sends one request to the host; its trace line."""
    server.route(service, host)
    server.ask_once("w1", service, between_s=0)
    _, line = traces.messages.get(timeout=10 * SLOWER)
    return line


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_new_client_has_the_route_that_was_set_before_it_was_asked_for(redis, worker, target):
    server = redis()
    traces = server.listen("galileo/results/traces")
    worker(server, "w1")
    server.all([("SADD", "routing:services", "new"), ("RPUSH", "routing:weights:new", "1"),  # nobody is told of an update
                ("RPUSH", "routing:hosts:new", target().removeprefix("http://").rstrip("/"))])
    server.ask_once("w1", "new", between_s=0)
    _, line = traces.messages.get(timeout=10 * SLOWER)
    assert ",200," in line


@pytest.mark.quick
@pytest.mark.sanitize
def test_nonsense_on_the_bus_is_counted_and_the_worker_goes_on(redis, worker, target):
    server = redis()
    traces = server.listen("galileo/results/traces")
    status = free_port()
    worker(server, "w1", "--status", f"127.0.0.1:{status}")
    host = target().removeprefix("http://").rstrip("/")
    nonsense = [
        ("SetWorkloadCommand", "nonsense"), ("SetWorkloadCommand", '{"__obj": [1]}'), ("SetWorkloadCommand", "x" * 1_000_000),
        ("SetWorkloadCommand", '{"__obj": ["w1:a:0", "many", "constant", [1]], "__type": "galileo.worker.api.SetWorkloadCommand"}'),
        ("SetWorkloadCommand", '{"__obj": ["w1:a:0", 1, "constant", [1]], "__type": "os.system"}'),
        ("SetWorkloadCommand", b'{"__obj": ["\xff\xfe", 1]}'), ("CloseClientCommand", "[]"), ("StopWorkloadCommand", "{"),
    ]
    for kind, message in nonsense:
        server("PUBLISH", EVENT_BUS + API + kind, message)
    for function in ("WorkerDaemon.ping", "WorkerDaemon.create_client:w1", "Client.get_info"):
        server("PUBLISH", EVENT_BUS + function, '{"__obj": 7, "__type": "pymq.core.RpcRequest"}')
    # Of clients that nobody has, or that are another worker's: no error.
    for kind, arguments in (("SetWorkloadCommand", ["w9:a:0", 1, "constant", [1]]), ("CloseClientCommand", ["w1:a:77"])):
        server("PUBLISH", EVENT_BUS + API + kind, json.dumps({"__obj": arguments, "__type": API + kind}))
    # Routes that can't be: fewer weights than hosts, a negative one, a text.
    for service, weights in (("short", ["1"]), ("negative", ["1", "-1"]), ("text", ["1", "x"])):
        server("SADD", "routing:services", service)
        server("RPUSH", f"routing:hosts:{service}", "a:1", "b:2")
        server("RPUSH", f"routing:weights:{service}", *weights)
        server("PUBLISH", "routing:updates", service)
    server("PUBLISH", "routing:updates", "no-such-service")
    wait_for(lambda: metrics(status)["messages_malformed_total"] >= len(nonsense), lambda: f"it to be counted: {metrics(status)}")
    assert urlopen(f"http://127.0.0.1:{status}/healthz", timeout=10).read() == b"ok\n"
    assert ",200," in request_once(server, "app", host, traces)


@pytest.mark.sanitize
def test_a_client_that_can_t_be_listened_for_isn_t_there_and_the_worker_goes_on(redis, worker, target):
    server = redis()
    traces = server.listen("galileo/results/traces")
    process = worker(server, "w1")
    def connected():
        return int(re.search(r"connected_clients:(\d+)", server("INFO", "clients"))[1])
    connections = connected()
    server("CONFIG", "SET", "maxclients", connections)
    with pytest.raises(AssertionError, match="can't subscribe"):  # the worker's own words
        server.rpc("WorkerDaemon.create_client:w1", ["w1", ["app", None, None, None], 2], timeout=20)
    assert server("KEYS", "galileo:client:*") == []
    server("CONFIG", "SET", "maxclients", 10000)
    assert connected() <= connections, "nothing is kept that nobody uses"
    host = target().removeprefix("http://").rstrip("/")
    assert ",200," in request_once(server, "app", host, traces)
    assert process.poll() is None


def test_a_profile_that_is_none_ends_the_workload_and_nothing_spins(redis, worker):
    server = redis()
    process = worker(server, "w1")
    (client, *_), = server.rpc("WorkerDaemon.create_client:w1", ["w1", ["app", None, None, None], 1])
    done = server.listen("__eventbus:global:galileo.worker.api.WorkloadDoneEvent")
    server("SET", f"galileo:{client}:ran", "no list")
    assert server("TYPE", f"galileo:{client}:ran") == "string"
    before = int(re.search(r"total_commands_processed:(\d+)", server("INFO", "stats"))[1])
    command = {"__obj": [client, None, "prerecorded", None], "__type": "galileo.worker.api.SetWorkloadCommand"}
    server("PUBLISH", "__eventbus:global:galileo.worker.api.SetWorkloadCommand", json.dumps(command))
    assert json.loads(done.messages.get(timeout=10)[1])["__obj"][0] == client
    after = int(re.search(r"total_commands_processed:(\d+)", server("INFO", "stats"))[1])
    assert after - before < 100
    # Where it may be one again, it is asked for, but not all the time.
    server("CONFIG", "SET", "maxmemory", 1)
    server("CONFIG", "RESETSTAT")
    server("PUBLISH", "__eventbus:global:galileo.worker.api.SetWorkloadCommand", json.dumps(command))
    time.sleep(2)
    assert int(re.search(r"total_commands_processed:(\d+)", server("INFO", "stats"))[1]) < 200
    assert process.poll() is None


@pytest.mark.sanitize
def test_a_redis_whose_disk_fails_is_heard_all_the_same(redis, worker):
    server = redis(more=("--enable-protected-configs", "yes"))
    process = worker(server, "w1")
    (client, *_), = server.rpc("WorkerDaemon.create_client:w1", ["w1", ["nowhere", None, None, None], 1])
    done = server.listen("__eventbus:global:galileo.worker.api.WorkloadDoneEvent")
    server.all([("CONFIG", "SET", "save", "3600 1"), ("CONFIG", "SET", "dir", "/proc"), ("BGSAVE",)])
    wait_for(lambda: "rdb_last_bgsave_status:err" in server("INFO", "persistence"), "the disk to fail")
    server("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "no")
    server("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    done = server.listen("__eventbus:global:galileo.worker.api.WorkloadDoneEvent")
    channel = "__eventbus:global:galileo.worker.api.SetWorkloadCommand"
    wait_for(lambda: dict([server("PUBSUB", "NUMSUB", channel)])[channel] > 0, "the worker to listen again")
    command = {"__obj": [client, 3, "constant", [0.01]], "__type": "galileo.worker.api.SetWorkloadCommand"}
    server("PUBLISH", channel, json.dumps(command))
    assert json.loads(done.messages.get(timeout=10)[1])["__obj"][0] == client
    assert process.poll() is None


@pytest.mark.sanitize
@pytest.mark.parametrize("bad, good", [
    (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
], ids=["full", "read-only"])
def test_a_redis_that_takes_nothing_is_told_and_waited_for(redis, worker, target, bad, good):
    server = redis()
    traces = server.listen("galileo/results/traces")
    process = worker(server, "w1")
    host = target().removeprefix("http://").rstrip("/")
    assert ",200," in request_once(server, "before", host, traces)
    server(*bad)
    with pytest.raises((AssertionError, TypeError, RuntimeError)):  # it can't give its answer, nor say that it is there
        server.rpc("WorkerDaemon.create_client:w1", ["w1", ["during", None, None, None], 1], timeout=1)
    wait_for(lambda: server("GET", "galileo:worker:w1:heartbeat") is None, "the heartbeat to go")
    server(*good)
    wait_for(lambda: server("GET", "galileo:worker:w1:heartbeat"), "the heartbeat to come back")
    assert ",200," in request_once(server, "after", host, traces)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10 * SLOWER)
    assert process.returncode == 0 and ("OOM" in err or "READONLY" in err), err
