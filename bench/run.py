#!/usr/bin/env python3
"""Measures galileo beside its peers, in one run, as CPU time per unit of work.

    bench/run.py usual|closed|open|http2|https|traces|databases|layouts|recorder|worker|commands|fleet|telemd|periods|gateway|report|memory|flat|startup|pods|idle_pods|client_app|replay|templates|before|all [--quick] [--write]

The generator is pinned to core 1, the server to core 0. Rounds are interleaved (A B C A B C ...), medians
are printed. CPU is user + system time of the whole generator process, from the operating system (wait4).
`before` compares with an earlier program, $GALILEO_BEFORE. `fleet` needs root and /dev/net/tun: it makes network namespaces, which go with it; `pods` and `idle_pods` need root and control groups.
--write puts the tables into docs/performance.md. Only the standard library; nothing is left running.
"""
import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import before
import client_app
import databases
import fleet
import frames
import gateway
import http2
import pods
import replay
import telemetry
import usual
from tools import (FLOORS, GALILEO, K6_SCRIPT, ROOT, SCRATCH, children, galileo_load, have, measured, nginx, receiver, start, stop,
                   table)


def requests_of_wrk(text):
    return int(re.search(r"(\d+) requests in", text)[1])


def closed(quick):
    seconds, rounds = (2, 3) if quick else (5, 7)
    figures = {}

    def note(name, requests, cpu, wall):
        figures.setdefault(name, []).append((cpu * 1e6 / requests, requests / wall))

    with nginx() as port:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(rounds):
            text, *_ = measured([FLOORS / "floor_closed", port, 50, seconds])
            floor = json.loads(text)
            note("C loop without parsing (floor)", floor["requests"], floor["cpu_s"], floor["wall_s"])
            text, cpu, wall, _ = measured(["wrk", "-t1", "-c50", f"-d{seconds}", url])
            note("wrk 4.1", requests_of_wrk(text), cpu, seconds)
            result, (_, cpu, _, _) = galileo_load(port, "-c", 50, "-d", f"{seconds}s")
            assert result["ledger"]["balanced"] and result["ledger"]["traces"]["lost"] == 0, result["ledger"]
            note("**galileo**, every request traced", result["ledger"]["answered"], cpu, seconds)
            if have("h2load"):
                text, cpu, _, _ = measured(["h2load", "--h1", "-t1", "-c50", "-D", seconds, url])
                note("h2load 1.52", int(re.search(r"requests: (\d+) total", text)[1]), cpu, seconds)
            if have("hey"):
                text, cpu, _, _ = measured(["hey", "-c", 50, "-z", f"{seconds}s", "-cpus", 1, url])
                note("hey 0.1.4", sum(map(int, re.findall(r"\[\d+\]\s+(\d+) responses", text))), cpu, seconds)
    wrk = statistics.median(one[0] for one in figures["wrk 4.1"])
    rows = []
    for name, rounds_of in sorted(figures.items(), key=lambda item: statistics.median(one[0] for one in item[1])):
        cpus = [one[0] for one in rounds_of]
        rows.append((name, f"{statistics.median(cpus):.2f}", f"{min(cpus):.2f}–{max(cpus):.2f}",
                     f"{statistics.median(cpus) / wrk:.2f}", f"{statistics.median(one[1] for one in rounds_of):,.0f}"))
    return "Closed loop: CPU a request", (f"50 connections, {seconds} s, {len(cpus)} rounds, nginx `return 200` on the other core.\n\n" +
        table(["generator", "CPU a request, µs (median)", "min–max", "× wrk", "requests/s"], rows))


def open_loop(quick):
    seconds, rounds = (4, 2) if quick else (10, 5)
    rows, missed = [], []
    for rate in (1000, 10_000, 50_000):
        figures = {}

        def note(name, result, cpu, requests):
            if not result.get("count", requests):
                raise SystemExit(f"bench: {name} sent nothing")
            figures.setdefault(name, []).append((result.get("p50_us", 0), result.get("p99_us", 0), result.get("max_us", 0),
                                                 result.get("rate", 0), cpu * 1e6 / max(1, requests)))
        for _ in range(rounds):
            with receiver(rate) as (port, result):
                text, *_ = measured([FLOORS / "floor_open", port, 64, rate, seconds])
            floor = json.loads(text)
            note("C loop (floor)", result, floor["cpu_s"], floor["requests"])
            with receiver(rate) as (port, result):
                done, (_, cpu, _, _) = galileo_load(port, "-r", rate, "-c", 64, "-d", f"{seconds}s")
            assert done["ledger"]["balanced"], done["ledger"]
            note("**galileo**", result, cpu, done["ledger"]["sent"])
            if have("vegeta"):
                with receiver(rate) as (port, result):
                    attack = f"echo 'GET http://127.0.0.1:{port}/' | vegeta -cpus 1 attack -rate {rate} -duration {seconds}s -connections 64 -max-workers 64 -output /dev/null"
                    _, cpu, _, _ = measured(["sh", "-c", attack])
                note("vegeta 12.12", result, cpu, result.get("count", 0))
            if have("k6"):
                with receiver(rate) as (port, result):
                    script = SCRATCH / "k6.js"
                    script.write_text(K6_SCRIPT % (rate, seconds, port))
                    _, cpu, _, _ = measured(["env", "GOMAXPROCS=1", "k6", "run", "--quiet", "--no-summary", "--no-usage-report", "--address", "", script])
                note("k6 0.54", result, cpu, result.get("count", 0))
        floor = statistics.median(one[4] for one in figures["C loop (floor)"])
        for name, all_of in figures.items():
            p50, p99, most, seen, cpu = (statistics.median(values) for values in zip(*all_of))
            if "galileo" in name and rate >= 10_000 and p99 > 150:
                missed.append(f"p99 at {rate:,}/s is {p99:.0f} µs")
            if "galileo" in name and cpu > 1.2 * floor:
                missed.append(f"CPU at {rate:,}/s is {cpu / floor:.2f} × the floor's")
            rows.append((f"{rate:,}/s", name, f"{seen:,.0f}", f"{p50:.0f}", f"{p99:.0f}", f"{min(one[1] for one in all_of):.0f}",
                         f"{most:,.0f}", f"{cpu:.2f}", f"{cpu / floor:.2f}"))
    return "Open loop: arrivals against the even schedule, measured by the receiver", (
        f"64 connections, {seconds} s, {rounds} rounds, medians; the first second is left out. Bars: p99 ≤ 150 µs at 10,000/s and 50,000/s, CPU ≤ 1.2 × the floor's. "
        "Where the floor's own p99 is beyond that, the machine was busy with others, and the floor is what to compare with. "
        f"Not met: {'; '.join(missed) or 'none'}.\n\n" +
        table(["rate", "generator", "arrived/s", "p50, µs", "p99, µs", "best p99, µs", "max, µs", "CPU a request, µs", "× floor"], rows))


def traces(quick):
    seconds = 5 if quick else 30
    with receiver(100_000) as (port, _):
        result, (_, cpu, _, _) = galileo_load(port, "-r", "100k", "-c", 64, "-d", f"{seconds}s")
    ledger = result["ledger"]
    rows = [(f"100,000 requests/s for {seconds} s", f"intended {ledger['intended']:,}, sent {ledger['sent']:,}, traces made {ledger['traces']['made']:,}, lost {ledger['traces']['lost']:,}; "
             f"balanced: {ledger['balanced']}; p99 of the scheduling delay {result['dispatch_error_s']['p99'] * 1e3:.2f} ms")]
    text, *_ = measured([FLOORS / "bench_drain", SCRATCH, *([] if not quick else ["300000"])], timeout=600)
    drain = json.loads(text.strip().splitlines()[-1])
    rows.append((f"spool → SQLite, {drain['traces']:,} traces", f"{drain['drain_rows_per_cpu_s']:,.0f} rows a second of CPU (bar: 300,000); "
                 f"{drain['drain_extra_mib']:.1f} MiB; {drain['database_bytes_per_trace']:.0f} bytes a row"))
    rows.append(("loop → spool", f"{drain['spool_ns_per_trace']:.0f} ns and {drain['spool_bytes_per_trace']:.0f} bytes a trace"))
    return "Traces", table(["what", "measured"], rows)


# The least that reading those rows can cost: SQLite alone touches the same columns of each, through the same index.
READ_ROWS = """import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
columns = "SERVICE CREATED SENT DONE STATUS SERVER INTENDED DISPATCHED FIRST_BYTE REQUEST_BYTES RESPONSE_BYTES ERROR PHASE".split()
print(database.execute("SELECT count(*), " + ", ".join(f"max({name})" for name in columns) + " FROM traces WHERE EXP_ID = ?",
                       database.execute("SELECT EXP_ID FROM experiments").fetchone()).fetchone())
"""


def report(quick):
    traces, rounds = (1_000_000, 2) if quick else (10_000_000, 3)
    database = SCRATCH / "bench.sqlite"
    measured([FLOORS / "bench_drain", SCRATCH, traces, SCRATCH / "bench.sqlite"], timeout=1800)
    figures = {}
    for _ in range(rounds):
        for name, command in (("SQLite alone: the same columns read", ["python3", "-c", READ_ROWS, database]),
                              ("**galileo exp report**", [GALILEO, "exp", "report", "last", "--db", database, "--output", SCRATCH / "report.html"])):
            out, cpu, wall, rss = measured(command)
            assert "exp report" in name or str(traces) in out, out
            figures.setdefault(name, []).append((cpu, wall, rss / 1024))
    assert (SCRATCH / "report.html").stat().st_size > 10_000
    floor = statistics.median(one[0] for one in figures["SQLite alone: the same columns read"])
    rows = []
    for name, all_of in figures.items():
        cpu, wall, rss = (statistics.median(values) for values in zip(*all_of))
        rows.append((name, f"{cpu:.2f}", f"{cpu * 1e6 / traces:.2f}", f"{cpu / floor:.2f}", f"{wall:.2f}", f"{max(one[2] for one in all_of):.1f} MiB"))
    size = database.stat().st_size / (1 << 20)
    return f"A report of {traces:,} traces", (f"From an SQLite database of {size:,.0f} MiB, {rounds} rounds, medians. Bars for 10,000,000 traces: 20 s and 256 MiB.\n\n" +
        table(["what", "CPU, s", "µs a trace", "× SQLite alone", "wall, s", "memory at most"], rows))


def rss_kib(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


def watch_memory(command, seconds):
    """RSS once a second while it runs."""
    process = start(command, 1, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=SCRATCH)
    seen = []
    deadline = time.monotonic() + seconds + 60
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError, TypeError):
            seen.append(rss_kib(process.pid))
        time.sleep(1)
    stop(process)
    shutil.rmtree(SCRATCH / "spool", ignore_errors=True)
    return seen


def memory(quick):
    common = ["--threads", "1", "--db", "none", "--spool", SCRATCH / "spool", "-q", "--no-telemetry"]
    rows = []
    with receiver(1000) as (port, _):
        url = f"http://127.0.0.1:{port}/"
        load = [GALILEO, "load", url, *common]
        idle = watch_memory([*load, "-r", "1", "-d", "5s"], 5)
        rows.append(("idle (1 request/s)", f"{max(idle) / 1024:.1f} MiB", "≤ 20 MiB"))
        seconds = 10 if quick else 60
        busy = watch_memory([*load, "-r", "50k", "-c", 64, "-d", f"{seconds}s"], seconds)
        rows.append((f"50,000 requests/s for {seconds} s", f"{max(busy) / 1024:.1f} MiB", "≤ 64 MiB"))
        many = watch_memory([*load, "-c", "10k", "-d", "10s"], 10)
        rows.append(("10,000 open connections", f"{max(many) / 1024:.1f} MiB", "≤ 150 MiB"))
        clients = watch_memory([*load, "--clients", "10000", "--arrival", "expovariate(0.5)", "-d", "10s"], 10)
        rows.append(("10,000 clients in one process", f"{max(clients) / 1024:.1f} MiB", "–"))
    return "Memory", table(["state", "resident, at most", "bar"], rows)


def flat(quick):
    """Ten minutes, to see that memory doesn't creep."""
    common = ["--threads", "1", "--db", "none", "--spool", SCRATCH / "spool", "-q", "--no-telemetry"]
    rows = []
    with receiver(1000) as (port, _):
        load = [GALILEO, "load", f"http://127.0.0.1:{port}/", *common]
        minutes = 2 if quick else 10
        flat = watch_memory([*load, "-r", "5k", "-c", 64, "-d", f"{minutes}m"], minutes * 60)
        second, last = (flat[60:120], flat[-60:]) if not quick else (flat[20:60], flat[-40:])
        growth = statistics.mean(last) / statistics.mean(second) - 1
        rows.append((f"{minutes} minutes at 5,000/s: last minute against the second", f"{growth:+.1%} of {statistics.mean(second) / 1024:.1f} MiB", "≤ 2 %"))
    return "Memory over time", table(["state", "growth", "bar"], rows)


def startup(quick):
    runs = [measured([GALILEO, "--help"]) for _ in range(10 if quick else 30)]
    walls = []
    for _ in range(30):
        began = time.perf_counter()
        subprocess.run([GALILEO, "--help"], stdout=subprocess.DEVNULL, check=True)
        walls.append((time.perf_counter() - began) * 1e3)
    return "Start", table(["what", "measured", "bar"], [("`galileo --help`", f"{statistics.median(walls):.1f} ms wall (min {min(walls):.1f}), {statistics.median(run[1] for run in runs) * 1e3:.1f} ms CPU", "≤ 10 ms")])


def templates(quick):
    """What a request made of templates costs: made and rendered, not sent."""
    each = sorted(json.loads(measured([FLOORS / "bench_templates", 500_000 if quick else 2_000_000])[0])["cpu_us_per_request"] for _ in range(5))
    return "Templates: CPU a request", table(["what", "measured", "bar"], [
        ("path with `{{seq}}` and a row's column, a header with `{{uuid}}`, a JSON body with `{{rand_int}}` and a row's column, made and rendered",
         f"{each[2]:.2f} µs (min–max {each[0]:.2f}–{each[-1]:.2f})", "≤ 0.5 µs")])


PARTS = {"usual": usual.usual, "closed": closed, "open": open_loop, "http2": http2.http2, "https": http2.https, "traces": traces, "databases": databases.rates, "layouts": databases.layouts, "recorder": fleet.recorder, "worker": fleet.worker_part,
         "commands": fleet.commands, "fleet": fleet.fleet, "telemd": telemetry.cost, "periods": telemetry.periods, "gateway": gateway.gateway, "report": report, "frames": frames.frames, "memory": memory, "flat": flat, "startup": startup, "pods": pods.pods, "idle_pods": pods.idle, "client_app": client_app.client_app, "replay": replay.replay, "templates": templates, "before": before.before}


def write(sections):
    """Puts each part's table between its marks in docs/performance.md."""
    path = ROOT / "docs/performance.md"
    text = path.read_text() if path.exists() else "# Performance\n"
    for part, body in sections.items():
        block = f"<!-- {part} -->\n{body}\n<!-- /{part} -->"
        mark = re.compile(rf"<!-- {part} -->.*<!-- /{part} -->", re.S)
        text = mark.sub(lambda _: block, text) if mark.search(text) else f"{text}\n{block}\n"
    path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=[*PARTS, "all"])
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args()
    peers = subprocess.run([ROOT / "bench/peers.sh"], text=True, stdout=subprocess.PIPE).stdout.strip()
    os.environ["PATH"] = f"{peers}:{os.environ['PATH']}"  # where they couldn't be had, their rows are missing
    subprocess.run(["cmake", "--build", ROOT / "build/release", "--target", "galileo", "floor_closed", "floor_open", "floor_sleep", "floor_tls", "receiver", "delay", "bench_drain", "bench_templates", "publish_traces"],
                   check=True, stdout=subprocess.DEVNULL)
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    machine = f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, {date.today()}"
    sections = {}
    try:
        for part in PARTS if options.part == "all" else [options.part]:
            try:
                title, body = PARTS[part](options.quick)
            except SystemExit as why:  # a cluster, or networks, can't be had everywhere
                if options.part != "all":
                    raise
                print(f"{part}: {why}", file=sys.stderr)
                continue
            command = f"bench/run.py {part}" + (" --quick" if options.quick else "")
            sections[part] = f"## {title}\n\n`{command}` on {machine}.\n\n{body}"
            print(sections[part] + "\n", flush=True)
            if options.write:
                write({part: sections[part]})
    finally:
        for child in children:
            if child.poll() is None:
                stop(child, signal.SIGKILL)
        shutil.rmtree(SCRATCH, ignore_errors=True)


if __name__ == "__main__":
    main()
