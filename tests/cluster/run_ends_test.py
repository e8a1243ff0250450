"""How runs with pods end: what breaks under them, who is killed and where, and what has no room. Nothing stays in the cluster."""
import json
import signal
import sqlite3
import time

import cluster as kubernetes
import pytest
from conftest import result_of, wait_for
from kube_proxy import KubeProxy
from pods_laboratory import CLIENT, LABEL, base, end_lease, etcd, file_of, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo) as made:
        yield made


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
