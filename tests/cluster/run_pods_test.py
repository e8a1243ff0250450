"""`galileo run` with applications as pods, on a whole Kubernetes with two nodes, a zone each: its workers, gateways and
etcd are real, and what is left in the end is what was there before."""
import json
import os
import signal
import time

import cluster as kubernetes
import pytest
import yaml
from conftest import ROOT, result_of, wait_for
from pods_laboratory import CLIENT, IMAGE, ZONES, base, end_lease, etcd, file_of, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo) as made:
        yield made


def test_a_profiling_experiment_makes_pods_on_its_node_and_leaves_nothing(cluster, etcd, base, run, tmp_path):
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 2}, requests={"cpu": "10m", "memory": "16Mi"})}, [CLIENT])
    server("SET", "galileo:adapter:gone:1:1", "7")  # of an adapter that was killed
    done = run("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, timeout=240)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["intended"] == result["ledger"]["answered"] == 150 and result["ledger"]["balanced"], done
    # Both pods have answered, through their zone's gateway, and say so.
    finals = rows(tmp_path, "SELECT json_extract(HEADERS, '$.X-Final-Host'), count(*) FROM traces GROUP BY 1")
    assert len(finals) == 2 and all(host.startswith("10.245.1.") and count == 75 for host, count in finals), finals
    # Nobody else does, so the run itself tells what becomes of its pods.
    lives = dict(rows(tmp_path, "SELECT NAME, count(*) FROM events WHERE NAME LIKE 'pod/%' GROUP BY NAME"))
    assert lives.keys() >= {"pod/create", "pod/running", "pod/shutdown", "pod/delete"} and lives["pod/running"] == lives["pod/delete"] == 2, lives
    updates = [json.loads(value) for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'weight_update'")]
    own = next(one for one in updates if one["zone"] == "zone-a")
    assert own["fn"] == "hello" and sorted(own["weights"]["ips"]) == sorted(host for host, _ in finals) and own["weights"]["weights"] == [1, 1]
    assert any(one["zone"] == "zone-b" and one["weights"]["ips"] == ["10.87.0.11:8080"] for one in updates)
    assert left(cluster, etcd, server) == []


def test_a_scenario_calls_between_zones(cluster, etcd, base, run, tmp_path):
    """Two applications in two zones; clients of a zone without the application go by the other's gateway."""
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1}), "other": target(pods={"node2": 1})},
                   [CLIENT, {**CLIENT, "zone": "zone-b"}, {**CLIENT, "application": "other"}])
    done = run("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, timeout=240)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 450 and result["ledger"]["failed"] == {}, done
    hops = dict(rows(tmp_path, "SELECT CLIENT, json_extract(HEADERS, '$.X-Forwarded-Host-Gw-Zone-A') IS NOT NULL AND "
                               "json_extract(HEADERS, '$.X-Forwarded-Host-Gw-Zone-B') IS NOT NULL FROM traces"))
    assert {client.split(":")[1]: both for client, both in hops.items()} == {"hello-zone-a": 0, "hello-zone-b": 1, "other-zone-a": 1}
    assert left(cluster, etcd, server) == []


def test_one_process_sends_through_the_gateway_too(cluster, etcd, base, run, tmp_path):
    _, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [CLIENT])
    done = run("run", path, "--json", "r.json", "-q", env=env, timeout=240)
    assert done.ran, done
    assert result_of(tmp_path / "r.json")["ledger"]["answered"] == 150
    assert left(cluster, etcd) == []


FAILING = {
    "a name that is none": (target(image="Not A Name", pods={"node1": 1}), "has blanks", 2),
    "an image that isn't there": (target(image="galileo.test/nobody:1", pods={"node1": 1}), "ErrImageNeverPull", 92),
    "a command that isn't there": (target(command=["/nothing"], pods={"node1": 1}), "RunContainerError|StartError|CrashLoopBackOff", 92),
    "more than the node has": (target(pods={"node1": 1}, requests={"cpu": "900"}), "Unschedulable", 92),
    "out of memory": ({"image": kubernetes.BUSYBOX, "pods": {"node1": 1}, "limits": {"memory": "16Mi"}, "container": {"imagePullPolicy": "Never"},
                       "command": ["sh", "-c", "x=aaaaaaaa; while :; do x=$x$x; done"]}, "OOMKilled", 92),
    "a scheduler that isn't there": (target(pods=1, zone="zone-a", spec={"schedulerName": "nobody"}), "no scheduler has said anything of it within 10.0s", 92),
    "a node that isn't there": (target(pods={"node3": 1}), "the cluster has no node 'node3'", 2),
}


@pytest.mark.parametrize("case", FAILING)
def test_pods_that_cant_be_end_the_run_with_kubernetes_own_reason(cluster, etcd, base, run, tmp_path, case):
    server, env = base
    pods, words, code = FAILING[case]
    began = time.monotonic()
    done = run("run", file_of(tmp_path, {"hello": pods}, [CLIENT]), "--bus", server.url, "-q", env=env, timeout=240)
    assert done.code == code, done
    assert any(word in done.err for word in words.split("|")), done
    assert time.monotonic() - began < 240, "not by a time-out, which would be five minutes"
    assert left(cluster, etcd, server) == []


def test_pods_that_never_get_ready_are_told_by_name_when_their_time_is_over(cluster, etcd, base, run, tmp_path):
    server, env = base
    never = target(pods={"node1": 2})
    never["container"]["readinessProbe"] = {"exec": {"command": ["/nothing"]}, "periodSeconds": 1}
    done = run("run", file_of(tmp_path, {"hello": never}, [CLIENT]), "--set", "applications[0].ready_timeout=6s", "--bus", server.url, "-q", env=env, timeout=120)
    assert done.code == 92 and "pods aren't ready within 6.00s" in done.err and "2 wait; hello-deployment-node1-" in done.err, done
    assert left(cluster, etcd, server) == []


def quota(cluster, most):
    """So many pods may be in the namespace."""
    one = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": str(most)}}}
    cluster.kubectl("apply", "-f", "-", text=json.dumps(one))
    wait_for(lambda: cluster.get("resourcequota/few").get("status", {}).get("hard") == {"pods": str(most)}, "the quota to be counted", 60)


def test_a_deployment_that_may_have_no_more_pods_ends_the_run_by_the_quota_s_words(cluster, etcd, base, run, tmp_path):
    """No pod tells of it. From the start, and when an event scales it in the middle; one whose file wants it recorded goes on."""
    server, env = base
    before = len(cluster.get("pods")["items"])
    scaled = lambda **more: file_of(tmp_path, {"hello": target(pods=1, zone="zone-a", deployment=True)}, [{**CLIENT, "duration": "8s"}],
                                    events=[{"at": "1s", "scale": "hello", "replicas": 3}], **more)
    try:
        quota(cluster, before)
        began = time.monotonic()
        done = run("run", scaled(), "--bus", server.url, "-q", env=env, timeout=120)
        assert done.code == 92 and "deployment hello-deployment can't be" in done.err and "FailedCreate: " in done.err and "exceeded quota: few" in done.err, done
        assert time.monotonic() - began < 60, "not by a time-out, which would be five minutes"
        assert left(cluster, etcd, server) == []
        quota(cluster, before + 1)
        done = run("run", scaled(), "--bus", server.url, "-q", env=env, timeout=120)
        assert done.code == 92 and "deployment hello-deployment can't be" in done.err and "exceeded quota: few" in done.err, done
        assert left(cluster, etcd, server) == []
        done = run("run", scaled(kubernetes={"on_pod_failure": "record"}), "--bus", server.url, "--json", "r.json", "-q", env=env, timeout=120)
        assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 400, done
        failures = [json.loads(value) for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'application/failure'")]
        assert failures and failures[-1]["name"] == "hello-deployment" and failures[-1]["reason"] == "FailedCreate", failures
    finally:
        cluster.kubectl("delete", "resourcequota", "few")
    assert left(cluster, etcd, server) == []


@pytest.mark.parametrize("does", ["end", "record"])
def test_a_pod_that_somebody_deletes_ends_the_run_or_is_recorded(cluster, etcd, base, start, tmp_path, does):
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 2})}, [{**CLIENT, "duration": "300s"}], kubernetes={"on_pod_failure": does})
    process = start("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env)
    hosts = lambda: [host for value in etcd.get("golb/function/zone-a/hello") for host in value["ips"]]
    wait_for(lambda: len(hosts()) == 2 and server("EXISTS", "routing:hosts:hello-zone-a") or process.poll() is not None, hosts, 120)
    address = cluster.get("pod/hello-deployment-node1-0")["status"]["podIP"]
    cluster.kubectl("delete", "pod", "hello-deployment-node1-0", "--wait=false")
    if does == "end":
        assert process.wait(60) == 92
        told = process.stderr.read()
        assert "pod hello-deployment-node1-0 can't be" in told and "somebody has deleted it" in told, told
    else:
        # It is out of the weights as soon as it is to go, and what is left answers.
        wait_for(lambda: f"{address}:8080" not in hosts() and len(hosts()) == 1, hosts, 30)
        failures = lambda: [json.loads(value) for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'application/failure'")]
        wait_for(lambda: failures(), "word of it", 60)
        assert process.poll() is None and failures() == [{"name": "hello-deployment-node1-0", "reason": "Deleted", "text": "somebody has deleted it"}]
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 105, process.stderr.read()
        assert result_of(tmp_path / "r.json")["ledger"]["balanced"]
    assert left(cluster, etcd, server) == []


def test_a_dry_run_prints_what_the_server_takes_and_makes_nothing(cluster, etcd, base, run, tmp_path):
    _, env = base
    path = file_of(tmp_path, {"hello": target(pods=2, zone="zone-a", requests={"cpu": "10m"}, deployment=True)}, [CLIENT])
    done = run("run", path, "--dry-run", env=env)
    assert done.code == 0, done
    objects = [json.loads(part) for part in done.out.split("---\n")[1:]]
    assert [one["kind"] for one in objects] == ["Deployment"]
    assert left(cluster, etcd) == []
    done = run("run", file_of(tmp_path, {"hello": target(pods={"node1": 1}, spec={"noSuchField": 1})}, [CLIENT]), "--dry-run", env=env)
    assert done.code == 2 and "noSuchField" in done.err, done
    # Nobody measures pods here, so that an autoscaler would do nothing.
    scaled = target(pods=1, zone="zone-a", requests={"cpu": "10m"}, autoscale={"min": 1, "max": 3})
    for flags in (["--dry-run"], ["-q"]):
        done = run("run", file_of(tmp_path, {"hello": scaled}, [CLIENT]), *flags, env=env)
        assert done.code == 2 and "the cluster has no metrics API" in done.err and "metrics-server" in done.err, done


# By a metric that nobody measures, so that it takes no metrics API.
CONTROLLER = """
import json, os, signal, subprocess, sys, time

def end(*_):
    pods = subprocess.run([sys.argv[2], "get", "pods", "-l", "ether.edgerun.io/function=hello", "-o", "name"], stdout=subprocess.PIPE, text=True)
    with open("at-its-end", "w") as file:
        file.write(pods.stdout)
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
print("bus", os.environ["galileo_redis_host"], os.environ["galileo_redis_port"], flush=True)
zones, experiment = os.environ["galileo_zones"].split(), os.environ["galileo_experiment"]
assert zones == ["zone-a", "zone-b"] and os.environ["etcd_host"] == "127.0.0.1", os.environ
pod = json.load(open(sys.argv[1]))
for number in range(3):
    pod["metadata"]["name"] = f"scaled-{number}"
    subprocess.run([sys.argv[2], "create", "-f", "-"], input=json.dumps(pod), text=True, check=True)
    time.sleep(1)
time.sleep(1000)
"""


def test_pods_of_a_controller_beside_the_run_are_served_and_removed_and_older_ones_are_not(cluster, etcd, base, run, tmp_path):
    """It makes pods for the run's function, with its own labels; one that was there before is nobody's of the run."""
    server, env = base
    pods = target(pods={"node1": 1})
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "older", "labels": {
        "ether.edgerun.io/function": "hello", "ether.edgerun.io/zone": "zone-a"}}, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": IMAGE, "args": pods["arguments"], **pods["container"]}]}}
    cluster.kubectl("create", "-f", "-", text=json.dumps(made))
    (tmp_path / "pod.json").write_text(json.dumps(made))
    (tmp_path / "controller.py").write_text(CONTROLLER)
    path = file_of(tmp_path, {"hello": pods}, [{**CLIENT, "duration": "20s"}],
                   beside=[{"name": "scaler", "command": ["/usr/bin/python3", "controller.py", "pod.json", str(cluster.bin / "kubectl")]}])
    without_bus = {name: value for name, value in env.items() if not name.startswith("galileo_redis_")}
    done = run("run", path, "--bus", server.url, "--json", "r.json", "-q", env=without_bus, timeout=240)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 1000 and result["ledger"]["failed"] == {}, done
    log, = (tmp_path / "galileo.sqlite.logs").rglob("scaler.log")
    assert f"bus 127.0.0.1 {server.port}\n" in log.read_text(), log.read_text()
    # It ended before what it controls.
    assert len((tmp_path / "at-its-end").read_text().split()) == 5, "the run's, its three, the older one"
    hosts = rows(tmp_path, "SELECT DISTINCT json_extract(HEADERS, '$.X-Final-Host') FROM traces")
    assert len(hosts) == 4, "the run's pod, and three of the controller's"
    assert left(cluster, etcd, server) == ["pod/older"]
    cluster.kubectl("delete", "pod", "older", "--force", "--grace-period=0")


def test_the_cluster_is_changed_at_times_and_as_it_was_in_the_end(cluster, etcd, base, run, tmp_path):
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods=1, zone="zone-a", deployment=True), "other": target(pods={"node1": 2})},
                   [{**CLIENT, "duration": "26s"}, {**CLIENT, "application": "other", "duration": "26s"}],
                   events=[{"at": "1s", "cordon": "node2"}, {"at": "2s", "scale": "hello", "replicas": 3}, {"at": "4s", "delete_pod": "other"},
                           {"at": "18s", "cordon": "node1"}, {"at": "19s", "uncordon": "node1"}, {"at": "20s", "scale": "hello", "replicas": 1}])
    done = run("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, timeout=240)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    changes = [json.loads(value) for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'cluster/change' ORDER BY TIMESTAMP")]
    assert [next(iter(change)) for change in changes] == ["cordon", "replicas", "delete_pod", "cordon", "uncordon", "replicas"], done
    assert changes[2]["name"] == "other-deployment-node1-0"
    hosts = rows(tmp_path, "SELECT count(DISTINCT json_extract(HEADERS, '$.X-Final-Host')) FROM traces WHERE SERVICE = 'hello-zone-a'")
    assert hosts == [(3,)], done
    # No request met the pod that was deleted: it was out of the weights before.
    failed = rows(tmp_path, "SELECT count(*) FROM traces WHERE SERVICE = 'other-zone-a' AND STATUS != 200")
    assert failed == [(0,)] and result["ledger"]["intended"] == 2600, done
    assert not any(cluster.get(f"node/node{number}")["spec"].get("unschedulable") for number in ZONES)
    assert left(cluster, etcd, server) == []


@pytest.mark.parametrize("name", ["profiling", "scenario", "scheduler"])
def test_the_examples_run_as_they_stand_but_for_their_image(cluster, etcd, base, run, tmp_path, name):
    server, env = base
    path = ROOT / f"examples/kubernetes/{name}.yaml"
    count = len(yaml.safe_load(path.read_text())["applications"])
    sets = [word for n in range(count) for word in (
        "--set", f"applications[{n}].kubernetes.image={IMAGE}", "--set", f"applications[{n}].kubernetes.container.imagePullPolicy=Never",
        "--set", f"applications[{n}].kubernetes.spec.terminationGracePeriodSeconds=1")]
    done = run("run", path, *sets, "--bus", server.url, "--json", "r.json", "--report", "r.html", "-q", env=env, timeout=240)
    assert done.ran, done
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["balanced"] and ledger["answered"] == ledger["intended"] > 0 and ledger["failed"] == {}, done
    assert left(cluster, etcd, server) == []


def test_the_doctor_finds_what_is_wrong_and_says_the_mend(cluster, etcd, base, run, start, tmp_path):
    server, env = base

    def doctor(*arguments, **more):
        done = run("doctor", "--bus", server.url, "--json", *arguments, env={**env, **more}, timeout=120)
        return done.code, {f"{one['about']}: {one['text']}": one for one in json.loads(done.out)}

    def faults(told):
        return {text for text, one in told.items() if one["level"] == "fault"}
    for number in ZONES:
        cluster.kubectl("label", "node", f"node{number}", "node-role.kubernetes.io/client=true", "node-role.kubernetes.io/worker=true")
    code, told = doctor()
    assert code == 0 and not faults(told), told
    assert {one["about"] for one in told.values()} >= {"bus", "etcd", "database", "cluster", "rights", "workers"}
    # A zone of its own for a node: nobody works or listens there.
    cluster.kubectl("label", "--overwrite", "node", "node2", "ether.edgerun.io/zone=zone-c")
    code, told = doctor()
    assert code == 92 and faults(told) == {"zone zone-c: it has no gateway", "zone zone-c: no worker of it is on the bus"}, told
    cluster.kubectl("label", "--overwrite", "node", "node2", "ether.edgerun.io/zone=zone-b")
    code, told = doctor(etcd_port="1")
    assert code == 92 and [one for one in told.values() if one["level"] == "fault"][0]["about"] == "etcd"
    # Who may only look is told what is missing.
    cluster.kubectl("create", "serviceaccount", "looker")
    cluster.kubectl("create", "clusterrolebinding", "looker", "--clusterrole=view", "--serviceaccount=default:looker")
    token = cluster.kubectl("create", "token", "looker").strip()
    config = json.loads((cluster.folder / "admin.kubeconfig").read_text())
    config["users"] = [{"name": "u", "user": {"token": token}}]
    (tmp_path / "looker").write_text(json.dumps(config))
    code, told = doctor("--kubeconfig", tmp_path / "looker")
    assert code == 92 and {"rights: you may not create pods", "rights: you may not list nodes"} <= faults(told), told
    assert token not in json.dumps(told)
    cluster.kubectl("delete", "clusterrolebinding", "looker")
    cluster.kubectl("delete", "serviceaccount", "looker")
    # A run that was killed is told, and taken away.
    process = start("run", file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "60s"}]), "--bus", server.url, "-q", env=env)
    wait_for(lambda: etcd.get("golb/function/zone-a/hello"), "its weights", 120)
    process.kill()
    process.wait()
    end_lease(cluster)
    _, told = doctor()
    assert any("a run was killed" in text and one["mend"] == "galileo doctor --clean" for text, one in told.items()), told
    _, told = doctor("--clean")
    assert any("was removed" in text for text in told), told
    assert left(cluster, etcd, server) == []
    for number in ZONES:
        cluster.kubectl("label", "node", f"node{number}", "node-role.kubernetes.io/client-", "node-role.kubernetes.io/worker-")


WEIGHER = """
import base64, json, os, subprocess, sys, time, urllib.request
def put(weights):
    code = lambda text: base64.b64encode(text.encode()).decode()
    body = {"key": code("golb/function/zone-a/hello"), "value": code(json.dumps(weights))}
    urllib.request.urlopen(f"http://{os.environ['etcd_host']}:{os.environ['etcd_port']}/v3/kv/put", json.dumps(body).encode()).read()
get = lambda *words: subprocess.run([sys.argv[1], "get", "pods", "-l", "ether.edgerun.io/function=hello", "-o", *words], text=True, capture_output=True, check=True).stdout
ip = get("jsonpath={.items[0].status.podIP}")
put({"ips": [f"{ip}:8080"], "weights": [7]})
pod = json.loads(get("json"))["items"][0]
made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "scaled", "labels": {"ether.edgerun.io/function": "hello", "ether.edgerun.io/zone": "zone-a"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{k: v for k, v in pod["spec"]["containers"][0].items() if k in ("image", "args", "imagePullPolicy", "readinessProbe")} | {"name": "main"}]}}
subprocess.run([sys.argv[1], "create", "-f", "-"], input=json.dumps(made), text=True, check=True)
subprocess.run([sys.argv[1], "wait", "--for=condition=Ready", "pod/scaled", "--timeout=60s"], check=True)
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("weights", ["once", "none"])
def test_a_controller_beside_the_run_writes_the_weights_alone(cluster, etcd, base, run, start, tmp_path, weights):
    """A pod of its own becomes ready meanwhile, which would have been in the weights if they had followed."""
    server, env = base
    (tmp_path / "weigher.py").write_text(WEIGHER)
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "300s"}], kubernetes={"weights": weights},
                   beside=[{"name": "weigher", "command": ["/usr/bin/python3", "weigher.py", str(cluster.bin / "kubectl")]}])
    process = start("run", path, "--bus", server.url, "-q", env=env)
    wait_for(lambda: any("ready" in log.read_text() for log in tmp_path.rglob("weigher.log")) or process.poll() is not None, "its pod", 120)
    time.sleep(1)  # in which a follower would have written
    written = etcd.get("golb/function/zone-a/hello")
    assert [one["weights"] for one in written] == [[7]], written
    assert bool(etcd.get("golb/function/zone-b/hello")) == (weights == "once")
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 105
    # What we have written is taken back; what we haven't is somebody else's.
    assert bool(etcd.get("golb/function/zone-a/hello")) == (weights == "none")
    etcd.delete("golb/function/zone-a/hello")
    assert left(cluster, etcd, server) == []
