#!/usr/bin/env python3
"""A database that is away for two minutes while 5,000 rows a second come: what it costs in memory, and that all of it
is there afterwards.

  bench/database_away.py                                             SQLite, held by this script
  bench/database_away.py --db mysql://… --away 'kill -STOP 123' --back 'kill -CONT 123'

Prints one JSON line. --away and --back are shell commands that take the server away and bring it back."""
import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def memory_mib(pid):
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"database_away: waited {seconds} s for {what}")
        time.sleep(0.1)


def measure(options, folder):
    database = options.db or str(folder / "x.sqlite")
    if not options.db and options.away:
        sys.exit("database_away: --away goes with --db; SQLite is held by this script")
    port = free_port()
    target = subprocess.Popen([options.galileo, "target", "--listen", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    total = options.before + options.seconds + options.after
    run = None
    try:
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "the target", 10)
        run = subprocess.Popen(
            [options.galileo, "load", f"http://127.0.0.1:{port}/", "-r", str(options.rate), "-d", f"{total}s", "--db", database,
             "--spool", folder / "spools", "-q", "--json", folder / "r.json"], stdout=subprocess.PIPE, text=True)
        time.sleep(options.before)
        before = memory_mib(run.pid)
        if options.db:
            subprocess.run(options.away, shell=True, check=True)
        else:
            holder = sqlite3.connect(database, isolation_level=None, timeout=30)
            holder.execute("BEGIN IMMEDIATE")
        most, until = before, time.monotonic() + options.seconds
        spool = 0
        while time.monotonic() < until and run.poll() is None:
            most = max(most, memory_mib(run.pid))
            spool = max([spool] + [path.stat().st_blocks * 512 for path in (folder / "spools").glob("*.spool")])
            time.sleep(0.2)
        if options.db:
            subprocess.run(options.back, shell=True, check=True)
        else:
            holder.close()
        back = time.monotonic()
        out, _ = run.communicate(timeout=total + 600)
    finally:
        for process in (run, target):
            if process and process.poll() is None:
                process.kill()
                process.wait()
    traces = json.loads((folder / "r.json").read_text())["ledger"]["traces"]
    return {"rate": options.rate, "seconds_away": options.seconds, "memory_before_mib": round(before, 1),
            "memory_more_mib": round(most - before, 1), "spool_mib": round(spool / 2**20, 1), "traces": traces,
            "over_after_back_s": round(time.monotonic() - back, 1), "exit": run.returncode}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", help="URL of the database [a SQLite file of this script's own]")
    parser.add_argument("--away", help="shell command that takes the database away")
    parser.add_argument("--back", help="shell command that brings it back")
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=120, help="that it is away")
    parser.add_argument("--before", type=float, default=5)
    parser.add_argument("--after", type=float, default=10)
    parser.add_argument("--galileo", default=os.environ.get("GALILEO_BINARY", str(ROOT / "build/release/galileo")))
    options = parser.parse_args()
    if options.db and not (options.away and options.back):
        parser.error("--db needs --away and --back")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(options, Path(folder))))


if __name__ == "__main__":
    main()
