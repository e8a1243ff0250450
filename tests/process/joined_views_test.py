"""What a run on a bus and its database say of pods, nodes, gateways and weights: joined from the events that a pod
adapter publishes, the telemetry of containers, and the headers of the answers (schema/result.schema.json, `cluster`)."""
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import jsonschema
import pytest
from conftest import ROOT, accepts, free_port, wait_for

VECTORS = ROOT.parent / "shared/vectors"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="what was recorded of the original isn't beside the checkout")
SCHEMA = json.loads((ROOT / "schema/result.schema.json").read_text())
FILE = """
name: joined
bus: {bus}
services: {{hello-zone-a: {{hosts: ["127.0.0.1:{gateway}"]}}}}
clients: [{{service: hello-zone-a, rate: 200, duration: 3s, request: {{path: /function/hello}}}}]
limits: {{keep_headers: true}}
telemetry: {{period: 200ms}}
"""
IDS = {"hello-0": "a" * 64, "hello-1": "b" * 64, "hello-1 again": "c" * 64}


def pod(name, node, ip, status="Running"):
    return {"podUid": f"uid-{name}", "containers": {"main": {"id": f"containerd://{IDS[name]}", "name": "main", "image": "hello:1", "port": 8080,
            "resource_requests": {"cpu": '"100m"'}, "resource_limits": {}}}, "namespace": "default", "hostIP": "192.168.0.2", "name": name, "nodeName": node,
            "podIP": ip, "qosClass": "Burstable", "startTime": None, "labels": {"ether.edgerun.io/function": "hello"}, "status": status}


class Adapter:
    """Says on the bus what happens in a cluster that isn't there, while a run listens."""

    def __init__(self, server):
        self.server, self.cpu, self.until = server, {}, time.monotonic() + 60
        self.stopped = threading.Event()
        self.redis = server.connect()
        self.thread = threading.Thread(target=self.life, daemon=True)
        self.thread.start()

    def tell(self, name, value):
        self.redis.command("PUBLISH", "galileo/events", f"{time.time():.7f} {name} {json.dumps(value) if not isinstance(value, str) else value}")

    def sample(self, node, of, cpu_s, memory):
        for metric, value in (("cpu", cpu_s * 1e9), ("memory", memory)):
            self.redis.command("PUBLISH", f"telem/{node}/kubernetes_cgrp_{metric}/{IDS[of]}", f"{time.time():.7f} {value:f}")

    def life(self):
        while not int(self.redis.command("PUBSUB", "NUMSUB", "galileo/events")[1]):
            assert time.monotonic() < self.until and not self.stopped.is_set()
            time.sleep(0.01)
        self.tell("pod/running", pod("hello-0", "n1", "127.0.0.2"))
        self.tell("pod/running", pod("hello-1", "n2", "127.0.0.3"))
        self.tell("weight_update", {"ts": time.time(), "fn": "hello", "zone": "zone-a", "weights": {"ips": ["127.0.0.2:1", "127.0.0.3:1"], "weights": [1, 1]}})
        for step in range(20):
            self.sample("n1", "hello-0", 10 + step * 0.1, 1e6)
            self.sample("n2", "hello-1" if step < 10 else "hello-1 again", step * 0.05 if step < 10 else (step - 10) * 0.05, 2e6)
            if step == 10:
                self.tell("container/oom", {"podUid": "uid-hello-1", "namespace": "default", "name": "hello-1", "nodeName": "n2", "container": "main",
                                            "id": f"containerd://{IDS['hello-1']}", "reason": "OOMKilled"})
                self.tell("container/restart", {"podUid": "uid-hello-1", "container": "main", "id": f"containerd://{IDS['hello-1 again']}",
                                                "previousId": f"containerd://{IDS['hello-1']}", "restarts": 1})
            if step == 15:
                self.tell("pod/shutdown", pod("hello-1", "n2", "127.0.0.3", "Not Running"))
                self.tell("pod/shutdown", pod("hello-1", "n2", "127.0.0.3"))
                self.tell("pod/delete", pod("hello-1", "n2", "127.0.0.3"))
            time.sleep(0.1)


@pytest.fixture
def joined(run, start, redis, tmp_path):
    """A run through a gateway to two pods that are programs of this machine: its result, and its own words."""
    server = redis()
    (tmp_path / "w1").mkdir()
    start("worker", "--name", "w1", "--bus", server.url, "--traces", "redis", "--spool", tmp_path / "w1")
    ports = {}
    for ip in ("127.0.0.2", "127.0.0.3"):
        with socket.create_server((ip, 0)) as taken:
            ports[ip] = taken.getsockname()[1]
        start("target", "--listen", f"{ip}:{ports[ip]}", "--delay", "5ms")
    gateway = free_port()
    weights = {"hello": {"ips": [f"{ip}:{port}" for ip, port in ports.items()], "weights": [3, 1]}}
    (tmp_path / "weights.json").write_text(json.dumps(weights))
    start("gateway", "--zone", "zone-a", "--node", "gw-a", "--listen", f"127.0.0.1:{gateway}", "--threads", 1, "--weights", tmp_path / "weights.json")
    wait_for(lambda: accepts(gateway), "the gateway")
    wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker to register")
    # The zone is known of one node by its labels, as the adapter writes them; of the other nobody knows it.
    server("HSET", "telemd.info:n1", "labels", '{"ether.edgerun.io/zone": "zone-a"}')
    (tmp_path / "joined.yaml").write_text(FILE.format(bus=server.url, gateway=gateway))
    adapter = Adapter(server)
    done = run("run", "joined.yaml", "-q", "--json", "result.json", "--report", "report.html")
    adapter.stopped.set()
    adapter.thread.join(10)
    assert done.ran, done
    return json.loads((tmp_path / "result.json").read_text()), done.out


def check(result):
    jsonschema.validate(result, SCHEMA)
    cluster = result["cluster"]
    assert cluster["nodes"] == [{"name": "n1", "zone": "zone-a"}, {"name": "n2", "zone": None}]
    first, second = cluster["placement"][:2]
    assert (first["application"], first["node"], first["zone"], first["pods"]) == ("hello", "n1", "zone-a", 1)
    assert (second["node"], second["zone"]) == ("n2", None)
    assert 2.8 < first["answered"] / second["answered"] < 3.2, "as the gateway's weights are"
    # All requests are in one of the rows.
    assert sum(row["answered"] for row in cluster["placement"]) == result["services"][0]["answered"]
    assert sum(row["failed"] for row in cluster["placement"]) == result["services"][0]["failed"]
    for row in (first, second):
        assert 0.005 <= row["execution_s"]["p50"] <= row["latency_answered_s"]["p50"] * 1.04 < 1
    # 1.9 s and twice 0.45 s were used, while they were measured.
    assert first["cpu_s"] == pytest.approx(1.9) and second["cpu_s"] == pytest.approx(0.9)
    assert first["cpu_s_per_request"] == pytest.approx(1.9 / first["answered"], rel=0.02)
    zero, one = sorted(cluster["pods"], key=lambda each: each["name"])
    assert zero["ended_s"] is None and 0 <= one["running_s"] < one["ended_s"]
    assert len(one["containers"][0]["ids"]) == 2 and one["memory_max_bytes"] == 2e6
    [total] = [row for row in cluster["replicas"] if row["node"] is None]
    assert total["function"] == "hello" and total["count"][-2:] == [2, 1], "its end was told three times"
    [weights] = cluster["weights"]
    assert weights["zone"] == "zone-a" and [target["name"] for target in weights["targets"]] == ["hello-0", "hello-1"]
    [path] = cluster["hops"]
    assert path["gateways"] == ["gw-a"] and path["application"] == "hello"
    assert [(leg["from"], leg["to"]) for leg in path["legs"]] == [("client", "gw-a"), ("gw-a", "hello"), ("hello", "hello"), ("hello", "client")]
    legs = [leg["time_s"]["mean"] for leg in path["legs"]]
    assert all(leg["negative"] == 0 for leg in path["legs"]), "one machine has one clock"
    assert sum(legs) == pytest.approx(result["service_time_s"]["mean"], rel=0.05), "they are the request, cut in pieces"
    assert path["way"]["time_s"]["mean"] == pytest.approx(sum(legs) - legs[2], rel=0.05)
    names = {row.get("pod") for row in result["telemetry"] if row["metric"] == "kubernetes_cgrp_cpu" and row["node"] in ("n1", "n2")}
    assert names == {"hello-0", "hello-1"}
    told = [mark["name"] for mark in result["events"]["list"]]
    assert told.count("pod/shutdown") == 2 and "container/oom" in told and "weight_update" in told and "phase/start" not in told


@pytest.mark.alone
def test_a_run_and_its_database_say_the_same_of_pods_nodes_hops_and_weights(joined, run, tmp_path):
    result, said = joined
    check(result)
    assert re.search(r"^  hello +n1 +1 +\d+ ", said, re.M) and re.search(r"^applications +node ", said, re.M), said
    stored = json.loads(run("exp", "show", "last", "--json").out)
    check(stored)
    # Times are numbers of another precision there; what was counted is the same.
    counted = lambda one: [[row[key] for key in ("application", "node", "answered", "failed", "pods")] for row in one["cluster"]["placement"]]
    assert counted(stored) == counted(result)
    assert [mark["name"] for mark in stored["events"]["list"]] == [mark["name"] for mark in result["events"]["list"]]
    if not shutil.which("node"):
        return
    for report in ("report.html", "again.html"):
        if report == "again.html":
            assert run("exp", "report", "last", "-o", report).code == 0
        done = subprocess.run(["node", "--test", "--test-reporter=tap", "test/report.test.mjs"], cwd=ROOT / "web", text=True, capture_output=True,
                              timeout=240, env={**os.environ, "REPORT": str(tmp_path / report)})
        assert re.search(r"^ok \d+ - a report that the program wrote", done.stdout, re.MULTILINE), done.stdout + done.stderr


@needs_vectors
@pytest.mark.quick
def test_what_the_old_recorder_kept_is_joined_too(run, tmp_path):
    shutil.copy(VECTORS / "original-experiment-2.sqlite", tmp_path / "old.sqlite")
    shown = json.loads(run("exp", "show", "202611241400-f1b6", "--db", "old.sqlite", "--json").out)
    jsonschema.validate(shown, SCHEMA)
    assert shown["metadata"]["params"]["exp"]["host"] == "n1"
    [pod] = shown["cluster"]["pods"]
    assert (pod["name"], pod["function"], pod["node"], pod["zone"]) == ("a-0", "a", "n1", "main")
    assert pod["running_s"] <= pod["ended_s"]
    assert [row["pod"] for row in shown["telemetry"] if row["metric"] == "kubernetes_cgrp_cpu"] == ["a-0"]
    # The gateway's header is there, of the application's own nothing is.
    path = next(one for one in shown["cluster"]["hops"] if one["application"] == "a")
    assert path["gateways"] == ["Gw-Main"] and path["way"] is None and len(path["legs"]) == 2
    # Its targets are nobody's that was told of: no node is made up.
    rows = shown["cluster"]["placement"]
    assert [row["answered"] for row in rows if row["node"] == "n1"] == [0]
    assert sum(row["answered"] for row in rows) == sum(row["answered"] for row in shown["services"])
    assert [mark["name"] for mark in shown["events"]["list"]][:2] == ["pod/create", "pod/running"]


@pytest.mark.quick
def test_a_run_without_a_cluster_has_none_and_its_events_are_marks(run, target, tmp_path):
    host = target().removeprefix("http://").rstrip("/")
    (tmp_path / "plain.yaml").write_text(f"""
name: plain
services: {{app: {{hosts: ["{host}"]}}}}
clients: [{{service: app, rate: 100, duration: 500ms}}]
events: [{{at: 200ms, event: deploy, value: "<b>v2</b>"}}]
telemetry: off
""")
    assert run("run", "plain.yaml", "-q", "--json", "result.json").ran
    result = json.loads((tmp_path / "result.json").read_text())
    jsonschema.validate(result, SCHEMA)
    assert result["cluster"] is None
    [mark] = result["events"]["list"]
    assert mark["name"] == "deploy" and mark["text"] == "<b>v2</b>" and 0.2 <= mark["t_s"] < 5
