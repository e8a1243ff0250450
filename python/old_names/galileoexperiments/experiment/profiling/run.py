"""One application on one node, asked through its zone's gateway."""
from __future__ import annotations

import time
from typing import Any

from galileo.errors import UsageError
from galileoexperiments.api.model import (AppWorkloadConfiguration, ExperimentRunConfiguration, ProfilingExperimentConfiguration,
                                          ProfilingWorkloadConfiguration)
from galileoexperiments.api.profiling import GalileoClientGroupConfig
from galileoexperiments.experiment._ending import Ending
from galileoexperiments.experiment._workload import Workload, gateway_of, read_profiles
from galileoexperiments.experiment.run import run_profiling_experiment
from galileoexperiments.utils.k8s import get_load_balancer_pods


def run_profiling_workload(workload_config: ProfilingWorkloadConfiguration) -> None:
    """Runs it to its end, and leaves nothing, whatever happened. Raises what went wrong."""
    config = workload_config
    profiles = None if config.profiles is None else read_profiles(config.profiles)
    asks, clients = _requests(config)
    pods = get_load_balancer_pods()
    gateways = {zone: pod.ip for zone, pod in pods.items()}
    if config.lb_ip is None:
        config.lb_ip = gateway_of(config.zone, gateways)
    _describe(config, asks)

    workload = Workload(config)
    with Ending() as ending:
        workload.taken_back_by(ending)
        group = workload.spawn(config.profiling_app, GalileoClientGroupConfig(clients, config.zone, config.app_name, config.params), profiles)
        # Where the clients ask another zone's gateway theirs may be missing.
        workload.make_pods(config.profiling_app, config.image, config.app_name, config.host, config.zone, config.no_pods,
                           gateways.get(config.zone, config.lb_ip))
        workload.write_weights(pods)
        workload.set_route(config.app_name, config.zone, config.lb_ip)

        def requests() -> None:
            if profiles is None:
                group.request(n=config.n, ia=config.ia).wait()
            else:
                group.request(ia=("prerecorded", "ran")).wait()

        run_profiling_experiment(ProfilingExperimentConfiguration(
            app_name=config.app_name, zone=config.zone, host=config.host, lb_ip=config.lb_ip, no_pods=config.no_pods, n_clients=clients,
            app_workload_config=AppWorkloadConfiguration(config.image, requests, config.profiling_app.pod_factory),
            exp_run_config=ExperimentRunConfiguration(config.creator, config.master_node, config.context, config.params,
                                                      f"{config.app_name}-clients-{clients}-{int(time.time())}")))


def _requests(config: ProfilingWorkloadConfiguration) -> tuple[dict[str, Any], int]:
    """What is kept of the requests, and how many clients send them."""
    if config.profiles is not None:
        if not config.profiles:
            raise UsageError("no profile is given; give one for each client")
        return {"profiles": config.profiles, "n_clients": len(config.profiles), "no_pods": config.no_pods}, len(config.profiles)
    if not config.n or not config.n_clients:
        raise UsageError("how many requests is not said: give profiles, or n, ia and n_clients")
    return {"n": config.n, "ia": config.ia, "n_clients": config.n_clients, "no_pods": config.no_pods}, config.n_clients


def _describe(config: ProfilingWorkloadConfiguration, requests: dict[str, Any]) -> None:
    """Into the experiment's metadata."""
    exp = config.params.get("exp")
    if exp is None or exp.get("requests") is None:
        exp = config.params["exp"] = {"requests": {}}
    exp["requests"].update(requests)
    exp.update(host=config.host, zone=config.zone, app_name=config.app_name, app_container_image=config.image)
