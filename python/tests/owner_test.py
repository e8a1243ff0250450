"""What Python has begun ends when Python is gone, however it went: clients stop, telemetry pauses, END and STATUS are set. What was nobody's
experiment goes on."""
import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import galileo
import pytest
from conftest import sessions_of, wait_for
from galileo import _session, frames
from shell_fleet import SCRIPT, fleet, needs_redis, rows  # noqa: F401 (fixtures)

pytestmark = [needs_redis, pytest.mark.usefixtures("own_folder")]


@pytest.fixture
def values(fleet):
    """values(): how many values of telemetry come within 0.3 s; a daemon publishes each 50 ms."""
    bus = f"redis://:for-tests@127.0.0.1:{fleet.redis.port}"
    daemon = subprocess.Popen([_session.program(), "telemd", "--node", "n1", "--bus", bus], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "telemd_instruments_enable": "cpu", "telemd_period_cpu": "50ms"})
    heard = fleet.client.pubsub(ignore_subscribe_messages=True)
    heard.psubscribe("telem/*")

    def count():
        until, found = time.monotonic() + 0.3, 0
        while time.monotonic() < until:
            found += heard.get_message(timeout=0.05) is not None
        return found
    try:
        wait_for(lambda: fleet.names["telemd"].list_telemd_hosts() == ["n1"], "the daemon")
        fleet.names["telemd"].stop_telemd()
        wait_for(lambda: count() == 0, "silence")
        yield count
    finally:
        heard.close()
        daemon.kill()
        daemon.wait()


@contextlib.contextmanager
def script(fleet, text):
    """(the interpreter that runs it, what it has printed last): it goes on until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT + text + "\nprint('there', flush=True)\ntime.sleep(600)\n"],
                               env={**os.environ, **fleet.env}, stdout=subprocess.PIPE, text=True)
    told = []
    try:
        while not told or told[-1] not in ("there", ""):
            told.append(process.stdout.readline().strip())
        yield process, told[-2]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def clients(fleet):
    return {client.client_id for client in fleet.names["g"].clients().clients}


def test_a_killed_interpreters_experiment_ends_with_its_clients_and_its_telemetry(fleet, values, tmp_path):
    """Whatever else of it lives on, as a forked child does here."""
    path = tmp_path / "killed.sqlite"
    others = fleet.names["g"].spawn("img")
    with script(fleet, f"""
child = os.fork()
if child == 0:
    os.close(1)
    time.sleep(600)
    os._exit(0)
c = g.spawn("img", 3)
c.close(1)
names["telemd"].start_telemd()
exp.start("killed", db={str(path)!r})
exp.event("begun")
c.rps(50)
print(child, flush=True)
""") as (process, child):
        try:
            wait_for(lambda: len(rows(path, "SELECT 1 FROM traces")) > 10 and values() > 0, "traces and telemetry")
            [session] = sessions_of(process.pid)
            assert len(clients(fleet)) == 3
            process.kill()
            process.wait()
            wait_for(lambda: rows(path, "SELECT 1 FROM experiments WHERE STATUS = 'FINISHED' AND END > START"), "the end of the experiment")
            assert clients(fleet) == {client.client_id for client in others.clients}
            wait_for(lambda: values() == 0, "silence")
            wait_for(lambda: not Path(f"/proc/{session}").exists(), "the session's end")
            assert rows(path, "SELECT NAME FROM events WHERE NAME = 'begun'") == [("begun",)]
        finally:
            os.kill(int(child), signal.SIGKILL)
            others.close()


def test_without_an_experiment_a_killed_interpreters_clients_go_on(fleet):
    """As those of the old shell: another one commands them."""
    with script(fleet, "c = g.spawn('img', 2)\nprint(c.clients[0].client_id)") as (process, first):
        [session] = sessions_of(process.pid)
        process.kill()
        process.wait()
        wait_for(lambda: not Path(f"/proc/{session}").exists(), "the session's end")
        assert first in clients(fleet)
    left = fleet.names["g"].clients()
    left.request(n=2, ia=0).wait(60)
    assert len(left.close()) == 2


def test_an_interpreter_that_ends_by_itself_ends_its_experiment_and_leaves_clients(fleet, tmp_path):
    path = tmp_path / "ended.sqlite"
    done = subprocess.run([sys.executable, "-c", SCRIPT + f"c = g.spawn('img')\nprint(c)\nexp.start('ended', db={str(path)!r})\nc.request(n=3, ia=0).wait(60)\n"],
                          env={**os.environ, **fleet.env}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "ok", done
    client = done.stdout.splitlines()[0]  # workers may still publish others' traces
    assert rows(path, f"SELECT STATUS, (SELECT count(*) FROM traces WHERE CLIENT = '{client}') FROM experiments") == [("FINISHED", 3)]
    assert len(fleet.names["g"].clients().close()) == 1


OWNER = """
import json, sys, time, galileo
run = galileo.Experiment(json.loads(sys.argv[1])).start(bus=sys.argv[2], db=sys.argv[3], lease=1.0)
while run.state().answered == 0:
    time.sleep(0.02)
print(run.id, flush=True)
time.sleep(600)
"""


def test_a_killed_owners_run_on_a_fleet_ends_with_its_clients_and_its_telemetry(fleet, values, tmp_path):
    bus, path = f"redis://:for-tests@127.0.0.1:{fleet.redis.port}", tmp_path / "run.sqlite"
    made = {"name": "long", "services": {"hello": {"hosts": [fleet.host]}}, "clients": [{"service": "hello", "num": 2, "rate": 50, "duration": "10m"}]}
    with subprocess.Popen([sys.executable, "-c", OWNER, json.dumps(made), bus, str(path)], stdout=subprocess.PIPE, text=True) as process:
        try:
            run = process.stdout.readline().strip()
            wait_for(lambda: values() > 0, "telemetry")
            assert len(clients(fleet)) == 2
        finally:
            process.kill()
    wait_for(lambda: not galileo.runs(), "the end of the run")
    assert clients(fleet) == set()
    wait_for(lambda: values() == 0, "silence")
    [(status, whole)] = rows(path, "SELECT STATUS, END > START FROM experiments")
    assert (status, whole) == ("FINISHED", 1) and len(frames.open(path).traces(run)) > 0 and (frames.open(path).telemetry(run).node == "n1").any()


def test_the_usual_lease_is_less_than_half_a_minute():
    """With the five seconds for what is under way when it ends (docs/wire/session.md)."""
    for call in (galileo.Experiment.run, galileo.Experiment.start):
        assert inspect.signature(call).parameters["lease"].default + 5 < 30
