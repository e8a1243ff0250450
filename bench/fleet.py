"""What bench/run.py measures of a fleet: recorder, worker, commands, the start of many workers."""
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid

from tools import FLOORS, GALILEO, ROOT, SCRATCH, cpu_of, measured, receiver, redis, start, stop, table, until

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]
from redis_server import API, EVENT_BUS, Connection  # noqa: E402  (what the tests speak to Redis with)

TRACES = "galileo/results/traces"
WORKLOAD = EVENT_BUS + API + "SetWorkloadCommand"


# --- the recorder

def record(port, server, how, count, rate):
    """Traces published and recorded into a spool: what the publisher and the recorder say, CPU seconds of the recorder and of Redis."""
    out = SCRATCH / "recorder.json"
    with open(out, "wb") as file:
        process = start([GALILEO, "recorder", "--bus", f"redis://127.0.0.1:{port}", "--db", "none", "--spool", SCRATCH / "spool", "--json"],
                        1, stdout=file, stderr=subprocess.PIPE, text=True, cwd=SCRATCH)
        assert "recording" in process.stderr.readline()
        before = cpu_of(server)
        text, *_ = measured([FLOORS / "publish_traces", port, how, count, rate], core=0)
        redis_cpu = cpu_of(server) - before
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    size = sum(path.stat().st_size for path in (SCRATCH / "spool").iterdir())
    shutil.rmtree(SCRATCH / "spool", ignore_errors=True)
    return json.loads(text), json.loads(out.read_text()), usage.ru_utime + usage.ru_stime, redis_cpu, size


def recorder(quick):
    rounds, count = (3, 200_000) if quick else (5, 1_000_000)
    # Batches have a limit, or one publisher is so quick that Redis ends the subscription for its 32 MiB that wait.
    cases = [("lines", 100_000), ("batches", 100_000), ("lines", 0), ("batches", 1_000_000)]
    figures = {case: [] for case in cases}
    with redis() as (port, server):
        for _ in range(rounds):
            for how, rate in cases:
                sent, got, cpu, redis_cpu, size = record(port, server, how, count, rate)
                lost = sent["traces"] - got["traces"]
                figures[how, rate].append((sent["traces"] / sent["wall_s"], cpu * 1e6 / count, redis_cpu * 1e6 / count, lost, size / count))
                assert got["malformed"] == got["duplicates"] == 0, got
    rows = []
    for (how, rate), all_of in figures.items():
        speed, cpu, redis_cpu, _, size = (statistics.median(values) for values in zip(*all_of))
        cpus = [one[1] for one in all_of]
        rows.append((f"{how}, " + (f"{rate:,}/s" if rate else "as fast as Redis takes them"), f"{speed:,.0f}", f"{cpu:.2f}",
                     f"{min(cpus):.2f}–{max(cpus):.2f}", f"{1e6 / cpu:,.0f}", f"{redis_cpu:.2f}", f"{max(one[3] for one in all_of):,}", f"{size:.0f}"))
    return "Recorder: from Redis to the spool", (
        f"{count:,} traces a round, {rounds} rounds, medians; publisher and Redis on core 0, `galileo recorder --db none` on core 1. "
        "Batches hold 500 traces. Most lost: of any round.\n\n" +
        table(["published", "traces/s", "CPU a trace, µs", "min–max", "traces a core and second", "of Redis, µs", "most lost", "spool bytes a trace"], rows))


# --- a worker

@contextlib.contextmanager
def worker(port, traces, *arguments):
    """A worker on core 1 with one loop, registered; `traces`: none, file or redis."""
    bus = Connection(port, timeout=60)
    folder = SCRATCH / "worker"
    folder.mkdir(exist_ok=True)
    process = start([GALILEO, "worker", "--bus", f"redis://127.0.0.1:{port}", "--name", "w1", "--threads", "1", "--traces", traces,
                     "--spool", folder, *arguments], 1, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=SCRATCH)
    until(lambda: bus.command("SISMEMBER", "galileo:workers", "w1"), "the worker to register")
    try:
        yield process, bus
    finally:
        stop(process)
        bus.close()
        shutil.rmtree(folder, ignore_errors=True)


def clients_of(bus, service, host, count):
    """Routes the service and makes clients of it; their ids."""
    subprocess.run([GALILEO, "rtbl", "set", service, host, "--bus", f"redis://127.0.0.1:{bus.socket.getpeername()[1]}"], check=True)
    channel = f"__rpc_{uuid.uuid4()}"
    request = {"__obj": ["WorkerDaemon.create_client:w1", channel, [["w1", [service, None, None, None], count]], {}],
               "__type": "pymq.core.RpcRequest"}
    bus.command("PUBLISH", EVENT_BUS + request["__obj"][0], json.dumps(request))
    return [client[0] for client in json.loads(bus.command("BRPOP", EVENT_BUS + channel, 30)[1])["__obj"][1]]


def workload(client, num, distribution, parameters):
    return json.dumps({"__obj": [client, num, distribution, parameters], "__type": API + "SetWorkloadCommand"})


def worker_cpu(how, rate, seconds):
    """CPU of the worker and of Redis a request, µs: for `none`, `file`, or `redis` with who listens to it."""
    traces, listener = how
    with redis() as (port, server), receiver(rate) as (target, _), worker(port, traces) as (process, bus):
        done = Connection(port, timeout=seconds + 60)
        done.command("SUBSCRIBE", EVENT_BUS + API + "WorkloadDoneEvent")
        taker = None
        if listener == "recorder":
            taker = start([GALILEO, "recorder", "--bus", f"redis://127.0.0.1:{port}", "--db", "none", "--spool", SCRATCH / "spool", "-q"], 0,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=SCRATCH)
            until(lambda: bus.command("PUBSUB", "NUMSUB", "galileo/results/batches")[1] > 0, "the recorder to listen")
        elif listener == "lines":
            taker = start(["redis-cli", "-p", port, "SUBSCRIBE", TRACES], 0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until(lambda: bus.command("PUBSUB", "NUMSUB", TRACES)[1] > 0, "a listener")
        [client] = clients_of(bus, "app", f"127.0.0.1:{target}", 1)
        before, redis_before, began = cpu_of(process), cpu_of(server), time.monotonic()
        bus.command("PUBLISH", WORKLOAD, workload(client, rate * seconds, "constant", [1 / rate]))
        done.answer()
        wall = time.monotonic() - began
        waiting = lambda: json.loads(bus.command("GET", "galileo:worker:w1:heartbeat") or "{}").get("traces_waiting", 1)
        if traces == "redis":
            until(lambda: waiting() == 0, "the traces to be published")
        cpu, redis_cpu = cpu_of(process) - before, cpu_of(server) - redis_before
        done.close()
        if taker:
            stop(taker)
            shutil.rmtree(SCRATCH / "spool", ignore_errors=True)
    return cpu * 1e6 / (rate * seconds), redis_cpu * 1e6 / (rate * seconds), rate * seconds / wall


def worker_part(quick):
    rate, seconds, rounds = (50_000, 3, 2) if quick else (50_000, 10, 5)
    cases = {("none", ""): "no traces", ("file", ""): "traces in the spool, kept there", ("redis", ""): "over Redis, nobody listens",
             ("redis", "recorder"): "over Redis to our recorder (batches)", ("redis", "lines"): "over Redis to an old listener (lines)"}
    figures = {how: [] for how in cases}
    for _ in range(rounds):
        for how in cases:
            figures[how].append(worker_cpu(how, rate, seconds))
    medians = {how: [statistics.median(values) for values in zip(*all_of)] for how, all_of in figures.items()}
    base = medians["file", ""][0]
    rows = [(name, f"{medians[how][2]:,.0f}", f"{medians[how][0]:.2f}", f"{min(one[0] for one in figures[how]):.2f}–{max(one[0] for one in figures[how]):.2f}",
             f"{medians[how][0] / base:.2f}", f"{medians[how][1]:.2f}") for how, name in cases.items()]
    return "Worker: traces over Redis", (
        f"One client, `constant` at {rate:,}/s for {seconds} s, {rounds} rounds, medians; one loop on core 1, receiver and Redis on core 0. "
        "Until every trace is published. Bar: ≤ 1.4 × the same without Redis.\n\n" +
        table(["traces", "requests/s", "CPU a request, µs", "min–max", "× without Redis", "of Redis, µs"], rows))


# --- commands

def commands(quick):
    """From the first byte of 1,000 commands to the request of the last client, by the wall clock that both share."""
    count, rounds = 1000, 3 if quick else 11
    took = []
    with redis() as (port, _), receiver(1000) as (target, _), worker(port, "redis") as (_, bus):
        listener = Connection(port, timeout=60)
        listener.command("SUBSCRIBE", TRACES)
        ids = clients_of(bus, "app", f"127.0.0.1:{target}", count)
        for _ in range(rounds):
            orders = [workload(client, 1, "constant", [0]) for client in ids]
            began = time.time()
            for order in orders:
                bus.send("PUBLISH", WORKLOAD, order)
            for _ in orders:
                bus.answer()
            sent = [float(listener.answer()[2].split(",")[4]) for _ in ids]
            took.append((max(sent) - began) * 1e3)
        listener.close()
    rows = [(f"{count:,} commands to {count:,} clients of one worker, {rounds} rounds", f"{statistics.median(took):.1f} ms", f"{min(took):.1f}–{max(took):.1f} ms", "≤ 100 ms")]
    return "Commands", "From the first command's publishing to the request of the last client.\n\n" + table(["what", "median", "min–max", "bar"], rows)


# --- many workers, each some way off

@contextlib.contextmanager
def spaces(count):
    """Network namespaces that last as long as a process in each: the first is the hub. Nothing is left of them."""
    keepers = [start(["unshare", "--net", "sleep", "3600"], "0-1") for _ in range(count)]
    own = os.readlink("/proc/self/ns/net")
    try:
        until(lambda: all(os.readlink(f"/proc/{one.pid}/ns/net") != own for one in keepers), "network namespaces")
        yield [one.pid for one in keepers]
    finally:
        for one in keepers:
            stop(one, signal.SIGKILL)


def within(space, *command):
    return ["nsenter", "--net", "--target", str(space), *map(str, command)]


def configure(space, *lines):
    batch = "\n".join(lines)
    subprocess.run(within(space, "ip", "-batch", "-"), input=batch, text=True, check=True)


FILE = """name: skew
creator: bench
seed: 1
services: {app: {hosts: {"10.77.0.1:80": 1}}}
clients: [{service: app, num: 8, rate: 50, duration: 2s}]
"""


def fleet(quick):
    """Eight workers in eight network namespaces, each 1 ms from the one of Redis, the application and the controller."""
    workers, delay_us, rounds = 8, 1000, 3 if quick else 10
    rows, processes = [], []
    told, true, offsets, uncertainties = [], [], [], []
    with spaces(workers + 1) as (hub, *others):
        wires = start([FLOORS / "delay", delay_us, hub, *others], "0-1", stdout=subprocess.PIPE, text=True)
        assert wires.stdout.readline() == "ready\n"
        configure(hub, "link set lo up", "addr add 10.77.0.1/32 dev lo",
                  *(line for i in range(1, workers + 1) for line in (f"addr add 10.77.{i}.1/24 dev wire{i}", f"link set wire{i} up")))
        for i, space in enumerate(others, 1):
            configure(space, "link set lo up", f"addr add 10.77.{i}.2/24 dev wire", "link set wire up", f"route add default via 10.77.{i}.1")
        try:
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": SCRATCH}
            processes.append(start(within(hub, "redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", SCRATCH, "--save", "", "--appendonly", "no"), "0-1", **silent))
            processes.append(start(within(hub, GALILEO, "target", "--listen", "10.77.0.1:80"), "0-1", **silent))
            ask = lambda *words: subprocess.run(within(hub, "redis-cli", "--raw", *words), text=True, capture_output=True).stdout.split()
            until(lambda: ask("PING") == ["PONG"], "Redis")
            for i, space in enumerate(others, 1):
                folder = SCRATCH / f"w{i}"
                folder.mkdir()
                processes.append(start(within(space, GALILEO, "worker", "--bus", "redis://10.77.0.1", "--name", f"w{i}", "--threads", "1", "--traces", "redis", "--spool", folder), "0-1", **silent))
            until(lambda: len(ask("SMEMBERS", "galileo:workers")) == workers, "the workers to register")
            (SCRATCH / "skew.yaml").write_text(FILE)
            database = SCRATCH / "skew.sqlite"
            for _ in range(rounds):
                database.unlink(missing_ok=True)
                done = subprocess.run(within(hub, GALILEO, "run", "skew.yaml", "--bus", "redis://10.77.0.1", "--db", database, "-q"), text=True, capture_output=True, cwd=SCRATCH, timeout=120)
                said = re.search(r"began within ([\d.]+)(us|ms|s)\b", done.stdout)
                told.append(float(said[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[said[2]])
                with contextlib.closing(sqlite3.connect(database)) as store:
                    firsts = [first for first, in store.execute("SELECT min(SENT) FROM traces GROUP BY substr(CLIENT, 1, 2)")]
                    clocks = [json.loads(value) for value, in store.execute("SELECT VALUE FROM events WHERE NAME = 'fleet/clock'")]
                assert len(firsts) == len(clocks) == workers, done.stdout
                true.append((max(firsts) - min(firsts)) * 1e3)
                offsets += [abs(one["offset_ns"]) / 1e6 for one in clocks]
                uncertainties += [one["uncertainty_ns"] / 1e6 for one in clocks]
        finally:
            for process in processes:
                stop(process)
            stop(wires, signal.SIGKILL)
    spread = lambda values: (f"{statistics.median(values):.2f} ms", f"{max(values):.2f} ms")
    rows.append(("first requests of the workers, apart (they share a clock here)", *spread(true), "≤ 5 ms"))
    rows.append(("the same, as the run reports it: at most, with the clocks' uncertainty", *spread(told), "≤ 5 ms"))
    rows.append(("clock offset measured (in truth 0)", *spread(offsets), "–"))
    rows.append(("its uncertainty: half of the quickest round trip", *spread(uncertainties), "–"))
    return "Fleet: one start of eight workers", (
        f"{workers} workers in {workers} network namespaces, {delay_us / 1000:g} ms each way to the one of Redis, the application and `galileo run`; {rounds} runs.\n\n" +
        table(["what", "median", "at most", "bar"], rows))
