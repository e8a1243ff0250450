"""An experiment's course, whatever its requests are."""
from __future__ import annotations

import logging
import time
from typing import Any, Callable

from galileo.errors import UnavailableError
from galileoexperiments.api.model import ExperimentRunConfiguration, ProfilingExperimentConfiguration, ScenarioExperimentConfiguration
from galileoexperiments.experiment._ending import Ending
from galileoexperiments.utils.k8s import start_telemd_kubernetes_adapter, stop_telemd_kubernetes_adapter, why_the_adapter_is_silent
from galileoexperiments.utils.rds import events_of

logger = logging.getLogger(__name__)

_WORKERS_WITHIN_S = 10.0
_ADAPTER_WITHIN_S = 120.0
_LOOK_S = 0.1
# The last requests are sent when their clients say that they are done. How many answers are still out nobody says on the wire.
_LAST_ANSWERS_S = 5.0


def run_experiment(config: ExperimentRunConfiguration, requests: Callable[[], object], telemd_hosts: list[str] | None = None) -> None:
    """Finds the workers, records, and calls ``requests``, which returns when all are sent. Telemetry comes from ``telemd_hosts``, from
    all nodes where none are named. At the end, whatever happened: tracing stops, telemetry pauses on all nodes, the recorder
    ends (with the status FAILED where something went wrong), the pod adapter goes."""
    with Ending() as ending:
        _find_workers(config.galileo)
        ending.then("stop tracing", config.galileo.stop_tracing)
        config.galileo.start_tracing()
        ending.then("pause telemetry", config.telemd.stop_telemd)
        config.telemd.start_telemd(telemd_hosts)
        ending.then("end the record", lambda: config.exp.stop(failed=True) if ending.failed else config.exp.stop())
        config.exp.start(name=config.exp_name, creator=config.creator, metadata=config.metadata or {})
        ending.then("take the pod adapter away", stop_telemd_kubernetes_adapter)
        _tell_of_pods(config)
        logger.info("requests begin")
        requests()
        time.sleep(_LAST_ANSWERS_S)


def run_profiling_experiment(config: ProfilingExperimentConfiguration) -> None:
    """With telemetry of its host alone."""
    run_experiment(config.exp_run_config, config.app_workload_config.requests, [config.host])


def run_scenario_experiment(config: ScenarioExperimentConfiguration, requests: Callable[[], object]) -> None:
    run_experiment(config.exp_run_config, requests)


def _find_workers(galileo: Any) -> None:
    """All who have heard that they are asked for."""
    asked = galileo.discover()
    deadline = time.monotonic() + _WORKERS_WITHIN_S
    while len(workers := galileo.workers()) < max(asked or 0, 1) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    if not workers:
        raise UnavailableError(f"no worker answers on the bus within {_WORKERS_WITHIN_S:.0f} s; start one on each client node: galileo worker",
                               "no worker answers on the bus", hint="start one on each client node: galileo worker")
    logger.info("workers: %s", workers)


def _tell_of_pods(config: ExperimentRunConfiguration) -> None:
    """Starts the pod adapter, until it says something."""
    with events_of(config.rds) as listens:
        start_telemd_kubernetes_adapter(config.master_node)
        deadline = time.monotonic() + _ADAPTER_WITHIN_S
        while not listens(1):
            why = why_the_adapter_is_silent()
            if why or time.monotonic() > deadline:
                why = why or f"nothing was said on the bus for {_ADAPTER_WITHIN_S:.0f} s"
                raise UnavailableError(f"the pod adapter tells nothing: {why}; kubectl describe deployment telemd-kubernetes-adapter",
                                       "the pod adapter tells nothing", "telemd-kubernetes-adapter", why)
