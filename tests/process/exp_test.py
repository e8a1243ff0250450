"""`galileo exp`, on databases of ours and of the old recorder."""
import csv
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from conftest import ROOT

VECTORS = ROOT.parent / "shared/vectors"


@pytest.fixture
def database(run, target, tmp_path):
    url = target()
    for _ in range(2):
        assert run("load", url, "-r", "200", "-n", "100", "-q").ran
    return tmp_path / "galileo.sqlite"


@pytest.mark.quick
def test_list_show_export_report_and_remove(run, database, tmp_path):
    listed = json.loads(run("exp", "ls", "--json").out)
    assert [row["traces"] for row in listed] == [100, 100]
    assert all(row["status"] == "FINISHED" for row in listed)
    first, second = (row["id"] for row in listed)
    text = run("exp", "ls").out
    assert first in text and second in text
    shown = run("exp", "show", first)
    assert "intended 100" in shown.out, shown
    assert run("exp", "report", "last", "--output", "r.html").code == 0
    assert "<html" in (tmp_path / "r.html").read_text()
    assert run("exp", "rm", first).code == 0
    assert [row["id"] for row in json.loads(run("exp", "ls", "--json").out)] == [second]
    left = sqlite3.connect(database)
    for table in ("traces", "telemetry", "events", "nodeinfo", "metadata", "experiments"):
        assert left.execute(f"SELECT count(*) FROM {table} WHERE EXP_ID = ?", (first,)).fetchone() == (0,), table


@pytest.mark.quick
def test_export_writes_each_table_in_both_formats(run, database, tmp_path):
    for form in ("csv", "jsonl"):
        assert run("exp", "export", "last", "--output", form, "--format", form).code == 0
        assert sorted(path.name for path in (tmp_path / form).iterdir()) == sorted(
            [f"{table}.{form}" for table in ("events", "nodeinfo", "telemetry", "traces")] + ["experiment.json"])
        described = json.loads((tmp_path / form / "experiment.json").read_text())
        assert described["rows"]["traces"] == 100 and described["metadata"]["exp_id"] == described["id"]
    with open(tmp_path / "csv/traces.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "jsonl/traces.jsonl").read_text().splitlines()]
    assert len(rows) == len(lines) == 100
    assert rows[0]["REQUEST_ID"] == lines[0]["REQUEST_ID"]
    assert float(rows[0]["CREATED"]) == lines[0]["CREATED"]
    columns = [row[1] for row in sqlite3.connect(database).execute("PRAGMA table_info(traces)")]
    assert sorted(rows[0]) == sorted(columns)


@pytest.mark.quick
def test_an_unknown_experiment_or_database_is_one_clear_error(run, database, tmp_path):
    done = run("exp", "show", "209901010000-beef")
    assert done.code == 2 and "there is no experiment" in done.err, done
    done = run("exp", "rm", "last", "209901010000-beef")
    assert done.code == 2, done
    assert len(json.loads(run("exp", "ls", "--json").out)) == 2, "nothing was removed"
    done = run("exp", "ls", "--db", "missing.sqlite")
    assert done.code == 2 and "there is no database" in done.err, done
    assert not (tmp_path / "missing.sqlite").exists()


@pytest.mark.skipif(not VECTORS.exists(), reason="the recorded databases of the original aren't beside the checkout")
@pytest.mark.parametrize("name", ["original-experiment.sqlite", "original-experiment-2.sqlite"])
def test_databases_of_the_old_recorder_are_read_and_left_as_they_are(run, tmp_path, name):
    path = tmp_path / name
    shutil.copy(VECTORS / name, path)
    before = path.read_bytes()
    original = sqlite3.connect(VECTORS / name)
    for row in json.loads(run("exp", "ls", "--db", path, "--json").out):
        for table in ("traces", "telemetry", "events"):
            count = original.execute(f"SELECT count(*) FROM {table} WHERE EXP_ID = ?", (row["id"],)).fetchone()[0]
            assert row[table] == count, (row, table)
        assert run("exp", "show", row["id"], "--db", path).code == 0
        assert run("exp", "report", row["id"], "--db", path, "--output", "old.html").code == 0
        assert run("exp", "export", row["id"], "--db", path, "--output", "old").code == 0
        exported = list(csv.DictReader(open(tmp_path / "old/traces.csv", newline="")))
        assert len(exported) == row["traces"]
    assert path.read_bytes() == before
    assert not list(Path(tmp_path).glob("*-wal"))


def test_a_corrupt_database_is_said_to_be_one(run, database, tmp_path):
    data = bytearray(database.read_bytes())
    data[4096:12288] = b"\xff" * 8192
    database.write_bytes(data)
    done = run("exp", "show", "last")
    assert done.code == 1, done
    assert "galileo.sqlite" in done.err and "--db" in done.err, done
