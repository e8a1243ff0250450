"""Weights of gateways, in etcd."""
from __future__ import annotations

import json
import logging
import os
from typing import Iterable, Mapping

from galileo import _session
from galileoexperiments.api.model import Pod
from galileoexperiments.utils.constants import function_label, zone_label

logger = logging.getLogger(__name__)

_PORT = 8080


class EtcdClient:
    """Writes and removes keys of an etcd. Each call connects anew, and raises UnavailableError where nobody answers; with TLS and
    a login by the environment of ``galileo gateway``."""

    def __init__(self, etcd_host: str, etcd_port: int) -> None:
        self.etcd_host = etcd_host
        self.etcd_port = etcd_port

    @staticmethod
    def from_env() -> EtcdClient:
        """That of ``etcd_host`` and ``etcd_port``, localhost:2379 where the environment says nothing."""
        return EtcdClient(os.environ.get("etcd_host", "localhost"), int(os.environ.get("etcd_port", "2379")))

    def write(self, key: str, value: str) -> None:
        _session.ask({"call": "etcd.put", "etcd": self._endpoint(), "key": key, "value": value})

    def remove(self, key: str) -> None:
        """It need not be there."""
        _session.ask({"call": "etcd.remove", "etcd": self._endpoint(), "key": key})

    def _endpoint(self) -> str:
        return f"{self.etcd_host}:{self.etcd_port}"


def weights_key(fn: str, zone: str) -> str:
    """Where a zone's gateways read how they spread a function's requests."""
    return f"golb/function/{zone}/{fn}"


def _write(zone: str, fn: str, targets: Mapping[str, int]) -> str:
    key = weights_key(fn, zone)
    value = json.dumps({"ips": list(targets), "weights": list(targets.values())})
    logger.info("weights %s: %s", key, value)
    EtcdClient.from_env().write(key, value)
    return key


def set_weights_rr(pods: Iterable[Pod], zone: str, fn: str) -> str:
    """Has the zone's gateways spread the function's requests evenly over these pods, at port 8080; the key that was written."""
    return _write(zone, fn, {f"{pod.ip}:{_PORT}": 1 for pod in pods})


def set_weight(pod: Pod, weight: int) -> None:
    """Has the gateways of the pod's zone send its function's requests to that pod alone."""
    _write(pod.labels[zone_label], pod.labels[function_label], {f"{pod.ip}:{_PORT}": weight})


def update_weights(pods_per_cluster: Mapping[tuple[str, str], list[Pod]], lbs: Mapping[str, Pod]) -> list[str]:
    """Has each zone send a function's requests to the pods that it has of it, and to the gateways ``lbs`` of all other zones that
    have some; ``pods_per_cluster`` is by (function, zone). The keys that were written."""
    return [set_weights_rr(targets, zone, fn) for (fn, zone), targets in weights_of(pods_per_cluster, lbs).items()]


def weights_of(pods_per_cluster: Mapping[tuple[str, str], list[Pod]], lbs: Mapping[str, Pod]) -> dict[tuple[str, str], list[Pod]]:
    """To whom each zone sends a function's requests, by (function, zone)."""
    hosting = {place for place, pods in pods_per_cluster.items() if pods}
    # A zone without pods, and one that has pods but no gateway.
    places = {(fn, zone): None for fn, _ in pods_per_cluster for zone in lbs} | dict.fromkeys(pods_per_cluster)
    return {(fn, zone): [*pods_per_cluster.get((fn, zone), []),
                         *(gateway for other, gateway in lbs.items() if other != zone and (fn, other) in hosting)]
            for fn, zone in places}
