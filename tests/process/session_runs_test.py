"""Runs that another program starts (docs/wire/session.md): what it is told, who owns one, and that none outlives its owners."""
import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from conftest import SLOWER, wait_for

pytestmark = pytest.mark.quick


class Caller:
    """A connection to a run's process."""

    def __init__(self, connection):
        connection.settimeout(30 * SLOWER)
        self.connection = connection
        self.lines = connection.makefile("rb")

    def send(self, request):
        self.connection.sendall(request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n")

    def ask(self, request):
        self.send(request)
        return json.loads(self.lines.readline())

    def over(self):
        """Follows it to its end; all that was told."""
        told = [self.ask({"call": "follow"})["ok"]]
        while told[-1]["stage"] != "over":
            told.append(self.ask({"call": "follow", "since": told[-1]["number"], "wait_ms": 5000})["ok"])
        return told

    def close(self):
        self.lines.close()
        self.connection.close()


@pytest.fixture
def folder():
    """Where runs are found: a socket's name has to be short."""
    with tempfile.TemporaryDirectory(prefix="g") as path:
        yield Path(path)


@pytest.fixture
def listen(galileo, tmp_path, folder):
    """listen(): (a process that makes a run, the connection that owns it)."""
    started, callers = [], []

    def start(**environment):
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen([galileo, "session", "--listen"], stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path,
                                       start_new_session=True, env={**os.environ, "XDG_RUNTIME_DIR": str(folder), **environment})
        started.append(process)
        callers.append(Caller(ours))
        return process, callers[-1]
    yield start
    for caller in callers:
        caller.close()
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5 * SLOWER)
        process.kill()
        words = process.communicate()[1]
        assert b"galileo: bug:" not in words and b"Sanitizer" not in words, words


@pytest.fixture
def connect():
    callers = []

    def call(path):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        callers.append(Caller(connection))
        return callers[-1]
    yield call
    for caller in callers:
        caller.close()


@pytest.fixture
def ask(galileo, tmp_path, folder):
    """ask(request): the answer of a plain session."""
    def call(request):
        done = subprocess.run([galileo, "session"], input=json.dumps(request) + "\n", capture_output=True, text=True, cwd=tmp_path, timeout=60 * SLOWER,
                              env={**os.environ, "XDG_RUNTIME_DIR": str(folder)})
        return json.loads(done.stdout)
    return call


def file_for(url, **keys):
    host = url.removeprefix("http://").rstrip("/")
    return json.dumps({"name": "asked", "services": {"hello": {"hosts": {host: 1}}}, "telemetry": {"period": "1s"},
                       "clients": [{"service": "hello", "rate": 100, "duration": "1s"}], "thresholds": ["failed == 0"], **keys})


def long_file(url):
    return file_for(url, clients=[{"service": "hello", "rate": 50, "duration": "10m"}])


def begin(text, **keys):
    return {"call": "begin", "text": text, "db": "run.sqlite", **keys}


def status_of(database, run):
    with contextlib.closing(sqlite3.connect(database)) as opened:
        rows = opened.execute("SELECT STATUS, END FROM experiments WHERE EXP_ID = ?", (run,)).fetchall()
    return rows[0] if rows else (None, None)


def test_a_run_is_begun_followed_and_gives_its_result(listen, target, tmp_path, folder):
    process, owner = listen()
    begun = owner.ask(begin(file_for(target()), report=str(tmp_path / "report.html")))["ok"]
    assert begun["socket"] == f"{folder}/galileo/{begun['id']}.sock" and stat.S_IMODE(os.stat(folder / "galileo").st_mode) == 0o700
    told = owner.over()
    numbers = [one["number"] for one in told]
    assert numbers == sorted(set(numbers)) and {"sending", "over"} <= {one["stage"] for one in told}
    assert any(one["state"] and one["state"]["intended"] > 0 and one["state"]["requests_expected"] == 100 for one in told)
    # Each event once, though it was asked again and again.
    events = [event["name"] for one in told for event in one["events"]]
    assert events.count("phase/start") == events.count("phase/end") == 1
    result = owner.ask({"call": "result"})["ok"]
    document = result["document"]
    assert result["exit_code"] in (0, 90) and not result["interrupted"] and result["stored"] and result["problem"] is None
    assert document["experiment"]["id"] == begun["id"] and document["ledger"]["intended"] == 100 and document["ledger"]["balanced"]
    assert document["provenance"]["database"] == "run.sqlite" and document["provenance"]["command"][:3] == ["galileo", "run", "-"]
    assert status_of(tmp_path / "run.sqlite", begun["id"])[0] == "FINISHED"
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    # The process and its socket go with the last who asks.
    owner.close()
    assert process.wait(10 * SLOWER) == 0 and not list((folder / "galileo").iterdir())


@pytest.mark.sanitize
def test_what_cant_be_begun_is_an_error_and_the_process_ends(listen, tmp_path, folder):
    wrong = json.dumps({"name": "x", "services": {"a": {"hosts": {"127.0.0.1:1": 1}}}, "clients": [{"service": "b", "rate": "fast"}]})
    for request, code, words in (
            (begin(wrong), "usage", "fast"), (begin("", path="nowhere.yaml"), "usage", "nowhere.yaml"), ({"call": "begin"}, "usage", "'path' or a 'text'"),
            (begin("{}", path="x"), "usage", "one of them"), (begin("{}", lease_s=-1), "usage", "lease_s"), (begin("{}", more=1), "usage", "'more'"),
            ({"call": "follow", "wait_ms": 1e9}, "usage", "wait_ms"), ({"call": "attach", "x": 1}, "usage", "'x'"), ({"call": "frame"}, "usage", "no call"),
            (b"no json\n", "usage", "no JSON"), ({"call": "result"}, "unavailable", "isn't over")):
        process, owner = listen()
        error = owner.ask(request)["error"]
        assert error["code"] == code and words in error["text"], (request, error)
        owner.close()
        assert process.wait(10 * SLOWER) == 0
    assert not list((folder / "galileo").iterdir()) and not list(tmp_path.glob("*.sqlite"))


def test_it_needs_a_connection(galileo):
    done = subprocess.run([galileo, "session", "--listen"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30 * SLOWER)
    assert done.returncode == 2 and "stream socket" in done.stderr


def test_a_folder_of_somebody_elses_is_refused(listen, folder, target):
    (folder / "galileo").mkdir(mode=0o755)
    _, owner = listen()
    error = owner.ask(begin(file_for(target())))["error"]
    assert error["code"] == "io" and "others may enter" in error["why"]
    (folder / "galileo").rmdir()
    (folder / "galileo").symlink_to("/tmp")
    _, owner = listen()
    assert owner.ask(begin(file_for(target())))["error"]["code"] == "io"


def test_a_second_run_of_a_process_is_refused(listen, target):
    _, owner = listen()
    owner.ask(begin(long_file(target())))
    assert "has a run already" in owner.ask(begin("{}"))["error"]["why"]
    owner.ask({"call": "stop", "now": True})
    owner.over()


@pytest.mark.parametrize("now", [False, True])
def test_it_is_stopped_and_what_was_done_is_kept(listen, connect, target, tmp_path, now):
    _, owner = listen()
    begun = owner.ask(begin(long_file(target())))["ok"]
    wait_for(lambda: (owner.ask({"call": "follow"})["ok"]["state"] or {}).get("answered", 0) > 0, "an answer", 30)
    # By anybody who may enter the folder, owner or not; once more changes nothing.
    other = connect(begun["socket"])
    assert other.ask({"call": "stop", "now": now}) == {"ok": {}} and other.ask({"call": "stop"}) == {"ok": {}}
    other.close()
    assert owner.over()[-1]["stopping"]
    result = owner.ask({"call": "result"})["ok"]
    ledger = result["document"]["ledger"]
    assert result["interrupted"] and result["exit_code"] == 105 and ledger["balanced"] and ledger["answered"] > 0
    status, end = status_of(tmp_path / "run.sqlite", begun["id"])
    assert status == "FINISHED" and end > 0


@pytest.mark.sanitize
def test_a_run_that_nobody_owns_ends(listen, connect, target, tmp_path):
    process, owner = listen()
    begun = owner.ask(begin(long_file(target()), lease_s=0.2))["ok"]
    # Who only looks doesn't own it.
    looks = connect(begun["socket"])
    owner.close()
    assert looks.over()[-1]["stopping"]
    assert status_of(tmp_path / "run.sqlite", begun["id"])[0] == "FINISHED"
    looks.close()
    assert process.wait(10 * SLOWER) == 0


def test_a_run_goes_on_with_another_owner(listen, connect, target):
    process, owner = listen()
    begun = owner.ask(begin(long_file(target()), lease_s=0.2))["ok"]
    other = connect(begun["socket"])
    assert other.ask({"call": "attach"})["ok"] == begun
    owner.close()
    time.sleep(0.6)  # thrice the lease: the run would be stopping
    assert not other.ask({"call": "follow"})["ok"]["stopping"]
    assert process.poll() is None
    other.ask({"call": "stop", "now": True})
    other.over()


@pytest.mark.sanitize
def test_an_owner_that_is_killed_before_its_answer_leaves_no_run(listen, target):
    process, owner = listen()
    owner.send(begin(long_file(target()), lease_s=0.2))
    owner.close()
    assert process.wait(20 * SLOWER) == 0


def test_signals_end_it_as_they_end_galileo_run(listen, target):
    process, owner = listen()
    owner.ask(begin(long_file(target())))
    process.send_signal(signal.SIGTERM)
    owner.over()
    assert owner.ask({"call": "result"})["ok"]["exit_code"] == 105


@pytest.mark.sanitize
def test_a_slow_reader_holds_nobody_up(listen, connect, target):
    """One asks for much and reads nothing."""
    _, owner = listen()
    begun = owner.ask(begin(long_file(target())))["ok"]
    slow = connect(begun["socket"])
    slow.connection.settimeout(1)
    with contextlib.suppress(TimeoutError):
        for _ in range(2000):
            slow.send({"call": "follow"})
    assert owner.ask({"call": "follow"})["ok"]["id"] == begun["id"]
    owner.ask({"call": "stop", "now": True})
    owner.over()


def test_a_line_without_an_end_is_refused(listen, connect, target):
    _, owner = listen()
    begun = owner.ask(begin(long_file(target())))["ok"]
    endless = connect(begun["socket"])
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            endless.connection.sendall(b"x" * (1 << 16))
    with contextlib.suppress(ConnectionError):
        assert endless.lines.readline() == b""
    owner.ask({"call": "stop", "now": True})
    owner.over()


def test_runs_are_listed_and_the_dead_ones_cleared(listen, ask, target, folder):
    process, owner = listen()
    url = target()
    begun = owner.ask(begin(long_file(url)))["ok"]
    killed, other = listen()
    dead = other.ask(begin(long_file(url), db="other.sqlite"))["ok"]
    killed.kill()
    killed.wait()
    (folder / "galileo" / ".999999999").touch()  # of a process that was killed before its run had an id
    listed = []

    def answers():  # within a second, which on a busy machine may take a few tries
        listed[:] = ask({"call": "runs"})["ok"]
        assert [one["id"] for one in listed] == [begun["id"]]
        return listed[0]["state"]
    wait_for(answers, "the run to say how far it is", 30)
    assert listed[0]["state"]["name"] == "asked"
    assert not os.path.exists(dead["socket"]) and [one.name for one in (folder / "galileo").iterdir()] == [os.path.basename(begun["socket"])]
    # One that is stopped is there, and says nothing.
    process.send_signal(signal.SIGSTOP)
    silent = ask({"call": "runs"})["ok"]
    process.send_signal(signal.SIGCONT)
    assert [(one["id"], one["state"]) for one in silent] == [(begun["id"], None)]
    owner.ask({"call": "stop", "now": True})
    owner.over()


def test_a_plan_says_what_would_be_done(ask, tmp_path):
    planned = ask({"call": "plan", "text": file_for("http://127.0.0.1:1/"), "set": ["clients[0].rate=7"]})["ok"]
    assert planned["name"] == "asked" and "asked" in planned["text"] and "7" in json.dumps(planned["plan"])
    error = ask({"call": "plan", "text": '{"name": "x",\n "services": 5,\n "clients": "${HOME}"}', "environment": False})["error"]
    assert error["code"] == "usage" and ":2" in error["text"]
    # Files that the text names are in the folder that it says.
    (tmp_path / "here").mkdir()
    (tmp_path / "here/gaps.csv").write_text("0.1\n0.2\n")
    text = json.dumps({"name": "x", "services": {"a": {"hosts": {"127.0.0.1:1": 1}}}, "clients": [{"service": "a", "arrival": {"profile": "gaps.csv"}}]})
    assert "ok" in ask({"call": "plan", "text": text, "folder": str(tmp_path / "here")})
    assert "gaps.csv" in ask({"call": "plan", "text": text})["error"]["text"]


def test_passwords_are_in_no_answer(listen):
    _, owner = listen()
    answer = owner.ask(begin(file_for("http://127.0.0.1:1/"), bus="redis://me:secret@127.0.0.1:1"))
    assert answer["error"]["code"] == "unavailable" and "secret" not in json.dumps(answer)
