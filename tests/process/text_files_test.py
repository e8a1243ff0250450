"""Text files as editors, spreadsheets and other systems leave them: a byte order mark, the line ends of another system, a blank last
line, a first line that is none. Read by one rule wherever they go in, or refused in the line that is wrong."""
import json
import shutil
import sqlite3

import pytest
from conftest import accepts, wait_for
from exp_exchange_test import ID, START, make_database

BOM = b"\xef\xbb\xbf"
SAME = {  # what changes nothing
    "a mark": lambda text: BOM + text, "LF": lambda text: text.replace(b"\r\n", b"\n"), "CRLF": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "no last line end": lambda text: text.rstrip(b"\r\n"), "a blank last line": lambda text: text + b"\n", "two of CRLF": lambda text: text + b"\r\n\r\n",
    "blank lines between": lambda text: text.replace(b"\n", b"\n\r\n"), "a mark and CRLF": lambda text: BOM + text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")}
SAME_CSV = {
    "all quoted": lambda text: b"\r\n".join(b",".join(b'"%s"' % field if field else field for field in line.split(b",")) for line in text.split(b"\r\n")[:-1]) + b"\r\n",
    "columns in another order": lambda text: b"".join(b",".join(reversed(line.split(b","))) + b"\n" for line in text.split(b"\r\n")[:-1]),
    "a column more": lambda text: b"".join(line + b",more\n" for line in text.split(b"\r\n")[:-1])}
WRONG = {  # (what is done, what is said of the CSV, what of JSON lines)
    "no first line": (lambda text: text.split(b"\n", 1)[1], ":1: it has no column TIMESTAMP", "it has 4 rows, and experiment.json says 5"),
    "nothing": (lambda text: b"", "it is empty", "it has 0 rows, and experiment.json says 5"),
    "a mark alone": (lambda text: BOM, "it is empty", "it has 0 rows, and experiment.json says 5"),
    "UTF-16": (lambda text: text.decode().encode("utf-16"), ":1: it has no column TIMESTAMP", ":1: the line isn't a JSON object"),
    "a line that was cut": (lambda text: text[:-6], ":6: 'an empty field' isn't a number|:6: 5 fields instead of 6", ":5: the line isn't a JSON object"),
    "a mark within": (lambda text: text.replace(b"\n", b"\n" + BOM + b"x", 2), None, ":2: the line isn't a JSON object"),
    "a sign of DOS's end": (lambda text: text + b"\x1a", ":7: 1 fields instead of 6", ":6: the line isn't a JSON object"),
    "semicolons": (lambda text: text.replace(b",", b";"), ":1: it has no column TIMESTAMP", ":1: the line isn't a JSON object"),
    "quotes that stay open": (lambda text: text + b'"', ":7: it ends within quotes", ":6: the line isn't a JSON object")}


@pytest.fixture
def exported(run, tmp_path):
    """exported(form): the folder of an export, whose telemetry has five rows; what the import of it says where nothing is changed."""
    path = make_database(tmp_path / "x.sqlite", [("ab:1", "c", START, 0.5, 200, "hello", ID)])
    with sqlite3.connect(path) as database:
        database.executemany("INSERT INTO telemetry VALUES (?, ?, 'cpu', 'all', 'n', ?)", [(ID, START + i, i / 2) for i in range(5)])
    database.close()

    def call(form):
        assert run("exp", "export", "last", "--db", path, "--format", form, "--output", f"whole-{form}").code == 0
        return tmp_path / f"whole-{form}"
    return call


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_table_is_read_as_it_was_whoever_has_saved_it_since(run, exported, tmp_path, form):
    whole = exported(form)
    for number, (name, change) in enumerate({**SAME, **(SAME_CSV if form == "csv" else {})}.items()):
        folder = tmp_path / f"changed-{number}"
        shutil.copytree(whole, folder)
        for table in ("traces", "telemetry", "events"):
            path = folder / f"{table}.{form}"
            path.write_bytes(change(path.read_bytes()))
        (folder / "experiment.json").write_bytes(SAME.get(name, bytes)((folder / "experiment.json").read_bytes()))
        done = run("exp", "import", folder, "--db", f"new-{number}.sqlite")
        assert done.code == 0 and "1 traces, 5 values, 0 events" in done.err, (name, done)
        again = tmp_path / f"again-{number}"
        assert run("exp", "export", "last", "--db", f"new-{number}.sqlite", "--format", form, "--output", again).code == 0
        assert all((again / path.name).read_bytes() == path.read_bytes() for path in whole.glob(f"*.{form}")), name


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_table_that_cant_be_told_is_refused_in_its_line(run, exported, tmp_path, form):
    whole = exported(form)
    for number, (name, (change, *said)) in enumerate(WRONG.items()):
        told = said[form == "jsonl"]
        if told is None:
            continue
        folder = tmp_path / f"changed-{number}"
        shutil.copytree(whole, folder)
        path = folder / f"telemetry.{form}"
        path.write_bytes(change(path.read_bytes()))
        done = run("exp", "import", folder, "--db", f"new-{number}.sqlite")
        assert done.code == 1 and any(one in done.err for one in told.split("|")) and f"telemetry.{form}" in done.err, (name, done)
        assert not (tmp_path / f"new-{number}.sqlite").exists(), name


@pytest.mark.parametrize("text, said", [
    (b"{}\n", None), (BOM + b"{}\r\n", None), (b" {} \r\n\r\n", None), (b"{}\n/var/lib/postgresql\n1795500000\n5432\n" + b"x" * 100 + b"\n", None),
    (b"", "no process id"), (b"\n{}\n", "no process id"), (b"pid {}\n", "no process id"), (b"-1\n", "no process id"), (b"0\n", "no process id"), (b"2147483648\n", "no process id")])
def test_a_pid_file_holds_the_process_in_its_first_line(run, start, port, tmp_path, text, said):
    watched = start("target", "--listen", f"127.0.0.1:{port}")
    wait_for(lambda: accepts(port), "the target to listen")
    (tmp_path / "b.pid").write_bytes(text.replace(b"{}", str(watched.pid).encode()))
    (tmp_path / "plan.yaml").write_text(f"""
name: watched
services: {{s: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
clients: [{{service: s, rate: 100, requests: 30}}]
telemetry: {{period: 100ms, instruments: [process], processes: [{{name: server, pid_file: b.pid}}]}}
""")
    done = run("run", "plan.yaml", "-q", "--db", "none", "--json", "r.json")
    if said:
        assert done.code == 2 and said in done.err and "b.pid" in done.err, done
    else:
        assert done.ran and any(one["subsystem"] == "server" for one in json.loads((tmp_path / "r.json").read_text())["telemetry"]), done


@pytest.mark.parametrize("text", [b"secret", b"secret\n", b"secret\r\n", BOM + b"secret\r\n\r\n"])
def test_a_secret_in_a_file_is_what_stands_in_it(run, redis, tmp_path, text):
    server = redis(password="secret")
    (tmp_path / "secret").write_bytes(text)
    done = run("workers", "ls", "--bus", server.url.replace(":secret@", ""), env={"galileo_redis_password_FILE": str(tmp_path / "secret")})
    assert done.code == 0, done
