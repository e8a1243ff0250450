"""`galileo run` with applications as pods, on a whole Kubernetes with two nodes, a zone each: its workers, gateways and
etcd are real, and what is left in the end is what was there before."""
import json
import os
import signal
import sqlite3
import time

import cluster as kubernetes
import given
import pytest
import yaml
from conftest import ROOT, result_of, wait_for
from kube_proxy import KubeProxy
from pods_laboratory import CLIENT, IMAGE, LABEL, ZONES, base, end_lease, etcd, file_of, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)


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
    assert done.code == 92 and "pods aren't ready within 6.00s" in done.err and "2 wait; hello-deployment-node1-0: " in done.err, done
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


def test_answers_that_are_lost_are_no_loss(cluster, etcd, base, run, tmp_path):
    """Of each object that is created: it is there, is the run's by its label, and isn't made twice."""
    server, env = base
    proxy = KubeProxy(kubernetes.API, cluster.keys)
    proxy.lost = {0, 1, 2, 3}
    done = run("run", file_of(tmp_path, {"hello": target(pods={"node1": 2})}, [CLIENT]), "--bus", server.url, "--json", "r.json", "-q",
               env={**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "proxied"))}, timeout=240)
    assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 150, done
    made = [step.split("/")[-1] for step in proxy.changes if step.startswith("POST")]
    assert made == ["leases", "configmaps", "pods", "pods"], proxy.changes
    proxy.stop()
    assert left(cluster, etcd, server) == []


def test_redis_etcd_and_the_watch_break_under_a_run_and_its_books_balance(cluster, etcd, base, start, tmp_path):
    """One after the other while requests go out; weights follow a pod's end after that, and nothing is left."""
    server, env = base
    proxy = KubeProxy(kubernetes.API, cluster.keys)
    path = file_of(tmp_path, {"hello": target(pods={"node1": 2})}, [{**CLIENT, "rate": 20, "duration": "40s"}], events=[{"at": "30s", "delete_pod": "hello"}])
    process = start("run", path, "--bus", server.url, "--json", "r.json", env={**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "proxied"))},
                    log=open(tmp_path / "run.log", "w"))
    said = lambda: (tmp_path / "run.log").read_text()
    hosts = lambda: [host for value in etcd.get("golb/function/zone-a/hello") for host in value["ips"]]
    wait_for(lambda: server("EXISTS", "routing:hosts:hello-zone-a") or process.poll() is not None, said, 120)
    time.sleep(3)
    assert process.poll() is None and proxy.cut() > 1, said()
    server.restart(away=1)
    etcd.stop()
    time.sleep(1)
    etcd.start()
    assert process.poll() is None and len(hosts()) == 2, said()
    wait_for(lambda: len(hosts()) == 1 or process.poll() is not None, said, 60)
    assert process.wait(120) in (0, 90), said()
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["balanced"] and ledger["intended"] == 800 and ledger["failed"] == {}, ledger
    proxy.stop()
    assert left(cluster, etcd, server) == []


def test_ctrl_c_while_pods_arent_ready_leaves_nothing(cluster, etcd, base, start, tmp_path):
    """Nor does a kubelet that tells no logs hold it up: it is waited for once, whatever pods its node has."""
    server, env = base
    proxy = KubeProxy(kubernetes.API, cluster.keys, deaf="/log")
    slow = target(pods={"node1": 3})
    slow["container"]["readinessProbe"] = {"exec": {"command": ["/nothing"]}, "periodSeconds": 1}
    process = start("run", file_of(tmp_path, {"hello": slow}, [CLIENT]), "--bus", server.url, "-q", env={**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "proxied"))})
    running = lambda: cluster.kubectl("get", "pods", "-l", LABEL, "-o", "jsonpath={.items[*].status.phase}").split() == ["Running"] * 3
    wait_for(running, "its pods", 120)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 105
    assert len(set(proxy.unanswered)) == 1, proxy.unanswered
    proxy.stop()
    assert left(cluster, etcd, server) == []


def test_what_kill_9_leaves_is_removed_by_the_next_run(cluster, etcd, base, start, run, tmp_path):
    server, env = base
    (tmp_path / "killed").mkdir()
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "60s"}])
    process = start("run", path, "--bus", server.url, "-q", env=env, cwd=tmp_path / "killed")
    wait_for(lambda: etcd.get("golb/function/zone-a/hello"), "its weights", 120)
    process.kill()
    process.wait()
    found = left(cluster, etcd, server)
    assert any(name.startswith("pod/") for name in found) and any("lease" in name for name in found), found
    # Kubernetes itself would remove them with the ledger.
    [owner] = cluster.get("pod/hello-deployment-node1-0")["metadata"]["ownerReferences"]
    [ledger] = cluster.get("configmaps", "-l", LABEL)["items"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("ConfigMap", ledger["metadata"]["name"], ledger["metadata"]["uid"])
    # Its lease lasts two minutes by the server's clock; nobody may wait for them here.
    lease = cluster.get("leases", "-l", LABEL)["items"][0]["metadata"]["name"]
    refused = run("run", path, "--bus", server.url, "-q", env=env)
    assert refused.code == 2 and "another run is on application 'hello'" in refused.err, refused
    cluster.kubectl("patch", "lease", lease, "--type=merge", "-p", '{"spec": {"leaseDurationSeconds": 1}}')
    time.sleep(2.5)
    other = file_of(tmp_path, {"second": target(pods={"node2": 1})}, [{**CLIENT, "application": "second", "zone": "zone-b"}])
    done = run("run", other, "--bus", server.url, "-q", env=env, timeout=240)
    assert done.ran and "had left was removed" in done.out, done
    assert left(cluster, etcd, server) == []


def test_of_two_runs_on_one_function_at_once_one_goes_on(cluster, etcd, base, start, tmp_path):
    server, env = base
    processes = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        path = file_of(tmp_path / name, {"hello": target(pods={"node1": 1})}, [CLIENT])
        processes.append(start("run", path, "-q", env=env, cwd=tmp_path / name))
    codes = sorted(process.wait(240) for process in processes)
    assert codes in ([0, 2], [2, 90]), codes
    told = "".join(process.stderr.read() for process in processes)
    assert "another run is on application 'hello'" in told, told
    assert left(cluster, etcd) == []


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
METRIC = {"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "1"}}}
SHAPES = {"pods": ({"pods": {"node1": 1}}, ["pods"]),
          "an autoscaled Deployment": ({"zone": "zone-a", "autoscale": {"max": 3, "spec": {"metrics": [METRIC]}}}, ["deployments", "horizontalpodautoscalers"])}


@pytest.mark.parametrize("shape", SHAPES)
def test_kill_9_at_each_change_leaves_nothing_once_somebody_has_come(cluster, etcd, base, start, run, tmp_path, shape):
    """Before each change that a run makes in the cluster, and after each creation before its answer: all of it goes. And what a run
    does elsewhere is done in its order: clients before pods, route and weights back before pods go."""
    server, env = base
    proxy = KubeProxy(kubernetes.API, cluster.keys)
    proxied = {**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "proxied"))}
    pods, plurals = SHAPES[shape]
    path = file_of(tmp_path, {"hello": target(**pods)}, [{**CLIENT, "duration": "1s"}])
    proxy.hold(None, True)
    done = run("run", path, "--bus", server.url, "-q", env=proxied, timeout=240)
    assert done.ran, done
    steps = list(proxy.changes)
    kinds = [step.split("/")[-1] if step.startswith("POST") else step.split("/")[-2] for step in steps]
    assert kinds[:2 + len(plurals)] == ["leases", "configmaps", *plurals] and kinds[-3:] == ["pods", "configmaps", "leases"], steps
    for number, step in enumerate(steps):
        # What is created may be there or not; of the rest the answer alone makes a difference to nobody.
        for before in (True, False) if step.startswith("POST") else (True,):
            proxy.hold(number, before)
            process = start("run", path, "--bus", server.url, "-q", env=proxied)
            assert proxy.held.wait(120), (step, before, process.poll())
            elsewhere = bool(server("KEYS", "galileo:client:*")), bool(server("KEYS", "routing:hosts:*")), bool(etcd.get("golb/function/zone-a/hello"))
            if kinds[number] in plurals + ["pods"]:
                assert elsewhere == (step.startswith("POST"), False, False), (step, before, elsewhere)
            process.kill()
            process.wait()
            proxy.release()
            end_lease(cluster)
            done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=240)
            assert "was removed" in done.out or (number, before) == (0, True), (step, before, done)
            assert left(cluster, etcd, server) == [], (step, before)
    proxy.stop()


def test_the_adapter_removes_what_a_killed_run_has_left(cluster, etcd, base, start, tmp_path):
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "60s"}])
    process = start("run", path, "--bus", server.url, "-q", env=env)
    wait_for(lambda: etcd.get("golb/function/zone-a/hello"), "its weights", 120)
    process.kill()
    process.wait()
    # One of nobody's, of the same function, is older than the run as far as anybody can tell: it has another's label.
    cluster.kubectl("run", "stranger", f"--image={kubernetes.BUSYBOX}", "--image-pull-policy=Never", "--labels=ether.edgerun.io/function=other",
                    "--", "sleep", "1000")
    end_lease(cluster)
    start("adapter", "--bus", server.url, env=env, log=open(tmp_path / "adapter.log", "w"))
    wait_for(lambda: "was removed" in (tmp_path / "adapter.log").read_text(), lambda: (tmp_path / "adapter.log").read_text(), 120)
    assert left(cluster, etcd, server) == ["pod/stranger"]
    cluster.kubectl("delete", "pod", "stranger", "--force", "--grace-period=0")


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


def given_file(tmp_path, objects):
    """An experiment whose application hello is pods of these manifests."""
    given.write(tmp_path / "app.yaml", objects)
    return file_of(tmp_path, {"hello": {"from_manifests": True, "pods": 1}}, [CLIENT], kubernetes={"manifests": ["app.yaml"]})


def test_manifests_are_made_in_order_awaited_and_gone_again(cluster, etcd, base, run, tmp_path):
    """A Deployment with its autoscaler is the application; a namespace, a definition and a thing of it, a volume, a StatefulSet
    that claims it, a Job, a secret and rights go with it."""
    server, env = base
    folder = tmp_path / "base"
    folder.mkdir()
    given.write(folder / "10-around.yaml", given.around(kubernetes.BUSYBOX))
    given.write(folder / "20-web.json", [{"apiVersion": "v1", "kind": "List", "items": given.web(IMAGE)}])
    (folder / "notes.txt").write_text("{{ no manifest }}")
    path = file_of(tmp_path, {"hello": {"from_manifests": True, "pods": 2}}, [CLIENT], kubernetes={"manifests": "base"})
    dry = run("run", path, "--dry-run", env=env)
    assert dry.code == 0 and given.CANARY not in dry.out + dry.err, dry
    shown = {(one["kind"], one["metadata"]["name"]): one for one in (json.loads(part) for part in dry.out.split("---\n")[1:])}
    assert "replicas" not in shown["Deployment", "web"]["spec"] and shown["Secret", "credentials"]["stringData"] == {"password": "***"}
    assert left(cluster, etcd, server) == [] and given.left(cluster) == []
    done = run("run", path, "--bus", server.url, "--json", "r.json", "--report", "r.html", "-q", env=env, timeout=180)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 150 and result["ledger"]["failed"] == {}, done
    hosts = rows(tmp_path, "SELECT DISTINCT json_extract(HEADERS, '$.X-Final-Host') FROM traces")
    assert len(hosts) == 2, "as many as the autoscaler wants"
    assert left(cluster, etcd, server) == [] and given.left(cluster) == []
    # What those said that aren't the application's, in the run's namespace and in another.
    kept, = (tmp_path / "galileo.sqlite.logs").iterdir()
    statuses = json.loads((kept / "pods.json").read_text())
    assert {name.partition("-")[0] for name in statuses} == {"web", "fill", "db"} and "db-0@given" in statuses, list(statuses)
    assert (kept / "db-0@given_first.log").read_text() == "before the others\n"
    assert [path.read_text() for path in kept.glob("fill-*.log")] == ["it is filled\n"]
    assert "job/fill" in (kept / "kubernetes-events.txt").read_text()
    # They are kept, so that the run can be repeated, and their secrets are in nothing that is.
    assert "widgets.galileo.test" in json.dumps(result) and "base/10-around.yaml" in json.dumps(result)
    for file in tmp_path.rglob("*"):
        if file.is_file() and folder not in file.parents:
            assert given.CANARY.encode() not in file.read_bytes(), file
    assert given.CANARY not in done.out + done.err


def test_the_example_of_manifests_runs_as_it_stands_but_for_its_image(cluster, etcd, base, run, tmp_path):
    """But for an event, too, that scales what the manifests have, and a second container."""
    server, env = base
    side = json.dumps({"name": "side", "image": kubernetes.BUSYBOX, "imagePullPolicy": "Never", "command": ["sh", "-c", "trap exit TERM; echo beside it; sleep 1000 & wait"]})
    (tmp_path / "hello").mkdir()
    text = (ROOT / "examples/kubernetes/hello/hello.yaml").read_text()
    text = text.replace("image: galileo #", f"image: {IMAGE}\n          imagePullPolicy: Never #")
    (tmp_path / "hello/hello.yaml").write_text(text.replace("      containers:\n", f"      containers:\n        - {side}\n"))
    (tmp_path / "manifests.yaml").write_text((ROOT / "examples/kubernetes/manifests.yaml").read_text() + "events: [{at: 1s, scale: hello, replicas: 3}]\n")
    done = run("run", "manifests.yaml", "--set", "clients[0].duration=3s", "--bus", server.url, "--json", "r.json", "-q", env=env, timeout=120)
    assert done.ran, done
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["balanced"] and ledger["answered"] == ledger["intended"] > 0 and ledger["failed"] == {}, done
    changed, = [json.loads(value) for (value,) in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'cluster/change'")]
    assert changed["scale"] == "hello" and changed["replicas"] == 3, changed
    kept, = (tmp_path / "galileo.sqlite.logs").iterdir()
    assert len(list(kept.glob("*_side.log"))) >= 2 and all(path.read_text() == "beside it\n" for path in kept.glob("*_side.log")), list(kept.iterdir())
    assert left(cluster, etcd, server) == [] and given.left(cluster) == []


def test_what_kill_9_leaves_of_manifests_is_removed_by_the_doctor(cluster, etcd, base, start, run, tmp_path):
    """Of the first object and of a later one the answer never came."""
    server, env = base
    proxy = KubeProxy(kubernetes.API, cluster.keys)
    proxied = {**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "proxied"))}
    objects = given.web(IMAGE) + [given.named("v1", "Namespace", given.SPACE), given.named("v1", "ConfigMap", "settings", given.SPACE)]
    path = given_file(tmp_path, objects)
    proxy.hold(None, True)
    done = run("run", path, "--bus", server.url, "-q", env=proxied, timeout=120)
    assert done.ran, done
    steps = list(proxy.changes)
    last = {step: number for number, step in enumerate(steps) if step.startswith("PATCH")}  # the first ones only ask
    chosen = [last[step] for step in last if step.endswith(("namespaces/given", "deployments/web"))]
    assert len(chosen) == 2 and given.left(cluster) == [], steps
    for number in chosen:
        proxy.hold(number, False)
        process = start("run", path, "--bus", server.url, "-q", env=proxied)
        assert proxy.held.wait(60), (steps[number], process.poll())
        process.kill()
        process.wait()
        proxy.release()
        assert given.left(cluster), steps[number]
        end_lease(cluster)
        done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=180)
        assert "was removed" in done.out, (steps[number], done)
        assert left(cluster, etcd, server) == [] and given.left(cluster) == [], steps[number]
    proxy.stop()


def test_who_may_not_remove_what_manifests_made_leaves_it_to_who_may(cluster, etcd, base, start, run, tmp_path):
    """The adapter's account as it is deployed: it neither takes such a run over nor removes half of it."""
    server, env = base
    path = given_file(tmp_path, given.web(IMAGE) + [given.named("v1", "Service", "web", spec={"ports": [{"port": 80}]})])
    path.write_text(path.read_text().replace("duration: 3s", "duration: 60s"))
    process = start("run", path, "--bus", server.url, "-q", env=env)
    wait_for(lambda: etcd.get("golb/function/zone-a/hello"), "its weights", 120)
    process.kill()
    process.wait()
    end_lease(cluster)
    cluster.kubectl("apply", "-f", str(ROOT / "deployment/kubernetes/7-pod-adapter.yaml"))
    cluster.kubectl("delete", "deployment", "telemd-kubernetes-adapter", "--wait=false")
    account = cluster.get("serviceaccounts", "-A")["items"]
    name = next(one["metadata"]["name"] for one in account if "adapter" in one["metadata"]["name"])
    config = json.loads((cluster.folder / "admin.kubeconfig").read_text())
    config["users"] = [{"name": "u", "user": {"token": cluster.kubectl("create", "token", name).strip()}}]
    (tmp_path / "adapter").write_text(json.dumps(config))
    start("adapter", "--bus", server.url, "--kubeconfig", tmp_path / "adapter", env=env, log=open(tmp_path / "adapter.log", "w"))
    wait_for(lambda: "may not be removed here" in (tmp_path / "adapter.log").read_text(), lambda: (tmp_path / "adapter.log").read_text(), 60)
    assert "delete services" in (tmp_path / "adapter.log").read_text()
    assert "deployment.apps/web" in given.left(cluster)
    done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=180)
    assert "was removed" in done.out, done
    cluster.kubectl("delete", "--ignore-not-found", "-f", str(ROOT / "deployment/kubernetes/7-pod-adapter.yaml"))
    assert left(cluster, etcd, server) == []


BROKEN = {"image": "galileo.test/nobody:1"}
REFUSED = {
    "an object of somebody's": ([given.named("v1", "ConfigMap", "somebodys", data={"a": "ours"})], 2,
                                "configmaps/somebodys is there already, app.yaml:1: it is nobody's of Galileo"),
    "a kind that nobody knows": ([given.named("apps/v1", "Deploymnet", "web")], 2, "no kind 'Deploymnet' of apps/v1, app.yaml:1"),
    "a field that isn't": ([given.named("v1", "ConfigMap", "a", dat={})], 2, "ConfigMap 'a' can't be made, app.yaml:1"),
    "a field of another kind": ([given.named("v1", "Secret", "a", type=7, stringData={"a": given.CANARY})], 2, "Secret 'a' can't be made, app.yaml:1"),
    "a namespace that isn't there": ([given.named("v1", "ConfigMap", "a", "nowhere")], 2, "namespaces \\\"nowhere\\\" not found"),
    "the run's own namespace": ([given.named("v1", "Namespace", "default")], 2, "the run's own namespace 'default'"),
    "an image that isn't there": ([given.deployment("web", BROKEN)], 92, "ErrImageNeverPull"),
    "more pods than may be": ([given.named("v1", "Namespace", given.SPACE), given.named("v1", "ResourceQuota", "none", given.SPACE, spec={"hard": {"pods": "0"}}),
                               given.deployment("web", {"image": kubernetes.BUSYBOX}, namespace=given.SPACE)], 92, "quota"),
    "a job that fails": ([given.named("batch/v1", "Job", "fill", spec={"backoffLimit": 0, "template": given.pods(
        {}, {"image": kubernetes.BUSYBOX, "command": ["false"]}, restartPolicy="Never")})], 92, "BackoffLimitExceeded"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_manifests_that_cant_be_end_the_run_with_the_place_and_kubernetes_words(cluster, etcd, base, run, tmp_path, case):
    server, env = base
    objects, code, words = REFUSED[case]
    cluster.kubectl("delete", "configmap", "somebodys", "--ignore-not-found")
    cluster.kubectl("create", "configmap", "somebodys", "--from-literal=a=theirs")
    before = cluster.get("configmap/somebodys")
    given.write(tmp_path / "app.yaml", objects)
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [CLIENT], kubernetes={"manifests": ["app.yaml"]})
    began = time.monotonic()
    done = run("run", path, "--bus", server.url, "-q", env=env, timeout=120)
    assert done.code == code and words.replace("\\", "") in done.err, done
    assert given.CANARY not in done.err + done.out, done
    assert time.monotonic() - began < 90, "not by a time-out"
    assert cluster.get("configmap/somebodys") == before
    cluster.kubectl("delete", "configmap", "somebodys")
    assert left(cluster, etcd, server) == [] and given.left(cluster) == []


def test_ctrl_c_while_manifests_arent_ready_leaves_nothing(cluster, etcd, base, start, tmp_path):
    """And the wait says on the way what it waits for."""
    server, env = base
    never = {"image": kubernetes.BUSYBOX, "command": ["sleep", "1000"], "readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}
    path = given_file(tmp_path, [given.deployment("never", never, labels={"ether.edgerun.io/function": "hello"})])
    process = start("run", path, "--bus", server.url, env=env, log=open(tmp_path / "run.log", "w"))
    wait_for(lambda: "waiting: 0 of 1 objects of the manifests ready; Deployment never: 0 of 1 ready;" in (tmp_path / "run.log").read_text(),
             lambda: (tmp_path / "run.log").read_text(), 60)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 105
    assert left(cluster, etcd, server) == [] and given.left(cluster) == []


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


def test_an_etcd_that_hangs_is_waited_for_once_and_the_rest_is_taken_back_later(cluster, etcd, base, start, run, tmp_path):
    """Twelve keys are to be taken back, of six functions in two zones."""
    server, env = base
    names = [f"hello-{number}" for number in range(6)]
    path = file_of(tmp_path, {name: target(pods={"node1": 1}) for name in names}, [{**CLIENT, "application": "hello-0", "duration": "300s"}])
    process = start("run", path, "--bus", server.url, "-q", env=env)
    wait_for(lambda: etcd.get("golb/function/zone-b/hello-5"), "the last weights", 120)
    etcd.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 105
        took = time.monotonic() - began
    finally:
        etcd.process.send_signal(signal.SIGCONT)
    assert took < 50, "12 times 5 s would be 60 s"
    # Its pods are gone; the ledger stays, which says what etcd may still have.
    found = left(cluster, etcd, server)
    assert not any(name.startswith("pod/") for name in found) and any(name.startswith("configmap/") for name in found), found
    end_lease(cluster)
    done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=120)
    assert "was removed" in done.out and left(cluster, etcd, server) == [], done


def test_a_database_that_is_locked_keeps_no_pods(cluster, etcd, base, start, run, tmp_path):
    """The run waits for it in the end; what it had in the cluster is gone before."""
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "5s"}])
    process = start("run", path, "--bus", server.url, env=env, log=open(tmp_path / "run.log", "w"))
    wait_for(lambda: etcd.get("golb/function/zone-a/hello"), "its weights", 60)
    database = sqlite3.connect(tmp_path / "galileo.sqlite", isolation_level=None, timeout=60)
    database.execute("BEGIN EXCLUSIVE")
    wait_for(lambda: "traces are in the database" in (tmp_path / "run.log").read_text(), lambda: (tmp_path / "run.log").read_text(), 120)
    assert process.poll() is None and left(cluster, etcd, server) == []
    database.execute("ROLLBACK")
    database.close()
    assert process.wait(60) in (0, 90), (tmp_path / "run.log").read_text()
    assert rows(tmp_path, "SELECT count(*) FROM traces") == [(250,)]


def test_logs_and_a_summary_that_have_no_room_keep_no_pods(cluster, etcd, base, galileo, tmp_path):
    """The disk of the containers' logs is full, and so is stdout."""
    server, env = base
    logs = tmp_path / "galileo.sqlite.logs"
    logs.mkdir()
    kubernetes.do("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", logs)
    try:
        with open(logs / "full", "wb") as full, pytest.raises(OSError):
            full.write(b"x" * (1 << 20))
        path = file_of(tmp_path, {"hello": target(pods={"node1": 2})}, [{**CLIENT, "duration": "2s"}])
        with open("/dev/full", "w") as stdout:
            process = kubernetes.subprocess.Popen([galileo, "run", str(path), "--bus", server.url, "--json", "r.json", "-q"],
                                                  cwd=tmp_path, env=env, stdout=stdout, stderr=kubernetes.subprocess.PIPE, text=True)
            _, err = process.communicate(timeout=120)
        assert process.returncode in (1, 90) and "No space left" in err, (process.returncode, err)
        assert left(cluster, etcd, server) == []
        notes = json.dumps(result_of(tmp_path / "r.json"))
        assert "logs of containers couldn't be kept" in notes and "No space left" in notes, notes
    finally:
        kubernetes.do("umount", logs)
