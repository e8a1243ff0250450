"""`galileo run` with applications as pods, on a whole Kubernetes with two nodes, a zone each: its workers, gateways and
etcd are real, and what is left in the end is what was there before."""
import json
import signal
import time

import cluster as kubernetes
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


def test_ctrl_c_while_pods_arent_ready_leaves_nothing(cluster, etcd, base, start, tmp_path):
    server, env = base
    slow = target(pods={"node1": 1})
    slow["container"]["readinessProbe"] = {"exec": {"command": ["/nothing"]}, "periodSeconds": 1}
    process = start("run", file_of(tmp_path, {"hello": slow}, [CLIENT]), "--bus", server.url, "-q", env=env)
    wait_for(lambda: cluster.kubectl("get", "pods", "-l", LABEL, "-o", "name"), "its pod", 120)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 105
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


def test_kill_9_at_each_change_leaves_nothing_once_somebody_has_come(cluster, etcd, base, start, run, tmp_path):
    """Before each change that a run makes in the cluster, and after each creation before its answer: all of it goes."""
    server, env = base
    proxy = KubeProxy(kubernetes.API, cluster.keys)
    proxied = {**env, "KUBECONFIG": str(proxy.kubeconfig(tmp_path / "proxied"))}
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "1s"}])
    proxy.hold(None, True)
    done = run("run", path, "--bus", server.url, "-q", env=proxied, timeout=240)
    assert done.ran, done
    steps = list(proxy.changes)
    kinds = [step.split("/")[-1] if step.startswith("POST") else step.split("/")[-2] for step in steps]
    assert kinds[:3] == ["leases", "configmaps", "pods"] and kinds[-3:] == ["pods", "configmaps", "leases"], steps
    for number, step in enumerate(steps):
        # What is created may be there or not; of the rest the answer alone makes a difference to nobody.
        for before in (True, False) if step.startswith("POST") else (True,):
            proxy.hold(number, before)
            process = start("run", path, "--bus", server.url, "-q", env=proxied)
            assert proxy.held.wait(120), (step, before, process.poll())
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
import json, os, subprocess, sys, time
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
    done = run("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, timeout=240)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 1000 and result["ledger"]["failed"] == {}, done
    hosts = rows(tmp_path, "SELECT DISTINCT json_extract(HEADERS, '$.X-Final-Host') FROM traces")
    assert len(hosts) == 4, "the run's pod, and three of the controller's"
    assert left(cluster, etcd, server) == ["pod/older"]
    cluster.kubectl("delete", "pod", "older", "--force", "--grace-period=0")


def test_the_cluster_is_changed_at_times_and_as_it_was_in_the_end(cluster, etcd, base, run, tmp_path):
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods=1, zone="zone-a", deployment=True), "other": target(pods={"node1": 2})},
                   [{**CLIENT, "duration": "26s"}, {**CLIENT, "application": "other", "duration": "26s"}],
                   events=[{"at": "1s", "cordon": "node2"}, {"at": "2s", "scale": "hello", "replicas": 3}, {"at": "4s", "delete_pod": "other"},
                           {"at": "20s", "scale": "hello", "replicas": 1}])
    done = run("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env, timeout=240)
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    changes = [json.loads(value) for value, in rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'cluster/change' ORDER BY TIMESTAMP")]
    assert [next(iter(change)) for change in changes] == ["cordon", "replicas", "delete_pod", "replicas"], done
    assert changes[2]["name"] == "other-deployment-node1-0"
    hosts = rows(tmp_path, "SELECT count(DISTINCT json_extract(HEADERS, '$.X-Final-Host')) FROM traces WHERE SERVICE = 'hello-zone-a'")
    assert hosts == [(3,)], done
    # No request met the pod that was deleted: it was out of the weights before.
    failed = rows(tmp_path, "SELECT count(*) FROM traces WHERE SERVICE = 'other-zone-a' AND STATUS != 200")
    assert failed == [(0,)] and result["ledger"]["intended"] == 2600, done
    assert not cluster.get("node/node2")["spec"].get("unschedulable")
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
