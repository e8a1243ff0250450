"""What tests of runs with pods share: a cluster of two zones with their gateways, etcd, Redis and workers, the file of an
experiment there, and what a run has left. A test's module has its own `cluster`, made by two_zones(), and imports the
fixtures that it uses."""
import contextlib
import json
import os
import sqlite3
import time

import cluster as kubernetes
import image
import pytest
import yaml
from conftest import wait_for
from etcd_server import Etcd

IMAGE = "galileo.test/galileo:1"
ZONES = {1: "zone-a", 2: "zone-b"}
LABEL = "galileo.edgerun.io/experiment"


@contextlib.contextmanager
def two_zones(galileo, **options):
    """A cluster of two nodes with our image, a zone each."""
    if reason := kubernetes.why_not():
        pytest.skip(reason)
    with kubernetes.Cluster(nodes=2, **options) as made:
        made.load(image.program_image(made.folder / "galileo.tar", IMAGE, galileo))
        for number, zone in ZONES.items():
            made.kubectl("label", "node", f"node{number}", f"ether.edgerun.io/zone={zone}")
        yield made


@pytest.fixture(scope="module")
def etcd(cluster, tmp_path_factory):
    server = Etcd(tmp_path_factory.mktemp("etcd"), also=(kubernetes.OUTSIDE,))
    yield server
    server.stop()


def gateway(number, etcd):
    zone = ZONES[number]
    env = {"eb_go_lb_etcd_host": f"{kubernetes.OUTSIDE}:{etcd.port}", "eb_go_lb_zone": zone, "eb_go_lb_handler_type": "wrr",
           "eb_go_lb_listen_port": "8080", "eb_go_lb_node_name": f"gw-{zone}",
           "eb_go_lb_gateways": " ".join(f"10.87.0.1{n}:8080" for n in sorted(ZONES, key=lambda n: n != number))}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": f"gateway-{zone}", "labels": {"app": "go-load-balancer", "type": "api-gateway"}}, "spec": {
            "hostNetwork": True, "terminationGracePeriodSeconds": 1, "nodeSelector": {"kubernetes.io/hostname": f"node{number}"},
            "containers": [{"name": "gateway", "image": IMAGE, "imagePullPolicy": "Never", "args": ["gateway"],
                            "env": [{"name": name, "value": value} for name, value in env.items()]}]}}


@pytest.fixture(scope="module")
def gateways(cluster, etcd):
    objects = [gateway(number, etcd) for number in ZONES]
    cluster.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
    for number in ZONES:
        kubernetes.wait_until(lambda: answers(number),
                              lambda: cluster.kubectl("describe", "pods", "-l", "type=api-gateway")[-2000:], 120)
    cluster.kubectl("wait", "--for=condition=Ready", "pod", "-l", "type=api-gateway", "--timeout=120s")
    yield objects


def answers(number):
    return kubernetes.subprocess.run(["curl", "-s", "-o", "/dev/null", "-m", "2", f"http://10.87.0.1{number}:8080/function/x"]).returncode == 0


@pytest.fixture
def base(cluster, etcd, gateways, redis, start, tmp_path):
    """Redis, and a worker in each zone; the environment of whoever runs."""
    # What a test that failed has left would fail the next ones, too.
    for kind in ("pods", "deployments", "configmaps", "leases"):
        cluster.kubectl("delete", kind, "-l", LABEL, "--force", "--grace-period=0")
    etcd.put("golb/", "none")
    etcd("kv/deleterange", {"key": "Z29sYi8=", "range_end": "Z29sYjA="})
    server = redis()
    env = {**os.environ, **cluster.environment(), "galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(server.port),
           "etcd_host": "127.0.0.1", "etcd_port": str(etcd.port)}
    for zone in ZONES.values():
        folder = tmp_path / f"worker-{zone}"
        folder.mkdir()
        start("worker", "--name", f"worker-{zone}", "--bus", server.url, "--traces", "redis", "--spool", folder,
              env={**env, "galileo_zone": zone})
        wait_for(lambda: server("SISMEMBER", "galileo:workers", f"worker-{zone}"), "the worker")
    return server, env


def target(**more):
    """A function: our own target, which needs no waiting for its image."""
    return {"image": IMAGE, "arguments": ["target", "--listen", "0.0.0.0:8080"],
            "container": {"imagePullPolicy": "Never", "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}},
            "spec": {"terminationGracePeriodSeconds": 1}, **more}


def file_of(tmp_path, applications, clients, **more):
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump({"name": "pods", "creator": "me", "seed": 7, "clients": clients,
                                    "applications": [{"name": name, "kubernetes": pods} for name, pods in applications.items()], **more}))
    return path


def left(cluster, etcd, server=None):
    """What a run leaves: nothing."""
    objects = cluster.kubectl("get", "pods,deployments,replicasets,horizontalpodautoscalers,configmaps,leases", "-l", LABEL, "-o", "name").split()
    functions = cluster.kubectl("get", "pods", "-l", "ether.edgerun.io/function", "-o", "name").split()
    keys = [kv["key"] for kv in etcd("kv/range", {"key": "Z29sYi8=", "range_end": "Z29sYjA="}).get("kvs", [])]
    routes = server("KEYS", "routing:*") + server("KEYS", "galileo:client:*") if server else []
    return objects + functions + keys + routes


def rows(tmp_path, sql):
    return sqlite3.connect(tmp_path / "galileo.sqlite").execute(sql).fetchall()


CLIENT = {"application": "hello", "zone": "zone-a", "rate": 50, "duration": "3s"}


def end_lease(cluster):
    """Its two minutes are over: nobody may wait for them here."""
    for lease in cluster.get("leases", "-l", LABEL)["items"]:
        cluster.kubectl("patch", "lease", lease["metadata"]["name"], "--type=merge", "-p", '{"spec": {"leaseDurationSeconds": 1}}')
    time.sleep(2.5)
