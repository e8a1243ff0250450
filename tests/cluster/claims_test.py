"""Whose a cluster's objects are while runs live, die and are thought dead: nodes that fall silent, leases that are lost or
kept, ledgers beside a living run, and what is left of pods for whoever looks later."""
import copy
import json
import os
import re
import signal
import sqlite3
import time

import cluster as kubernetes
import pytest
import yaml
from conftest import ROOT, result_of, wait_for
from kube_proxy import KubeProxy
from pods_laboratory import CLIENT, LABEL, base, end_lease, etcd, file_of, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo) as made:
        yield made


ENDLESS = {**CLIENT, "duration": "900s"}  # until somebody ends it


def targets(etcd, zone, function="hello"):
    found = etcd.get(f"golb/function/{zone}/{function}")
    return sorted(found[0]["ips"]) if found else []


def end(process, path):
    """As Ctrl-C does; the result, in which no request has failed."""
    process.send_signal(signal.SIGINT)
    assert process.wait(180) == 105, process.stderr.read()
    result = result_of(path)
    ledger = result["ledger"]
    assert ledger["answered"] > 0 and ledger["failed"] == {}, ledger
    return result


def kubelet_of_node2(cluster):
    """kubelet("STOP"): it gets that signal; its node has a lease by then."""
    leases = lambda: {one["metadata"]["name"] for one in cluster.get("-n", "kube-node-lease", "leases")["items"]}
    wait_for(lambda: "node2" in leases(), "its kubelet's lease", 60)
    return lambda name: kubernetes.do(*cluster.in_node(2, "pkill", f"-{name}", "-f", "kubelet --config"))


def test_a_node_that_is_silent_gets_no_requests_until_it_is_heard_of_again(cluster, etcd, base, start, tmp_path):
    """Its kubelet is stopped: for Kubernetes its pod is ready for most of a minute more."""
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1, "node2": 1})}, [ENDLESS])
    process = start("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env)
    wait_for(lambda: len(targets(etcd, "zone-a")) == 2, "its weights", 120)
    whole = targets(etcd, "zone-a")
    own = [host for host in whole if host.startswith("10.245.1.")]
    assert len(own) == 1 and "10.87.0.12:8080" in whole
    lease = lambda: cluster.get("-n", "kube-node-lease", "leases")["items"]
    kubelet = kubelet_of_node2(cluster)
    kubelet("STOP")
    try:
        wait_for(lambda: targets(etcd, "zone-a") == own, lambda: targets(etcd, "zone-a"), 90)
        [last] = [one["spec"]["renewTime"] for one in lease() if one["metadata"]["name"] == "node2"]
        # Kubernetes thinks well of it still.
        [ready] = [one["status"] for one in cluster.get("pod/hello-deployment-node2-0")["status"]["conditions"] if one["type"] == "Ready"]
    finally:
        kubelet("CONT")
    wait_for(lambda: targets(etcd, "zone-a") == whole, lambda: targets(etcd, "zone-a"), 90)
    result = end(process, tmp_path / "r.json")
    events = rows(tmp_path, "SELECT NAME, VALUE, TIMESTAMP FROM events WHERE NAME LIKE 'node/%' ORDER BY TIMESTAMP")
    assert [name for name, *_ in events] == ["node/silent", "node/heard"] and all(json.loads(value)["node"] == "node2" for _, value, _ in events)
    last = time.mktime(time.strptime(last.split(".")[0], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    late = events[0][2] - last - 10  # when it would have been renewed
    assert late < 15 + 10, f"{late} s, of which a busy machine may have added ten"
    assert ready == "True" or late > 20
    # Nobody has told the nodes' zones on the bus: the run knows them.
    assert {one["name"]: one["zone"] for one in result["cluster"]["nodes"]} == {"node1": "zone-a", "node2": "zone-b"}
    assert left(cluster, etcd, server) == []
    wait_for(lambda: not cluster.get("node/node2")["spec"].get("taints"), "pods to be let on the node again", 90)


def test_a_run_whose_node_is_gone_leaves_nothing(cluster, etcd, base, start, tmp_path):
    """Its kubelet is stopped for good: nobody says that its pods have ended. Who comes back ends what runs there."""
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1, "node2": 1})}, [ENDLESS])
    process = start("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, log=open(tmp_path / "run.log", "w"))
    wait_for(lambda: len(targets(etcd, "zone-a")) == 2, "its weights", 120)
    pod = cluster.get("pod/hello-deployment-node2-0")
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    runs = lambda: container in kubernetes.do(*cluster.in_node(2, "ctr", "-n", "k8s.io", "tasks", "ls", "-q")).split()
    assert runs()
    kubelet = kubelet_of_node2(cluster)
    kubelet("STOP")
    try:
        wait_for(lambda: len(targets(etcd, "zone-a")) == 1, lambda: targets(etcd, "zone-a"), 90)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(180) == 105, (tmp_path / "run.log").read_text()
        print(f"the end took {time.monotonic() - began:.0f} s")
        assert left(cluster, etcd, server) == []
        said = (tmp_path / "run.log").read_text()
        assert "a pod is removed without its node's word" in said and "pod=hello-deployment-node2-0" in said and "hello-deployment-node1-0" not in said, said
    finally:
        kubelet("CONT")
    wait_for(lambda: not runs(), "its container to end", 120)


def test_a_dead_run_takes_nothing_from_an_elder_one_that_lives(cluster, etcd, base, start, run, tmp_path):
    """It was killed between its claim and the look at others that would have refused it, and had made a pod."""
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [ENDLESS])
    process = start("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env)
    wait_for(lambda: targets(etcd, "zone-a"), "its weights", 120)
    wait_for(lambda: server("KEYS", "routing:*") and server("KEYS", "galileo:client:*"), "its route and clients", 60)
    [config] = cluster.get("configmaps", "-l", LABEL)["items"]
    [lease] = cluster.get("leases", "-l", LABEL)["items"]
    [pod] = cluster.get("pods", "-l", LABEL)["items"]
    ours, dead = lease["metadata"]["labels"][LABEL], "202611300800-dead"

    def of_the_dead(one, name):
        made = json.loads(json.dumps(one).replace(ours, dead))
        kept = {key: made["metadata"][key] for key in ("labels", "annotations") if key in made["metadata"]}
        return {**made, "metadata": {"name": name, **kept}}
    its = [of_the_dead(config, f"galileo-{dead}"), of_the_dead(lease, f"galileo-{dead}"), of_the_dead(pod, "hello-deployment-node1-9")]
    its[1]["spec"] = {"holderIdentity": "dead", "leaseDurationSeconds": 1}
    its[2] = {**its[2], "status": {}}
    # One that a controller of the elder's has made.
    adopted = copy.deepcopy(its[2])
    adopted["metadata"] = {"name": "scaled", "labels": {key: value for key, value in its[2]["metadata"]["labels"].items() if key != LABEL}}
    cluster.kubectl("create", "-f", "-", text="\n---\n".join(map(json.dumps, [*its, adopted])))
    wait_for(lambda: len(targets(etcd, "zone-a")) == 2, "the adopted pod", 120)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/hello-deployment-node1-9", "--timeout=120s")
    weights = targets(etcd, "zone-a")  # without another run's pod
    assert len(weights) == 2
    seen = lambda: (sorted(server("KEYS", "routing:*")), sorted(server("KEYS", "galileo:client:*")))
    before = seen()
    time.sleep(2.5)
    done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=240)
    assert f"what experiment {dead} had left was removed" in done.out, done
    assert seen() == before and targets(etcd, "zone-a") == weights
    assert cluster.try_kubectl("get", "pod/scaled") and not cluster.try_kubectl("get", "pod/hello-deployment-node1-9")
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(180) == 105
    assert left(cluster, etcd, server) == []


def test_pods_of_a_run_that_failed_are_kept_on_wish_with_what_kubernetes_said(cluster, etcd, base, run, tmp_path):
    server, env = base
    pods = target(image="galileo.test/nobody:1", pods={"node1": 1})
    path = file_of(tmp_path, {"hello": pods}, [CLIENT])
    done = run("run", path, "--keep", "30m", "--bus", server.url, "-q", env=env, timeout=240)
    assert done.code == 92 and "ErrImageNeverPull" in done.err and "pods are kept for 30m" in done.err, done
    folder = tmp_path / re.search(r"are kept in ([^\s;]+)", done.err)[1]
    [(name, kept)] = json.loads((folder / "pods.json").read_text()).items()
    assert name == "hello-deployment-node1-0" and kept["node"] == "node1"
    assert kept["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImageNeverPull"
    told = (folder / "kubernetes-events.txt").read_text().splitlines()
    assert told and all(f" pod/{name}" in line for line in told), told
    # All but pods and claim has gone.
    kinds = sorted(one.split("/")[0] for one in left(cluster, etcd, server))
    assert kinds == ["configmap", "lease.coordination.k8s.io", "pod", "pod"], "the pod, by both its labels"
    [lease] = cluster.get("leases", "-l", LABEL)["items"]
    assert lease["spec"]["leaseDurationSeconds"] == 1800
    refused = run("run", path, "--bus", server.url, "-q", env=env, timeout=240)
    assert refused.code == 2 and "are kept for application 'hello'" in refused.err and "doctor --clean" in refused.err, refused
    doctor = run("doctor", "--bus", server.url, env=env, timeout=240)
    assert re.search(r"its run has failed; its pods are kept for (30m|29m)", doctor.out), doctor
    done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=240)
    assert "had left was removed: its run had failed" in done.out, done
    assert left(cluster, etcd, server) == []


def renewed(cluster, name):
    return cluster.get(f"lease/{name}")["spec"].get("renewTime")


def objects(cluster, *more):
    """All that a run may make or change, in their versions."""
    return {(one["kind"], one["metadata"]["name"]): one["metadata"]["resourceVersion"] for one in cluster.get(
        "pods,deployments,replicasets,horizontalpodautoscalers,configmaps,leases", *more)["items"]}


def test_who_was_thought_dead_writes_nothing_and_an_api_server_that_is_away_kills_nobody(cluster, etcd, base, start, run, tmp_path):
    """One run is stopped for longer than its lease can be held; meanwhile the server is away for most of a minute from another one."""
    server, env = base
    for name in ("stopped", "living"):
        (tmp_path / name).mkdir()
    path = file_of(tmp_path / "stopped", {"hello": target(pods={"node1": 1})}, [ENDLESS],
                   events=[{"at": "20s", "cordon": "node1"}, {"at": "21s", "delete_pod": "hello"}])
    proxy = KubeProxy(kubernetes.API, cluster.keys)
    proxied = {**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "proxied"))}
    stopped = start("run", path, "--bus", server.url, "-q", env=proxied, cwd=tmp_path / "stopped")
    wait_for(lambda: server("EXISTS", "routing:hosts:hello-zone-a"), "its route", 120)
    [claim] = [one["metadata"]["name"] for one in cluster.get("leases", "-l", LABEL)["items"]]
    os.kill(stopped.pid, signal.SIGSTOP)
    began = time.monotonic()
    end_lease(cluster)
    done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=240)
    assert "had left was removed" in done.out and left(cluster, etcd, server) == [], done
    # What another has there now.
    theirs = {"ips": ["10.87.0.254:1"], "weights": [1]}
    etcd.put("golb/function/zone-a/hello", theirs)
    assert run("rtbl", "set", "hello-zone-a", "10.87.0.254:1=1", "--bus", server.url).code == 0
    route = lambda: [line for line in run("rtbl", "ls", "--bus", server.url).out.splitlines() if "hello" in line]
    [theirs_too] = route()

    path = file_of(tmp_path / "living", {"other": target(pods={"node2": 1})}, [{**ENDLESS, "application": "other", "zone": "zone-b"}])
    living = start("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, cwd=tmp_path / "living")
    wait_for(lambda: targets(etcd, "zone-b", "other"), "its weights", 120)
    start("adapter", "--bus", server.url, env=env, log=open(tmp_path / "adapter.log", "w"))  # it would clean up
    [lease] = [one["metadata"]["name"] for one in cluster.get("leases", "-l", LABEL)["items"]]
    first = renewed(cluster, lease)
    wait_for(lambda: renewed(cluster, lease) != first, "its lease to be renewed", 60)
    api = cluster.processes["apiserver"]
    api.kill()
    api.wait()
    time.sleep(50)
    assert living.poll() is None and targets(etcd, "zone-b", "other")
    cluster.start("apiserver", api.args[2:])
    cluster.wait_for("apiserver", lambda: cluster.try_kubectl("get", "--raw", "/readyz"), "the API server", 60)
    last = renewed(cluster, lease)
    wait_for(lambda: renewed(cluster, lease) != last, "its lease to be renewed again", 60)
    assert "was removed" not in (tmp_path / "adapter.log").read_text()

    wait_for(lambda: time.monotonic() - began > 85, "the time in which a run may hold a lease", 120)
    weights = targets(etcd, "zone-a"), targets(etcd, "zone-b", "other")
    before = {name: version for name, version in objects(cluster).items() if name != ("Lease", lease)}
    proxy.deaf = f"/leases/{claim}"  # nobody tells it that another has the lease: it must know by the time
    os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.wait(180) == 92
    told = stopped.stderr.read()
    assert "the run's lease is lost" in told and "couldn't be renewed for" in told and "others take back what it did" in told, told
    assert {name: version for name, version in objects(cluster).items() if name != ("Lease", lease)} == before
    assert etcd.get("golb/function/zone-a/hello") == [theirs] and targets(etcd, "zone-b", "other") == weights[1]
    assert route() == [theirs_too] and not cluster.get("node/node1")["spec"].get("unschedulable")
    assert sqlite3.connect(tmp_path / "stopped/galileo.sqlite").execute("SELECT STATUS FROM experiments").fetchall() == [("FAILED",)]

    proxy.stop()
    assert living.poll() is None
    end(living, tmp_path / "living/r.json")
    etcd.delete("golb/function/zone-a/hello")
    assert run("rtbl", "rm", "hello-zone-a", "--bus", server.url).code == 0
    assert left(cluster, etcd, server) == []


def rights_of(role):
    """Each right that the file gives in a run's namespace: its document, rule and verb there, group and resource."""
    for document, one in enumerate(role):
        if one["kind"] == "Role" and one["metadata"]["namespace"] == "default":
            for rule, said in enumerate(one["rules"]):
                [group], [resource] = said["apiGroups"], said["resources"]
                for verb in said["verbs"]:
                    yield document, rule, verb, group, resource


# What a run that changes nothing in the middle asks for: it does without logs and what Kubernetes says, and others are the doctor's.
NOT_NEEDED = {"get pods", "get pods/log", "list events", "watch events", "list configmaps", "patch deployments/scale", "list daemonsets", "get deployments",
              "watch deployments", "create horizontalpodautoscalers", "get horizontalpodautoscalers", "watch horizontalpodautoscalers",
              "delete horizontalpodautoscalers"}


def test_without_one_of_its_rights_a_run_makes_nothing_or_takes_all_of_it_back(cluster, etcd, base, run, tmp_path):
    """Each right of the role once: what a run needs is named, and what it doesn't is no reason to end."""
    server, env = base
    role = list(yaml.safe_load_all((ROOT / "examples/kubernetes/role.yaml").read_text()))
    apply = lambda objects: cluster.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
    apply(role)
    config = json.loads((cluster.folder / "admin.kubeconfig").read_text())
    config["users"] = [{"name": "u", "user": {"token": cluster.kubectl("create", "token", "experimenter").strip()}}]
    (tmp_path / "experimenter").write_text(json.dumps(config))
    env = {**env, "KUBECONFIG": str(tmp_path / "experimenter")}
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1}), "kept": target(pods=1, zone="zone-a", deployment=True)}, [{**CLIENT, "duration": "500ms"}])

    def may(verb, group, resource):
        what, _, part = resource.partition("/")
        return cluster.try_kubectl("auth", "can-i", verb, f"{what}.{group}" if group else what, *([f"--subresource={part}"] if part else []),
                                   "--as=system:serviceaccount:default:experimenter")
    try:
        for document, rule, verb, group, resource in rights_of(role):
            right = f"{verb} {resource}"
            fewer = copy.deepcopy(role)
            fewer[document]["rules"][rule]["verbs"].remove(verb)
            if not fewer[document]["rules"][rule]["verbs"]:
                del fewer[document]["rules"][rule]
            apply([fewer[document]])
            wait_for(lambda: not may(verb, group, resource), f"the right to {right} to be gone", 30)
            done = run("run", path, "--bus", server.url, "-q", env=env, timeout=120)
            if right in NOT_NEEDED:
                assert done.ran, (right, done)
            else:
                assert done.code == 2 and resource in done.err and ("you may not " in done.err or "forbidden" in done.err), (right, done)
            assert left(cluster, etcd, server) == [], (right, done)
    finally:
        cluster.kubectl("delete", "-f", ROOT / "examples/kubernetes/role.yaml")


def test_the_role_of_the_examples_is_enough_to_run_experiments(cluster, base, run, tmp_path):
    _, env = base
    role = ROOT / "examples/kubernetes/role.yaml"
    cluster.kubectl("apply", "-f", role)
    config = json.loads((cluster.folder / "admin.kubeconfig").read_text())
    config["users"] = [{"name": "u", "user": {"token": cluster.kubectl("create", "token", "experimenter").strip()}}]
    (tmp_path / "experimenter").write_text(json.dumps(config))
    env = {**env, "KUBECONFIG": str(tmp_path / "experimenter")}
    told = json.loads(run("doctor", "--json", env=env, timeout=240).out)
    assert "all that a run needs" in [one["text"] for one in told if one["about"] == "rights"], told
    done = run("run", file_of(tmp_path, {"hello": target(pods=1, zone="zone-a", deployment=True)}, [CLIENT]), "-q", env=env, timeout=240)
    assert done.ran, done
    cluster.kubectl("delete", "-f", role)
    assert all(one for one in yaml.safe_load_all(role.read_text()))
