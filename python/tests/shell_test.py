"""The shell's objects over a real Redis, a worker and an application of the program, as scripts of the old system use them."""
import contextlib
import io
import json
import os
import rlcompleter
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import free_port, python, sessions_of, target, wait_for

from galileo import _session, errors

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/support"))
redis_server = pytest.importorskip("redis_server")
redis = pytest.importorskip("redis")
pytestmark = pytest.mark.skipif(not redis_server.installed(), reason="redis-server isn't installed")

from galileo.shell import shell  # noqa: E402
from galileo.worker.api import ClientConfig  # noqa: E402

TABLE = """\
+---------------------------+----------------------+-----------+
| Service                   |                Hosts |   Weights |
+---------------------------+----------------------+-----------+
"""


class Fleet:
    """A Redis server, an application, and workers; `names` are the shell's."""

    def __init__(self, folder, url):
        self.folder, self.host = folder, url.removeprefix("http://")
        self.redis = new_redis(folder / "redis")
        self.client = redis.Redis(port=self.redis.port, password="for-tests", decode_responses=True)
        self.env = {"galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(self.redis.port), "galileo_redis_password": "for-tests"}
        self.workers = {}
        self.connections = []

    def worker(self, name, **labels):
        self.workers[name] = subprocess.Popen(
            [_session.program(), "worker", "--name", name, "--traces", "redis", "--spool", self.folder],
            env={**os.environ, **self.env, **labels}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.client.get(f"galileo:worker:{name}:heartbeat"), f"worker {name}")
        return self.workers[name]

    def init(self):
        names = shell.init(self.client)
        self.connections.append(names["g"].ctrl)
        return names

    def stop(self):
        import pymq

        for connection in self.connections:
            connection.close()
        pymq.shutdown()
        for process in self.workers.values():
            process.kill()
            process.wait()
        self.redis.stop()


def new_redis(folder):
    for attempt in range(5):
        with contextlib.suppress(AssertionError):  # somebody was faster at the port
            return redis_server.Redis(folder / str(attempt), free_port(), "for-tests")
    raise AssertionError("Redis doesn't start")


@contextlib.contextmanager
def new_fleet(folder):
    with target() as url:
        fleet = Fleet(folder, url)
        try:
            yield fleet
        finally:
            fleet.stop()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """One for all tests that leave it as it is."""
    with new_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.worker("w1", galileo_zone="edge")
        fleet.names = fleet.init()
        fleet.names["rtbl"].set("img", [fleet.host])
        yield fleet


@pytest.fixture
def own_fleet(tmp_path):
    """One whose servers a test may end."""
    with new_fleet(tmp_path) as fleet:
        fleet.worker("w1")
        fleet.names = fleet.init()
        fleet.names["rtbl"].set("img", [fleet.host])
        yield fleet


@pytest.fixture
def g(fleet):
    return fleet.names["g"]


def test_workers_are_seen_and_asked(g):
    assert g.workers() == {"w1"} and g.ping() == ["w1"] and g.discover() == 1
    [(name, labels)] = g.workers_info()
    assert name == "w1" and labels["galileo_zone"] == "edge" and not any("password" in label for label in labels)
    assert (g.stop_tracing(), g.start_tracing()) == (1, 1)


def test_clients_are_spawned_send_and_close(g, capsys):
    c = g.spawn("img", 2, parameters={"method": "get", "path": "/it"}, worker_labels={"galileo_zone": "edge"})
    first, second = (client.client_id for client in c.clients)
    assert repr(c) == f"{first}\n{second}" and first.startswith("w1:img:")
    assert c.clients[0].worker == "w1"
    assert c.clients[0].config == ClientConfig("img", None, {"method": "get", "path": "/it"}, {"galileo_zone": "edge"})
    future = c.request(n=3, ia=0.01)
    assert future.wait(60) is None
    assert (future.stopped(), future.done, future.aborted) == (True, True, False)
    wait_for(lambda: [(info.requests, info.failed) for info in c.info()] == [(3, 0), (3, 0)], "the requests")
    more = c.add(1)
    assert len(c.clients) == 3 and more.clients == c.clients[2:]
    other = g.spawn("img")
    both = c + other
    assert [client.client_id for client in both.clients] == [*(client.client_id for client in c.clients), other.clients[0].client_id]
    assert len(shell.ClientGroup.merge(both, other).clients) == 4
    assert [client.client_id for client in g.clients(first, "nobody").clients] == [first]
    assert c.close(1) == [more.clients[0].client_id] and c.close() == [second, first]
    assert repr(c) == "empty client group" and c.close() == []
    [last] = (client.client_id for client in other.clients)
    assert other.close() == [last] and g.clients().clients == []
    assert capsys.readouterr().out == "closing 1 clients\nclosing 2 clients\nclosing 0 clients\nclosing 1 clients\n"


def test_draws_and_rates_are_the_clients(g):
    c = g.spawn("img")
    for interarrival in (("expovariate", 200), ["uniform", 0.001, 0.002], 0, None):
        c.request(n=5, ia=interarrival).wait(60)
    c.rps(200)
    wait_for(lambda: c.info()[0].requests > 30, "requests at a rate")
    c.rps(0)
    c.pause()
    with pytest.raises(ValueError, match="zipf"):
        c.request(n=1, ia=("zipf", 2))
    with pytest.raises(ValueError, match="give n, ia or both"):
        c.request()
    c.close()


def test_a_wait_ends_by_its_time_or_another_request(g):
    c = g.spawn("img")
    slow = c.request(n=5, ia=60)
    assert (slow.stopped(), slow.done, slow.aborted) == (False, False, False)
    assert slow.wait(0.2, abort_after_timeout=False) is None and not slow.stopped()
    assert slow.wait(0.2) is None and slow.aborted and not slow.done
    slow = c.request(n=5, ia=60)
    waiting = threading.Thread(target=slow.wait)
    waiting.start()
    quick = c.request(n=1, ia=0.01)
    waiting.join(30)
    assert not waiting.is_alive() and slow.aborted
    wait_for(lambda: quick.done, "`done` without wait()")
    c.close()


def test_labels_that_nobody_has(g):
    for labels in ({"galileo_zone": "moon"}, {"galileo_color": "red"}):
        with pytest.raises(IndexError, match="no workers match") as failed:
            g.spawn("img", worker_labels=labels)
        assert isinstance(failed.value, errors.NotFoundError) and "edge" in str(failed.value) + failed.value.hint
    with pytest.raises(TypeError):
        g.spawn("img", parameters={"kwargs": {"data": object()}})


def test_the_routing_table(fleet, capsys):
    rtbl = fleet.names["rtbl"]
    before = rtbl.record("img")
    rtbl.clear()
    try:
        assert repr(rtbl) == TABLE and rtbl.records() == [] and rtbl.record("img") is None
        record = rtbl.set("service", ["127.0.0.1:8080"], [1])
        assert repr(record) == "RoutingRecord(service='service', hosts=['127.0.0.1:8080'], weights=[1])"
        assert rtbl.append("service", "b:1", 2) is rtbl and rtbl.append("z", "c:1") == ("z", ["c:1"], [1])
        assert rtbl.records() == [("service", ["127.0.0.1:8080", "b:1"], [1.0, 2.0]), ("z", ["c:1"], [1.0])]
        assert rtbl.update_weights("service", [3, 4]) is rtbl
        rtbl.print()
        line = TABLE.splitlines()[0]
        assert capsys.readouterr().out == TABLE + (
            f"| service                   |       127.0.0.1:8080 |       3.0 |\n|                           |                  b:1 |       4.0 |\n{line}\n"
            f"| z                         |                  c:1 |       1.0 |\n{line}\n\n")
        assert "<td>b:1</td>" in rtbl._repr_html_()
        for wrong in (lambda: rtbl.update_weights("service", [1]), lambda: rtbl.update_weights("nobody", [1]), lambda: rtbl.set("x", ["a:1"], [1, 2]),
                      lambda: rtbl.set("x", [])):
            with pytest.raises(ValueError):
                wrong()
        assert rtbl.remove("z") is rtbl and [record.service for record in rtbl.records()] == ["service"]
    finally:
        rtbl.clear()
        rtbl.set(*before)


def test_tables_of_what_there_is(fleet, g, capsys):
    show, c = fleet.names["show"], g.spawn("img", parameters={"path": "/" + "x" * 100})
    assert repr(show.workers()) == "w1"
    show.info(parameters=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["|", "client", "id", "|", "worker", "|", "service", "|", "client", "|", "requests", "|", "failed", "|"]
    assert lines[3].split() == ["|", c.clients[0].client_id, "|", "w1", "|", "img", "|", "default", "|", "0", "|", "0", "|"]
    show.info()
    assert "x" * 60 in (shown := capsys.readouterr().out) and "x" * 80 not in shown and " ...}" in shown
    show.clients()
    assert "ClientConfig(service=img" in capsys.readouterr().out
    c.close()
    assert repr(shell.Stringer({"a": 1, "b": 2})) == "a = 1\nb = 2" and repr(shell.pwd) == os.getcwd() and "PATH = " in repr(shell.env)


def test_one_request_from_here(fleet, g):
    answer = g.request("img", parameters={"method": "post", "path": "/a?b=c", "kwargs": {"data": "text"}})
    import requests

    assert isinstance(answer, requests.Response) and answer.ok and answer.status_code == 200
    assert answer.url == f"http://{fleet.host}/a?b=c" and answer.reason == "OK" and answer.headers["content-length"] == str(len(answer.content))
    assert answer.elapsed.total_seconds() > 0 and answer.request.method == "POST"
    with pytest.raises(ValueError, match="no route to 'nowhere'"):
        g.request("nowhere")
    fleet.names["rtbl"].set("dead", ["127.0.0.1:1"])
    with pytest.raises(errors.UnavailableError, match="refused"):
        g.request("dead")
    fleet.names["rtbl"].remove("dead")


def rows(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def test_an_experiment_is_recorded(fleet, g, tmp_path, capsys):
    exp, path = fleet.names["exp"], tmp_path / "exp.sqlite"
    c = g.spawn("img", 2)
    exp.start("first", "me", {"rate": 5}, db=str(path))
    assert exp.experiment.name == "first"
    with pytest.raises(ValueError, match="already running.*first.*force"):
        exp.start()
    c.request(n=10, ia=0.005).wait(60)
    exp.event("scale", 3)
    exp.event("ready")
    wait_for(lambda: len(rows(path, "SELECT 1 FROM traces")) == 20, "the traces")
    exp.stop(wait=60)
    exp.stop()
    c.close()
    [(name, creator, status, whole)] = rows(path, "SELECT NAME, CREATOR, STATUS, END >= START FROM experiments")
    assert (name, creator, status, whole) == ("first", "me", "FINISHED", 1)
    assert json.loads(rows(path, "SELECT DATA FROM metadata")[0][0])["rate"] == 5
    assert [name for name, in rows(path, "SELECT NAME FROM events ORDER BY TIMESTAMP")][-2:] == ["scale", "ready"]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "experiment started" and out[1].endswith(": scale = 3") and out[2].endswith(": ready")
    assert out[3:5] == ["waiting for experiment to end...", "ok"]
    with pytest.raises(ValueError, match="recorder"):
        exp.start(metadata={"recorder": 1}, db=str(path))
    with pytest.raises(errors.GalileoError):
        exp.start(db=str(tmp_path / "no" / "folder.sqlite"))
    assert exp.experiment is None
    exp.start(db=str(path))
    exp.start("third", force=True, db=str(path))
    with exp:
        pass
    assert len(rows(path, "SELECT 1 FROM experiments WHERE STATUS = 'FINISHED'")) == 3
    exp.start("fourth", db=str(path))
    with pytest.raises(LookupError), exp:
        raise LookupError
    assert rows(path, "SELECT NAME FROM experiments WHERE STATUS = 'FAILED'") == [("fourth",)]


def test_telemetry_daemons_are_told(fleet):
    telemd = fleet.names["telemd"]
    assert telemd.list_telemd_hosts() == [] and telemd.stop_telemd() is None
    with pytest.warns(errors.OldNameWarning, match="n1"):
        telemd.start_telemd(["n1"])
    daemon = subprocess.Popen([_session.program(), "telemd", "--node", "n1", "--bus", f"redis://:for-tests@127.0.0.1:{fleet.redis.port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: telemd.list_telemd_hosts() == ["n1"], "the daemon")
        telemd.stop_telemd()
        telemd.start_telemd(["n1"])
    finally:
        daemon.kill()
        daemon.wait()


def test_many_threads_ask(g):
    failed = []

    def ask():
        try:
            for _ in range(20):
                assert g.workers() == {"w1"}
        except BaseException as error:
            failed.append(error)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []


SCRIPT = """
import os, signal, sys, threading, time
import redis
from galileo.shell import shell
names = shell.init(redis.Redis(port=int(os.environ["galileo_redis_port"]), password=os.environ["galileo_redis_password"], decode_responses=True))
g, rtbl, exp = names["g"], names["rtbl"], names["exp"]
"""


def test_an_interrupt_ends_a_call_and_the_next_one_works(fleet):
    done = python(SCRIPT + """
def interrupted(call):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    begin = time.monotonic()
    try:
        call()
        print("not interrupted")
    except KeyboardInterrupt:
        took = time.monotonic() - begin
        print("interrupted", "late" if took > 10 else "")  # how late at most says interrupt_test
c = g.spawn("img")
f = c.request(n=5, ia=60)
interrupted(f.wait)
interrupted(lambda: g.ctrl.ask("fleet.discover", timeout_s=60) and time.sleep(60))
print(g.workers(), len(c.info()))
c.close()
""", env=fleet.env)
    assert done.stdout.split("\n")[:2] == ["interrupted ", "interrupted "], done
    assert done.stdout.split("\n")[2] == "{'w1'} 1" and done.returncode == 0, done


def test_a_forked_child_says_so_and_its_parent_goes_on(fleet):
    done = python(SCRIPT + """
from galileo.errors import ForkedError
child = os.fork()
if child == 0:
    try:
        g.workers()
    except ForkedError as error:
        print(error, flush=True)
    print(shell.init(names["rds"])["g"].workers(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(g.workers())
""", env=fleet.env)
    assert done.stdout == "a connection to a fleet isn't there in a forked process: connect anew in it\n{'w1'}\n{'w1'}\n", done


def test_an_interpreter_that_is_killed_ends_its_experiment(fleet, tmp_path):
    """Whatever else of it lives on, as a forked child does here."""
    path = tmp_path / "killed.sqlite"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT + f"""
child = os.fork()
if child == 0:
    os.close(1)
    time.sleep(120)
    os._exit(0)
exp.start("killed", db={str(path)!r})
exp.event("begun")
print(child, flush=True)
time.sleep(120)
"""], env={**os.environ, **fleet.env}, stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(3)]
    child = int(lines[2])
    try:
        [session] = sessions_of(process.pid)
        process.kill()
        process.wait()
        wait_for(lambda: rows(path, "SELECT 1 FROM experiments WHERE STATUS = 'FINISHED' AND END > START"), "the end of the experiment")
        wait_for(lambda: not Path(f"/proc/{session}").exists(), "the session's end")
        assert rows(path, "SELECT NAME FROM events") == [("begun",)]
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_a_lost_worker_is_named(own_fleet):
    c = own_fleet.names["g"].spawn("img", 2)
    future = c.request(n=100, ia=60)
    own_fleet.workers["w1"].kill()
    with pytest.raises(errors.UnavailableError, match="worker 'w1' is gone"):
        future.wait(60)
    assert future.stopped() and not future.done
    with pytest.warns(RuntimeWarning, match="weren't closed"):
        assert len(c.close()) == 2


def test_a_lost_bus_ends_waits_and_shows_in_no_attribute(own_fleet):
    g, rtbl = own_fleet.names["g"], own_fleet.names["rtbl"]
    c = g.spawn("img")
    future = c.request(n=100, ia=60)
    os.kill(own_fleet.redis.process.pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        completer = rlcompleter.Completer({**own_fleet.names, "c": c, "f": future})
        for text, found in (("g.cl", "g.clients("), ("rtbl.re", "rtbl.record("), ("c.re", "c.request("), ("f.do", "f.done"), ("exp.st", "exp.start(")):
            assert completer.complete(text, 0).startswith(found)
        for thing in (g, c, future, own_fleet.names["exp"], own_fleet.names["show"], own_fleet.names["telemd"], g.ctrl):
            assert [getattr(thing, name, None) for name in dir(thing)] and repr(thing)
        assert time.monotonic() - begin < 4, "something asks a bus that is away"  # and would wait 5 s for it
        assert "can't be read" in repr(rtbl)
        with pytest.raises(errors.UnavailableError, match="the bus is away"):
            future.wait(60)
    finally:
        os.kill(own_fleet.redis.process.pid, signal.SIGCONT)
    wait_for(lambda: g.workers() == {"w1"}, "the bus")


TAB = """
from galileo import _fleet
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
import rlcompleter
c = g.spawn("img")
names.update(c=c, f=c.request(n=100, ia=60))
asked, watching = [], []
put = _fleet.Connection._put
_fleet.Connection._put = lambda self, call, keys: (asked.append(call), put(self, call, keys))[1]
sys.addaudithook(lambda event, what: watching and event in ("socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn") and asked.append(event))
ipython = InteractiveShell.instance(user_ns=dict(names))
plain = rlcompleter.Completer(dict(names))
def in_notebook(text):
    with provisionalcompleter():
        return [one.text for one in ipython.Completer.completions(text, len(text))]
def typed(text):
    found = []
    while (one := plain.complete(text, len(found))) is not None:
        found.append(one)
    return found
def best(complete, text, wanted):
    took = []
    for _ in range(7):
        begin = time.monotonic()
        found = complete(text)
        took.append(time.monotonic() - begin)
        assert any(wanted in one for one in found), (text, found)
    return min(took)
redis_pid = int(sys.argv[1])
os.kill(redis_pid, signal.SIGSTOP)
watching.append(True)
try:
    took = {}
    for text, wanted in (("g.cl", "clients"), ("rtbl.re", "record"), ("c.re", "request"), ("f.do", "done"), ("exp.st", "start"), ("show.in", "info"),
                         ("telemd.st", "start_telemd"), ("rds.pi", "ping"), ("eventbus.pu", "publish"), ("g.ctrl.wh", "where")):
        for how in (typed, in_notebook):
            took[how.__name__, text] = best(how, text, wanted)
    print(asked, {place: at for place, at in took.items() if at > 0.05 and place[1] != "rds.pi"})  # redis-py's own class, read by jedi
finally:
    os.kill(redis_pid, signal.SIGCONT)
watching.clear()
c.close()
"""


def test_tab_with_redis_stopped_asks_nobody_and_takes_50_ms_at_most(fleet):
    """At the plain prompt and at IPython's: no connection is opened, no process started, nothing sent to the session's."""
    done = python(SCRIPT + TAB, fleet.redis.process.pid, env=fleet.env)
    assert done.stdout.splitlines()[0] == "[] {}" and done.returncode == 0, done


def shell_words(*words):
    return [_session.program(), "shell", *words]


def test_a_shell_without_a_bus(tmp_path):
    (tmp_path / "script.py").write_text("""
import sys
assert not rds and not eventbus
with_target = sys.argv
rtbl.set('service', [host], [1])
c = g.spawn('service', 2)
exp.start('alone', 'me', db='alone.sqlite')
c.request(n=5, ia=0.01).wait(60)
sleep(0.2)
print(sum(info.requests for info in c.info()), g.ping(), g.request('service').status_code)
exp.stop(60)
""")
    with target() as url:
        script = (tmp_path / "script.py").read_text().replace("host]", f"'{url.removeprefix('http://')}']")
        (tmp_path / "script.py").write_text(script)
        done = subprocess.run(shell_words("--standalone", "--source", "script.py"), cwd=tmp_path, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "galileo_python": sys.executable, "galileo_worker_name": "here", "galileo_redis_host": "nowhere.invalid"})
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.splitlines() == ["experiment started", "10 ['here'] 200", "waiting for experiment to end...", "ok"]
    assert rows(tmp_path / "alone.sqlite", "SELECT count(*), min(STATUS) FROM traces") == [(10, 200)]
    assert rows(tmp_path / "alone.sqlite", "SELECT STATUS FROM experiments") == [("FINISHED",)]


def test_each_call_works_in_a_session_of_its_own_or_says_what_it_needs(tmp_path, monkeypatch, capsys):
    """No Redis is anywhere: routes, events, records, tables and clients are those of the session."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("galileo_worker_name", "here")
    monkeypatch.setenv("galileo_redis_host", "nowhere.invalid")
    names = shell.init(standalone=True)
    g, rtbl, exp, telemd, show = (names[name] for name in ("g", "rtbl", "exp", "telemd", "show"))
    try:
        with target() as url:
            host = url.removeprefix("http://")
            assert rtbl.records() == [] and rtbl.set("a", [host], [2]).weights == [2] and rtbl.append("a", "b:1") is rtbl
            assert rtbl.record("a") == ("a", [host, "b:1"], [2.0, 1.0]) and rtbl.update_weights("a", [1, 0]) is rtbl and host in repr(rtbl)
            assert g.workers() == {"here"} and g.ping() == ["here"] and g.discover() == 1 and [name for name, _ in g.workers_info()] == ["here"]
            assert (g.stop_tracing(), g.start_tracing()) == (1, 1) and repr(show.workers()) == "here"
            with exp:
                c = g.spawn("a", 2) + g.spawn("a")
                c.request(n=3, ia=0.01).wait(60)
                c.rps(50)
                wait_for(lambda: c.info()[0].requests > 5, "requests at a rate")
                c.pause()
                exp.event("scale", 3)
                show.info()
                show.clients()
            assert g.request("a").status_code == 200 and len(g.clients().clients) == 3 and len(c.add(1).clients) == 1 and len(c.close()) == 4
            assert telemd.list_telemd_hosts() == [] and telemd.start_telemd() is None
            with pytest.warns(errors.OldNameWarning, match="no-such-node"):  # each difference is told once
                telemd.stop_telemd(["no-such-node"])
            assert rtbl.remove("a") is rtbl and rtbl.clear() is rtbl
        assert rows("galileo.sqlite", "SELECT NAME, VALUE FROM events WHERE NAME = 'scale'") == [("scale", "3")]
        assert len(rows("galileo.sqlite", "SELECT 1 FROM traces WHERE STATUS = 200")) >= 9
        assert "| here " in capsys.readouterr().out
        for name in ("rds", "eventbus"):
            absent = names[name]
            assert not absent and not hasattr(absent, "publish") and "has no Redis" in repr(absent)
            with pytest.raises(errors.NotHereError, match="there is no .*has no Redis; galileo shell --bus") as told:
                absent.publish("x")
            assert isinstance(told.value, AttributeError) and isinstance(told.value, errors.GalileoError) and told.value.hint
    finally:
        g.ctrl.close()


def test_a_shell_says_what_it_lacks(tmp_path, fleet):
    env = {**os.environ, "galileo_python": sys.executable}
    nobody = subprocess.run(shell_words("--bus", "redis://:secret@127.0.0.1:1"), capture_output=True, text=True, timeout=60, env=env, input="")
    assert nobody.returncode == 92 and "--standalone needs no bus" in nobody.stderr and "secret" not in nobody.stderr, nobody
    gone = subprocess.run(shell_words("--source", "gone.py"), capture_output=True, text=True, timeout=60, env={**env, **fleet.env}, cwd=tmp_path)
    assert (gone.returncode, gone.stderr) == (2, "galileo shell: can't read gone.py: No such file or directory\n")
    bare = subprocess.run(shell_words("--standalone"), capture_output=True, text=True, timeout=60, input="",
                          env={key: value for key, value in env.items() if key != "PYTHONPATH"} | {"galileo_python": "/usr/bin/python3"})
    assert bare.returncode == 2 and "doesn't have the package galileo-lab" in bare.stderr, bare
    none = subprocess.run(shell_words(), capture_output=True, text=True, timeout=60, env={**env, "galileo_python": str(tmp_path / "none")})
    assert none.returncode == 1 and "can't start the Python interpreter" in none.stderr and "galileo_python" in none.stderr
    piped = subprocess.run(shell_words(), capture_output=True, text=True, timeout=60, env={**env, **fleet.env}, input="print(g.workers())\n")
    assert piped.stdout == "{'w1'}\n", piped


@pytest.mark.parametrize("with_ipython", [True, False], ids=["ipython", "plain"])
def test_a_shell_at_a_terminal(fleet, tmp_path, with_ipython):
    """Names print what they are, comprehensions see the shell's names, and the prompt is the old one."""
    import pty

    hidden = tmp_path / "hidden"
    hidden.mkdir()
    if not with_ipython:
        (hidden / "IPython.py").write_text("raise ImportError('not here')")
    leader, follower = pty.openpty()
    process = subprocess.Popen(shell_words(), stdin=follower, stdout=follower, stderr=follower, cwd=tmp_path, start_new_session=True, env={
        **os.environ, **fleet.env, "galileo_python": sys.executable, "TERM": "dumb", "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")])})
    os.close(follower)
    shown = io.BytesIO()

    def read():
        with contextlib.suppress(OSError):
            while part := os.read(leader, 4096):
                shown.write(part)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def text():
        return shown.getvalue().decode(errors="replace")
    try:
        wait_for(lambda: "galileo> " in text(), text, 60)
        for line, expected in ((b"pwd\n", str(tmp_path)), (b"[name.upper() for name in g.workers() if g]\n", "['W1']"), (b"rtbl\n", "| Service "),
                               (b"usage\n", "telemd ")):
            os.write(leader, line)
            wait_for(lambda: expected in text(), text, 60)
        os.write(leader, b"exit()\n")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def test_tables_are_tables_in_a_notebook(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    cells = ["from galileo.shell.shell import init\nglobals().update(init(standalone=True))\nr = rtbl.set('<b>', ['127.0.0.1:1'])\nc = g.spawn('<b>')",
             "rtbl", "show.info()", "c.close()\ng.ctrl.close()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path)}}).execute(env={**os.environ, "galileo_worker_name": "w"})
    [shown], [info] = notebook.cells[1].outputs, notebook.cells[2].outputs
    assert "<td>&lt;b&gt;</td><td>127.0.0.1:1</td><td>1.0</td>" in shown["data"]["text/html"] and "| <b>" in shown["data"]["text/plain"]
    assert "<td>w:&lt;b&gt;:0</td>" in info["data"]["text/html"]


def test_script_puts_the_names_into_a_script(fleet, tmp_path):
    (tmp_path / "old.py").write_text("""
import galileo.shell.script
import pymq
from galileo.worker.context import Context
from galileo.worker.api import ClientDescription
from typing import NamedTuple
assert Context().create_redis().ping() and rds.ping() and Context().worker_name
print(g.workers(), show.workers(), telemd.list_telemd_hosts(), exp.experiment)
print(pymq.stub('WorkerDaemon.ping', multi=True, timeout=10)())
""")
    done = subprocess.run([sys.executable, tmp_path / "old.py"], env={**os.environ, **fleet.env}, capture_output=True, text=True, timeout=120)
    assert done.stdout == "{'w1'} w1 [] None\n['w1']\n" and done.returncode == 0, done


def test_events_queues_and_calls_beside_the_shell(fleet):
    import pymq
    from galileo.worker.api import ClientInfo, RegisterWorkerEvent

    heard = []

    def on_event(event: RegisterWorkerEvent):
        heard.append(event)
    assert fleet.names["eventbus"] is not None
    pymq.init(__import__("pymq.provider.redis", fromlist=["RedisConfig"]).RedisConfig(fleet.client))
    pymq.subscribe(on_event)
    pymq.topic("some/thing").subscribe(lambda text: heard.append(text))
    wait_for(lambda: fleet.client.pubsub_numsub("__eventbus:global:some/thing")[0][1] == 1, "the subscription")
    assert fleet.names["g"].discover() == 1
    assert pymq.publish({"a": [1, None]}, "some/thing") == 1 and pymq.topic("some/thing").publish("text") == 1
    wait_for(lambda: len(heard) >= 3, "the events")
    assert sorted(map(str, heard)) == ["RegisterWorkerEvent(name='w1')", "text", "{'a': [1, None]}"]
    queue = pymq.queue("jobs")
    queue.put(RegisterWorkerEvent("x"))
    assert queue.qsize() == 1 and queue.get(timeout=10) == RegisterWorkerEvent("x") and queue.empty()
    with pytest.raises(pymq.Empty):
        queue.get_nowait()
    c = fleet.names["g"].spawn("img")
    [info] = pymq.stub("Client.get_info", timeout=10, multi=True)()
    assert info[1:] == [0, 0] or (isinstance(info, ClientInfo) and info[1:] == (0, 0))
    c.close()

    @pymq.remote("double")
    def double(value: int):
        if value < 0:
            raise ValueError("negative", value)
        return 2 * value
    wait_for(lambda: fleet.client.pubsub_numsub("__eventbus:global:double")[0][1] == 1, "the function")
    assert pymq.stub("double", timeout=10)(21) == 42
    with pytest.raises(pymq.RemoteInvocationError, match="negative"):
        pymq.stub("double", timeout=10)(-1)
    pymq.unexpose(double)
    wait_for(lambda: fleet.client.pubsub_numsub("__eventbus:global:double")[0][1] == 0, "its end")
    with pytest.raises(pymq.NoSuchRemoteError):
        pymq.stub("double", timeout=1)(1)
    pymq.shutdown()
    assert pymq.publish("nobody", "some/thing") is None
