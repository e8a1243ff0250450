"""The application hello: how its clients ask, and what its pods run."""
from typing import Any

from galileo.shell.shell import ClientGroup, Galileo
from galileoexperiments.api.profiling import GalileoClientGroupConfig, ProfilingApplication
from kubernetes import client


class HelloApplication(ProfilingApplication):
    def spawn_group(self, clients: int, rds: Any, galileo: Galileo, config: GalileoClientGroupConfig) -> ClientGroup:
        parameters = {"method": "post", "path": f"/function/{config.fn_name}", "kwargs": {"json": config.params["service"]["body"]}}
        return galileo.spawn(f"{config.fn_name}-{config.zone}", clients, parameters=parameters, worker_labels={"galileo_zone": config.zone})

    def pod_factory(self, pod_name: str, image: str, resource_requests: dict[str, Any]) -> client.V1Container:
        # The image of Galileo itself, to begin with: it answers after some milliseconds. An application of one's own needs no args.
        return client.V1Container(
            name=pod_name, image=image, args=["target", "--listen", "0.0.0.0:8080", "--delay", "lognormvariate(-4.6, 0.3)"],
            ports=[client.V1ContainerPort(name="function-port", container_port=8080)],
            resources=client.V1ResourceRequirements(requests=resource_requests),
            env=[client.V1EnvVar(name="NODE_NAME", value_from=client.V1EnvVarSource(field_ref=client.V1ObjectFieldSelector(field_path="spec.nodeName")))],
            readiness_probe=client.V1Probe(tcp_socket=client.V1TCPSocketAction(port=8080), period_seconds=1))
