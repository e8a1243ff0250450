"""What the original package has written to InfluxDB, read by ours; what ours writes in the old layout, read by its."""
import csv
import json
import subprocess

import pytest
from conftest import ROOT, result_of
from influxdb_server import ORGANISATION, TOKEN
from originals import old_python  # noqa: F401

pytestmark = pytest.mark.peers

ROWS = {
    "traces": [
        {"request_id": "a:1", "client": "w:s:1", "service": "s", "created": 1795500000.25, "sent": 1795500000.2501, "done": 1795500000.3,
         "status": 200, "server": "10.0.0.1:80", "headers": '{"Server": "x, y=z"}', "response": "it is ok"},
        {"request_id": "a:2", "client": "w:s:1", "service": "s", "created": 1795500001.5, "sent": -1.0, "done": 1795500001.5, "status": -1},
        {"request_id": "b:1", "client": "w:s:2", "service": "s", "created": 1795500002.0, "sent": 1795500002.0, "done": 1795500002.75,
         "status": 503, "server": "10.0.0.1:80", "response": "ü"},
    ],
    "telemetry": [
        {"timestamp": 1795500000.125, "metric": "cpu", "node": "n1", "value": 12.5},
        {"timestamp": 1795500000.125, "metric": "rx", "node": "n1", "value": 100.0, "subsystem": "eth0"},
    ],
    "events": [{"timestamp": 1795500000.0, "name": "begin", "value": "now"}, {"timestamp": 1795500003.0, "name": "scale", "value": '{"n": 2}'}],
}


@pytest.fixture
def original(old_python, influxdb):  # noqa: F811
    def call(order, exp_id, rows=None):
        done = subprocess.run(
            [old_python, ROOT / "tests/peers/old_influxdb.py", order, str(influxdb.port), TOKEN, ORGANISATION, influxdb.organisation_id, exp_id],
            input=json.dumps(rows), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None
    return call


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    return float(text) if text else -1.0


def test_what_the_original_has_written_is_listed_shown_and_exported(original, influxdb, run, tmp_path):
    exp_id = "202611241201-0ab1"
    original("write", exp_id, ROWS)
    [row] = [row for row in json.loads(run("exp", "ls", "--json", "--db", influxdb.url).out) if row["id"] == exp_id]
    assert (row["traces"], row["failed"], row["telemetry"], row["events"]) == (3, 2, 2, 2)
    assert run("exp", "show", exp_id, "--db", influxdb.url).code == 0
    assert run("exp", "report", exp_id, "--output", "r.html", "--db", influxdb.url).code == 0
    assert run("exp", "export", exp_id, "--output", "csv", "--format", "csv", "--db", influxdb.url).code == 0
    traces = {row["REQUEST_ID"]: row for row in rows_of(tmp_path / "csv/traces.csv")}
    assert traces.keys() == {"a:1", "a:2", "b:1"}
    for given in ROWS["traces"]:
        ours = traces[given["request_id"]]
        for name in ("created", "sent", "done"):
            assert number(ours[name.upper()]) == pytest.approx(given[name], abs=1e-6), name
        for name in ("client", "service", "server", "headers", "response"):
            assert ours[name.upper()] == (given.get(name) or ""), name
        assert int(ours["STATUS"]) == given["status"]
    telemetry = [(float(row["TIMESTAMP"]), row["METRIC"], row["SUBSYSTEM"], row["NODE"], float(row["VALUE"]))
                 for row in rows_of(tmp_path / "csv/telemetry.csv")]
    assert sorted(telemetry) == sorted((row["timestamp"], row["metric"], row.get("subsystem", ""), row["node"], row["value"]) for row in ROWS["telemetry"])
    assert [(row["NAME"], row["VALUE"]) for row in rows_of(tmp_path / "csv/events.csv")] == [(row["name"], row["value"]) for row in ROWS["events"]]


def test_the_original_reads_what_ours_writes_in_the_old_layout(original, influxdb, run, target, tmp_path):
    (tmp_path / "x.yaml").write_text(f"""
name: old
services: {{s: {{hosts: {{"{target().split('/')[2]}": 1}}}}}}
clients:
  - {{service: s, request: {{method: get, path: /}}, arrival: {{distribution: constant, parameters: [0.01]}}, requests: 50}}
limits: {{keep_headers: true, keep_response: 1000}}
telemetry: {{period: 100ms}}
""")
    done = run("run", "x.yaml", "--db", influxdb.url + "?layout=old", "--json", "r.json", "-q")
    assert done.ran, done
    exp_id = result_of(tmp_path / "r.json")["experiment"]["id"]
    assert run("exp", "export", exp_id, "--output", "csv", "--format", "csv", "--db", influxdb.url).code == 0
    theirs = original("read", exp_id)
    ours = {row["REQUEST_ID"]: row for row in rows_of(tmp_path / "csv/traces.csv")}
    assert len(theirs["traces"]) == len(ours) == 50
    for trace in theirs["traces"]:
        row = ours[trace["request_id"]]
        assert (trace["client"], trace["service"], trace["server"], trace["status"]) == (row["CLIENT"], row["SERVICE"], row["SERVER"], int(row["STATUS"]))
        for name in ("created", "sent", "done"):
            assert trace[name] == pytest.approx(float(row[name.upper()]), abs=1e-6)
    assert len(theirs["telemetry"]) == len(rows_of(tmp_path / "csv/telemetry.csv")) > 0
