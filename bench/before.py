"""What bench/run.py measures of this program against an earlier one of itself: $GALILEO_BEFORE, a path."""
import json
import os
import shutil
import statistics

from gateway import PATH, galileo_command
from tools import GALILEO, SCRATCH, free_port, measured, nginx, receiver, start, stop, table, wait_for_port
from usual import cpu_s


def sides():
    before = os.environ.get("GALILEO_BEFORE", "")
    if not os.access(before, os.X_OK):
        raise SystemExit("bench: GALILEO_BEFORE must name the program to compare with (a release build of an earlier commit)")
    return [("before", before), ("now", GALILEO)]


def load(program, port, *arguments):
    """CPU microseconds a request."""
    command = [program, "load", f"http://127.0.0.1:{port}/", "--threads", "1", "--db", "none", "--spool", SCRATCH / "spool", "-q",
               "--no-telemetry", "--json", SCRATCH / "result.json", *arguments]
    _, cpu, _, _ = measured(command)
    shutil.rmtree(SCRATCH / "spool", ignore_errors=True)
    ledger = json.loads((SCRATCH / "result.json").read_text())["ledger"]
    assert ledger["balanced"], ledger
    return cpu * 1e6 / ledger["answered"]


def closed_loop(program, seconds):
    with nginx() as port:
        return load(program, port, "-c", 50, "-d", f"{seconds}s")


def open_loop(rate):
    def measure(program, seconds):
        with receiver(rate) as (port, _):
            return load(program, port, "-r", rate, "-c", 64, "-d", f"{seconds}s")
    return measure


def through_gateway(program, seconds):
    """The gateway on core 1, all else on core 0: its CPU time a request of wrk's."""
    with nginx() as app:
        port = free_port()
        gateway = start([program, *galileo_command(port, app)[1:]], 1)
        try:
            wait_for_port(port)
            began = cpu_s(gateway)
            text, *_ = measured(["wrk", "-t1", "-c50", f"-d{seconds}", f"http://127.0.0.1:{port}{PATH}"], core=0)
            return (cpu_s(gateway) - began) * 1e6 / int(text.split(" requests in")[0].split()[-1])
        finally:
            stop(gateway)


WAYS = [("closed loop, 50 connections", closed_loop), ("open loop, 1,000/s", open_loop(1000)), ("open loop, 10,000/s", open_loop(10_000)),
        ("open loop, 50,000/s", open_loop(50_000)), ("gateway, 50 connections", through_gateway)]


def before(quick):
    seconds, rounds = (2, 4) if quick else (4, 12)
    programs, rows, slower = sides(), [], []
    for what, measure in WAYS:
        figures = {name: [] for name, _ in programs}
        for one in range(rounds):
            for name, program in programs if one % 2 else reversed(programs):  # who is first takes turns
                figures[name].append(measure(program, seconds))
        ratios = [now / was for was, now in zip(figures["before"], figures["now"])]
        was, now, ratio = (statistics.median(values) for values in (figures["before"], figures["now"], ratios))
        spread = statistics.quantiles(ratios, n=4)
        if ratio > 1.02:
            slower.append(what)
        rows.append((what, f"{was:.2f}", f"{now:.2f}", f"{ratio:.3f}", f"{spread[0]:.3f}–{spread[2]:.3f}"))
    return "This program against the one before", (
        f"`GALILEO_BEFORE` is a release build of an earlier commit; {seconds} s, {rounds} rounds of both, who is first takes turns. Of each "
        f"round's two: the ratio, its median and quartiles. Bar: 1.02. Not met: {'; '.join(slower) or 'none'}.\n\n" +
        table(["what", "before, CPU µs a request", "now", "now ÷ before", "half of the rounds"], rows))
