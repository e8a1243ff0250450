"""What bench/run.py measures of the telemetry daemon: CPU, memory, system calls, and whether it keeps its period."""
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tools import GALILEO, ROOT, cpu_of, free_port, redis, start, stop, table, wait_for_port

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]
from redis_server import Connection  # noqa: E402  (what the tests speak to Redis with)

PERIODS = {"telemd_period_docker_cgrp_" + what: "1s" for what in ("cpu", "memory", "blkio", "net")}


@contextlib.contextmanager
def daemon(port, **settings):
    """A daemon on core 1, with only these settings, that has begun to publish."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("telemd_", "galileo_"))} | settings
    process = start([GALILEO, "telemd", "--node", "bench", "--bus", f"redis://127.0.0.1:{port}"], 1, env=env,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    bus = Connection(port, timeout=30)
    deadline = time.monotonic() + 30
    while not bus.command("EXISTS", "telemd.info:bench"):
        if time.monotonic() > deadline:
            raise SystemExit("bench: the daemon didn't start within 30 s")
        time.sleep(0.05)
    bus.close()
    try:
        yield process
    finally:
        stop(process)


def memory_of(process):
    """Resident, and what of it is the process's own, in KiB."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    field = lambda name: int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1])
    return field("Rss"), field("Private_Dirty")


def watched(process, seconds, each_second=None):
    """CPU as a share of one core, and resident memory at the end."""
    time.sleep(2)  # the start isn't what it costs
    before, began = cpu_of(process), time.monotonic()
    while time.monotonic() - began < seconds:
        if each_second:
            each_second()
        time.sleep(1)
    return (cpu_of(process) - before) / (time.monotonic() - began), *memory_of(process)


@contextlib.contextmanager
def node_exporter():
    port = free_port()
    process = start(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"], 1,
                    env={**os.environ, "GOMAXPROCS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port)
    try:
        yield process, f"http://127.0.0.1:{port}/metrics"
    finally:
        stop(process)


CHILDREN = """
import os, signal, sys
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    print(pid, flush=True)
print("ready", flush=True)
signal.pause()
"""


@contextlib.contextmanager
def containers(count):
    """Control groups as Docker makes them (cgroup v1), with a process that sleeps in each."""
    roots = [Path("/sys/fs/cgroup") / name / "docker" for name in ("cpuacct", "memory", "blkio")]
    made = [root for root in roots if not root.exists()]
    ids = [os.urandom(32).hex() for _ in range(count)]
    parent = start([sys.executable, "-c", CHILDREN, count], 0, stdout=subprocess.PIPE, text=True)
    try:
        pids = []
        while (line := parent.stdout.readline().strip()) != "ready":
            pids.append(line)
        for root in roots:
            root.mkdir(exist_ok=True)
            for identity, pid in zip(ids, pids):
                (root / identity).mkdir()
                (root / identity / "cgroup.procs").write_text(pid)
        yield
    finally:
        stop(parent, signal.SIGKILL)  # its whole group
        time.sleep(0.5)
        for root in roots:
            for identity in ids:
                with contextlib.suppress(OSError):
                    (root / identity).rmdir()
        for root in made:
            with contextlib.suppress(OSError):
                root.rmdir()


def system_calls(process, seconds):
    """System calls a second, all threads."""
    done = subprocess.run(["timeout", "-s", "INT", str(seconds), "strace", "-f", "-c", "-p", str(process.pid)], text=True, capture_output=True)
    total = re.search(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total", done.stderr, re.M)
    return int(total[1]) / seconds if total else float("nan")


def cost(quick):
    seconds = 20 if quick else 60
    rows = []
    with redis() as (port, _):
        with daemon(port) as process:
            share, rss, own = watched(process, seconds)
            calls = system_calls(process, 10) if shutil.which("strace") else float("nan")
        rows.append(("**galileo telemd**, default periods", f"{share:.2%}", f"{rss / 1024:.1f} MiB", f"{own / 1024:.1f} MiB", f"{calls:.0f}", "≤ 0.2 %, ≤ 6 MiB"))
        if shutil.which("prometheus-node-exporter"):
            with node_exporter() as (process, url):
                share, rss, own = watched(process, seconds, lambda: urllib.request.urlopen(url, timeout=10).read())
                rows.append(("prometheus-node-exporter, scraped each second", f"{share:.2%}", f"{rss / 1024:.1f} MiB", f"{own / 1024:.1f} MiB", "", ""))
        for count in (10, 100, 1000):
            with containers(count), daemon(port, **PERIODS) as process:
                share, rss, own = watched(process, seconds)
                calls = system_calls(process, 5) if shutil.which("strace") else float("nan")
            rows.append((f"**galileo telemd**, and {count:,} containers at 1 s", f"{share:.2%}", f"{rss / 1024:.1f} MiB", f"{own / 1024:.1f} MiB", f"{calls:.0f}",
                         "≤ 1 %, ≤ 10 MiB" if count == 100 else "–"))
    return "Telemetry: what the daemon costs", (
        f"CPU as a share of one core over {seconds} s, Redis connected on the other core; memory at the end. The containers are control groups with a process in each.\n\n" +
        table(["what", "CPU", "resident", "of it its own", "system calls a second", "bar"], rows))


BUSY = "while True: pass"


def periods(quick):
    """How far each stamp is from its place in an even series, while the core is busy with something else."""
    seconds = 5 if quick else 30
    rows = []
    with redis() as (port, _):
        for period_ms in (100, 10):
            for load in (False, True):
                listener = Connection(port, timeout=30)
                settings = {"telemd_instruments_enable": "ram", "telemd_period_ram": f"{period_ms}ms"}
                busy = start([sys.executable, "-c", BUSY], 1) if load else None
                with daemon(port, **settings):
                    listener.command("PSUBSCRIBE", "telem/bench/*")
                    stamps = []
                    end = time.monotonic() + seconds
                    while time.monotonic() < end:
                        stamps.append(float(listener.answer()[3].split()[0]))
                if busy:
                    stop(busy, signal.SIGKILL)
                listener.close()
                place = [round((stamp - stamps[0]) * 1000 / period_ms) for stamp in stamps]
                late = [stamp - stamps[0] - at * period_ms / 1000 for stamp, at in zip(stamps, place)]
                middle = statistics.median(late)
                errors = sorted(abs(one - middle) for one in late)
                rows.append((f"{period_ms} ms, {'beside a loop that never ends' if load else 'idle core'}", f"{len(stamps):,}", f"{place[-1] + 1 - len(stamps)}",
                             f"{errors[len(errors) // 2] * 1e3:.2f} ms", f"{errors[int(len(errors) * 0.99)] * 1e3:.2f} ms", f"{errors[-1] * 1e3:.2f} ms"))
    return "Telemetry: does it keep its period", "One instrument, stamps against an even series. Bar: p99 ≤ 1 ms at 100 ms on a busy core.\n\n" + table(
        ["period", "readings", "fell out", "p50", "p99", "max"], rows)
