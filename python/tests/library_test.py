"""The package galileoexperiments: what it is made of, and what a script sees of errors. Whole experiments are tests/cluster's."""
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import galileoexperiments
import pytest
from conftest import python
from galileo import _old_names, errors
from galileoexperiments.api.model import (AppWorkloadConfiguration, ExperimentRunConfiguration, Pod, ProfilingExperimentConfiguration,
                                          ProfilingWorkloadConfiguration, ScenarioWorkloadConfiguration)
from galileoexperiments.api.profiling import GalileoClientGroupConfig, ProfilingApplication
from galileoexperiments.experiment._ending import Ending
from galileoexperiments.experiment.profiling.run import _describe, _requests, run_profiling_workload
from galileoexperiments.experiment.scenario.run import names_of, run_scenario_workload
from galileoexperiments.utils import arrivalprofile, constants, helpers, k8s
from kubernetes import client as kubernetes
from telemc_test import redis  # noqa: F401 (a fixture)

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests/support"))


def test_importing_all_of_it_connects_to_nothing_and_brings_nothing_along():
    """Controllers under test have EtcdClient.from_env() at the top of their module."""
    done = python("""
import sys, importlib
for name in ("galileoexperiments.api.model", "galileoexperiments.api.profiling", "galileoexperiments.experiment.run",
             "galileoexperiments.experiment.profiling.run", "galileoexperiments.experiment.scenario.run", "galileoexperiments.utils.k8s",
             "galileoexperiments.utils.helpers", "galileoexperiments.utils.arrivalprofile", "galileoexperiments.utils.constants", "galileoexperiments.utils.rds"):
    importlib.import_module(name)
from galileoexperiments.utils.helpers import EtcdClient
etcd = EtcdClient.from_env()
print(etcd.etcd_host, etcd.etcd_port, [name for name in ("pandas", "numpy", "redis", "kubernetes", "simpy", "etcd3", "grpc") if name in sys.modules])
""", env={"etcd_host": "nobody.invalid", "etcd_port": "1"})
    assert (done.stdout, done.stderr) == ("nobody.invalid 1 []\n", "")


def test_they_type_check(tmp_path):
    """But for kubernetes, which has no types."""
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--disable-error-code", "import-untyped",
                           "--no-warn-return-any", "-p", "galileoexperiments", "-p", "galileoexperimentsextensions"], capture_output=True, text=True, cwd=tmp_path,
                          env={**os.environ, "MYPYPATH": f"{ROOT}/python/old_names:{ROOT}/examples/extension"})
    assert done.returncode == 0, done.stdout


# ---- what is described

CONTEXT = {"g": "galileo", "telemd": "telemd", "exp": "exp", "rtbl": "rtbl", "rds": "rds"}


class Application(ProfilingApplication):
    def pod_factory(self, pod_name, image, resource_requests):
        assert resource_requests == {}
        return kubernetes.V1Container(name=pod_name, image=image)


def profiling(**changes):
    return ProfilingWorkloadConfiguration(**{"creator": "me", "app_name": "hello", "host": "node1", "zone": "zone-a", "master_node": "master", "image": "hello:1",
                                             "no_pods": 2, "params": {"digits": 4}, "profiling_app": Application(), "context": dict(CONTEXT), **changes})


def scenario(**changes):
    return ScenarioWorkloadConfiguration(**{
        "creator": "me", "app_names": {"hello:1": "hello"}, "master_node": "master", "services": {"node1": {"hello:1": 1}}, "zone_mapping": {"node1": "zone-a"},
        "params": {}, "app_params": {"hello:1": {}}, "profiling_apps": {"hello:1": Application()}, "context": dict(CONTEXT),
        "profiles": {"zone-a": {"hello:1": ["a.pkl"]}}, **changes})


def test_configurations_have_the_old_fields_and_the_shells_objects():
    run = ExperimentRunConfiguration("me", "master", dict(CONTEXT))
    assert (run.metadata, run.exp_name) == (None, None)
    for one in (run, profiling(), scenario()):
        assert [one.galileo, one.telemd, one.exp, one.rtbl, one.rds] == ["galileo", "telemd", "exp", "rtbl", "rds"]
    made = ProfilingExperimentConfiguration("hello", "zone-a", "node1", "10.0.0.1", 2, 3, AppWorkloadConfiguration("hello:1", print, None), run)
    assert made.rtbl == "rtbl" and Pod("uid", "10.0.0.2", {}, "hello-0").ip == "10.0.0.2"
    assert pickle.loads(pickle.dumps(GalileoClientGroupConfig(1, "zone-a", "hello", {}))) == GalileoClientGroupConfig(1, "zone-a", "hello", {})
    assert (constants.zone_label, constants.function_label, constants.pod_type_label) == ("ether.edgerun.io/zone", "ether.edgerun.io/function", "type")


@pytest.mark.parametrize("params, more", [({"a": 1}, {"a": 1}), ({"exp": {"mine": 1}}, {}), ({"exp": {"requests": {"kept": 1}, "mine": 2}}, {"kept": 1})])
def test_metadata_of_profiling_is_the_params_with_what_is_run(params, more):
    config = profiling(params=params, n=10, ia=("expovariate", 5), n_clients=3)
    _describe(config, _requests(config)[0])
    exp = config.params["exp"]
    assert exp["requests"] == {"n": 10, "ia": ("expovariate", 5), "n_clients": 3, "no_pods": 2, **({"kept": 1} if "kept" in more else {})}
    assert (exp["host"], exp["zone"], exp["app_name"], exp["app_container_image"]) == ("node1", "zone-a", "hello", "hello:1")
    # What isn't whole is made anew, as in the original.
    assert ("mine" in exp) == ("kept" in more) and ("a" in config.params) == ("a" in more)
    config = profiling(params={}, profiles=["a.pkl", "b.pkl"])
    assert _requests(config) == ({"profiles": ["a.pkl", "b.pkl"], "n_clients": 2, "no_pods": 2}, 2)


@pytest.mark.parametrize("key, value, names", [
    ("edgerun/hello:1", "hello", ("hello", "edgerun/hello:1")), ("hello:1", "hello", ("hello", "hello:1")), ("edgerun/hello", "hello", ("hello", "edgerun/hello")),
    ("hello", "edgerun/hello:1", ("hello", "edgerun/hello:1")), ("hello", "image", ("hello", "image"))])
def test_a_key_with_a_colon_or_a_slash_is_an_image(key, value, names):
    assert names_of(key, value) == names


@pytest.mark.parametrize("workload, run, words", [
    (lambda: profiling(), run_profiling_workload, "give profiles, or n, ia and n_clients"),
    (lambda: profiling(n=4), run_profiling_workload, "give profiles, or n, ia and n_clients"),
    (lambda: profiling(profiles=[]), run_profiling_workload, "no profile is given"),
    (lambda: scenario(profiling_apps={}, app_params={}, zone_mapping={}), run_scenario_workload,
     "profiling_apps has no hello:1; app_params has no hello:1; zone_mapping has no node1"),
    (lambda: scenario(services={"node1": {"other:1": 1}}), run_scenario_workload, "app_names has no other:1"),
    (lambda: scenario(profiles={"zone-a": {"hello:1": []}}), run_scenario_workload, "no profile for hello:1 in zone-a")])
def test_what_isnt_whole_is_told_before_anything_is_made(workload, run, words):
    with pytest.raises(errors.UsageError, match=words):
        run(workload())


def test_a_wrong_profile_is_told_before_anything_is_made(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(["a"]))
    with pytest.raises(errors.CorruptError, match="a.pkl.*no list of numbers"):
        run_profiling_workload(profiling(profiles=[str(tmp_path / "a.pkl")]))
    with pytest.raises(FileNotFoundError):
        run_scenario_workload(scenario(profiles={"zone-a": {"hello:1": [str(tmp_path / "b.pkl")]}}))


# ---- pods, gateways, weights

def pod(name, zone=None, fn="hello", ip="10.0.0.9"):
    return Pod(f"uid-{name}", ip, {constants.function_label: fn, **({constants.zone_label: zone} if zone else {})}, name)


def test_a_pod_is_as_the_original_makes_it():
    made = k8s._pod("hello-deployment-node1-0", "node1", {constants.function_label: "hello", constants.zone_label: "zone-a"},
                    Application().pod_factory("hello-deployment-node1-0", "hello:1", {}), {"API_GATEWAY": "10.0.0.1"})
    # As kubectl would show it.
    assert kubernetes.ApiClient().sanitize_for_serialization(made) == {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "hello-deployment-node1-0", "labels": {"type": "fn", "ether.edgerun.io/type": "fn", "ether.edgerun.io/function": "hello",
                                                                    "ether.edgerun.io/zone": "zone-a"}},
        "spec": {"nodeSelector": {"kubernetes.io/hostname": "node1"},
                 "containers": [{"name": "hello-deployment-node1-0", "image": "hello:1", "env": [{"name": "API_GATEWAY", "value": "10.0.0.1"}]}],
                 "volumes": [{"name": "podinfo", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]}}


@pytest.mark.parametrize("given, image, command", [
    (None, "edgerun/telemd-kubernetes-adapter:0.1.20", None), ("mirror/telemd-kubernetes-adapter:0.1.18", "mirror/telemd-kubernetes-adapter:0.1.18", None),
    ("galileo.test/galileo:1", "galileo.test/galileo:1", ["galileo", "adapter"])])
def test_the_adapter_is_deployed_as_the_original_deploys_it(monkeypatch, given, image, command):
    monkeypatch.delenv("telemd_kubernetes_adapter_image", raising=False)
    if given:
        monkeypatch.setenv("telemd_kubernetes_adapter_image", given)
    made = k8s._adapter_deployment("master")
    spec = made.spec.template.spec
    [container] = spec.containers
    assert (made.metadata.name, made.metadata.labels, container.image, container.command) == ("telemd-kubernetes-adapter", None, image, command)
    assert container.env_from[0].config_map_ref.name == "telemd-kubernetes-adapter-config" and spec.node_selector == {"kubernetes.io/hostname": "master"}
    assert [one.key for one in spec.tolerations] == ["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"]


@pytest.mark.parametrize("name, zone", [
    ("go-load-balancer-deployment-zone-b-xwg9c", "zone-b"), ("go-load-balancer-deployment-main-xwg9c", None), ("gateway", None)])
def test_the_zone_of_an_old_gateway_is_in_its_name(name, zone):
    assert k8s.zone_in(name) == zone


GATEWAYS = {"zone-a": pod("gw-a", ip="10.0.1.1"), "zone-b": pod("gw-b", ip="10.0.1.2"), "zone-c": pod("gw-c", ip="10.0.1.3")}


@pytest.mark.parametrize("by_place, targets", [
    ({("hello", "zone-a"): [pod("0")]}, {"zone-a": ["0"], "zone-b": ["gw-a"], "zone-c": ["gw-a"]}),
    ({("hello", "zone-a"): [pod("0"), pod("1")], ("hello", "zone-b"): [pod("2")]},
     {"zone-a": ["0", "1", "gw-b"], "zone-b": ["2", "gw-a"], "zone-c": ["gw-a", "gw-b"]}),
    ({("hello", "zone-a"): [], ("hello", "zone-b"): [pod("2")]}, {"zone-a": ["gw-b"], "zone-b": ["2"], "zone-c": ["gw-b"]}),
    ({("hello", "elsewhere"): [pod("0")]}, {"elsewhere": ["0"], "zone-a": [], "zone-b": [], "zone-c": []})])
def test_each_zone_sends_to_its_pods_and_to_the_gateways_of_others_that_have_some(by_place, targets):
    assert {zone: [one.name for one in pods] for (_, zone), pods in helpers.weights_of(by_place, GATEWAYS).items()} == targets


def test_weights_are_written_as_gateways_read_them(tmp_path, monkeypatch):
    import etcd_server
    if not etcd_server.installed():
        pytest.skip("etcd isn't installed (scripts/setup.sh test)")
    etcd = etcd_server.Etcd(tmp_path)
    try:
        monkeypatch.setenv("etcd_host", "127.0.0.1")
        monkeypatch.setenv("etcd_port", str(etcd.port))
        key = helpers.set_weights_rr([pod("0"), pod("1", ip="10.0.0.8")], "zone-a", "hello")
        assert key == "golb/function/zone-a/hello" and etcd.get(key) == [{"ips": ["10.0.0.9:8080", "10.0.0.8:8080"], "weights": [1, 1]}]
        helpers.set_weight(pod("0", "zone-a"), 7)
        assert etcd.get(key) == [{"ips": ["10.0.0.9:8080"], "weights": [7]}]
        keys = helpers.update_weights({("hello", "zone-b"): [pod("2")]}, GATEWAYS)
        assert set(keys) == {f"golb/function/{zone}/hello" for zone in GATEWAYS}
        assert etcd.get(key) == [{"ips": ["10.0.1.2:8080"], "weights": [1]}]
        for one in [*keys, "of/nobody"]:
            helpers.EtcdClient.from_env().remove(one)
        assert etcd.get(key) == []
    finally:
        etcd.stop()
    with pytest.raises(errors.UnavailableError):
        helpers.set_weights_rr([], "zone-a", "hello")


def status(phase="Running", ip="10.0.0.9", ready=True, waits=None, restarts=0, **more):
    state = kubernetes.V1ContainerState(waiting=kubernetes.V1ContainerStateWaiting(reason=waits, message="so it is") if waits else None)
    container = kubernetes.V1ContainerStatus(name="main", image="i", image_id="i", ready=ready, restart_count=restarts, state=state)
    return kubernetes.V1Pod(metadata=kubernetes.V1ObjectMeta(name="hello", **more), status=kubernetes.V1PodStatus(
        phase=phase, pod_ip=ip, container_statuses=[container], conditions=[kubernetes.V1PodCondition(type="Ready", status=str(ready))]))


@pytest.mark.parametrize("pod, there, why", [
    (status(), True, None), (status(ready=False), False, None), (status(ip=None), False, None), (status(ready=False, restarts=1), True, None),
    (status(ip=None, ready=False, waits="ContainerCreating"), False, None), (status(ready=False, waits="ImagePullBackOff"), False, "ImagePullBackOff: so it is"),
    (status(ready=False, waits="CrashLoopBackOff", restarts=2), True, None), (status(ip=None, waits="CrashLoopBackOff", restarts=3), False, "CrashLoopBackOff: so it is"),
    (status(phase="Failed", ready=False), True, "Failed"), (status(phase="Succeeded", ready=False), True, None)])
def test_a_pod_is_waited_for_until_it_is_ready_or_never_will_be(pod, there, why):
    assert (k8s._is_there(pod), k8s.hopeless(pod)) == (there, why)


# ---- the end

def test_each_step_is_done_at_the_end_and_the_first_error_is_raised(monkeypatch):
    monkeypatch.setattr(_old_names, "_told", set())
    done = []

    def fail(words):
        def step():
            done.append(words)
            raise ValueError(words)
        return step
    with pytest.warns(errors.OldNameWarning, match="raises its error"), pytest.raises(LookupError, match="first") as raised:
        with Ending() as ending:
            ending.then("one", fail("second"))
            ending.then("two", fail("third"))
            raise LookupError("first")
    assert done == ["second", "third"] and raised.value.__notes__ == ["then, to one: second", "then, to two: third"]
    with warnings.catch_warnings(), pytest.raises(ValueError, match="second") as raised:  # told once
        warnings.simplefilter("error")
        with Ending() as ending:
            ending.then("one", fail("second"))
            ending.then("two", fail("third"))
    assert raised.value.__notes__ == ["then, to two: third"]
    with pytest.raises(KeyboardInterrupt), Ending() as ending:
        ending.then("one", lambda: done.append("after an interrupt"))
        raise KeyboardInterrupt
    assert done[-1] == "after an interrupt"


# ---- profiles

def test_a_profile_is_where_workers_read_it(redis, tmp_path):
    class Client:
        client_id = "w:hello:0"
    (tmp_path / "p.pkl").write_bytes(pickle.dumps([0, 0.5, 2]))
    redis.rpush("w:hello:0", "old")
    arrivalprofile.read_and_save_profile(str(tmp_path / "p.pkl"), Client, redis)
    assert redis.lrange("w:hello:0", 0, -1) == ["2", "0.5", "1e-11"]
    arrivalprofile.clear_list("w:hello:0", redis)
    assert redis.exists("w:hello:0") == 0
    (tmp_path / "p.pkl").write_bytes(pickle.dumps([]))
    with pytest.raises(errors.UsageError, match="is empty"):
        arrivalprofile.read_and_save_profile(str(tmp_path / "p.pkl"), Client, redis)


