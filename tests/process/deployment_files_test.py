"""What the files of deployment/ promise, as far as it can be read in them; tests/cluster has them on a whole Kubernetes."""
import os
import shutil
import subprocess

import pytest
from conftest import ROOT
from deployment import BASE, FILES, IMAGE, base_objects, documents, key, pod_of

pytestmark = pytest.mark.quick
PODS = {key(one): pod_of(one) for one in base_objects() if pod_of(one)}

# Of the old files: names, and what a cluster that has them allows nobody to change.
OLD_SELECTORS = {
    ("DaemonSet", "galileo-worker-main"): {"app": "galileo-worker-main"},
    ("DaemonSet", "telemd-cpu"): {"app": "telemd-cpu"},
    ("DaemonSet", "telemd-gpu"): {"app": "telemd-gpu"},
    ("DaemonSet", "go-load-balancer-deployment-main"): {"app": "go-load-balancer"},
    ("Deployment", "telemd-kubernetes-adapter"): {"app": "telemd-kubernetes-adapter"},
}
OLD_CONTAINERS = {"galileo-worker-main": "galileo-worker", "telemd-cpu": "telemd", "telemd-gpu": "telemd", "go-load-balancer-deployment-main": "go-load-balancer",
                  "telemd-kubernetes-adapter": "telemd-kubernetes-adapter"}
CONTROL_PLANE = {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}


def test_the_files_have_the_old_names_and_their_objects_too():
    assert [path.name for path in sorted(BASE.glob("*.yaml"))][:6] == [
        "1-galileo-worker-config.yaml", "2-galileo-worker.yaml", "3-telemd-config.yaml", "4-telemd.yaml", "5-telemd-gpu.yaml", "6-loadbalancer.yaml"]
    found = {key(one): one for one in base_objects()}
    assert {name: found[name]["spec"]["selector"]["matchLabels"] for name in OLD_SELECTORS} == OLD_SELECTORS
    assert {name for _, name in OLD_SELECTORS} == {name for kind, name in found if kind in ("DaemonSet", "Deployment")}
    assert {name: [one["name"] for one in pod["containers"]] for (_, name), pod in PODS.items()} == {name: [one] for name, one in OLD_CONTAINERS.items()}
    assert all(one["metadata"].get("namespace") == "default" for one in found.values() if not one["kind"].startswith("Cluster"))
    config = found["ConfigMap", "galileo-worker-config-main"]["data"]
    assert {**config, "galileo_redis_host": "", "galileo_redis_port": ""} == {
        "galileo_redis_host": "", "galileo_redis_port": "", "galileo_trace_logging": "redis", "galileo_logging_level": "WARN", "galileo_zone": "main"}
    periods = {name.removeprefix("telemd_period_"): value for name, value in found["ConfigMap", "telemd-config"]["data"].items() if "period" in name}
    assert periods == dict.fromkeys("cpu freq ram disk net load procs psi_cpu psi_io psi_memory kubernetes_cgrp_cpu kubernetes_cgrp_blkio kubernetes_cgrp_memory "
                                    "kubernetes_cgrp_net".split(), "1s")
    gateway = PODS["DaemonSet", "go-load-balancer-deployment-main"]["containers"][0]
    assert {"containerPort": 8080, "hostPort": 8080}.items() <= gateway["ports"][0].items()
    # Kubernetes knows in a value only what stands before it.
    names = [one["name"] for one in gateway["env"]]
    assert names.index("etcd_host") < names.index("eb_go_lb_etcd_host")
    assert max(names.index("own_ip"), names.index("gateways")) < names.index("eb_go_lb_gateways")


@pytest.mark.parametrize("name", sorted(name for _, name in PODS))
def test_each_pod_takes_the_least_rights(name):
    pod, = [pod for (_, one), pod in PODS.items() if one == name]
    container, = pod["containers"]
    assert f"docker.io/library/{container['image']}" == IMAGE, "the version of this source"
    assert pod["securityContext"] == {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {"privileged": False, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    # Being held back is latency, and a schedule that isn't kept; the adapter's is the same.
    assert set(container["resources"]["limits"]) == {"memory"} and set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert {one["key"] for one in pod["tolerations"]} == CONTROL_PLANE and all(one["operator"] == "Exists" for one in pod["tolerations"])
    assert (pod.get("automountServiceAccountToken") is False) == (name != "telemd-kubernetes-adapter")
    writable = {volume["name"] for volume in pod.get("volumes", ()) if "hostPath" not in volume}
    assert all(mount.get("readOnly") or mount["name"] in writable for mount in container.get("volumeMounts", ()))
    assert not any("password" in str(one.get("value", "")) for one in container.get("env", ()))
    host_network = pod.get("hostNetwork", False)
    assert host_network == (name.startswith(("telemd-cpu", "telemd-gpu", "go-load")))
    assert not host_network or pod["dnsPolicy"] == "ClusterFirstWithHostNet"
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        asked = container[probe]["httpGet"]
        assert asked["path"] == path and (asked.get("host") == "127.0.0.1") == host_network


def test_the_fault_agent_comes_only_where_it_is_asked_for_and_takes_what_networks_need():
    objects = documents((FILES / "kustomize/chaos/chaos.yaml").read_text())
    assert not {key(one) for one in objects} & {key(one) for one in base_objects()}
    assert "chaos" not in "".join(path.read_text() for path in FILES.glob("kustomize/*/kustomization.yaml") if path.parent.name != "chaos")
    assert "chaos: {enabled: false}" in (FILES / "helm/galileo/values.yaml").read_text()
    daemon, = (pod_of(one) for one in objects if pod_of(one))
    container, = daemon["containers"]
    assert f"docker.io/library/{container['image']}" == IMAGE
    assert container["securityContext"] == {"privileged": False, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"]}}
    assert daemon["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"} and daemon["automountServiceAccountToken"] is False
    assert [volume["hostPath"]["path"] for volume in daemon["volumes"]] == ["/run/galileo-chaos"]
    assert {one["key"] for one in daemon["tolerations"]} == CONTROL_PLANE
    asked = {probe: container[probe]["httpGet"] for probe in ("livenessProbe", "readinessProbe")}
    assert {one["port"] for one in asked.values()} == {18084} and {one["host"] for one in asked.values()} == {"127.0.0.1"}


def test_a_worker_is_named_as_its_pod_and_never_as_its_node():
    worker, = PODS["DaemonSet", "galileo-worker-main"]["containers"]
    assert {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in worker["env"]} == {"galileo_worker_name": "metadata.name"}
    assert all("galileo_worker_name" not in one.get("data", {}) for one in base_objects())


@pytest.fixture(scope="module")
def root(galileo, tmp_path_factory):
    if not shutil.which("strip") or not os.path.exists("/etc/debian_version"):
        pytest.skip("the image's root is made of Debian's files")
    folder = tmp_path_factory.mktemp("image") / "root"
    subprocess.run([ROOT / "deployment/image/rootfs.sh", galileo, folder], check=True)
    return folder


@pytest.mark.skipif("san" in os.environ.get("GALILEO_PRESET", ""), reason="a program with sanitizers is larger")
def test_the_image_has_at_most_30_mib(root):
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    assert size <= 30 << 20, f"{size / (1 << 20):.1f} MiB"
    assert sorted(path.name for path in (root / "bin").iterdir()) == ["galileo"] + ["tc"] * bool(shutil.which("tc"))


def test_the_image_s_program_finds_all_that_it_needs_in_it(root):
    """Its libraries, names of hosts, a charset that the C library hasn't itself."""
    inside = ["unshare", "-r", "chroot", root] if os.getuid() != 0 else ["chroot", root]
    if subprocess.run(["unshare", "-r", "true"] if os.getuid() != 0 else ["chroot", "/", "true"], capture_output=True).returncode != 0:
        pytest.skip("nobody may change the root here")
    call = lambda *words: subprocess.run([*inside, "/bin/galileo", *words], capture_output=True, text=True, timeout=30)
    if (root / "bin/tc").exists():
        assert subprocess.run([*inside, "/bin/tc", "-V"], capture_output=True, text=True).stdout.startswith("tc utility")
    assert call("--version").stdout.startswith("galileo ")
    (root / "etc/hosts").write_text("127.0.0.1 a-name-of-its-own\n")
    try:
        done = call("load", "http://a-name-of-its-own:1/", "-n", "1", "--db", "none", "--spool", "/tmp", "-q")
    finally:
        (root / "etc/hosts").unlink()
    assert "refused" in done.stdout + done.stderr and done.returncode == 92, done
