"""What bench/run.py measures of runs as people run them: the defaults on, all processes of ours, busy and idle."""
import contextlib
import json
import os
import pty
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import databases
from tools import GALILEO, K6_SCRIPT, ROOT, SCRATCH, free_port, have, measured, nginx, redis, start, stop, table, until, wait_for_port

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]

FILE = """name: usual
creator: bench
seed: 1
services: {{app: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
clients: [{{service: app, rate: {rate}, duration: {seconds}s}}]
"""


def cpu_s(process):
    """Seconds of all its threads, niced ones too, to the nanosecond."""
    return sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in Path(f"/proc/{process.pid}/task").iterdir()) / 1e9


def on_terminal(command):
    """A program that draws on a terminal of 100 columns: its CPU seconds."""
    ours, its = pty.openpty()
    os.environ["COLUMNS"] = "100"
    process = start(command, 1, stdout=its, stderr=its, cwd=SCRATCH)
    os.close(its)

    def read():
        with contextlib.suppress(OSError):
            while os.read(ours, 65536):
                pass
    reader = threading.Thread(target=read)
    reader.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    reader.join(10)
    os.close(ours)
    return usage.ru_utime + usage.ru_stime


# --- one process

def load_cpu(port, rate, seconds):
    """CPU seconds of each way to send `rate` a second for so long."""
    url = f"http://127.0.0.1:{port}/"
    ours = [GALILEO, "load", url, "--rate", rate, "-d", f"{seconds}s"]
    quiet = lambda *more: measured([*ours, "-q", *more])[1]
    figures = {"`--db none --no-telemetry -q`": quiet("--db", "none", "--no-telemetry", "--spool", SCRATCH / "none"),
               "`--db none -q`": quiet("--db", "none", "--spool", SCRATCH / "none"),
               "**into SQLite, `-q`**": quiet(),
               "**into SQLite, live view**": on_terminal(ours)}
    shutil.rmtree(SCRATCH / "none", ignore_errors=True)
    for path in SCRATCH.glob("galileo.sqlite*"):
        path.unlink() if path.is_file() else shutil.rmtree(path)
    if have("vegeta"):
        attack = f"echo 'GET {url}' | vegeta attack -rate {rate} -duration {seconds}s -output vegeta.bin && vegeta report vegeta.bin"
        figures["vegeta 12.12, results kept"] = measured(["sh", "-c", attack])[1]
    if have("k6"):
        script = SCRATCH / "k6.js"
        script.write_text(K6_SCRIPT % (rate, seconds, port))
        figures["k6 0.54, summary only"] = measured(["k6", "run", "--quiet", "--no-usage-report", "--address", "", script])[1]
    return figures


def one_process(quick):
    seconds, rounds = (5, 2) if quick else (10, 5)
    rows, missed = [], []
    with nginx() as port:
        for rate in (20, 200, 2000, 10_000):
            all_of = [load_cpu(port, rate, seconds) for _ in range(rounds)]
            medians = {name: statistics.median(one[name] for one in all_of) for name in all_of[0]}
            none, ours = medians["`--db none -q`"], medians["**into SQLite, `-q`**"]
            if rate == 200 and ours > 2 * none + 0.01 * seconds:
                missed.append(f"at 200/s {ours:.3f} s beside {none:.3f}")
            if rate == 10_000 and ours > 1.5 * none:
                missed.append(f"at 10,000/s {ours / none:.2f} ×")
            for name, median in medians.items():
                values = [one[name] for one in all_of]
                rows.append((f"{rate:,}/s", name, f"{median / seconds * 100:.2f}", f"{min(values) / seconds * 100:.2f}–{max(values) / seconds * 100:.2f}",
                             f"{median / none:.2f}", f"{median * 1e6 / rate / seconds:.1f}"))
    return (f"`galileo load URL --rate R -d {seconds}s` as README has it, {rounds} rounds, medians; nginx on core 0, the generator with all its threads on core 1. "
            f"Bars: into SQLite ≤ 2 × `--db none` and 1 % of a core at 200/s, ≤ 1.5 × at 10,000/s. Not met: {'; '.join(missed) or 'none'}.\n\n" +
            table(["rate", "generator", "% of a core", "min–max", "× `--db none`", "CPU a request, µs"], rows))


# --- a fleet

@contextlib.contextmanager
def running(log, *command, core=1):
    with open(SCRATCH / f"{log}.log", "w") as file:
        process = start([GALILEO, *command], core, stdout=file, stderr=file, cwd=SCRATCH)
    try:
        yield process
    finally:
        stop(process)


def fleet_run(mariadb, rate, seconds):
    """CPU seconds of each of our processes in a run on a worker, recorded by the run and by a recorder into MariaDB."""
    with nginx() as app, redis() as (port, _), contextlib.ExitStack() as stack:
        bus = ("--bus", f"redis://127.0.0.1:{port}")
        processes = {
            "worker": stack.enter_context(running("worker", "worker", "--name", "w1", "--traces", "redis", "--spool", SCRATCH / "w1", *bus)),
            "recorder": stack.enter_context(running("recorder", "recorder", "--name", "r", "--db", mariadb.database(), "--spool", SCRATCH / "r", *bus)),
            "telemd": stack.enter_context(running("telemd", "telemd", "--node", "n1", *bus))}
        until(lambda: "recording" in (SCRATCH / "recorder.log").read_text(), "the recorder")
        ask = lambda *words: subprocess.run(["redis-cli", "-p", str(port), "--raw", *words], text=True, capture_output=True).stdout.split()
        until(lambda: ask("SMEMBERS", "galileo:workers") == ["w1"], "the worker")
        (SCRATCH / "usual.yaml").write_text(FILE.format(port=app, rate=rate, seconds=seconds))
        before = {name: cpu_s(process) for name, process in processes.items()}
        _, run_cpu, *_ = measured([GALILEO, "run", "usual.yaml", "-q", "--db", mariadb.database(), "--json", "usual.json", *bus])
        figures = {"run": run_cpu, **{name: cpu_s(process) - before[name] for name, process in processes.items()}}
    ledger = json.loads((SCRATCH / "usual.json").read_text())["ledger"]
    assert ledger["balanced"] and ledger["traces"]["stored"] == rate * seconds, ledger
    return figures


def a_fleet(quick):
    from mariadb_server import MariaDb
    seconds, rounds = (5, 1) if quick else (10, 3)
    server = databases.on_core(MariaDb(SCRATCH / "usual-mariadb"))
    rows = []
    try:
        for rate in (20, 200, 2000, 10_000):
            all_of = [fleet_run(server, rate, seconds) for _ in range(rounds)]
            medians = {name: statistics.median(one[name] for one in all_of) for name in all_of[0]}
            rows.append((f"{rate:,}/s", *(f"{medians[name] / seconds * 100:.2f}" for name in ("run", "worker", "recorder", "telemd")),
                         f"{sum(medians.values()) * 1e6 / rate / seconds:.1f}"))
    finally:
        server.stop()
    return (f"`galileo run FILE --bus` on one worker for {seconds} s, its rows into MariaDB; beside it `galileo recorder` records the same from the bus into MariaDB, and a `telemd` publishes; {rounds} rounds, medians, "
            "% of a core in the run's time, its beginning and end included.\n\n" + table(["rate", "run", "worker", "recorder", "telemd", "all, µs a request"], rows))


# --- nothing to do

def idle(quick):
    seconds = 10 if quick else 60
    weights, listen = SCRATCH / "weights.json", free_port()
    weights.write_text('{"hello": {"ips": ["127.0.0.1:8081"], "weights": [1]}}')
    rows, missed = [], []
    with redis() as (port, _), redis() as (other, _), contextlib.ExitStack() as stack:
        bus = ("--bus", f"redis://127.0.0.1:{port}")
        commands = {"worker, traces over Redis": ("worker", "--name", "w1", "--traces", "redis", "--spool", SCRATCH / "i1", *bus),
                    "worker, traces into SQLite": ("worker", "--name", "w2", "--traces", "sql", "--db", SCRATCH / "w2.sqlite", "--spool", SCRATCH / "i2", *bus),
                    "recorder into SQLite": ("recorder", "--name", "r", "--db", SCRATCH / "r.sqlite", *bus),
                    "gateway": ("gateway", "--zone", "main", "--listen", f"127.0.0.1:{listen}", "--weights", weights),
                    "telemd, its defaults": ("telemd", "--node", "n1", "--bus", f"redis://127.0.0.1:{other}")}
        processes = {name: stack.enter_context(running(f"idle{i}", *command)) for i, (name, command) in enumerate(commands.items())}
        wait_for_port(listen)
        time.sleep(3)  # to begin costs something
        before = {name: cpu_s(process) for name, process in processes.items()}
        time.sleep(seconds)
        for name, process in processes.items():
            share = (cpu_s(process) - before[name]) / seconds * 100
            has_bar = name.startswith(("worker", "recorder"))
            rows.append((name, f"{share:.2f}", "≤ 0.5" if has_bar else "–"))
            if has_bar and share > 0.5:
                missed.append(f"{name} {share:.2f}")
    return (f"Nothing to do for {seconds} s; the telemd publishes on a bus of its own. Not met: {'; '.join(missed) or 'none'}.\n\n" +
            table(["process", "% of a core", "bar"], rows))


def usual(quick):
    return "As people run it: all that a run costs", "\n\n".join(
        f"### {title}\n\n{part(quick)}" for title, part in (("One process", one_process), ("A fleet", a_fleet), ("Idle", idle)))
