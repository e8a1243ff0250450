"""What all of bench/run.py's measurements stand on: processes pinned to cores, their CPU time, servers to load."""
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GALILEO = ROOT / "build/release/galileo"
FLOORS = ROOT / "build/release/bench"
SCRATCH = Path(tempfile.mkdtemp(prefix="galileo-bench-"))
children = []
K6_SCRIPT = """import http from "k6/http";
export const options = {discardResponseBodies: true, scenarios: {even: {executor: "constant-arrival-rate", rate: %d, timeUnit: "1s",
  duration: "%ds", preAllocatedVUs: 64, maxVUs: 64}}};
export default function () { http.get("http://127.0.0.1:%d/"); }
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, core, **options):
    process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], start_new_session=True,
                               stdin=subprocess.DEVNULL, **options)
    children.append(process)
    return process


def until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: waited {seconds} s for {what}")
        time.sleep(0.005)


def stop(process, how=signal.SIGTERM):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measured(command, core=1, timeout=900):
    """Runs a generator to its end: (stdout, CPU seconds, wall seconds, most memory in KiB)."""
    out = SCRATCH / "out"
    with open(out, "wb") as file:
        began = time.monotonic()
        process = start(command, core, stdout=file, stderr=subprocess.DEVNULL, cwd=SCRATCH)
        # Slept through: a look each few milliseconds would run on one of the cores that are measured.
        over = select.poll()
        over.register(os.pidfd_open(process.pid))
        if not over.poll(timeout * 1000):
            stop(process, signal.SIGKILL)
            raise SystemExit(f"bench: {command[0]} not over after {timeout} s")
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = status
    return out.read_text(errors="replace"), usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss


@contextlib.contextmanager
def nginx(more=""):
    """Answers "ok"; `more` goes into its server's configuration."""
    port = free_port()
    paths = "".join(f"{name}_temp_path {SCRATCH}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = SCRATCH / "nginx.conf"
    config.write_text(f"""daemon off; worker_processes 1; pid {SCRATCH}/nginx.pid; error_log {SCRATCH}/nginx.log crit;
events {{ worker_connections 20000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; {paths}
server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok"; }} {more} }} }}""")
    server = start(["nginx", "-c", config], 0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port)
    try:
        yield port
    finally:
        stop(server)


def wait_for_port(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit("bench: the server didn't start within 10 s")


@contextlib.contextmanager
def receiver(rate):
    port = free_port()
    process = start([FLOORS / "receiver", port, rate], 0, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    result = {}
    try:
        yield port, result
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        if out.strip():
            result.update(json.loads(out))


def galileo_load(port, *arguments, core=1, path="/", scheme="http"):
    # `--db none` keeps every trace in the spool; it lies in the scratch folder and is deleted each time.
    command = [GALILEO, "load", f"{scheme}://127.0.0.1:{port}{path}", "--threads", "1", "--db", "none", "--spool", SCRATCH / "spool",
               "-q", "--no-telemetry", "--json", SCRATCH / "result.json", *arguments]
    out = measured(command, core)
    shutil.rmtree(SCRATCH / "spool", ignore_errors=True)
    return json.loads((SCRATCH / "result.json").read_text()), out


def have(program):
    return shutil.which(program) is not None


@contextlib.contextmanager
def redis():
    port = free_port()
    server = start(["redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", SCRATCH, "--save", "", "--appendonly", "no"],
                   0, stdout=subprocess.DEVNULL)
    wait_for_port(port)
    try:
        yield port, server
    finally:
        stop(server)


def cpu_of(process):
    """User and system time of a process that runs, in seconds. (taskset has become the program itself.)"""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])
