"""What a run says of real pods: requests through a gateway to two of them, one of which is deleted, held against what the API
server, the kernel and the pods themselves know."""
import json
import os
import socket
import time
from pathlib import Path

import cluster as kubernetes
import deployment
import image
import jsonschema
import pytest
from cluster_api import ClusterApi
from conftest import ROOT, accepts, free_port, wait_for

PODS = "/api/v1/namespaces/default/pods"
FILE = """
name: joined
bus: {bus}
services: {{hello-main: {{hosts: ["127.0.0.1:{gateway}"]}}}}
clients: [{{service: hello-main, rate: 100, duration: 22s, request: {{path: /function/hello}}}}]
limits: {{keep_headers: true}}
telemetry: {{nodes: [machine]}}
metadata: {{exp: {{app_name: hello, requests: {{no_pods: 2}}}}}}
"""


@pytest.fixture(scope="module")
def cluster(galileo):
    if reason := kubernetes.why_not():
        pytest.skip(reason)
    with kubernetes.Cluster(nodes=1) as made:
        made.load(image.program_image(made.folder / "galileo.tar", deployment.IMAGE, galileo))
        yield made


def pod(name):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"ether.edgerun.io/function": "hello", "ether.edgerun.io/zone": "main"}},
            "spec": {"terminationGracePeriodSeconds": 2, "automountServiceAccountToken": False, "containers": [{
                "name": "main", "image": deployment.IMAGE, "imagePullPolicy": "Never", "ports": [{"containerPort": 8080}],
                "command": ["galileo", "target", "--listen", "0.0.0.0:8080", "--delay", "5ms"]}]}}


def listens(ip):
    with socket.socket() as probe:
        return probe.connect_ex((ip, 8080)) == 0


@pytest.mark.alone
def test_requests_containers_and_weights_are_the_pods_that_the_api_server_knows(cluster, redis, start, run, tmp_path):
    server = redis()
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("telemd_", "galileo_"))}
    api = ClusterApi(cluster)
    node = cluster.get("nodes")["items"][0]["metadata"]["name"]
    cluster.kubectl("label", "node", node, "ether.edgerun.io/zone=main", "--overwrite")

    def adapter():
        return start("adapter", log=open(tmp_path / "adapter.log", "a"), env={
            **clean, "KUBECONFIG": str(cluster.folder / "admin.kubeconfig"), "telemd_kubernetes_adapter_location": "local",
            "telemd_kubernetes_adapter_redis_host": "127.0.0.1", "telemd_kubernetes_adapter_redis_port": str(server.port)})
    adapter()  # what it knows of nodes and pods is kept with the run
    wait_for(lambda: "ether.edgerun.io/zone" in (server("HGET", f"telemd.info:{node}", "labels") or ""), "the adapter", 60)
    start("telemd", "--node", "machine", "--bus", server.url, env={
        **clean, "telemd_cgroup_root": kubernetes.Cluster.cgroup_root(1), **{f"telemd_period_kubernetes_cgrp_{what}": "200ms" for what in ("cpu", "memory")}})
    wait_for(lambda: server("EXISTS", "telemd.info:machine"), "the daemon")
    (tmp_path / "w1").mkdir()
    start("worker", "--name", "w1", "--bus", server.url, "--traces", "redis", "--spool", tmp_path / "w1")
    wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker")
    gateway, weights = free_port(), tmp_path / "weights.json"

    def write(*pairs):
        value = {"ips": [f"{ip}:8080" for ip, _ in pairs], "weights": [weight for _, weight in pairs]}
        (tmp_path / "weights.new").write_text(json.dumps({"hello": value}))
        (tmp_path / "weights.new").rename(weights)
        # As whoever writes weights says; etcd isn't this test's matter.
        server("PUBLISH", "galileo/events", f"{time.time():.7f} weight_update " + json.dumps({"ts": time.time(), "fn": "hello", "zone": "main", "weights": value}))
    state = lambda name: api("GET", f"{PODS}/{name}")
    running = lambda name: state(name)["status"].get("containerStatuses", [{}])[0].get("state", {}).get("running")
    process = None
    try:
        write()
        start("gateway", "--zone", "main", "--node", "gw-main", "--listen", f"127.0.0.1:{gateway}", "--threads", 1, "--weights", weights)
        wait_for(lambda: accepts(gateway), "the gateway")
        api("POST", PODS, pod("hello-0"))
        wait_for(lambda: running("hello-0"), lambda: state("hello-0")["status"], 120)
        first = state("hello-0")["status"]
        wait_for(lambda: listens(first["podIP"]), "the pod to listen", 60)
        wait_for(lambda: first["podIP"] in str(server.hash("galileo:adapter:pods")), "the adapter to know it", 60)
        write((first["podIP"], 1))
        (tmp_path / "joined.yaml").write_text(FILE.format(bus=server.url, gateway=gateway))
        process = start("run", "joined.yaml", "-q", "--json", "result.json", "--report", "report.html", log=open(tmp_path / "run.log", "w"))
        wait_for(lambda: int(server("PUBSUB", "NUMSUB", "galileo/events")[1]), "the run to listen", 60)
        api("POST", PODS, pod("hello-1"))
        wait_for(lambda: running("hello-1"), lambda: state("hello-1")["status"], 120)
        second = state("hello-1")["status"]
        wait_for(lambda: listens(second["podIP"]), "the pod to listen", 60)
        write((first["podIP"], 1), (second["podIP"], 1))
        time.sleep(4)
        write((first["podIP"], 1))
        time.sleep(1)
        api("DELETE", f"{PODS}/hello-1")
        assert process.wait(180) in (0, 90), (tmp_path / "run.log").read_text()
        used = int(next(Path(f"/sys/fs/cgroup/cpuacct{cluster.cgroup_root(1)}").glob(f"**/{identity(first)}/cpuacct.usage")).read_text())
    finally:
        for name in ("hello-0", "hello-1"):
            cluster.kubectl("delete", "pod", name, "--ignore-not-found", "--wait=true", "--grace-period=1")
        api.close()
    result = json.loads((tmp_path / "result.json").read_text())
    jsonschema.validate(result, json.loads((ROOT / "schema/result.schema.json").read_text()))
    for told in (result, json.loads(run("exp", "show", "last", "--json").out)):
        check(told, node, first, second, used)


def identity(status):
    return status["containerStatuses"][0]["containerID"].removeprefix("containerd://")


def check(result, node, first, second, used):
    cluster = result["cluster"]
    assert result["metadata"]["exp"]["app_name"] == "hello"
    pods = {one["name"]: one for one in cluster["pods"]}
    one = pods["hello-1"]
    assert one["node"] == node and one["zone"] == "main" and one["ip"] == second["podIP"]
    assert one["containers"][0]["ids"] == [identity(second)]
    assert 0 < one["running_s"] < one["ended_s"]
    rows = {row["node"]: row for row in cluster["placement"]}
    assert pods["hello-0"]["containers"][0]["ids"] == [identity(first)] and pods["hello-0"]["ended_s"] is None
    assert cluster["nodes"] == [{"name": node, "zone": "main"}]
    assert rows[node]["application"] == "hello" and rows[node]["answered"] > 100 and rows[node]["failed"] == 0
    assert sum(row["answered"] for row in cluster["placement"]) == result["ledger"]["answered"]
    assert list(rows) == [node] and rows[node]["pods"] == 2, "each request is some pod's, those from before the adapter too"
    assert 0.005 <= rows[node]["execution_s"]["p50"] < 0.1 and rows[node]["latency_answered_s"]["p50"] >= rows[node]["execution_s"]["p50"] * 0.96
    # CPU of the container by the kernel's counter, within what it can have used.
    assert 0 < pods["hello-0"]["cpu_s"] * 1e9 <= used
    assert 0 < one["cpu_s"] < 10 and one["memory_max_bytes"] > 1e5
    assert rows[node]["cpu_s_per_request"] == pytest.approx(rows[node]["cpu_s"] / rows[node]["answered"])
    [replicas] = cluster["replicas"]
    assert replicas["count"] == [1, 2, 1]
    [weights] = cluster["weights"]
    assert {target["name"] or target["target"] for target in weights["targets"]} == {"hello-0", "hello-1"}
    [path] = [one for one in cluster["hops"] if one["way"]]
    assert path["gateways"] == ["gw-main"] and path["application"] == "hello" and all(leg["negative"] == 0 for leg in path["legs"])
    names = [mark["name"] for mark in result["events"]["list"] if mark["text"].startswith("hello-1") and mark["name"] not in ("kubernetes/event", "pod/pending")]
    assert names == ["pod/create", "scheduler/placed", "pod/running", "pod/shutdown", "container/exit", "pod/delete"]
    by_pod = {row["subsystem"].split("/")[0]: row["pod"] for row in result["telemetry"] if "pod" in row}
    assert by_pod[identity(first)] == "hello-0" and by_pod[identity(second)] == "hello-1"
