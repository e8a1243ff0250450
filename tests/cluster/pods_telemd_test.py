"""`galileo telemd` on a whole Kubernetes: pods that containerd and runc run, in every class of service, seen from the
machine and from a pod without any right, held against the kernel's own files."""
import json
import os
import re
import socket
import threading
import time
from pathlib import Path

import cluster as kubernetes
import deployment
import image
import pytest
from conftest import ROOT, wait_for
from telemetry_values import Values

FOUR = ("cpu", "memory", "blkio", "net")


@pytest.fixture(scope="module")
def cluster(galileo):
    if reason := kubernetes.why_not():
        pytest.skip(reason)
    with kubernetes.Cluster(nodes=1) as made:
        made.load(image.program_image(made.folder / "galileo.tar", deployment.IMAGE, galileo))
        yield made


@pytest.fixture
def server(cluster, redis):
    return redis(more=("--bind", f"127.0.0.1 {kubernetes.OUTSIDE}", "--protected-mode", "no"))


@pytest.fixture
def apply(cluster):
    """apply(object, ...): into the cluster, and out of it again with the test."""
    made = []

    def call(*objects):
        made.extend(objects)
        cluster.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
    yield call
    for one in made:
        cluster.kubectl("delete", one["kind"].lower(), one["metadata"]["name"], "--wait=true", "--ignore-not-found")


def pod(name, script, resources=None, **of_container):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": kubernetes.BUSYBOX, "imagePullPolicy": "Never", "command": ["sh", "-c", script],
                        "resources": resources or {}, **of_container}]}}


def ids_of(cluster, name):
    """The pod's container, once it runs."""
    state = lambda: cluster.get(f"pod/{name}")["status"].get("containerStatuses", [{}])[0]
    wait_for(lambda: "running" in state().get("state", {}), lambda: f"{name} to run: {state()}", 120)
    return state()["containerID"].removeprefix("containerd://")


def all_ids(cluster):
    """Of all containers on the node, those that hold pods open included."""
    return set(kubernetes.do(*cluster.in_node(1, "ctr", "-n", "k8s.io", "tasks", "ls", "-q")).split())


def group_of(controller, identity):
    found = list(Path(f"/sys/fs/cgroup/{controller}{kubernetes.Cluster.cgroup_root(1)}").glob(f"**/{identity}"))
    assert len(found) == 1, found
    return found[0]


def on_machine(start, server, node="machine", **env):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("telemd_", "galileo_"))}
    fast = {f"telemd_period_kubernetes_cgrp_{what}": "100ms" for what in FOUR}
    start("telemd", "--node", node, "--bus", server.url,
          env={**clean, **fast, "telemd_cgroup_root": kubernetes.Cluster.cgroup_root(1), **env})
    wait_for(lambda: server("EXISTS", f"telemd.info:{node}"), "the daemon")


def shape(topic):
    """A topic without the names of one machine: containers' ids and devices."""
    topic = re.sub(r"\b[0-9a-f]{64}\b", "<id>", topic)
    topic = re.sub(r"<id>/(?!lo\b)[^/]+", "<id>/<dev>", topic)
    return re.sub(r"^(rd|wr|tx|rx)/.*", r"\1/<dev>", topic)


def test_each_class_of_service_is_read_as_the_kernel_has_it(cluster, apply, server, start):
    """And with the topics that the old daemon was recorded with on such a cluster."""
    values = Values(server)
    on_machine(start, server)
    limits = {"cpu": "200m", "memory": "64Mi"}
    work = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 1000"
    apply(pod("besteffort", work), pod("burstable", work, {"requests": {"cpu": "50m"}}),
          pod("guaranteed", work, {"requests": limits, "limits": limits}))
    classes = {name: ids_of(cluster, name) for name in ("besteffort", "burstable", "guaranteed")}
    # Where the kubelet has put them: guaranteed pods lie directly under kubepods.
    parents = {name: group_of("cpuacct", identity).parent.parent.name for name, identity in classes.items()}
    assert parents == {"besteffort": "besteffort", "burstable": "burstable", "guaranteed": "kubepods"}
    last = lambda topic: values.of("machine").get(topic, [(0, -1)])[-1][1]
    for name, identity in classes.items():
        used = group_of("cpuacct", identity) / "cpuacct.usage"
        topic = f"kubernetes_cgrp_cpu/{identity}"
        wait_for(lambda: last(topic) > 20e6 and last(topic) == int(used.read_text()), lambda: f"{name}: {last(topic)}, {used.read_text()}", 60)
        memory = int((group_of("memory", identity) / "memory.usage_in_bytes").read_text())
        assert last(f"kubernetes_cgrp_memory/{identity}") == pytest.approx(memory, abs=1 << 20)
        assert last(f"kubernetes_cgrp_net/{identity}/eth0/rx") >= 0 and last(f"kubernetes_cgrp_blkio/{identity}") >= 0
    seen = values.of("machine")
    told = {topic.split("/")[1] for topic in seen if topic.startswith("kubernetes_cgrp_cpu/")}
    assert told == all_ids(cluster), "every container, those that hold pods open too, and none besides"
    recording = ROOT.parent / "shared/vectors/telemd.tsv"
    if recording.exists():
        old = {shape(line.split("\t")[0].removeprefix("telem/tn/")) for line in recording.read_text().splitlines()}
        missing = old - {shape(topic) for topic in seen} - {"freq"}  # this machine may not tell its clock rate
        assert not missing, missing
    assert values.malformed == []


def test_a_busy_loop_under_a_limit_takes_what_the_limit_gives(cluster, apply, server, start):
    values = Values(server)
    on_machine(start, server, telemd_instruments_enable="kubernetes_cgrp_cpu kubernetes_cgrp_throttled")
    limits = {"cpu": "200m", "memory": "64Mi"}
    apply(pod("spinner", "while true; do :; done", {"limits": limits}))
    identity = ids_of(cluster, "spinner")
    series = lambda what: values.of("machine").get(f"kubernetes_cgrp_{what}/{identity}", [])
    wait_for(lambda: series("cpu") and series("cpu")[-1][0] - series("cpu")[0][0] > 5, "five seconds of it", 60)
    (began, first), (ended, last) = series("cpu")[10], series("cpu")[-1]
    assert 0.1 < (last - first) / 1e9 / (ended - began) < 0.23, "no more; less only where others take the cores"
    # Held back most of the time, where nobody else takes it; on a busy machine it takes longer to add up.
    wait_for(lambda: series("throttled")[-1][1] - series("throttled")[0][1] > 1e9, "a second of being held back", 120)


def test_memory_disk_and_network_of_a_pod_are_what_was_counted(cluster, apply, server, start):
    values = Values(server)
    on_machine(start, server)
    listener = socket.create_server((kubernetes.OUTSIDE, 0))
    listener.settimeout(60)
    taken = []

    def take():
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(1 << 16):
                taken.append(len(data))
    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    port = listener.getsockname()[1]
    script = (f"until [ -e /tmp/go ]; do sleep 0.1; done; dd if=/dev/zero of=/dev/shm/m bs=1M count=30; dd if=/dev/zero of=/disk/f bs=1M count=8 oflag=direct;"
              f"dd if=/dev/zero bs=1M count=5 | nc {kubernetes.OUTSIDE} {port}; touch /tmp/done; sleep 1000")
    # The disk is a folder of the machine's: an overlay or memory would not be the device.
    one = pod("counted", script, volumeMounts=[{"name": "disk", "mountPath": "/disk"}])
    one["spec"]["volumes"] = [{"name": "disk", "emptyDir": {}}]
    apply(one)
    identity = ids_of(cluster, "counted")
    def series(what):
        metric, _, device = what.partition("/")
        return [value for _, value in values.of("machine").get("/".join(filter(None, (f"kubernetes_cgrp_{metric}", identity, device))), [])]
    wait_for(lambda: len(series("memory")) > 2 and len(series("net")) > 2 and len(series("blkio")) > 2, "its first values", 60)
    before = {what: series(what)[0] for what in ("blkio", "net", "net/eth0/tx")}
    # Newer kernels count under cgroup v1 only where something may be held back.
    group, disk = group_of("blkio", identity), os.stat(cluster.folder).st_dev
    (group / "blkio.throttle.write_bps_device").write_text(f"{os.major(disk)}:{os.minor(disk)} {1 << 40}")
    cluster.kubectl("exec", "counted", "--", "touch", "/tmp/go")
    wait_for(lambda: cluster.try_kubectl("exec", "counted", "--", "ls", "/tmp/done"), "the pod's work", 120)
    taker.join(30)
    assert sum(taken) == 5 << 20
    counted = lambda: int((group / "blkio.throttle.io_service_bytes").read_text().split()[-1])
    wait_for(lambda: series("blkio")[-1] == counted() and series("net/eth0/tx")[-1] - before["net/eth0/tx"] >= 5 << 20,
             lambda: f"the last values: {series('blkio')[-1]}, {counted()}", 30)
    grown = {what: series(what)[-1] - first for what, first in before.items()}
    assert max(series("memory")[:2]) < 20 << 20 and 30 << 20 <= series("memory")[-1] < 60 << 20
    assert 8 << 20 <= grown["blkio"] < 12 << 20
    assert 5 << 20 <= grown["net/eth0/tx"] < 6 << 20  # and headers
    assert grown["net"] >= grown["net/eth0/tx"]


def test_a_pod_is_read_soon_after_it_comes_and_no_more_when_it_has_gone(cluster, apply, server, start, port):
    values = Values(server)
    on_machine(start, server)
    apply(pod("passing", "sleep 1000"))
    identity = ids_of(cluster, "passing")
    began = cluster.get("pod/passing")["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
    series = lambda: values.of("machine").get(f"kubernetes_cgrp_cpu/{identity}", [])
    wait_for(series, "its first value", 60)
    began = time.mktime(time.strptime(began, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert series()[0][0] - began < 5, "half a second, but Kubernetes tells whole ones, and a busy machine adds to them"
    cluster.kubectl("delete", "pod", "passing", "--wait=true")
    wait_for(lambda: identity not in all_ids(cluster), "its end", 60)

    def is_quiet():
        count = len(series())
        time.sleep(1)
        return len(series()) == count
    wait_for(is_quiet, "no more values", 30)


def test_the_daemon_set_reads_from_a_pod_without_rights_what_is_read_on_the_machine(cluster, apply, server, start):
    """deployment/kubernetes/4-telemd.yaml with its ConfigMap, to read more often, with its Redis, and where this cluster's pods are."""
    values = Values(server)
    on_machine(start, server)
    config, one = (made for made in deployment.base_objects() if made["metadata"]["name"] in ("telemd-config", "telemd-cpu"))
    config["data"] |= {"telemd_redis_url": f"redis://{kubernetes.OUTSIDE}:{server.port}", "telemd_cgroup_root": kubernetes.Cluster.cgroup_root(1)}
    config["data"] |= {f"telemd_period_kubernetes_cgrp_{what}": "100ms" for what in FOUR}
    cluster.kubectl("label", "node", "node1", "--overwrite", "telemd.edgerun.io/mode=cpu")
    apply(config, one, pod("watched", "while true; do :; done", {"limits": {"cpu": "100m", "memory": "32Mi"}}))
    identity = ids_of(cluster, "watched")
    wait_for(lambda: server("EXISTS", "telemd.info:node1"), lambda: cluster.kubectl("describe", "pods", "-l", "app=telemd-cpu")[-1500:], 60)
    of = lambda node, what: values.of(node).get(f"kubernetes_cgrp_{what}/{identity}", [])
    wait_for(lambda: all(len(of("node1", what)) > 10 for what in FOUR), lambda: f"its values: {sorted(values.of('node1'))}", 60)
    time.sleep(0.5)
    # Who reads the same file a moment later sees no less, and no more than what a tenth of a core does meanwhile.
    for stamp, value in of("node1", "cpu")[2:-5]:
        before = [one for at, one in of("machine", "cpu") if at <= stamp]
        after = [one for at, one in of("machine", "cpu") if at >= stamp]
        assert (not before or before[-1] <= value) and (not after or value <= after[0])
    topics = lambda node: {shape(topic) for topic in values.of(node)}
    wait_for(lambda: topics("node1") >= topics("machine"), lambda: f"topics {topics('machine') - topics('node1')}", 60)
    assert topics("node1") == topics("machine")
    of_node = lambda node: {topic.split("/")[1] for topic in values.of(node) if topic.startswith("kubernetes_cgrp_cpu/")}
    assert of_node("node1") >= all_ids(cluster)
    # And that it has no right is Kubernetes' word.
    name = cluster.get("pods", "-l", "app=telemd-cpu")["items"][0]["metadata"]["name"]
    process = kubernetes.do(*cluster.in_node(1, "pgrep", "-f", "galileo telemd")).split()[0]
    status = kubernetes.do(*cluster.in_node(1, "cat", f"/proc/{process}/status"))
    assert re.search(r"^Uid:\s+65534\b", status, re.M) and re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    cluster.kubectl("delete", "pod", name, "--wait=true")
    wait_for(lambda: server("EXISTS", "telemd.info:node1"), "the one that takes its place", 60)
