"""galileo.frames of one recorded run in every place that keeps such: databases, a spool, exported folders of each format. The same columns,
the same kinds, the same values."""
import os
import subprocess
import sys
import tempfile

import pandas
import pytest
from conftest import target, wait_for
from galileo import _session, errors, frames

TABLES = ("traces", "telemetry", "events", "nodes", "experiments")


def galileo(*words, **environment):
    done = subprocess.run([_session.program(), *map(str, words)], capture_output=True, text=True, timeout=300, env={**os.environ, **environment})
    assert done.returncode in (0, 90), done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    mariadb_server = pytest.importorskip("mariadb_server")
    if not mariadb_server.installed():
        pytest.skip("MariaDB isn't installed")
    server = mariadb_server.MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def influxdb(tmp_path_factory):
    from influxdb_server import InfluxDb
    server = InfluxDb(tmp_path_factory.mktemp("influxdb"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An SQLite database with one run: answered, failed and unsent requests, telemetry, events."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "one.yaml").write_text("""
name: one
services: {hello: {hosts: {"${WHERE}": 3, "127.0.0.1:1": 1}}}
clients:
  - {service: hello, num: 2, rate: 40, duration: 1500ms, request: {method: post, path: /a, data: ü}}
telemetry: {period: 100ms}
events: [{at: 300ms, event: deploy, value: v2}, {at: 600ms, event: ready}]
limits: {keep_headers: yes}
metadata: {of: me}
""")
    with target() as url:
        galileo("run", folder / "one.yaml", "--db", folder / "one.sqlite", "--spool", folder / "spool", "-q", WHERE=url.removeprefix("http://"))
    return folder / "one.sqlite"


@pytest.fixture
def place(request, run, tmp_path):
    kind = request.param
    if kind in ("csv", "jsonl", "parquet"):
        galileo("exp", "export", "last", "--db", run, "--output", tmp_path / kind, "--format", kind, galileo_python=sys.executable)
        return tmp_path / kind
    if kind == "spool":
        with target() as url:
            galileo("load", f"{url}/", "-n", 30, "-q", "--db", "none", "--spool", tmp_path / "spools")
        [spool] = wait_for(lambda: [path for path in (tmp_path / "spools").rglob("*") if path.is_file() and path.stat().st_size], "the spool")
        return spool
    url = {"mysql": lambda: request.getfixturevalue("mariadb").database(), "influxdb": lambda: request.getfixturevalue("influxdb").url,
           "mixed": lambda: f"mixed:{request.getfixturevalue('mariadb').database()},{request.getfixturevalue('influxdb').url}"}[kind]()
    galileo("exp", "import", run, "--db", url, "--replace")
    return url


def plain(frame):
    """Rows in an order of their own, categories as texts."""
    frame = frame.copy()
    for name, kind in frame.dtypes.items():
        if isinstance(kind, pandas.CategoricalDtype):
            frame[name] = frame[name].astype(object)
    order = frame.applymap(repr).agg("|".join, axis=1).to_numpy().argsort(kind="stable") if len(frame) else []
    return frame.iloc[order].reset_index(drop=True)


@pytest.mark.parametrize("place", ["mysql", "influxdb", "mixed", "csv", "jsonl", "parquet"], indirect=True)
def test_a_frame_is_the_same_wherever_it_comes_from(place, run):
    here, there = frames.open(run), frames.open(place)
    for table in TABLES:
        ids = () if table == "experiments" else ("last",)
        more = {"columns": [*here.traces("last"), "headers", "final_host", "work_start"]} if table == "traces" else {}
        one, other = getattr(here, table)(*ids, **more), getattr(there, table)(*ids, **more)
        assert len(one) > 0 and list(one) == list(other)
        assert [str(kind) for kind in one.dtypes] == [str(kind) for kind in other.dtypes], table
        pandas.testing.assert_frame_equal(plain(one), plain(other), obj=table)
    for to in ("polars", "arrow"):
        assert there.traces("last", to=to).__class__ is here.traces("last", to=to).__class__
    assert len(there.traces("last", service="hello")) == len(here.traces("last")) and len(there.traces("last", service="other")) == 0


@pytest.mark.parametrize("place", ["spool"], indirect=True)
def test_a_spool_has_the_same_columns_and_kinds(place, run):
    here, there = frames.open(run), frames.open(place)
    traces = there.traces("last")
    assert len(traces) == 30 and (traces.status == 200).all()
    assert traces.dtypes.astype(str).to_dict() == here.traces("last").dtypes.astype(str).to_dict()
    assert len(there.experiments()) == 1 and list(there.events("last")) == list(here.events("last"))


@pytest.mark.parametrize("place", ["parquet"], indirect=True)
def test_parquet_that_cant_be_read_says_why(place, run, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as patched, pytest.raises(errors.UsageError, match="needs the package pyarrow.*csv or jsonl"):
        patched.setitem(sys.modules, "pyarrow", None)
        frames.open(place).events("last")
    (place / "events.parquet").write_bytes((place / "events.parquet").read_bytes()[:100])
    with pytest.raises(errors.CorruptError, match="events.parquet"):
        frames.open(place).traces("last")
    (place / "events.parquet").unlink()
    with pytest.raises(errors.CorruptError, match="events.parquet"):
        frames.open(place).traces("last")
    assert not list(tmp_path.glob("galileo-*"))


def test_the_old_gateways_read_mariadb_as_the_environment_names_it(mariadb, run, tmp_path, monkeypatch):
    """By the variables of the old system, and by objects of its database package; no driver of Python's is needed."""
    from galileodb.factory import create_experiment_database_from_env, create_mysql_from_env
    from galileojp.frames import ExperimentFrameGateway, SqlExperimentFrameGateway
    from mariadb_server import PASSWORD, USER

    url = mariadb.database()
    galileo("exp", "import", run, "--db", url)
    for name, value in {"driver": "mysql", "mysql_host": "127.0.0.1", "mysql_port": mariadb.port, "mysql_user": USER, "mysql_password": PASSWORD,
                        "mysql_db": url.rpartition("/")[2]}.items():
        monkeypatch.setenv(f"galileo_expdb_{name}", str(value))
    monkeypatch.setenv("HOME", str(tmp_path))
    here = SqlExperimentFrameGateway(run)
    [one] = here.experiments().EXP_ID
    by_environment, database = ExperimentFrameGateway.from_env(), create_experiment_database_from_env()
    assert type(by_environment) is SqlExperimentFrameGateway and PASSWORD not in repr(by_environment) + repr(database)
    for there in (by_environment, SqlExperimentFrameGateway(database), SqlExperimentFrameGateway(create_mysql_from_env())):
        assert list(there.experiments().EXP_ID) == [one] and there.metadata(one) == here.metadata(one)
        for table in ("nodeinfo", "telemetry", "events", "traces"):
            pandas.testing.assert_frame_equal(plain(getattr(there, table)(one)), plain(getattr(here, table)(one)), obj=table)
    assert [trace.request_id for trace in database.get_traces(one)] == list(here.traces(one).REQUEST_ID)
    database.delete_experiment(one)
    assert database.find_all() == [] and len(by_environment.experiments()) == 0
