"""Pods of experiments and of controllers under test, in the namespace ``default``, by the ``kubernetes`` package: its errors are
raised as they are. The cluster is the one that ``KUBECONFIG`` or ``~/.kube/config`` names, else the one this runs in."""
from __future__ import annotations

import logging
import os
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping

from galileo.errors import UnavailableError, UsageError
from galileoexperiments.api.model import Pod
from galileoexperiments.utils.constants import (api_gateway_type_label, function_label, function_type_label, pod_type_label, zone_label)

if TYPE_CHECKING:
    from kubernetes.client import V1Container, V1Deployment, V1Pod

logger = logging.getLogger(__name__)

_SPACE = "default"
_ADAPTER = "telemd-kubernetes-adapter"
_ADAPTER_IMAGE = "edgerun/telemd-kubernetes-adapter:0.1.20"
_ANSWER_S = 30  # of the API server
_LOOK_S = 0.3
_READY_S = 300.0
_UNSCHEDULABLE_S = 30.0
_GONE_S = 180.0
_RESTARTS = 3
# What a container waits for in vain.
_HOPELESS = {"InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "ImagePullBackOff", "CreateContainerConfigError",
             "CreateContainerError", "RunContainerError"}


def _access() -> Any:
    """A client of the cluster; the package's own settings stay as they are."""
    from kubernetes import client, config

    try:
        return config.new_client_from_config()
    except config.ConfigException:
        inside = client.Configuration()
        config.load_incluster_config(client_configuration=inside)
        return client.ApiClient(inside)


def _core() -> Any:
    from kubernetes import client

    return client.CoreV1Api(_access())


def _is(error: Exception, status: int) -> bool:
    """An ApiException with that status."""
    return getattr(error, "status", None) == status


# ---- pods

def spawn_pods(image: str, name: str, node: str, labels: Mapping[str, str], n: int,
               pod_factory: Callable[[str, str, dict[str, Any]], V1Container], env_vars: Mapping[str, str] | None = None) -> list[str]:
    """Makes ``n`` pods ``<name>-<node>-<i>`` on the node, each with the container that ``pod_factory(pod name, image, {})`` gives and
    with ``env_vars`` besides; their names. Where one can't be made, those before it are removed."""
    core = _core()
    made: list[str] = []
    try:
        for number in range(n):
            pod = _pod(f"{name}-{node}-{number}", node, labels, pod_factory(f"{name}-{node}-{number}", image, {}), env_vars or {})
            _create(core, pod)
            made.append(pod.metadata.name)
    except BaseException:
        _remove(core, made)
        raise
    return made


def _pod(name: str, node: str, labels: Mapping[str, str], container: V1Container, env_vars: Mapping[str, str]) -> V1Pod:
    from kubernetes import client

    container.env = [*(container.env or []), *(client.V1EnvVar(name=key, value=value) for key, value in env_vars.items())]
    told = {pod_type_label: function_type_label, f"ether.edgerun.io/{pod_type_label}": function_type_label} if function_label in labels else {}
    info = client.V1Volume(name="podinfo", downward_api=client.V1DownwardAPIVolumeSource(items=[client.V1DownwardAPIVolumeFile(
        path="labels", field_ref=client.V1ObjectFieldSelector(field_path="metadata.labels"))]))
    return client.V1Pod(api_version="v1", kind="Pod", metadata=client.V1ObjectMeta(name=name, labels={**told, **labels}), spec=client.V1PodSpec(
        node_selector={"kubernetes.io/hostname": node}, containers=[container], volumes=[info]))


def _create(core: Any, pod: V1Pod) -> None:
    """One of that name that is going is waited for."""
    from kubernetes.client import ApiException

    name = pod.metadata.name
    try:
        core.create_namespaced_pod(_SPACE, pod, _request_timeout=_ANSWER_S)
    except ApiException as error:
        if not _is(error, 409):
            raise
        there = [one for one in _list(core) if one.metadata.name == name]
        if any(one.metadata.deletion_timestamp is None for one in there):
            raise UsageError(f"there is a pod {name} already, of another experiment or of one that was killed; kubectl delete pod {name}",
                             "a pod can't be made", name, "its name is taken", f"kubectl delete pod {name}") from error
        _await_gone(core, [name])
        core.create_namespaced_pod(_SPACE, pod, _request_timeout=_ANSWER_S)
    logger.info("made the pod %s", name)


def get_pods(pod_names: Iterable[str], v1: Any = None) -> list[Pod]:
    """Those of the pods that are there, once each has an address and is ready. One that has been restarted, that is going or at its
    end is waited for no longer than it takes to have an address. UnavailableError, with Kubernetes' own words, for one that
    can't be, or isn't ready within five minutes; ``v1`` is a CoreV1Api of the caller's."""
    core = _core() if v1 is None else v1
    names, deadline = set(pod_names), time.monotonic() + _READY_S
    while True:
        pods = [pod for pod in _list(core) if pod.metadata.name in names]
        waiting = [pod for pod in pods if not _is_there(pod)]
        if not waiting:
            return [Pod(pod.metadata.uid, pod.status.pod_ip, pod.metadata.labels or {}, pod.metadata.name) for pod in pods if pod.status.pod_ip]
        for pod in waiting:
            if why := hopeless(pod):
                raise UnavailableError(f"the pod {pod.metadata.name} can't be: {why}", "a pod can't be", pod.metadata.name, why)
        if time.monotonic() > deadline:
            name = waiting[0].metadata.name
            raise UnavailableError(f"the pod {name} isn't ready within {_READY_S:.0f} s: {_state(waiting[0])}; kubectl describe pod {name}",
                                   "a pod isn't ready", name, _state(waiting[0]), f"kubectl describe pod {name}")
        time.sleep(_LOOK_S)


def _is_there(pod: V1Pod) -> bool:
    status = pod.status
    if pod.metadata.deletion_timestamp is not None or status.phase in ("Failed", "Succeeded"):
        return True
    ready = any(one.type == "Ready" and one.status == "True" for one in status.conditions or [])
    return bool(status.pod_ip) and (ready or any(one.restart_count for one in status.container_statuses or []))


def hopeless(pod: V1Pod) -> str | None:
    """Why a pod will never be ready, in Kubernetes' words."""
    status = pod.status
    if status.phase == "Failed":
        return f"{status.reason or 'Failed'} {status.message or ''}".strip()
    for condition in status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable":
            if (datetime.now(timezone.utc) - condition.last_transition_time).total_seconds() > _UNSCHEDULABLE_S:
                return f"Unschedulable: {condition.message}"
    for container in status.container_statuses or []:
        waits = container.state.waiting if container.state else None
        if waits and (waits.reason in _HOPELESS or waits.reason == "CrashLoopBackOff" and container.restart_count >= _RESTARTS):
            return f"{waits.reason}: {waits.message or ''}"
    return None


def _state(pod: V1Pod) -> str:
    reasons = [one.state.waiting.reason for one in pod.status.container_statuses or [] if one.state and one.state.waiting]
    return ", ".join([pod.status.phase or "Unknown", *filter(None, reasons)])


def _list(core: Any, **selector: str) -> list[V1Pod]:
    pods: list[V1Pod] = core.list_namespaced_pod(_SPACE, _request_timeout=_ANSWER_S, **selector).items
    return pods


def remove_pods(names: Iterable[str]) -> None:
    """Has Kubernetes take these pods away; those that aren't there are passed over."""
    _remove(_core(), names)


def remove_pods_and_wait(names: Iterable[str]) -> None:
    """As ``remove_pods``, and waits until they are gone."""
    core, names = _core(), list(names)
    _remove(core, names)
    _await_gone(core, names)


def _remove(core: Any, names: Iterable[str]) -> None:
    from kubernetes.client import ApiException

    failed: list[ApiException] = []
    for name in names:
        try:
            core.delete_namespaced_pod(name, _SPACE, _request_timeout=_ANSWER_S)
        except ApiException as error:
            if not _is(error, 404):
                failed.append(error)
    if failed:
        raise failed[0]


def _await_gone(core: Any, names: Iterable[str]) -> None:
    names, deadline = set(names), time.monotonic() + _GONE_S
    while names and (left := names & {pod.metadata.name for pod in _list(core)}):
        if time.monotonic() > deadline:
            raise UnavailableError(f"the pods {', '.join(sorted(left))} aren't gone within {_GONE_S:.0f} s", "pods aren't gone", ", ".join(sorted(left)))
        time.sleep(_LOOK_S)


def fetch_pods(label: str, value: str) -> list[V1Pod]:
    """The pods with that label, as the ``kubernetes`` package has them."""
    return _list(_core(), label_selector=f"{label}={value}")


# ---- gateways

def get_load_balancer_pods() -> dict[str, Pod]:
    """The gateway of each zone: of several the first by its name."""
    core = _core()
    gateways: dict[str, Pod] = {}
    for pod in sorted(_list(core, label_selector=f"{pod_type_label}={api_gateway_type_label}"), key=lambda one: str(one.metadata.name)):
        zone = _zone_of(pod, core)
        if zone and pod.status.pod_ip and pod.metadata.deletion_timestamp is None:
            labels = {**(pod.metadata.labels or {}), zone_label: zone}
            gateways.setdefault(zone, Pod(pod.metadata.uid, pod.status.pod_ip, labels, pod.metadata.name))
    return gateways


def _zone_of(pod: V1Pod, core: Any) -> str | None:
    """By its label, its gateway's own setting, its node's label, its name."""
    zone: str | None = (pod.metadata.labels or {}).get(zone_label)
    zone = zone or next((one.value for container in pod.spec.containers for one in container.env or [] if one.name == "eb_go_lb_zone" and one.value), None)
    if not zone and pod.spec.node_name:
        node = core.list_node(field_selector=f"metadata.name={pod.spec.node_name}", _request_timeout=_ANSWER_S).items
        zone = (node[0].metadata.labels or {}).get(zone_label) if node else None
    return zone or zone_in(pod.metadata.name)


def zone_in(name: str) -> str | None:
    """The zone in the name of a gateway's pod, as the old DaemonSets give it: ``go-load-balancer-deployment-zone-b-xwg9c``."""
    parts = name.split("-")
    return f"zone-{parts[5]}" if len(parts) > 6 and parts[4] == "zone" else None


# ---- pod adapter

def start_telemd_kubernetes_adapter(master_node: str) -> V1Deployment:
    """Has a pod adapter tell all pods. One that was deployed to stay (deployment/kubernetes has it) is started anew, so that it tells
    what is there; else one is deployed on the node, of the image that ``telemd_kubernetes_adapter_image`` names, or the original
    one. It takes its settings from the ConfigMap ``telemd-kubernetes-adapter-config``."""
    from kubernetes import client

    apps = client.AppsV1Api(_access())
    there = _adapter(apps)
    if there is not None and _stays(there):
        now = datetime.now(timezone.utc).isoformat()
        stamp = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}}
        return apps.patch_namespaced_deployment(_ADAPTER, _SPACE, stamp, _request_timeout=_ANSWER_S)
    if there is not None:  # a killed experiment has left it
        stop_telemd_kubernetes_adapter()
    return apps.create_namespaced_deployment(_SPACE, _adapter_deployment(master_node), _request_timeout=_ANSWER_S)


def stop_telemd_kubernetes_adapter() -> None:
    """Takes away what ``start_telemd_kubernetes_adapter`` has deployed, and waits until it is gone."""
    from kubernetes import client

    apps = client.AppsV1Api(_access())
    there = _adapter(apps)
    if there is None or _stays(there):
        return
    try:
        apps.delete_namespaced_deployment(_ADAPTER, _SPACE, propagation_policy="Foreground", _request_timeout=_ANSWER_S)
    except client.ApiException as error:
        if not _is(error, 404):
            raise
    deadline = time.monotonic() + _GONE_S
    while _adapter(apps) is not None:
        if time.monotonic() > deadline:
            raise UnavailableError(f"the deployment {_ADAPTER} isn't gone within {_GONE_S:.0f} s", "a deployment isn't gone", _ADAPTER)
        time.sleep(_LOOK_S)


def why_the_adapter_is_silent() -> str | None:
    """Why its pod can't be, in Kubernetes' words; None where it can."""
    for pod in fetch_pods("app", _ADAPTER):
        if why := hopeless(pod):
            return why
    return None


def _adapter(apps: Any) -> V1Deployment | None:
    found = apps.list_namespaced_deployment(_SPACE, field_selector=f"metadata.name={_ADAPTER}", _request_timeout=_ANSWER_S).items
    return found[0] if found else None


def _stays(deployment: V1Deployment) -> bool:
    """Whoever deploys one to stay labels it; an experiment's has no label of its own."""
    return bool(deployment.metadata.labels)


def _adapter_deployment(master_node: str) -> V1Deployment:
    from kubernetes import client

    image = os.environ.get("telemd_kubernetes_adapter_image", _ADAPTER_IMAGE)
    own = image.rpartition("/")[2].partition(":")[0] != _ADAPTER  # the original's image runs nothing else
    labels = {"app": _ADAPTER}
    container = client.V1Container(name=_ADAPTER, image=image, command=["galileo", "adapter"] if own else None, env_from=[
        client.V1EnvFromSource(config_map_ref=client.V1ConfigMapEnvSource(name=f"{_ADAPTER}-config"))])
    return client.V1Deployment(api_version="apps/v1", kind="Deployment", metadata=client.V1ObjectMeta(name=_ADAPTER), spec=client.V1DeploymentSpec(
        replicas=1, selector=client.V1LabelSelector(match_labels=labels), template=client.V1PodTemplateSpec(
            metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(
                node_selector={"kubernetes.io/hostname": master_node}, containers=[container], tolerations=[
                    client.V1Toleration(key=f"node-role.kubernetes.io/{role}", operator="Exists", effect="NoSchedule")
                    for role in ("master", "control-plane")]))))
