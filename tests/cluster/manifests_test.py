"""`manifests:` of a run: made in order, awaited, gone again, and told with their place where they can't be."""
import json
import signal
import time

import cluster as kubernetes
import given
import pytest
from conftest import ROOT, result_of, wait_for
from kube_proxy import KubeProxy
from pods_laboratory import CLIENT, IMAGE, base, end_lease, etcd, file_of, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo) as made:
        yield made


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
