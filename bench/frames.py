"""Traces of a database as a frame in Python, beside what people read SQLite with there."""
import statistics
import subprocess
import sys

from tools import FLOORS, ROOT, SCRATCH, measured, table

sys.path.insert(0, str(ROOT / "tests/support"))
import python_environment  # noqa: E402
import python_package  # noqa: E402

# All columns but headers and response, which these traces don't have; ids as text.
COLUMNS = ("REQUEST_ID CLIENT SERVICE CREATED SENT DONE STATUS SERVER EXP_ID INTENDED DISPATCHED FIRST_BYTE REQUEST_BYTES RESPONSE_BYTES "
           "ERROR PHASE HANDSHAKE STEP FAILED_CHECK QUEUED PROTOCOL TRACE_ID").split()
QUERY = f"SELECT {', '.join(COLUMNS)} FROM traces"
PEERS = ["connectorx==0.3.3", "duckdb==1.5.5", "duckdb-extension-sqlite-scanner==1.5.5"]
OURS = """import sys
from galileo import frames
frame = frames.open(sys.argv[1]).traces("last"{})
"""
WAYS = {
    "**galileo.frames**, pandas": OURS.format(""),
    "**galileo.frames**, polars": OURS.format(", to='polars'"),
    "pandas.read_sql": "import sqlite3, sys, pandas\nframe = pandas.read_sql(sys.argv[2], sqlite3.connect(sys.argv[1]))\n",
    "ConnectorX": "import sys, connectorx\nframe = connectorx.read_sql('sqlite://' + sys.argv[1], sys.argv[2])\n",
    # Its reader comes as a package: DuckDB itself would fetch it from elsewhere.
    "DuckDB's SQLite reader": "import sys, duckdb, duckdb_extension_sqlite_scanner as reader, pathlib\n"
                              "path = next(pathlib.Path(reader.__path__[0]).glob('extensions/*/sqlite_scanner.duckdb_extension'))\n"
                              "duckdb.sql(f\"SET enable_progress_bar = false; LOAD '{path}'; ATTACH '{sys.argv[1]}' AS d (TYPE sqlite); USE d\")\n"
                              "frame = duckdb.sql(sys.argv[2]).df()\n",
}


def frames(quick):
    traces, rounds = (1_000_000, 2) if quick else (10_000_000, 3)
    database = SCRATCH / "frames.sqlite"
    measured([FLOORS / "bench_drain", SCRATCH, traces, database], timeout=1800)
    subprocess.run([sys.executable, ROOT / "tests/support/python_package.py", SCRATCH / "python"], check=True, stdout=subprocess.DEVNULL)
    ours = SCRATCH / "python/venv/bin/python"
    others, why_not = python_environment.find("bench-python", "what frames are measured beside", [*python_package.TESTED_WITH[:4], *PEERS])
    figures = {}
    for _ in range(rounds):
        for name, code in WAYS.items():
            python = ours if "galileo" in name else others
            if python is None:
                continue
            try:
                out, *costs = measured([python, "-c", code + "print(len(frame))", database, QUERY], timeout=900)
            except (SystemExit, subprocess.SubprocessError, OSError):
                continue  # a memory that isn't enough, an extension that can't be had: no row
            if out.strip() == str(traces):
                figures.setdefault(name, []).append(costs)
    floor = statistics.median(one[0] for one in figures["**galileo.frames**, pandas"])
    rows = []
    for name, all_of in figures.items():
        cpu, wall, rss = (statistics.median(values) for values in zip(*all_of))
        rows.append((name, f"{cpu:.1f}", f"{cpu / floor:.2f}", f"{wall:.1f}", f"{rss / (1 << 20):.2f} GiB"))
    missing = [name for name in WAYS if name not in figures]
    note = f" Not to be had here, or not with this machine's memory: {', '.join(missing)}." if missing else ""
    return f"{traces:,} traces as a frame in Python", (
        f"From an SQLite database of {database.stat().st_size / (1 << 20):,.0f} MiB, all columns but headers and answers, each way in a process of its own, {rounds} rounds, medians; "
        f"with the start of Python and the import of pandas. Bars for 10,000,000: 10 s, 2.5 GB.{note}{f' {why_not}' if why_not else ''}\n\n"
        + table(["what", "CPU, s", "× ours", "wall, s", "memory at most"], rows))
