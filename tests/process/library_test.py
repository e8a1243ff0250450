"""The rooms as a library: what a service or a notebook does with them, in a program of its own (tests/library)."""
import json
import sqlite3
import subprocess

import pytest

PLAN = """
name: {name}
services: {{app: {{hosts: ["127.0.0.1:{port}"]}}}}
clients:
  - service: app
    rate: {{shape: constant, rps: 200}}
    requests: {requests}
telemetry: {{period: 100ms}}
thresholds: ["failed == 0"]
"""


@pytest.mark.sanitize
def test_two_runs_in_one_process_and_one_is_ended_from_another_thread(galileo, target, port, tmp_path):
    target()
    for name, requests in (("endless", 100_000), ("whole", 300)):
        (tmp_path / f"{name}.yaml").write_text(PLAN.format(name=name, port=port, requests=requests))
    program = galileo.rsplit("/", 1)[0] + "/galileo_two_runs"
    ran = subprocess.run([program, "lab.sqlite", "endless.yaml", "whole.yaml"], cwd=tmp_path, text=True,
                         capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    stopped, whole = [json.loads(line) for line in ran.stdout.splitlines()]
    assert stopped["interrupted"] and not whole["interrupted"]
    assert 0 < stopped["answered"] < 100_000 and whole["answered"] == 300
    with sqlite3.connect(tmp_path / "lab.sqlite") as lab:
        for one in (stopped, whole):
            assert one["balanced"] and one["kept"] and one["stored"] >= one["answered"], one
            assert one["states"] > 0 and one["events"] == "phase/start phase/end ", one
            status, traces, samples = lab.execute(
                "SELECT STATUS, (SELECT COUNT(*) FROM traces WHERE EXP_ID = ?1), "
                "(SELECT COUNT(*) FROM telemetry WHERE EXP_ID = ?1) FROM experiments WHERE EXP_ID = ?1", (one["id"],)).fetchone()
            assert status == "FINISHED" and traces == one["stored"] and samples > 0, one
    assert stopped["id"] != whole["id"]
    assert not (tmp_path / "lab.sqlite.spool").exists()
