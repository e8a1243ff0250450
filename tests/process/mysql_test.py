"""Whole runs into a real MariaDB, and what may happen to it meanwhile: nothing is lost, nothing is there twice.

Each fault is done GALILEO_FAULT_RUNS times, at another moment each time."""
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import SLOWER, free_port, result_of, wait_for
from recorder_test import LINES, Recorder, line

pytestmark = pytest.mark.databases
FAULT_RUNS = int(os.environ.get("GALILEO_FAULT_RUNS", "3"))
TABLES = ("traces", "telemetry", "events", "nodeinfo", "metadata", "spool_position", "experiments")
# Two seconds of load, in which a fault has its place.
LOAD = ("-r", "1500", "-n", "3000", "-q", "--no-telemetry")
TRACES = 3000


@pytest.fixture
def own_mariadb(tmp_path_factory):
    """A server that the test may stop, kill and change."""
    from mariadb_server import MariaDb
    server = MariaDb(tmp_path_factory.mktemp("own_mariadb"))
    yield server
    server.stop()


def name_of(url):
    return url.rsplit("/", 1)[1].split("?")[0]


def count(server, url, what="COUNT(*)", of="traces"):
    """A number from the database; 0 while there are no tables."""
    done = server.ask(f"SELECT {what} FROM {of}", name_of(url))
    return int(done.stdout) if done.returncode == 0 else 0


def is_whole(server, url, traces=TRACES, experiments=1):
    """Each trace of each experiment is there once, in the order in which it was stored, and all are over."""
    rows = server.sql("SELECT COUNT(*), COUNT(DISTINCT EXP_ID, REQUEST_ID), COUNT(DISTINCT EXP_ID) FROM traces", name_of(url))
    assert rows == [[str(traces * experiments), str(traces * experiments), str(experiments)]], rows
    statuses = server.sql("SELECT STATUS, COUNT(*) FROM experiments GROUP BY STATUS", name_of(url))
    assert statuses == [["FINISHED", str(experiments)]], statuses


def no_spools(folder):
    return not [path for path in folder.glob("**/*.spool") if path.is_file()]


def end_of(process, timeout=90):
    out, err = process.communicate(timeout=timeout * SLOWER)
    # What the database hasn't at the end is said by the code, and only that.
    assert process.returncode in ((94,) if "the spool is kept" in out else (0, 90)), (process.returncode, out, err)
    return out


def folder(tmp_path, number):
    made = tmp_path / f"turn-{number}"
    made.mkdir()
    return made


def test_a_run_is_kept_listed_shown_reported_exported_and_removed(run, mariadb, target, tmp_path):
    url, db = target(), mariadb.database()
    for _ in range(2):
        assert run("load", url, "-r", "500", "-n", "500", "-q", "--db", db).ran
    assert no_spools(tmp_path)
    listed = json.loads(run("exp", "ls", "--db", db, "--json").out)
    assert [(row["traces"], row["status"]) for row in listed] == [(500, "FINISHED")] * 2
    first, second = (row["id"] for row in listed)
    assert "intended 500" in run("exp", "show", first, "--db", db).out
    assert run("exp", "report", "last", "--db", db, "--output", "r.html").code == 0
    assert "<html" in (tmp_path / "r.html").read_text()
    assert run("exp", "export", first, "--db", db, "--output", "out", "--format", "jsonl").code == 0
    assert len((tmp_path / "out/traces.jsonl").read_text().splitlines()) == 500
    assert int(mariadb.sql("SELECT COUNT(*) FROM telemetry", name_of(db))[0][0]) > 0
    assert run("exp", "rm", first, "--db", db).code == 0
    for table in TABLES:
        left = {row[0] for row in mariadb.sql(f"SELECT DISTINCT EXP_ID FROM {table}", name_of(db))}
        assert left <= {second}, (table, left)
    assert "only for tests" not in run("exp", "show", "last", "--db", db, "--json").out
    # As the deployment of the old system names it, the database being made by the first run.
    env = {"galileo_expdb_driver": "mysql", "galileo_expdb_mysql_host": "127.0.0.1", "galileo_expdb_mysql_port": str(mariadb.port),
           "galileo_expdb_mysql_user": "galileo", "galileo_expdb_mysql_password": "only for tests", "galileo_expdb_mysql_db": "made_by_the_first"}
    done = run("load", url, "-r", "500", "-n", "100", "-q", env=env)
    assert done.ran and "only for tests" not in done.out + done.err, done
    assert [row["traces"] for row in json.loads(run("exp", "ls", "--json", env=env).out)] == [100]


def test_an_experiment_file_is_run_into_it(run, mariadb, target, tmp_path):
    db = mariadb.database()
    host = target().split("//")[1].strip("/")
    (tmp_path / "e.yaml").write_text(f"""
name: filed
services: {{app: {{hosts: {{"{host}": 1}}}}}}
clients: [{{service: app, num: 2, arrival: {{distribution: expovariate, parameters: [200]}}, requests: 100}}]
""")
    assert run("run", "e.yaml", "--db", db, "-q").ran
    assert mariadb.sql("SELECT NAME, STATUS FROM experiments", name_of(db)) == [["filed", "FINISHED"]]
    assert count(mariadb, db) == 200


@pytest.mark.parametrize("number", range(max(FAULT_RUNS, 5)))
def test_two_runs_that_start_at_once_on_a_database_that_is_not_there(start, mariadb, target, tmp_path, number):
    db, url = mariadb.url(f"at_once_{number}"), target()
    runs = [start("load", url, "-r", "1000", "-n", "500", "-q", "--no-telemetry", "--db", db, cwd=folder(tmp_path, i)) for i in range(2)]
    for one in runs:
        assert "the spool is kept" not in end_of(one)
    is_whole(mariadb, db, 500, experiments=2)
    assert no_spools(tmp_path)


def test_what_a_server_that_writes_its_log_once_a_second_loses_when_it_is_killed_is_put_again(start, tmp_path_factory, target, tmp_path):
    from mariadb_server import MariaDb
    server, url = MariaDb(tmp_path_factory.mktemp("forgetful"), "--innodb-flush-log-at-trx-commit=0"), target()
    try:
        told = 0
        for number in range(FAULT_RUNS + 5):
            if number >= FAULT_RUNS and told > 0:
                break
            db = server.database()
            process = start("load", url, *LOAD, "--db", db, cwd=folder(tmp_path, number))
            moment = random.randrange(TRACES // 2, TRACES * 3 // 4)
            wait_for(lambda: count(server, db) >= moment or process.poll() is not None, "the first traces", 30)
            server.kill()
            server.start()
            out, err = process.communicate(timeout=90 * SLOWER)
            assert process.returncode in (0, 90), (out, err)
            told += "has lost what it had stored" in err
            is_whole(server, db)
        assert told > 0, "nothing was lost: the server wrote its log at each commit"
    finally:
        server.stop()


def test_a_server_that_is_killed_and_started_again_meanwhile(start, own_mariadb, target, tmp_path):
    url = target()
    for number in range(FAULT_RUNS):
        db = own_mariadb.database()
        process = start("load", url, *LOAD, "--db", db, cwd=folder(tmp_path, number))
        moment = random.randrange(1, TRACES)
        wait_for(lambda: count(own_mariadb, db) >= moment or process.poll() is not None, "the first traces", 30)
        own_mariadb.kill()
        own_mariadb.start()
        end_of(process)
        is_whole(own_mariadb, db)
    assert no_spools(tmp_path)


def test_a_server_that_is_away_at_the_end_leaves_all_in_the_spool_for_later(start, run, own_mariadb, target, tmp_path):
    url = target()
    db = own_mariadb.database()
    process = start("load", url, *LOAD, "--db", db, "--json", "r.json")
    wait_for(lambda: count(own_mariadb, db) > 0, "the first traces", 30)
    own_mariadb.kill()
    out = end_of(process)
    assert "the spool is kept" in out, out
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["balanced"] and ledger["intended"] == TRACES and ledger["traces"]["spooled"] > 0, ledger
    assert not no_spools(tmp_path)
    away = run("exp", "ls", "--db", db)
    assert away.code == 92 and f"127.0.0.1:{own_mariadb.port}" in away.err, away
    own_mariadb.start()
    listed = run("exp", "ls", "--db", db, "--json")
    assert [(row["traces"], row["status"]) for row in json.loads(listed.out)] == [(TRACES, "FINISHED")], listed
    is_whole(own_mariadb, db)
    assert no_spools(tmp_path)


def test_a_server_that_stands_still_for_some_seconds(start, own_mariadb, target, tmp_path):
    url = target()
    for number in range(FAULT_RUNS):
        db = own_mariadb.database()
        # It stands still for longer than we wait for it: commits are left without an answer.
        process = start("load", url, *LOAD, "--db", db + "?timeout_ms=1000", cwd=folder(tmp_path, number))
        moment = random.randrange(1, TRACES)
        wait_for(lambda: count(own_mariadb, db) >= moment or process.poll() is not None, "the first traces", 30)
        own_mariadb.pause()
        resume = threading.Timer(random.uniform(1, 4), own_mariadb.resume)
        resume.start()
        end_of(process)
        resume.join()
        is_whole(own_mariadb, db)
    assert no_spools(tmp_path)


def test_ctrl_c_ends_the_wait_for_a_server_at_the_end_of_a_run_and_the_rest_is_stored_later(start, run, own_mariadb, target, tmp_path):
    db = own_mariadb.database()
    process = start("load", target(), "-r", "1000", "-n", "1000", "--no-telemetry", "--db", db + "?timeout_ms=1000", "--json", "r.json")
    wait_for(lambda: count(own_mariadb, db) >= 1 or process.poll() is not None, "the first traces", 30)
    own_mariadb.pause()
    time.sleep(3 * SLOWER)  # the load is over, its last traces wait for the server
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "it was told to stop" in out and "ended by a signal before it was done" not in out, (process.returncode, out, err)
    assert result_of(tmp_path / "r.json")["ledger"]["answered"] == 1000
    own_mariadb.resume()
    assert "recovered" in (done := run("exp", "ls", "--db", db)).out + done.err, done
    is_whole(own_mariadb, db, 1000)
    assert no_spools(tmp_path)


class Cutter:
    """A way to the server that cuts each of the first connections after so many bytes."""

    def __init__(self, port, bytes_left):
        self.port, self.bytes_left, self.cuts = port, list(bytes_left), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            left = [self.bytes_left.pop(0) if self.bytes_left else None]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=(one, other, left), daemon=True).start()

    def carry(self, one, other, left):
        try:
            while data := one.recv(4096):
                if left[0] is not None:
                    data, left[0] = data[:left[0]], left[0] - len(data[:left[0]])
                other.sendall(data)
                if left[0] == 0:
                    self.cuts += 1
                    break
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_a_connection_that_is_cut_in_the_middle_of_a_batch(start, mariadb, target, tmp_path):
    url = target()
    for number in range(FAULT_RUNS):
        db = mariadb.database()
        assert mariadb.sql("SELECT 1") == [["1"]]
        # Some 3000 bytes are said before the first row, and 300 a trace.
        way = Cutter(mariadb.port, [random.randrange(6_000, 300_000) for _ in range(4)])
        through = db.replace(f":{mariadb.port}/", f":{way.own_port}/")
        process = start("load", url, *LOAD, "--db", through, cwd=folder(tmp_path, number))
        end_of(process)
        way.close()
        assert way.cuts > 0
        is_whole(mariadb, db)
    assert no_spools(tmp_path)


def test_a_server_that_may_only_be_read_for_a_while(start, run, own_mariadb, target, tmp_path):
    url = target()
    db = own_mariadb.database()
    own_mariadb.sql(f"CREATE USER 'writer'@'%' IDENTIFIED BY 'p'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON {name_of(db)}.* TO 'writer'@'%'")
    writer = own_mariadb.url(name_of(db), "writer", "p")
    process = start("load", url, *LOAD, "--db", writer)
    wait_for(lambda: count(own_mariadb, db) > 0, "the first traces", 30)
    own_mariadb.sql("SET GLOBAL read_only = 1")
    out = end_of(process)
    assert "the spool is kept" in out and "read_only" in out, out
    assert run("exp", "ls", "--db", writer).code == 0
    own_mariadb.sql("SET GLOBAL read_only = 0")
    assert run("exp", "ls", "--db", writer).code == 0
    is_whole(own_mariadb, db)
    assert no_spools(tmp_path)


def test_a_server_whose_disk_is_full_and_gets_room_later(start, run, tmp_path_factory, target, tmp_path):
    from mariadb_server import MariaDb
    one_file = "--innodb-data-file-path=ibdata1:12M:autoextend:max:{}"
    server = MariaDb(tmp_path_factory.mktemp("full"), one_file.format("14M"), "--innodb-file-per-table=0")
    try:
        db = server.database()
        process = start("load", target(), "-r", "8000", "-n", "40000", "-q", "--no-telemetry", "--db", db, "--json", "r.json")
        out = end_of(process)
        assert "the spool is kept" in out and "is full" in out, out
        ledger = result_of(tmp_path / "r.json")["ledger"]
        assert ledger["balanced"] and ledger["intended"] == 40_000, ledger
        assert count(server, db) < 40_000
        full = run("exp", "ls", "--db", db)
        assert "make room on the server's disk" in full.err, full
        assert not no_spools(tmp_path)
        server.kill()
        server.more = (one_file.format("100M"), "--innodb-file-per-table=0")
        server.start()
        assert run("exp", "ls", "--db", db).code == 0
        is_whole(server, db, 40_000)
        assert no_spools(tmp_path)
    finally:
        server.stop()


class Sleepers:
    """Clients of another program that take as many connections of a user as he may have, or as many as are left."""
    def __init__(self, server, user, count):
        command = ["mariadb", "--no-defaults", f"--socket={server.socket}", f"--user={user}", "--password=p", "--execute", "SELECT SLEEP(300)"]
        self.processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)]
        self.server, self.user = server, user
        wait_for(lambda: self.sleeping() + sum(one.poll() is not None for one in self.processes) == count, "the clients", 20)

    def sleeping(self):
        found = self.server.sql(f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{self.user}' AND INFO LIKE '%SLEEP%'")
        return int(found[0][0])

    def end(self):
        for one in self.processes:
            one.kill()
            one.wait()
        wait_for(lambda: self.sleeping() == 0, "the clients' end", 20)


def test_a_user_whose_connections_are_all_taken(start, run, mariadb, target, tmp_path):
    url, db = target(), mariadb.database()
    allowed = 2
    mariadb.sql(f"CREATE USER 'few'@'%' IDENTIFIED BY 'p' WITH MAX_USER_CONNECTIONS {allowed}; GRANT ALL ON {name_of(db)}.* TO 'few'@'%'")
    few = mariadb.url(name_of(db), "few", "p")
    others = Sleepers(mariadb, "few", allowed)
    done = run("load", url, "-n", "10", "-q", "--db", few)
    assert done.code == 92 and "MAX_USER_CONNECTIONS" in done.err and done.out == "", done
    others.end()
    process = start("load", url, *LOAD, "--db", few)
    wait_for(lambda: count(mariadb, db) > 0, "the first traces", 30)
    for _ in range(20):  # the run itself may be quicker
        for (number,) in mariadb.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'few'"):
            mariadb.ask(f"KILL {number}")
        others = Sleepers(mariadb, "few", allowed)
        if others.sleeping() == allowed:
            break
        others.end()
    assert others.sleeping() == allowed
    wait_for(lambda: process.poll() is not None, "the run's end", 60)
    others.end()
    assert "the spool is kept" in end_of(process)
    assert run("exp", "ls", "--db", few).code == 0
    is_whole(mariadb, db)
    assert no_spools(tmp_path)
    mariadb.sql("DROP USER few")


def test_what_is_wrong_with_user_rights_or_address_is_said_before_anything_is_sent(run, mariadb, target, tmp_path):
    url = target()
    db = mariadb.database()
    mariadb.sql(f"CREATE USER 'reader'@'%' IDENTIFIED BY 'p'; GRANT SELECT ON {name_of(db)}.* TO 'reader'@'%'; CREATE USER 'nobody'@'%' IDENTIFIED BY 'p'")
    for where, code, told in (
            (mariadb.url(name_of(db), "galileo", "wrong"), 2, "password"),
            (mariadb.url(name_of(db), "reader", "p"), 2, "GRANT"),
            (mariadb.url(name_of(db), "nobody", "p"), 2, "GRANT"),
            (mariadb.url("not_there", "nobody", "p"), 2, "CREATE DATABASE"),
            (f"mysql://galileo:p@127.0.0.1:{free_port()}/x", 92, "check that it runs"),
            ("mysql://galileo:p@no-such-host.invalid/x", 92, "host"),
            (db + "?tls=perhaps", 2, "yes or no"),
            (db + "?tsl=yes", 2, "tls")):
        done = run("load", url, "-n", "10", "-q", "--db", where)
        assert done.code == code and told in done.err and done.out == "", (where, done)
        assert done.err.count("\n") <= 2, done.err
    assert no_spools(tmp_path)
    mariadb.sql("DROP USER reader, nobody")


@pytest.fixture
def certificates(tmp_path):
    """An authority, and a server's certificate by it."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(*new, "-x509", "-subj", "/CN=lab", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-x509", "-subj", "/CN=other", "-days", "2", "-keyout", "other.key", "-out", "other.pem")
    openssl(*new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (tmp_path / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")
    return tmp_path


def test_it_speaks_tls_and_knows_whom_it_speaks_with(run, certificates, target, tmp_path_factory):
    from mariadb_server import MariaDb
    server = MariaDb(tmp_path_factory.mktemp("tls"), f"--ssl-cert={certificates}/server.pem", f"--ssl-key={certificates}/server.key")
    try:
        url, db = target(), server.database().replace("127.0.0.1", "localhost")
        server.sql("ALTER USER 'galileo'@'%' REQUIRE SSL")
        assert run("load", url, "-n", "50", "-q", "--db", f"{db}?ca={certificates}/ca.pem").ran
        is_whole(server, db, 50)
        for option, code, told in ((f"?ca={certificates}/other.pem", 92, "certificate"), ("?tls=yes", 92, "certificate"), ("", 2, "Access denied")):
            done = run("exp", "ls", "--db", db + option)
            assert done.code == code and told in done.err, (option, done)
    finally:
        server.stop()


def test_what_others_publish_is_kept_whatever_it_is(start, one_redis, mariadb, tmp_path):
    db = mariadb.database()
    on = Recorder(start, one_redis, db)
    every = "".join(map(chr, [*range(1, 0x300), 0x2028, 0xfffd, 0x1f680, 0x10ffff]))
    one_redis.publish(LINES, line(1, response="x" * (1 << 20)), line(2, response=""), line(3, response=every.replace("\n", "").replace("\\", "")),
                      line(4, response="\0a\0"), line(5, client="w" * 300), line(6).encode() + b"\xff\xfe")
    one_redis.publish("telem/n1/cpu", "1795500000 nan", "1795500000 inf", "1795500000 -inf", "1795500000 1e308", "1795500001 0.1")
    one_redis.publish("galileo/events", "1795500002 every " + every, "1795500002 zero a\0b", "1795500002 empty")
    done = on.stop()
    assert done["stored"] == 6 and done["lost"] == 0, done
    rows = mariadb.sql("SELECT REQUEST_ID, IFNULL(HEX(LEFT(RESPONSE, 2000)), 'null'), IFNULL(LENGTH(RESPONSE), -1), CHAR_LENGTH(CLIENT) FROM traces ORDER BY ROW_ID",
                       name_of(db))
    texts = [bytes.fromhex(row[1]).decode() if row[1] != "null" else None for row in rows]
    assert rows[0][2] == str(1 << 20) and texts[1] in ("", None)
    assert texts[2] == every.replace("\n", "").replace("\\", "")
    assert texts[3] == "\0a\0" and rows[4][3] == "255" and texts[5].endswith("\ufffd\ufffd")
    assert sorted(float(row[0]) for row in mariadb.sql("SELECT VALUE FROM telemetry", name_of(db))) == [0.1, 1e308]
    events = {row[0]: row[1] for row in mariadb.sql("SELECT NAME, IFNULL(HEX(VALUE), '') FROM events", name_of(db))}
    assert bytes.fromhex(events["every"]).decode() == every and bytes.fromhex(events["zero"]) == b"a\0b" and events["empty"] == ""
