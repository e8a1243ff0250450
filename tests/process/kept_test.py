"""That what was measured is kept and found again, or said to be missing: in the database, in the spool, in exports, after a kill."""
import fcntl
import json
import os
import re
import sqlite3
import time

import pytest
from conftest import wait_for
from exp_exchange_test import ID, START, make_database
from influxdb_test import failing, scripted  # noqa: F401

LOAD = ("-r", "500", "-n", "100", "-q", "--no-telemetry")


def spools(folder):
    return sorted(path for path in folder.glob("**/*.spool") if path.is_file())


@pytest.mark.parametrize("form, file", [
    ("x.sqlite", "x.sqlite"), ("sqlite:x.sqlite", "x.sqlite"), ("sqlite://x.sqlite", "x.sqlite"), ("./x.sqlite", "x.sqlite"),
    ("{}/x.sqlite", "x.sqlite"), ("/{}/x.sqlite", "x.sqlite"), ("//{}/x.sqlite", "x.sqlite"), ("sqlite:{}/x.sqlite", "x.sqlite"),
    ("sqlite://{}/x.sqlite", "x.sqlite"), ("folder/x.sqlite", "folder/x.sqlite"), ("x.sqlite?mode=ro", "x.sqlite?mode=ro"), ("a b.sqlite", "a b.sqlite")])
def test_a_database_of_this_form_is_kept_and_found_again(run, target, tmp_path, form, file):
    (tmp_path / "folder").mkdir()
    db = form.format(tmp_path)
    done = run("load", target(), "-r", "500", "-n", "5", "-q", "--no-telemetry", "--db", db)
    assert done.ran, done
    assert (tmp_path / file).is_file(), list(tmp_path.iterdir())
    assert [row["traces"] for row in json.loads(run("exp", "ls", "--json", "--db", db).out)] == [5]
    assert not spools(tmp_path)


@pytest.mark.parametrize("form, why", [
    (":memory:", "in memory"), ("sqlite::memory:", "in memory"), ("file:x.sqlite", "URIs"), ("sqlite:file:x?mode=memory", "URIs"), ("", "empty"),
    (" ", "empty"), ("sqlite:", "empty"), ("folder", "folder"), ("folder/", "folder"), ("x.sqlite/", "folder"), ("/dev/null", "a file"),
    ("new.spool", "spool"), ("postgres://host/db", "unknown kind")])
def test_a_database_of_this_form_is_refused_before_anything_is_sent(run, tmp_path, port, form, why):
    (tmp_path / "folder").mkdir()
    done = run("load", f"http://127.0.0.1:{port}/", "-n", "5", "-q", "--db", form)
    assert done.code == 2 and why in done.err and done.out == "", done
    assert not spools(tmp_path) and os.listdir(tmp_path / "folder") == []


@pytest.mark.parametrize("place", [(), ("--spool", "elsewhere")], ids=["beside", "elsewhere"])
def test_a_server_that_refuses_all_writes_isnt_a_run_that_ended_well(run, target, scripted, tmp_path, place):  # noqa: F811
    server = scripted()
    refuses = [True]

    def step(handler, lines):
        if refuses[0]:
            server.script.insert(0, step)
            return failing(400, "the shard is read only")(handler, lines)
        handler.take(re.search("bucket=([^&]*)", handler.path)[1], lines)
    server.script.append(step)
    done = run("load", target(), *LOAD, "--db", server.url(), *place, "--json", "r.json", timeout=90)
    assert done.code == 94, done
    assert "the spool is kept" in done.out and "the shard is read only" in done.out, done
    [spool] = {path.resolve() for path in spools(tmp_path)}
    assert ("elsewhere" in str(spool)) == bool(place)
    # What the spool has isn't lost.
    assert json.loads((tmp_path / "r.json").read_text())["ledger"]["traces"] == {"made": 100, "stored": 0, "spooled": 100, "lost": 0}
    refuses[0] = False
    found = run("exp", "ls", "--db", server.url())
    assert "recovered" in found.err and not spools(tmp_path), found
    assert len(server.of("traces")) == 100


def test_a_database_that_is_gone_leaves_a_spool_elsewhere_that_exp_finds(run, start, target, tmp_path):
    process = start("load", target(), "-r", "500", "-n", "1000", "-q", "--no-telemetry", "--db", "x.sqlite", "--spool", "elsewhere/deep")
    wait_for(lambda: spools(tmp_path / "elsewhere"), "the spool")
    time.sleep(0.5)
    process.kill()
    process.wait()
    done = run("exp", "show", "last", "--db", "x.sqlite")
    assert "recovered" in done.err and not spools(tmp_path), done
    assert not (tmp_path / "x.sqlite.spool").exists() and not (tmp_path / "elsewhere/deep").exists()


def test_after_kill_9_the_books_tell_what_was_sent_and_never_balance(run, start, target, tmp_path):
    process = start("load", target("--delay", "3s"), "-r", "300", "-d", "60s", "-q", "--no-telemetry", "--db", "x.sqlite")
    wait_for(lambda: (tmp_path / "x.sqlite").exists(), "the database")
    time.sleep(2)  # no answer has come: no row tells of any request
    process.kill()
    process.wait()
    shown = run("exp", "show", "last", "--db", "x.sqlite")
    assert "the run was cut off" in shown.out and "balanced" not in shown.out and "left no books" in shown.out, shown
    result = json.loads(run("exp", "show", "last", "--json", "--db", "x.sqlite").out)
    ledger = result["ledger"]
    assert ledger["sent"] > 0 and ledger["in_flight_at_end"] == ledger["sent"] and ledger["balanced"] is False, ledger


@pytest.fixture
def damaged(run, target, tmp_path):
    """The spool of a whole run, a piece in its middle overwritten."""
    assert run("load", target(), *LOAD, "--db", "none", "--spool", "s").ran
    [spool] = spools(tmp_path)
    data = bytearray(spool.read_bytes())
    middle = len(data) // 2
    data[middle:middle + 700] = bytes(range(256)) * 2 + bytes(188)
    spool.write_bytes(data)
    return spool


def test_what_isnt_whole_says_so_wherever_it_is_looked_at(run, damaged, tmp_path):
    shown = run("exp", "show", "last", "--db", damaged)
    assert shown.code == 91 and "verdict INVALID" in shown.out and re.search(r"\d+ of 100 traces that the run left are missing", shown.out), shown
    for command in (("report", "last", "--output", "r.html"), ("export", "last", "--output", "out")):
        done = run("exp", *command, "--db", damaged)
        assert done.code == 91 and "isn't whole" in done.err, done
    done = run("exp", "import", damaged, "--db", "new.sqlite")
    assert done.code == 91 and "isn't whole" in done.err, done
    assert run("exp", "show", "last", "--db", "new.sqlite").code == 91
    assert run("exp", "import", "out", "--db", "again.sqlite").code == 91


@pytest.mark.parametrize("table, column, value", [
    ("telemetry", "VALUE", ""), ("telemetry", "VALUE", "nan"), ("telemetry", "VALUE", "12abc"), ("telemetry", "TIMESTAMP", "nan"),
    ("telemetry", "TIMESTAMP", "1e300"), ("traces", "STATUS", "4294967496"), ("traces", "STATUS", "-2147483649"), ("traces", "STATUS", ""),
    ("traces", "CREATED", "inf"), ("traces", "REQUEST_BYTES", "-5")])
def test_an_import_makes_nothing_up(run, tmp_path, table, column, value):
    made = tmp_path / "in"
    made.mkdir()
    columns = {"traces": "REQUEST_ID CLIENT SERVICE CREATED SENT DONE STATUS HEADERS SERVER INTENDED DISPATCHED FIRST_BYTE REQUEST_BYTES RESPONSE_BYTES ERROR PHASE RESPONSE".split(),
               "telemetry": "TIMESTAMP NODE METRIC SUBSYSTEM VALUE".split(), "events": "TIMESTAMP NAME VALUE".split(), "nodeinfo": "NODE INFO_KEY INFO_VALUE".split()}
    sound = {"STATUS": "200", "VALUE": "1", "TIMESTAMP": "1795500000", "CREATED": "1795500000", "SENT": "1795500000", "DONE": "1795500000"}
    for name, names in columns.items():
        row = [value if (name, one) == (table, column) else sound.get(one, "") for one in names]
        (made / f"{name}.csv").write_text(",".join(names) + "\r\n" + (",".join(row) + "\r\n" if name == table else ""))
    (made / "experiment.json").write_text(json.dumps({"id": "202611241200-0a1b", "name": "n", "creator": "c", "status": "FINISHED", "format": "csv"}))
    done = run("exp", "import", "in", "--db", "new.sqlite")
    assert done.code == 1 and f"{table}.csv:2" in done.err and "a number that can stand there" in done.err, done


@pytest.mark.parametrize("column, value", [
    ("traces.STATUS", 10_000_000_000), ("traces.STATUS", "abc"), ("traces.STATUS", b"\xff"), ("traces.CREATED", "soon"), ("traces.DONE", 1e300),
    ("traces.INTENDED", float("inf")), ("traces.REQUEST_BYTES", -5), ("traces.RESPONSE_BYTES", "many"), ("telemetry.VALUE", "12abc"),
    ("telemetry.TIMESTAMP", 1e10), ("events.TIMESTAMP", "\x1b]0;title\x07\nnext")])
def test_what_is_no_number_in_a_database_is_made_none(run, tmp_path, column, value):
    path = make_database(tmp_path / "x.sqlite", [("ab:1", "c", START, 0.5, 200, "hello", ID)])
    table, name = column.split(".")
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO telemetry VALUES (?, ?, 'cpu', 'all', 'n', 1)", (ID, START))
        database.execute("INSERT INTO events VALUES (?, ?, 'name', 'value')", (ID, START))
        database.execute(f"UPDATE {table} SET {name} = ?", (value,))
    database.close()
    for words in (("export", "last", "--output", "out"), ("import", path, "--db", "new.sqlite"), ("show", "last")):
        done = run("exp", *words, *([] if words[0] == "import" else ["--db", path]))
        # The summary has nothing of events.
        assert done.code == 1 and f"{name} is '" in done.err and "can't stand there" in done.err or (words[0], table) == ("show", "events"), done
        assert "\x1b" not in done.err, done
    assert not (tmp_path / "out").exists() or os.listdir(tmp_path / "out") == []


def test_two_exports_into_one_folder_dont_mix(run, target, tmp_path):
    assert run("load", target(), *LOAD, "--db", "x.sqlite").ran
    (tmp_path / "out").mkdir()
    held = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    done = run("exp", "export", "last", "--db", "x.sqlite", "--output", "out")
    assert done.code == 92 and "another export" in done.err and os.listdir(tmp_path / "out") == [], done
    os.close(held)
    assert run("exp", "export", "last", "--db", "x.sqlite", "--output", "out").code == 0


def test_ids_of_a_busy_minute_differ_and_stay_readable(run, target, tmp_path):
    url = target()
    for _ in range(2):
        assert run("load", url, "-r", "500", "-n", "5", "-q", "--no-telemetry", "--db", "x.sqlite").ran
    ids = [row["id"] for row in json.loads(run("exp", "ls", "--json", "--db", "x.sqlite").out)]
    assert len(set(ids)) == 2 and all(re.fullmatch(r"\d{12}-[0-9a-f]{8}", id) for id in ids), ids


def test_metadata_nested_deeply_use_up_no_stack(run, target, tmp_path):
    assert run("load", target(), "-r", "500", "-n", "5", "-q", "--no-telemetry", "--db", "x.sqlite").ran
    deep = "[" * 200_000 + "]" * 200_000
    with sqlite3.connect(tmp_path / "x.sqlite") as database:
        database.execute("UPDATE metadata SET DATA = ?", ('{"galileo": 1, "provenance": {"plan": ' + deep + "}}",))
    database.close()
    shown = run("exp", "show", "last", "--db", "x.sqlite")
    assert shown.code == 0 and "nested too deeply" in shown.out, shown
    assert run("exp", "export", "last", "--db", "x.sqlite", "--output", "out").code == 0
    done = run("exp", "import", "out", "--db", "new.sqlite")
    assert done.code == 1 and "nested too deeply" in done.err, done


def test_bytes_that_are_no_text_are_exported_as_text(run, target, tmp_path):
    assert run("load", target(), "-r", "500", "-n", "5", "-q", "--no-telemetry", "--db", "x.sqlite").ran
    with sqlite3.connect(tmp_path / "x.sqlite") as database:
        database.execute("UPDATE traces SET CLIENT = CAST(x'ff41fe' AS TEXT), RESPONSE = CAST(x'c328' AS TEXT)")
    database.close()
    for form in ("csv", "jsonl"):
        assert run("exp", "export", "last", "--db", "x.sqlite", "--output", form, "--format", form).code == 0
        (tmp_path / form / f"traces.{form}").read_text(encoding="utf-8")


@pytest.mark.databases
def test_session_variables_of_a_server_change_no_result(run, mariadb, target, tmp_path):
    db = mariadb.database()
    odd = {"sql_select_limit": "7", "sql_safe_updates": "1", "max_join_size": "5", "completion_type": "'CHAIN'", "time_zone": "'-07:00'",
           "sql_mode": "'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'", "tx_isolation": "'SERIALIZABLE'", "max_statement_time": "3600",
           "character_set_results": "latin1", "autocommit": "0", "sql_auto_is_null": "1"}
    before = {name: mariadb.sql(f"SELECT @@GLOBAL.{name}")[0][0] for name in odd}
    mariadb.sql("; ".join(f"SET GLOBAL {name} = {value}" for name, value in odd.items()))
    try:
        assert run("load", target(), *LOAD, "--db", db).ran
        assert [row["traces"] for row in json.loads(run("exp", "ls", "--json", "--db", db).out)] == [100]
        assert run("exp", "export", "last", "--db", db, "--output", "out").code == 0
        assert len((tmp_path / "out/traces.csv").read_text().splitlines()) == 101
        assert run("exp", "rm", "last", "--db", db).code == 0
        assert json.loads(run("exp", "ls", "--json", "--db", db).out or "[]") == []
    finally:
        for name, value in before.items():
            text = value if value.replace(".", "").isdigit() else f"'{value}'"
            mariadb.sql(f"SET GLOBAL {name} = {text}")
