"""`galileo recorder` with a real Redis: what old workers and daemons publish, as it lies in the database."""
import json
import os
import random
import signal
import sqlite3

import pytest
from conftest import ROOT, SLOWER, wait_for

VECTORS = ROOT.parent / "shared/vectors"
LINES = "galileo/results/traces"
COLUMNS = "REQUEST_ID, CLIENT, SERVICE, CREATED, SENT, DONE, STATUS, RESPONSE, HEADERS, SERVER"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="what was recorded of the original isn't beside the checkout")


def line(number, prefix="abcdef0123", client="w:web:0", response="ok"):
    return f"{prefix}:{number},{client},web,1795500000.5000000,1795500000.5010000,1795500000.6000000,200,10.0.0.1:80,None,None,{response}"


class Recorder:
    """A recorder that records: its database, and how it ends."""
    def __init__(self, start, one_redis, path, *arguments, **options):
        self.path = path
        self.process = start("recorder", "--bus", one_redis.url, "--db", path, "--json", *arguments, **options)
        self.said = self.process.stderr.readline()
        assert "recording" in self.said, self.said
        self.id = self.said.split("recording ")[1].split()[0]

    def rows(self, query):
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def status(self):
        return self.rows("SELECT STATUS FROM experiments")[-1][0]

    def stop(self, how=signal.SIGTERM, code=0):
        self.process.send_signal(how)
        out, self.err = self.process.communicate(timeout=60 * SLOWER)
        assert self.process.returncode == code, (out, self.err)
        return json.loads(out)


@pytest.fixture
def recorder(start, one_redis, tmp_path):
    return lambda *arguments, **options: Recorder(start, one_redis, tmp_path / "lab.sqlite", *arguments, **options)


def as_the_old_recorder_stores_it(payload):
    fields = payload.split(",", 10)
    request_id, client, service, created, sent, done, status, server, _, headers, response = [
        None if field == "None" else field for field in fields]
    return (request_id, client, service, float(created), float(sent), float(done), int(status),
            response and response.replace("\\n", "\n"), headers and headers.replace("|", ","), server)


@needs_vectors
@pytest.mark.quick
@pytest.mark.sanitize
def test_each_recorded_line_is_stored_as_the_old_recorder_does(recorder, one_redis):
    payloads = [json.loads(text)["payload"] for text in (VECTORS / "traces.jsonl").read_text().splitlines()]
    on = recorder()
    assert one_redis.publish(LINES, *payloads) == [1] * len(payloads)
    done = on.stop()
    assert done["traces"] == done["stored"] == len(payloads) > 20, done
    assert on.rows(f"SELECT {COLUMNS} FROM traces ORDER BY rowid") == [as_the_old_recorder_stores_it(one) for one in payloads]
    assert on.rows("SELECT DISTINCT EXP_ID, INTENDED, DISPATCHED, FIRST_BYTE, PHASE FROM traces") == [(on.id, None, None, None, None)]
    # Without a reason on the wire no more is said than that there was no route, or no answer.
    assert dict(on.rows("SELECT REQUEST_ID, ERROR FROM traces WHERE STATUS < 0")) == {
        "4e1ffaea33:1": "closed", "b52a206740:1": "closed", "77fd2e062c:1": "closed", "c1a501d21a:1": "no_route"}


@pytest.mark.sanitize
@needs_vectors
@pytest.mark.parametrize("name", ["original-experiment.sqlite", "original-experiment-2.sqlite"])
def test_an_experiment_of_the_old_recorder_recorded_again_is_the_same(recorder, one_redis, name):
    original = sqlite3.connect(VECTORS / name)
    exp_id = original.execute("SELECT EXP_ID FROM experiments ORDER BY CREATED").fetchone()[0]
    read = lambda columns, table: original.execute(f"SELECT {columns} FROM {table} WHERE EXP_ID = ? ORDER BY rowid", (exp_id,)).fetchall()
    traces, samples, events, info = read(COLUMNS, "traces"), read("TIMESTAMP, METRIC, SUBSYSTEM, NODE, VALUE", "telemetry"), read(
        "TIMESTAMP, NAME, VALUE", "events"), read("NODE, INFO_KEY, INFO_VALUE", "nodeinfo")
    none = lambda value: "None" if value is None else value
    one_redis.all([("HSET", f"telemd.info:{node}", key, value) for node, key, value in info] or [("PING",)])
    on = recorder()
    for request_id, client, service, created, sent, done, status, response, headers, server in traces:
        text = none(response).replace("\n", "\\n")
        one_redis.publish(LINES, f"{request_id},{client},{service},{created:.7f},{sent:.7f},{done:.7f},{status},{none(server)},None,"
                             f"{none(headers).replace(',', '|')},{text}")
    for at, metric, subsystem, node, value in samples:
        # With the fraction in full: see wire/sample_line.h on eight decimals.
        one_redis.publish(f"telem/{node}/{metric}" + (f"/{subsystem}" if subsystem else ""), f"{at:.9f} {value:f}")
    for at, name_of, value in events:
        one_redis.publish("galileo/events", f"{at:.7f} {name_of}" + (f" {value}" if value is not None else ""))
    done = on.stop()
    assert (done["traces"], done["telemetry"], done["events"]) == (len(traces), len(samples), len(events)), done
    assert done["malformed"] == done["dropped"] == done["duplicates"] == 0, done
    assert on.rows(f"SELECT {COLUMNS} FROM traces ORDER BY rowid") == traces
    got = on.rows("SELECT TIMESTAMP, METRIC, SUBSYSTEM, NODE, VALUE FROM telemetry ORDER BY rowid")
    assert [row[1:4] for row in got] == [row[1:4] for row in samples]
    assert [row[0] for row in got] == pytest.approx([row[0] for row in samples], abs=1e-6)
    assert [row[4] for row in got] == pytest.approx([row[4] for row in samples], abs=1e-6)
    assert on.rows("SELECT TIMESTAMP, NAME, VALUE FROM events ORDER BY rowid") == events
    assert sorted(on.rows("SELECT NODE, INFO_KEY, INFO_VALUE FROM nodeinfo")) == sorted(info)


@pytest.mark.quick
def test_it_is_running_at_once_and_finished_when_all_is_stored(recorder, one_redis, tmp_path):
    one_redis("HSET", "telemd.info:n1", "cpus", "4", "arch", "arm64")
    on = recorder("--name", "first", "--creator", "me")
    assert on.rows("SELECT EXP_ID, NAME, CREATOR, STATUS, END FROM experiments") == [(on.id, "first", "me", "RUNNING", None)]
    one_redis.publish(LINES, line(1), line(2), line(2), line(5), "nonsense", b"\xff,\xfe")
    one_redis.publish("telem/n1/up", "1795500000.25 true")
    one_redis.publish("telem/n1/rx/eth0", "1795500000.5 3.500000", "1795500001 fast")
    one_redis.publish("galileo/events", '1795500002.5000000 scale {"replicas": 3}')
    wait_for(lambda: on.rows("SELECT count(*) FROM traces") == [(3,)], "the traces to be in the database meanwhile")
    done = on.stop()
    counts = {"traces": 3, "telemetry": 2, "events": 1, "duplicates": 1, "missing": 2, "malformed": 3, "dropped": 0, "lost": 0, "stored": 3}
    assert {name: done[name] for name in counts} == counts
    assert (done["id"], done["name"], done["creator"], done["status"]) == (on.id, "first", "me", "FINISHED")
    assert done["database"] == str(on.path) and done["spool"] == "" and not (tmp_path / "lab.sqlite.spool").exists()
    assert on.rows("SELECT METRIC, SUBSYSTEM, VALUE FROM telemetry") == [("up", None, 1.0), ("rx", "eth0", 3.5)]
    assert on.rows("SELECT NAME, VALUE FROM events") == [("scale", '{"replicas": 3}')]
    assert sorted(on.rows("SELECT NODE, INFO_KEY, INFO_VALUE FROM nodeinfo")) == [("n1", "arch", "arm64"), ("n1", "cpus", "4")]
    (start, end, status), = on.rows("SELECT START, END, STATUS FROM experiments")
    assert status == "FINISHED" and 0 <= end - start < 60 * SLOWER
    kept = json.loads(on.rows("SELECT DATA FROM metadata")[0][0])
    assert kept["recorder"]["missing"] == 2 and kept["recorder"]["malformed"] == 3 and kept["exp_id"] == on.id
    assert len([note for note in kept["notes"] if "the first of its kind" in note]) == 2


@pytest.mark.quick
def test_defaults_and_the_summary_for_people(run, start, one_redis, tmp_path):
    process = start("recorder", env={**os.environ, "galileo_redis_url": one_redis.url,
                                     "galileo_expdb_sqlite_path": str(tmp_path / "env.sqlite")})
    exp_id = process.stderr.readline().split("recording ")[1].split()[0]
    one_redis.publish(LINES, line(1))
    # One line a second where something has come.
    assert "1 traces (+1)" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30 * SLOWER)
    assert process.returncode == 0
    assert f"{exp_id}  {exp_id}, by galileo-recorder-{process.pid}: FINISHED" in out, out
    assert "env.sqlite" in out
    listed = json.loads(run("exp", "ls", "--db", tmp_path / "env.sqlite", "--json").out)
    assert [(row["id"], row["traces"], row["status"]) for row in listed] == [(exp_id, 1, "FINISHED")]


@pytest.mark.quick
def test_quiet_it_says_nothing_and_only_the_named_node_is_recorded(start, one_redis, tmp_path):
    process = start("recorder", "-q", "--bus", one_redis.url, "--db", "none", "--spool", tmp_path / "spools", "--node", "n1")
    wait_for(lambda: one_redis("PUBSUB", "NUMPAT") == 2, "the recorder to subscribe")
    assert one_redis.publish("telem/n1/cpu", "1795500000 1") == [1]
    assert one_redis.publish("telem/n2/cpu", "1795500000 1") == [0]
    wait_for(lambda: list((tmp_path / "spools").glob("*.spool")), "the spool")
    process.terminate()
    out, err = process.communicate(timeout=30 * SLOWER)
    assert process.returncode == 0 and err == "" and "telemetry" in out, (out, err)
    assert len(list((tmp_path / "spools").glob("*.spool"))) == 1


@pytest.mark.sanitize
def test_redis_that_is_restarted_costs_only_what_was_published_meanwhile(recorder, one_redis):
    on = recorder()
    one_redis.publish(LINES, *[line(number) for number in range(1, 11)])
    wait_for(lambda: on.rows("SELECT count(*) FROM traces") == [(10,)], "the first traces")
    one_redis.kill()
    wait_for(lambda: "away" in on.process.stderr.readline(), "the recorder to say so", 30)
    one_redis.launch()
    wait_for(lambda: one_redis("PUBSUB", "NUMPAT") == 2, "the recorder to be back", 30)
    one_redis.publish(LINES, *[line(number) for number in range(14, 21)])  # 11 to 13 were lost
    wait_for(lambda: on.rows("SELECT count(*) FROM traces") == [(17,)], "the traces from after the break", 30)
    done = on.stop()
    assert (done["traces"], done["missing"], done["stored"]) == (17, 3, 17), done
    assert done["bus_breaks"] == 1
    assert on.status() == "FINISHED"


def test_it_ends_well_though_redis_is_gone(recorder, one_redis):
    on = recorder()
    one_redis.publish(LINES, line(1))
    wait_for(lambda: on.rows("SELECT count(*) FROM traces") == [(1,)], "the trace")
    one_redis.kill()
    done = on.stop()
    assert done["traces"] == 1 and on.status() == "FINISHED"


@pytest.mark.quick
def test_without_redis_it_says_where_it_looked_and_ends_with_92(run, port):
    done = run("recorder", "--bus", f"redis://127.0.0.1:{port}")
    assert done.code == 92 and f"127.0.0.1:{port}" in done.err and done.out == "", done


def test_a_database_that_is_locked_for_a_while_costs_nothing(recorder, one_redis):
    on = recorder()
    holder = sqlite3.connect(on.path, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    one_redis.publish(LINES, *[line(number) for number in range(1, 1001)])
    wait_for(lambda: "1,000 traces" in on.process.stderr.readline(), "the traces to be in the spool")
    holder.execute("ROLLBACK")
    holder.close()
    done = on.stop()
    assert (done["traces"], done["stored"], done["spool"]) == (1000, 1000, ""), done


def test_a_database_that_stays_away_leaves_all_in_the_spool_for_later(run, recorder, one_redis):
    on = recorder()
    holder = sqlite3.connect(on.path, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    one_redis.publish(LINES, *[line(number) for number in range(1, 101)])
    done = on.stop(code=94)
    assert done["traces"] == 100 and done["stored"] == 0 and done["spool"].endswith(f"{on.id}.spool"), done
    assert any("the spool is kept" in note for note in done["notes"])
    holder.execute("ROLLBACK")
    holder.close()
    listed = json.loads(run("exp", "ls", "--db", on.path, "--json").out)
    assert [(row["traces"], row["status"]) for row in listed] == [(100, "FINISHED")]


@pytest.mark.sanitize
def test_a_killed_recorder_loses_no_more_than_its_last_moment(run, recorder, one_redis):
    on = recorder()
    one_redis.publish(LINES, *[line(number) for number in range(1, 101)])
    wait_for(lambda: "100 traces" in on.process.stderr.readline(), "the traces")
    on.process.kill()
    on.process.wait()
    listed = json.loads(run("exp", "ls", "--db", on.path, "--json").out)
    assert [(row["traces"], row["status"]) for row in listed] == [(100, "FAILED")]


def test_200_000_lines_at_full_speed_arrive_without_loss(recorder, one_redis):
    on = recorder()
    clients = [(f"{client:010x}", f"w{client}:web:0") for client in range(20)]
    for first in range(1, 10_001, 1000):
        one_redis.publish(LINES, *[line(number, *client) for number in range(first, first + 1000) for client in clients])
    done = on.stop()
    assert (done["traces"], done["stored"]) == (200_000, 200_000), done
    assert done["dropped"] == done["missing"] == done["duplicates"] == done["malformed"] == done["lost"] == 0, done
    assert on.rows("SELECT count(DISTINCT REQUEST_ID) FROM traces") == [(200_000,)]


@pytest.mark.sanitize
def test_garbage_on_every_channel_stops_nothing(recorder, one_redis):
    on = recorder()
    random.seed(7)
    channels = [LINES, "galileo/results/batches", "galileo/events", "telem/n1/cpu", "telem/", "telem/a/b/c/d/e"]
    for _ in range(300):
        one_redis.publish(random.choice(channels), random.randbytes(random.choice([0, 1, 10, 100, 5000])))
    one_redis.publish(LINES, line(1), line(2, response="x" * 8_000_000), line(3, response="x" * 20_000_000), line(4))
    done = on.stop()
    assert done["traces"] == 3 and done["malformed"] >= 200 and done["dropped"] == 1 and done["missing"] == 1, done
    assert on.rows("SELECT length(RESPONSE) FROM traces ORDER BY rowid") == [(2,), (8_000_000,), (2,)]
