"""An application under test, as its extension describes it."""
from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from galileo.shell.shell import ClientGroup, Galileo
    from kubernetes.client import V1Container


@dataclass
class GalileoClientGroupConfig:
    """So many clients in ``zone`` of the function ``fn_name``; ``params`` are the experiment's, or the application's of a scenario."""

    n_clients: int
    zone: str
    fn_name: str
    params: dict[str, Any]


class ProfilingApplication(abc.ABC):
    """How its clients are made, and its containers."""

    def spawn_group(self, clients: int, rds: Any, galileo: Galileo, config: GalileoClientGroupConfig) -> ClientGroup:
        """A new group of ``clients`` clients for the service ``<fn_name>-<zone>``."""
        raise NotImplementedError(f"{type(self).__name__} doesn't say how its clients are made: spawn_group(clients, rds, galileo, config)")

    def pod_factory(self, pod_name: str, image: str, resource_requests: dict[str, Any]) -> V1Container:
        """The container of a pod, called as the pod; ``resource_requests`` is empty."""
        raise NotImplementedError(f"{type(self).__name__} doesn't say what its containers are: pod_factory(pod_name, image, resource_requests)")
