"""Every exported file opens in pandas, polars, DuckDB and pyarrow by the calls of docs/how-to/databases.md, whatever bytes were stored."""
import hashlib
import json
import math
import re
import sqlite3
import subprocess

import pytest
from conftest import ROOT
from exp_exchange_test import ID, NAMES, START, arrow_python, make_database  # noqa: F401

FORMATS = {"CSV": "csv", "JSON lines": "jsonl", "Parquet": "parquet"}
CALLS = {(reader, FORMATS[form]): call for reader, form, call in re.findall(
    r"^\| (\w+) \| ([\w ]+) \| `(\w+\..*)` \|$", (ROOT / "docs/how-to/databases.md").read_text(), re.MULTILINE)}

# Whatever a reader may stumble over; those that a spreadsheet would run come with the ' of the CSV.
FORMULAS = [b"=1+1", b"@x", b"\t=x", b"'=1", b"-1+1", b"\rx"]
TEXTS = [b"007"] * 120 + [  # as many as a reader that guesses looks at
    b"plain", b"", b" ", b"a\0b", b"\0", b"\xff\xfe\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x98", b'"', b'say "x", y', b"'", b"a\r\nb", b"a\nb", b"a\rb", b"\n", *FORMULAS,
    b"-1", b"\xef\xbb\xbfx", b"NULL", b"null", b"nan", b"NA", b"1e5", b"true", b"2026-11-24", b"REQUEST_ID,CLIENT,SERVICE", b"EXP_ID", b"#c", b"\\", b"\\N", b"\\n",
    b'{"a":1}', b"[1]", "üé\U0001f600\u2028\U0010ffff".encode(), b" lead ", b"\x1a\x1f\x7f\x01", b"9223372036854775807", b"18446744073709551616"]
LONG = b"x\r\n\"" * (1 << 18)
NUMBERS = [float(i) for i in range(120)] + [0.1, math.inf, -math.inf, 1e300, -1e300, 5e-324, 2.0**63, 1 / 3, -1.0]

SCRIPT = """
import csv, hashlib, json, sys
import duckdb, pandas, polars, pyarrow, pyarrow.csv, pyarrow.json, pyarrow.parquet
csv.field_size_limit(2**30)
calls, names = json.loads(sys.argv[1]), json.loads(sys.argv[2])

def arrow(table):
    if isinstance(table, pandas.DataFrame):
        return pyarrow.Table.from_pandas(table, preserve_index=False)
    if isinstance(table, polars.DataFrame):
        return table.to_arrow()
    return table.arrow() if isinstance(table, duckdb.DuckDBPyRelation) else table

def values(column):
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.timestamp("us", tz="UTC"), safe=False).cast(pyarrow.int64())
    return [hashlib.sha256(one.encode()).hexdigest() if isinstance(one, str) and len(one) > 1000 else one for one in column.to_pylist()]

out = []
for reader, form, call in calls:
    for name in names:
        path = f"{form}/{name}.{form}"
        try:
            table = arrow(eval(call))
            out.append([reader, form, name, {column: values(table[column]) for column in table.column_names}])
        except Exception as error:
            out.append([reader, form, name, f"{type(error).__name__}: {error}"[:500]])
json.dump(out, sys.stdout)
"""


def read_exports(galileo, python, folder, path):
    """What each call reads of an export in each format: {(reader, format, table): columns, or the error}."""
    for form in FORMATS.values():
        done = subprocess.run([galileo, "exp", "export", "last", "--db", path, "--format", form, "--output", folder / form, "--python", python],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    done = subprocess.run([python, "-c", SCRIPT, json.dumps([[*key, call] for key, call in CALLS.items()]), json.dumps(NAMES)],
                          cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {(reader, form, name): read for reader, form, name, read in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def tables(galileo, tmp_path_factory, arrow_python):  # noqa: F811
    folder = tmp_path_factory.mktemp("readers")
    path = make_database(folder / "hostile.sqlite")
    with sqlite3.connect(path) as database:
        for i, value in enumerate([*TEXTS, LONG]):
            text = f"CAST(x'{value.hex()}' AS TEXT)"
            database.execute(f"INSERT INTO traces VALUES ('ab:{i}', {text}, {text}, ?, ?, -1, 200, {text}, {text}, {text}, ?, ?, NULL, NULL, ?, ?, {text}, {text})",
                             (START + i, START + i, ID, START + i, 2**63 - 1, i))
            database.execute(f"INSERT INTO events VALUES (?, ?, {text}, {text})", (ID, START + i))
            database.execute(f"INSERT INTO nodeinfo VALUES (?, {text}, {text}, {text})", (ID,))
        for i, value in enumerate(NUMBERS):
            text = f"CAST(x'{TEXTS[-1 - i % 40].hex()}' AS TEXT)"
            database.execute(f"INSERT INTO telemetry VALUES (?, ?, {text}, NULL, {text}, ?)", (ID, START + i, value))
    database.close()
    return read_exports(galileo, arrow_python, folder, path)


def text_of(value, form):
    """The text that a stored value is: each byte that is no UTF-8 is U+FFFD, and a formula has a ' in CSV."""
    text = re.sub("[\udc80-\udcff]", "\ufffd", value.decode(errors="surrogateescape"))
    text = "'" + text if form == "csv" and value in FORMULAS else text
    return hashlib.sha256(text.encode()).hexdigest() if len(text) > 1000 else text


def test_the_page_has_a_call_for_each_reader_and_format():
    assert set(CALLS) == {(reader, form) for reader in ("pandas", "polars", "DuckDB", "pyarrow") for form in FORMATS.values()}


@pytest.mark.parametrize("form", FORMATS.values())
@pytest.mark.parametrize("reader", ["pandas", "polars", "DuckDB", "pyarrow"])
def test_whatever_was_stored_is_read_from_the_exported_file(tables, reader, form):
    read = {name: tables[reader, form, name] for name in NAMES}
    assert all(isinstance(columns, dict) for columns in read.values()), read
    texts = [text_of(value, form) for value in [*TEXTS, LONG]]
    # pandas doesn't tell what stands in quotes.
    empty = None if (reader, form) == ("pandas", "csv") else ""
    whole = [text or empty for text in texts]
    null = [text or None for text in texts]
    at = [int((START + i) * 1e6) if form == "parquet" else START + i for i in range(len(texts))]
    same_time = lambda got, wanted: all(abs(a - b) <= (1 if form == "parquet" else 0) for a, b in zip(got, wanted, strict=True))
    never = None if form == "parquet" else -1.0

    traces = read["traces"]
    assert len(traces) == 24 and traces["REQUEST_ID"] == [f"ab:{i}" for i in range(len(texts))]
    for column, wanted in (("CLIENT", whole), ("SERVICE", whole), ("RESPONSE", whole), ("HEADERS", null), ("SERVER", null), ("PHASE", null), ("ERROR", null)):
        assert traces[column] == wanted, column
    assert same_time(traces["CREATED"], at) and same_time(traces["INTENDED"], at) and set(traces["DONE"]) == {never} and set(traces["FIRST_BYTE"]) == {None}
    assert set(traces["STATUS"]) == {200} and set(traces["REQUEST_BYTES"]) == {2**63 - 1} and traces["RESPONSE_BYTES"] == list(range(len(texts)))
    events, nodes = read["events"], read["nodeinfo"]
    assert len(events) == 4 and same_time(events["TIMESTAMP"], at) and (events["NAME"], events["VALUE"]) == (whole, null)
    assert len(nodes) == 4 and nodes["NODE"] == nodes["INFO_KEY"] == nodes["INFO_VALUE"] == whole

    telemetry = read["telemetry"]
    names = [text_of(TEXTS[-1 - i % 40], form) or empty for i in range(len(NUMBERS))]
    assert telemetry["METRIC"] == telemetry["NODE"] == names and set(telemetry["SUBSYSTEM"]) == {None}
    if form == "jsonl":
        infinite = telemetry.pop("VALUE_INFINITE")
        assert [value if word is None else float(word) for value, word in zip(telemetry["VALUE"], infinite)] == NUMBERS
        assert [word for word in infinite if word] == ["inf", "-inf"]
    else:
        assert telemetry["VALUE"] == NUMBERS
    assert len(telemetry) == 6


def test_a_table_without_rows_has_its_columns_where_the_format_has_a_place_for_them(galileo, tmp_path, arrow_python):  # noqa: F811
    read = read_exports(galileo, arrow_python, tmp_path, make_database(tmp_path / "empty.sqlite"))
    for (reader, form, name), columns in read.items():
        if form != "jsonl":
            assert isinstance(columns, dict) and {len(column) for column in columns.values()} == {0}, (reader, form, name, columns)
            assert len(columns) == {"traces": 24, "telemetry": 6, "events": 4, "nodeinfo": 4}[name], (reader, form, name)
    assert all((tmp_path / f"jsonl/{name}.jsonl").read_bytes() == b"" for name in NAMES)
    assert json.loads((tmp_path / "jsonl/experiment.json").read_text())["rows"] == dict.fromkeys(NAMES, 0)
