"""Values that no sane system has, from a spool into the database and out again, exactly."""
import csv
import json
import math
import sqlite3
import struct
import sys

import pytest
import spool_file

# Quotes, line ends and separators of every format on the way; NUL; what a JSON reader may not like; each plane of Unicode.
TEXTS = ["", " ", "a,b;\"c\"'d'", "line\nline\r\nline\rend", "\0", "before\0behind", "\t\x01\x1f\x7f", "\\n|\\", "NULL", "None", "nan",
         "übergroß", "日本語テスト", "e\u0301", "\u202eright to left", "\ufeffmark", "\u2028\u2029", "🎉👩‍👩‍👧", "\U0010ffff", "' OR 1=1; --"]
BIG = "x\0é🎉" * (1 << 17)  # 1 MiB of UTF-8
# Not -0.0: SQLite keeps whole numbers without a sign of zero.
NUMBERS = [0.0, 1 / 3, 1e308, -1e308, 5e-324, math.inf, -math.inf, 2.0**53 + 1, sys.float_info.max, math.nan]


@pytest.mark.sanitize
def test_odd_values_survive_the_whole_way(run, tmp_path):
    csv.field_size_limit(1 << 30)
    spool = spool_file.Writer("202611241200-0a1b")
    for number, value in enumerate([*TEXTS, BIG], 1):
        name = value[:2000]
        spool.trace(number, name, name, name, name, value, value)
        spool.sample(number, name, name, name)
        spool.event(name, value)
        spool.node_info(name, name, value)
    for value in NUMBERS:
        spool.sample(value, "n", "number", "")
    folder = tmp_path / "x.sqlite.spool"
    folder.mkdir()
    spool.write(folder / "202611241200-0a1b.spool")
    database = tmp_path / "x.sqlite"
    sqlite3.connect(database).close()
    database.touch()
    done = run("exp", "ls", "--db", database)
    assert done.code == 0 and f"recovered {len(TEXTS) + 1} traces" in done.err and "damaged" not in done.err, done

    texts = [*TEXTS, BIG]
    short = [value[:2000] for value in texts]
    rows = lambda query: sqlite3.connect(database).execute(query).fetchall()
    none = lambda value: value or None
    assert rows("SELECT CLIENT, SERVICE, SERVER, PHASE, HEADERS, RESPONSE FROM traces ORDER BY rowid") == [
        (name, name, none(name), none(name), none(value), none(value)) for name, value in zip(short, texts)]
    assert rows("SELECT NODE, METRIC, SUBSYSTEM FROM telemetry WHERE METRIC != 'number' ORDER BY rowid") == [
        (name, name, none(name)) for name in short]
    assert rows("SELECT NAME, VALUE FROM events ORDER BY rowid") == [(name, none(value)) for name, value in zip(short, texts)]
    assert rows("SELECT NODE, INFO_KEY, INFO_VALUE FROM nodeinfo ORDER BY rowid") == [(name, name, value) for name, value in zip(short, texts)]
    bits = lambda values: [struct.pack("<d", value) for value in values]
    # A value that is not a number is left out.
    assert bits(value for value, in rows("SELECT VALUE FROM telemetry WHERE METRIC = 'number' ORDER BY rowid")) == bits(NUMBERS[:-1])

    for kind in ("csv", "jsonl"):
        done = run("exp", "export", "last", "--db", database, "--output", tmp_path / kind, "--format", kind)
        assert done.code == 0, done

        def table(name):
            path = tmp_path / kind / f"{name}.{kind}"
            if kind == "csv":
                with path.open(newline="", encoding="utf-8") as file:
                    return list(csv.DictReader(file))
            return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]

        # A spreadsheet takes what begins so for a formula: a text gets a ' in front of it.
        marked = lambda value: "'" + value if kind == "csv" and value.lstrip("'")[:1] in tuple("=+-@\t\r") else value
        same = lambda got, value: got == marked(value) or (got in ("", None) and value == "")
        for row, name, value in zip(table("traces"), short, texts, strict=True):
            assert all(same(row[column], name) for column in ("CLIENT", "SERVICE", "SERVER", "PHASE")), (kind, name)
            assert same(row["HEADERS"], value) and same(row["RESPONSE"], value), (kind, name)
        for row, name, value in zip(table("events"), short, texts, strict=True):
            assert same(row["NAME"], name) and same(row["VALUE"], value), (kind, name)
        for row, name, value in zip(table("nodeinfo"), short, texts, strict=True):
            assert same(row["NODE"], name) and same(row["INFO_KEY"], name) and same(row["INFO_VALUE"], value), (kind, name)
        samples = table("telemetry")
        for row, name in zip(samples, short):
            assert same(row["NODE"], name) and same(row["METRIC"], name) and same(row["SUBSYSTEM"], name), (kind, name)
        # JSON has no infinities: another key has them.
        numbers = [row.get("VALUE_INFINITE") or row["VALUE"] for row in samples[len(short):]]
        assert bits(map(float, numbers)) == bits(NUMBERS[:-1])


def test_bytes_that_are_no_text_become_text(run, tmp_path):
    """What comes from outside in another encoding is kept as UTF-8, each bad byte as U+FFFD."""
    spool = spool_file.Writer("202611241200-0a1b")
    spool.trace(1, "c", "s", "h:1", "p", "", b"ok \xff\xfe \xc3\x28 \xed\xa0\x80 end")
    spool.write(tmp_path / "a.spool")
    done = run("exp", "export", "last", "--db", "a.spool", "--output", "out", "--format", "jsonl")
    assert done.code == 0, done
    [row] = [json.loads(line) for line in (tmp_path / "out/traces.jsonl").read_text().splitlines()]
    assert row["RESPONSE"].startswith("ok \ufffd") and row["RESPONSE"].endswith(" end") and "(" in row["RESPONSE"], row
