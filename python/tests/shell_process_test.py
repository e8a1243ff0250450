"""The shell as a process among others: interrupted, forked, without a bus, at a terminal, in a notebook, beside scripts of the old system."""
import contextlib
import io
import os
import rlcompleter
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import python, target, wait_for
from galileo import errors
from galileo.shell import shell
from shell_fleet import SCRIPT, fleet, g, needs_redis, own_fleet, rows, shell_words  # noqa: F401 (fixtures)

pytestmark = needs_redis


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
