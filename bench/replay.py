"""What replaying a log of a million requests costs, and how exactly its times are kept."""
import json
import statistics

from tools import FLOORS, GALILEO, SCRATCH, galileo_load, measured, nginx, table

REQUESTS = 1_000_000


def write_log(path, seconds):
    """As nginx writes them with its time in milliseconds: thousand paths, two agents; evenly within each second, which differ."""
    with open(path, "w") as log:
        written = 0
        for second in range(seconds):
            share = 1.5 if second % 3 == 0 else 0.75
            count = REQUESTS - written if second == seconds - 1 else int(REQUESTS / seconds * share)
            for i in range(count):
                ms = i * 1000 // count
                log.write(f'{{"msec": {1796032800 + second}.{ms:03}, "request_method": "GET", "request_uri": "/item/{i * 7919 % 1000}?page={i % 10}", '
                          f'"request_time": 0.000, "status": 200, "http_user_agent": "agent/{i % 2}"}}\n')
            written += count


def replay(quick):
    rounds = 1 if quick else 3
    log = SCRATCH / "million.log"
    write_log(log, 100)
    shown = [measured([GALILEO, "replay", "show", log, "--json"]) for _ in range(rounds)]
    figures = json.loads(shown[0][0])
    assert figures["requests"] == REQUESTS, figures
    read = statistics.median(one[1] for one in shown)
    rows = [(f"reading a log of {REQUESTS:,} lines, {log.stat().st_size / (1 << 20):.0f} MiB", f"{read:.1f} s of CPU, {read * 1e6 / REQUESTS:.2f} µs a line; "
             f"{figures['memory_bytes'] / (1 << 20):.0f} MiB kept, {max(one[3] for one in shown) / 1024:.0f} MiB resident at most", "–")]
    floor, errors = [], []
    with nginx() as port:
        for _ in range(rounds):
            floor.append(json.loads(measured([FLOORS / "floor_sleep", 10_000, 20])[0])["p999_s"] * 1e3)
            result, (_, cpu, _, _) = galileo_load(port, "--replay", log, "--connections", 64)
            ledger = result["ledger"]
            assert ledger["balanced"] and ledger["intended"] == ledger["sent"] == REQUESTS, ledger
            errors.append((result["dispatch_error_s"]["p999"] * 1e3, cpu * 1e6 / REQUESTS))
    rows.append(("a C loop that sleeps until 10,000 even times a second and does nothing else (floor), in the same rounds",
                 f"late p99.9 {statistics.median(floor):.3f} ms (worst round {max(floor):.3f} ms)", "–"))
    rows.append((f"replaying it at 10,000 requests a second: intended and sent {REQUESTS:,} of {REQUESTS:,}",
                 f"send error p99.9 {statistics.median(one[0] for one in errors):.3f} ms (worst round {max(one[0] for one in errors):.3f} ms), "
                 f"{statistics.median(one[1] for one in errors):.2f} µs of CPU a request, both readings of the log among it", "p99.9 ≤ 1 ms (where the floor's own is less), count exact"))
    return "Replay of a log", table(["what", "measured", "bar"], rows)
