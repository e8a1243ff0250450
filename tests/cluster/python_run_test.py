"""`Experiment.run()` of the Python package with applications as pods, on a whole Kubernetes: what a notebook gets, and what is left where it
is interrupted, killed, or asks for what can't be."""
import json
import os
import signal
import subprocess
import tempfile

import pytest
import python_module
from conftest import ROOT, SLOWER, wait_for
from our_python import our_python
from pods_laboratory import CLIENT, base, etcd, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)

BEGIN = """
import json, os, sys, time
import galileo
from galileo import errors, frames, plots
made = galileo.Experiment(json.loads(sys.argv[1]))
bus = sys.argv[2] or None
"""


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo) as made:
        yield made


@pytest.fixture(scope="module")
def package(galileo, tmp_path_factory):
    """(python, environment) that has the package with its compiled module."""
    folder, why_not = python_module.link(ROOT / "python/galileo", tmp_path_factory.mktemp("package"), ROOT / "build/python-module")
    if why_not:
        pytest.skip(why_not)
    python, env = our_python(galileo)
    with tempfile.TemporaryDirectory(prefix="g") as runs:  # a socket's name has to be short
        yield python, {**env, "PYTHONPATH": f"{folder}:{env['PYTHONPATH']}", "XDG_RUNTIME_DIR": runs}


@pytest.fixture
def notebook(base, package, tmp_path):  # noqa: F811
    """notebook(code, applications, clients, bus): an interpreter that runs it; its output in the files `out` and `said`."""
    _, env = base
    python, more = package
    started = []

    def call(code, applications, clients, bus=""):
        content = {"name": "of a notebook", "creator": "me", "seed": 7, "clients": clients,
                   "applications": [{"name": name, "kubernetes": pods} for name, pods in applications.items()]}
        with open(tmp_path / "out", "w") as out, open(tmp_path / "said", "w") as said:
            started.append(subprocess.Popen([python, "-c", BEGIN + code, json.dumps(content), bus], cwd=tmp_path, env={**env, **more}, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=said, start_new_session=True))
        return started[-1]
    yield call
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def over(process, tmp_path, seconds=240):
    """What it has printed."""
    assert process.wait(seconds * SLOWER) == 0, (tmp_path / "said").read_text()
    return (tmp_path / "out").read_text().splitlines()


def test_a_run_on_a_fleet_gives_its_result_and_leaves_nothing(cluster, etcd, base, notebook, tmp_path):  # noqa: F811
    """The frames tell on which node each request was answered, by what the run tells of its pods."""
    server, _ = base
    process = notebook("""
print(made.plan(bus=bus)["phases"][0]["clients"][0]["service"])
print("kind" in made.describe(bus=bus) and "hello" in made.describe(bus=bus))
result = made.run(bus=bus)
print(result.summary["ledger"]["answered"], result.summary["ledger"]["balanced"], result.status, result.exit_code in (0, 90))
traces, events = result.traces(columns=["created", "server", "status", "final_host", "exp_id"]), result.events()
print(plots.nodes(traces, events).value_counts().to_dict(), len(traces))
print(len(plots.replicas(events).axes[0].get_lines()) > 0, len(plots.weights(events).axes[0].get_lines()) > 0)
print(galileo.runs())
""", {"hello": target(pods={"node1": 2}, requests={"cpu": "10m", "memory": "16Mi"})}, [CLIENT], server.url)
    planned, described, summary, nodes, drawn, going = over(process, tmp_path)
    assert (planned, described, summary, nodes, drawn, going) == ("hello-zone-a", "True", "150 True FINISHED True", "{'node1': 150} 150", "True True", "[]")
    assert left(cluster, etcd, server) == []
    assert rows(tmp_path, "SELECT STATUS, CREATOR FROM experiments") == [("FINISHED", "me")]


def test_an_interrupt_raises_at_once_and_leaves_nothing(cluster, etcd, base, notebook, tmp_path):  # noqa: F811
    """From this machine alone, without a fleet; the run ends its pods after the call has raised, and the next call works."""
    process = notebook("""
import threading
def began():
    while made.last is None or made.last.state().answered == 0:
        time.sleep(0.05)
    print("sends", flush=True)
threading.Thread(target=began).start()
try:
    made.run(progress=False)
except KeyboardInterrupt as interrupt:
    result = interrupt.run.result()
    print(result.interrupted, result.summary["ledger"]["answered"] > 0, len(result.traces()) > 0, len(galileo.runs()))
""", {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "10m"}])
    wait_for(lambda: process.poll() is not None or "sends" in (tmp_path / "out").read_text(), lambda: (tmp_path / "said").read_text(), 120)
    os.kill(process.pid, signal.SIGINT)
    assert over(process, tmp_path)[1] == "True True True 0"
    assert left(cluster, etcd) == []


def test_a_killed_notebooks_pods_go(cluster, etcd, base, notebook, tmp_path):  # noqa: F811
    server, _ = base
    process = notebook("""
run = made.start(bus=bus, lease=1)
while run.state().answered == 0:
    time.sleep(0.05)
print(run.id, flush=True)
time.sleep(600)
""", {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "10m"}], server.url)
    wait_for(lambda: process.poll() is not None or (tmp_path / "out").read_text(), lambda: (tmp_path / "said").read_text(), 120)
    assert left(cluster, etcd, server) != []
    process.kill()
    process.wait()
    wait_for(lambda: left(cluster, etcd, server) == [], lambda: left(cluster, etcd, server), 120)
    wait_for(lambda: rows(tmp_path, "SELECT STATUS, END > START FROM experiments") == [("FINISHED", 1)], "its END and STATUS", 60)


def test_what_cant_be_is_raised_with_kubernetes_words(cluster, etcd, base, notebook, tmp_path):  # noqa: F811
    process = notebook("""
for call in (made.run, made.run):
    try:
        call(progress=False)
    except errors.UnavailableError as error:
        print(json.dumps(str(error)))
try:
    galileo.Experiment({**json.loads(sys.argv[1]), "clients": [{"application": "nobody", "zone": "zone-a", "rate": 1, "duration": "1s"}]}).run()
except errors.UsageError as error:
    print(json.dumps(str(error)))
""", {"hello": target(image="galileo.test/nobody:1", pods={"node1": 1})}, [CLIENT])
    first, again, wrong = map(json.loads, over(process, tmp_path))
    assert "ErrImageNeverPull" in first and "ErrImageNeverPull" in again and "nobody" in wrong
    assert left(cluster, etcd) == []
