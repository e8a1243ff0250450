"""A script of the old analysis package, word for word the same for the original and for ours:

    old_frames.py record          the rows on stdin (tests/support/old_recording.py) into the databases, by the original's drivers
    old_frames.py read FILE       the calls on stdin, [[gateway, method, argument...], ...], and what each gave, into a pickle

The databases come from the environment, as the packages want them."""
import json
import os
import pickle
import sys

from galileodb.factory import create_influxdb_from_env, create_sqlite_from_env
from galileodb.sql.adapter import ExperimentSQLDatabase


def record():
    from galileodb.model import Experiment, ExperimentEvent, NodeInfo, RequestTrace, Telemetry

    rows = json.load(sys.stdin)
    sql, influx = ExperimentSQLDatabase(create_sqlite_from_env()), create_influxdb_from_env()
    sql.open()
    influx.open()
    for experiment in rows["experiments"]:
        sql.save_experiment(Experiment(**experiment))
        influx.client.buckets_api().create_bucket(bucket_name=experiment["id"], org_id=os.environ["galileo_expdb_influxdb_org_id"])
    for exp_id, data in rows["metadata"].items():
        sql.save_metadata(exp_id, data)
    for exp_id, infos in rows["nodeinfo"].items():
        sql.save_nodeinfos([NodeInfo(exp_id=exp_id, **info) for info in infos])
    for kind, model, table in ((Telemetry, "save_telemetry", "telemetry"), (ExperimentEvent, "save_events", "events"), (RequestTrace,
                                                                                                                        "save_traces",
                                                                                                                        "traces")):
        for exp_id, those in rows[table].items():
            for database in (sql, influx):
                getattr(database, model)([kind(exp_id=exp_id, **row) for row in those])
    influx.close()
    sql.close()


def gateways():
    from galileojp.frames import MixedExperimentFrameGateway, SqlExperimentFrameGateway
    from galileojp.k3s import K3SGateway

    sql, influx = ExperimentSQLDatabase(create_sqlite_from_env()), create_influxdb_from_env()
    sql.open()
    influx.open()

    class WithNumbers(K3SGateway):
        """Of a node's cores, which are kept as a text: the original's rates die of it."""

        def get_nodes_by_name(self, exp_id):
            nodes = super().get_nodes_by_name(exp_id)
            for node in nodes.values():
                node.cpus = float(node.cpus)
            return nodes

    k3s, numbers = K3SGateway(influx, sql), WithNumbers(influx, sql)
    for gateway in (k3s, numbers):
        gateway.clusters = {"zone-a": "IoT-Box", "zone-b": "Cloudlet", "zone-c": "Cloud"}  # the original's own, which ours must be told
    return {"sql": SqlExperimentFrameGateway(sql), "mixed": MixedExperimentFrameGateway(influx, sql), "k3s": k3s, "numbers": numbers}


def made(gateway, exp_id, argument):
    """What JSON can't have: $name is made by the gateway itself."""
    if argument == "$gateway":
        return gateway
    if argument == "$experiments":
        return gateway.experiments()
    if argument == "$deployments":
        return gateway.build_deployment_service(exp_id).get_deployments()
    if argument == "$replicas":
        return gateway.get_replicas(exp_id)
    if argument == "$index":
        return gateway.telemetry(exp_id).index
    return argument


def called(gateway, method, arguments):
    """`a>b`: b of what a gives; `methods`: those of its class."""
    if method == "methods":
        return sorted(name for name in dir(type(gateway)) if not name.startswith("_") and callable(getattr(gateway, name)))
    first, *then = method.split(">")
    exp_id = next((one for one in arguments if isinstance(one, str) and one.startswith("20")), None)
    given = getattr(gateway, first)(*(made(gateway, exp_id, one) for one in arguments))
    for name in then:
        given = getattr(given, name)()
    return given


def plain(value):
    """Frames, and what is made of plain values; objects by their attributes."""
    import pandas

    if isinstance(value, (pandas.DataFrame, pandas.Index, pandas.Series, str, int, float, type(None))):
        return value
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if hasattr(value, "value") and hasattr(value, "name"):
        return value.name
    return {name.lstrip("_"): plain(one) for name, one in vars(value).items()}


def read(path):
    by_name, results = gateways(), []
    for name, method, *arguments in json.load(sys.stdin):
        try:
            results.append(("gave", plain(called(by_name[name], method, arguments))))
        except Exception as error:
            results.append(("raised", (type(error).__name__, str(error))))
    with open(path, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    record() if sys.argv[1] == "record" else read(sys.argv[2])
