"""Experiments in two databases as one, as the old system has it on a cluster: metadata in MariaDB, rows in InfluxDB.
Either may fail in the middle; nothing may be lost, nothing be there twice."""
import json
import os
import random
import signal
import time

import pytest
from conftest import SLOWER, result_of
from influxdb_server import ORGANISATION, TOKEN
from mariadb_server import PASSWORD, USER

pytestmark = pytest.mark.databases
RUNS = int(os.environ.get("GALILEO_FAULT_RUNS", "3"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Both, which this file may kill."""
    from influxdb_server import InfluxDb
    from mariadb_server import MariaDb
    sql, rows = MariaDb(tmp_path_factory.mktemp("mariadb-own")), InfluxDb(tmp_path_factory.mktemp("influxdb-own"))
    yield sql, rows
    sql.stop()
    rows.stop()


@pytest.fixture
def place(servers):
    sql, rows = servers
    return f"mixed:{sql.database()},{rows.url}"


def listed(run, place):
    return json.loads(run("exp", "ls", "--json", "--db", place).out)


def all_there(run, servers, place, result):
    made = result["ledger"]["traces"]["made"]
    found = servers[1].request_ids(result["experiment"]["id"])
    assert result["ledger"]["balanced"] and len(found) == len(set(found)) == made > 0
    assert [(row["traces"], row["status"]) for row in listed(run, place)] == [(made, "FINISHED")]


def test_the_environment_names_both_and_each_has_its_part(run, target, servers, tmp_path):
    sql, rows = servers
    name = sql.database().rsplit("/", 1)[1]
    env = {"galileo_expdb_driver": "mixed", "galileo_expdb_mysql_host": "127.0.0.1", "galileo_expdb_mysql_port": str(sql.port),
           "galileo_expdb_mysql_user": USER, "galileo_expdb_mysql_password": PASSWORD, "galileo_expdb_mysql_db": name,
           "galileo_expdb_influxdb_url": rows.address, "galileo_expdb_influxdb_token": TOKEN, "galileo_expdb_influxdb_org": ORGANISATION}
    done = run("load", target(), "-r", "500", "-n", "300", "--json", "r.json", "-q", env=env)
    assert done.ran and PASSWORD not in done.out + done.err and TOKEN not in done.out + done.err, done
    exp = result_of(tmp_path / "r.json")["experiment"]["id"]
    assert sql.sql("SELECT EXP_ID, STATUS FROM experiments", name) == [[exp, "FINISHED"]]
    assert sql.sql("SELECT COUNT(*) FROM traces", name) == [["0"]]
    assert int(sql.sql("SELECT COUNT(*) FROM nodeinfo", name)[0][0]) > 3
    assert len(rows.request_ids(exp)) == 300
    assert "intended 300" in run("exp", "show", "last", env=env).out
    assert run("exp", "report", "last", "--output", "r.html", env=env).code == 0
    assert run("exp", "import", f"mixed:{sql.url(name)},{rows.url}", "--db", "copy.sqlite").code == 0
    assert json.loads(run("exp", "ls", "--json", "--db", "copy.sqlite").out)[0]["traces"] == 300
    assert run("exp", "rm", "last", env=env).code == 0
    assert exp not in rows.buckets() and sql.sql("SELECT COUNT(*) FROM experiments", name) == [["0"]]


@pytest.mark.parametrize("which", ["metadata", "rows"])
@pytest.mark.parametrize("attempt", range(RUNS))
def test_either_server_is_killed_and_comes_back(run, start, target, servers, place, tmp_path, which, attempt):
    process = start("load", target(), "-r", "2000", "-d", "3s", "--db", place, "--json", "r.json", "-q")
    time.sleep(random.uniform(0.5, 2))  # any moment of the run
    server = servers[["metadata", "rows"].index(which)]
    server.kill()
    time.sleep(random.uniform(0, 0.5))
    server.start()
    assert process.wait(60 * SLOWER) in (0, 90), process.communicate()
    all_there(run, servers, place, result_of(tmp_path / "r.json"))


@pytest.mark.parametrize("attempt", range(RUNS))
def test_a_run_that_is_killed_between_two_commits_is_recovered_whole(run, start, target, servers, place, tmp_path, attempt):
    process = start("load", target(), "-r", "3000", "-d", "20s", "--db", place, "-q")
    time.sleep(random.uniform(0.8, 2.5))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    [spool] = tmp_path.glob("*.spool/*.spool")
    kept = tmp_path / "kept" / spool.name
    kept.parent.mkdir()
    kept.write_bytes(spool.read_bytes())
    [row] = listed(run, place)
    assert row["status"] == "FAILED" and not spool.exists()
    [in_spool] = listed(run, str(kept))
    found = servers[1].request_ids(row["id"])
    assert len(found) == len(set(found)) == row["traces"] == in_spool["traces"] > 0
