"""Experiments from Python: run here and on a fleet, watched, stopped, taken over, and never left alone for long."""
import contextlib
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import galileo
import pytest
from conftest import free_port, python, target, wait_for
from galileo import errors, experiment

HERE = Path(__file__).resolve().parent


pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture(scope="module")
def url():
    with target() as url:
        yield url


def short(url, **keys):
    return galileo.Experiment({"name": "short", "services": {"hello": {"hosts": {url.removeprefix("http://"): 1}}},
                               "clients": [{"service": "hello", "rate": 200, "duration": "500ms"}]}, **keys)


def long(url, **keys):
    return short(url, name="long", clients=[{"service": "hello", "rate": 50, "duration": "10m"}], **keys)


def sends(run):
    wait_for(lambda: run.state().answered > 0, "an answer")
    return run


def status_of(database, run):
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return (opened.execute("SELECT STATUS, END FROM experiments WHERE EXP_ID = ?", (run,)).fetchall() or [(None, None)])[0]


def test_a_run_here_gives_a_result(url, tmp_path):
    result = short(url, thresholds=["failed == 0", "p50(latency) < 1000s"], metadata={"of": "mine"}).run(db="one.sqlite", report="one.html")
    assert result.name == "short" and result.status == "FINISHED" and not result.interrupted and result.exit_code in (0, 90)
    assert result.verdict.value in ("VALID", "SUSPECT", "INVALID") and [one.passed for one in result.thresholds] == [True, True] and result.passed
    assert result.summary["ledger"]["intended"] == 100 and result.summary["latency_s"]["p50"] > 0 and result.problem == ""
    assert result.to_dict()["metadata"] == {"of": "mine"}
    traces = result.traces(columns=["service", "status"])
    assert len(traces) == 100 and set(traces.service) == {"hello"}
    assert len(result.events()) > 0 and len(result.nodes()) > 0 and len(result.telemetry()) > 0
    assert "<html" in (tmp_path / "one.html").read_text()[:200]
    result.report("two.html")
    assert (tmp_path / "two.html").stat().st_size > 10_000
    assert result.verdict.value in result._repr_html_() and result.id in repr(result)
    # It and what made it can be passed on, and run again with the same draws.
    again = pickle.loads(pickle.dumps(result))
    assert again == result and again.traces(columns=["service"]).equals(result.traces(columns=["service"]))
    assert json.loads(result.experiment.text)["name"] == "short"
    assert short(url).run(db="one.sqlite", set={"seed": result.seed, "clients[0].requests": 5}).summary["ledger"]["intended"] == 5


def test_a_result_is_found_from_another_folder(url, tmp_path, monkeypatch):
    result = short(url).run(db="one.sqlite", set=["clients[0].requests=3"])
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    assert len(result.traces()) == 3
    spooled = short(url).run(db="none", spool="spools", set=["clients[0].requests=3"])
    monkeypatch.chdir(tmp_path)
    assert len(spooled.traces()) == 3


def test_a_file_is_run_as_it_is(url, tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    (tmp_path / "files/gaps.csv").write_text("0.01\n" * 20)
    (tmp_path / "files/one.yaml").write_text(
        "name: of a file\nservices: {hello: {hosts: {'${WHERE}': 1}}}\nclients:\n  - {service: hello, arrival: {profile: gaps.csv}}\n")
    monkeypatch.setenv("WHERE", url.removeprefix("http://"))
    loaded = pickle.loads(pickle.dumps(galileo.load("files/one.yaml")))
    monkeypatch.chdir("/")
    assert "of a file" in loaded.describe()
    result = loaded.run(db=tmp_path / "one.sqlite")
    assert result.name == "of a file" and result.summary["ledger"]["answered"] == 20


def test_what_the_system_denies_is_an_error_and_the_next_call_works(url):
    """Descriptors that are used up, a disk that is full."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for spare in range(0, 8, 2):
        before = sorted(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(before) + spare, hard))
        try:
            with contextlib.suppress(OSError, errors.GalileoError), long(url).start(db=f"{spare}.sqlite", lease=0) as run:
                run.cancel(now=True)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if experiment._kept:
            for run in list(experiment._kept.values()):
                run.result()
        assert sorted(os.listdir("/proc/self/fd")) == before
    result = short(url).run(db="one.sqlite", set=["clients[0].requests=3"], report="/dev/full")
    assert "/dev/full" in result.problem and result.exit_code == 1 and len(result.traces()) == 3
    with pytest.raises(errors.ReadError):
        result.report("/dev/full")


@pytest.mark.parametrize("keys, kind, words", [
    ({"clients": [{"service": "nobody", "rate": "fast"}]}, errors.UsageError, ("nobody", "fast", "experiment:")),
    ({"clientz": 1}, errors.UsageError, ("clientz", "experiment:")),
    ({"thresholds": ["p95(latency) < 5"]}, errors.UsageError, ("p95",)),
    ({"applications": [{"name": "a", "command": ["/nowhere/program"]}]}, errors.UnavailableError, ("/nowhere/program",)),
], ids=["client", "key", "threshold", "application"])
def test_what_is_wrong_is_raised_with_its_place(url, keys, kind, words):
    made = short(url, **keys)
    for call in (made.run, *((made.plan,) if kind is errors.UsageError else ())):
        with pytest.raises(kind) as raised:
            call()
        assert all(word in str(raised.value) for word in words) and isinstance(raised.value, errors.GalileoError)


def test_what_cant_be_done_is_said(url, tmp_path, monkeypatch):
    with pytest.raises(errors.UsageError):
        galileo.load("nowhere.yaml").run()
    with pytest.raises(errors.UnavailableError) as raised:
        short(url).run(bus=f"redis://:secret@127.0.0.1:{free_port()}")
    assert "secret" not in str(raised.value)
    with pytest.raises(errors.GalileoError):
        short(url).run(db="/proc/nowhere.sqlite")
    with pytest.raises(errors.NotFoundError):
        galileo.attach("2026")
    with pytest.raises(TypeError):
        galileo.Experiment(name=object())
    with pytest.raises(TypeError):
        short(url).plan(set="a=b")
    with monkeypatch.context() as patched, pytest.raises(errors.ProgramError):
        patched.setenv("galileo_program", "/nowhere/galileo")
        short(url).start()


def test_a_run_is_followed_and_cancelled_by_another_thread(url):
    run = sends(long(url).start(db="one.sqlite"))
    state = run.state()
    assert state.name == "long" and state.stage == "sending" and state.duration_expected_s == 600 and "phase/start" in [one[1] for one in state.events]
    assert not run.wait(0.05)
    with pytest.raises(errors.TimeLimitError) as raised:
        run.result(timeout=0.05)
    assert raised.value.result is None and isinstance(raised.value, TimeoutError)
    with pytest.raises(TypeError):
        pickle.dumps(run)
    threading.Timer(0.3, run.cancel).start()
    result = run.result()
    assert result.interrupted and result.exit_code == 105 and result.summary["ledger"]["answered"] > 0 and run.wait(0)
    assert run.state().stage == "over" and run.result() is result and len(result.traces()) > 0
    run.cancel()
    assert status_of("one.sqlite", run.id)[0] == "FINISHED"


def test_a_time_limit_stops_it_and_gives_what_was_done(url):
    made = long(url)
    with pytest.raises(errors.TimeLimitError) as raised:
        made.run(timeout=1, db="one.sqlite")
    assert raised.value.result.interrupted and pickle.loads(pickle.dumps(raised.value)).result == raised.value.result
    assert status_of("one.sqlite", raised.value.result.id)[0] == "FINISHED"


def test_the_end_of_a_block_ends_it(url):
    with contextlib.suppress(ZeroDivisionError), long(url).start(db="one.sqlite") as run:
        sends(run)
        1 / 0  # noqa: B018
    assert run.result(timeout=60).interrupted


INTERRUPTED = """
import json, os, signal, sys, threading, time, galileo
made = galileo.Experiment(json.loads(sys.argv[1]))
before = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, [])
def interrupt():
    while made.last is None or made.last.state().answered == 0:
        time.sleep(0.02)
    global at
    at = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    made.run(db="one.sqlite", progress=False)
except KeyboardInterrupt as error:
    took = time.monotonic() - at
    run = error.run
print(json.dumps({"took": took, "same": run is made.last, "interrupted": run.result().interrupted,
                  "next": galileo.Experiment(json.loads(sys.argv[1])).run(db="one.sqlite", set=["clients[0].requests=3"]).summary["ledger"]["intended"],
                  "guest": before == (signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, []))}))
"""


def test_an_interrupt_ends_the_call_and_keeps_what_was_done(url):
    said = python(INTERRUPTED, long(url).text)
    told = json.loads(said.stdout or "{}")
    assert told and told.pop("took") < 5, said.stderr  # half a second on a machine that has nothing else to do
    assert told == {"same": True, "interrupted": True, "next": 3, "guest": True}


OWNER = """
import json, sys, time, galileo
run = galileo.Experiment(json.loads(sys.argv[1])).start(db="one.sqlite", lease=float(sys.argv[2]))
while run.state().answered == 0:
    time.sleep(0.02)
print(run.id, flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def owner_of(made, lease):
    """A notebook whose run goes on; (its process, the run's id)."""
    with subprocess.Popen([sys.executable, "-c", OWNER, made.text, str(lease)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_killed_owners_run_ends(url):
    with owner_of(long(url), 1.0) as (process, run):
        assert [state.id for state in galileo.runs()] == [run]
        process.kill()
        wait_for(lambda: not galileo.runs(), "the end of the run")
        status, end = status_of("one.sqlite", run)
        assert status == "FINISHED" and end > 0


def test_a_stopped_owners_run_goes_on(url):
    with owner_of(long(url), 0.2) as (process, run):
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)  # five times the lease
        state, = galileo.runs()
        assert state.id == run and not state.stopping
        process.kill()


def test_another_notebook_takes_a_run_over(url):
    with owner_of(long(url), 0.2) as (process, run):
        mine = galileo.attach(run[:-1])
        assert mine.id == run and mine.experiment is None
        process.kill()
        process.wait()
        time.sleep(1)  # five times the lease
        assert not mine.state().stopping
        mine.cancel()
        assert mine.result().interrupted and len(mine.result().traces()) > 0
        wait_for(lambda: not galileo.runs(), "the end of its process")


def test_a_run_whose_process_is_killed_is_an_error_and_no_hang(url):
    run = sends(long(url).start(db="one.sqlite"))
    run._link.process.kill()
    for _ in range(2):
        with pytest.raises(errors.ProgramError, match="signal 9.*spool"):
            run.result()
    assert run.wait() and run.state().stage == "over" and galileo.runs() == []
    run.cancel()


def test_a_forked_process_has_no_part_in_the_run(url):
    run = sends(long(url).start(db="one.sqlite", lease=0.2))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for call in (run.state, run.wait, run.cancel):
                with pytest.raises(errors.ForkedError, match="attach"):
                    call()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # Nor does it hold a run whose owner has gone.
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    try:
        run._link._connection.close()
        wait_for(lambda: not galileo.runs(), "the end of the run")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with pytest.raises(errors.ProgramError):
        run.result()


ENDS = """
import json, os, sys, galileo
run = galileo.Experiment(json.loads(sys.argv[1])).start(db=sys.argv[2], lease=0)
if sys.argv[3] == "waits":
    import threading
    threading.Thread(target=run.wait, daemon=True).start()
if sys.argv[3] == "raises":
    raise SystemExit(3)
if sys.argv[3] == "deletes":
    del run
"""


def test_exits_in_mid_run_leave_no_core_and_no_run(url):
    began = []
    for number, how in enumerate(["waits", "raises", "deletes", "waits"] * 3):
        began.append((how, subprocess.Popen([sys.executable, "-X", "dev", "-W", "ignore::ResourceWarning", "-c", ENDS, long(url).text, f"{number}.sqlite", how],
                                            stderr=subprocess.PIPE, text=True)))
    for how, process in began:
        words = process.communicate(timeout=120)[1]
        assert process.returncode == (3 if how == "raises" else 0), words
        assert "Traceback" not in words and "Fatal" not in words, words
    wait_for(lambda: not galileo.runs(), "the end of the runs", 60)


MANY_ENDS = """
import ctypes, json, os, sys, threading, time, galileo
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans become this process's children: it sees how the runs' processes end, too
made = galileo.Experiment(json.loads(sys.argv[1]))
left, running, interpreters, programs = 200, set(), [], []
def follow(run):
    while run.wait(0.01) is False:
        run.state()
while True:
    while left and len(running) < 4:
        left -= 1
        child = os.fork()
        if child == 0:
            run = made.start(db="none", spool=f"spool-{left}", lease=0)
            if left % 4 == 0:
                threading.Thread(target=run.wait, daemon=True).start()
            elif left % 4 == 1:
                threading.Thread(target=follow, args=(run,), daemon=True).start()
            elif left % 4 == 2:
                del run
            time.sleep(left % 7 / 100)
            sys.exit(7)
        running.add(child)
    try:
        child, status = os.wait()
    except ChildProcessError:
        break
    (interpreters if child in running else programs).append(os.waitstatus_to_exitcode(status))
    running.discard(child)
print(len(interpreters), set(interpreters), len(programs), set(programs))
"""


def test_200_exits_in_mid_run_leave_no_core_and_no_run(url):
    """Interpreters that end by themselves while a run of theirs goes on, and threads wait for it, ask it, or nobody holds it: each ends with its
    exit code and not by a signal, and so do the runs' processes."""
    done = python(MANY_ENDS, long(url).text, timeout=400)
    assert (done.stdout, done.stderr) == ("200 {7} 200 {0}\n", "")
    assert galileo.runs() == []


def test_a_live_database_is_read_by_pandas(url):
    """While the run writes it, by Python's own SQLite library: no malformed read, and no row lost."""
    import pandas

    run = sends(long(url).start(db="one.sqlite", set=["clients[0].rate=400"]))
    until, seen = time.monotonic() + 10, [0]
    with contextlib.closing(sqlite3.connect("one.sqlite", timeout=30)) as opened:
        while time.monotonic() < until or seen[-1] == 0:
            rows = pandas.read_sql("SELECT * FROM traces", opened)
            assert rows.EXP_ID.eq(run.id).all() and rows.REQUEST_ID.is_unique and rows.STATUS.eq(200).all()
            assert len(rows) >= seen[-1]
            seen.append(len(rows))
            time.sleep(0.02)
        assert len(set(seen)) > 5, "it didn't grow while it was read"
    run.cancel()
    ledger = run.result().summary["ledger"]
    with contextlib.closing(sqlite3.connect("one.sqlite")) as opened:
        assert opened.execute("SELECT count(*) FROM traces").fetchone()[0] == ledger["traces"]["stored"] == ledger["traces"]["made"]
        assert opened.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_fleet_runs_it(url):
    sys.path.insert(0, str(HERE.parent.parent / "tests/support"))
    redis_server = pytest.importorskip("redis_server")
    if not redis_server.installed():
        pytest.skip("redis-server isn't installed")
    from galileo import _session
    server = redis_server.Redis(Path.cwd(), free_port(), None, ())
    bus = f"redis://127.0.0.1:{server.port}"
    workers = [subprocess.Popen([_session.program(), "worker", "--name", f"w{number}", "--bus", bus, "--traces", "redis", "--spool", f"w{number}"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for number in range(2)]
    try:
        def are_there():
            listed = subprocess.run([_session.program(), "workers", "ls", "--bus", bus], capture_output=True, text=True, timeout=60).stdout
            return "w0" in listed and "w1" in listed
        wait_for(are_there, "the workers")
        result = short(url, clients=[{"service": "hello", "num": 2, "rate": 200, "duration": "500ms"}]).run(bus=bus, db="one.sqlite")
        assert result.summary["ledger"]["balanced"] and result.summary["ledger"]["answered"] == 200
        assert {name.partition(":")[0] for name in result.traces().client.unique()} == {"w0", "w1"}
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(30)
        server.stop()


def test_progress_is_one_line_in_a_terminal_and_nothing_elsewhere(url):
    code = "import json, sys, galileo; galileo.Experiment(json.loads(sys.argv[1])).run(db='one.sqlite')"
    quiet = python(code, short(url).text)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    ours, theirs = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", code, short(url, name="a\x1b[31mb").text], stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(ours, 1 << 16):
            shown += part
    os.close(ours)
    assert process.wait(60) == 0
    assert shown.count(b"\n") == 1 and shown.count(b"\r") > 2 and b"100 requests, 0 failed" in shown.rpartition(b"\r")[0].rpartition(b"\r")[2] and b"\x1b" not in shown


def test_an_executed_notebook_has_one_line_of_progress(url, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cells = [f"import galileo, json\nmade = galileo.Experiment(json.loads({short(url).text!r}))", "result = made.run(db='one.sqlite')", "result"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown, = notebook.cells[1].outputs
    assert shown.output_type == "display_data" and "0 failed" in shown.data["text/plain"] and shown.data["text/plain"].count("\n") == 0
    assert notebook.cells[2].outputs[0].data["text/html"].startswith("<table>")


def test_states_and_results_show_no_html_of_others():
    document = {"experiment": {"id": "1", "name": "<b>", "status": "FINISHED"}, "verdict": {"value": "INVALID", "reasons": ["<script>"]},
                "thresholds": [{"expression": "p95(latency) < 5ms", "value": None, "limit": 1, "unit": "s", "passed": False}], "latency_s": None,
                "ledger": {"intended": 1, "failed": {}}}
    result = experiment.Result({"document": document, "exit_code": 90, "interrupted": False, "problem": None}, "/", "mysql://me:secret@host/db")
    assert "<b>" not in result._repr_html_() and "<script>" not in result._repr_html_() and "&lt; 5ms" in result._repr_html_()
    assert "secret" not in repr(result) and b"secret" not in pickle.dumps(result) and "secret" not in repr(result.db)


def test_importing_and_looking_starts_nothing():
    said = python("""
import sys, threading, galileo
made = galileo.Experiment(name="x")
repr(made), dir(made), made.last, made.text, galileo.experiment.RunState("a", "b", "sending", False)
print(threading.active_count(), sorted({"numpy", "pandas", "IPython", "redis"} & set(sys.modules)))
""")
    assert said.stdout.split() == ["1", "[]"], said.stderr
