"""`metadata` of an experiment file: kept with the experiment where the old system's notebooks read them, through a run
that ends, one that is killed and one that can't begin, and shown with the result."""
import json
import signal
import sqlite3

import pytest
from conftest import wait_for

pytestmark = pytest.mark.quick
FILE = """
name: told
services: {{app: {{hosts: ["{host}"]}}}}
clients: [{{service: app, rate: 200, duration: {duration}}}]
telemetry: off
metadata:
  exp: {{host: n1, zone: main, app_name: app, requests: {{n: 60, ia: 0.025, n_clients: 3, no_pods: 1}}}}
  profiles: [a.csv, b.csv]
  note: "<b>ü</b>"
"""
METADATA = {"exp": {"host": "n1", "zone": "main", "app_name": "app", "requests": {"n": 60, "ia": 0.025, "n_clients": 3, "no_pods": 1}},
            "profiles": ["a.csv", "b.csv"], "note": "<b>ü</b>"}


@pytest.fixture
def file(target, tmp_path):
    def call(duration="200ms"):
        host = target().removeprefix("http://").rstrip("/")
        (tmp_path / "told.yaml").write_text(FILE.format(host=host, duration=duration))
        return "told.yaml"
    return call


def kept(tmp_path):
    with sqlite3.connect(tmp_path / "galileo.sqlite") as database:
        return json.loads(database.execute("SELECT DATA FROM metadata").fetchone()[0])


def test_they_are_beside_the_results_own_and_in_its_document(run, file, tmp_path):
    done = run("run", file(), "-q", "--json", "result.json")
    assert done.ran, done
    assert json.loads((tmp_path / "result.json").read_text())["metadata"] == METADATA
    stored = kept(tmp_path)
    assert {key: stored[key] for key in METADATA} == METADATA
    assert stored["verdict"]["value"] and stored["exp_id"]
    shown = run("exp", "show", "last", "--json")
    assert json.loads(shown.out)["metadata"] == METADATA
    assert "metadata" in run("run", file(), "--dry-run").out


def test_a_run_that_was_killed_has_them(run, start, file, tmp_path):
    process = start("run", file("60s"), "-q")
    wait_for(lambda: list(tmp_path.glob("galileo.sqlite.spool/*.spool")), "the spool")
    wait_for(lambda: b"checkpoint" in next(tmp_path.glob("galileo.sqlite.spool/*.spool")).read_bytes(), "a checkpoint")
    process.send_signal(signal.SIGKILL)
    process.wait()
    shown = run("exp", "show", "last", "--json")
    assert json.loads(shown.out)["metadata"] == METADATA
    assert "checkpoint" in kept(tmp_path)


def test_a_run_that_could_not_begin_has_them(run, tmp_path):
    (tmp_path / "told.yaml").write_text(FILE.format(host="127.0.0.1:1", duration="1s") + "applications: [{name: app, command: 'false', ready: '127.0.0.1:1'}]\n")
    assert not run("run", "told.yaml", "-q").ran
    stored = kept(tmp_path)
    assert {key: stored[key] for key in METADATA} == METADATA
