"""What is run: of which application, where, by whom. ``context`` is what ``galileo.shell.shell.init`` gives."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from galileoexperiments.api.profiling import ProfilingApplication

if TYPE_CHECKING:
    from galileo.shell.shell import Experiment, Galileo, RoutingTableHelper, Telemd
    from kubernetes.client import V1Container


class _Context:
    """The shell's objects, by name."""

    def _context(self) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def galileo(self) -> Galileo:
        galileo: Galileo = self._context()["g"]
        return galileo

    @property
    def telemd(self) -> Telemd:
        telemd: Telemd = self._context()["telemd"]
        return telemd

    @property
    def exp(self) -> Experiment:
        exp: Experiment = self._context()["exp"]
        return exp

    @property
    def rtbl(self) -> RoutingTableHelper:
        rtbl: RoutingTableHelper = self._context()["rtbl"]
        return rtbl

    @property
    def rds(self) -> Any:
        """The redis-py client."""
        return self._context()["rds"]


@dataclass
class Pod:
    """A pod as gateways know it: its uid, address, labels and name."""

    pod_id: str
    ip: str
    labels: dict[str, str]
    name: str


@dataclass
class ExperimentRunConfiguration(_Context):
    """What is recorded of a run. ``metadata`` is any map; without ``exp_name`` the experiment's id is its name."""

    creator: str
    master_node: str
    galileo_context: dict[str, Any]
    metadata: dict[str, Any] | None = None
    exp_name: str | None = None

    def _context(self) -> dict[str, Any]:
        return self.galileo_context


@dataclass
class ProfilingWorkloadConfiguration(_Context):
    """``no_pods`` pods of ``image`` on the node ``host``, asked by clients of ``zone`` through its gateway: either by ``profiles``,
    a file a client, or by ``n_clients`` with ``n`` requests each, ``ia`` apart (seconds, or a distribution with its parameters).

    ``params`` is kept with the experiment. With ``lb_ip`` the clients ask that gateway and not the zone's own."""

    creator: str
    app_name: str
    host: str
    zone: str
    master_node: str
    image: str
    no_pods: int
    params: dict[str, Any]
    profiling_app: ProfilingApplication
    context: dict[str, Any]
    profiles: list[str] | None = None
    n: int | None = None
    ia: float | tuple[Any, ...] | None = None
    n_clients: int | None = None
    lb_ip: str | None = None

    def _context(self) -> dict[str, Any]:
        return self.context


@dataclass
class ScenarioWorkloadConfiguration(_Context):
    """Applications are keyed by their image, or by their function's name, so that one image can be several functions; a key with
    ``:`` or ``/`` is an image.

    ``app_names`` {image: function} or {function: image}; ``services`` {node: {key: pods}}; ``zone_mapping`` {node: zone};
    ``app_params`` and ``profiling_apps`` by key; ``profiles`` {zone: {key: [file a client]}}. ``params`` is kept with the
    experiment. ``lb_ips`` {zone: address} are gateways that clients ask and not the zone's own."""

    creator: str
    app_names: dict[str, str]
    master_node: str
    services: dict[str, dict[str, int]]
    zone_mapping: dict[str, str]
    params: dict[str, Any]
    app_params: dict[str, dict[str, Any]]
    profiling_apps: dict[str, ProfilingApplication]
    context: dict[str, Any]
    profiles: dict[str, dict[str, list[str]]]
    lb_ips: dict[str, str] | None = None

    def _context(self) -> dict[str, Any]:
        return self.context


@dataclass
class AppWorkloadConfiguration:
    """An application's image, what sends its requests, and what makes its containers."""

    app_container_image: str
    requests: Callable[[], None]
    pod_factory: Callable[[str, str, dict[str, Any]], V1Container]


@dataclass
class ProfilingExperimentConfiguration:
    """A profiling workload made out: clients of ``zone`` ask ``no_pods`` pods on ``host`` through the gateway at ``lb_ip``."""

    app_name: str
    zone: str
    host: str
    lb_ip: str
    no_pods: int
    n_clients: int
    app_workload_config: AppWorkloadConfiguration
    exp_run_config: ExperimentRunConfiguration

    @property
    def rtbl(self) -> RoutingTableHelper:
        return self.exp_run_config.rtbl


@dataclass
class ScenarioExperimentConfiguration:
    """A scenario workload made out: its applications, one for each function and zone with clients."""

    apps: list[AppWorkloadConfiguration]
    exp_run_config: ExperimentRunConfiguration
