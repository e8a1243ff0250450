"""What a database says is wrong reaches whoever reads the error, in the database's own words, and no secret with it."""
import os
import re
import sqlite3

import pytest
import spool_file
from conftest import free_port

SECRET = "cAnArY-5ecret"
LOAD = ("-r", "500", "-n", "20", "-q", "--no-telemetry")


def sqlite(path, *statements):
    database = sqlite3.connect(path)
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def not_a_database(folder):
    (folder / "x.sqlite").write_bytes(os.urandom(5000))


def a_table_of_other_columns(folder):
    sqlite(folder / "x.sqlite", "CREATE TABLE traces (a)", "CREATE TABLE experiments (b)")


def a_trigger_that_refuses(folder):
    sqlite(folder / "x.sqlite", "CREATE TRIGGER no BEFORE INSERT ON traces BEGIN SELECT RAISE(ABORT, 'the lab is closed'); END")


def a_table_that_is_gone(folder):
    sqlite(folder / "x.sqlite", "DROP TABLE telemetry")


def a_page_that_is_damaged(folder):
    data = bytearray((folder / "x.sqlite").read_bytes())
    for page in range(4096, len(data), 4096):
        data[page:page + 8] = b"\xff" * 8
    (folder / "x.sqlite").write_bytes(data)


@pytest.mark.parametrize("change, words, said", [
    (not_a_database, "load", "file is not a database"), (not_a_database, "exp", "file is not a database"),
    (a_table_of_other_columns, "load", "no such column|no column named"), (a_table_of_other_columns, "exp", "no such column"),
    (a_trigger_that_refuses, "load", "the lab is closed"), (a_page_that_is_damaged, "exp", "malformed"), (a_table_that_is_gone, "exp", "no such table: telemetry")])
def test_sqlite_s_words_are_told(run, target, tmp_path, change, words, said):
    url = target()
    if change in (a_trigger_that_refuses, a_page_that_is_damaged, a_table_that_is_gone):
        assert run("load", url, *LOAD, "--db", "x.sqlite").ran
    change(tmp_path)
    done = run("load", url, *LOAD, "--db", "x.sqlite") if words == "load" else run("exp", "ls", "--db", "x.sqlite")
    assert done.code not in (0, 90) and re.search(said, done.out + done.err) and "x.sqlite" in done.out + done.err, done


@pytest.mark.databases
def test_mariadb_s_words_are_told_and_no_password(run, mariadb, target, tmp_path):
    url, db = target(), mariadb.database()
    name = db.rsplit("/", 1)[1]
    assert run("load", url, *LOAD, "--db", db).ran
    mariadb.sql(f"CREATE USER 'reader'@'%' IDENTIFIED BY '{SECRET}'; GRANT SELECT ON {name}.* TO 'reader'@'%'; "
                f"CREATE USER 'writer'@'%' IDENTIFIED BY '{SECRET}'; GRANT ALL ON {name}.* TO 'writer'@'%'")
    reads, writes = mariadb.url(name, "reader", SECRET), mariadb.url(name, "writer", SECRET)

    def refused(statement, undo, words, said, code=94, where=writes):
        mariadb.sql(statement, name)
        done = run(*words, "--db", where)
        mariadb.sql(undo, name)
        assert done.code == code and re.search(said, done.out + done.err), (statement, done)
        assert SECRET not in done.out + done.err, done

    load, ls = ("load", url, *LOAD), ("exp", "ls")
    for where, words, code, said in (
            (mariadb.url(name, "writer", SECRET + "x"), ls, 2, r"Access denied for user 'writer'@'\S+' \(using password: YES\)"),
            (mariadb.url(name, "writer", SECRET + "x"), load, 2, r"Access denied for user 'writer'@'\S+' \(using password: YES\)"),
            (mariadb.url("not_there", "writer", SECRET), load, 2, "Access denied for user 'writer'@'%' to database 'not_there'"),
            (mariadb.url("not_there"), ls, 2, "Unknown database 'not_there'"),
            (reads, load, 94, "command denied to user 'reader'@'[^']+' for table"),
            (f"mysql://writer:{SECRET}@127.0.0.1:{free_port()}/x", ls, 92, "Can't connect to server on '127.0.0.1'|Connection refused")):
        refused("SELECT 1", "SELECT 1", words, said, code, where)
    refused("RENAME TABLE traces TO away", "DROP TABLE IF EXISTS traces; RENAME TABLE away TO traces", ls, f"Table '{name}.traces' doesn't exist", 1)
    refused("CREATE TRIGGER closed BEFORE INSERT ON traces FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the lab is closed'",
            "DROP TRIGGER closed", load, "the lab is closed")
    assert "recovered" in run(*ls, "--db", db).err
    mariadb.sql("DROP USER reader, writer")


@pytest.mark.databases
def test_influxdb_s_words_are_told_and_no_token(run, influxdb, target, tmp_path):
    url = target()
    reads = influxdb.token(("read", "buckets"), ("read", "orgs"))
    host = f"127.0.0.1:{influxdb.port}"
    assert run("load", url, *LOAD, "--db", influxdb.url).ran
    for where, words, code, said in (
            (f"influxdb://:{SECRET}@{host}/lab", "exp", 2, "unauthorized access"),
            (f"influxdb://:{SECRET}@{host}/lab", "load", 2, "unauthorized access"),
            (f"{influxdb.url}x", "load", 2, 'organization name "labx" not found'),
            (f"influxdb://:{reads}@{host}/lab", "load", 94, "is unauthorized"),
            (f"{influxdb.url}?buckets=no", "load", 94, "not found"),
            (f"influxdb://:{SECRET}@127.0.0.1:{free_port()}/lab", "exp", 92, "Couldn't connect|Connection refused|Could not connect")):
        done = run("load", url, *LOAD, "--db", where) if words == "load" else run("exp", "ls", "--db", where)
        assert done.code == code and re.search(said, done.out + done.err), (where, done)
        assert all(secret not in done.out + done.err for secret in (SECRET, reads, "only-for-tests")), done
    # A bucket whose events are numbers takes no texts.
    spool = spool_file.Writer("202611241200-0a1b")
    spool.event("label", "text")
    [folder] = tmp_path.glob("influxdb-*.spool")  # of the runs above
    spool.write(folder / "202611241200-0a1b.spool")
    influxdb.json("buckets", {"orgID": influxdb.organisation_id, "name": "202611241200-0a1b", "retentionRules": []})
    influxdb.write("202611241200-0a1b", "events,name=other value=1.5 1795500000000000000")
    done = run("exp", "ls", "--db", influxdb.url)
    assert "the database refused 0 traces and 1 other rows" in done.err and "field type conflict" in done.err and "only-for-tests" not in done.out + done.err, done
