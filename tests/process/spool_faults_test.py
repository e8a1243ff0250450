"""Disks that are full, places that can't be written, databases that are no databases or are held by others: what is said,
what is counted, and that the rest is there afterwards. GALILEO_FAULT_RUNS says how often the costly ones are done."""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
import spool_file
from conftest import ROOT, SLOWER, result_of, wait_for

RUNS = int(os.environ.get("GALILEO_FAULT_RUNS", "3"))
LINES = "galileo/results/traces"


class SmallDisk:
    """A file system of so many MiB that only this test sees: mounted in a mount namespace of its own, which `before`
    takes a command into; `here` is how the test itself reaches it."""

    def __init__(self, where, mib, options=""):
        self.where = Path(where)
        self.where.mkdir()
        self.mib = mib
        self.keeper = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size={mib}m{options} tmpfs '{where}' && echo ready && exec sleep 600"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.keeper.stdout.readline() != "ready\n":
            self.keeper.wait(30)
            pytest.skip("a file system can't be mounted here: " + self.keeper.stderr.read().strip())
        self.before = ("nsenter", "-t", str(self.keeper.pid), "-m")
        self.here = Path(f"/proc/{self.keeper.pid}/root{where}")

    def remount(self, options):
        subprocess.run([*self.before, "mount", "-o", f"remount,{options}", self.where], check=True, timeout=30)

    def full(self):
        return shutil.disk_usage(self.here).free == 0

    def close(self):
        self.keeper.kill()
        self.keeper.communicate()


@pytest.fixture
def small_disk(tmp_path):
    made = []

    def call(mib, options=""):
        if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("nsenter"):
            pytest.skip("a file system of the test's own needs root, unshare and nsenter")
        made.append(SmallDisk(tmp_path / f"disk{len(made)}", mib, options))
        return made[-1]
    yield call
    for disk in made:
        disk.close()


def ended(process, timeout=60):
    out, err = process.communicate(timeout=timeout * SLOWER)
    return process.returncode, out, err


def stored(database):
    connection = sqlite3.connect(database, timeout=30)
    try:
        return [row[0] for row in connection.execute("SELECT REQUEST_ID FROM traces")]
    except sqlite3.OperationalError:  # no table yet
        return []
    finally:
        connection.close()


def test_a_full_disk_costs_what_is_said_and_the_rest_is_there_when_it_has_room(start, target, small_disk, tmp_path):
    """More than fits into memory, so that some must be lost; the books say how many, to the last one."""
    url = target()
    for _ in range(RUNS):
        disk = small_disk(3)
        process = start("load", url, "-c", "8", "-n", "160000", "--db", disk.where / "x.sqlite", "-q", "--no-telemetry",
                        "--json", tmp_path / "r.json", before=disk.before)
        code, out, err = ended(process)
        result = result_of(tmp_path / "r.json")
        traces = result["ledger"]["traces"]
        assert result["ledger"]["balanced"] and traces["made"] == 160000, traces
        assert traces["lost"] > 0 and traces["made"] == traces["stored"] + traces["spooled"] + traces["lost"], traces
        assert code == 1 and "No space left on device; free some disk" in err, (code, err)
        assert f"{traces['lost']:,} traces were lost" in out and result["verdict"]["value"] in ("SUSPECT", "INVALID"), out
        disk.remount("size=100m")
        code, out, err = ended(start("exp", "ls", "--json", "--db", disk.where / "x.sqlite", before=disk.before))
        assert code == 0 and f"recovered {traces['spooled']:,} traces" in err, (code, err)
        [row] = json.loads(out)
        assert (row["traces"], row["status"]) == (traces["stored"] + traces["spooled"], "FAILED"), (row, traces)
        # A copy: SQLite would follow /proc's link to another file of that name.
        ids = stored(Path(shutil.copy(disk.here / "x.sqlite", tmp_path / "copy.sqlite")))
        assert len(ids) == len(set(ids)) == row["traces"]
        assert not (disk.here / "x.sqlite.spool").exists()


def test_a_spool_whose_disk_gets_room_in_time_loses_nothing(start, target, small_disk, tmp_path):
    """Less than memory holds: what waited is written once there is room, and the run is a good one."""
    url = target()
    disk = small_disk(1)
    process = start("load", url, "-r", "5000", "-n", "30000", "--db", "none", "--spool", disk.where, "-q", "--no-telemetry",
                    "--json", tmp_path / "r.json", before=disk.before)
    wait_for(disk.full, "the disk to be full", 20)
    disk.remount("size=100m")
    code, out, err = ended(process)
    traces = result_of(tmp_path / "r.json")["ledger"]["traces"]
    assert code in (0, 90), (code, out, err)
    assert traces == {"made": 30000, "stored": 0, "spooled": 30000, "lost": 0}, out
    [spool] = disk.here.glob("*.spool")
    assert len(set(spool_file.request_ids(spool))) == 30000


def test_a_recorder_whose_disk_is_full_says_so_and_counts(start, one_redis, small_disk, tmp_path):
    disk = small_disk(1)
    process = start("recorder", "--bus", one_redis.url, "--db", "none", "--spool", disk.where, "--json", before=disk.before)
    assert "recording" in process.stderr.readline()
    body = "x" * 10_000
    sent = 0
    for _ in range(20):  # some 20 MiB, of which 1 fits on the disk and 8 in memory
        one_redis.publish(LINES, *[f"abcdef0123:{sent + i},w:web:0,web,1795500000.5,1795500000.5,1795500000.6,200,10.0.0.1:80,"
                                   f"None,None,{body}" for i in range(1, 101)])
        sent += 100
    said = []
    wait_for(lambda: said.append(process.stderr.readline()) or f"{sent:,} traces" in said[-1], lambda: said, 30)
    assert any("No space left on device" in line for line in said), said
    process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    recorded = json.loads(out)
    [spool] = disk.here.glob("*.spool")
    kept = len(set(spool_file.request_ids(spool)))
    assert recorded["traces"] == sent and recorded["lost"] == sent - kept > 1000, (recorded, kept)
    assert code == 1 and "No space left on device" in err, err


@pytest.mark.parametrize("place", ["--spool", "link"])
@pytest.mark.parametrize("command", ["load", "recorder"])
def test_a_database_whose_disk_is_full_leaves_a_spool_that_is_found_again(start, target, one_redis, small_disk, tmp_path, command, place):
    """The spool lies on another disk: by --spool, or beside the link that leads to the database."""
    disk = small_disk(1)
    database = disk.where / "x.sqlite" if place == "--spool" else tmp_path / "x.sqlite"
    if place == "link":
        database.symlink_to(disk.where / "x.sqlite")
    elsewhere = ["--spool", tmp_path / "elsewhere"] if place == "--spool" else []
    if command == "load":
        process = start("load", target("--size", "100"), "-c", "4", "-n", "20000", "-q", "--no-telemetry", "--db", database, *elsewhere, before=disk.before)
    else:
        process = start("recorder", "--bus", one_redis.url, "--db", database, *elsewhere, before=disk.before)
        assert "recording" in process.stderr.readline()
        for first in range(1, 20001, 500):
            one_redis.publish(LINES, *[f"abcdef0123:{i},w:web:0,web,1795500000.5,1795500000.5,1795500000.6,200,10.0.0.1:80,None,None,{'x' * 200}"
                                       for i in range(first, first + 500)])
        said = []
        wait_for(lambda: said.append(process.stderr.readline()) or "20,000 traces" in said[-1], lambda: said, 30)
        process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    assert code == 94 and "disk is full" in out + err and "the spool is kept" in out, (code, out, err)
    [spool] = [path for path in tmp_path.glob("*/**/*.spool") if path.is_file() and not path.is_symlink()]
    assert len(set(spool_file.request_ids(spool))) == 20000
    code, out, err = ended(start("exp", "ls", "--db", database, before=disk.before))  # still full
    assert "can't recover" in err and "disk is full" in err and spool.exists(), (code, out, err)
    disk.remount("size=100m")
    code, out, err = ended(start("exp", "ls", "--json", "--db", database, before=disk.before))
    assert code == 0 and "recovered" in err and [row["traces"] for row in json.loads(out)] == [20000], (code, out, err)
    assert not spool.exists()
    ids = stored(Path(shutil.copy(disk.here / "x.sqlite", tmp_path / "copy.sqlite")))
    assert len(ids) == len(set(ids)) == 20000


@pytest.mark.parametrize("what", ["nothing", "an older one"])
def test_what_a_full_disk_cant_take_is_an_error_and_the_older_file_stays(run, start, target, small_disk, tmp_path, what):
    """Documents and tables: nothing half is left, neither under their names nor beside them."""
    url = target()
    assert run("load", url, "-n", "4000", "-c", "4", "-q", "--db", "x.sqlite", "--no-telemetry").ran
    cases = {"load --json": (["load", url, "-n", "5", "-r", "100", "-q", "--no-telemetry", "--db", "none", "--spool", tmp_path / "s", "--json"], "r"),
             "load --report": (["load", url, "-n", "5", "-r", "100", "-q", "--no-telemetry", "--db", "none", "--spool", tmp_path / "s", "--report"], "r"),
             "exp report": (["exp", "report", "last", "--db", tmp_path / "x.sqlite", "--output"], "r"),
             "csv": (["exp", "export", "last", "--db", tmp_path / "x.sqlite", "--output"], "t"),
             "jsonl": (["exp", "export", "last", "--db", tmp_path / "x.sqlite", "--format", "jsonl", "--output"], "t")}
    disk = small_disk(1)
    (disk.here / "t").mkdir()
    older = [disk.here / name for name in ("r", "t/experiment.json", "t/traces.csv", "t/traces.jsonl", "t/nodeinfo.csv", "t/nodeinfo.jsonl")]
    for path in older if what != "nothing" else []:
        path.write_text("older")
    with open(disk.here / "fill", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert disk.full()
    before = {path: path.read_bytes() for path in disk.here.glob("**/*") if path.is_file()}
    for name, (words, output) in cases.items():
        code, out, err = ended(start(*words, disk.where / output, before=disk.before))
        assert code == 1 and "No space left on device" in err and str(disk.where / output) in err, (name, code, out, err)
        assert {path: path.read_bytes() for path in disk.here.glob("**/*") if path.is_file()} == before, name


def test_a_database_that_is_held_for_half_a_minute_costs_nothing(start, run, target, tmp_path):
    """Whoever holds it lets go while the run is still on; not a row is missing, and the spool is gone."""
    seconds = 30 if RUNS >= 20 else 7  # more than the database's own patience of 5 s
    database = tmp_path / "x.sqlite"
    process = start("load", target(), "-r", "500", "-d", f"{seconds + 3}s", "--db", database, "-q", "--no-telemetry",
                    "--json", tmp_path / "r.json")
    wait_for(lambda: database.exists() and stored(database), "the first rows")
    holder = sqlite3.connect(database, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)  # what is tested is the passing of this time
    holder.close()
    code, out, err = ended(process)
    traces = result_of(tmp_path / "r.json")["ledger"]["traces"]
    assert code in (0, 90) and traces["stored"] == traces["made"] == len(set(stored(database))), (code, out, err)
    assert not (tmp_path / "x.sqlite.spool").exists()


def test_what_is_no_database_or_cannot_be_written_is_said_with_its_mend(run, start, target, small_disk, tmp_path):
    url = target()
    (tmp_path / "garbage.sqlite").write_bytes(os.urandom(50_000))
    garbage = (tmp_path / "garbage.sqlite").read_bytes()
    (tmp_path / "file").write_text("")
    cases = [(["--db", "garbage.sqlite"], "garbage.sqlite", "not a database", "move it away, or name another file with --db"),
             (["--db", "no/folder/x.sqlite"], "no/folder/x.sqlite", "unable to open", "check that its folder is there"),
             (["--db", "none", "--spool", "file/spools"], "file/spools", "Not a directory", "name another one with --spool")]
    for arguments, *words in cases:
        done = run("load", url, "-n", "5", "-r", "100", "-q", *arguments)
        assert done.code == 1 and done.out == "" and len(done.err.splitlines()) == 1, (arguments, done)
        assert all(word in done.err for word in words), done.err
    assert (tmp_path / "garbage.sqlite").read_bytes() == garbage

    disk = small_disk(4)
    run("load", url, "-n", "5", "-r", "100", "-q", "--db", "x.sqlite")
    shutil.copy(tmp_path / "x.sqlite", disk.here)
    disk.remount("ro")
    for arguments, *words in [(["--db", disk.where / "x.sqlite"], "x.sqlite", "may be written to"),
                              (["--db", disk.where / "new.sqlite"], "new.sqlite", "may be written to"),
                              (["--db", "none", "--spool", disk.where], "Read-only file system", "--spool")]:
        code, out, err = ended(start("load", url, "-n", "5", "-r", "100", "-q", *arguments, before=disk.before))
        assert code == 1 and out == "" and all(word in err for word in words), (arguments, code, err)


def test_a_database_replaced_by_garbage_leaves_the_spool_for_a_new_one(start, run, target, tmp_path):
    database = tmp_path / "x.sqlite"
    process = start("load", target(), "-r", "500", "-d", "60s", "--db", database, "-q", "--no-telemetry")
    wait_for(lambda: len(stored(database)) > 100, "the first rows")
    process.kill()
    process.communicate(timeout=30)
    [spool] = (tmp_path / "x.sqlite.spool").glob("*.spool")
    made = set(spool_file.request_ids(spool))
    for path in (Path(f"{database}-wal"), Path(f"{database}-shm")):
        path.unlink()
    database.write_bytes(os.urandom(200_000))
    done = run("exp", "ls", "--db", database)
    assert done.code == 1 and "not a database; move it away" in done.err and spool.exists(), done
    database.rename(tmp_path / "away")
    sqlite3.connect(database).execute("PRAGMA user_version = 0").close()
    database.touch()
    listed = run("exp", "ls", "--json", "--db", database)
    assert [row["traces"] for row in json.loads(listed.out)] == [len(made)] and len(made) > 100, listed
    assert set(stored(database)) == made and not spool.exists()


class Held:
    """A database that somebody else holds, so that a spool grows."""

    def __init__(self, database):
        self.connection = sqlite3.connect(database, isolation_level=None, timeout=30)
        self.connection.execute("BEGIN IMMEDIATE")

    def let_go(self):
        self.connection.close()


def disk_use(path):
    return path.stat().st_blocks * 512


@pytest.mark.sanitize
def test_a_spool_that_may_take_no_more_ends_the_run_and_nothing_is_lost(start, run, target, tmp_path):
    database, limit = tmp_path / "x.sqlite", 8 << 20
    process = start("load", target(), "-r", "8000", "-d", "100s", "--db", database, "--spool-max", "8MiB", "-q", "--no-telemetry",
                    "--json", tmp_path / "r.json")
    wait_for(lambda: database.exists() and stored(database), "the first rows")
    held = Held(database)
    [spool] = (tmp_path / "x.sqlite.spool").glob("*.spool")
    most = 0
    while process.poll() is None:
        most = max(most, disk_use(spool))
        time.sleep(0.02)
    code, out, err = ended(process)
    held.let_go()
    result = result_of(tmp_path / "r.json")
    traces = result["ledger"]["traces"]
    assert result["ledger"]["balanced"] and traces["lost"] == 0 and traces["spooled"] > 50_000, (traces, out, err)
    assert "the run was ended before it was done: its spool took the 8.0 MiB of disk that --spool-max allows" in out, out
    assert result["verdict"]["value"] != "VALID" and limit * 3 / 4 < most <= limit, most
    listed = run("exp", "ls", "--json", "--db", database)
    assert [row["traces"] for row in json.loads(listed.out)] == [traces["made"]], listed
    assert len(set(stored(database))) == traces["made"] and not spool.exists()


@pytest.mark.parametrize("database_is", ["away", "none"])
def test_where_the_oldest_go_the_books_say_how_many(start, run, target, tmp_path, database_is):
    """Away for most of the run, so that the spool must let go of rows, and back in the end."""
    database = tmp_path / "x.sqlite"
    process = start("load", target(), "-r", "10000", "-n", "120000", "--db", database if database_is == "away" else "none",
                    "--spool", tmp_path / "spools", "--spool-full", "drop-oldest", "-q", "--no-telemetry",
                    "--json", tmp_path / "r.json", env={**os.environ, "galileo_spool_max": "4MiB"})
    spools = lambda: list((tmp_path / "spools").glob("*.spool"))
    wait_for(lambda: spools(), "the spool")
    if database_is == "away":
        wait_for(lambda: stored(database), "the first rows")
        held = Held(database)
    [spool] = spools()
    wait_for(lambda: spool.stat().st_size > 10 << 20, "the spool to have let go of most", 60)
    assert disk_use(spool) <= 4 << 20
    if database_is == "away":
        held.let_go()
    code, out, err = ended(process)
    ledger = result_of(tmp_path / "r.json")["ledger"]
    traces = ledger["traces"]
    assert code in (0, 90) and ledger["balanced"] and traces["made"] == 120000, (code, out, err)
    assert traces["lost"] > 20000, traces
    if database_is == "away":
        assert traces["spooled"] == 0 and len(set(stored(database))) == traces["stored"] == 120000 - traces["lost"], traces
        assert not spool.exists()
    else:
        listed = json.loads(run("exp", "ls", "--json", "--db", spool).out)
        assert [row["traces"] for row in listed] == [traces["spooled"]] == [120000 - traces["lost"]]


def test_with_a_database_that_keeps_up_a_spool_stays_small(start, target, tmp_path):
    database = tmp_path / "x.sqlite"
    process = start("load", target(), "-r", "8000", "-n", "200000", "--db", database, "--spool-max", "8MiB", "-q", "--no-telemetry",
                    "--json", tmp_path / "r.json")
    wait_for(lambda: list(tmp_path.glob("x.sqlite.spool/*.spool")), "the spool")
    [spool] = tmp_path.glob("x.sqlite.spool/*.spool")
    size = used = 0
    while process.poll() is None:
        try:
            info = spool.stat()
        except FileNotFoundError:
            break
        size, used = max(size, info.st_size), max(used, info.st_blocks * 512)
        time.sleep(0.02)
    code, out, err = ended(process)
    assert code in (0, 90) and len(set(stored(database))) == 200000, (code, out, err)
    assert size > 16 << 20 and used <= 8 << 20, (size, used)


@pytest.mark.parametrize("policy", ["stop", "drop-oldest"])
def test_a_recorder_whose_spool_is_full(start, one_redis, tmp_path, policy):
    database = tmp_path / "x.sqlite"
    process = start("recorder", "--bus", one_redis.url, "--db", database, "--spool-max", "4MiB", "--spool-full", policy, "--json")
    assert "recording" in process.stderr.readline()
    held = Held(database)
    body, sent = "x" * 1000, 0
    while process.poll() is None and sent < 12000:
        one_redis.publish(LINES, *[f"abcdef0123:{sent + i},w:web:0,web,1795500000.5,1795500000.5,1795500000.6,200,10.0.0.1:80,"
                                   f"None,None,{body}" for i in range(1, 101)])
        sent += 100
        time.sleep(0.01)
        if one_redis("PUBSUB", "NUMPAT") == 0:
            break  # it listens no more
    held.let_go()
    if policy == "drop-oldest":
        process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    recorded = json.loads(out)
    ids = stored(database)
    assert len(ids) == len(set(ids)) == recorded["stored"] == recorded["traces"] - recorded["lost"], (recorded, err)
    if policy == "stop":
        assert (code, recorded["status"]) == (1, "FAILED") and recorded["lost"] == 0 and recorded["stored"] > 1000, (recorded, err)
        assert "the recording ended before it was told to" in err and "raise --spool-max" in err
    else:
        assert (code, recorded["status"]) == (0, "FINISHED") and recorded["lost"] > 1000, (recorded, err)


def test_wrong_limits_are_said(run):
    for arguments, *words in [(["--spool-max", "10 gallons"], "--spool-max", "write it as 500MB"),
                              (["--spool-max", "1MiB"], "--spool-max", "less than 4.0 MiB"),
                              (["--spool-max", "8MiB", "--spool-full", "stopp"], "--spool-full", "did you mean 'stop'")]:
        done = run("load", "http://127.0.0.1:1/", "-n", "1", *arguments)
        assert done.code == 2 and all(word in done.err for word in words), done
    done = run("load", "http://127.0.0.1:1/", "-n", "1", env={"galileo_spool_max": "much"})
    assert done.code == 2 and "galileo_spool_max" in done.err, done


def test_a_database_that_is_away_costs_disk_and_no_memory():
    """In small what bench/database_away.py does for two minutes."""
    binary = os.environ.get("GALILEO_BINARY", str(ROOT / "build/release/galileo"))
    done = subprocess.run([ROOT / "bench/database_away.py", "--seconds", "10", "--before", "3", "--after", "3", "--rate", "5000",
                           "--galileo", binary], capture_output=True, text=True, timeout=120 * SLOWER)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert measured["traces"]["stored"] == measured["traces"]["made"] >= 70_000, measured
    assert measured["traces"]["lost"] == measured["traces"]["spooled"] == 0
    assert measured["spool_mib"] > 4, "it wasn't away"
    if SLOWER == 1:
        assert measured["memory_more_mib"] <= 16, measured
