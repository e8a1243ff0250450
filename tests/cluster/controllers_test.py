"""Experiments that judge who scales and who places: an autoscaler that goes by what its pods use, two schedulers in one
comparison, and controllers beside a run, the original galileo-faas among them. On a whole Kubernetes with a metrics API;
what is told is held against what its API server says."""
import collections
import json
import signal
import time

import cluster as kubernetes
import pytest
import python_environment
from cluster_api import ClusterApi
from conftest import ROOT, result_of, wait_for
from kube_proxy import KubeProxy
from pods_laboratory import CLIENT, IMAGE, LABEL, base, end_lease, etcd, file_of, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)

PODS = "/api/v1/namespaces/default/pods"
FUNCTION = "ether.edgerun.io/function"


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo, metrics=True) as made:
        yield made


@pytest.fixture
def api(cluster):
    made = ClusterApi(cluster)
    yield made
    made.close()


def example(name, *more):
    """The arguments that run it as it stands, but for its image."""
    return [ROOT / f"examples/kubernetes/{name}.yaml", "--set", f"applications[0].kubernetes.image={IMAGE}",
            "--set", "applications[0].kubernetes.container.imagePullPolicy=Never", *(word for one in more for word in ("--set", one))]


def pods_of(api, function="hello"):
    time.sleep(0.1)  # it is asked again and again
    return [one for one in api("GET", PODS)["items"] if one["metadata"]["labels"].get(FUNCTION) == function]


def events(tmp_path, name):
    return [json.loads(value) for value, in rows(tmp_path, f"SELECT VALUE FROM events WHERE NAME = '{name}' ORDER BY TIMESTAMP")]


class Deployed:
    """What the API server says of the example's Deployment and its pods, each time it is asked."""

    def __init__(self, api):
        self.api, self.wanted, self.running = api, [], set()

    def look(self):
        for one in self.api("GET", "/apis/apps/v1/namespaces/default/deployments")["items"]:
            if self.wanted[-1:] != [one["spec"]["replicas"]]:
                self.wanted.append(one["spec"]["replicas"])
        self.running |= {one["metadata"]["uid"] for one in pods_of(self.api) if one["status"].get("containerStatuses", [{}])[0].get("ready")}
        return self.wanted


def test_an_autoscaler_follows_the_load_up_and_down(cluster, etcd, base, run, start, api, tmp_path):
    """The example as it stands, until there is one pod again; who waits for the rest of it sees nothing new."""
    server, env = base
    done = run("run", *example("autoscaler"), "--dry-run", env=env)
    assert done.code == 0 and '"stabilizationWindowSeconds": 0' in done.out and '"averageUtilization": 50' in done.out, done
    log = open(tmp_path / "run.log", "w")
    process = start("run", *example("autoscaler"), "--bus", server.url, "--json", "r.json", "--report", "r.html", "-q", env=env, log=log)
    deployed = Deployed(api)
    scaler = lambda: (tmp_path / "run.log").read_text() + cluster.kubectl("describe", "hpa")[-2000:]
    wait_for(lambda: process.poll() is not None or max(deployed.look(), default=0) > 1, scaler, 240)
    wait_for(lambda: process.poll() is not None or deployed.look()[-1] == 1, scaler, 240)
    # Those that went are gone, so that it can be told.
    wait_for(lambda: process.poll() is not None or len(pods_of(api)) == 1, scaler, 120)
    rescaled = [one["message"] for one in cluster.get("events", "--field-selector", "reason=SuccessfulRescale")["items"]]
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 105, (tmp_path / "run.log").read_text()
    result = result_of(tmp_path / "r.json")
    # Its decisions are on the time axis, each as the server has carried it out.
    told = events(tmp_path, "scaler/scale")
    assert [1, *(one["to"] for one in told)] == deployed.wanted and told[0]["from"] == 1, (told, deployed.wanted)
    assert all(f"New size: {one['to']};" in " ".join(rescaled) for one in told), rescaled
    marks = [mark["text"] for mark in result["events"]["list"] if mark["name"] == "scaler/scale"]
    assert marks == [f"hello-deployment: {one['from']} to {one['to']}" for one in told]
    assert {"ScalingActive"} <= {one["condition"] for one in events(tmp_path, "scaler/condition") if one["status"] == "True"}
    # So are the replicas that came of them.
    [replicas] = [row["count"] for row in result["cluster"]["replicas"] if row["node"] is None]
    most = replicas.index(max(replicas))
    assert replicas[0] == 1 and 1 < max(replicas) <= max(deployed.wanted) and 1 in replicas[most:], replicas
    ran = {one["uid"] for one in result["cluster"]["pods"] if one["running_s"] is not None}
    assert deployed.running <= ran and len(ran) >= max(replicas), (deployed.running, ran)
    hosts = rows(tmp_path, "SELECT count(DISTINCT json_extract(HEADERS, '$.X-Final-Host')) FROM traces")[0][0]
    assert 1 < hosts <= len(ran), "more than one has answered"
    # No request met a pod that came or went.
    assert result["ledger"]["balanced"] and result["ledger"]["failed"] == {}, result["ledger"]
    assert not [reason for reason in result["verdict"]["reasons"] if "autoscaler" in reason]
    assert left(cluster, etcd, server) == []


def test_an_autoscaler_that_can_decide_nothing_is_held_against_the_result(cluster, etcd, base, run, tmp_path):
    """By a metric that nobody measures: the pods are as many as with none."""
    server, env = base
    metric = {"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "1"}}}
    pods = target(zone="zone-a", autoscale={"max": 3, "spec": {"metrics": [metric]}})
    done = run("run", file_of(tmp_path, {"hello": pods}, [{**CLIENT, "duration": "15s"}]), "--bus", server.url, "--json", "r.json", "-q",
               env=env, timeout=240)
    assert done.ran, done
    verdict = result_of(tmp_path / "r.json")["verdict"]
    assert verdict["value"] != "VALID" and any("the autoscaler of hello-deployment decided nothing" in reason and "FailedGetPodsMetric" in reason
                                               for reason in verdict["reasons"]), verdict
    assert any(one["condition"] == "ScalingActive" and one["status"] == "False" for one in events(tmp_path, "scaler/condition"))
    assert left(cluster, etcd, server) == []


def test_a_server_that_is_too_old_is_told_before_anything_is_made(cluster, base, run, tmp_path):
    """Its /version alone is another's: what runs here is new."""
    server, env = base
    proxy = KubeProxy(kubernetes.API, cluster.keys, version="v1.22.17")
    old = {**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "old"))}
    pods = target(zone="zone-a", requests={"cpu": "10m"}, autoscale={"max": 3})
    done = run("run", file_of(tmp_path, {"hello": pods}, [CLIENT]), "--bus", server.url, "-q", env=old, timeout=60)
    assert done.code == 2 and "autoscale needs Kubernetes 1.23" in done.err and "this one is 1.22" in done.err, done
    resized = file_of(tmp_path, {"hello": target(pods={"node1": 1}, limits={"cpu": "500m"})}, [CLIENT], name="resized", events=[{"at": "1s", "resize": "hello", "cpu": "250m"}])
    done = run("run", resized, "--bus", server.url, "--dry-run", env=old, timeout=60)
    assert done.code == 2 and "resize needs Kubernetes 1.33" in done.err and "this one is 1.22" in done.err, done
    assert proxy.changes == []
    looked = run("doctor", "--bus", server.url, "--json", env=old, timeout=60)
    assert looked.code == 92 and any(one["level"] == "fault" and "v1.22.17, older than 1.27 to" in one["text"] for one in json.loads(looked.out)), looked
    proxy.stop()


def test_two_schedulers_are_told_apart_in_one_comparison(cluster, etcd, base, run, start, api, tmp_path):
    """The same program with another profile, which fills a node before it takes the next."""
    server, env = base
    truth = {}
    for name in ("default-scheduler", "packing"):
        log = open(tmp_path / f"{name}.log", "w")
        process = start("run", *example("scheduler", f"applications[0].kubernetes.spec.schedulerName={name}",
                                        "applications[0].kubernetes.spec.terminationGracePeriodSeconds=1"),
                        "--bus", server.url, "-q", env=env, log=log)
        placed = lambda: collections.Counter(one["spec"]["nodeName"] for one in pods_of(api) if "nodeName" in one["spec"])
        wait_for(lambda: process.poll() is not None or placed().total() == 6, lambda: (tmp_path / f"{name}.log").read_text(), 120)
        truth[name] = dict(placed())
        assert process.wait(240) in (0, 90), (tmp_path / f"{name}.log").read_text()
        assert left(cluster, etcd, server) == []
    assert sorted(truth["default-scheduler"]) == ["node1", "node2"] and list(truth["packing"].values()) == [6], truth
    # Of a busy machine a result may be INVALID; where the pods were is known all the same.
    compared = run("exp", "compare", "last~1", "last", "--force", "--json")
    assert compared.code in (0, 93), compared
    both = json.loads(compared.out)
    for side, name in zip((both["base"], both["others"][0]), truth):
        assert side["schedulers"] == {"hello": [name]}
        assert {row["node"]: row["pods"] for row in side["placement"]} == truth[name], side
        assert sum(row["answered"] for row in side["placement"]) == 500 and sum(row["share"] for row in side["placement"]) == pytest.approx(1)
    text = run("exp", "compare", "last~1", "last", "--force").out
    [node] = truth["packing"]
    assert "hello put by" in text and "6 pods 100.0 %" in next(line for line in text.splitlines() if f"hello on {node}" in line), text


def a_pod_of_hello(name):
    """As a controller makes them, with labels of its own; who is to go answers for a while."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {FUNCTION: "hello", "ether.edgerun.io/zone": "zone-a"}}, "spec": {
        "terminationGracePeriodSeconds": 5, "containers": [{
            "name": "main", "image": IMAGE, "imagePullPolicy": "Never", "args": ["target", "--listen", "0.0.0.0:8080"],
            "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}, "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}]}}


def test_a_scaler_that_comes_and_goes_at_random_loses_no_request_and_leaves_nothing(cluster, etcd, base, start, api, galileo, tmp_path):
    """Beside a scenario of two applications in two zones it makes and removes pods, and rewrites weights, every five seconds."""
    server, env = base
    (tmp_path / "pod.json").write_text(json.dumps(a_pod_of_hello("NAME")))
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1}), "other": target(pods={"node2": 1})},
                   [{**one, "duration": "240s"} for one in (CLIENT, {**CLIENT, "zone": "zone-b"}, {**CLIENT, "application": "other"})],
                   beside=[{"name": "scaler", "command": ["/usr/bin/python3", str(ROOT / "tests/support/random_scaler.py"), str(cluster.bin / "kubectl"),
                                                          galileo, "pod.json", "did.jsonl"]}])
    process = start("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, log=open(tmp_path / "run.log", "w"))
    did = lambda: [json.loads(line) for line in (tmp_path / "did.jsonl").read_text().splitlines()] if (tmp_path / "did.jsonl").exists() else []
    made = lambda: {one["made"] for one in did() if "made" in one}
    gone = lambda: {one["removed"] for one in did() if "removed" in one}
    told = lambda: f"{did()} {(tmp_path / 'run.log').read_text()}"
    wait_for(lambda: process.poll() is not None or len(made()) >= 3 and len(gone()) >= 2, told, 200)
    # Those that went are gone, so that it can be told.
    wait_for(lambda: process.poll() is not None or not gone() & {one["metadata"]["name"] for one in pods_of(api)}, told, 60)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 105, told()
    did, made, gone = did(), made(), gone()
    result = result_of(tmp_path / "r.json")
    ledger = result["ledger"]
    assert ledger["balanced"] and ledger["answered"] > 1000 and ledger["failed"] == {}, (ledger, told())
    pods = {one["name"]: one for one in result["cluster"]["pods"]}
    assert made <= pods.keys() and all(pods[name]["running_s"] is not None for name in made), (made, pods.keys())
    assert all(pods[name]["ended_s"] is not None for name in gone), [pods[name] for name in gone]
    # What it wrote is among what is told, and what it made has answered.
    updates = [one["weights"] for one in events(tmp_path, "weight_update") if one["fn"] == "hello" and one["zone"] == "zone-a"]
    written = [{"ips": list(one["weights"]), "weights": list(one["weights"].values())} for one in did if "weights" in one]
    assert written and all(one in updates for one in written), (written, updates)
    answered = {host.split(":")[0] for host, in rows(tmp_path, "SELECT DISTINCT json_extract(HEADERS, '$.X-Final-Host') FROM traces")}
    assert {pods[name]["ip"] for name in made} & answered
    assert left(cluster, etcd, server) == []


def test_twenty_scale_ups_of_the_original_galileo_faas_go_after_kill_9_and_an_older_pod_stays(cluster, etcd, base, run, start, api, tmp_path):
    """It labels what it makes with its own labels only; one of its function that was there before is nobody's of the run."""
    python, why_not = python_environment.find("galileo-faas", "the original galileo-faas",
                                              ["--pre", "edgerun-galileo-faas==0.0.1.dev9", "edgerun-faas==0.0.1.dev6"])
    if why_not:
        pytest.skip(why_not)
    server, env = base
    api("POST", PODS, a_pod_of_hello("older"))
    # What it must know of nodes.
    start("telemd", "--node", "node1", "--bus", server.url, env={**env, "telemd_instruments_enable": "cpu"})
    adapter = start("adapter", "--bus", server.url, env=env, log=open(tmp_path / "adapter.log", "w"))
    wait_for(lambda: server("HGET", "telemd.info:node1", "arch") and server("HGET", "telemd.info:node1", "labels"), "the node", 30)
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "600s"}], beside=[{
        "name": "faas", "command": [python, str(ROOT / "tests/peers/faas_scaler.py"), str(server.port), "hello", IMAGE, "zone-a", "20", "said.jsonl"]}])
    log = open(tmp_path / "run.log", "w")
    process = start("run", path, "--bus", server.url, "-q", env=env, log=log)
    said = lambda: [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()] if (tmp_path / "said.jsonl").exists() else []
    told = lambda: f"{(tmp_path / 'run.log').read_text()}\n{said()[-5:]}\n{[one['status'].get('phase') for one in pods_of(api)]}"
    of_faas = lambda: {one["metadata"]["name"] for one in pods_of(api) if one["metadata"]["name"].startswith("galileo-")}
    wait_for(lambda: process.poll() is not None or len(of_faas()) == 20, told, 240)
    assert not [one for one in pods_of(api) if one["metadata"]["name"] in of_faas() and LABEL in one["metadata"]["labels"]]
    # They take part, and it sees them as it sees those of its own system.
    ran = lambda: {line["replica"] for line in said() if line["state"] == "RUNNING"}
    wait_for(lambda: process.poll() is not None or len(ran() & of_faas()) >= 5, told, 240)
    wait_for(lambda: process.poll() is not None or len(etcd.get("golb/function/zone-a/hello")[0]["ips"]) > 5, told, 120)
    assert process.poll() is None, told()
    adapter.terminate()  # it would clean up, too
    adapter.wait(10)
    process.kill()
    process.wait()
    end_lease(cluster)
    done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=300)
    assert "was removed" in done.out, done
    assert left(cluster, etcd, server) == ["pod/older"]
    cluster.kubectl("delete", "pod", "older", "--force", "--grace-period=0")
