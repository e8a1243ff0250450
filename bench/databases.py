"""The drains into servers, beside what the servers themselves can do, and what InfluxDB pays for each of its layouts."""
import gzip
import http.server
import json
import re
import shutil
import statistics
import subprocess
import sys
import threading
from pathlib import Path

from tools import FLOORS, ROOT, SCRATCH, free_port, measured, table

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]


def drained(database, traces, timeout=1800):
    """What bench_drain tells of that many traces, its process on core 1; the server has the other one."""
    text, *_ = measured([FLOORS / "bench_drain", SCRATCH, traces, database], timeout=timeout)
    if not text.strip():
        raise SystemExit(f"bench: nothing was drained into {re.sub('//.*@', '//', database)}")
    return json.loads(text.strip().splitlines()[-1])


def on_core(server, core=0):
    """The server on one core, so that the other one is ours alone."""
    subprocess.run(["taskset", "-a", "-c", "-p", str(core), str(server.process.pid)], check=True, capture_output=True)
    return server


class Listener(http.server.BaseHTTPRequestHandler):
    """Takes lines, and keeps the bodies with traces: the points as we send them."""
    protocol_version = "HTTP/1.1"
    bodies = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if b"traces,client=" in gzip.decompress(body):
            Listener.bodies.append(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def captured(traces, bytes_a_file=4 << 20):
    """The same points as files of gzip-compressed lines, each as long as the longest of ours: a listener that takes
    them at once gets shorter ones than a server that works at them."""
    Listener.bodies = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Listener)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        # What it counts afterwards isn't there: only the lines are of interest.
        measured([FLOORS / "bench_drain", SCRATCH, traces, f"influxdb://:x@127.0.0.1:{server.server_port}/lab?buckets=no"], timeout=600)
    finally:
        server.shutdown()
        server.server_close()
    folder = SCRATCH / "bodies"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files, part = [], []
    lines = sum(gzip.decompress(body).count(b"traces,client=") for body in Listener.bodies)
    if lines != traces:
        raise SystemExit(f"bench: {lines} of {traces} points were caught")
    size = 0
    for body in Listener.bodies:
        part.append(body)
        size += len(gzip.decompress(body))
        if size >= bytes_a_file or body is Listener.bodies[-1]:
            files.append(folder / f"{len(files):05}.gz")
            files[-1].write_bytes(gzip.compress(gzip.decompress(b"".join(part)), 1))
            part, size = [], 0
    return files


def cpu_seconds(server):
    return sum(float(word) for word in Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]) / 100


def sent_by_curl(server, files):
    """Wall seconds until the server has taken all of them, one after the other over one connection."""
    from influxdb_server import TOKEN
    server.json("buckets", {"orgID": server.organisation_id, "name": "curl", "retentionRules": []})
    config = SCRATCH / "curl.conf"
    one = ('url = "{}/api/v2/write?org=lab&bucket=curl&precision=ns"\ndata-binary = "@{}"\nheader = "Authorization: Token {}"\n'
           'header = "Content-Encoding: gzip"\noutput = "/dev/null"\n')
    config.write_text("next\n".join(one.format(server.address, file, TOKEN) for file in files))
    _, cpu, wall, _ = measured(["curl", "--silent", "--fail", "--config", config])
    return wall


def rates(quick):
    from influxdb_server import InfluxDb
    from mariadb_server import MariaDb
    traces, rounds = (100_000, 2) if quick else (1_000_000, 3)
    rows = []

    def row(name, walls, cpus, bar, busy=()):
        rows.append((name, f"{traces / statistics.median(walls):,.0f}", f"{traces / max(walls):,.0f}–{traces / min(walls):,.0f}",
                     f"{statistics.median(cpus) * 1e6 / traces:.2f}" if cpus else "",
                     f"{statistics.median(busy):.0%}" if busy else "", bar))

    sqlite = [drained(SCRATCH / f"{number}.sqlite", traces) for number in range(rounds)]
    row("spool → SQLite", [one["drain_wall_s"] for one in sqlite], [one["drain_cpu_s"] for one in sqlite], "300,000 a second of CPU")
    mariadb = on_core(MariaDb(SCRATCH / "mariadb", "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M"))
    try:
        done = [drained(mariadb.database(), traces) for _ in range(rounds)]
    finally:
        mariadb.stop()
    row("spool → MariaDB 10.11", [one["drain_wall_s"] for one in done], [one["drain_cpu_s"] for one in done], "100,000")
    files = captured(traces)
    walls, busy, ours = {"ours": [], "curl": []}, {"ours": [], "curl": []}, []
    for number in range(rounds):
        influxdb = on_core(InfluxDb(SCRATCH / f"influxdb-{number}"))
        try:
            # Who comes first finds a server that has just started.
            for who in ("ours", "curl") if number % 2 == 0 else ("curl", "ours"):
                before = cpu_seconds(influxdb)
                if who == "ours":
                    ours.append(drained(influxdb.url, traces))
                    walls[who].append(ours[-1]["drain_wall_s"])
                else:
                    walls[who].append(sent_by_curl(influxdb, files))
                busy[who].append((cpu_seconds(influxdb) - before) / walls[who][-1])
        finally:
            influxdb.stop()
            shutil.rmtree(SCRATCH / f"influxdb-{number}", ignore_errors=True)
    row("spool → InfluxDB 2.7", walls["ours"], [one["drain_cpu_s"] for one in ours], "100,000, or what the server takes",
        busy["ours"])
    row("the same points by curl, made and compressed before", walls["curl"], [], "", busy["curl"])
    return "Into servers: rows a second", (f"{traces:,} traces a round, {rounds} rounds, medians; the server on one core, we on the other.\n\n" +
        table(["what", "traces/s", "min–max", "our CPU a trace, µs", "server's core busy", "bar"], rows))


def resident_mib(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def size_mib(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 2**20


def layouts(quick):
    from influxdb_server import InfluxDb
    traces = 20_000 if quick else 1_000_000
    rows = []
    for name, option in (("ours", ""), ("the old one", "?layout=old")):
        folder = SCRATCH / "influxdb-layout"
        server = on_core(InfluxDb(folder))
        try:
            done = drained(server.url + option, traces, 3600)
            bucket = next(key for key in server.buckets() if re.fullmatch(r"\d{12}-[0-9a-f]{4}", key))
            answer = server.flux(f'import "influxdata/influxdb"\ninfluxdb.cardinality(bucket: "{bucket}", start: 1970-01-01T00:00:00Z)')
            series = int(answer.strip().splitlines()[-1].split(",")[-1])
            resident = resident_mib(server.process.pid)
            cpu = cpu_seconds(server)
        finally:
            server.stop()
        rows.append((name, f"{series:,}", f"{resident:,.0f} MiB", f"{size_mib(folder):,.0f} MiB", f"{cpu:,.0f} s", f"{done['drain_wall_s']:,.0f} s"))
        shutil.rmtree(folder, ignore_errors=True)
    return "InfluxDB's cost of its two layouts", (f"{traces:,} traces in one bucket, an empty InfluxDB 2.7 each; disk after it has stopped.\n\n" +
        table(["layout", "series", "server's memory, most", "disk", "server's CPU", "time"], rows))
