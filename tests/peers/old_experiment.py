"""Runs one profiling experiment of the original experiment library; run by a python that has it.

Arguments: the host of the application (port 8080), the zone, profiles. Redis, etcd, Kubernetes and the recorder's
database come from the environment, as the library wants them. Its steps and errors are logged on stderr.
"""
import json
import logging
import os
import pickle
import sys

import redis
from galileo.shell import shell
from galileoexperiments.api.model import ProfilingWorkloadConfiguration
from galileoexperiments.api.profiling import ProfilingApplication
from galileoexperiments.experiment.profiling.run import run_profiling_workload
from kubernetes import client


class Application(ProfilingApplication):
    def spawn_group(self, clients, rds, galileo, config):
        parameters = {"method": "post", "path": f"/function/{config.fn_name}",
                      "kwargs": {"data": "picture", "stream": False, "proxies": None, "timeout": 10}}
        return galileo.spawn(f"{config.fn_name}-{config.zone}", clients, parameters=parameters,
                             worker_labels={"galileo_zone": config.zone})

    def pod_factory(self, pod_name, image, resource_requests):
        return client.V1Container(name=pod_name, image=image)


def main():
    host, zone, *profiles = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    files = []
    for number, profile in enumerate(profiles):  # pickles of lists, as the library's tools write them
        files.append(f"profile-{number}.pkl")
        with open(files[-1], "wb") as file:
            pickle.dump(json.loads(profile), file)
    connection = redis.Redis(host=os.environ["galileo_redis_host"], port=int(os.environ["galileo_redis_port"]),
                             password=os.environ.get("galileo_redis_password"), decode_responses=True)
    context = shell.init(connection)
    run_profiling_workload(ProfilingWorkloadConfiguration(
        creator="peers", app_name="pythonpi", host="node-1", lb_ip=host, zone=zone, master_node="master", image="pythonpi:1",
        no_pods=1, params={"digits": 4000}, profiling_app=Application(), context=context, profiles=files))
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)  # its threads would keep it


if __name__ == "__main__":
    main()
