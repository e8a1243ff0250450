"""edgerun-galileo-faas as a controller beside a run: its own replica service makes a function's pods, one scale-up after the
other, and goes by the adapter's events. Says each replica and state that it makes of these, a JSON object a line of SAID.
faas_scaler.py PORT FUNCTION IMAGE ZONE COUNT SAID; runs in that package's environment, and is ended."""
import json
import sys
import time

from faas.context import InMemoryDeploymentService, InMemoryFunctionReplicaService
from faas.system import DeploymentRanking, Function, FunctionContainer, FunctionDeployment, FunctionImage, ScalingConfiguration
from faas.util.constant import function_label, zone_label
from galileofaas.connections import RedisClient
from galileofaas.context.platform.node.factory import create_node_service
from galileofaas.context.platform.pod.factory import PodFactory
from galileofaas.context.platform.replica.factory import KubernetesFunctionReplicaFactory
from galileofaas.context.platform.replica.k8s import KubernetesFunctionReplicaService
from galileofaas.system.core import KubernetesFunctionDeployment
from kubernetes import client, config
from telemc import TelemetryController


class Said:
    def __init__(self, path):
        self.path = path

    def log_replica_lifecycle(self, replica, state):
        with open(self.path, "a") as file:
            file.write(json.dumps({"state": state.name, "replica": replica.replica_id}) + "\n")

    def log_function_replica(self, replica):
        pass

    def log_scaling(self, function, count):
        pass


class Pods(PodFactory):
    def create_container(self, replica):
        return client.V1Container(name=replica.fn_name, image=replica.image, image_pull_policy="Never", args=["target", "--listen", "0.0.0.0:8080"],
                                  ports=[client.V1ContainerPort(name="function-port", container_port=8080)])


def main(port, function, image, zone, count, said):
    config.load_kube_config()
    redis = RedisClient("127.0.0.1", int(port))
    container = FunctionContainer(FunctionImage(image), None)
    labels = {function_label: function, zone_label: zone}
    deployment = KubernetesFunctionDeployment(
        FunctionDeployment(Function(function, [container.fn_image], labels), [container], ScalingConfiguration(), DeploymentRanking([container])),
        function, "default")
    nodes = create_node_service(TelemetryController(redis.conn()))
    deployments = InMemoryDeploymentService([deployment])
    replicas = InMemoryFunctionReplicaService(nodes, deployments, KubernetesFunctionReplicaFactory())
    service = KubernetesFunctionReplicaService(replicas, redis, nodes, deployments, client.CoreV1Api(), Pods(), False, Said(said))
    service.start()
    for _ in range(int(count)):
        service.scale_up(function, 1)
    while True:
        time.sleep(1000)


main(*sys.argv[1:])
