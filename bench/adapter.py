#!/usr/bin/env python3
"""The pod adapter on a Kubernetes of its own (tests/cluster; it takes root): what it costs at rest and while 100 pods a second
change, and how late its events are, beside `kubectl get -w`.

  bench/adapter.py [--pods 1000] [--rate 100] [--seconds 20]

Pods are on no node, so that nothing but the API server and the adapter is measured. Prints one JSON line."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/cluster"), str(ROOT / "tests")]
import cluster as kubernetes  # noqa: E402
from cluster_api import ClusterApi  # noqa: E402
from conftest import free_port, wait_for  # noqa: E402
from redis_server import Redis  # noqa: E402

PODS = "/api/v1/namespaces/default/pods"


def pod(name):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"ether.edgerun.io/function": "f", "ether.edgerun.io/zone": "a"}},
            "spec": {"nodeSelector": {"no": "where"}, "automountServiceAccountToken": False,
                     "containers": [{"name": "main", "image": kubernetes.BUSYBOX, "resources": {"requests": {"cpu": "1m"}}}]}}


def cpu_s(pid):
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def memory_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def percentiles(values):
    ordered = sorted(values)
    return {name: round(1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) for name, share in (("p50", 0.5), ("p99", 0.99))} if ordered else None


class Changes:
    """Labels of pods, changed at a rate, each with the time at which it was asked for."""

    def __init__(self, cluster, names):
        self.api, self.names, self.asked = ClusterApi(cluster), names, {}

    def make(self, rate, seconds):
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            time.sleep(max(0, began + number / rate - time.monotonic()))
            self.asked[str(number)] = time.time()
            self.api("PATCH", f"{PODS}/{self.names[number % len(self.names)]}", {"metadata": {"labels": {"turn": str(number)}}})
        return int(rate * seconds) / (time.monotonic() - began)


def measure(options, cluster, folder):
    api = ClusterApi(cluster)
    names = [f"one-{number}" for number in range(options.pods)]
    for name in names:
        api("POST", PODS, pod(name))
    wait_for(lambda: all(one["status"].get("conditions") for one in cluster.get("pods")["items"]), "the scheduler", 600)
    redis = Redis(folder / "redis", free_port())
    heard, ready = {}, threading.Event()

    def take(_, text):
        now = time.time()
        if " adapter/ready " in text:
            ready.set()
        if turn := re.search(r'"turn":"(\d+)"', text):
            heard.setdefault(turn[1], now)
    redis.listen("galileo/events", handler=take)
    adapter = subprocess.Popen([options.galileo, "adapter", "--bus", redis.url, "--location", "local"], env=cluster.environment(),
                               stderr=open(folder / "adapter.log", "wb"))
    watch = subprocess.Popen([cluster.bin / "kubectl", "get", "pods", "-w", "-o", "jsonpath={.metadata.labels.turn}{'\\n'}"],
                             stdout=subprocess.PIPE, text=True, env=cluster.environment())
    seen = {}

    def read():
        for line in watch.stdout:
            seen.setdefault(line.strip(), time.time())
    threading.Thread(target=read, daemon=True).start()
    try:
        assert ready.wait(60), (folder / "adapter.log").read_text()
        time.sleep(5)
        figures = {"pods": options.pods, "rest_mib": round(memory_mib(adapter.pid), 1)}
        used, began = cpu_s(adapter.pid), time.monotonic()
        time.sleep(options.seconds)
        figures["rest_cpu_pct"] = round(100 * (cpu_s(adapter.pid) - used) / (time.monotonic() - began), 3)
        changes = Changes(cluster, names)
        used, began = cpu_s(adapter.pid), time.monotonic()
        figures["changes_s"] = round(changes.make(options.rate, options.seconds), 1)
        figures["busy_cpu_pct"] = round(100 * (cpu_s(adapter.pid) - used) / (time.monotonic() - began), 2)
        wait_for(lambda: len(heard) == len(changes.asked), lambda: f"{len(changes.asked) - len(heard)} more events", 30)
        time.sleep(1)
        figures["busy_mib"] = round(memory_mib(adapter.pid), 1)
        figures["delay_ms"] = percentiles([heard[turn] - at for turn, at in changes.asked.items()])
        figures["kubectl_delay_ms"] = percentiles([seen[turn] - at for turn, at in changes.asked.items() if turn in seen])
        return figures
    finally:
        watch.kill()
        adapter.terminate()
        adapter.wait()
        redis.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--galileo", default=os.environ.get("GALILEO_BINARY", str(ROOT / "build/release/galileo")))
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    if reason := kubernetes.why_not():
        sys.exit(f"adapter: {reason}")
    with tempfile.TemporaryDirectory() as folder, kubernetes.Cluster(nodes=1) as cluster:
        print(json.dumps(measure(options, cluster, Path(folder))))


if __name__ == "__main__":
    main()
