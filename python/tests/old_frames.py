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
    k3s = K3SGateway(influx, sql)
    k3s.clusters = {"zone-a": "IoT-Box", "zone-b": "Cloudlet", "zone-c": "Cloud"}  # the original's own, which ours must be told
    return {"sql": SqlExperimentFrameGateway(sql), "mixed": MixedExperimentFrameGateway(influx, sql), "k3s": k3s}


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
            results.append(("gave", plain(getattr(by_name[name], method)(*arguments))))
        except Exception as error:
            results.append(("raised", (type(error).__name__, str(error))))
    with open(path, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    record() if sys.argv[1] == "record" else read(sys.argv[2])
