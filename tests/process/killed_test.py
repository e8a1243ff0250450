"""Processes that record are killed at moments that a seed draws, again while what they left is recovered, and what had
been flushed by then is in the database exactly once. GALILEO_FAULT_RUNS says how often each test does that."""
import json
import os
import random
import sqlite3
import subprocess
import time

import pytest
import spool_file
from conftest import SLOWER, wait_for
from redis_server import Connection

RUNS = int(os.environ.get("GALILEO_FAULT_RUNS", "3"))
SEED = int(os.environ.get("GALILEO_FAULT_SEED", "8"))
LINES = "galileo/results/traces"


def stored_ids(database):
    if not database.exists():
        return []
    connection = sqlite3.connect(database, timeout=30)
    try:
        return [row[0] for row in connection.execute("SELECT REQUEST_ID FROM traces ORDER BY rowid")]
    except sqlite3.OperationalError:  # killed before there was a table
        return []
    finally:
        connection.close()


def spools_of(database):
    return sorted(database.parent.glob(database.name + ".spool/*.spool"))


class Recovery:
    """What must be in the database in the end, seen before anything is recovered."""

    def __init__(self, galileo, run, database):
        self.galileo, self.run, self.database = galileo, run, database
        self.expected = set(stored_ids(database))
        for path in spools_of(database):
            ids = spool_file.request_ids(path)
            assert len(ids) == len(set(ids))
            self.expected |= set(ids)
            shown = run("exp", "ls", "--json", "--db", path)
            # Before its first record it is no spool yet.
            assert shown.code != 0 or sum(row["traces"] for row in json.loads(shown.out)) == len(ids), shown

    def killed(self, chance, times):
        """Kills that many recoveries at moments of their own."""
        for _ in range(times):
            process = subprocess.Popen([self.galileo, "exp", "ls", "--db", self.database], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.06))
            process.kill()
            process.wait(30)

    def check(self, statuses=("FAILED", "FINISHED")):
        if not self.database.exists():
            return []
        listed = self.run("exp", "ls", "--json", "--db", self.database)
        assert listed.code == 0, listed
        found = stored_ids(self.database)
        assert len(found) == len(set(found)), "a trace is there twice"
        assert set(found) == self.expected, (len(found), len(self.expected), listed.err)
        assert not spools_of(self.database), listed
        rows = json.loads(listed.out)
        assert sum(row["traces"] for row in rows) == len(found)
        assert {row["status"] for row in rows} <= set(statuses), rows
        return rows


@pytest.mark.parametrize("how", ["rate", "closed loop", "run"])
def test_a_run_killed_at_any_moment_is_recovered_whole(galileo, start, run, target, tmp_path, how):
    url = target()
    (tmp_path / "e.yaml").write_text(f"""
name: killed
services: {{app: {{hosts: {{"{url.split('/')[2]}": 1}}}}}}
clients: [{{service: app, rate: 3000, duration: 60s}}, {{service: app, rate: 500, duration: 60s}}]
telemetry: {{period: 50ms}}
""")
    arguments = {"rate": ("load", url, "-r", "2000", "-d", "60s"), "closed loop": ("load", url, "-c", "8", "-d", "60s"),
                 "run": ("run", "e.yaml")}[how]
    traces = 0
    for number in range(RUNS):
        chance = random.Random(f"{SEED} {how} {number}")
        database = tmp_path / f"{number}.sqlite"
        process = start(*arguments, "--db", database, "-q")
        time.sleep(chance.uniform(0, 0.8 * SLOWER))
        process.kill()
        process.communicate(timeout=30)
        recovery = Recovery(galileo, run, database)
        recovery.killed(chance, chance.randrange(3))
        recovery.check(statuses=("FAILED",))
        traces += len(recovery.expected)
    assert traces > 100 * RUNS


@pytest.mark.parametrize("database_is", ["there", "away"])
def test_a_recorder_killed_at_any_moment_is_recovered_whole(galileo, start, run, one_redis, tmp_path, database_is):
    publisher = Connection(one_redis.port)
    traces = 0
    for number in range(RUNS):
        chance = random.Random(f"{SEED} recorder {number}")
        database = tmp_path / f"{number}.sqlite"
        process = start("recorder", "-q", "--bus", one_redis.url, "--db", database)
        wait_for(lambda: one_redis("PUBSUB", "NUMPAT") >= 2 and spools_of(database), "the recorder")
        holder = sqlite3.connect(database, isolation_level=None, timeout=30)
        if database_is == "away":
            holder.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + chance.uniform(0, 0.6 * SLOWER)
        sent = 0
        while time.monotonic() < until:
            publisher.all([("PUBLISH", LINES, f"abcdef{number:04}:{sent + i},w:web:0,web,1795500000.5,1795500000.5,"
                                              "1795500000.6,200,10.0.0.1:80,None,None,ok") for i in range(1, 101)])
            sent += 100
            time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.communicate(timeout=30)
        holder.close()
        recovery = Recovery(galileo, run, database)
        assert recovery.expected <= {f"abcdef{number:04}:{i}" for i in range(1, sent + 1)}
        recovery.killed(chance, chance.randrange(3))
        recovery.check(statuses=("FAILED",))
        traces += len(recovery.expected)
    assert traces > 100 * RUNS


def leave_spool(start, url, database, seconds=0.3):
    """A killed run whose traces are nearly all in its spool only: somebody held the database."""
    process = start("load", url, "-c", "8", "-d", "60s", "--db", database, "-q")
    wait_for(lambda: spools_of(database), "the spool")
    holder = sqlite3.connect(database, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    process.kill()
    process.communicate(timeout=30)
    holder.close()


def test_two_who_recover_at_once_put_each_row_once(galileo, start, run, target, tmp_path):
    url = target()
    for number in range(RUNS):
        database = tmp_path / f"{number}.sqlite"
        other = tmp_path / f"{number}-other.sqlite"
        leave_spool(start, url, other)
        leave_spool(start, url, database)
        for path in spools_of(other):
            path.rename(f"{database}.spool/{path.name}")
        recovery = Recovery(galileo, run, database)
        both = [subprocess.Popen([galileo, "exp", "ls", "--db", database, "--json"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True) for _ in range(2)]
        said = [process.communicate(timeout=60 * SLOWER) for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        assert "can't" not in said[0][1] + said[1][1], said
        assert sum(err.count("which was cut off") for _, err in said) == 2, said
        assert len(recovery.check(statuses=("FAILED",))) == 2
