"""The old database package: what analysis imports of it reads; what wrote says what does it now."""
import importlib

import pytest
from conftest import START, make_database

pytest.importorskip("galileodb")
import galileo.errors
from galileodb import Experiment, NodeInfo, Telemetry
from galileodb.factory import create_experiment_database, create_experiment_database_from_env, create_mysql_from_env, create_sqlite_from_env
from galileodb.model import Event, ExperimentEvent, RequestTrace, generate_experiment_id
from galileodb.sql.adapter import ExperimentSQLDatabase

ID = "202611241200-aaaa"


@pytest.fixture
def database(tmp_path):
    return create_experiment_database("sqlite", {"galileo_expdb_sqlite_path": str(make_database(tmp_path / "old.sqlite"))})


def test_a_database_reads_objects(database):
    database.open()
    assert isinstance(database, ExperimentSQLDatabase) and [one.id for one in database.find_all()] == [ID, "202611241300-bbbb"]
    one = database.get_experiment(ID)
    assert (one.name, one.creator, one.start, one.end, one.created, one.status) == ("ünder", "me", START, START + 60, START, "FINISHED")
    assert database.get_experiment("nosuch") is None and database.get_running_experiment() is None
    assert database.get_metadata(ID) == {"exp_id": ID, "rate": 5} and database.get_metadata("nosuch") is None
    traces = database.get_traces(ID)
    assert len(traces) == 21 and traces[1] == RequestTrace("id-1", "w:hello:1", "hello", START + 0.125, START + 0.375, START + 0.625, 200,
                                                           "10.0.0.1:80", ID)
    assert traces[-1].sent == -1.0 and traces[-1].status == -1 and traces[-1].server is None
    assert database.get_telemetry(ID)[0] == Telemetry(START, "cpu", "n0", 0.0, ID) and len(database.get_telemetry()) == 20
    assert database.get_events(ID)[0] == ExperimentEvent(ID, START, "begin") and database.get_events("nosuch") == []
    database.close()


def test_queries_of_ones_own(database):
    assert database.db.fetchone("SELECT count(*) FROM traces WHERE EXP_ID = ?", (ID,)) == (21,)
    assert database.db.fetchone("SELECT 1 WHERE 0") is None and len(database.db.fetchall("SELECT * FROM experiments")) == 2


def test_an_experiment_is_deleted(database):
    database.delete_experiment(ID)
    assert [one.id for one in database.find_all()] == ["202611241300-bbbb"]
    with pytest.raises(galileo.errors.NotFoundError):
        database.delete_experiment(ID)


def test_databases_by_the_environment():
    env = {"galileo_expdb_driver": "mixed", "galileo_expdb_mysql_host": "h", "galileo_expdb_mysql_password": "secret",
           "galileo_expdb_influxdb_token": "t"}
    made = create_experiment_database_from_env(env)
    assert made.url == "mixed:mysql://user:secret@h:3307/db,influxdb://:t@localhost:8086/galileo" and "secret" not in repr(made)
    assert made.sqldb.db.connect_kwargs["host"] == "h" and create_mysql_from_env(env).placeholder == "%s"
    assert create_sqlite_from_env({}).url == "sqlite:galileo.sqlite"
    with pytest.raises(ValueError, match="unknown driver"):
        create_experiment_database("oracle")


def test_what_wrote_says_what_does_it_now(database):
    for call in (lambda: database.save_experiment(Experiment()), lambda: database.save_traces([]),
                 lambda: database.touch_traces(Experiment()),
                 lambda: database.save_event(ExperimentEvent(ID, 0.0, "x")), lambda: database.save_nodeinfos([NodeInfo("n", {}, ID)]),
                 lambda: database.db.insert_one("traces", {})):
        with pytest.raises(NotImplementedError, match="isn't kept; .*galileo|isn't kept; .*exp.event") as told:
            call()
        assert isinstance(told.value, galileo.errors.GalileoError) and told.value.hint


@pytest.mark.parametrize(("module", "name"), [
    ("recorder", "Recorder"), ("recorder.traces", "TracesSubscriber"), ("recorder.events", "BatchingExperimentEventRecorder"),
    ("recorder.telemetry", "ExperimentTelemetryRecorder"), ("recorder.recorder", "Recorder"), ("reporter.traces", "RedisTraceReporter"),
    ("reporter.events", "RedisEventReporter"), ("reporter.telemetry", "RedisTelemetryReporter"), ("trace", "TraceLogger"), ("cli.manager",
                                                                                                                            "main"),
    ("cli.recorder", "main")])
def test_a_name_that_is_not_kept_says_what_does_its_work(module, name):
    found = importlib.import_module(f"galileodb.{module}")
    with pytest.raises(galileo.errors.NotKeptError, match=f"galileodb.{module}.{name} isn't kept; "):
        getattr(found, name)
    with pytest.raises(AttributeError):
        found.nothing_of_that_name


def test_models_are_as_they_were():
    assert Event(1.0, "x").value is None and RequestTrace("a", "b", "c", 1.0, 2.0, 3.0).status == -1
    assert len(generate_experiment_id()) == len("202611241200-0ab1beef")
    assert repr(Experiment("a", status="FINISHED")).startswith("Experiment(id='a', ")
