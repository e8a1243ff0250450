"""Each call of the old gateways over a cluster gives what it did: its columns in their order, its kind, its index, for a database and for an
exported folder. Values are in old_frames_test and, beside the original's, in old_frames_peer_test."""
import old_recording
import pandas
import pytest
from galileojp.k3s import K3SGateway
from galileojp.local import LocalGateway
from old_frames_test import CLUSTERS, path  # noqa: F401 (a fixture)
from old_recording import EXP_ID

CONTAINER = old_recording.container(1)
EXPERIMENT = "EXP_ID NAME CREATOR START END CREATED STATUS metadata"
TELEMETRY = "value ts exp_id node metric subsystem"
TRACES = ("value client service created sent done status server exp_id response headers rtt final_server origin_zone origin_cluster latency_gateway "
          "start end exec latency")
REPLICAS = ("ts podUid replica_id name hostIP podIP startTime image container_id namespace nodeName cpu_request mem_request state zone cluster fn pod_type "
            "replica_type")
STATISTICS = "ts total cluster cluster_total exp_id"
CPU = f"{TELEMETRY} value_ms milli_cores percentage percentage_relative"
# Call and arguments after the experiment's id -> columns, and what the index counts: times from START on, nothing.
FRAMES = {
    ("get_experiment",): (EXPERIMENT, None), ("nodeinfo",): ("EXP_ID NODE INFO_KEY INFO_VALUE", None), ("events",): ("value ts name exp_id", "ts"),
    ("telemetry",): (TELEMETRY, "ts"), ("traces",): (TRACES, "sent"), ("get_replicas",): (REPLICAS, None), ("get_replicas", "shutdown"): (REPLICAS, None),
    ("get_replicas", None): (REPLICAS, None), ("get_replicas_with_shutdown",): (f"{REPLICAS} shutdown_ts", None), ("get_gateways_replicas",): (REPLICAS, None),
    ("get_replica_schedule_statistics", "pythonpi"): (STATISTICS, None), ("get_pod_schedules_statistics", "pythonpi"): (STATISTICS, None),
    ("get_weight_updates",): ("ts fn zone cluster ip weight", "ts"), ("get_cpu_container", CONTAINER): (CPU, "ts"),
    ("get_cpu_containers_by_name", "^pythonpi"): (f"{CPU} zone cluster id image cpu_request mem_request_mb name", "ts"),
    ("get_blkio_rate_container", CONTAINER): (f"{TELEMETRY} blkio_rate", "ts"), ("get_network_rate_container", CONTAINER): (f"{TELEMETRY} net_rate", "ts"),
    ("preprocessed_telemetry",): (TELEMETRY, "ts"),
    ("preprocessed_traces",): (f"{TRACES} final_ip final_port pod_name pod_image function dest_zone dest_cluster", "sent")}
FLUX = "result table _start _stop _time _value _field _measurement exp_id name ts state"


@pytest.fixture(scope="module")
def gateways(path, tmp_path_factory):  # noqa: F811
    folder, k3s = tmp_path_factory.mktemp("exported"), K3SGateway(path, clusters=CLUSTERS)
    assert k3s.export(EXP_ID, folder)
    return {"database": k3s, "folder": LocalGateway(folder, clusters=CLUSTERS)}


@pytest.fixture(params=["database", "folder"])
def gateway(request, gateways):
    return gateways[request.param]


@pytest.mark.parametrize("call", FRAMES, ids=lambda call: "-".join(map(str, call))[:50])
def test_a_frame_has_its_columns_and_its_index(gateway, call):
    name, *more = call
    columns, index = FRAMES[call]
    found = getattr(gateway, name)(EXP_ID, *more)
    extra = " fet" if isinstance(gateway, LocalGateway) and name == "preprocessed_traces" else ""
    assert list(found.columns) == (columns + extra).split() and len(found) > 0
    assert (found.index.name, isinstance(found.index, pandas.DatetimeIndex)) == (index, index is not None)
    if index and name not in ("events", "telemetry"):  # these have the time of day
        assert pandas.Timestamp(0) <= found.index.min() and found.index.max() <= pandas.Timestamp(61, unit="s")


def test_replicas_as_the_database_has_them(gateways):
    """With the columns of Flux, which notebooks read; a folder has what its events.csv has."""
    for state, count in (("running", 5), ("delete", 1), (None, 17)):
        found = gateways["database"].get_raw_replicas(EXP_ID, state)
        assert list(found.columns) == FLUX.split() and len(found) == count
        assert len(gateways["folder"].get_raw_replicas(EXP_ID, state)) == count


def test_what_is_no_frame(gateway):
    assert gateway.get_exp_params(EXP_ID) == gateway.metadata(EXP_ID) and gateway.get_exp_params(EXP_ID)["note"] == "ü"
    nodes = gateway.get_nodes_by_name(EXP_ID)
    assert list(nodes) == ["node-a", "node-b", "node-c"]
    one = nodes["node-b"]
    assert (one.name, one.arch, one.cpus, one.netspeed, one.cluster, one.allocatable["cpu"]) == ("node-b", "arm64", "4", "1000", "Cloudlet", "1000m")
    assert (one.boot, one.disk, one.net) == ("1795400000", "sda sdb", "eth0 wlan0") and one.labels["kubernetes.io/hostname"] == "node-b"
    by_ip, by_container = gateway.get_replica_by_ip(EXP_ID), gateway.get_replica_by_container_id(EXP_ID)
    assert sorted(by_ip) == [f"10.42.0.{number}" for number in range(1, 6)] and list(by_container)[0] == CONTAINER
    first = by_ip["10.42.0.1"]
    assert first == by_container[CONTAINER] and (first.pod_name, first.node_name, first.container_id) == (old_recording.PODS[0]["name"], "node-a", CONTAINER)
    deployments = gateway.build_deployment_service(EXP_ID)
    assert [one.fn.name for one in deployments.get_deployments()] == ["pythonpi", "resnet", "go-load-balancer"] and deployments.exists("resnet")
    assert deployments.get_by_name("resnet").original_name == "resnet-deployment"
    assert [node.name for node in gateway.build_node_service(EXP_ID).get_nodes()] == list(nodes)
    every = gateway.get_replicas_by_deployments(EXP_ID, deployments.get_deployments())
    at_end = gateway.get_running_replicas(EXP_ID, deployments.get_deployments(), 59.0, gateway)
    assert {name: (len(every[name]), len(at_end[name])) for name in every} == {"pythonpi": (2, 1), "resnet": (1, 1), "go-load-balancer": (2, 2)}
    used = gateway.get_cpu(EXP_ID, gateway.get_replicas(EXP_ID), gateway)
    assert list(used.columns) == CPU.split() and set(used.subsystem) == {old_recording.container(number) for number in range(1, 6)} and used.ts.max() < 61
    assert gateway.find_zone_for_client("worker-1:pythonpi-zone-b:0") and gateway.convert_cluster("zone-c") == "Cloud" and gateway.convert_cluster(None) == "N/A"
    assert gateway.parse_container_request({"cpu": "250m", "memory": "64Mi"}) == {"cpu": 250, "memory": 64 * 1024 ** 2}
    assert gateway.normalize_index(pandas.DatetimeIndex([pandas.Timestamp(old_recording.START + 2, unit="s")]), EXP_ID)[0] == pandas.Timestamp(2, unit="s")
    assert len(gateway.exps_by_example({"params": {"service": "pythonpi"}}, gateway.experiments())) == 1 and gateway.item_equal({"a": 1}, {"a": 1, "b": 2})


def test_pressure_of_cpu(gateways):
    found = gateways["database"].get_cpu_usage_results(EXP_ID)
    assert list(found.columns) == ["ts", "fn", "zone", "pressure", "cluster"] and list(found.cluster) == ["IoT-Box", "Cloudlet"]
    assert list(found.index.round("us")) == [pandas.Timestamp(18.5, unit="s"), pandas.Timestamp(30.125, unit="s")]
    assert len(gateways["folder"].get_events_by_name(EXP_ID, "cpu_usage_pressure")) == 2
