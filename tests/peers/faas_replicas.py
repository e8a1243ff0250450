"""The replica service of edgerun-galileo-faas as it is, on the bus: says on stdout which nodes it knows, and each replica and state
that it makes of the adapter's events, a JSON object a line. faas_replicas.py PORT FUNCTION IMAGE; runs in that package's environment."""
import json
import sys

from faas.context import InMemoryDeploymentService, InMemoryFunctionReplicaService
from faas.system import DeploymentRanking, Function, FunctionContainer, FunctionDeployment, FunctionImage, ScalingConfiguration
from galileofaas.connections import RedisClient
from galileofaas.context.platform.node.factory import create_node_service
from galileofaas.context.platform.replica.factory import KubernetesFunctionReplicaFactory
from galileofaas.context.platform.replica.k8s import KubernetesFunctionReplicaService
from galileofaas.system.core import KubernetesFunctionDeployment
from telemc import TelemetryController


def say(**what):
    print(json.dumps(what), flush=True)


class Metrics:
    def log_replica_lifecycle(self, replica, state):
        say(state=state.name, replica=replica.replica_id, phase=replica.state.name, ip=replica.ip, port=replica.port, id=replica.container_id,
            node=replica.node.name if replica.node else None, image=replica.container.image if replica.container else None, labels=replica._labels)  # `labels` fails where there is no container yet

    def log_function_replica(self, replica):
        pass


def main(port, function, image):
    redis = RedisClient("127.0.0.1", int(port))
    container = FunctionContainer(FunctionImage(image), None)
    deployment = KubernetesFunctionDeployment(
        FunctionDeployment(Function(function, [container.fn_image]), [container], ScalingConfiguration(), DeploymentRanking([container])), function, "default")
    nodes = create_node_service(TelemetryController(redis.conn()))
    for node in nodes.get_nodes():
        say(node=node.name, cluster=node.cluster, labels=node.labels, allocatable=node.allocatable)
    deployments = InMemoryDeploymentService([deployment])
    replicas = InMemoryFunctionReplicaService(nodes, deployments, KubernetesFunctionReplicaFactory())
    KubernetesFunctionReplicaService(replicas, redis, nodes, deployments, None, None, False, Metrics()).run()


main(*sys.argv[1:])
