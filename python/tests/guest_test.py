"""A good guest: what is left of a call in somebody's interpreter, which is nothing, whatever it asked for and however it ended."""
import json
import os
import subprocess
import sys
import tempfile

from conftest import python, target

# Each table in each form, errors too, and frames that others still hold when the table is gone.
EVERYTHING = """
import gc, importlib, json, os, signal, sys
for name in sys.argv[2].split(","):
    if name != "arrow":
        importlib.import_module(name)            # polars has a handler of its own for interrupts
from galileo import errors, frames
def around():
    return [str(signal.getsignal(s)) for s in sorted(signal.valid_signals())], sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))), os.getcwd(), dict(os.environ)
def call(name, to):
    db = frames.open(sys.argv[1])
    frame = getattr(db, name)(*([] if name == "experiments" else ["last"]), to=to)
    if to == "arrow":
        frame.__arrow_c_stream__()               # dropped unread
        frame.__arrow_c_schema__()
        return frame.rows
    return len(frame)
before, rows = around(), []
for to in sys.argv[2].split(","):
    for name in ("experiments", "traces", "telemetry", "events", "nodes"):
        rows.append(call(name, to))
        assert around() == before, (name, to)
    try:
        frames.open(sys.argv[1]).traces("nobody", to=to)
    except errors.NotFoundError:
        rows.append("none")
    try:
        frames.open(sys.argv[1]).traces("last", columns=["nothing"], to=to)
    except errors.UsageError:
        rows.append("wrong")
    assert around() == before, to
gc.collect()
print(json.dumps(rows))
"""
ROWS = [2, 21, 10, 2, 1, "none", "wrong"]


def test_an_import_costs_little_beside_the_interpreter():
    """As CPU time beside that of a Python that does nothing; some 15 ms are a start on the machines of 2026."""
    def cpu(code):
        process = subprocess.Popen([sys.executable, "-c", code])
        return os.wait4(process.pid, 0)[2]

    def least(code):
        return min(used.ru_utime + used.ru_stime for used in (cpu(code) for _ in range(7)))
    nothing = least("pass")
    assert least("import galileo.frames, galileo.errors; galileo.frames.open('x.sqlite')") < 10 * nothing
    # That pandas, numpy and matplotlib aren't among it, package_test looks.
    for imported in ("import galileo", "import galileo.frames, galileo.experiment, galileo.shell.shell"):
        assert least(imported) - nothing < 0.15, imported


def test_handlers_masks_folder_and_environment_are_the_same_after_each_call(database):
    done = python(EVERYTHING, database, "pandas,polars,arrow")
    assert (json.loads(done.stdout or "null"), done.stderr) == (ROWS * 3, "")


def test_nothing_is_left_of_many_calls(database):
    done = python("""
import gc, os, sys
from galileo import frames
def left():
    gc.collect()
    with open("/proc/self/maps") as maps:
        mapped = sum("memfd:galileo" in line for line in maps)
    with open("/proc/self/task/%d/children" % os.getpid()) as children:
        return len(os.listdir("/proc/self/fd")), mapped, children.read()
def some():
    db = frames.open(sys.argv[1])
    table = db.traces("last", to="arrow")
    cycle = [table, table.__arrow_c_stream__()]
    cycle.append(cycle)
    db.telemetry("last", to="arrow")
some()
before = left()
for _ in range(40):
    some()
assert left() == before, (before, left())
assert before[1:] == (0, "")
""", database)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_interpreter_ends_with_frames_and_tables_in_every_hand(database):
    """Module variables, cycles, other libraries' frames and a thread's stack: freed in whatever order the end has."""
    done = python("""
import sys, threading
import polars
from galileo import frames
db = frames.open(sys.argv[1])
table = db.traces("last", to="arrow")
frame = polars.DataFrame(table)
streams = [db.events("last", to="arrow").__arrow_c_stream__() for _ in range(3)]
cycle = [table]
cycle.append(cycle)
held = threading.Event()
def hold():
    mine = db.traces("last", to="arrow")
    held.set()
    threading.Event().wait()
threading.Thread(target=hold, daemon=True).start()
held.wait()
print(len(frame), table.rows)
""", database)
    assert (done.returncode, done.stdout, done.stderr) == (0, "21 21\n", "")


def test_200_exits_with_a_scan_open_leave_no_core(large):
    """Each child's interpreter ends by itself while a thread of it waits for an answer: with an exit code, and not by a signal."""
    done = python("""
import os, sys, threading, time
from galileo import frames
def scan():
    try:
        frames.open(sys.argv[1]).traces("last", to="arrow")
    except BaseException:
        pass  # the interpreter's end
left, running, codes = 200, set(), []
while left or running:
    while left and len(running) < 4:
        left -= 1
        child = os.fork()
        if child == 0:
            threading.Thread(target=scan, daemon=True).start()
            time.sleep(left % 10 / 200)
            sys.exit(7)
        running.add(child)
    child, status = os.wait()
    running.discard(child)
    codes.append(os.waitstatus_to_exitcode(status))
print(len(codes), set(codes))
""", large)
    assert (done.stdout, done.stderr) == ("200 {7}\n", "")


RUNS = """
import os, sys, threading
import galileo, pandas
from galileo import errors
from galileo.shell import shell
made = galileo.Experiment(name="short", services={"hello": {"hosts": [sys.argv[1]]}}, clients=[{"service": "hello", "rate": 100, "requests": 20}])
result = made.run(db="one.sqlite")
run = made.start(db="one.sqlite", set={"clients[0].requests": 100000})
run.state(), run.cancel()
print('told', len(result.traces()), result.traces(to="arrow").rows, run.result().interrupted)
try:
    made.plan(set=["clients[0].rate=fast"])
except errors.UsageError as error:
    print('told', "fast" in str(error))
names = shell.init(standalone=True)
names["rtbl"].set("hello", [sys.argv[1]])
names["exp"].start("one", db="one.sqlite")
c = names["g"].spawn("hello", 2)
c.request(n=5, ia=0).wait(60)
names["exp"].event("done")
c.close()
names["exp"].stop()
names["g"].ctrl.close()
print('told', len(galileo.frames.open("one.sqlite").traces("last")))
"""


def test_runs_and_shells_of_one_interpreter_leave_nothing_to_say(tmp_path):
    with target() as url, tempfile.TemporaryDirectory(prefix="g") as runs:
        done = python(RUNS, url.removeprefix("http://"), cwd=tmp_path, env={"PYTHONFAULTHANDLER": "1", "XDG_RUNTIME_DIR": runs})
    told = [line for line in done.stdout.splitlines() if line.startswith("told")]  # beside what the shell says
    assert (told, done.returncode, done.stderr) == (["told 20 20 True", "told True", "told 10"], 0, ""), done
