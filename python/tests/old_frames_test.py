"""The old analysis package's gateways over our frames: what its SQL gateway returned on a recorded database (../shared/vectors/frames), an
experiment on a cluster, exported folders, and what is asked wrongly."""
import json
import math
import os
import sqlite3
import warnings
from contextlib import closing

import numpy
import pandas
import pytest
from conftest import ROOT, make_database, python

pytest.importorskip("galileojp")
import galileo.errors
import galileojp.frames
import old_recording
from galileo import _old_names, frames
from galileojp.frames import ExperimentFrameGateway, MixedExperimentFrameGateway, SqlExperimentFrameGateway
from galileojp.k3s import K3SGateway
from galileojp.local import LocalGateway
from old_recording import EMPTY, EXP_ID, PODS, SECOND, SECONDS, START

VECTORS = ROOT.parent / "shared/vectors" if (ROOT.parent / "shared").exists() else ROOT / "shared/vectors"
CLUSTERS = {"zone-a": "IoT-Box", "zone-b": "Cloudlet", "zone-c": "Cloud"}


def recorded(path):
    """The recording as an SQLite database of the original's."""
    rows = old_recording.recording()
    make_database(path, ids=())
    with closing(sqlite3.connect(path)) as database, database:
        for one in rows["experiments"]:
            database.execute("INSERT INTO experiments VALUES (?,?,?,?,?,?,?)", tuple(one[name] for name in ("id", "name", "creator",
                                                                                                            "start", "end", "created",
                                                                                                            "status")))
        for exp_id, data in rows["metadata"].items():
            database.execute("INSERT INTO metadata VALUES (?,?)", (exp_id, json.dumps({**data, "exp_id": exp_id})))
        for exp_id, infos in rows["nodeinfo"].items():
            database.executemany("INSERT INTO nodeinfo VALUES (?,?,?,?)", [(exp_id, info["node"], key, value) for info in infos for key,
                                                                           value in info["data"].items()])
        for exp_id, those in rows["telemetry"].items():
            database.executemany("INSERT INTO telemetry VALUES (?,?,?,?,?,?)",
                                 [(exp_id, one["timestamp"], one["metric"], one.get("subsystem"), one["node"], one["value"])
                                  for one in those])
        for exp_id, those in rows["events"].items():
            database.executemany("INSERT INTO events VALUES (?,?,?,?)", [(exp_id, one["timestamp"], one["name"], one["value"])
                                                                         for one in those])
        for exp_id, those in rows["traces"].items():
            database.executemany("INSERT INTO traces VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                                 [(one["request_id"], one["client"], one["service"], one["created"], one["sent"], one["done"],
                                   one["status"],
                                   one.get("response"), one.get("headers"), one.get("server"), exp_id) for one in those])
    return path


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("old") / "cluster.sqlite")


@pytest.fixture
def k3s(path):
    return K3SGateway(path, clusters=CLUSTERS)


# --- what the original returned

def vectors():
    if not (VECTORS / "frames/frames.json").exists():
        return []
    # But for its traces, which were never written: ours are.
    return [call for call in json.loads((VECTORS / "frames/frames.json").read_text())["calls"] if call.get("raises") != "NotImplementedError"]


@pytest.mark.skipif(not vectors(), reason="the recorded frames aren't here")
@pytest.mark.parametrize("wanted", vectors(), ids=lambda call: call["call"])
def test_the_sql_gateway_gives_what_the_original_gave(wanted):
    gateway = SqlExperimentFrameGateway(VECTORS / "original-experiment-2.sqlite")
    call = f"gateway.{wanted['call']}"
    if "raises" in wanted:
        with pytest.raises(ValueError):
            eval(call)
        return
    given = eval(call)
    if "file" not in wanted:
        assert given == wanted["returns"]
        return
    assert list(given.columns) == list(wanted["columns"]) and len(given) == wanted["rows"] and given.index.name == wanted["index"]["name"]
    kinds = {name: "object" if kind == "str" else kind for name, kind in wanted["columns"].items()}  # recorded with a newer pandas
    assert {name: str(kind) for name, kind in given.dtypes.items()} == kinds
    stamped = wanted["index"]["type"] == "DatetimeIndex"
    assert stamped == isinstance(given.index, pandas.DatetimeIndex) and (not stamped or given.index.dtype == "datetime64[ns]")
    written = pandas.read_csv(VECTORS / "frames" / wanted["file"], index_col=0, dtype={name: object for name, kind in kinds.items()
                                                                                       if kind == "object"},
                              float_precision="round_trip")
    written.columns = list(given.columns)
    for name in given.columns:
        if kinds[name] == "object":
            assert [None if text != text else text for text in written[name]] == list(given[name]), name
        else:
            assert list(written[name]) == list(given[name]), name
    if stamped and len(given):
        # pandas 1.5 makes times of an array of seconds by doubles of nanoseconds, which are up to 128 ns off.
        assert (abs(pandas.to_datetime(written.index) - given.index) <= pandas.Timedelta(128, "ns")).all()
        assert list(given.index) == list(pandas.to_datetime(given["TIMESTAMP"], unit="s"))


def test_the_sql_gateway_has_traces(path):
    found = SqlExperimentFrameGateway(path).traces(EXP_ID)
    assert list(found.columns) == "REQUEST_ID CLIENT SERVICE CREATED SENT DONE STATUS RESPONSE HEADERS SERVER EXP_ID".split()
    assert found.index.name == "SENT"
    given = old_recording.traces()
    by_id = found.set_index("REQUEST_ID")
    for row in given:
        ours = by_id.loc[row["request_id"]]
        assert (ours.CREATED, ours.SENT, ours.DONE, ours.STATUS) == (row["created"], row["sent"], row["done"], row["status"])
        assert (ours.HEADERS, ours.RESPONSE, ours.SERVER) == (row.get("headers"), row["response"], row["server"])


# --- a cluster

def test_traces_tell_the_way_of_a_request(k3s):
    rows, found = {row["request_id"]: row for row in old_recording.traces()}, k3s.traces(EXP_ID)
    ways = k3s.preprocessed_traces(EXP_ID)
    assert (ways.final_ip == "N/A").equals(ways.status != 200)
    assert set(ways.pod_name[ways.status == 200]) == {PODS[0]["name"], PODS[1]["name"]}
    assert len(found) == sum(row["status"] != -1 for row in rows.values()) and found.index.name == "sent"
    for one in found.itertuples():
        row = rows[one.value]
        headers = json.loads(row["headers"])
        assert one.sent == row["sent"] - START and one.rtt == pytest.approx(row["done"] - row["sent"])
        assert one.final_server == headers["X-Final-Host"]
        last = headers["X-Forwarded-For"].split(",")[-1].strip().title()
        assert one.latency_gateway == pytest.approx((float(headers["X-Forwarded-Host-" + last]) - row["sent"]) * 2000)
        assert one.origin_zone == "zone-" + row["client"].split("zone-")[1][0] and one.origin_cluster == CLUSTERS[one.origin_zone]
        if row["status"] == 200:
            begun, ended = float(headers["X-Start"]), float(headers["X-End"])
            assert one.exec == pytest.approx(ended - begun) and one.start == begun - START
            assert one.latency == pytest.approx((begun - row["sent"] + row["done"] - ended) * 1000)
        else:
            assert math.isnan(one.exec) and one.latency == one.latency_gateway


def test_traces_of_equal_times_keep_their_own_values(tmp_path, path):
    """The original writes by the time of sending: where two were sent at once, each gets the other's values."""
    copy = tmp_path / "equal.sqlite"
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute("UPDATE traces SET SENT = ? WHERE SENT > 0", (START + 14,))
    found = K3SGateway(copy, clusters=CLUSTERS).preprocessed_traces(EXP_ID)
    by_id = found.set_index("value")
    for row in old_recording.traces():
        if row["status"] == 200:
            assert by_id.loc[row["request_id"]].final_ip == json.loads(row["headers"])["X-Final-Host"].split(",")[-1].strip().split(":")[0]


def test_traces_without_headers_are_traces(tmp_path):
    found = K3SGateway(make_database(tmp_path / "old.sqlite")).preprocessed_traces("202611241200-aaaa")
    assert len(found) == 20 and found[["latency", "exec", "start", "final_ip"]].isna().sum().tolist() == [20, 20, 20, 0]
    assert set(found.final_ip) == {"N/A"} and found.rtt.eq(0.25).all()


@pytest.mark.parametrize("headers", ["", "no json", "[1]", "null", '{"X-Start": {"a": 1}}', '{"X-Forwarded-For": "a, b"}',
                                     '{"X-End": "1e999"}', '{"X-Final-Host": null}'])
def test_headers_that_are_wrong_are_no_values(tmp_path, headers):
    path = make_database(tmp_path / "old.sqlite")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE traces SET HEADERS = ?", (headers,))
    found = K3SGateway(path).preprocessed_traces("202611241200-aaaa")
    assert len(found) == 20 and set(found.final_server) == {"N/A"} and found.latency_gateway.isna().all()


def test_traces_of_several_experiments_are_each_from_its_start(k3s, path):
    with pytest.raises(ValueError, match="Empty dataframes"):
        k3s.traces(EMPTY)
    both = k3s.traces(EXP_ID, SECOND)
    assert len(both) == len(k3s.traces(EXP_ID)) + len(k3s.traces(SECOND))
    second = both[both.exp_id == SECOND]
    assert second.sent.tolist() == pytest.approx((k3s.traces(SECOND).sent).tolist())


def test_replicas_are_the_pods_of_functions(k3s):
    found = k3s.get_replicas(EXP_ID)
    assert list(found["name"]) == [pod["name"] for pod in PODS] and list(found.ts) == [2.0625, 4.1875, 6.3125, 8.4375, 10.5625]
    assert list(found.cpu_request) == [250, 250, 1000, 100, 100] and found.mem_request.iloc[3] == 200 * 1024 ** 2
    assert list(found.container_id)[:1] == [old_recording.container(1)]
    assert set(k3s.get_gateways_replicas(EXP_ID)["fn"]) == {"go-load-balancer"}
    assert set(k3s.get_replicas(EXP_ID, None)["state"]) == {"running", "shutdown", "delete"} and k3s.get_replicas(EXP_ID, "pending").empty
    ends = k3s.get_replicas_with_shutdown(EXP_ID)
    assert list(ends.shutdown_ts) == [60.0, 40.03125, 60.0, 60.0, 60.0]
    deployments = k3s.build_deployment_service(EXP_ID).get_deployments()
    running = k3s.get_running_replicas(EXP_ID, deployments, 50.0)
    assert {name: len(rows) for name, rows in running.items()} == {"pythonpi": 1, "resnet": 1, "go-load-balancer": 2}
    assert {name: len(rows) for name, rows in k3s.get_replicas_by_deployments(EXP_ID, deployments).items()} == {"pythonpi": 2, "resnet": 1,
                                                                                                                "go-load-balancer": 2}
    nodes = k3s.build_node_service(EXP_ID)
    assert nodes.get_zones() == list(CLUSTERS.values()) and nodes.find("node-b").allocatable["cpu"] == "1000m"
    assert [node.name for node in nodes.find_nodes_in_zone("Cloud")] == ["node-c"]


def test_replica_counts_are_steps_with_each_second_between(k3s):
    found = k3s.get_replica_schedule_statistics(EXP_ID, "pythonpi")
    assert list(found.columns) == ["ts", "total", "cluster", "cluster_total", "exp_id"] and found.ts.is_monotonic_increasing
    at = found.assign(s=(found.ts - pandas.Timestamp(0)).dt.total_seconds())
    for cluster, steps in {"IoT-Box": [(2.0625, 1)], "Cloudlet": [(4.1875, 1), (41.0625, -1)], "Cloud": []}.items():
        mine = at[at.cluster == cluster]
        for row in mine.itertuples():
            assert row.cluster_total == sum(step for when, step in steps if when <= row.s)
        assert set(range(61)) <= set(mine.s)
    assert (at.s.iloc[-1], at.total.iloc[-1]) == (SECONDS, 1) and at.total.iloc[0] == 0
    bare = k3s.get_replica_schedule_statistics(EXP_ID, "pythonpi", ["Cloudlet"], per_second=False)
    assert list(zip(bare.total, bare.cluster_total)) == [(0, 0), (2, 1), (1, 0), (1, 0)]


def test_rates_are_by_each_interval(tmp_path, path):
    """By the first interval, as the original takes them, they are wrong from where the period changes."""
    copy = tmp_path / "rates.sqlite"
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute("DELETE FROM telemetry WHERE METRIC LIKE 'kubernetes%'")
        for at, used in ((1, 0), (2, 500e6), (6, 2500e6), (6.5, 2750e6)):
            for metric in ("cpu", "blkio", "net"):
                database.execute("INSERT INTO telemetry VALUES (?,?,?,?,?,?)", (EXP_ID, START + at, f"kubernetes_cgrp_{metric}",
                                                                                old_recording.container(1), "node-a", used))
    gateway = K3SGateway(copy, clusters=CLUSTERS)
    used = gateway.get_cpu_container(EXP_ID, old_recording.container(1))
    assert used.milli_cores.tolist()[1:] == [500.0, 500.0, 500.0]
    assert used.percentage.iloc[1] == 50.0 and used.percentage_relative.iloc[1] == 12.5
    assert list(used.index) == [pandas.Timestamp(one, unit="s") for one in (1, 2, 6, 6.5)]
    assert gateway.get_blkio_rate_container(EXP_ID, old_recording.container(1)).blkio_rate.tolist()[1:] == [500_000.0] * 3
    assert gateway.get_network_rate_container(EXP_ID, old_recording.container(1)).ts.tolist() == [1.0, 2.0, 6.0, 6.5]
    assert gateway.get_network_rate_container(EXP_ID, "nosuch") is None and gateway.get_cpu_container(EXP_ID, "nosuch") is None
    named = gateway.get_cpu_containers_by_name(EXP_ID, "^pythonpi.*zone-a")
    assert set(named["zone"]) == {"zone-a"} and set(named["cluster"]) == {"IoT-Box"} and len(named) == 4
    assert gateway.get_cpu(EXP_ID, gateway.get_replicas(EXP_ID)).ts.tolist() == [1.0, 2.0, 6.0, 6.5]
    with pytest.raises(galileo.errors.NotFoundError):
        gateway.get_cpu(EXP_ID, gateway.get_replicas(EMPTY))


def test_telemetry_from_the_start_on(k3s):
    found = k3s.preprocessed_telemetry(EXP_ID)
    memory = found[found.metric == "kubernetes_cgrp_memory"]
    assert memory.value.min() == 25.0 and found.ts.min() == 0.5 and found.index[0] == pandas.Timestamp(0.5, unit="s")


def test_experiments_by_example(k3s):
    every = k3s.experiments()

    def found(example):
        return list(k3s.exps_by_example(example, every).EXP_ID)
    assert found({"params": {"service": "pythonpi"}}) == [EXP_ID]
    assert found({"params": {"hosts": ["b", "a"]}}) == [EXP_ID] and found({"params": {"hosts": ["b"]}}) == [SECOND]
    assert found({"nobody has this": 1}) == [EXP_ID, SECOND]  # a missing key doesn't exclude, empty metadata do


def test_the_zone_is_its_cluster_and_that_is_told_once(path):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _old_names._told.clear()
        gateway = K3SGateway(path)
        assert gateway.convert_cluster("zone-a") == "zone-a"
        assert gateway.convert_cluster("zone-b") == "zone-b" and gateway.convert_cluster(None) == "N/A"
        assert set(gateway.get_replicas(EXP_ID)["cluster"]) == set(CLUSTERS)
    assert [one.filename for one in told if one.category is galileo.errors.OldNameWarning] == [__file__]


# --- exported folders

def test_an_exported_folder_has_the_same_frames(k3s, tmp_path):
    assert k3s.export(EXP_ID, tmp_path) is True and k3s.export("202601010000-ffff", tmp_path) is False
    assert sorted(os.listdir(tmp_path / EXP_ID)) == ["events.csv", "experiment.csv", "nodeinfo.csv", "raw_traces.csv", "telemetry.csv",
                                                     "traces.csv"]
    with pytest.raises(FileExistsError):
        k3s.export(EXP_ID, tmp_path)
    assert k3s.export(SECOND, tmp_path) is True and k3s.export(EMPTY, tmp_path) is True and os.listdir(tmp_path / EMPTY)
    local = LocalGateway(tmp_path, clusters=CLUSTERS)
    assert list(local.experiments().EXP_ID) == [EXP_ID, SECOND, EMPTY] and local.metadata(EXP_ID) == k3s.metadata(EXP_ID)
    for name in ("telemetry", "events", "get_replicas", "get_replicas_with_shutdown", "get_weight_updates", "preprocessed_telemetry"):
        theirs, ours = getattr(k3s, name)(EXP_ID), getattr(local, name)(EXP_ID)
        pandas.testing.assert_frame_equal(theirs, ours, obj=name, check_exact=False, rtol=1e-12)
    ours = local.preprocessed_traces(EXP_ID)
    assert ours.fet[ours.status == 200].between(0, 1).all() and ours.fet[ours.status != 200].isna().all()
    pandas.testing.assert_frame_equal(k3s.preprocessed_traces(EXP_ID), ours.drop(columns="fet"), rtol=1e-12)
    assert len(local.get_raw_traces(EXP_ID)) == 300
    assert {name: node.cpus for name, node in local.get_nodes_by_name(EXP_ID).items()} == dict.fromkeys(old_recording.NODES, "4")
    container = old_recording.container(1)
    pandas.testing.assert_frame_equal(k3s.get_cpu_container(EXP_ID, container), local.get_cpu_container(EXP_ID, container))
    assert local.get_exp_params(EXP_ID) == k3s.get_exp_params(EXP_ID) and local.get_replicas(EMPTY).empty


@pytest.mark.parametrize("name", ["../elsewhere", "", "..", "nosuch"])
def test_a_local_gateway_stays_in_its_folder(tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/telemetry.csv").write_text("ts,value\n")
    (tmp_path / "root").mkdir()
    with pytest.raises(galileo.errors.NotFoundError):
        LocalGateway(tmp_path / "root").telemetry(name)


# --- the environment

def test_gateways_by_the_environment(path, tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("galileo_expdb_"):
            monkeypatch.delenv(name)
    code = """
from galileojp.frames import ExperimentFrameGateway, MixedExperimentFrameGateway, SqlExperimentFrameGateway
from galileojp.k3s import K3SGateway
print(len(ExperimentFrameGateway.from_env().experiments()), len(SqlExperimentFrameGateway.from_env().experiments()),
len(K3SGateway.from_env().traces("202611241300-0ab2")))
print(repr(MixedExperimentFrameGateway.from_env()))
"""
    (tmp_path / ".galileojp").write_text(f"# where\ngalileo_expdb_driver=sqlite\nexport galileo_expdb_sqlite_path='{path}'\n")
    done = python(code, env={"HOME": str(tmp_path)})
    assert done.stdout.splitlines()[0] == "3 3 20", done.stderr
    (tmp_path / ".galileojp").write_text(
        "galileo_expdb_driver=mixed\ngalileo_expdb_mysql_user=me\ngalileo_expdb_mysql_password=pä/ss@wd\n"
        "galileo_expdb_influxdb_token=hidden\n")
    done = python("from galileojp.k3s import K3SGateway\nprint(K3SGateway.from_env())", env={"HOME": str(tmp_path)})
    assert done.stdout == ("<K3SGateway of <galileo database influxdb://localhost:8086/galileo> and <galileo "
                           "database mysql://localhost:3307/db>>\n")


def test_urls_of_the_environment():
    env = {"galileo_expdb_mysql_host": "h", "galileo_expdb_mysql_port": "1", "galileo_expdb_mysql_user": "a b",
           "galileo_expdb_mysql_password": "p@/",
           "galileo_expdb_mysql_db": "d", "galileo_expdb_influxdb_url": "https://i:2", "galileo_expdb_influxdb_token": "t==",
           "galileo_expdb_influxdb_org": "o"}
    assert _old_names.database_of_environment("mixed", env) == "mixed:mysql://a%20b:p%40%2F@h:1/d,influxdb://:t%3D%3D@i:2/o?tls=yes"
    with pytest.raises(ValueError, match="unknown driver"):
        _old_names.database_of_environment("oracle", env)


# --- what is asked wrongly

@pytest.mark.parametrize("gateway", [SqlExperimentFrameGateway, MixedExperimentFrameGateway, K3SGateway])
def test_without_an_id_nothing_is_asked(path, gateway):
    made = gateway(path)
    for call in (made.nodeinfo, made.events, made.telemetry, made.traces):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(TypeError):
        made.telemetry(7)


def test_what_is_not_there_is_told(path, tmp_path):
    k3s, sql = K3SGateway(path), SqlExperimentFrameGateway(path)
    assert sql.telemetry("nosuch").empty and len(sql.telemetry("nosuch", SECOND)) == 40 and k3s.metadata("nosuch") is None
    for call in (k3s.telemetry, k3s.traces, k3s.get_raw_replicas):
        with pytest.raises(galileo.errors.NotFoundError):
            call("nosuch")
    for call in (k3s.get_exp_params, k3s.get_replicas, k3s.preprocessed_telemetry, k3s.get_replicas_with_shutdown):
        with pytest.raises((ValueError, LookupError)):
            call("nosuch")
    with pytest.raises(galileo.errors.UsageError, match="no Flux"):
        k3s.raw_influxdb_query("buckets()")
    with pytest.raises(galileo.errors.GalileoError):
        SqlExperimentFrameGateway(tmp_path / "nothing.sqlite").experiments()
    with pytest.raises(TypeError, match="stands for no database"):
        SqlExperimentFrameGateway(7)


def test_an_experiment_that_runs_or_was_cut_off_is_read(tmp_path, path):
    copy = tmp_path / "running.sqlite"
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute("UPDATE experiments SET END = NULL, STATUS = 'RUNNING' WHERE EXP_ID = ?", (EXP_ID,))
        database.execute("UPDATE experiments SET START = NULL, END = NULL, STATUS = 'QUEUED' WHERE EXP_ID = ?", (EMPTY,))
    gateway = K3SGateway(copy, clusters=CLUSTERS)
    found = gateway.experiments().set_index("EXP_ID")
    assert math.isnan(found.END[EXP_ID]) and found.STATUS[EXP_ID] == "RUNNING" and math.isnan(found.START[EMPTY])
    assert len(gateway.preprocessed_traces(EXP_ID)) == 294 and gateway.get_replicas_with_shutdown(EXP_ID).shutdown_ts.isna().sum() == 4
    assert gateway.get_replica_schedule_statistics(EXP_ID, "pythonpi").total.iloc[-1] == 1
    with pytest.raises(ValueError, match="hasn't begun"):
        gateway.get_replicas(EMPTY)


def test_a_deleted_experiment_is_gone_with_all_its_rows(tmp_path, path):
    copy = tmp_path / "deleted.sqlite"
    copy.write_bytes(path.read_bytes())
    gateway = K3SGateway(copy)
    with pytest.raises(galileo.errors.NotFoundError):
        gateway.delete(EXP_ID[:-1])  # the beginning of one is none
    gateway.delete(EXP_ID)
    assert list(gateway.experiments().EXP_ID) == [SECOND, EMPTY]
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM traces WHERE EXP_ID = ?", (EXP_ID,)).fetchone() == (0,)


# --- the helpers

def test_metrics_as_a_table_in_windows():
    from galileojp.munger import to_metric_table_series

    times = pandas.to_datetime([0.1, 0.6, 1.2, 0.2, 1.9, 3.0], unit="s")
    telemetry = pandas.DataFrame({"NODE": ["n"] * 6, "METRIC": ["cpu"] * 3 + ["watt"] * 3, "VALUE": [1.0, 3.0, 5.0, 10.0, 20.0, 30.0]},
                                 index=times)
    found = to_metric_table_series(telemetry, "n")
    assert found.cpu.tolist()[:2] == [2.0, 5.0] and found.watt.tolist()[:2] == [10.0, 20.0] and len(found) == 4
    assert to_metric_table_series(telemetry, "n", window="2s", metrics=["cpu"]).cpu.tolist() == [3.0]
    for wrong in (lambda: to_metric_table_series(telemetry, "x"), lambda: to_metric_table_series(telemetry, "n", metrics=["no"])):
        with pytest.raises(ValueError):
            wrong()


def test_power_is_learnt_from_the_other_metrics():
    pytest.importorskip("sklearn")
    from galileojp.ml import train_rf_power_estimator

    times = pandas.to_datetime(numpy.repeat(numpy.arange(60), 2), unit="s")
    load = numpy.repeat(numpy.arange(60.0), 2)
    telemetry = pandas.DataFrame({"NODE": "n", "METRIC": ["cpu", "watt"] * 60, "VALUE": numpy.where(numpy.arange(120) % 2, load * 2 + 5,
                                                                                                    load)}, index=times)
    assert train_rf_power_estimator(telemetry, "n").predict([[30.0]])[0] == pytest.approx(65, abs=3)
    with pytest.raises(ValueError, match="watt"):
        train_rf_power_estimator(telemetry, "n", metrics=["cpu"])


def test_experiments_to_choose_from(path):
    pytest.importorskip("ipywidgets")
    from galileojp.widgets import experiment_dropdown, experiment_selector

    gateway = SqlExperimentFrameGateway(path)
    chosen = experiment_dropdown(gateway, value=SECOND)
    assert chosen.options[0] == (f"{EXP_ID}: scenario", EXP_ID) and chosen.value == SECOND
    assert experiment_selector(gateway).value == ()


def test_importing_them_brings_nothing_along():
    done = python("""
import sys
import galileojp.frames, galileojp.k3s, galileojp.local, galileojp.munger, galileojp.ml, galileojp.widgets, galileojp.faassiminmemory
import galileodb.factory
print([name for name in ("pandas", "numpy", "sklearn", "ipywidgets", "sqlite3") if name in sys.modules])
""")
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert galileojp.frames.to_idlist(["a", "b"]) == '"a", "b"' and issubclass(K3SGateway, ExperimentFrameGateway)
    assert "secret" not in repr(SqlExperimentFrameGateway("mysql://me:secret@db/lab")) and frames.open("x")


# --- Flux

def test_an_answer_of_several_tables_is_one_frame():
    from galileojp._flux import frame_of

    found = frame_of("#datatype,string,long,dateTime:RFC3339,double,string,boolean\r\n#group,false,false,false,false,true,false\r\n"
                     "#default,_result,,,,,\r\n,result,table,_time,_value,node,up\r\n,,0,2026-11-24T12:00:00.5Z,1.5,\"a, b\",true\r\n"
                     ",,1,2026-11-24T12:00:01Z,+Inf,c,false\r\n\r\n"
                     "#datatype,string,long,dateTime:RFC3339,string\r\n#group,false,false,false,false\r\n#default,other,,,\r\n"
                     ",result,table,_time,_value\r\n,,2,2026-11-24T12:00:02Z,\"two\nlines\"\r\n\r\n")
    assert list(found.result) == ["_result", "_result", "other"]
    assert list(found["table"]) == [0, 1, 2] and list(found._value) == [1.5, math.inf, "two\nlines"]
    assert found._time.iloc[0] == pandas.Timestamp("2026-11-24T12:00:00.5Z")
    assert list(found.node.iloc[:2]) == ["a, b", "c"] and list(found.up)[:2] == [True, False]
    assert frame_of("").empty and frame_of("\r\n").empty
    with pytest.raises(galileo.errors.UsageError, match="undefined"):
        frame_of("#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,undefined identifier,897\r\n")


def test_a_server_that_is_not_there_is_told_without_the_token(tmp_path):
    with pytest.raises(galileo.errors.UnavailableError, match="127.0.0.1:1") as told:
        K3SGateway("influxdb://:hidden@127.0.0.1:1/lab", tmp_path / "x.sqlite").raw_influxdb_query("buckets()")
    assert "hidden" not in str(told.value)
