"""What a database has is counted against what it was given before a spool goes, whichever database it is: rows that went from it
meanwhile are there again, or the spool stays and the exit code says so."""
import json
import signal
import sqlite3

import pytest
import spool_file
from conftest import result_of, wait_for

LOAD = ("-r", "500", "-d", "60s", "--clients", "2", "-q", "--no-telemetry", "--json", "r.json")


class Sqlite:
    def __init__(self, tmp_path, _):
        self.path = tmp_path / "x.sqlite"
        self.url = str(self.path)

    def ask(self, query):
        database = sqlite3.connect(self.path, timeout=30)
        with database:
            rows = database.execute(query).fetchall()
        database.close()
        return rows

    def ids(self, _):
        try:
            return [row[0] for row in self.ask("SELECT REQUEST_ID FROM traces")]
        except sqlite3.OperationalError:  # no table yet
            return []

    def lose_some(self, _):
        self.ask("DELETE FROM traces WHERE CLIENT = (SELECT MIN(CLIENT) FROM traces)")


class MariaDb:
    def __init__(self, _, request):
        self.server = request.getfixturevalue("mariadb")
        self.url = self.server.database()
        self.name = self.url.rsplit("/", 1)[1]

    def ids(self, _):
        done = self.server.ask("SELECT REQUEST_ID FROM traces", self.name)
        return done.stdout.split() if done.returncode == 0 else []

    def lose_some(self, _):
        self.server.sql("SET @one = (SELECT MIN(CLIENT) FROM traces); DELETE FROM traces WHERE CLIENT = @one", self.name)


class InfluxDb:
    def __init__(self, _, request):
        self.server = request.getfixturevalue("influxdb")
        self.url = self.server.url

    def ids(self, experiment):
        return self.server.request_ids(experiment) if experiment in self.server.buckets() else []

    def lose_some(self, experiment):
        told = self.server.flux(f'import "influxdata/influxdb/schema" schema.tagValues(bucket: "{experiment}", tag: "client", start: 1970-01-01T00:00:00Z)')
        client = min(line.split(",")[-1] for line in told.splitlines() if line.endswith(("0", "1")))
        self.server.json(f"delete?org=lab&bucket={experiment}", {"start": "1970-01-01T00:00:00Z", "stop": "2200-01-01T00:00:00Z",
                                                                 "predicate": f'_measurement="traces" AND client="{client}"'})


class Mixed(InfluxDb):
    def __init__(self, tmp_path, request):
        super().__init__(tmp_path, request)
        self.url = f"mixed:{request.getfixturevalue('mariadb').database()},{self.server.url}"


@pytest.fixture(params=[pytest.param(Sqlite, id="sqlite"), *[pytest.param(kind, id=name, marks=pytest.mark.databases) for kind, name in (
    (MariaDb, "mariadb"), (InfluxDb, "influxdb"), (Mixed, "mixed"))]])
def database(request, tmp_path):
    return request.param(tmp_path, request)


def spools(folder):
    return [path for path in folder.glob("*.spool/*.spool") if path.is_file()]


def has_some(database, tmp_path):
    """The experiment's id, once the database has some of its traces."""
    wait_for(lambda: spools(tmp_path), "the spool")
    experiment = spools(tmp_path)[0].stem
    wait_for(lambda: len(database.ids(experiment)) > 100, "the first rows", 20)
    return experiment


def is_whole(database, experiment, traces):
    found = database.ids(experiment)
    assert len(found) == len(set(found)) == traces, (len(found), len(set(found)), traces)


def test_rows_that_went_during_a_run_are_put_again_at_its_end(start, target, database, tmp_path):
    process = start("load", target(), *LOAD, "--db", database.url)
    experiment = has_some(database, tmp_path)
    database.lose_some(experiment)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 105 and "fewer rows than it was given" in err, (process.returncode, out, err)
    result = result_of(tmp_path / "r.json")
    traces = result["ledger"]["traces"]
    assert result["ledger"]["balanced"] and traces["stored"] == traces["made"] > 100, traces
    is_whole(database, experiment, traces["made"])
    assert not spools(tmp_path)


def test_rows_that_went_after_a_run_was_killed_are_put_again_by_exp(run, start, target, database, tmp_path):
    process = start("load", target(), *LOAD, "--db", database.url)
    experiment = has_some(database, tmp_path)
    process.kill()
    process.communicate(timeout=30)
    database.lose_some(experiment)
    kept = set(spool_file.request_ids(spools(tmp_path)[0]))
    listed = run("exp", "ls", "--json", "--db", database.url)
    # A run that is killed before its first rows were safe puts all of them again, and misses none.
    assert "fewer rows than it was given" in listed.err or f"recovered {len(kept)} traces" in listed.err, listed
    assert "recovered" in listed.err
    [row] = [row for row in json.loads(listed.out) if row["id"] == experiment]
    assert row["traces"] == len(kept) > 100
    is_whole(database, experiment, len(kept))
    assert not spools(tmp_path)


def test_a_database_that_drops_what_it_is_given_keeps_no_row_for_stored(run, target, tmp_path):
    """A trigger that deletes one row in ten, each time."""
    url = target()
    assert run("load", url, "-r", "500", "-n", "5", "-q", "--no-telemetry", "--db", "x.sqlite").ran
    with sqlite3.connect(tmp_path / "x.sqlite") as database:
        database.execute("CREATE TRIGGER gone AFTER INSERT ON traces WHEN NEW.REQUEST_ID LIKE '%0' BEGIN DELETE FROM traces WHERE rowid = NEW.rowid; END")
    database.close()
    done = run("load", url, "-r", "500", "-n", "100", "-q", "--no-telemetry", "--db", "x.sqlite", "--json", "r.json")
    assert done.code == 94 and "it has 90 of 100 traces" in done.out and len(spools(tmp_path)) == 1, done
    traces = result_of(tmp_path / "r.json")["ledger"]["traces"]
    assert traces["stored"] == 90 and traces["spooled"] == 10 and traces["lost"] == 0, traces
    with sqlite3.connect(tmp_path / "x.sqlite") as database:
        database.execute("DROP TRIGGER gone")
    database.close()
    assert "recovered" in run("exp", "ls", "--db", "x.sqlite").err and not spools(tmp_path)
    assert json.loads(run("exp", "show", "last", "--json", "--db", "x.sqlite").out)["ledger"]["traces"]["stored"] == 100


def test_a_trace_that_is_missing_in_the_database_is_told_wherever_the_experiment_is_looked_at(run, target, tmp_path):
    assert run("load", target(), "-r", "500", "-n", "50", "-q", "--no-telemetry", "--db", "x.sqlite").ran
    with sqlite3.connect(tmp_path / "x.sqlite") as database:
        database.execute("DELETE FROM traces WHERE rowid = 7")
    database.close()
    shown = run("exp", "show", "last", "--db", "x.sqlite")
    assert shown.code == 91 and "verdict INVALID" in shown.out and "1 of 50 traces that the run left are missing" in shown.out, shown
    for words in (("report", "last", "--output", "r.html"), ("export", "last", "--output", "out"), ("import", "x.sqlite", "--db", "new.sqlite")):
        done = run("exp", *words, *([] if words[0] == "import" else ["--db", "x.sqlite"]))
        assert done.code == 91 and "isn't whole: 1 traces that its run left are missing" in done.err, done
    # Of a table that lost a line, nothing is made an experiment.
    table = tmp_path / "out/traces.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    done = run("exp", "import", "out", "--db", "other.sqlite")
    assert done.code == 1 and "it has 48 rows, and experiment.json says 49" in done.err and not (tmp_path / "other.sqlite").exists(), done
