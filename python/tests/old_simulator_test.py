"""Results of the simulator faas-sim by the old gateways: folders of CSV files, and the same frames in memory."""
import pandas
import pytest

pytest.importorskip("galileojp")
import galileo.errors
from galileojp.faassim import FaasSimGateway
from galileojp.faassiminmemory import InMemoryFaasSimGateway

ID, START = "20260906152858-fe81", 1_788_000_000.25
ZONE = 2 * 3600  # the simulator wrote local times


def at(seconds):
    return str(pandas.Timestamp(START + ZONE + seconds, unit="s"))


def frames():
    """Two replicas of one function and a gateway on two nodes; one is torn down after 4 s."""
    labels = "{'ether.edgerun.io/function': 'pi', 'ether.edgerun.io/type': 'fn'}"
    gateway = "{'ether.edgerun.io/type': 'api-gateway'}"
    lived = [(0.5, "finish", "pi", "n1", "pi-cpu", "pi-1"), (1.5, "finish", "pi", "n2", "pi-cpu", "pi-2"), (0.25, "deploy", "pi", "n1",
                                                                                                            "pi-cpu", "pi-1"),
             (0.75, "finish", "lb", "n2", "lb", "lb-1"), (4.0, "teardown", "pi", "n2", "pi-cpu", "pi-2"), (4.5, "delete", "pi", "n2",
                                                                                                           "pi-cpu", "pi-2")]
    return {
        "experiment_df": pandas.DataFrame([(at(9), ID, START, START + 6, START, "FINISHED", "{'benchmark': 'b', 'sizes': [1, 2]}")],
                                          columns="time EXP_ID START END CREATED STATUS metadata".split()),
        "nodes": pandas.DataFrame([(n, "x86", 8.0, 2 ** 34, 1000, f"{{'ether.edgerun.io/zone': '{zone}'}}", "{'cpu': '8000m'}", zone,
                                    "NodeState.READY")
                                   for n, zone in (("n1", "Cloud"), ("n2", "Edge"))],
                                  columns="name arch cpus ram netspeed labels allocatable cluster state".split()),
        "traces_df": pandas.DataFrame([(at(2), "pi", 0.1), (at(3), "pi", 0.2)], columns=["time", "function_name", "t_exec"]),
        "node_utilization_df": pandas.DataFrame([(at(1), "n1", 0.5)], columns=["time", "node", "cpu"]),
        "function_utilization_df": pandas.DataFrame([(at(1), "pi-1", 0.25)], columns=["time", "replica_id", "cpu"]),
        "replica_deployment_df": pandas.DataFrame([(at(when), *rest) for when, *rest in lived],
                                                  columns="time value function_name node_name image replica_id".split()),
        "schedule_df": pandas.DataFrame([(at(0), "queue", "pi", "pi-cpu", "pi-1", None), (at(0.1), "start", "pi", "pi-cpu", "pi-1", None)],
                                        columns="time value function_name image replica_id node_name".split()),
        "functions_df": pandas.DataFrame([(at(0), "pi", labels), (at(0), "lb", "{}")], columns=["time", "name", "labels"]),
        "function_images_df": pandas.DataFrame([(at(0), "pi", "pi-cpu"), (at(0), "lb", "lb")], columns=["time", "function_name", "image"]),
        "function_containers_df": pandas.DataFrame([(at(0), "pi", "pi-cpu", "{'cpu': 100, 'memory': 5}", labels), (at(0), "lb", "lb", "{}",
                                                                                                                   gateway)],
                                                   columns="time name image resource_requirements labels".split()),
        "function_deployments_df": pandas.DataFrame([(at(0), "pi", 1, 20, 1, False), (at(0), "lb", 1, 1, 1, False)],
                                                    columns="time name scale_min scale_max scale_factor scale_zero".split()),
        "function_replicas_df": pandas.DataFrame([(at(0), "pi", "pi-cpu", labels, "pi-1"), (at(0), "pi", "pi-cpu", labels, "pi-2"),
                                                  (at(0), "lb", "lb", gateway, "lb-1")],
                                                 columns="time name image labels replica_id".split())}


@pytest.fixture(params=["folder", "memory"])
def gateway(request, tmp_path):
    if request.param == "memory":
        return InMemoryFaasSimGateway({ID: frames()})
    (tmp_path / ID).mkdir()
    for name, frame in frames().items():
        frame.to_csv(tmp_path / ID / f"{name}.csv", index=False)
    return FaasSimGateway(tmp_path)


def test_experiments_and_their_tables(gateway):
    assert list(gateway.experiments().EXP_ID) == [ID] and gateway.metadata(ID) is None and gateway.events(ID) is None
    assert gateway.get_exp_params(ID) == {"benchmark": "b", "sizes": [1, 2]}
    assert len(gateway.exps_by_example({"sizes": [2, 1]}, gateway.experiments())) == 1
    assert gateway.exps_by_example({"benchmark": "c"}, gateway.experiments()).empty
    assert list(gateway.nodeinfo(ID).exp_id) == [ID, ID] and len(gateway.telemetry(ID)) == 2
    found = gateway.traces(ID)
    assert found.ts.tolist() == [2.0, 3.0] and set(found.exp_id) == {ID}
    assert list(found.time) == [pandas.Timestamp(2, unit="s"), pandas.Timestamp(3, unit="s")]
    assert {name: (node.cluster, node.labels["ether.edgerun.io/zone"]) for name, node in gateway.get_nodes_by_name(ID).items()} == {
        "n1": ("Cloud", "Cloud"), "n2": ("Edge", "Edge")}


def test_replicas(gateway):
    found = gateway.get_replicas(ID)
    assert list(zip(found.ts, found.replica_id, found.cluster, found.replica_type)) == [
        (0.5, "pi-1", "Cloud", "fn"), (0.75, "lb-1", "Edge", "api-gateway"), (1.5, "pi-2", "Edge", "fn")]
    states = gateway.get_raw_replicas(ID, None).value.value_counts().to_dict()
    assert states == {"delete": 1, "pending": 1, "running": 3, "shutdown": 1}
    assert gateway.get_replicas(ID, "create") is None and list(gateway.get_gateways_replicas(ID).replica_id) == ["lb-1"]
    assert gateway.get_replicas_with_shutdown(ID).set_index("replica_id").shutdown_ts.to_dict() == {"pi-1": 6.0, "lb-1": 6.0, "pi-2": 4.0}
    deployments = gateway.get_deployments(ID)
    assert {name: len(rows) for name, rows in gateway.get_running_replicas(ID, deployments.values(), 5.0).items()} == {"pi": 1, "lb": 1}
    assert deployments["pi"].scaling_configuration.scale_max == 20
    assert deployments["pi"].fn_containers[0].get_resource_requirements() == {"cpu": 100, "memory": 5}
    assert gateway.get_conceived_replicas_by_replica_id(ID)["pi-1"].image == "pi-cpu"
    assert gateway.get_functions(ID)["pi"].fn_images[0].image == "pi-cpu"
    counts = gateway.get_replica_schedule_statistics(ID, "pi-cpu", per_second=False)
    assert counts.total.tolist() == [0, 0, 1, 2, 1, 1, 1] and set(counts.cluster) == {"Cloud", "Edge"}
    assert gateway.map_sim_replica_lifecycle_to_kubernetes("finish") == "running"
    assert gateway.map_kubernetes_lifecyle_to_sim("pending") == ["deploy", "startup", "setup"]


def test_what_is_not_there_is_told(gateway):
    for call in (gateway.traces, gateway.nodeinfo, gateway.get_nodes_by_name):
        with pytest.raises((galileo.errors.NotFoundError, ValueError)):
            call("../" + ID)
    with pytest.raises(ValueError):
        gateway.telemetry()
    with pytest.raises(ValueError, match="No experiment found"):
        gateway.get_exp_params("nosuch")


def test_frames_that_were_given_are_left_as_they_are():
    given = frames()
    InMemoryFaasSimGateway({ID: given}).get_replica_schedule_statistics(ID, "pi-cpu")
    InMemoryFaasSimGateway({ID: given}).traces(ID)
    for name, frame in frames().items():
        pandas.testing.assert_frame_equal(frame, given[name])
