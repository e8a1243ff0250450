"""deployment/ on a whole Kubernetes with two nodes: workers, telemetry, gateways and adapter as pods by the files as they
stand, with the addresses of a Redis and an etcd outside; experiments through the gateways to applications in pods; the old
system's files replaced in place; and nothing left when they are taken away."""
import copy
import json
import os
import re
import sqlite3
import shutil
import subprocess
import time
from pathlib import Path

import cluster as kubernetes
import deployment
import image
import pytest
import yaml
from conftest import ROOT, wait_for
from etcd_server import Etcd
from outside import outside
from telemetry_values import Values

OUTSIDE = kubernetes.OUTSIDE
NODES = {"node1": "10.87.0.11", "node2": "10.87.0.12"}
LABELS = ("node-role.kubernetes.io/client", "node-role.kubernetes.io/worker", "node-role.kubernetes.io/controller",
          "ether.edgerun.io/zone", "telemd.edgerun.io/mode")


@pytest.fixture(scope="module")
def cluster(galileo):
    if reason := kubernetes.why_not():
        pytest.skip(reason)
    with kubernetes.Cluster(nodes=2, names=True) as made:
        made.load(image.program_image(made.folder / "galileo.tar", deployment.IMAGE, galileo))
        for program, name in (("redis-server", "docker.io/library/redis:7"), ("etcd", "gcr.io/etcd-development/etcd:v3.5.21")):
            made.load(image.programs_image(made.folder / f"{program}.tar", name, Path("/usr/bin") / program))
        yield made


@pytest.fixture
def label(cluster):
    """label("node1", "ether.edgerun.io/zone=main", ...), until the test is over."""
    def call(node, *labels):
        cluster.kubectl("label", "node", node, "--overwrite", *labels)
    yield call
    for node in NODES:
        cluster.kubectl("label", "node", node, *(f"{name}-" for name in LABELS))


@pytest.fixture
def server(cluster, redis):
    return redis(more=("--bind", f"127.0.0.1 {OUTSIDE}", "--protected-mode", "no"))


@pytest.fixture
def etcd(cluster, tmp_path):
    made = Etcd(tmp_path, also=[OUTSIDE])
    yield made
    made.stop()


@pytest.fixture
def apply(cluster):
    """apply("-k", folder): into the cluster, and out of it again with the test, to the last object."""
    made = []

    def call(*words, text=None):
        made.append((words, text))
        return cluster.kubectl("apply", *words, text=text)
    yield call
    for words, text in reversed(made):
        cluster.kubectl("delete", "--wait=true", "--ignore-not-found", *words, text=text)


def copied(folder):
    """deployment/, whose daemons look for containers where this cluster's nodes have them."""
    files = deployment.copy(folder)
    path = files / "kubernetes/4-telemd.yaml"
    name = "            - name: telemd_nodename\n"
    assert name in path.read_text()
    own = f"            - {{name: telemd_cgroup_root, value: {kubernetes.Cluster.cgroup_root('')[:-len('node')]}$(telemd_nodename)}}\n"
    before, after = path.read_text().split("          livenessProbe:\n")
    path.write_text(before + own + "          livenessProbe:\n" + after)
    return files


def tool(name):
    """A program that is built once; the test is left out where it can't be had."""
    built = subprocess.run(outside(kubernetes.HERE / "tool.sh", name), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if built.returncode != 0:
        pytest.skip(f"{name} can't be built: {built.stderr.strip().splitlines()[-1]}")
    return built.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def helm():
    return tool("helm")


def rolled_out(cluster, *names):
    for name in names:
        try:
            cluster.kubectl("rollout", "status", name, "--timeout=120s")
        except RuntimeError as error:
            raise AssertionError(f"{error}\n{cluster.kubectl('describe', 'pods')[-4000:]}")


def pods(cluster, selector):
    found = cluster.get("pods", "-l", selector)["items"]
    return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def leftovers(cluster):
    kinds = "pods,daemonsets,deployments,replicasets,configmaps,secrets,services,serviceaccounts,networkpolicies,roles,rolebindings,clusterroles,clusterrolebindings"
    words = cluster.kubectl("get", kinds, "-o", "name").split()
    ours = re.compile(r"galileo|telemd|load-balancer|redis|etcd|mariadb|influxdb")
    return [word for word in words if ours.search(word)]


def application(name, zone, node):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"{name}-deployment-{node}-0", "labels": {"ether.edgerun.io/function": name, "ether.edgerun.io/zone": zone}},
            "spec": {"nodeSelector": {"kubernetes.io/hostname": node}, "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
                     "containers": [{"name": f"{name}-deployment-{node}-0", "image": deployment.IMAGE, "command": ["galileo", "target", "--listen", "0.0.0.0:8080", "--delay", "5ms"],
                                     "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}]}}


def address_of(cluster, pod):
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=120s")
    return cluster.get(f"pod/{pod}")["status"]["podIP"] + ":8080"


def process_of(cluster, node, command):
    return kubernetes.do(*cluster.in_node(node, "pgrep", "-f", f"^galileo {command}")).split()[0]


def rights_of(cluster, node, command):
    process = process_of(cluster, node, command)
    status = kubernetes.do(*cluster.in_node(node, "cat", f"/proc/{process}/status"))
    return {name: re.search(rf"^{name}:\s+(\w+)", status, re.M)[1] for name in ("Uid", "CapEff", "NoNewPrivs", "Seccomp")}


LEAST = {"Uid": "65534", "CapEff": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}


def experiment(clients, gateways):
    """An experiment of (zone, function) clients, each of which sends through its zone's gateway."""
    return yaml.safe_dump({
        "name": "deployed", "creator": "test", "seed": 7, "limits": {"keep_headers": True},
        "services": {f"{function}-{zone}": {"hosts": {f"{gateways[zone]}:8080": 1}} for zone, function in clients},
        "clients": [{"service": f"{function}-{zone}", "num": 2, "worker_labels": {"galileo_zone": zone}, "request": {"method": "get", "path": f"/function/{function}/some/path"},
                     "arrival": {"distribution": "constant", "parameters": [0.02]}, "requests": 50} for zone, function in clients]})


def traces_of(database):
    rows = sqlite3.connect(database).execute("SELECT CLIENT, STATUS, SENT, DONE, HEADERS FROM traces")
    return [{"client": client, "status": status, "sent": sent, "done": done, **json.loads(headers)} for client, status, sent, done, headers in rows]


def test_one_zone_by_the_files_as_they_stand(cluster, label, server, etcd, apply, run, tmp_path):
    """kubectl apply -f deployment/kubernetes, with the addresses changed in the files."""
    values = Values(server)
    events = server.listen("galileo/events")
    files = copied(tmp_path)
    deployment.change((files / "kubernetes").glob("*.yaml"), **deployment.addresses(OUTSIDE, server.port, etcd.port))
    label("node1", "node-role.kubernetes.io/client=true", "ether.edgerun.io/zone=main", "telemd.edgerun.io/mode=cpu")
    label("node2", "node-role.kubernetes.io/controller=true", "node-role.kubernetes.io/worker=true", "ether.edgerun.io/zone=main", "telemd.edgerun.io/mode=cpu")
    apply("-f", files / "kubernetes")
    rolled_out(cluster, "ds/galileo-worker-main", "ds/telemd-cpu", "ds/go-load-balancer-deployment-main")

    # The worker is the pod, on the client node, with its zone as a label and no secret among them.
    worker, = pods(cluster, "app=galileo-worker-main")
    assert worker["spec"]["nodeName"] == "node1" and rights_of(cluster, 1, "worker") == LEAST
    name = worker["metadata"]["name"]
    wait_for(lambda: server("SMEMBERS", "galileo:workers") == [name], lambda: f"the worker: {server('SMEMBERS', 'galileo:workers')}", 60)
    assert server.hash(name)["galileo_zone"] == "main" and "password" not in str(server.hash(name))
    # Telemetry of both nodes, by their names, with what their containers take.
    wait_for(lambda: all(server("EXISTS", f"telemd.info:{node}") for node in NODES), "telemd's nodes", 60)
    identity = worker["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    assert rights_of(cluster, 1, "telemd") == LEAST and cluster.get("ds/telemd-gpu")["status"]["desiredNumberScheduled"] == 0
    # The adapter, which needs no right beside its account's.
    rolled_out(cluster, "deployment/telemd-kubernetes-adapter")
    seen = []

    def told_of(pod):
        while not events.messages.empty():
            seen.append(events.messages.get()[1].split(" ", 2))
        return [word for _, word, *value in seen if value and json.loads(value[0]).get("name") == pod and word.startswith("pod/")]
    wait_for(lambda: told_of(name), "the worker's pod", 60)
    wait_for(lambda: all(json.loads(server.hash(f"telemd.info:{node}").get("labels", "{}")).get("ether.edgerun.io/zone") == "main" for node in NODES), "the nodes' labels", 60)
    adapter, = pods(cluster, "app=telemd-kubernetes-adapter")
    assert rights_of(cluster, int(adapter["spec"]["nodeName"].removeprefix("node")), "adapter") == LEAST
    # The gateway, at its node's address.
    gateway, = pods(cluster, "app=go-load-balancer")
    assert gateway["spec"]["nodeName"] == "node2" and rights_of(cluster, 2, "gateway") == LEAST
    told = subprocess.run(["curl", "-s", f"http://{NODES['node2']}:8080/function/none"], capture_output=True, text=True).stdout
    assert "main" in told, told

    apply("-f", "-", text=json.dumps(application("hello", "main", "node2")))
    target = address_of(cluster, "hello-deployment-node2-0")
    assert run("gateway", "weights", "set", "--zone", "main", "hello", f"{target}=1", "--etcd", etcd.address).code == 0
    (tmp_path / "experiment.yaml").write_text(experiment([("main", "hello")], {"main": NODES["node2"]}))
    done = run("run", "experiment.yaml", "--bus", server.url, "--db", "of-one.sqlite", timeout=180)
    assert done.ran, done
    traces = traces_of(tmp_path / "of-one.sqlite")
    assert len(traces) == 100 and {trace["status"] for trace in traces} == {200}
    for trace in traces:
        assert trace["client"].startswith(f"{name}:hello-main:")
        assert trace["X-Final-Host"] == target and trace["X-Forwarded-For"] == "node2"
        times = [trace["sent"], float(trace["X-Forwarded-Host-Node2"]), float(trace["X-Start"]), float(trace["X-End"]), trace["done"]]
        assert times == sorted(times) and float(trace["X-End"]) - float(trace["X-Start"]) >= 0.005, trace
    wait_for(lambda: "pod/running" in told_of("hello-deployment-node2-0"), lambda: f"the application's pod: {seen[-5:]}", 60)
    of_container = lambda: {topic.split("/")[0] for topic in values.of("node1") if identity in topic}
    four = {f"kubernetes_cgrp_{what}" for what in ("cpu", "memory", "blkio", "net")}
    wait_for(lambda: of_container() == four, lambda: f"the container's values: {of_container()}", 60)
    assert {"cpu", "ram", "load1", "procs"} <= set(values.of("node2"))
    # Told to end, each does at once, also as the first process of its container.
    for node, command in ((1, "worker"), (1, "telemd"), (2, "gateway"), (int(adapter["spec"]["nodeName"].removeprefix("node")), "adapter")):
        process = process_of(cluster, node, command)
        kubernetes.do(*cluster.in_node(node, "kill", process))
        began = time.monotonic()
        alive = cluster.in_node(node, "test", "-e", f"/proc/{process}")
        wait_for(lambda: subprocess.run(alive).returncode != 0, f"{command} to end", 60)
        # A second, and what looking takes on a busy machine; without an answer to the signal it would be thirty.
        assert time.monotonic() - began < 5, f"{command} took {time.monotonic() - began:.1f} s to end"


def test_several_zones_by_kustomize(cluster, label, server, etcd, apply, run, tmp_path):
    """kubectl apply -k deployment/kustomize/several-zones: two zones, one application that is in one of them only, and one in both."""
    files = copied(tmp_path)
    gateways = {"zone-a": NODES["node1"], "zone-b": NODES["node2"]}
    overlay = files / "kustomize/several-zones"
    deployment.change([overlay / "kustomization.yaml"], gateways=" ".join(f"{address}:8080" for address in gateways.values()),
                      **deployment.addresses(OUTSIDE, server.port, etcd.port))
    for node, zone in zip(NODES, gateways):
        label(node, "node-role.kubernetes.io/client=true", "node-role.kubernetes.io/controller=true", "node-role.kubernetes.io/worker=true",
              f"ether.edgerun.io/zone={zone}", "telemd.edgerun.io/mode=cpu")
    apply("-k", overlay)
    rolled_out(cluster, "ds/telemd-cpu", *(f"ds/{name}-{zone}" for name in ("galileo-worker", "go-load-balancer-deployment") for zone in gateways))
    # Each zone's on its node, and told of by what finds them: labels, names.
    found = {one["metadata"]["labels"]["ether.edgerun.io/zone"]: one for one in pods(cluster, "type=api-gateway")}
    assert {zone: one["status"]["podIP"] for zone, one in found.items()} == gateways
    assert all(one["metadata"]["name"].startswith(f"go-load-balancer-deployment-{zone}-") for zone, one in found.items())
    workers = {one["metadata"]["labels"]["ether.edgerun.io/zone"]: one["metadata"]["name"] for one in pods(cluster, "ether.edgerun.io/function=client")}
    assert all(workers[zone].startswith(f"galileo-worker-{zone}-") for zone in gateways)
    wait_for(lambda: sorted(server("SMEMBERS", "galileo:workers")) == sorted(workers.values()), "the workers", 60)
    assert {server.hash(name)["galileo_zone"] for name in workers.values()} == set(gateways)

    applications = [application("both", "zone-a", "node1"), application("both", "zone-b", "node2"), application("far", "zone-b", "node2")]
    apply("-f", "-", text="\n---\n".join(map(json.dumps, applications)))
    both = {zone: address_of(cluster, f"both-deployment-{node}-0") for node, zone in zip(NODES, gateways)}
    far = address_of(cluster, "far-deployment-node2-0")
    a, b = (f"{address}:8080" for address in gateways.values())
    for zone, function, *targets in (("zone-a", "both", both["zone-a"], b), ("zone-b", "both", both["zone-b"], a), ("zone-b", "far", far), ("zone-a", "far", b)):
        assert run("gateway", "weights", "set", "--zone", zone, function, *targets, "--etcd", etcd.address).code == 0
    (tmp_path / "experiment.yaml").write_text(experiment([("zone-a", "far"), ("zone-a", "both"), ("zone-b", "both")], gateways))
    done = run("run", "experiment.yaml", "--bus", server.url, "--db", "of-two.sqlite", timeout=180)
    assert done.ran, done
    traces = traces_of(tmp_path / "of-two.sqlite")
    assert len(traces) == 300 and {trace["status"] for trace in traces} == {200}
    of = lambda zone, function: [trace for trace in traces if trace["client"].startswith(f"{workers[zone]}:{function}-{zone}:")]
    # From the zone that hasn't the application: over both gateways, the first one's words first.
    for trace in of("zone-a", "far"):
        assert trace["X-Final-Host"] == f"{b}, {far}" and trace["X-Forwarded-For"] == "node1, node2"
        times = [trace["sent"], float(trace["X-Forwarded-Host-Node1"]), float(trace["X-Forwarded-Host-Node2"]), float(trace["X-Start"]), float(trace["X-End"]), trace["done"]]
        assert times == sorted(times), trace
    # Where both have it: half of it here, half over there, and nothing goes round in circles.
    for zone, own, other in (("zone-a", both["zone-a"], f"{b}, {both['zone-b']}"), ("zone-b", both["zone-b"], f"{a}, {both['zone-a']}")):
        taken = [trace["X-Final-Host"] for trace in of(zone, "both")]
        assert len(taken) == 100 and set(taken) == {own, other} and 40 <= taken.count(own) <= 60, taken


# The old system's objects, as its files have them: of the zone main, with an application's ConfigMap that isn't ours.
def old_daemon_set(name, selector, labels, pod):
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": selector}, "template": {"metadata": {"labels": {**selector, **labels}}, "spec": pod}}}


def old_telemd(mode):
    return old_daemon_set(f"telemd-{mode}", {"app": f"telemd-{mode}"}, {}, {
        "nodeSelector": {"telemd.edgerun.io/mode": mode}, "hostNetwork": True,
        "volumes": [{"name": "sys", "hostPath": {"path": "/sys"}}, {"name": "proc", "hostPath": {"path": "/proc"}}],
        "containers": [{"name": "telemd", "image": "edgerun/telemd:0.9.5", "securityContext": {"privileged": True}, "envFrom": [{"configMapRef": {"name": "telemd-config"}}],
                        "env": [{"name": "telemd_nodename", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                        "volumeMounts": [{"name": "sys", "mountPath": "/sys"}, {"name": "proc", "mountPath": "/proc_host"}]}]})


ZONE = {"ether.edgerun.io/zone": "main"}
OLD = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "galileo-worker-config-main"},
     "data": {"galileo_redis_host": "host", "galileo_redis_password": "password", "galileo_trace_logging": "redis", "galileo_logging_level": "WARN", "galileo_zone": "main"}},
    old_daemon_set("galileo-worker-main", {"app": "galileo-worker-main"}, {**ZONE, "ether.edgerun.io/function": "client"}, {
        "nodeSelector": {"node-role.kubernetes.io/client": "true", **ZONE},
        "containers": [{"name": "galileo-worker", "image": "edgerun/galileo:0.10.4.dev1", "command": ["python", "-u", "-m", "galileo.cli.worker"],
                        "envFrom": [{"configMapRef": {"name": "galileo-worker-config-main"}}]}]}),
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "telemd-config"}, "data": {"telemd_redis_url": "redis-url", "telemd_period_cpu": "1s"}},
    old_telemd("cpu"), old_telemd("gpu"),
    old_daemon_set("go-load-balancer-deployment-main", {"app": "go-load-balancer"}, {"type": "api-gateway"}, {
        "hostNetwork": True, "nodeSelector": {"node-role.kubernetes.io/controller": "true", **ZONE},
        "containers": [{"name": "go-load-balancer", "image": "edgerun/go-load-balancer:0.1.8", "ports": [{"containerPort": 8080, "hostPort": 8080}],
                        "env": [{"name": f"eb_go_lb_{name}", "value": value} for name, value in (
                            ("etcd_host", "ip:port"), ("zone", "main"), ("handler_type", "wrr"), ("listen_port", "8080"), ("mode", "dev"), ("gateways", "10.0.0.1:8080"))]
                        + [{"name": "eb_go_lb_node_name", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}]}),
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "telemd-kubernetes-adapter-config"},
     "data": {"telemd_kubernetes_adapter_redis_host": "host", "telemd_kubernetes_adapter_redis_port": "6379", "telemd_kubernetes_adapter_location": "cluster"}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "telemd-kubernetes-adapter"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": "telemd-kubernetes-adapter"}}, "template": {
            "metadata": {"labels": {"app": "telemd-kubernetes-adapter"}}, "spec": {
                "nodeSelector": {"kubernetes.io/hostname": "no-such-node"}, "tolerations": [{"key": "node-role.kubernetes.io/master", "operator": "Exists", "effect": "NoSchedule"}],
                "containers": [{"name": "telemd-kubernetes-adapter", "image": "edgerun/telemd-kubernetes-adapter:0.1.20",
                                "envFrom": [{"configMapRef": {"name": "telemd-kubernetes-adapter-config"}}]}]}}}},
]
WAYS = ["kubectl apply -f", "kubectl apply -k", "kustomize build", "helm upgrade --take-ownership"]


@pytest.fixture
def chart(cluster, request):
    """chart(folder): the chart installed over what there is; uninstalled with the test."""
    installed = []

    def call(folder):
        helm = request.getfixturevalue("helm")
        installed.append(helm)
        kubernetes.do(helm, "upgrade", "--install", "galileo", folder, "--namespace", "default", "--take-ownership", env=cluster.environment())
    yield call
    for helm in installed:
        kubernetes.do(helm, "uninstall", "galileo", "--namespace", "default", "--wait", env=cluster.environment())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("made_by", ["apply", "create"])
def test_an_old_cluster_is_updated_in_place(cluster, apply, chart, tmp_path, made_by, way):
    """The same objects, by their uids, with our programs in them; `create` as the old library and others make objects."""
    files = deployment.copy(tmp_path)
    cluster.kubectl(made_by, "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": copy.deepcopy(OLD)}))
    read = lambda: {deployment.key(one): cluster.get(one["kind"].lower(), one["metadata"]["name"]) for one in OLD}
    before = read()
    if way.startswith("kubectl"):
        apply(way.split()[-1], files / "kubernetes")
    elif way.startswith("kustomize"):
        apply("-f", "-", text=kubernetes.do(tool("kustomize"), "build", files / "kustomize/one-zone"))
    else:
        chart(files / "helm/galileo")
    after = read()
    assert {name: one["metadata"]["uid"] for name, one in after.items()} == {name: one["metadata"]["uid"] for name, one in before.items()}
    for name, one in after.items():
        if not (pod := deployment.pod_of(one)):
            continue
        container, = pod["containers"]
        assert container["image"] == deployment.IMAGE.removeprefix("docker.io/library/") and container["command"][0] == "galileo", name
        assert container["securityContext"]["privileged"] is False and pod["securityContext"]["runAsNonRoot"] is True
        assert one["spec"]["selector"] == before[name]["spec"]["selector"]
    # In a value only what stands before it is known.
    variables = [one["name"] for one in deployment.pod_of(after["DaemonSet", "go-load-balancer-deployment-main"])["containers"][0]["env"]]
    assert variables.index("etcd_host") < variables.index("eb_go_lb_etcd_host")
    assert max(map(variables.index, ("own_ip", "gateways"))) < variables.index("eb_go_lb_gateways")
    assert after["ConfigMap", "telemd-config"]["data"]["telemd_redis_url"] == "redis://redis:6379"


def test_pods_of_the_old_system_make_room_for_ours(cluster, label, server, etcd, apply, tmp_path):
    """As they run, with the gateway's port taken: each is replaced on its node."""
    for node in NODES:
        label(node, "node-role.kubernetes.io/client=true", "node-role.kubernetes.io/controller=true", "ether.edgerun.io/zone=main", "telemd.edgerun.io/mode=cpu")
    old = [one for one in copy.deepcopy(OLD) if one["kind"] != "Deployment"]
    for one in old:
        for container in (deployment.pod_of(one) or {}).get("containers", ()):
            container |= {"image": kubernetes.BUSYBOX, "command": ["sleep", "1000"]}
            one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    apply("-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": old}))
    daemons = ["ds/galileo-worker-main", "ds/telemd-cpu", "ds/go-load-balancer-deployment-main"]
    rolled_out(cluster, *daemons)
    daemons_of = lambda: pods(cluster, "app in (galileo-worker-main, telemd-cpu, go-load-balancer)")
    assert [one["spec"]["containers"][0]["image"] for one in daemons_of()] == [kubernetes.BUSYBOX] * 3 * len(NODES)
    files = copied(tmp_path)
    deployment.change((files / "kubernetes").glob("*.yaml"), **deployment.addresses(OUTSIDE, server.port, etcd.port))
    apply("-f", files / "kubernetes")
    rolled_out(cluster, *daemons)
    after = daemons_of()
    assert len(after) == 3 * len(NODES) and all(one["spec"]["containers"][0]["command"][0] == "galileo" for one in after)
    assert sorted(server("SMEMBERS", "galileo:workers")) == sorted(one["metadata"]["name"] for one in after if one["metadata"]["name"].startswith("galileo-worker"))


# What Kubernetes' own strictest level says against pods of ours, all of it for a reason that docs/how-to/kubernetes.md names.
TELEMD_BEYOND = {"host namespaces", "restricted volume types", "probe or lifecycle host"}
BEYOND_RESTRICTED = {"telemd-cpu": TELEMD_BEYOND, "telemd-gpu": TELEMD_BEYOND, "go-load-balancer-deployment-main": {"host namespaces", "hostPort", "probe or lifecycle host"}}


def test_pods_ask_for_no_more_than_the_strictest_level_allows_but_where_it_is_said(cluster, apply):
    apply("-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
    trial = deployment.documents(cluster.kubectl("kustomize", deployment.FILES / "kustomize/trial"))
    found = {}
    for one in trial:
        if not (spec := deployment.pod_of(one)):
            continue
        spec.pop("serviceAccountName", None)  # it has none there
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": one["metadata"]["name"], "namespace": "strict"}, "spec": spec}
        told = subprocess.run([str(cluster.bin / "kubectl"), "create", "--dry-run=server", "-f", "-"], input=json.dumps(made), text=True, capture_output=True, env=cluster.environment())
        if told.returncode != 0:
            reasons = told.stderr.split('violates PodSecurity "restricted:latest": ')[1]
            found[one["metadata"]["name"]] = {reason.strip() for reason in re.split(r" \([^()]*\)(?:, )?", reasons) if reason.strip()}
    assert found == BEYOND_RESTRICTED
    assert len([one for one in trial if deployment.pod_of(one)]) == 9


ZONES_OF_THE_OVERLAY = ["--set", "zones={zone-a,zone-b}", "--set", "gateways={10.0.0.1:8080,10.0.0.2:8080}"]


@pytest.mark.parametrize("overlay, values", [("one-zone", []), ("several-zones", ZONES_OF_THE_OVERLAY), ("gpu", ["--set", "gpu.runtimeClassName=nvidia"])])
def test_the_chart_makes_what_kustomize_makes(cluster, helm, overlay, values):
    of_helm = kubernetes.do(helm, "template", "galileo", deployment.FILES / "helm/galileo", "--namespace", "default", *values)
    of_kustomize = cluster.kubectl("kustomize", deployment.FILES / "kustomize" / overlay)
    objects = [{deployment.key(one): one for one in deployment.documents(text)} for text in (of_helm, of_kustomize)]
    assert objects[0].keys() == objects[1].keys()
    for name, one in objects[0].items():
        assert one == objects[1][name], name


@pytest.fixture
def with_policies(tmp_path):
    """An overlay of one's own: another one, with the policies laid over it, for nodes of that network."""
    def call(overlay, nodes):
        files = deployment.copy(tmp_path)
        deployment.change([files / "kustomize/network-policies/nodes.yaml"], cidr=nodes)
        own = files / "kustomize/own"
        own.mkdir()
        own.joinpath("kustomization.yaml").write_text(yaml.safe_dump({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [f"../{overlay}"], "components": ["../network-policies"]}))
        return own
    return call


def test_policies_let_nodes_in_by_their_addresses(cluster, helm, with_policies):
    """This cluster's network obeys no policies, and its kernel has no queue for who would: read, and accepted by the API server."""
    text = cluster.kubectl("kustomize", with_policies("trial", "10.87.0.0/24"))
    policies = {one["metadata"]["name"]: one["spec"] for one in deployment.documents(text) if one["kind"] == "NetworkPolicy"}
    told = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
    assert told.count("networkpolicy.networking.k8s.io") == len(policies) == 4 and "192.168" not in text
    nodes = {"ipBlock": {"cidr": "10.87.0.0/24"}}
    assert {name: spec["ingress"][0]["from"][0] for name, spec in policies.items()} == {
        "galileo-workers": nodes, "galileo-applications": nodes, "galileo-servers": nodes, "telemd-kubernetes-adapter": nodes}
    assert all(spec["policyTypes"] == ["Ingress"] for spec in policies.values()), "experiments may send anywhere"
    # Each selects what it is for: the pods of the base, of a trial, and applications.
    labels = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in deployment.documents(text) if deployment.pod_of(one)}
    labels["application"] = application("any", "main", "node1")["metadata"]["labels"]

    def selects(selector, these):
        return all(these.get(name) == value for name, value in selector.get("matchLabels", {}).items()) and all(
            {"Exists": one["key"] in these, "In": these.get(one["key"]) in one.get("values", ()), "NotIn": these.get(one["key"]) not in one.get("values", ())}[one["operator"]]
            for one in selector.get("matchExpressions", ()))
    chosen = {name: {pod for pod, these in labels.items() if selects(spec["podSelector"], these)} for name, spec in policies.items()}
    assert chosen == {"galileo-workers": {"galileo-worker-main"}, "telemd-kubernetes-adapter": {"telemd-kubernetes-adapter"},
                      "galileo-applications": {"application"}, "galileo-servers": {"redis", "etcd", "mariadb", "influxdb"}}


def test_the_chart_makes_the_same_policies(cluster, helm, with_policies):
    of_helm = kubernetes.do(helm, "template", "galileo", deployment.FILES / "helm/galileo", "--namespace", "default", "--set", "networkPolicies.nodes=10.1.0.0/16")
    of_kustomize = cluster.kubectl("kustomize", with_policies("one-zone", "10.1.0.0/16"))
    first, second = ({deployment.key(one): one for one in deployment.documents(text)} for text in (of_helm, of_kustomize))
    assert first == second and ("NetworkPolicy", "galileo-applications") in first


def test_the_chart_s_fault_agent_is_the_component_s(cluster, helm, tmp_path):
    of_helm = kubernetes.do(helm, "template", "galileo", deployment.FILES / "helm/galileo", "--namespace", "default", "--set", "chaos.enabled=true")
    own = deployment.copy(tmp_path) / "kustomize/own"
    own.mkdir()
    own.joinpath("kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": ["../one-zone"], "components": ["../chaos"]}))
    of_kustomize = cluster.kubectl("kustomize", own)
    first, second = ({deployment.key(one): one for one in deployment.documents(text)} for text in (of_helm, of_kustomize))
    assert first == second and ("DaemonSet", "galileo-chaos") in first
    told = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", deployment.FILES / "kustomize/chaos/chaos.yaml")
    assert told.count("created (server dry run)") == 2, told


def test_the_chart_s_values_come_to_their_places(helm):
    values = ["image.repository=registry.example/galileo", "image.tag=9.9.9", "redis.host=10.1.1.1", "redis.port=7000", "etcd=10.1.1.2:2379", "zones={edge}"]
    text = kubernetes.do(helm, "template", "galileo", deployment.FILES / "helm/galileo", "--namespace", "lab", *(word for value in values for word in ("--set", value)))
    found = {deployment.key(one): one for one in deployment.documents(text)}
    assert {container["image"] for one in found.values() if deployment.pod_of(one) for container in deployment.pod_of(one)["containers"]} == {"registry.example/galileo:9.9.9"}
    assert found["ConfigMap", "galileo-worker-config-edge"]["data"] | {"galileo_logging_level": ""} == {
        "galileo_redis_host": "10.1.1.1", "galileo_redis_port": "7000", "galileo_trace_logging": "redis", "galileo_logging_level": "", "galileo_zone": "edge"}
    assert found["ConfigMap", "telemd-config"]["data"]["telemd_redis_url"] == "redis://10.1.1.1:7000"
    assert found["ConfigMap", "go-load-balancer-config"]["data"] == {"etcd_host": "10.1.1.2:2379", "gateways": ""}
    assert {one["metadata"]["namespace"] for one in found.values() if "namespace" in one["metadata"]} == {"lab"}
    assert found["ClusterRoleBinding", "telemd-kubernetes-adapter"]["subjects"][0]["namespace"] == "lab"
    assert "main" not in text.replace("domain", "")


def overlays():
    return sorted(path.parent for path in (deployment.FILES / "kustomize").glob("**/kustomization.yaml")
                  if "kind: Component" not in path.read_text() and len(path.relative_to(deployment.FILES).parts) == 3)


@pytest.mark.parametrize("folder", [deployment.BASE, *overlays()], ids=lambda path: path.name)
def test_the_api_server_accepts_all_files(cluster, folder):
    """Strictly: a field that there isn't would be an error."""
    built = cluster.kubectl("kustomize", folder)
    told = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", text=built)
    assert len(told.splitlines()) == len(deployment.documents(built)) and "created (server dry run)" in told
    if folder == deployment.BASE:
        assert sorted(told.splitlines()) == sorted(cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", folder).splitlines())
    wait_for(lambda: leftovers(cluster) == [], lambda: f"the end of {leftovers(cluster)}", 60)


def test_the_readme_s_lines_work_as_they_stand(cluster, label, galileo, tmp_path):
    """On your cluster, word by word, as somebody at a node types them in a clone. Of the trial's servers Redis and etcd run
    here, with this machine's programs under the names of their images; for MariaDB and InfluxDB there are none."""
    block, = (block for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/tutorial/tour.md").read_text(), re.M | re.S) if "kubectl" in block)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "kubectl").symlink_to(cluster.bin / "kube")
    (programs / "galileo").symlink_to(galileo)
    for folder in ("deployment", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True)
    environment = {**cluster.environment(), "PATH": f"{programs}:{os.environ['PATH']}"}
    typed = "".join(f"{line}\n" + ("sleep 2; kill -0 $!\n" if line.split("#")[0].split()[-1] == "&" else "") + 'echo "@$?" >&3\n' for line in block.splitlines())
    (tmp_path / "typed.sh").write_text(f"exec 3> codes\n{typed}")
    # In a node's network its ports are free, and the API server is at hand.
    done = subprocess.run(kubernetes.in_network(1, "timeout", "--kill-after=5", "400", "bash", "typed.sh"), cwd=tmp_path, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    (tmp_path / "typed.out").write_text(done.stdout + done.stderr)
    codes = [int(code) for code in re.findall(r"@(\d+)", (tmp_path / "codes").read_text())]
    for line, code in zip(block.splitlines(), [*codes, -1]):
        # A truthful result of a busy machine may be INVALID, or a threshold crossed.
        assert code in ((0, 90, 99) if line.startswith("galileo run") else (0,)), f"{line}\nended with {code}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert len(re.findall(r"^galileo-worker-main-\S+ .*alive", done.stdout, re.M)) == len(NODES) and all(node in done.stdout for node in NODES), done.stdout
    assert re.search(r"sent = answered [\d,]+ \+ failed 0 ", done.stdout) and (tmp_path / "cluster.html").exists(), done.stdout
    # What a server adds to the files is no difference from them.
    assert not re.search(r"it lacks|isn't as it is shipped|CPU limit", done.stdout), done.stdout


def test_cpu_limits_of_worker_and_gateway_are_in_the_verdict(cluster, label, server, etcd, apply, run, tmp_path):
    """As somebody has given them to our DaemonSets; an experiment with a pod of its own that has one, too."""
    files = copied(tmp_path)
    deployment.change((files / "kubernetes").glob("*.yaml"), **deployment.addresses(OUTSIDE, server.port, etcd.port))
    label("node1", "node-role.kubernetes.io/client=true", "node-role.kubernetes.io/controller=true", "ether.edgerun.io/zone=main", "telemd.edgerun.io/mode=cpu")
    for name, limit in (("2-galileo-worker.yaml", "20m"), ("6-loadbalancer.yaml", "10m")):
        path = files / f"kubernetes/{name}"
        objects = deployment.documents(path.read_text())
        for one in objects:
            if pod := deployment.pod_of(one):
                pod["containers"][0]["resources"] = {"requests": {"cpu": "10m"}, "limits": {"cpu": limit}}
        path.write_text(yaml.safe_dump_all(objects))
    apply("-f", files / "kubernetes")
    rolled_out(cluster, "ds/galileo-worker-main", "ds/telemd-cpu", "ds/go-load-balancer-deployment-main")
    worker, = pods(cluster, "app=galileo-worker-main")
    gateway, = pods(cluster, "app=go-load-balancer")
    wait_for(lambda: server("SMEMBERS", "galileo:workers") == [worker["metadata"]["name"]] and server("EXISTS", "telemd.info:node1"), "worker and telemetry", 60)
    (tmp_path / "limited.yaml").write_text(yaml.safe_dump({
        "name": "limited", "seed": 7, "bus": server.url, "kubernetes": {"etcd": [etcd.address]},
        "applications": [{"name": "hello", "kubernetes": {
            "image": deployment.IMAGE, "arguments": ["target", "--listen", "0.0.0.0:8080"], "pods": {"node1": 1}, "requests": {"cpu": "10m"}, "limits": {"cpu": "10m"},
            "container": {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}},
            "spec": {"terminationGracePeriodSeconds": 1}}}],
        "clients": [{"application": "hello", "zone": "main", "rate": 200, "duration": "8s"}]}))
    done = run("run", "limited.yaml", "--json", "limited.json", env=cluster.environment(), timeout=180)
    assert done.code in (0, 90), done
    told = json.loads((tmp_path / "limited.json").read_text())
    held = {one["name"]: one["cpu_limit_throttled"] for one in told["cluster"]["pods"] if one["cpu_limit_periods"]}
    names = (worker["metadata"]["name"], gateway["metadata"]["name"], "hello-deployment-node1-0")
    assert all(held.get(name) for name in names), f"{held} of {names}\n{json.dumps(told['cluster']['pods'], indent=1)}"
    reasons = "\n".join(told["verdict"]["reasons"])
    assert told["verdict"]["value"] != "VALID" and re.search(rf"the gateway {names[1]} on node1 was held back by its CPU limit in [\d,]+ of [\d,]+ periods", reasons), reasons
    assert re.search(rf"worker {names[0]}.*(held it back|held back by its CPU limit)", reasons) and "hello-deployment" not in reasons, reasons
    shown = run("exp", "show", "last")
    assert re.search(rf"held back by CPU limits\n(.*\n)*.*{names[1][:30]}", shown.out), shown
    again = json.loads(run("exp", "show", "last", "--json").out)["cluster"]["pods"]
    assert {one["name"]: one["cpu_limit_throttled"] for one in again if one["cpu_limit_periods"]} == held


# An application that asks another one for each answer, through its zone's gateway.
CALLER = """mkdir -p /www/cgi-bin
cat > /www/cgi-bin/call << 'END'
#!/bin/sh
body=$(wget -q -O - "http://$API_GATEWAY:8080/function/other/asked") || { printf 'Status: 502 Bad Gateway\\r\\n\\r\\n'; exit; }
printf 'Content-Type: text/plain\\r\\nX-Said: %s\\r\\n\\r\\n%s' "$body" "$body"
END
chmod +x /www/cgi-bin/call
exec httpd -f -p 8080 -h /www"""
# And one that says who has asked it for what.
ASKED = "mkdir /www; echo -n well > /www/asked; exec httpd -f -vv -p 8080 -h /www"


def shell(script, node):
    return {"image": kubernetes.BUSYBOX, "command": ["sh", "-c", script], "pods": {node: 1}, "requests": {"cpu": "10m", "memory": "16Mi"},
            "container": {"imagePullPolicy": "Never", "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}},
            "spec": {"terminationGracePeriodSeconds": 1}}


def test_a_scenario_on_all_that_is_deployed_is_kept_in_both_databases_as_it_was(cluster, label, server, etcd, apply, run, start, mariadb, influxdb, tmp_path):
    """Workers, telemetry, gateways and adapter as pods; two zones, two applications of which one calls the other through its
    gateway; metadata in MariaDB, rows in InfluxDB. Held against what the API server and the applications have said."""
    files = copied(tmp_path)
    gateways = {"zone-a": NODES["node1"], "zone-b": NODES["node2"]}
    overlay = files / "kustomize/several-zones"
    deployment.change([overlay / "kustomization.yaml"], gateways=" ".join(f"{address}:8080" for address in gateways.values()),
                      **deployment.addresses(OUTSIDE, server.port, etcd.port))
    for node, zone in zip(NODES, gateways):
        label(node, "node-role.kubernetes.io/client=true", "node-role.kubernetes.io/controller=true", "node-role.kubernetes.io/worker=true",
              f"ether.edgerun.io/zone={zone}", "telemd.edgerun.io/mode=cpu")
    apply("-k", overlay)
    rolled_out(cluster, "ds/telemd-cpu", *(f"ds/{name}-{zone}" for name in ("galileo-worker", "go-load-balancer-deployment") for zone in gateways),
               "deployment/telemd-kubernetes-adapter")
    wait_for(lambda: len(server("SMEMBERS", "galileo:workers")) == 2 and all(server("HGET", f"telemd.info:{node}", "labels") for node in NODES) and
             all(server("HGET", f"telemd.info:{node}", "arch") for node in NODES), "workers, telemetry and adapter", 60)
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump({
        "name": "whole", "creator": "me", "seed": 7, "kubernetes": {"etcd": [etcd.address]}, "metadata": {"exp": {"question": "what does a call cost?"}},
        "applications": [{"name": "front", "kubernetes": shell(CALLER, "node1")}, {"name": "other", "kubernetes": shell(ASKED, "node2")}],
        "clients": [{"application": "front", "zone": "zone-a", "rate": 5, "duration": "10s", "request": {"path": "/function/front/cgi-bin/call"}},
                    {"application": "other", "zone": "zone-b", "rate": 5, "duration": "10s", "request": {"path": "/function/other/asked"}}]}))
    whole = f"mixed:{mariadb.database()},{influxdb.url}"
    process = start("run", "whole.yaml", "--bus", server.url, "--db", whole, "--json", "whole.json", "--report", "whole.html", "-q",
                    env={**os.environ, **cluster.environment()}, log=open(tmp_path / "run.log", "w"))
    said = lambda: (tmp_path / "run.log").read_text()
    wait_for(lambda: etcd.get("golb/function/zone-b/other") or process.poll() is not None, said, 120)
    assert process.poll() is None, said()
    truth = {name: cluster.get(f"pod/{name}-deployment-{node}-0") for name, node in (("front", "node1"), ("other", "node2"))}
    assert process.wait(180) in (0, 90), said()

    result = json.loads((tmp_path / "whole.json").read_text())
    assert result["ledger"]["balanced"] and result["ledger"]["answered"] == 100 and result["ledger"]["failed"] == {}, result["ledger"]
    assert result["metadata"]["exp"] == {"question": "what does a call cost?"}
    # Each of front's answers took a call of other, which went by the gateways: no pod of front's has asked it itself.
    log, = tmp_path.rglob("other-deployment-node2-0.log")
    asked = re.findall(r"\[(?:::ffff:)?([0-9.]+)\]?:\d+: url:/asked", log.read_text())
    assert len(asked) == 100 and truth["front"]["status"]["podIP"] not in asked, log.read_text()[-2000:]
    # What both databases have is what was measured.
    done = run("exp", "import", whole, "--db", "copy.sqlite", timeout=60)
    assert done.code == 0, done
    traces = traces_of(tmp_path / "copy.sqlite")
    assert len(traces) == 100 and {trace["status"] for trace in traces} == {200}
    for trace in traces:
        function, zone, node = ("front", "zone-a", "node1") if ":front-zone-a:" in trace["client"] else ("other", "zone-b", "node2")
        assert trace["client"].startswith(f"galileo-worker-{zone}-") and trace["X-Final-Host"] == truth[function]["status"]["podIP"] + ":8080", trace
        assert trace["X-Forwarded-For"] == node and trace["sent"] <= float(trace[f"X-Forwarded-Host-{node.title()}"]) <= trace["done"], trace
        assert function == "other" or trace["X-Said"] == "well", trace
    copy_of = lambda sql: sqlite3.connect(tmp_path / "copy.sqlite").execute(sql).fetchall()
    told = [(name, json.loads(value)) for name, value in copy_of("SELECT NAME, VALUE FROM events WHERE NAME IN ('pod/running', 'weight_update')")]
    identity = lambda name: truth[name]["status"]["containerStatuses"][0]["containerID"]
    running = {value["name"]: value for name, value in told if name == "pod/running"}
    for one in truth.values():
        name = one["metadata"]["name"]
        assert running[name]["podUid"] == one["metadata"]["uid"] and running[name]["nodeName"] == one["spec"]["nodeName"], running
    updates = {(value["fn"], value["zone"]): value["weights"]["ips"] for name, value in told if name == "weight_update"}
    assert updates["front", "zone-a"] == [truth["front"]["status"]["podIP"] + ":8080"] and updates["other", "zone-a"] == [gateways["zone-b"] + ":8080"], updates
    # Telemetry of the nodes, and of the containers by the pods that they are.
    by_pod = {row["pod"]: row["subsystem"].split("/")[0] for row in result["telemetry"] if "pod" in row}
    assert all(by_pod.get(one["metadata"]["name"]) == identity(name).removeprefix("containerd://") for name, one in truth.items()), by_pod
    assert {node for node, in copy_of("SELECT DISTINCT NODE FROM nodeinfo")} >= set(NODES)
    placement = {(row["application"], row["node"]): row for row in result["cluster"]["placement"]}
    assert {key: (row["answered"], row["failed"]) for key, row in placement.items()} == {("front", "node1"): (50, 0), ("other", "node2"): (50, 0)}, placement
    assert all(row["cpu_s"] > 0 for row in placement.values()), placement
    # And nothing of it is left.
    assert cluster.kubectl("get", "pods,configmaps,leases", "-l", "galileo.edgerun.io/experiment", "-o", "name").split() == []
    assert not etcd("kv/range", {"key": "Z29sYi8=", "range_end": "Z29sYjA="}).get("kvs") and server("KEYS", "routing:*") == server("KEYS", "galileo:client:*") == []


def test_the_doctor_holds_what_is_stored_against_what_is_shipped(cluster, label, server, etcd, apply, run, tmp_path):
    """Our files, changed and in the way of others, as they are found on clusters: each is told with its mend."""
    files = deployment.copy(tmp_path)  # telemetry isn't told where this cluster's containers are
    deployment.change((files / "kubernetes").glob("*.yaml"), **deployment.addresses(OUTSIDE, server.port, etcd.port))
    label("node1", "node-role.kubernetes.io/client=true", "ether.edgerun.io/zone=main", "telemd.edgerun.io/mode=cpu")
    label("node2", "node-role.kubernetes.io/controller=true", "ether.edgerun.io/zone=main")
    telemd, worker = (next(one for one in deployment.documents((files / f"kubernetes/{name}").read_text()) if one["kind"] == "DaemonSet")
                               for name in ("4-telemd.yaml", "2-galileo-worker.yaml"))
    telemd["spec"]["template"]["spec"].pop("hostPID")
    telemd["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] = ["NET_ADMIN"]
    worker["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "200m"
    far = copy.deepcopy(worker)
    far["metadata"]["name"] = "galileo-worker-far"
    far["spec"]["selector"]["matchLabels"] = far["spec"]["template"]["metadata"]["labels"] = {"app": "galileo-worker-far"}
    far["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "node2"}
    far["spec"]["template"]["spec"]["containers"][0] |= {"image": "galileo.test/none:1", "imagePullPolicy": "Never"}
    holder = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "holder", "namespace": "kube-system"}, "spec": {
        "hostNetwork": True, "nodeName": "node2", "terminationGracePeriodSeconds": 1, "containers": [{
            "name": "main", "image": kubernetes.BUSYBOX, "imagePullPolicy": "Never", "command": ["sleep", "1000"], "ports": [{"containerPort": 8080}]}]}}
    limits = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [{"type": "Container", "default": {"cpu": "500m"}}]}}
    apply("-f", "-", text="\n---\n".join(map(json.dumps, (holder, limits))))
    apply("-f", files / "kubernetes/1-galileo-worker-config.yaml", "-f", files / "kubernetes/3-telemd-config.yaml", "-f", files / "kubernetes/6-loadbalancer.yaml")
    apply("-f", "-", text="\n---\n".join(map(json.dumps, (telemd, worker, far))))
    rolled_out(cluster, "ds/galileo-worker-main", "ds/telemd-cpu")
    wait_for(lambda: server("EXISTS", "telemd.info:node1"), "telemetry of node1", 30)
    # As a Raspberry Pi's kernel comes; this machine's isn't so.
    info = server.hash("telemd.info:node1")
    assert info["cgroup"] == "v1" and "memory" in info["cgroup_controllers"].split(), info
    server("HSET", "telemd.info:node1", "cgroup_controllers", "cpu io pids", "page_size", "16384")

    def told():
        began = time.monotonic()
        done = run("doctor", "--bus", server.url, "--json", env={**cluster.environment(), "etcd_host": "127.0.0.1", "etcd_port": str(etcd.port)}, timeout=60)
        assert time.monotonic() - began < 10, f"the doctor took {time.monotonic() - began:.1f} s"
        return {f"{one['about']}: {one['text']}": (one["level"], one["mend"]) for one in json.loads(done.out)}
    wait_for(lambda: any("ErrImageNeverPull" in text for text in told()), "the node to look for the image", 60)
    cluster.kubectl("label", "namespace", "default", "pod-security.kubernetes.io/enforce=baseline")
    try:
        found = told()
    finally:
        cluster.kubectl("label", "namespace", "default", "pod-security.kubernetes.io/enforce-")
    limit = "a CPU limit of {}: where it is used up the program is held back though cores are idle"
    for level, text, mend in (
            ("warning", "daemonset galileo-worker-main: its container galileo-worker has " + limit.format("200m"), "take resources.limits.cpu out"),
            ("fault", "daemonset telemd-cpu: it lacks hostPID: true", "kubectl edit daemonset telemd-cpu"),
            ("warning", "daemonset telemd-cpu: it isn't as it is shipped: the capability NET_ADMIN (not effective: its user is 65534", "kubectl edit"),
            ("warning", "pod telemd-cpu-", "kubectl get limitrange"),
            ("warning", "limitrange small: it gives each container that has none " + limit.format("500m"), "kubectl edit limitrange small"),
            ("fault", "daemonset galileo-worker-far: its image galileo.test/none:1 isn't on node2, and imagePullPolicy is Never", "images import"),
            ("warning", "images: they aren't the same everywhere", "kustomization"),
            ("fault", "node node2: the gateway's port 8080 is taken by the pod kube-system/holder", "move that pod"),
            ("fault", "namespace default: its pod-security level is baseline", "enforce=privileged"),
            ("fault", "node node1: its kernel's memory control group is off", "cgroup_enable=memory"),
            ("warning", "node node1: its pages of memory have 16384 bytes", "4 KiB"),
            ("warning", "node node1: its kubelet keeps containers below /glk/node1", "telemd_cgroup_root: /glk/node1"),
            ("fine", "kubelets: their cgroup driver is cgroupfs", "")):
        assert any(one.startswith(text) and how[0] == level and mend in how[1] for one, how in found.items()), f"{text}\n{json.dumps(found, indent=1)}"


def test_nothing_is_left(cluster):
    wait_for(lambda: leftovers(cluster) == [], lambda: f"the end of {leftovers(cluster)}", 60)
