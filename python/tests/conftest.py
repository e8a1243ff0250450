"""What the package's tests share: databases made here, row by row, and one that a run has made."""
import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import galileo
import pytest
from galileo import _session, errors

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/support"))  # servers that the program's own tests start too
from ports import free_port  # noqa: E402

# Where the suite runs under what looks for faults of memory (tests/support/python_sanitized.py): a folder.
SANITIZED = os.environ.get("GALILEO_SANITIZED")
if SANITIZED:  # this interpreter has what it needs; others have it by that one, and what else is started goes without
    os.environ.pop("LD_PRELOAD", None)
    sys.executable = f"{SANITIZED}/python"
NOT_SANITIZED = {
    "wheels_test|test_nothing_of_ours_is_seen|test_the_wheel_has|test_the_lines_that_install|test_an_installed_original|test_each_old_name_is_imported":
        "what is in the wheel has no sanitizer",
    "test_types_|type_check": "types are the same",
    "costs_little|takes_50_ms": "time under a sanitizer says nothing",
    "newer_pandas|old_frames_peer|old_notebook": "other interpreters, without a sanitizer",
}

START = 1_795_500_000.0
TABLES = """
CREATE TABLE experiments (EXP_ID TEXT, NAME TEXT, CREATOR TEXT, START REAL, END REAL, CREATED REAL, STATUS TEXT);
CREATE TABLE traces (REQUEST_ID TEXT, CLIENT TEXT, SERVICE TEXT, CREATED REAL, SENT REAL, DONE REAL, STATUS INTEGER,
  RESPONSE TEXT, HEADERS TEXT, SERVER TEXT, EXP_ID TEXT);
CREATE TABLE telemetry (EXP_ID TEXT, TIMESTAMP REAL, METRIC TEXT, SUBSYSTEM TEXT, NODE TEXT, VALUE REAL);
CREATE TABLE events (EXP_ID TEXT, TIMESTAMP REAL, NAME TEXT, VALUE TEXT);
CREATE TABLE nodeinfo (EXP_ID TEXT, NODE TEXT, INFO_KEY TEXT, INFO_VALUE TEXT);
CREATE TABLE metadata (EXP_ID TEXT, DATA TEXT);
"""


def trace(number, exp_id, **changes):
    """A row of the old system's, answered after 40 ms."""
    at = START + number / 8
    row = {"REQUEST_ID": f"id-{number}", "CLIENT": f"w:hello:{number % 3}", "SERVICE": "hello" if number % 4 else "other", "CREATED": at,
           "SENT": at + 0.25, "DONE": at + 0.5, "STATUS": 200, "RESPONSE": None, "HEADERS": None, "SERVER": "10.0.0.1:80", "EXP_ID": exp_id}
    return tuple((row | changes).values())


def make_database(path, traces=20, ids=("202611241200-aaaa", "202611241300-bbbb")):
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(TABLES)
        for place, exp_id in enumerate(ids):
            database.execute("INSERT INTO experiments VALUES (?,?,?,?,?,?,?)",
                             (exp_id, "ünder", "me", START, START + 60, START + place, "FINISHED"))
            database.execute("INSERT INTO metadata VALUES (?,?)", (exp_id, json.dumps({"exp_id": exp_id, "rate": 5})))
            database.executemany("INSERT INTO traces VALUES (?,?,?,?,?,?,?,?,?,?,?)", (trace(n, exp_id) for n in range(traces)))
            database.execute("INSERT INTO traces VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                             trace(traces, exp_id, SENT=-1, DONE=-1, STATUS=-1, SERVER=None))
            database.executemany("INSERT INTO telemetry VALUES (?,?,?,?,?,?)",
                                 [(exp_id, START + n, "cpu", None, f"n{n % 2}", n / 4) for n in range(10)])
            database.executemany("INSERT INTO events VALUES (?,?,?,?)",
                                 [(exp_id, START, "begin", None), (exp_id, START + 1, "scale", '{"replicas": 3}')])
            database.execute("INSERT INTO nodeinfo VALUES (?,?,?,?)", (exp_id, "n0", "cpus", "4"))
    return path


def pytest_collection_modifyitems(config, items):
    """What says nothing under the sanitizer is one skipped test for each reason, which counts the others."""
    for names, why in NOT_SANITIZED.items() if SANITIZED else ():
        of = [item for item in items if re.search(names, item.nodeid)]
        if of:
            first, *others = of
            first.add_marker(pytest.mark.skip(reason=f"under the sanitizer: {why} ({len(of)} tests)"))
            config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if item not in others]


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """The test's own working folder and its own runs, which are cancelled at its end."""
    with tempfile.TemporaryDirectory(prefix="g") as path:  # a socket's name has to be short
        monkeypatch.setenv("XDG_RUNTIME_DIR", path)
        monkeypatch.chdir(tmp_path)
        yield
        left = []
        with contextlib.suppress(errors.GalileoError):  # a test may have taken the program away
            left = galileo.runs()
        for state in left:
            with contextlib.suppress(errors.GalileoError):
                galileo.attach(state.id).cancel(now=True)


@pytest.fixture
def database(tmp_path):
    return make_database(tmp_path / "old.sqlite")


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """One that takes some seconds to read."""
    return make_database(tmp_path_factory.mktemp("large") / "large.sqlite", 1_500_000, ("202611241200-aaaa",))


@contextmanager
def target():
    """An application to load, and where it is."""
    port = free_port()
    with subprocess.Popen([_session.program(), "target", "--listen", f"127.0.0.1:{port}"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        try:
            wait_for(listens, "the target")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """(database, the run's result document) of a second of load."""
    folder = tmp_path_factory.mktemp("recorded")
    with target() as url:
        subprocess.run([_session.program(), "load", f"{url}/", "-r", "400", "-c", "4", "-d", "2s", "-q", "--db", folder / "run.sqlite",
                        "--json", folder / "result.json"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    return folder / "run.sqlite", json.loads((folder / "result.json").read_text())


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return found


def sessions_of(pid):
    """Processes of the program that this one has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid and b"session" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except (OSError, ValueError):
                pass
    return found


def python(code, *arguments, **options):
    """A fresh interpreter of this environment runs that."""
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=options.pop("timeout", 120),
                          env={**os.environ, **options.pop("env", {})}, **options)
