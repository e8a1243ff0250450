"""Nodes, pods and deployments as the original has them in the packages edgerun-faas and galileo-faas, by the same attributes and
without these packages: they are made from what an experiment has recorded."""
from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Dict, Generic, Iterable, List, Optional, TypeVar

ZONE_LABEL = "ether.edgerun.io/zone"
FUNCTION_LABEL = "ether.edgerun.io/function"
POD_TYPE_LABEL = "type"
DEFAULT_CPU_REQUEST, DEFAULT_MEM_REQUEST = "100m", "200Mi"

_QUANTITY = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)(m|[kKMGTPE]i?|)")
_UNITS = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000), "K": Decimal(1000), "Ki": Decimal(1024)} | {
    letter + i: Decimal(1024 if i else 1000) ** power for power, letter in enumerate("MGTPE", 2) for i in ("", "i")}


def quantity(text: str) -> Decimal:
    """A quantity of Kubernetes, as ``250m``, ``1.5``, ``64Mi``. ValueError where it is none."""
    parts = _QUANTITY.fullmatch(str(text).strip().strip('"'))
    try:
        if parts:
            return Decimal(parts[1]) * _UNITS[parts[2]]
    except InvalidOperation:
        pass
    raise ValueError(f"{text!r} is no quantity, as 250m or 64Mi")


class NodeState(enum.Enum):
    READY = 1
    NOT_READY = 2


class FunctionReplicaState(enum.Enum):
    CONCEIVED = 1
    PENDING = 2
    RUNNING = 3
    SHUTDOWN = 4
    DELETE = 5


@dataclass
class FunctionImage:
    image: str


@dataclass
class Function:
    name: str
    fn_images: List[FunctionImage]
    labels: Dict[str, str] = field(default_factory=dict)

    def get_image(self, image: str) -> Optional[FunctionImage]:
        return next((one for one in self.fn_images if one.image == image), None)


@dataclass
class ResourceRequirements:
    requests: Dict[str, float]


@dataclass
class KubernetesResourceConfiguration:
    """``cpu`` in thousandths of a core, ``memory`` in bytes."""
    requests: ResourceRequirements
    limits: Optional[ResourceRequirements] = None

    def get_resource_requirements(self) -> Dict[str, float]:
        return self.requests.requests

    def get_resource_limits(self) -> Optional[Dict[str, float]]:
        return None if self.limits is None else self.limits.requests


@dataclass
class FunctionContainer:
    fn_image: FunctionImage
    resource_config: KubernetesResourceConfiguration
    labels: Dict[str, str] = field(default_factory=dict)

    @property
    def image(self) -> str:
        return self.fn_image.image

    def get_resource_requirements(self) -> Dict[str, float]:
        return self.resource_config.get_resource_requirements()


@dataclass
class ScalingConfiguration:
    scale_min: int = 1
    scale_max: int = 20
    scale_factor: int = 1
    scale_zero: bool = False


@dataclass
class FunctionDeployment:
    fn: Function
    fn_containers: List[FunctionContainer]
    scaling_configuration: Optional[ScalingConfiguration] = None
    deployment_ranking: None = None

    @property
    def name(self) -> str:
        return self.fn.name

    @property
    def labels(self) -> Dict[str, str]:
        return self.fn.labels

    def get_containers(self) -> List[FunctionContainer]:
        return self.fn_containers

    def get_services(self) -> List[FunctionContainer]:
        return self.fn_containers

    def get_container(self, image: str) -> Optional[FunctionContainer]:
        return next((one for one in self.fn_containers if one.image == image), None)


@dataclass
class KubernetesFunctionDeployment(FunctionDeployment):
    original_name: str = ""
    namespace: str = ""


@dataclass
class FunctionNode:
    """As the node's info has it: numbers are texts. ``zone`` is the label's."""
    name: str
    arch: Optional[str]
    cpus: Any
    ram: Any
    netspeed: Any
    labels: Dict[str, str]
    allocatable: Any
    cluster: Optional[str]
    state: Any
    zone: Optional[str] = None


@dataclass
class KubernetesFunctionNode(FunctionNode):
    boot: Optional[str] = None
    net: Optional[str] = None
    disk: Optional[str] = None


@dataclass
class FunctionReplica:
    replica_id: str
    labels: Dict[str, str]
    function: Optional[FunctionDeployment]
    container: Optional[FunctionContainer]
    node: Optional[FunctionNode]
    state: FunctionReplicaState

    @property
    def fn_name(self) -> Optional[str]:
        return None if self.function is None else self.function.name

    @property
    def image(self) -> Optional[str]:
        return None if self.container is None else self.container.image


@dataclass
class KubernetesFunctionReplica(FunctionReplica):
    ip: Optional[str] = None
    port: Optional[int] = None
    url: Optional[str] = None
    namespace: Optional[str] = None
    host_ip: Optional[str] = None
    node_name: Optional[str] = None
    qos_class: Optional[str] = None
    start_time: Optional[str] = None
    pod_name: str = ""
    container_id: Optional[str] = None


N = TypeVar("N", bound=FunctionNode)
D = TypeVar("D", bound=FunctionDeployment)


class NodeService(Generic[N]):
    """Nodes by name. Zones are their clusters."""

    def __init__(self, zones: List[str], nodes: Iterable[N]) -> None:
        self._zones, self._nodes = list(zones), {node.name: node for node in nodes}

    def get_zones(self) -> List[str]:
        return list(self._zones)

    def get_nodes(self) -> List[N]:
        return list(self._nodes.values())

    def get_nodes_by_name(self) -> Dict[str, N]:
        return dict(self._nodes)

    def find(self, node_name: str) -> Optional[N]:
        return self._nodes.get(node_name)

    def find_nodes_in_zone(self, zone: str) -> List[N]:
        return [node for node in self._nodes.values() if node.cluster == zone]


class FunctionDeploymentService(Generic[D]):
    """Deployments by their function's name."""

    def __init__(self, deployments: Iterable[D]) -> None:
        self._deployments = {deployment.name: deployment for deployment in deployments}

    def get_deployments(self) -> List[D]:
        return list(self._deployments.values())

    def get_by_name(self, fn_name: str) -> Optional[D]:
        return self._deployments.get(fn_name)

    def exists(self, fn_name: str) -> bool:
        return fn_name in self._deployments


def requests_of(container: Dict[str, Any]) -> Dict[str, int]:
    """What a container asks for: ``cpu`` in thousandths of a core, ``memory`` in bytes, Kubernetes' defaults where it doesn't."""
    asked = container.get("resource_requests") or {}
    return {"cpu": int(quantity(asked.get("cpu") or DEFAULT_CPU_REQUEST) * 1000), "memory": int(quantity(asked.get("memory")
                                                                                                         or DEFAULT_MEM_REQUEST))}


def pods_of(texts: Iterable[str]) -> List[Optional[Dict[str, Any]]]:
    """Pods as the events have them; None where a value is no pod."""
    pods: List[Optional[Dict[str, Any]]] = []
    for text in texts:
        try:
            pod = json.loads(text)
        except (TypeError, ValueError):
            pod = None
        pods.append(pod if isinstance(pod, dict) and isinstance(pod.get("name"), str) else None)
    return pods


def function_of(pod: Dict[str, Any], pattern: str) -> Optional[str]:
    """The function whose pod it is: what stands before the pattern in its name, where its label agrees."""
    before, found, _ = pod["name"].partition(pattern)
    return before if found and (pod.get("labels") or {}).get(FUNCTION_LABEL) == before else None


def deployment_of(pod: Dict[str, Any], function: str, pattern: str) -> KubernetesFunctionDeployment:
    labels, container = pod.get("labels") or {}, container_of(pod)
    return KubernetesFunctionDeployment(
        fn=Function(function, [FunctionImage(container.image)] if container else [], labels), fn_containers=[container] if container
        else [],
        original_name=function + pattern, namespace=pod.get("namespace") or "")


def container_of(pod: Dict[str, Any]) -> Optional[FunctionContainer]:
    """The first of its containers."""
    first = next(iter((pod.get("containers") or {}).values()), None)
    if first is None:
        return None
    return FunctionContainer(FunctionImage(first.get("image") or ""),
                             KubernetesResourceConfiguration(ResourceRequirements(dict(requests_of(first)))),
                             pod.get("labels") or {})


def replica_of(pod: Dict[str, Any], deployment: Optional[FunctionDeployment], node: Optional[FunctionNode]) -> KubernetesFunctionReplica:
    first: Dict[str, Any] = next(iter((pod.get("containers") or {}).values()), {})
    ip, port = pod.get("podIP"), first.get("port")
    state = {"Pending": FunctionReplicaState.PENDING, "Running": FunctionReplicaState.RUNNING}.get(pod.get("status") or "",
                                                                                                   FunctionReplicaState.DELETE)
    return KubernetesFunctionReplica(
        replica_id=pod.get("podUid") or pod["name"], labels=pod.get("labels") or {}, function=deployment, container=container_of(pod),
        node=node,
        state=state, ip=ip, port=port, url=f"{ip}:{port}" if ip and port else None, namespace=pod.get("namespace"),
        host_ip=pod.get("hostIP"),
        node_name=pod.get("nodeName"), qos_class=pod.get("qosClass"), start_time=pod.get("startTime"), pod_name=pod["name"],
        container_id=container_id_of(first))


def container_id_of(container: Dict[str, Any]) -> Optional[str]:
    """Without the runtime's name before it."""
    full = container.get("id")
    return full.rpartition("://")[2] if isinstance(full, str) else None
