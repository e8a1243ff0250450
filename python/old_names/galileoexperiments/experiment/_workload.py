"""What both kinds of workload make, and take back at the end: clients, pods, weights, routes."""
from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping

from galileo.errors import UsageError
from galileoexperiments.api.model import Pod
from galileoexperiments.api.profiling import GalileoClientGroupConfig, ProfilingApplication
from galileoexperiments.experiment._ending import Ending
from galileoexperiments.utils.arrivalprofile import read_profile, save_profile
from galileoexperiments.utils.constants import function_label, zone_label
from galileoexperiments.utils.helpers import EtcdClient, set_weights_rr, weights_key, weights_of
from galileoexperiments.utils.k8s import get_pods, remove_pods_and_wait, spawn_pods

if TYPE_CHECKING:
    from galileo.shell.shell import ClientGroup

logger = logging.getLogger(__name__)

_PORT = 8080


def gateway_of(zone: str, gateways: Mapping[str, str]) -> str:
    """The address of a zone's gateway."""
    if zone not in gateways:
        there = ", ".join(sorted(gateways)) or "none"
        raise UsageError(f"the zone {zone} has no gateway (zones that have one: {there}); deploy one, a pod with the label type=api-gateway",
                         "a zone has no gateway", zone, f"zones that have one: {there}", "deploy one, a pod with the label type=api-gateway")
    return gateways[zone]


@dataclass
class Workload:
    """What was made so far."""

    context: Any  # a configuration with the shell's objects
    groups: list[ClientGroup] = field(default_factory=list)
    pods: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)

    def taken_back_by(self, ending: Ending) -> None:
        ending.then("remove the routes", self._remove_routes)
        ending.then("remove the pods", lambda: remove_pods_and_wait(self.pods))
        ending.then("remove the weights", self._remove_keys)
        ending.then("close the clients", self._close)

    def spawn(self, app: ProfilingApplication, config: GalileoClientGroupConfig, profiles: list[list[float]] | None = None) -> ClientGroup:
        """A group of clients, each with its profile."""
        group = app.spawn_group(config.n_clients, self.context.rds, self.context.galileo, config)
        self.groups.append(group)
        if profiles is not None:
            if len(group.clients) != len(profiles):
                raise UsageError(f"{type(app).__name__}.spawn_group() made {len(group.clients)} clients for {len(profiles)} profiles")
            for client, gaps in zip(group.clients, profiles):
                save_profile(gaps, client, self.context.rds)
        return group

    def make_pods(self, app: ProfilingApplication, image: str, fn: str, node: str, zone: str, count: int, gateway: str) -> None:
        labels = {function_label: fn, zone_label: zone}
        self.pods += spawn_pods(image, f"{fn}-deployment", node, labels, count, app.pod_factory, {"API_GATEWAY": gateway})

    def write_weights(self, gateways: Mapping[str, Pod]) -> None:
        """Of the pods that were made, once they are ready."""
        by_place: dict[tuple[str, str], list[Pod]] = {}
        for pod in get_pods(self.pods):
            by_place.setdefault((pod.labels[function_label], pod.labels[zone_label]), []).append(pod)
        for (fn, zone), targets in weights_of(by_place, gateways).items():
            self.keys.append(weights_key(fn, zone))
            set_weights_rr(targets, zone, fn)

    def set_route(self, fn: str, zone: str, gateway: str) -> None:
        service = f"{fn}-{zone}"
        self.routes.append(service)
        self.context.rtbl.set(service, [f"{gateway}:{_PORT}"], [1])

    def _remove_routes(self) -> None:
        for service in self.routes:
            self.context.rtbl.remove(service)

    def _remove_keys(self) -> None:
        etcd = EtcdClient.from_env()
        for key in self.keys:
            etcd.remove(key)

    def _close(self) -> None:
        for group in self.groups:
            group.close()


def read_profiles(paths: list[str]) -> list[list[float]]:
    """Before anything is made, so that a wrong one is told at once."""
    return [read_profile(path) for path in paths]
