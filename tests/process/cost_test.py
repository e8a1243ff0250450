"""What a run and a waiting fleet cost, with the defaults on: seconds of CPU, which a busy machine changes little."""
import os
import sqlite3
import time

import pytest
from conftest import wait_for

pytestmark = pytest.mark.alone

HZ = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """All its threads', those that are niced too."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def ended_cpu_s(process):
    """Waits for a process's end; its CPU."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 90), process.returncode
    return usage.ru_utime + usage.ru_stime


def load(start, url, tmp_path, database, *more):
    with open(tmp_path / f"{database}.log", "w") as log:
        return start("load", url, "--rate", "200", "-d", "2s", "--db", database, *more, log=log)


# 4.3 s of CPU for 5 s at 200/s, beside 0.05 s without a database: each look read through what the spool had reserved.
def test_a_run_into_sqlite_costs_little_more_than_one_without_a_database(start, target, tmp_path):
    url = target()
    none = ended_cpu_s(load(start, url, tmp_path, "none"))
    into_sqlite = ended_cpu_s(load(start, url, tmp_path, "galileo.sqlite"))
    assert into_sqlite < 3 * none + 0.2, f"{into_sqlite:.2f} s of CPU, {none:.2f} without a database"


# Each commit costs the database something: a thousand a second did.
def test_what_trickles_in_is_committed_a_few_times_a_second(start, target, tmp_path):
    run = load(start, target(), tmp_path, "galileo.sqlite")
    wait_for(lambda: (tmp_path / "galileo.sqlite").exists(), "the database")
    with sqlite3.connect(tmp_path / "galileo.sqlite", timeout=10) as database:
        versions = set()
        while run.poll() is None:
            versions.add(database.execute("PRAGMA data_version").fetchone())
            time.sleep(0.002)
        assert database.execute("SELECT count(*) FROM traces").fetchone() == (400,)
    assert 3 <= len(versions) <= 25, f"{len(versions)} commits in 2 s and at the beginning and the end"


# An idle worker took 33 % of a core, an idle recorder 13 %.
@pytest.mark.parametrize("command", [
    ("worker", "--name", "a", "--traces", "redis", "--spool", "spool"),
    ("worker", "--name", "a", "--traces", "sql", "--db", "w.sqlite", "--spool", "spool"),
    ("recorder", "--name", "a", "--db", "r.sqlite"),
    ("telemd", "--node", "a"),
], ids=lambda command: "-".join((command[0], command[4] if command[0] == "worker" else "")).strip("-"))
def test_who_waits_for_work_takes_next_to_nothing(start, redis, tmp_path, command):
    with open(tmp_path / "log", "w") as log:
        process = start(*command, "--bus", redis().url, log=log)
        # Not its CPU: the clock's first tick may not come in ten seconds of one that has nothing to do.
        wait_for(lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 2, "its threads")
        time.sleep(1)  # to begin costs something
        before = cpu_s(process.pid)
        time.sleep(2)
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert cpu_s(process.pid) - before < 0.1, "5 % of a core, ten times what it takes"
