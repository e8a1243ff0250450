"""Several applications on several nodes in several zones, asked through their zones' gateways, all at once."""
from __future__ import annotations

from dataclasses import dataclass

from galileo.errors import UsageError
from galileoexperiments.api.model import (AppWorkloadConfiguration, ExperimentRunConfiguration, ScenarioExperimentConfiguration,
                                          ScenarioWorkloadConfiguration)
from galileoexperiments.api.profiling import GalileoClientGroupConfig, ProfilingApplication
from galileoexperiments.experiment._ending import Ending
from galileoexperiments.experiment._workload import Workload, gateway_of, read_profiles
from galileoexperiments.experiment.run import run_scenario_experiment
from galileoexperiments.utils.k8s import get_load_balancer_pods


@dataclass
class _Application:
    fn: str
    image: str
    app: ProfilingApplication


def run_scenario_workload(workload_config: ScenarioWorkloadConfiguration) -> None:
    """Runs it to its end, and leaves nothing, whatever happened. Raises what went wrong."""
    config = workload_config
    apps = _applications(config)
    profiles = {(zone, key): read_profiles(files) for zone, by_key in config.profiles.items() for key, files in by_key.items()}
    pods = get_load_balancer_pods()
    gateways = {zone: pod.ip for zone, pod in pods.items()}
    config.lb_ips = asked = {**gateways, **(config.lb_ips or {})}
    for zone in config.profiles:
        gateway_of(zone, asked)
    own = {node: gateway_of(config.zone_mapping[node], gateways) for node in config.services}
    config.params.update(app_params=config.app_params, profiles=config.profiles, lb_ips=asked, zone_mapping=config.zone_mapping,
                         services=config.services, app_names=config.app_names)

    workload = Workload(config)
    with Ending() as ending:
        workload.taken_back_by(ending)
        groups = [workload.spawn(apps[key].app, GalileoClientGroupConfig(len(files), zone, apps[key].fn, config.app_params[key]), files)
                  for (zone, key), files in profiles.items()]
        for node, by_key in config.services.items():
            for key, count in by_key.items():
                workload.make_pods(apps[key].app, apps[key].image, apps[key].fn, node, config.zone_mapping[node], count, own[node])
        workload.write_weights(pods)
        for fn in dict.fromkeys(names_of(key, name)[0] for key, name in config.app_names.items()):
            for zone, gateway in asked.items():
                workload.set_route(fn, zone, gateway)

        def requests() -> None:
            for sent in [group.request(ia=("prerecorded", "ran")) for group in groups]:
                sent.wait()

        run_scenario_experiment(ScenarioExperimentConfiguration(
            [AppWorkloadConfiguration(apps[key].image, requests, apps[key].app.pod_factory) for _, key in profiles],
            ExperimentRunConfiguration(config.creator, config.master_node, config.context, config.params)), requests)


def _applications(config: ScenarioWorkloadConfiguration) -> dict[str, _Application]:
    """By the keys that the configuration uses, images or functions; all that it lacks is told at once."""
    with_clients = {key for by_key in config.profiles.values() for key in by_key}
    in_use = with_clients.union(*config.services.values())
    missing = [f"app_names has no {key}" for key in sorted(in_use - config.app_names.keys())]
    missing += [f"profiling_apps has no {key}" for key in sorted(in_use - config.profiling_apps.keys())]
    missing += [f"app_params has no {key}" for key in sorted(with_clients - config.app_params.keys())]
    missing += [f"zone_mapping has no {node}" for node in sorted(config.services.keys() - config.zone_mapping.keys())]
    missing += [f"no profile for {key} in {zone}" for zone, by_key in config.profiles.items() for key, files in by_key.items() if not files]
    if missing:
        raise UsageError(f"the scenario isn't whole: {'; '.join(missing)}", "the scenario isn't whole", why="; ".join(missing))
    return {key: _Application(*names_of(key, name), config.profiling_apps[key]) for key, name in config.app_names.items() if key in in_use}


def names_of(key: str, value: str) -> tuple[str, str]:
    """(function, image) of an entry of ``app_names``."""
    return (value, key) if ":" in key or "/" in key else (key, value)
