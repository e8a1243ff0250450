"""What events tell of pods, addresses and weights: the program reads them, as it does for the report (docs/reference/report.md)."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Sequence

from .. import _session
from ._numbers import NAT

_OF_PODS = ("pod/", "cluster/part", "container/", "weight_update")
#: An event: its experiment, when (nanoseconds), name, value.
Row = tuple[Any, int, Any, Any]


@dataclass(frozen=True)
class Pod:
    name: str
    node: str
    zone: str
    function: str
    of_application: bool
    running: int
    ended: int
    containers: dict[str, str]  # an id: the name of the container

    @property
    def serves(self) -> bool:
        """A function of the user's; workers and gateways don't."""
        return self.of_application and self.running != NAT


@dataclass
class Told:
    """Of one experiment."""

    pods: list[Pod] = field(default_factory=list)
    #: of an address that was asked for, or has a weight: since when (in the order of time) which pod had it
    holders: dict[str, list[tuple[int, Pod]]] = field(default_factory=dict)
    #: (time, function, zone, weight by target)
    weights: list[tuple[int, str, str, dict[str, float]]] = field(default_factory=list)


def read(rows: Iterable[Row], addresses: Mapping[Any, Sequence[str]] | None = None) -> dict[Any, Told]:
    """By experiment, of events in the order of time; ``addresses``: "ip:port", that are to be looked up, too. Asks the program
    only where an event is about pods."""
    events: dict[Any, list[tuple[int, str, str | None]]] = {}
    for experiment, at, name, value in rows:
        if isinstance(name, str) and name.startswith(_OF_PODS):
            events.setdefault(experiment, []).append((at, name, value if isinstance(value, str) else None))
    if not events:
        return {}
    told = _session.ask({"call": "pods", "experiments": [
        {"events": those, "addresses": list((addresses or {}).get(experiment, ()))} for experiment, those in events.items()]})
    return {experiment: _told(one) for experiment, one in zip(events, told)}


def _told(one: Mapping[str, Any]) -> Told:
    def time(at: int | None) -> int:
        return NAT if at is None else at

    pods = [Pod(pod["name"], pod["node"], pod["zone"], pod["function"], pod["of_application"], time(pod["running"]), time(pod["ended"]),
                {id: container["name"] for container in pod["containers"] for id in container["ids"]}) for pod in one["pods"]]
    return Told(pods, {address: sorted(((since, pods[place]) for since, place in had), key=lambda held: held[0]) for address, had in one["holders"].items()},
                [(update["time"], update["function"], update["zone"], {target: float(weight) for target, weight in update["targets"]})
                 for update in one["weights"]])


def container_names(told: Iterable[Told]) -> dict[str, str]:
    """Of each container's id the pod's name, with the container's where it has several."""
    names = {}
    for pod in (pod for one in told for pod in one.pods):
        several = len(set(pod.containers.values())) > 1
        for id, container in pod.containers.items():
            names[id] = f"{pod.name}/{container}" if several else pod.name
    return names


def final_host(headers: Any) -> str:
    """Of an answer's headers (JSON text) the last host that a gateway named, as host:port."""
    try:
        told = json.loads(headers)
    except (TypeError, ValueError):
        return ""
    for name, value in told.items() if isinstance(told, dict) else ():
        if name.lower() == "x-final-host" and isinstance(value, str):
            return last_host(value)
    return ""


def last_host(hosts: Any) -> str:
    """Of what each gateway passed it on to, the last."""
    return hosts.rpartition(",")[2].strip() if isinstance(hosts, str) else ""
