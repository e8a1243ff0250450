"""Long work on a terminal says how far it is and what it came to; in a pipe only the end is said, and nothing of it among the data."""
import contextlib
import os
import pty
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest
from conftest import ROOT, SLOWER, free_port, wait_for

ROWS = 20_000
FAR = r"[\d,]+ of 20,[\d,]+ rows \(\d+ %\), about \S+ left"


@pytest.fixture(scope="module")
def measured(galileo, tmp_path_factory):
    """A folder with a database and a spool of that many traces each, and a clock that is too fast."""
    folder = tmp_path_factory.mktemp("long")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "clock.so", ROOT / "tests/support/fast_clock.c", "-ldl"], check=True)
    at = f"127.0.0.1:{free_port()}"
    target = subprocess.Popen([galileo, "target", "--listen", at], stderr=subprocess.PIPE, text=True)
    try:
        target.stderr.readline()
        for database in ("x.sqlite", "none"):
            subprocess.run([galileo, "load", f"http://{at}/", "-c", "4", "-n", str(ROWS), "-q", "--no-telemetry", "--db", database],
                           cwd=folder, timeout=60 * SLOWER, stdout=subprocess.DEVNULL)
    finally:
        target.kill()
        target.communicate()
    return folder


def on_terminal(words, folder, env):
    """What is said on a terminal that is stderr, and the data."""
    main, side = pty.openpty()
    told = []

    def read():
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:  # nobody has it open any more
                return
            told.append(piece)
    reader = threading.Thread(target=read)
    reader.start()
    process = subprocess.Popen(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=side)
    os.close(side)
    data = process.communicate(timeout=60 * SLOWER)[0]
    reader.join()
    os.close(main)
    return process.returncode, data.decode(), b"".join(told).decode().replace("\r\n", "\n")


# The command, how far it is, and its end where that isn't on stdout.
WORK = {
    "show": (["exp", "show", "last"], FAR, r"exp show: 20,000 rows in \S+"),
    "report": (["exp", "report", "last", "--output", "r.html"], FAR, "exp: wrote r.html"),
    "compare": (["exp", "compare", "last", "last", "--force"], FAR, r"exp compare: 20,000 rows in \S+"),
    "export, CSV": (["exp", "export", "last", "--output", "out"], FAR, "exp: wrote traces, telemetry, events and nodeinfo to out"),
    "export, JSON lines": (["exp", "export", "last", "--output", "out", "--format", "jsonl"], FAR, "exp: wrote traces"),
    "import": (["exp", "import", "x.sqlite", "--db", "copy.sqlite"], FAR, "exp: imported .*: 20,000 traces"),
    "import of a spool": (["exp", "import", "SPOOL", "--db", "copy.sqlite"], FAR, "exp: imported .*: 20,000 traces"),
    "recovery": (["exp", "ls"], r"recovering what runs left: [\d,]+ rows", "exp: recovered 20,000 traces of"),
    "touch": (["exp", "touch", "last"], None, None),
    "removal": (["exp", "rm", "last"], None, "exp: removed"),
}


@pytest.mark.parametrize("name", WORK)
def test_long_work_shows_how_far_it_is_on_a_terminal_and_says_its_end(galileo, measured, tmp_path, name):
    words, far, end = WORK[name]
    spool = next(measured.glob("*.spool"))
    said = {}
    for place in ("a terminal", "a pipe"):
        folder = tmp_path / place
        folder.mkdir()
        shutil.copy(measured / "x.sqlite", folder / "galileo.sqlite")
        shutil.copy(measured / "x.sqlite", folder)
        if name == "recovery":
            (folder / "galileo.sqlite.spool").mkdir()
            shutil.copy(spool, folder / "galileo.sqlite.spool")
        command = [galileo, *[str(spool) if word == "SPOOL" else word for word in words]]
        env = {**os.environ, "LD_PRELOAD": str(measured / "clock.so"), "CLOCK_FACTOR": "100000", "LD_BIND_NOW": "1"}
        if place == "a terminal":
            said[place] = on_terminal(command, folder, env)
        else:
            done = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * SLOWER)
            said[place] = done.returncode, done.stdout, done.stderr
        assert said[place][0] == 0, said
    code, data, told = said["a terminal"]
    if far:
        assert re.search(rf"^galileo exp.*{far}$", told, re.M) and re.search(r"^galileo exp.*: 20,[\d,]+ rows in \S+$", told, re.M), said
        assert not re.search(" rows (in|\\()|rows$", said["a pipe"][2], re.M), said
    if end:
        assert re.search(end, told), said
        assert re.search(end, said["a pipe"][2]) or "rows in" in end, said
    elif name == "touch":
        assert all("traces are" in said[place][1] for place in said), said


def test_a_run_that_waits_for_its_database_says_how_much_is_there_and_its_end(galileo, target, port, tmp_path):
    """Somebody else holds the database when the requests are over."""
    target()
    held = sqlite3.connect(tmp_path / "galileo.sqlite", isolation_level=None)
    held.execute("CREATE TABLE other (x)")
    main, side = pty.openpty()
    process = subprocess.Popen([galileo, "load", f"http://127.0.0.1:{port}/", "-n", "500", "-c", "2", "--no-telemetry"], cwd=tmp_path,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=side)
    os.close(side)
    wait_for(lambda: held.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 1, "the run's tables")
    held.execute("BEGIN IMMEDIATE")
    told = b""
    with contextlib.suppress(OSError):  # of a terminal that nobody has open any more
        while b"traces are in the database; Ctrl-C leaves the rest in" not in told:
            told += os.read(main, 65536)
    held.execute("ROLLBACK")
    held.close()
    out = process.communicate(timeout=30 * SLOWER)[0].decode()
    os.close(main)
    assert b"of 500 traces are in the database; Ctrl-C leaves the rest in" in told, told
    assert "stored 500" in out and process.returncode in (0, 90, 99), (out, told)
