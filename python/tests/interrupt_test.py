"""An interrupt ends any call within half a second, and the next one works: of a program that answers, one that is stopped, and one that
never says a word. What is interrupted here would never end by itself."""
import contextlib
import os
import signal
import threading
import time

import galileo
import pandas
import pytest
from conftest import make_database, sessions_of, target, wait_for
from galileo import errors, frames, plots
from galileo._fleet import Connection
from galileo.shell import shell

WITHIN_S = 0.5
#: A machine that is busy with other tests may be late; not each time.
TIMES = 6


pytestmark = pytest.mark.usefixtures("own_folder")


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def interrupted(call, ready=lambda: True):
    """How long it went on."""
    at, by_itself = [], False

    def interrupt():
        wait_for(ready, "the call to be under way")
        time.sleep(0.1)
        at.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        call()
        by_itself = True
        thread.join()
    except KeyboardInterrupt:
        pass
    ended = time.monotonic()
    thread.join()
    assert not by_itself and at, "it ended by itself"
    return ended - at[0]


def ends(call, ready=lambda: True):
    took = []
    while not took or took[-1] > WITHIN_S:
        assert len(took) < TIMES, took
        took.append(interrupted(call, ready))


def database_with_pods():
    at = pandas.to_datetime([0], utc=True)
    return pandas.DataFrame({"exp_id": ["a"], "time": at, "name": ["pod/running"], "value": ["{}"]})


def once():
    """A request from here, whose route needs no bus."""
    from galileo.shell._once import request
    request(None, "hello", None, None, "StaticRouter")


def key_of_etcd():
    from galileoexperiments.utils.helpers import EtcdClient
    EtcdClient("127.0.0.1", 1).write("golb/function/zone-a/hello", "{}")


def old_gateway():
    from galileojp.k3s import K3SGateway
    K3SGateway("some.sqlite").traces("last")


ANYTHING = galileo.Experiment(name="any", services={"hello": {"hosts": ["127.0.0.1:1"]}}, clients=[{"service": "hello", "rate": 50, "duration": "10m"}])
CALLS = {
    "traces": lambda: frames.open("some.sqlite").traces("last"), "experiments": lambda: frames.open("some.sqlite").experiments(),
    "remove": lambda: frames.open("some.sqlite").remove("last"), "plan": ANYTHING.plan, "describe": ANYTHING.describe, "start": ANYTHING.start, "run": ANYTHING.run,
    "runs": galileo.runs, "attach": lambda: galileo.attach("2026"), "connect": lambda: Connection(standalone=True),
    "init": lambda: shell.init(standalone=True), "replicas": lambda: plots.replicas(database_with_pods()), "request": once, "etcd": key_of_etcd, "old gateway": old_gateway}


@pytest.mark.parametrize("name", CALLS)
def test_of_a_program_that_never_answers(name, tmp_path, monkeypatch):
    """What a call starts, whatever it asks; it is gone afterwards."""
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/bash\nexec -a session sleep 600\n")
    silent.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("galileo_program", str(silent))
        ends(CALLS[name], lambda: sessions_of(os.getpid()))
        wait_for(lambda: not sessions_of(os.getpid()), "the end of what it had started")
    assert len(frames.open(make_database(tmp_path / "some.sqlite")).traces("last")) == 21


def test_of_a_sessions_process_that_is_stopped(tmp_path):
    with target() as url:
        names = shell.init(standalone=True)
        g, rtbl, exp, telemd = (names[name] for name in ("g", "rtbl", "exp", "telemd"))
        try:
            rtbl.set("hello", [url.removeprefix("http://")])
            c = g.spawn("hello", 2)
            future = c.request(n=5, ia=600)
            ends(future.wait)
            ends(lambda: shell.sleep(600))
            with stopped(g.ctrl._channel.process.pid):
                for call in (g.workers, g.ping, c.info, c.pause, g.clients, rtbl.records, lambda: rtbl.set("other", ["a:1"]), telemd.list_telemd_hosts,
                             lambda: g.request("hello"), lambda: exp.start(db=str(tmp_path / "one.sqlite"))):
                    ends(call)
            # What they had asked was done, each answer is its own call's, and the next call works.
            assert len(g.workers()) == 1 and rtbl.record("other").hosts == ["a:1"]
            exp.start("next", db=str(tmp_path / "one.sqlite"))
            exp.stop()
            assert frames.open(tmp_path / "one.sqlite").experiments().status.iloc[-1] == "FINISHED"
            assert g.request("hello").status_code == 200
            assert g.spawn("hello").request(n=3, ia=0).wait(60) is None
        finally:
            g.ctrl.close()


def long_run(url, **more):
    made = galileo.Experiment(name="long", services={"hello": {"hosts": [url.removeprefix("http://")]}},
                              clients=[{"service": "hello", "rate": 50, "duration": "10m"}])
    return made, made.start(db="one.sqlite", **more)


def test_of_a_runs_process_whether_it_answers_or_not():
    with target() as url:
        made, run = long_run(url)
        for call in (run.wait, run.result):
            ends(call)
        with stopped(run._link.process.pid):
            for call in (run.wait, run.result):
                ends(call)
            # Nor does a limit of time need its answer.
            began = time.monotonic()
            assert not run.wait(0.1) and run.state().stage == "silent"
            with pytest.raises(errors.TimeLimitError):
                run.result(0.1)
            run.cancel()
            assert time.monotonic() - began < 60
        result = run.result(60)
        assert result.interrupted and len(result.traces()) > 0  # it was asked to stop while it was stopped


def test_of_a_run_here_whose_process_is_stopped():
    """It is asked to stop, and the interrupt doesn't wait for its answer."""
    with target() as url:
        made = galileo.Experiment(name="long", services={"hello": {"hosts": [url.removeprefix("http://")]}},
                                  clients=[{"service": "hello", "rate": 50, "duration": "10m"}])
        held = []

        def hold():
            run = made.last
            if run is None or run in held or run.state().answered == 0:
                return False
            os.kill(run._link.process.pid, signal.SIGSTOP)
            held.append(run)
            return True
        try:
            ends(lambda: made.run(db="one.sqlite", progress=False), hold)
        finally:
            for run in held:
                os.kill(run._link.process.pid, signal.SIGCONT)
        for run in held:
            assert run.result(60).interrupted
        assert made.run(db="one.sqlite", set={"clients[0].requests": 3}).summary["ledger"]["answered"] == 3


def test_a_time_limit_of_run_holds_though_its_process_is_stopped():
    with target() as url:
        made = galileo.Experiment(name="long", services={"hello": {"hosts": [url.removeprefix("http://")]}},
                                  clients=[{"service": "hello", "rate": 50, "duration": "10m"}])

        def hold():
            run = wait_for(lambda: made.last, "the run")
            wait_for(lambda: run.state().answered, "its requests")
            os.kill(run._link.process.pid, signal.SIGSTOP)
        thread = threading.Thread(target=hold)
        thread.start()
        with pytest.raises(errors.TimeLimitError, match="its process doesn't answer") as raised:
            made.run(timeout=3, db="one.sqlite", progress=False)
        thread.join()
        assert raised.value.result is None
        os.kill(made.last._link.process.pid, signal.SIGCONT)
        assert made.last.result(60).interrupted


def test_a_wait_at_a_queue_of_a_bus(tmp_path):
    redis_server = pytest.importorskip("redis_server")
    redis = pytest.importorskip("redis")
    if not redis_server.installed():
        pytest.skip("redis-server isn't installed")
    from conftest import free_port
    from pymq.provider.redis import RedisQueue

    for attempt in range(5):
        with contextlib.suppress(AssertionError):  # somebody was faster at the port
            server = redis_server.Redis(tmp_path / str(attempt), free_port(), None)
            break
    try:
        client = redis.Redis(port=server.port, decode_responses=True)
        queue = RedisQueue(client, "jobs", "jobs")
        ends(queue.get)
        # What is put in while the server still thinks that the interrupted one waits would be sent to that one.
        wait_for(lambda: client.info("clients")["blocked_clients"] == 0, "the end of the wait")
        queue.put(7)
        assert queue.get(timeout=60) == 7
    finally:
        server.stop()


def test_how_long_nobody_looks_for_a_signal_is_a_fifth_of_that():
    """Where waits are in slices, since the signal may come to another thread."""
    from galileo import _fleet, _link, _session, experiment

    assert max(_fleet._LOOK_S * 1000, _link.LOOK_MS, _session._LOOK_MS) <= WITHIN_S * 1000 / 5
    assert experiment._INTERRUPTED_S + 2 * _link.LOOK_MS / 1000 <= WITHIN_S
