"""`galileo exp export | import | touch | compare`: what goes out is what is in the database, and comes in again."""
import csv
import json
import math
import os
import shutil
import signal
import sqlite3
import stat
import subprocess

import parquet_python
import pytest
from conftest import ROOT, wait_for

VECTORS = ROOT.parent / "shared/vectors"
ID = "202611241200-0a1b"
START = 1795524644.7182913
LARGE = "x" * (1 << 20)
csv.field_size_limit(len(LARGE) + 1)
TABLES = """
CREATE TABLE experiments (EXP_ID VARCHAR(100) NOT NULL PRIMARY KEY, NAME VARCHAR(100), CREATOR VARCHAR(100), START DOUBLE, END DOUBLE,
  CREATED DOUBLE, STATUS VARCHAR(30) NOT NULL);
CREATE TABLE nodeinfo (EXP_ID VARCHAR(100) NOT NULL, NODE VARCHAR(50) NOT NULL, INFO_KEY VARCHAR(50), INFO_VALUE TEXT);
CREATE TABLE telemetry (EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT NULL, METRIC VARCHAR(100) NOT NULL, SUBSYSTEM VARCHAR(100),
  NODE VARCHAR(50) NOT NULL, VALUE DOUBLE NOT NULL);
CREATE TABLE events (EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT NULL, NAME VARCHAR(100), VALUE TEXT);
CREATE TABLE traces (REQUEST_ID VARCHAR(36), CLIENT VARCHAR(50), SERVICE VARCHAR(50), CREATED DOUBLE, SENT DOUBLE, DONE DOUBLE, STATUS INTEGER,
  RESPONSE TEXT, HEADERS TEXT, SERVER VARCHAR(50), EXP_ID VARCHAR(100), INTENDED DOUBLE, DISPATCHED DOUBLE, FIRST_BYTE DOUBLE,
  REQUEST_BYTES INTEGER, RESPONSE_BYTES INTEGER, ERROR VARCHAR(40), PHASE VARCHAR(50));
CREATE TABLE metadata (EXP_ID VARCHAR(100) NOT NULL PRIMARY KEY, DATA JSON);
"""
NAMES = ("traces", "telemetry", "events", "nodeinfo")


def make_database(path, traces=(), experiments=((ID, "golden", "ann", START, START + 100, START, "FINISHED"),)):
    """A database with these experiments; each trace has (id, client, created, latency, status, response, exp_id). An
    answer of 500 or more has failed by its status; below that nothing is said of why."""
    with sqlite3.connect(path) as database:
        database.executescript(TABLES)
        database.executemany("INSERT INTO experiments VALUES (?,?,?,?,?,?,?)", experiments)
        database.executemany("INSERT INTO traces VALUES (?,?,'s',?,?,?,?,?,NULL,?,?,?,?,?,85,230,?,'main')", [
            (id, client, created, created, created + latency, status, response, "h:1" if status >= 0 else None, exp, created, created, created + latency, "status" if status >= 500 else None)
            for id, client, created, latency, status, response, exp in traces])
    database.close()
    return path


@pytest.fixture
def odd(tmp_path):
    """All that is easily lost: null and empty, quotes, line ends, NUL, any Unicode, infinities, large bodies, never sent."""
    path = make_database(tmp_path / "odd.sqlite", [
        (f"ab:{i}", "c", START + i / 3, 0.012345678, status, response, ID)
        for i, (status, response) in enumerate([(200, None), (200, ""), (404, 'it\'s "quoted",\r\nüber \U0001f600'), (200, LARGE), (200, "a\0b")])])
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO traces VALUES ('of:another', 'c', 's', ?, -1, ?, -1, NULL, NULL, NULL, ?, NULL, NULL, NULL, 0, 0, 'eaten_by_a_grue', NULL)",
                         (START + 2, START + 3, ID))
        database.executemany("INSERT INTO telemetry VALUES (?, ?, 'cpu', ?, 'n,1', ?)",
                             [(ID, START + i / 7, None if i % 2 else "eth0", value) for i, value in enumerate([0.1, math.inf, -math.inf, 1e300, -0.0])])
        database.execute("INSERT INTO nodeinfo VALUES (?, 'n', 'labels', '')", (ID,))
        database.execute("INSERT INTO metadata VALUES (?, '{\"n\": 1.50, \"text\": \"ü\"}')", (ID,))
    database.close()
    return path  # without events


@pytest.fixture(scope="session")
def arrow_python():
    python, why_not = parquet_python.find()
    if why_not:
        pytest.skip(why_not)
    return python


def rows_of(path, table, id=ID, like=None):
    """By the columns of another database, where that is named: an older one has fewer."""
    columns = [row[1] for row in sqlite3.connect(like or path).execute(f"PRAGMA table_info({table})")]
    return sqlite3.connect(path).execute(f"SELECT {','.join(sorted(columns))} FROM {table} WHERE EXP_ID = ? ORDER BY rowid", (id,)).fetchall()


def read_parquet(python, folder):
    """Types and rows of each table, by the package itself; times as nanoseconds, infinities as texts."""
    script = """
import json, math, sys
import pyarrow as pa, pyarrow.parquet as pq
out = {}
for name in ("traces", "telemetry", "events", "nodeinfo"):
    table = pq.read_table(f"{sys.argv[1]}/{name}.parquet")
    columns = {}
    for field in table.schema:
        column = table[field.name]
        values = column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(field.type) else column.to_pylist()
        columns[field.name] = [str(v) if isinstance(v, float) and not math.isfinite(v) else v for v in values]
    out[name] = {"types": {f.name: str(f.type) for f in table.schema}, "columns": columns, "rows": table.num_rows}
json.dump(out, sys.stdout)
"""
    done = subprocess.run([python, "-c", script, folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def nanoseconds(text):
    if text in (None, "", -1.0) or float(text) == -1:
        return None
    seconds = float(text)
    return int(seconds) * 10**9 + round((seconds - int(seconds)) * 1e9)


def test_parquet_has_the_rows_of_json_lines_with_exact_types(run, odd, tmp_path, arrow_python):
    done = run("exp", "export", "last", "--db", odd, "--format", "parquet", "--output", "p", "--python", arrow_python)
    assert done.code == 0, done
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == sorted([f"{name}.parquet" for name in NAMES] + ["experiment.json"])
    assert run("exp", "export", "last", "--db", odd, "--format", "jsonl", "--output", "j").code == 0
    tables = read_parquet(arrow_python, tmp_path / "p")
    times = ("CREATED", "SENT", "DONE", "INTENDED", "DISPATCHED", "FIRST_BYTE", "TIMESTAMP")
    for name in NAMES:
        lines = [json.loads(line) for line in (tmp_path / f"j/{name}.jsonl").read_text().splitlines()]
        assert len(lines) == tables[name]["rows"], name
        for column, values in tables[name]["columns"].items():
            wanted = [line.get(f"{column}_INFINITE") or line[column] for line in lines]
            assert values == ([nanoseconds(one) for one in wanted] if column in times else wanted), (name, column)
    types = tables["traces"]["types"]
    assert types["CREATED"] == types["FIRST_BYTE"] == "timestamp[ns, tz=UTC]" and types["STATUS"] == "int32"
    assert types["RESPONSE_BYTES"] == "int64" and types["RESPONSE"] == "string" and tables["telemetry"]["types"]["VALUE"] == "double"
    traces = tables["traces"]["columns"]
    assert traces["RESPONSE"] == [None, "", 'it\'s "quoted",\r\nüber \U0001f600', LARGE, "a\0b", None]
    assert traces["SENT"][5] is None and traces["SERVER"][5] is None and traces["ERROR"][5] == "eaten_by_a_grue"
    assert tables["telemetry"]["columns"]["VALUE"][1:3] == ["inf", "-inf"]
    assert tables["events"]["rows"] == 0 and tables["events"]["types"]["VALUE"] == "string"


def test_csv_tells_null_from_empty_and_has_the_databases_values(run, odd, tmp_path):
    assert run("exp", "export", "last", "--db", odd, "--output", "c").code == 0
    with open(tmp_path / "c/traces.csv", newline="") as file:
        text = file.read()
        file.seek(0)
        rows = list(csv.DictReader(file))
    stored = sqlite3.connect(odd).execute("SELECT CREATED, SENT, RESPONSE FROM traces ORDER BY rowid").fetchall()
    assert [(float(row["CREATED"]), float(row["SENT"]), row["RESPONSE"]) for row in rows] == [(a, b, c or "") for a, b, c in stored]
    lines = text.split("\r\n")
    assert ",200,,," in lines[1] and ',200,"",,' in lines[2]


def parquet_that(tmp_path, body):
    """A `python` of our own making that is started instead."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("body, code, why, mend", [
    ("echo 'no pyarrow: No module named pyarrow' >&2; exit 1", 2, "no pyarrow", "-m pip install pyarrow"),
    ("kill -9 $$", 1, "killed by signal 9", "--format csv"),
    ("echo ready; read line; echo 'OSError: [Errno 28] No space left on device' >&2; exit 1", 1, "No space left", "make room"),
    ("echo ready; read line; kill -9 $$", 1, "killed by signal 9", "--format csv")])
def test_a_converter_that_fails_is_one_clear_error_and_no_file(run, odd, tmp_path, body, code, why, mend):
    done = run("exp", "export", "last", "--db", odd, "--format", "parquet", "--output", "p", "--python", parquet_that(tmp_path, body))
    assert done.code == code and why in done.err and mend in done.err, done
    assert not list(tmp_path.glob("p/*"))


def test_a_python_that_isnt_there_is_named(run, odd):
    done = run("exp", "export", "last", "--db", odd, "--format", "parquet", env={"galileo_python": "/no/such/python"})
    assert done.code == 1 and "/no/such/python" in done.err and "--python" in done.err, done


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_full_disk_is_one_clear_error_and_leaves_no_file(run, tmp_path, small_disk, form, request):
    python = request.getfixturevalue("arrow_python") if form == "parquet" else "python3"
    path = make_database(tmp_path / "much.sqlite", [(f"ab:{i}", "c", START + i, 0.01, 200, os.urandom(2000).hex(), ID) for i in range(500)])
    done = run("exp", "export", "last", "--db", path, "--format", form, "--output", small_disk / "out", "--python", python)
    assert done.code == 1 and "space" in done.err.lower(), done
    assert not list(small_disk.glob("out/*"))


@pytest.mark.parametrize("name", ["traces.csv", "nodeinfo.csv", "experiment.json", "events.csv.part"])
@pytest.mark.parametrize("what", ["link", "dangling", "pipe", "device", "folder"])
def test_an_export_replaces_plain_files_only(run, odd, tmp_path, name, what):
    """Given something else under a table's name, it stays, the export is refused, and the older tables are as they were."""
    place = tmp_path / "c" / name
    place.parent.mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "c/telemetry.csv").write_text("older")
    try:
        {"link": lambda: place.symlink_to(tmp_path / "elsewhere"), "dangling": lambda: place.symlink_to("nowhere"), "pipe": lambda: os.mkfifo(place),
         "device": lambda: os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 3)), "folder": place.mkdir}[what]()
    except PermissionError:
        pytest.skip("making a device needs root")
    before = os.lstat(place)
    done = run("exp", "export", "last", "--db", odd, "--output", "c")
    assert done.code == 2 and f"c/{name}" in done.err and "no plain file" in done.err, done
    after = os.lstat(place)
    assert (after.st_ino, after.st_mode, after.st_rdev) == (before.st_ino, before.st_mode, before.st_rdev)
    assert (tmp_path / "elsewhere").read_text() == "mine" and (tmp_path / "c/telemetry.csv").read_text() == "older"
    assert sorted(os.listdir(tmp_path / "c")) == sorted({name, "telemetry.csv"})


def test_ctrl_c_leaves_nothing_half(start, tmp_path):
    path = make_database(tmp_path / "many.sqlite", ((f"ab:{i}", "c", START, 0.01, 200, None, ID) for i in range(400_000)))
    process = start("exp", "export", "last", "--db", path, "--output", "c")
    wait_for(lambda: list(tmp_path.glob("c/traces.csv.part")) or process.poll() is not None, "the export to begin")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 105, process.communicate()
    assert not list(tmp_path.glob("c/*"))


@pytest.mark.skipif(not VECTORS.exists(), reason="the recorded databases of the original aren't beside the checkout")
@pytest.mark.parametrize("name", ["original-experiment.sqlite", "original-experiment-2.sqlite"])
def test_databases_of_the_old_recorder_are_imported_exactly(run, tmp_path, name):
    old = tmp_path / "old.sqlite"
    shutil.copy(VECTORS / name, old)
    before = old.read_bytes()
    done = run("exp", "import", old, "--db", "new.sqlite")
    assert done.code == 0, done
    assert old.read_bytes() == before
    with sqlite3.connect(old) as source, sqlite3.connect(tmp_path / "new.sqlite") as target:
        for table in (*NAMES, "experiments"):
            columns = ",".join(row[1] for row in source.execute(f"PRAGMA table_info({table})"))
            query = f"SELECT {columns} FROM {table} ORDER BY rowid"
            assert target.execute(query).fetchall() == source.execute(query).fetchall(), table
        query = "SELECT DATA FROM metadata ORDER BY EXP_ID"
        assert [json.loads(data) for data, in target.execute(query)] == [json.loads(data) for data, in source.execute(query)]
    listed = json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out)
    assert listed == json.loads(run("exp", "ls", "--db", old, "--json").out)
    again = run("exp", "import", old, "--db", "new.sqlite")
    assert again.code == 2 and "--replace" in again.err, again
    assert run("exp", "import", old, "--db", "new.sqlite", "--replace").code == 0
    assert json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out) == listed


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_exported_folder_is_imported_again_as_it_was(run, odd, tmp_path, form):
    assert run("exp", "export", "last", "--db", odd, "--format", form, "--output", "out").code == 0
    done = run("exp", "import", "out", "--db", "new.sqlite", "--name", "again")
    assert done.code == 0, done
    for table in NAMES:
        assert rows_of(tmp_path / "new.sqlite", table, like=odd) == rows_of(odd, table), table
    stored = sqlite3.connect(tmp_path / "new.sqlite").execute("SELECT * FROM experiments").fetchall()
    assert stored == [(ID, "again", "ann", START, START + 100, START, "FINISHED")]
    assert "1.50" in sqlite3.connect(tmp_path / "new.sqlite").execute("SELECT DATA FROM metadata").fetchone()[0]


def test_a_folder_that_isnt_whole_isnt_imported(run, odd, tmp_path):
    assert run("exp", "export", "last", "--db", odd, "--output", "out").code == 0
    text = (tmp_path / "out/telemetry.csv").read_text()
    (tmp_path / "out/telemetry.csv").write_text("".join(text.splitlines(keepends=True)[:-1]))
    done = run("exp", "import", "out", "--db", "new.sqlite")
    assert done.code == 1 and "telemetry.csv" in done.err and "5" in done.err, done
    assert json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out or "[]") == []
    (tmp_path / "out/experiment.json").unlink()
    assert "experiment.json" in run("exp", "import", "out", "--db", "new.sqlite").err


def test_import_by_id_name_and_spool(run, target, tmp_path):
    url = target()
    assert run("load", url, "-r", "200", "-n", "50", "-q", "--db", "none", "--spool", "spool").ran
    spool = next((tmp_path / "spool").glob("*.spool"))
    done = run("exp", "import", spool, "--db", "new.sqlite", "--name", "mine")
    assert done.code == 0, done
    listed = json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out)
    assert [(row["traces"], row["name"]) for row in listed] == [(50, "mine")]
    done = run("exp", "import", spool, "209901010000-beef", "--db", "new.sqlite", "--replace")
    assert done.code == 2 and "there is no experiment" in done.err, done
    assert json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out) == listed


@pytest.fixture
def half_imported(start, tmp_path):
    """A large database, and the process that imports it, of which a part is in new.sqlite already."""
    path = make_database(tmp_path / "many.sqlite", ((f"ab:{i}", "c", START, 0.01, 200, None, ID) for i in range(300_000)))
    process = start("exp", "import", path, "--db", "new.sqlite")

    def is_under_way():
        if process.poll() is not None:
            return True
        try:
            return sqlite3.connect(tmp_path / "new.sqlite").execute("SELECT count(*) FROM traces").fetchone()[0] > 0
        except sqlite3.OperationalError:
            return False
    wait_for(is_under_way, "the first rows")
    return path, process


def test_ctrl_c_takes_an_import_back(run, half_imported):
    _, process = half_imported
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 105, process.communicate()
    assert json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out) == []


def test_an_import_that_is_killed_leaves_no_experiment_that_looks_whole(run, half_imported):
    path, process = half_imported
    process.kill()
    process.wait(30)
    listed = json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out)
    assert [row["status"] for row in listed] == ["IMPORTING"], listed
    assert run("exp", "import", path, "--db", "new.sqlite", timeout=120).code == 0
    listed = json.loads(run("exp", "ls", "--db", "new.sqlite", "--json").out)
    assert [(row["status"], row["traces"]) for row in listed] == [("FINISHED", 300_000)]


def test_touch_gives_an_experiment_the_traces_of_its_time_that_have_none(run, tmp_path):
    path = make_database(tmp_path / "t.sqlite", [(f"ab:{i}", "c", START + at, 0.01, 200, None, exp) for i, (at, exp) in enumerate(
        [(-1, None), (0, None), (50, ""), (60, "other"), (100, None), (101, None)])])
    done = run("exp", "touch", "last", "--db", path)
    assert done.code == 0 and done.out == f"3 traces are {ID}'s now\n", done
    assert len(rows_of(path, "traces")) == 3 and len(rows_of(path, "traces", "other")) == 1
    assert run("exp", "touch", "last", "--db", path).out.startswith("0 traces")
    done = run("exp", "touch", "last", "--db", path, "--from", START - 2, "--to", START, "--json")
    assert json.loads(done.out) == {"id": ID, "touched": 1}, done
    for wrong in (["--from", START, "--to", START - 1], ["--from", "yesterday"], ["--to", "-5"]):
        done = run("exp", "touch", "last", "--db", path, *wrong)
        assert done.code == 2 and not done.out, done


def test_touch_of_an_experiment_that_runs_goes_until_now(run, tmp_path):
    path = make_database(tmp_path / "t.sqlite", [("ab:1", "c", START + 1, 0.01, 200, None, None), ("ab:2", "c", 9e9, 0.01, 200, None, None)],
                         [(ID, "golden", "ann", START - 1e8, None, START, "RUNNING")])
    with sqlite3.connect(path) as database:
        database.execute("UPDATE traces SET CREATED = ? WHERE REQUEST_ID = 'ab:1'", (START - 1e7,))
    done = run("exp", "touch", ID, "--db", path)
    assert done.out.startswith("1 traces"), done
    with sqlite3.connect(path) as database:
        database.execute("UPDATE experiments SET START = NULL")
    done = run("exp", "touch", ID, "--db", path)
    assert done.code == 2 and "--from" in done.err, done


def test_compare_tells_a_regression(run, tmp_path):
    ids = [f"20261124120{i}-0a1b" for i in range(3)]
    traces = [(f"ab:{n}", "c", START + n / 500, latency * (1 + n % 100 / 5000), 503 if n % 40 < failed else 200, None, id)
              for id, latency, failed in zip(ids, (0.01, 0.0102, 0.02), (0, 0, 2)) for n in range(3000)]
    path = make_database(tmp_path / "c.sqlite", traces, [(id, id[:12], "ann", START, START + 6, START + i, "FINISHED") for i, id in enumerate(ids)])
    same = run("exp", "compare", ids[0], ids[1], "--db", path)
    assert same.code == 0 and "no regression is shown" in same.out and "One run a side doesn't tell" in same.out, same
    done = run("exp", "compare", *ids, "--db", path)
    assert done.code == 93 and "✗" in done.out and "chance" not in done.out, done
    figures = json.loads(run("exp", "compare", *ids, "--db", path, "--json").out)["others"]
    assert [row["name"] for row in figures[0]["figures"] if row["regressed"]] == []
    assert [row["name"] for row in figures[1]["figures"] if row["regressed"]] == ["errors", "p50", "p90", "p95", "p99"]
    assert [row["name"] for row in figures[1]["figures"] if not row["judged"]] == ["requests", "offered", "p99.9", "mean", "max"]
    assert run("exp", "compare", ids[2], ids[0], "--db", path).code == 0, "better is no regression"
    assert run("exp", "compare", ids[0], ids[1], "--db", path, "--tolerance", "0").code == 0, "runs of the same differ by 2 %"
    assert run("exp", "compare", ids[0], ids[1], "--db", path, "--tolerance", "0", "--spread", "0").code == 93
    assert run("exp", "compare", ids[0], "--db", path).code == 2


def test_compare_takes_several_runs_a_side(run, tmp_path):
    ids = [f"20261124120{i}-0a1b" for i in range(6)]
    # 3 % between runs of the same; the second three are slower by a fifth.
    traces = [(f"ab:{n}", "c", START + n / 500, latency * (1 + n % 100 / 5000), 200, None, id)
              for id, latency in zip(ids, (0.0100, 0.0103, 0.0102, 0.0121, 0.0123, 0.0120)) for n in range(1000)]
    path = make_database(tmp_path / "c.sqlite", traces, [(id, id[:12], "ann", START, START + 2, START + i, "FINISHED") for i, id in enumerate(ids)])
    assert run("exp", "compare", ids[0], ids[3], "--db", path).code == 0, "one run a side doesn't show a fifth"
    base, other = ",".join(ids[:3]), ",".join(ids[3:])
    done = run("exp", "compare", base, other, "--db", path)
    assert done.code == 93 and "beyond what the spread of these runs explains" in done.out and "One run a side" not in done.out, done
    result = json.loads(run("exp", "compare", base, other, "--db", path, "--json").out)
    assert result["base"]["runs"] == ids[:3] and result["others"][0]["runs"] == ids[3:] and result["others"][0]["regressed"]
    assert run("exp", "compare", other, base, "--db", path).code == 0, "better is no regression"
    twice = run("exp", "compare", f"{ids[0]},{ids[0]}", ids[3], "--db", path)
    assert twice.code == 2 and "named twice" in twice.err, twice


def test_what_isnt_comparable_is_refused_unless_forced(run, tmp_path):
    ids = [f"20261124120{i}-0a1b" for i in range(3)]
    traces = [(f"ab:{n}", "c", START + n / rate, 0.01, 200, None, id) for id, rate, count in zip(ids, (500, 250, 500), (2000, 1000, 500)) for n in range(count)]
    path = make_database(tmp_path / "c.sqlite", traces, [(id, id[:12], "ann", START, START + 4, START + i, "FINISHED") for i, id in enumerate(ids)])
    for other, why in ((ids[1], "500.0 requests a second were offered, and 250.0"), (ids[2], "one lasted 4.00s, the other")):
        done = run("exp", "compare", ids[0], other, "--db", path)
        assert done.code == 95 and why in done.err and "--force" in done.err, done
        forced = run("exp", "compare", ids[0], other, "--db", path, "--force")
        assert forced.code == 0 and why in forced.err and "p50" in forced.out, forced


def test_runs_of_different_requests_and_invalid_runs_arent_compared(run, target, tmp_path):
    url = target("--delay", "20ms")
    load = lambda *args: json.loads((run("load", *args, "-q", "--json", "r.json", "--db", "c.sqlite"), (tmp_path / "r.json").read_text())[1])
    one, other = (load(url + path[1:], "--rate", "200", "-d", "1s")["experiment"]["id"] for path in ("/a", "/b"))
    done = run("exp", "compare", one, other, "--db", "c.sqlite")
    assert done.code == 95 and "the request of phase" in done.err and "/b" in done.err, done
    # A verdict of INVALID says that there is nothing to compare.
    starved = load(url, "--rate", "100", "-d", "1s", "-c", "1")
    assert starved["verdict"]["value"] == "INVALID", starved["verdict"]
    again = run("exp", "compare", starved["experiment"]["id"], starved["experiment"]["id"], "--db", "c.sqlite")
    assert again.code == 95 and again.err.count("is INVALID") == 1 and again.out == "", again
    assert run("exp", "compare", starved["experiment"]["id"], starved["experiment"]["id"], "--db", "c.sqlite", "--force").code == 0
