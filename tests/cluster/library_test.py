"""The old experiment library's names on a whole Kubernetes: the example's application as its command lines run it, with pods,
gateways, workers and a pod adapter of ours, and the helpers as a controller under test uses them."""
import functools
import json
import os
import signal
import subprocess

import cluster as kubernetes
import pytest
import yaml
from conftest import ROOT, SLOWER, wait_for
from our_python import our_python
from pods_laboratory import IMAGE, base, etcd, gateways, left, rows, two_zones  # noqa: F401 (fixtures)

EXAMPLE = ROOT / "examples/extension"
ADAPTER = "telemd-kubernetes-adapter"


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo) as made:
        yield made


@pytest.fixture
def redis(redis):
    """The pod adapter reaches it, too."""
    return functools.partial(redis, more=("--bind", f"127.0.0.1 {kubernetes.OUTSIDE}", "--protected-mode", "no"))


@pytest.fixture
def laboratory(base, cluster, galileo, tmp_path):  # noqa: F811
    """(bus, python, environment); what an adapter needs is there."""
    server, env = base
    python, more = our_python(galileo, EXAMPLE)
    objects = list(yaml.safe_load_all((ROOT / "deployment/kubernetes/7-pod-adapter.yaml").read_text()))
    objects = [one for one in objects if one["kind"] in ("ConfigMap", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment")]
    for one in objects:
        if one["kind"] == "ConfigMap":
            one["data"] |= {"telemd_kubernetes_adapter_redis_host": kubernetes.OUTSIDE, "telemd_kubernetes_adapter_redis_port": str(server.port)}
        if one["kind"] == "ClusterRoleBinding":  # the original's adapter has the default account
            one["subjects"].append({"kind": "ServiceAccount", "name": "default", "namespace": "default"})
        if one["kind"] == "Deployment":
            deployed = one
            one["spec"]["template"]["spec"]["containers"][0] |= {"image": IMAGE, "imagePullPolicy": "Never"}
    cluster.kubectl("apply", "-f", "-", text="\n---\n".join(json.dumps(one) for one in objects if one is not deployed))
    yield server, python, {**env, **more, "galileo_expdb_driver": "sqlite", "galileo_expdb_sqlite_path": str(tmp_path / "galileo.sqlite"),
                           "telemd_kubernetes_adapter_image": IMAGE}, deployed
    cluster.kubectl("delete", "deployment", ADAPTER, "--ignore-not-found", "--force", "--grace-period=0")


@pytest.fixture
def begin(laboratory, tmp_path):
    """begin("hello.profiling.main", ...): that module of the example; what it says is in the file `said`."""
    server, python, env, _ = laboratory
    started = []

    def call(module, *arguments):
        with open(tmp_path / "said", "w") as said:
            started.append(subprocess.Popen([python, "-m", f"galileoexperimentsextensions.{module}", *arguments], cwd=EXAMPLE, env={**os.environ, **env},
                                            stdout=said, stderr=said, start_new_session=True))
        return started[-1]
    yield call
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def deployments(cluster):  # noqa: F811
    return cluster.kubectl("get", "deployments", "-o", "name").split()


def test_the_examples_profiling_makes_all_of_it_and_leaves_nothing(cluster, etcd, laboratory, begin, tmp_path):  # noqa: F811
    server = laboratory[0]
    said = lambda: (tmp_path / "said").read_text()
    process = begin("hello.profiling.main", "me", "node1", IMAGE, "zone-a", "node2")
    wait_for(lambda: process.poll() is not None or (server("EXISTS", "routing:hosts:hello-zone-a") and deployments(cluster)), said, 120)
    assert process.poll() is None, said()
    # As the original makes it.
    [pod] = cluster.get("pods", "-l", "ether.edgerun.io/function=hello")["items"]
    [container] = pod["spec"]["containers"]
    assert (pod["metadata"]["name"], container["name"], pod["spec"]["nodeName"]) == (*2 * ("hello-deployment-node1-0",), "node1")
    assert pod["metadata"]["labels"]["ether.edgerun.io/zone"] == "zone-a"
    assert {"name": "API_GATEWAY", "value": "10.87.0.11"} in container["env"] and container["env"][0]["name"] == "NODE_NAME"
    assert [one["name"] for one in pod["spec"]["volumes"] if "downwardAPI" in one] == ["podinfo"]
    assert etcd.get("golb/function/zone-a/hello") == [{"ips": [f"{pod['status']['podIP']}:8080"], "weights": [1]}]
    assert etcd.get("golb/function/zone-b/hello") == [{"ips": ["10.87.0.11:8080"], "weights": [1]}]
    assert server("LRANGE", "routing:hosts:hello-zone-a", 0, -1) == ["10.87.0.11:8080"]
    wait_for(lambda: process.poll() is not None, said, 120)
    assert process.returncode == 0, said()
    assert left(cluster, etcd, server) == [] and deployments(cluster) == []
    [[name, creator, status, metadata]] = rows(tmp_path, "SELECT NAME, CREATOR, STATUS, DATA FROM experiments JOIN metadata USING (EXP_ID)")
    assert name.startswith("hello-clients-2-") and (creator, status) == ("me", "FINISHED")
    metadata = json.loads(metadata)
    assert metadata["exp"] == {"requests": {"n": 100, "ia": ["expovariate", 20], "n_clients": 2, "no_pods": 1}, "host": "node1", "zone": "zone-a",
                               "app_name": "hello", "app_container_image": IMAGE}
    assert metadata["service"]["name"] == "hello"
    assert rows(tmp_path, "SELECT STATUS, SERVER, count(*), count(DISTINCT CLIENT) FROM traces GROUP BY 1, 2") == [(200, "10.87.0.11:8080", 200, 2)]
    told = {json.loads(value)["name"] for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'pod/running'")}
    assert "hello-deployment-node1-0" in told, said()


def test_the_examples_scenario_uses_an_adapter_that_stays_and_an_interrupt_leaves_nothing(cluster, etcd, laboratory, begin, tmp_path):  # noqa: F811
    server, *_, deployed = laboratory
    said = lambda: (tmp_path / "said").read_text()
    cluster.kubectl("apply", "-f", "-", text=json.dumps(deployed))
    process = begin("hello.scenario.main", "me", IMAGE, "node2", "node1=zone-a", "node2=zone-b")
    wait_for(lambda: process.poll() is not None, said, 150)
    assert process.returncode == 0, said()
    assert left(cluster, etcd, server) == [] and deployments(cluster) == [f"deployment.apps/{ADAPTER}"]
    [[status, metadata]] = rows(tmp_path, "SELECT STATUS, DATA FROM experiments JOIN metadata USING (EXP_ID)")
    metadata = json.loads(metadata)
    assert status == "FINISHED" and metadata["lb_ips"] == {"zone-a": "10.87.0.11", "zone-b": "10.87.0.12"} and metadata["services"] == {"node1": {"hello": 1}, "node2": {"hello": 1}}
    assert rows(tmp_path, "SELECT SERVICE, STATUS, SERVER, count(*) FROM traces GROUP BY 1, 2, 3 ORDER BY 1") == [
        ("hello-zone-a", 200, "10.87.0.11:8080", 60), ("hello-zone-b", 200, "10.87.0.12:8080", 60)]
    told = {json.loads(value)["name"] for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'pod/running'")}
    assert {"hello-deployment-node1-0", "hello-deployment-node2-0"} <= told
    # Once more, interrupted as soon as it is recorded.
    process = begin("hello.scenario.main", "me", IMAGE, "node2", "node1=zone-a", "node2=zone-b")
    wait_for(lambda: process.poll() is not None or len(rows(tmp_path, "SELECT 1 FROM experiments")) == 2, said, 120)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: process.poll() is not None, said, 120)
    assert process.returncode not in (0, None) and "KeyboardInterrupt" in said(), said()
    assert left(cluster, etcd, server) == []
    assert rows(tmp_path, "SELECT STATUS FROM experiments ORDER BY CREATED") == [("FINISHED",), ("FAILED",)]


def test_an_experiment_that_fails_raises_why_and_leaves_nothing(cluster, etcd, laboratory, begin, tmp_path):  # noqa: F811
    """Its pod adapter has no settings: by then pods, weights, routes, clients and the record are there."""
    server = laboratory[0]
    said = lambda: (tmp_path / "said").read_text()
    cluster.kubectl("delete", "configmap", f"{ADAPTER}-config")
    process = begin("hello.profiling.main", "me", "node1", IMAGE, "zone-a", "node2")
    wait_for(lambda: process.poll() is not None, said, 150)
    assert process.returncode == 1 and "the pod adapter tells nothing: CreateContainerConfigError: " in said(), said()
    assert "OldNameWarning: an experiment that fails raises its error" in said(), said()
    assert left(cluster, etcd, server) == [] and deployments(cluster) == []
    assert rows(tmp_path, "SELECT STATUS, (SELECT count(*) FROM traces) FROM experiments") == [("FAILED", 0)]


SCALER = f"""
import json, os
from galileo import errors
from galileoexperiments.utils.constants import function_label, zone_label
from galileoexperiments.utils.helpers import EtcdClient, set_weights_rr, update_weights
from galileoexperiments.utils.k8s import fetch_pods, get_load_balancer_pods, get_pods, remove_pods, spawn_pods
from galileoexperimentsextensions.hello.app import HelloApplication

etcd = EtcdClient.from_env()
factory = HelloApplication().pod_factory
labels = {{function_label: "hello", zone_label: "zone-b"}}
gateways = get_load_balancer_pods()
names = spawn_pods("{IMAGE}", "hello-deployment-x", "node2", labels, 2, factory)
pods = get_pods(names)
keys = {{set_weights_rr(pods, "zone-b", "hello"), *update_weights({{("hello", "zone-b"): pods}}, gateways)}}
print(json.dumps({{"gateways": {{zone: pod.ip for zone, pod in gateways.items()}}, "names": names, "ips": [pod.ip for pod in pods], "keys": sorted(keys),
                   "labels": pods[0].labels, "fetched": sorted(pod.metadata.name for pod in fetch_pods(function_label, "hello")),
                   "nodes": [pod.spec.node_name for pod in fetch_pods(function_label, "hello")]}}), flush=True)
input()
try:
    spawn_pods("{IMAGE}", "hello-deployment-x", "node2", labels, 1, factory)
except errors.UsageError as error:
    print(error, flush=True)
remove_pods([*names, "nobody"])

def never_there(*words):
    container = factory(*words)
    container.image_pull_policy = "Never"
    return container

again = spawn_pods("galileo.test/nobody:1", "hello-deployment-x", "node2", labels, 1, never_there)  # its name is still going
try:
    get_pods(again)
except errors.UnavailableError as error:
    print(error, flush=True)
remove_pods(again)
for key in keys:
    etcd.remove(key)
"""


def test_a_controller_spawns_weighs_and_removes_pods_by_the_helpers(cluster, etcd, laboratory, tmp_path):  # noqa: F811
    """As the random scaler of the old experiments does."""
    server, python, env, _ = laboratory
    with open(tmp_path / "said", "w") as said:
        process = subprocess.Popen([python, "-c", SCALER], env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True)
    try:
        line = process.stdout.readline()
        assert line, (tmp_path / "said").read_text()
        made = json.loads(line)
        assert made["gateways"] == {"zone-a": "10.87.0.11", "zone-b": "10.87.0.12"} and made["labels"]["type"] == "fn"
        assert made["names"] == made["fetched"] == ["hello-deployment-x-node2-0", "hello-deployment-x-node2-1"] and made["nodes"] == ["node2", "node2"]
        assert etcd.get("golb/function/zone-b/hello") == [{"ips": [f"{ip}:8080" for ip in made["ips"]], "weights": [1, 1]}]
        assert etcd.get("golb/function/zone-a/hello") == [{"ips": ["10.87.0.12:8080"], "weights": [1]}]
        # They are ready: the other zone's gateway has an answer, too.
        answer = kubernetes.subprocess.run(["curl", "-sf", "-o", "/dev/null", "-w", "%{http_code}", "-m", str(10 * SLOWER), "--retry", "20", "--retry-all-errors",
                                            "http://10.87.0.11:8080/function/hello"], capture_output=True, text=True)
        assert answer.stdout.endswith("200"), answer
        out, _ = process.communicate("\n", timeout=180 * SLOWER)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, (tmp_path / "said").read_text()
    taken, broken = out.splitlines()
    assert "there is a pod hello-deployment-x-node2-0 already" in taken and "can't be: ErrImageNeverPull" in broken and "galileo.test/nobody:1" in broken, out
    wait_for(lambda: left(cluster, etcd, server) == [], lambda: left(cluster, etcd, server), 60)
