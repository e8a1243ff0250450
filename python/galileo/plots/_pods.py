"""What events tell of pods and weights, read as the report reads them (docs/report.md)."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping

from ._numbers import NAT

_STATES = ("pod/", "cluster/part")
_LABEL = "ether.edgerun.io/"


@dataclass
class Pod:
    name: str = ""
    node: str = ""
    zone: str = ""
    function: str = ""
    is_gateway: bool = False
    addresses: dict[str, int] = field(default_factory=dict)  # since when it was told to have each
    running: int = NAT
    ended: int = NAT
    containers: dict[str, str] = field(default_factory=dict)  # an id: the name of the container

    @property
    def serves(self) -> bool:
        """A function of the user's; workers and gateways don't."""
        return self.function not in ("", "client") and not self.is_gateway and self.running != NAT


def _object(text: Any) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _text(told: dict[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""


def pods(rows: Iterable[tuple[Any, int, Any, Any]]) -> dict[tuple[Any, str], Pod]:
    """By experiment and uid, of (experiment, nanoseconds, name, value); what can't be read is passed over."""
    found: dict[tuple[Any, str], Pod] = {}
    for experiment, at, name, value in rows:
        if not isinstance(name, str) or not name.startswith(_STATES):
            continue
        told = _object(value)
        if not (uid := _text(told, "podUid")):
            continue
        pod = found.setdefault((experiment, uid), Pod())
        labels = told["labels"] if isinstance(told.get("labels"), dict) else {}
        pod.name = _text(told, "name") or pod.name
        pod.node = _text(told, "nodeName") or pod.node
        pod.function = _text(labels, _LABEL + "function") or pod.function
        pod.zone = _text(labels, _LABEL + "zone") or pod.zone
        pod.is_gateway |= _text(labels, "type") == "api-gateway"
        containers = told["containers"] if isinstance(told.get("containers"), dict) else {}
        for container, what in containers.items():
            if isinstance(what, dict) and (one := _text(what, "id").rpartition("://")[2]):
                pod.containers[one] = container
        if address := _text(told, "podIP"):
            pod.addresses[address] = min(at, pod.addresses.get(address, at))
        phase = _text(told, "status")
        if name in ("pod/shutdown", "pod/delete") or phase in ("Failed", "Succeeded"):
            pod.ended = at if pod.ended == NAT else min(at, pod.ended)
        elif name in ("pod/running", "cluster/part") or (phase == "Running" and _text(told, "podIP")):
            pod.running = at if pod.running == NAT else min(at, pod.running)
    return found


def container_names(found: Iterable[Pod]) -> dict[str, str]:
    """Of each container's id the pod's name, with the container's where it has several."""
    names = {}
    for pod in found:
        several = len(set(pod.containers.values())) > 1
        for one, container in pod.containers.items():
            names[one] = f"{pod.name}/{container}" if several else pod.name
    return names


def holders(found: Mapping[tuple[Any, str], Pod]) -> dict[tuple[Any, str], list[tuple[int, Pod]]]:
    """By experiment and address who had it, since when, in the order of time: addresses are used again."""
    had: dict[tuple[Any, str], list[tuple[int, Pod]]] = {}
    for (experiment, _), pod in found.items():
        for address, since in pod.addresses.items():
            had.setdefault((experiment, address), []).append((since, pod))
    for pods_of_it in had.values():
        pods_of_it.sort(key=lambda one: one[0])
    return had


def final_host(headers: Any) -> str:
    """Of an answer's headers (JSON text) the last host that a gateway named, as host:port."""
    for name, value in _object(headers).items():
        if isinstance(name, str) and name.lower() == "x-final-host" and isinstance(value, str):
            return value.rpartition(",")[2].strip()
    return ""


def weights(rows: Iterable[tuple[Any, int, Any, Any]]) -> dict[tuple[Any, str, str], list[tuple[int, dict[str, float]]]]:
    """By experiment, function and zone what the weights of its targets became, and when; in the order of time."""
    found: dict[tuple[Any, str, str], list[tuple[int, dict[str, float]]]] = {}
    for experiment, at, name, value in rows:
        if name != "weight_update":
            continue
        told = _object(value)
        parts = told["weights"] if isinstance(told.get("weights"), dict) else {}
        ips, numbers = parts.get("ips"), parts.get("weights")
        if not isinstance(ips, list) or not isinstance(numbers, list) or len(ips) != len(numbers):
            continue
        try:
            update = {str(ip): float(number) for ip, number in zip(ips, numbers)}
        except (TypeError, ValueError):
            continue
        if not all(number >= 0 for number in update.values()):
            continue
        found.setdefault((experiment, _text(told, "fn"), _text(told, "zone")), []).append((at, update))
    for updates in found.values():
        updates.sort(key=lambda update: update[0])
    return found
