"""hello on several nodes, asked from all their zones at once."""
import logging
import sys

from galileo.shell.shell import init
from galileo.worker.context import Context
from galileoexperiments.api.model import ScenarioWorkloadConfiguration
from galileoexperiments.experiment.scenario.run import run_scenario_workload

from galileoexperimentsextensions.hello.app import HelloApplication

PROFILE = "data/profiles/steady.pkl"


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    if len(sys.argv) < 5 or not all("=" in word for word in sys.argv[4:]):
        sys.exit("usage: python -m galileoexperimentsextensions.hello.scenario.main <creator> <container-image> <master-node> <node>=<zone> ...")
    creator, image, master_node = sys.argv[1:4]
    zones = dict(word.split("=", 1) for word in sys.argv[4:])

    # All maps are by function. One more function is a line in each of them; it may have the same image.
    run_scenario_workload(ScenarioWorkloadConfiguration(
        creator=creator, app_names={"hello": image}, master_node=master_node,
        services={node: {"hello": 1} for node in zones}, zone_mapping=zones, params={},
        app_params={"hello": {"service": {"name": "hello", "body": {"picture": "none yet"}}}},
        profiling_apps={"hello": HelloApplication()}, context=init(Context().create_redis()),
        # In each zone one client, which sends by this profile.
        profiles={zone: {"hello": [PROFILE]} for zone in sorted(set(zones.values()))}))


if __name__ == "__main__":
    main()
