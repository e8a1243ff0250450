"""hello alone on one node."""
import logging
import sys

from galileo.shell.shell import init
from galileo.worker.context import Context
from galileoexperiments.api.model import ProfilingWorkloadConfiguration
from galileoexperiments.experiment.profiling.run import run_profiling_workload

from galileoexperimentsextensions.hello.app import HelloApplication


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    if len(sys.argv) != 6:
        sys.exit("usage: python -m galileoexperimentsextensions.hello.profiling.main <creator> <host> <container-image> <zone> <master-node>")
    creator, host, image, zone, master_node = sys.argv[1:]

    run_profiling_workload(ProfilingWorkloadConfiguration(
        creator=creator, app_name="hello", host=host, zone=zone, master_node=master_node, image=image, no_pods=1,
        # Kept with the experiment, and handed to the application.
        params={"service": {"name": "hello", "body": {"picture": "none yet"}}},
        profiling_app=HelloApplication(), context=init(Context().create_redis()),
        # Two clients, 100 requests each, 20 a second on average.
        n_clients=2, n=100, ia=("expovariate", 20)))


if __name__ == "__main__":
    main()
