"""What the black-box tests share: the program, free ports, a target, and processes that always end."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from ports import free_port  # noqa: E402

# A build with sanitizers is slower; deadlines grow with it.
SLOWER = 5 if os.environ.get("GALILEO_PRESET", "release") in ("asan", "tsan") else 1


@pytest.fixture(scope="session")
def galileo():
    path = Path(os.environ.get("GALILEO_BINARY", ROOT / "build/release/galileo"))
    assert path.exists(), f"{path} isn't built: make build"
    return str(path)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory):
    """One for all tests; each makes a database of its own in it, and leaves the server as it is."""
    from mariadb_server import MariaDb
    server = MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory):
    """One for all tests, which leave the server as it is."""
    from influxdb_server import InfluxDb
    server = InfluxDb(tmp_path_factory.mktemp("influxdb"))
    yield server
    server.stop()


@pytest.fixture
def port():
    return free_port()


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def ran(self):
        """It ran to its end and its books balance. On a machine that is busy with other things a
        truthful generator may have to say that its own result is INVALID (90): that is no fault."""
        return self.code in (0, 90)

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture
def run(galileo, tmp_path):
    """run("load", url, ...): the program to its end, in an empty folder, within a deadline."""
    def call(*arguments, timeout=30, env=None, cwd=tmp_path):
        process = subprocess.Popen(
            [galileo, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(env or {})},
            start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout * SLOWER)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            pytest.fail(f"galileo {' '.join(map(str, arguments))}: not over after {timeout} s\n{err}")
        assert "galileo: bug:" not in err and "Sanitizer" not in err, err
        return Outcome(process.returncode, out, err)
    return call


@pytest.fixture
def start(galileo, tmp_path):
    """start("target", ...): the program in the background, what it says in pipes or in the file `log`; ended with the test.
    `before`: a command that starts it."""
    started, logs = [], []

    def call(*arguments, cwd=tmp_path, log=None, before=(), **options):
        process = subprocess.Popen(
            [*before, galileo, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
            stdout=log or subprocess.PIPE, stderr=log or subprocess.PIPE, start_new_session=True, **options)
        started.append(process)
        if log:
            logs.append(Path(log.name))
        return process
    yield call
    errors = []
    for process in started:
        if SLOWER > 1 and process.poll() is None:  # a sanitizer looks for leaks at an orderly end only
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stderr and not process.stderr.closed:
            errors.append(process.communicate()[1] or "")
    errors += [path.read_text(errors="replace") for path in logs]
    told = [text for text in errors if "galileo: bug:" in text or "Sanitizer" in text]
    assert not told, told[0]


def wait_for(condition, what, seconds=10):
    deadline = time.monotonic() + seconds * SLOWER
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what() if callable(what) else what}"
        time.sleep(0.01)


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def target(start, port):
    """target("--delay", "5ms"): a running `galileo target`; its URL."""
    def call(*arguments):
        start("target", "--listen", f"127.0.0.1:{port}", *arguments)
        wait_for(lambda: accepts(port), "the target to listen")
        return f"http://127.0.0.1:{port}/"
    return call


@pytest.fixture
def redis(tmp_path_factory):
    """redis(password=...): a Redis server of this test's own; stopped with it."""
    import redis_server
    if not redis_server.installed():
        pytest.skip("redis-server isn't installed (scripts/setup.sh test)")
    started = []

    def call(password=None, more=()):
        started.append(redis_server.Redis(tmp_path_factory.mktemp("redis"), free_port(), password, more))
        return started[-1]
    yield call
    for server in started:
        server.stop()


@pytest.fixture
def one_redis(redis):
    """A running Redis server with nothing special about it."""
    return redis()


def result_of(path):
    return json.loads(Path(path).read_text())


def strip_colour(text):
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
