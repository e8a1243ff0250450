"""What becomes of queued experiments when daemons are killed or stopped, connections break, Redis is emptied, and people cancel.

Leases are short here, so that a round takes seconds; GALILEO_DAEMON_ROUNDS says how many of each there are."""
import json
import os
import signal
import sqlite3
import time
from contextlib import closing

from conftest import wait_for
from daemon_test import lab  # noqa: F401: a fixture

ROUNDS = int(os.environ.get("GALILEO_DAEMON_ROUNDS", "2"))


def running(its, rate=50, duration="60s"):
    """One that runs, and the process that runs it."""
    id_, item = its.file_item(rate=rate, duration=duration)
    its.queue((id_, item))
    wait_for(lambda: its.status(id_) == "IN_PROGRESS" and its.traces(id_) > 10, lambda: f"it to run: {its.row(id_)}\n{its.logs()}", 20)
    pid = json.loads(its.redis("GET", "galileo:fleet:lease"))["pid"]
    return id_, next(process for process in its.daemons if process.pid == pid)


def three(lab, lease="1s"):  # noqa: F811
    its = lab(lease)
    its.worker()
    for _ in range(3):
        its.daemon()
    wait_for(lambda: its.db.exists() and len(its.daemon_ids()) == 3, "three daemons")
    return its


def test_of_a_killed_daemon_others_end_the_run_once_and_close_its_clients(lab):  # noqa: F811
    its = three(lab)
    for _ in range(ROUNDS):
        id_, holder = running(its)
        os.killpg(holder.pid, signal.SIGKILL)
        began = time.monotonic()
        assert its.over(id_, 20) == "FAILED" and time.monotonic() - began < 6
        assert "whoever ran it is gone" in its.metadata(id_)["ended"]["reason"]
        wait_for(lambda: its.redis("KEYS", "galileo:client:*") == [], "its clients to be closed")
        its.daemon()
        second, item = its.file_item(rate=50, duration="0.5s")
        its.queue((second, item))
        assert its.over(second, 20) == "FINISHED", its.logs()
        assert its.traces(second) == 50 and its.status(id_) == "FAILED"


def test_a_daemon_that_slept_past_its_lease_commands_and_writes_nothing(lab):  # noqa: F811
    its = three(lab)
    for _ in range(ROUNDS):
        id_, holder = running(its)
        os.killpg(holder.pid, signal.SIGSTOP)
        assert its.over(id_, 20) == "FAILED", its.logs()
        before = its.row(id_), its.metadata(id_), its.traces(id_)
        second, item = its.file_item(rate=50, duration="2s")
        its.queue((second, item))
        wait_for(lambda: its.status(second) == "IN_PROGRESS", "the second to run", 20)
        os.killpg(holder.pid, signal.SIGCONT)
        assert its.over(second, 20) == "FINISHED", its.logs()
        time.sleep(1)
        assert (its.row(id_), its.metadata(id_), its.traces(id_)) == before
        assert its.traces(second) == 200, "nobody else stopped or closed what the second had"


def test_the_load_ends_where_nobody_is_left_to_end_it(lab):  # noqa: F811
    its = lab("1s")
    its.worker()
    its.daemon()
    wait_for(its.db.exists, "the database")
    _, holder = running(its)
    os.killpg(holder.pid, signal.SIGKILL)
    wait_for(lambda: its.redis("KEYS", "galileo:client:*") == [], "the worker to close the clients", 8)


def test_an_emptied_redis_gets_its_items_again_or_their_rows_say_why_not(lab):  # noqa: F811
    its = lab("1s")
    its.worker()
    its.daemon()
    wait_for(its.db.exists, "the database")
    first = its.file_item(rate=50, duration="2s")
    others = [its.file_item(rate=50, duration="0.5s") for _ in range(3)]
    lost = its.file_item()
    its.queue(first, *others, lost)
    with closing(sqlite3.connect(its.db, timeout=20)) as database:
        database.execute("DELETE FROM metadata WHERE EXP_ID = ?", (lost[0],))
        database.commit()
    wait_for(lambda: its.status(first[0]) == "IN_PROGRESS" and its.traces(first[0]) > 10, "it to run", 20)
    its.redis("FLUSHALL")
    assert its.over(first[0], 30) in ("FINISHED", "FAILED"), "its workers weren't seen for a moment"
    assert [its.over(id_, 30) for id_, _ in others] == ["FINISHED"] * 3, its.logs()
    assert [its.traces(id_) for id_, _ in others] == [50] * 3
    assert its.over(lost[0], 30) == "FAILED" and "gone from the queue" in its.metadata(lost[0])["ended"]["reason"]


def test_connections_that_break_lose_nothing_and_repeat_nothing(lab):  # noqa: F811
    its = three(lab, "3s")
    items = [its.file_item(rate=50, duration="0.2s") for _ in range(2 * ROUNDS)]
    its.queue(*items)
    for _ in range(10 * ROUNDS):
        its.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(0.1)
    for id_, _ in items:
        assert its.over(id_, 30) in ("FINISHED", "FAILED"), its.logs()
        assert its.traces(id_) <= 20
    wait_for(lambda: its.redis("KEYS", "galileo:experiments:taken:*") == [], "no list to have something left", 20)
    assert its.redis("LLEN", "__eventbus:global:galileo:experiments:queue") == 0


def test_cancelled_means_that_nothing_was_sent(lab):  # noqa: F811
    its = three(lab, "2s")
    for i in range(4 * ROUNDS):
        id_, item = its.file_item(rate=20, duration="0.2s")
        its.queue((id_, item))
        time.sleep(i % 8 * 0.03)
        with closing(sqlite3.connect(its.db, timeout=20)) as database:  # as cancel_queued() does
            came_first = database.execute("UPDATE experiments SET STATUS = 'CANCELLED' WHERE EXP_ID = ? AND STATUS = 'QUEUED'", (id_,)).rowcount
            database.commit()
        if came_first:
            time.sleep(0.5)
            assert its.status(id_) == "CANCELLED" and its.traces(id_) == 0
        else:
            assert its.over(id_) == "FINISHED" and its.traces(id_) == 8
