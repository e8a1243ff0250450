"""The original packages as peers: their worker, shell and recorder, in a virtual environment made once.

No conftest.py: there would be two modules of that name. Tests import the fixtures that they use from here.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT, SLOWER, wait_for

ORIGINALS = ["edgerun-galileo==0.10.4", "galileo-db==0.10.4", "pymq==0.7.0", "telemc==0.3.0"]
NEEDED = ["redis<4", "requests", "pyyaml", "click", "influxdb-client", "pandas", "pymysql", "tabulate"]
# The experiment library goes with an earlier shell, and speaks with Kubernetes and etcd.
EXPERIMENTS = ["edgerun-galileo-experiments==0.0.1", "edgerun-galileo==0.10.4.dev2", "galileo-db==0.10.4.dev1", "pymq==0.7.0", "telemc==0.3.0"]
EXPERIMENTS_NEED = [*NEEDED, "kubernetes==18.20.0", "etcd3", "protobuf<4"]
PIP_SECONDS = 400
PASSWORD = "peers-only"  # the original worker insists on one


def make_environment(folder, originals, needed):
    """Makes it where it isn't whole yet; why it can't be, or None."""
    if (folder / "whole").exists():
        return None
    python = folder / "bin/python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for command in ([sys.executable, "-m", "venv", "--clear", folder], [*pip, "--no-deps", *originals], [*pip, *needed]):
        try:
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PIP_SECONDS,
                                  stdin=subprocess.DEVNULL, env={**os.environ, "PIP_RETRIES": "1"})
        except subprocess.TimeoutExpired:
            return f"the original packages weren't installed within {PIP_SECONDS} s"
        if done.returncode != 0:
            return f"the original packages can't be installed: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}"
    (folder / "whole").touch()
    return None


def python_with(originals, needed):
    """The python that has these packages."""
    wanted = "\n".join([sys.version, *originals, *needed])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galileo"
    folder = cache / f"peers-python-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:  # two test runs make it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        why_not = make_environment(folder, originals, needed)
    if why_not:
        pytest.skip(why_not)
    return str(folder / "bin/python")


@pytest.fixture(scope="session")
def old_python():
    return python_with(ORIGINALS, NEEDED)


@pytest.fixture
def bus(redis):
    """Redis with a password, as the original worker wants it."""
    return redis(password=PASSWORD)


@pytest.fixture
def background(tmp_path):
    """background("name", words, env): a process that ends with the test; its output in a file of that name."""
    started = []

    def call(name, words, env, **options):
        log = open(tmp_path / f"{name}.log", "wb")
        process = subprocess.Popen(list(map(str, words)), cwd=tmp_path, env={**os.environ, **env}, stderr=log,
                                   start_new_session=True, **{"stdin": subprocess.DEVNULL, "stdout": log, **options})
        process.log = tmp_path / f"{name}.log"
        started.append((process, log))
        return process
    yield call
    for process, log in started:
        end(process)
        log.close()


def end(process):
    """First as a user would, so that its own children go too; then what is left of its group."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Shell:
    """A process that takes a JSON object a line and answers each with one."""

    def __init__(self, process):
        self.process, self.answers = process, queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.answers.put(json.loads(line))
        self.answers.put({"error": f"the shell has ended: {self.process.log.read_text()[-2000:]}"})

    def ask(self, timeout=30, **order):
        with contextlib.suppress(BrokenPipeError):  # then the answer says so
            self.process.stdin.write((json.dumps(order) + "\n").encode())
            self.process.stdin.flush()
        return self.answers.get(timeout=timeout * SLOWER)


class OldShell(Shell):
    def __call__(self, path, *args, keep=None, timeout=30, **kwargs):
        """old("g.spawn", "img", 3, keep="c"): as typed at the original shell."""
        order = {"call": path, "args": args, "kwargs": kwargs, **({"as": keep} if keep else {})}
        answer = self.ask(timeout, **order)
        assert "error" not in answer, answer
        return answer["result"]

    def get(self, path):
        return self.ask(get=path)["result"]


class OurShell(Shell):
    """`galileo session`, which keeps no groups of clients: the last one spawned, or the one of a name, is meant here."""

    def __init__(self, process):
        super().__init__(process)
        self.groups = {}
        assert "ok" in self.ask(call="fleet.connect")

    def __call__(self, call, timeout=30, **keys):
        """ours("spawn", service="img"): what `fleet.spawn` gave."""
        answer = self.ask(timeout, call=f"fleet.{call}", **keys)
        assert "error" not in answer, answer
        return answer["ok"]

    def keep(self, clients, name="c"):
        self.groups[name] = clients
        return [id for id, _, _ in clients]

    def group(self, call, name="c", **keys):
        """The call, of a group that was kept."""
        return self(call, clients=self.groups[name], **keys)

    def spawn(self, name="c", **keys):
        return self.keep(self("spawn", **keys), name)

    def close(self, num, name="c"):
        """The last so many of a group."""
        self.groups[name], closing = self.groups[name][:-num], self.groups[name][-num:]
        return self("close", clients=closing)

    def infos(self):
        infos = self.group("info")
        return {"clients": {description[0]: {"requests": requests, "failed": failed} for description, requests, failed in infos["clients"]},
                "missing": infos["missing"]}

    def wait(self, seconds=20):
        """Until the one wait is over; why it never will be, or None."""
        over = []
        wait_for(lambda: over.extend(self("waits")) or over, "the clients", seconds)
        [only] = over
        return only.get("error")


@pytest.fixture
def old_shell(old_python, bus, background):
    script = ROOT / "tests/peers/old_shell.py"
    return OldShell(background("old-shell", [old_python, script], bus.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE))


@pytest.fixture
def our_shell(galileo, bus, background):
    return OurShell(background("our-shell", [galileo, "session"], bus.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE))


@pytest.fixture
def old_worker(old_python, bus, background):
    def call(name, **env):
        process = background(name, [old_python, "-m", "galileo.cli.worker"], {
            **bus.env, "galileo_worker_name": name, "galileo_trace_logging": "redis", **env})
        wait_for(lambda: process.poll() is not None or name in bus("SMEMBERS", "galileo:workers"), f"{name} to register", 30)
        assert process.poll() is None, process.log.read_text()
        return process
    return call


@pytest.fixture
def our_worker(galileo, bus, background):
    def call(name, **env):
        process = background(name, [galileo, "worker"], {
            **bus.env, "galileo_worker_name": name, "galileo_trace_logging": "redis", **env})
        wait_for(lambda: process.poll() is not None or name in bus("SMEMBERS", "galileo:workers"), f"{name} to register", 30)
        assert process.poll() is None, process.log.read_text()
        return process
    return call


class Traces:
    """The traces that are published on the bus, as docs/wire/bus.md has them."""
    FIELDS = ("request_id", "client", "service", "created", "sent", "done", "status", "server", "exp_id", "headers")

    def __init__(self, bus):
        self.lines = []
        self.listener = bus.listen("galileo/results/traces", handler=lambda _, line: self.lines.append(line))

    def __call__(self):
        traces = []
        for line in list(self.lines):
            *fields, response = line.split(",", 10)
            trace = dict(zip(self.FIELDS, fields), response=response)
            trace.update({key: float(trace[key]) for key in ("created", "sent", "done")}, status=int(trace["status"]))
            traces.append(trace)
        return traces

    def wait(self, count, seconds=15):
        wait_for(lambda: len(self.lines) >= count, f"{count} traces, {len(self.lines)} have come", seconds)
        return self()


@pytest.fixture
def traces(bus):
    return Traces(bus)


@pytest.fixture
def ended(bus):
    """ended(ids): waits until each of these clients has said once more that its workload is over. The old shell's
    own wait misses an end that comes before Redis has its subscription, or while its last wait unsubscribes."""
    messages = bus.listen("__eventbus:global:galileo.worker.api.WorkloadDoneEvent").messages

    def call(ids, seconds=15):
        left = set(ids)
        while left:
            _, text = messages.get(timeout=seconds * SLOWER)
            left.remove(json.loads(text)["__obj"][0])
        assert messages.empty(), "more ends than workloads"
    return call


@pytest.fixture
def service(target):
    """The host of an application to load."""
    return target().removeprefix("http://").rstrip("/")
