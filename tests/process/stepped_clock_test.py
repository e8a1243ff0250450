"""The machine's time is set while something is recorded: times go on as they did, and no latency is negative."""
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import ROOT, SLOWER, result_of, wait_for

AFTER_MS = 700


@pytest.fixture(params=[3600, -3600], ids=["an hour ahead", "an hour back"])
def stepped(request, tmp_path):
    """The environment of a program whose clock is set while it runs."""
    if SLOWER > 1:
        pytest.skip("a sanitizer wants to be loaded first")
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to make the clock with")
    library = tmp_path / "stepped_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests/support/stepped_clock.c", "-ldl"], check=True, timeout=60)
    env = {**os.environ, "LD_PRELOAD": str(library), "STEP_AFTER_MS": str(AFTER_MS), "STEP_S": str(request.param)}
    said = subprocess.run(["/usr/bin/python3", "-c", "import time; time.sleep(1); print(time.time())"], env=env, capture_output=True, text=True, timeout=30)
    assert abs(float(said.stdout) - time.time() - request.param) < 30, said  # the shim does what it should
    return env


def rows_of(database, query):
    connection = sqlite3.connect(database, timeout=30)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_run_whose_clock_is_set_has_times_that_go_on(run, target, tmp_path, stepped):
    began = time.time()
    done = run("load", target(), "-r", "200", "-d", "2s", "-q", "--json", "r.json", env=stepped)
    over = time.time()
    assert done.code in (0, 90), done
    database = tmp_path / "galileo.sqlite"
    traces = rows_of(database, "SELECT INTENDED, DISPATCHED, SENT, FIRST_BYTE, DONE FROM traces ORDER BY CREATED")
    assert len(traces) == 400
    for times in traces:
        assert list(times) == sorted(times), times
        assert began - 1 < times[0] and times[-1] < over + 1, times
    created = [times[0] for times in traces]
    assert max(b - a for a, b in zip(created, created[1:])) < 0.1, "a hole where the clock was set"
    samples = rows_of(database, "SELECT min(TIMESTAMP), max(TIMESTAMP), count(*) FROM telemetry")[0]
    assert samples[2] > 0 and began - 1 < samples[0] <= samples[1] < over + 1, samples
    [(start, end)] = rows_of(database, "SELECT START, END FROM experiments")
    assert began - 1 < start < end < over + 1
    result = result_of(tmp_path / "r.json")
    assert result["latency_s"]["min"] > 0 and result["latency_s"]["max"] < over - began
    assert result["ledger"]["balanced"]


def test_a_recorder_whose_clock_is_set_keeps_times_as_they_come(start, one_redis, tmp_path, stepped):
    began = time.time()
    database = tmp_path / "x.sqlite"
    process = start("recorder", "-q", "--bus", one_redis.url, "--db", database, env=stepped)
    wait_for(lambda: one_redis("PUBSUB", "NUMPAT") == 2 and database.exists(), "the recorder")
    line = "abcdef0123:{},w:web:0,web,1795500000.5,1795500000.5,1795500000.6,200,10.0.0.1:80,None,None,ok"
    for number in range(1, 101):
        one_redis.publish("galileo/results/traces", line.format(number))
        time.sleep(2 * AFTER_MS / 1000 / 100)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert rows_of(database, "SELECT count(DISTINCT REQUEST_ID), min(CREATED), max(DONE) FROM traces") == [(100, 1795500000.5, 1795500000.6)]
    [(start_at, end)] = rows_of(database, "SELECT START, END FROM experiments")
    assert began - 1 < start_at < end < time.time() + 1
