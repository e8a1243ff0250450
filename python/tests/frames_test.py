"""galileo.frames: what a frame has is what the database has, of the right kinds, whatever asked for it."""
import datetime
import os
import pickle
import signal
import sqlite3
import threading
import time
from contextlib import closing

import numpy
import pandas
import polars
import pyarrow
import pytest
from conftest import START, make_database, sessions_of, wait_for
from galileo import errors, frames

UTC = datetime.timezone.utc
ONE, OTHER = "202611241200-aaaa", "202611241300-bbbb"


def test_traces_have_one_naming_and_real_types(database):
    traces = frames.open(database).traces(ONE)
    assert {name: str(kind) for name, kind in traces.dtypes.items()} == {
        "request_id": "object", "client": "category", "service": "category", "created": "datetime64[ns, UTC]",
        "sent": "datetime64[ns, UTC]", "done": "datetime64[ns, UTC]", "status": "int32", "server": "category",
        "exp_id": "category", "intended": "datetime64[ns, UTC]", "dispatched": "datetime64[ns, UTC]",
        "first_byte": "datetime64[ns, UTC]", "request_bytes": "int64", "response_bytes": "int64", "error": "category",
        "phase": "category", "handshake": "timedelta64[ns]", "step": "category", "failed_check": "category", "protocol": "category",
        "queued": "timedelta64[ns]", "trace_id": "object"}
    assert len(traces) == 21 and list(traces.index) == list(range(21))
    assert traces.request_id[3] == "id-3" and traces.client[3] == "w:hello:0"
    assert traces.created[4] == pandas.Timestamp(START + 0.5, unit="s", tz="UTC")
    assert ((traces.done - traces.sent)[:20] == pandas.Timedelta("250ms")).all()
    unanswered = traces.iloc[20]
    assert unanswered.status == -1 and unanswered.sent is pandas.NaT and pandas.isna(unanswered.server)
    assert traces.intended.isna().all() and traces.handshake.isna().all()


def test_a_frame_is_its_users_own(database):
    traces = frames.open(database).traces(ONE)
    traces.loc[0, "status"] = 7
    traces["sent"] += pandas.Timedelta("1s")
    traces.sort_values("status", inplace=True)
    again = frames.open(database).traces(ONE)
    assert again.status[0] == 200 and again.sent[0] == pandas.Timestamp(START + 0.25, unit="s", tz="UTC")


def test_columns_come_as_asked(database):
    traces = frames.open(database).traces(ONE, columns=["status", "response", "sent", "headers"])
    assert list(traces) == ["status", "response", "sent", "headers"]
    assert traces.response.dtype == object and traces.response.isna().all()
    assert frames.open(database).traces(ONE, columns=("status",)).shape == (21, 1)


def test_experiments_together_share_their_categories(database):
    db = frames.open(database)
    both = db.traces(ONE, OTHER, columns=["exp_id", "client"])
    assert list(both.exp_id.cat.categories) == [ONE, OTHER] and len(both) == 42
    assert both.groupby("exp_id", observed=True).size().to_dict() == {ONE: 21, OTHER: 21}
    assert len(db.telemetry(OTHER, ONE)) == 20
    assert list(db.telemetry(OTHER, ONE).exp_id.cat.categories) == [OTHER, ONE]


def test_services_and_times_are_chosen_where_rows_are_read(database):
    db = frames.open(database)
    assert set(db.traces(ONE, service="other").request_id) == {f"id-{n}" for n in range(0, 21, 4)}
    between = (START + 1, START + 1.5)
    expected = ["id-8", "id-9", "id-10", "id-11"]
    assert list(db.traces(ONE, between=between).request_id) == expected
    as_datetime = [datetime.datetime.fromtimestamp(at, UTC) for at in between]
    assert list(db.traces(ONE, between=tuple(as_datetime)).request_id) == expected
    assert list(db.traces(ONE, between=tuple(map(pandas.Timestamp, as_datetime))).request_id) == expected
    assert list(db.traces(ONE, between=tuple(at.isoformat() for at in as_datetime)).request_id) == expected
    naive = [at.replace(tzinfo=None) for at in as_datetime]
    assert list(db.traces(ONE, between=tuple(naive)).request_id) == expected
    assert list(db.traces(ONE, between=tuple(numpy.datetime64(at) for at in naive)).request_id) == expected
    assert len(db.traces(ONE, between=(START + 1, None))) == 13
    assert len(db.traces(ONE, between=(None, int(START + 1)))) == 8
    assert len(db.telemetry(ONE, between=(START + 3, START + 5))) == 2
    assert list(db.events(ONE, between=(START + 1, None)).name) == ["scale"]


def test_the_other_tables(database):
    db = frames.open(str(database))
    telemetry = db.telemetry(ONE)
    assert list(telemetry) == ["exp_id", "time", "metric", "subsystem", "node", "value"]
    assert telemetry.pivot(index="time", columns="node", values="value").n1.max() == 2.25
    assert telemetry.subsystem.isna().all() and telemetry.value.dtype == numpy.float64
    events = db.events(ONE)
    assert list(events.value) == [None, '{"replicas": 3}'] and str(events.time.dtype) == "datetime64[ns, UTC]"
    assert db.nodes(ONE).to_dict("records") == [{"exp_id": ONE, "node": "n0", "key": "cpus", "value": "4"}]
    experiments = db.experiments()
    assert list(experiments.exp_id) == [ONE, OTHER] and list(experiments.name) == ["ünder", "ünder"]
    assert '"rate":5' in experiments.metadata[0].replace(" ", "")


def test_an_experiment_without_rows_has_the_same_columns_and_types(tmp_path):
    with closing(sqlite3.connect(make_database(tmp_path / "old.sqlite"))) as database, database:
        database.execute("DELETE FROM traces")
        database.execute("DELETE FROM telemetry")
    db = frames.open(tmp_path / "old.sqlite")
    full = frames.open(make_database(tmp_path / "full.sqlite"))
    for read in ("traces", "telemetry"):
        empty = getattr(db, read)(ONE)
        assert len(empty) == 0
        assert [str(kind) for kind in empty.dtypes] == [str(kind) for kind in getattr(full, read)(ONE).dtypes]


def test_ids_may_be_short_or_last(database):
    db = frames.open(database)
    assert list(db.events("last").exp_id.unique()) == [OTHER]
    assert list(db.events("last~1").exp_id.unique()) == [ONE]
    assert list(db.events("202611241200").exp_id.unique()) == [ONE]


def test_experiments_are_removed_all_or_none(database):
    db = frames.open(database)
    with pytest.raises(errors.NotFoundError, match="nosuch"):
        db.remove(ONE, "nosuch")
    with pytest.raises(ValueError):
        db.remove()
    assert len(db.experiments()) == 2 and db.remove("last", OTHER) == [OTHER]
    assert list(db.experiments().exp_id) == [ONE] and len(db.traces(ONE)) == 21
    with closing(sqlite3.connect(database)) as own:
        assert own.execute("SELECT count(*) FROM traces").fetchone() == own.execute("SELECT count(*) FROM traces WHERE EXP_ID = ?", (ONE,)).fetchone()


def test_polars_and_arrow_have_the_same(database):
    db = frames.open(database)
    traces = db.traces(ONE)
    other = db.traces(ONE, to="polars")
    assert isinstance(other, polars.DataFrame) and other.shape == traces.shape
    assert other.schema["created"] == polars.Datetime("ns", "UTC") and other.schema["client"] == polars.Categorical
    assert other["request_id"].to_list() == list(traces.request_id)
    assert other["server"].null_count() == 1 and other["sent"].null_count() == 1
    table = db.traces(ONE, to="arrow")
    arrow = pyarrow.table(table)
    arrow.validate(full=True)
    assert arrow.num_rows == 21 and arrow.column("status").to_pylist() == list(traces.status)
    assert arrow.column("server").null_count == 1 and arrow.column("handshake").null_count == 21
    assert pyarrow.table(table).equals(arrow)  # a second time too
    assert arrow.schema.field("done").type == pyarrow.timestamp("ns", "UTC")


def test_arrow_outlives_what_it_came_from_and_is_released_anywhere(database):
    stream = frames.open(database).traces(ONE, to="arrow").__arrow_c_stream__()
    del stream  # never read
    arrow = pyarrow.table(frames.open(database).traces(ONE, to="arrow"))
    thread = threading.Thread(target=lambda kept: kept.clear(), args=([arrow.slice(3)],))
    thread.start()
    thread.join()
    assert arrow.column("request_id")[3].as_py() == "id-3"


def test_figures_of_the_frame_are_the_results(recorded):
    database, result = recorded
    traces = frames.open(database).traces("last")
    assert len(traces) == result["ledger"]["traces"]["stored"] > 100
    assert (traces.status == 200).sum() == result["ledger"]["answered"]
    told = result["latency_s"]
    latency = (traces.done - traces.intended).dt.total_seconds()
    assert latency.count() == told["count"]
    for figure in ("mean", "min", "max"):
        assert getattr(latency, figure)() == pytest.approx(told[figure], abs=1e-6)
    ordered = latency.sort_values().reset_index(drop=True)
    for share in (0.5, 0.9):  # the result's are of a histogram with 128 steps an octave; of the two in the middle either may be meant
        place, figure = share * len(ordered), told[f"p{share * 100:.0f}"]
        assert ordered[int(place) - 2] * 0.984 <= figure <= ordered[int(place) + 1] * 1.016
    assert (traces.dispatched - traces.created).dt.total_seconds().mean() == pytest.approx(result["dispatch_error_s"]["mean"], abs=1e-6)


def test_what_is_wrong_is_an_exception_with_the_programs_words(database, tmp_path):
    db = frames.open(database)
    with pytest.raises(errors.NotFoundError, match="nosuch") as told:
        db.traces("nosuch")
    assert isinstance(told.value, LookupError) and told.value.what and str(told.value).startswith(told.value.what)
    with pytest.raises(errors.UsageError, match="statsu.*it has request_id, client") as told:
        db.traces(ONE, columns=["statsu"])
    assert isinstance(told.value, ValueError) and told.value.hint
    copy = pickle.loads(pickle.dumps(told.value))
    assert (type(copy), str(copy), copy.hint) == (type(told.value), str(told.value), told.value.hint)
    with pytest.raises(errors.GalileoError):
        frames.open(tmp_path / "nosuch.sqlite").experiments()
    assert not (tmp_path / "nosuch.sqlite").exists()
    (tmp_path / "text.sqlite").write_text("no database at all, " * 100)
    with pytest.raises(errors.CorruptError):
        frames.open(tmp_path / "text.sqlite").experiments()
    with pytest.raises(errors.UnavailableError):
        frames.open("mysql://me:secret@127.0.0.1:1/galileo").experiments()


@pytest.mark.parametrize("call, error", [
    (lambda db: db.traces(), ValueError),
    (lambda db: db.traces(7), TypeError),
    (lambda db: db.traces(ONE, columns="status"), TypeError),
    (lambda db: db.traces(ONE, columns=[]), ValueError),
    (lambda db: db.traces(ONE, columns=["status", "status"]), errors.UsageError),
    (lambda db: db.traces(ONE, to="numpy"), ValueError),
    (lambda db: db.traces(ONE, between=("yesterday", None)), ValueError),
    (lambda db: db.traces(ONE, between=(object(), None)), TypeError),
])
def test_wrong_arguments_are_told(database, call, error):
    with pytest.raises(error):
        call(frames.open(database))


def test_a_password_is_seen_nowhere(database):
    db = frames.open("mysql://me:secret@127.0.0.1:1/galileo")
    assert "secret" not in repr(db)
    with pytest.raises(errors.UnavailableError) as told:
        db.experiments()
    assert "secret" not in str(told.value)


def test_an_interrupt_ends_a_call_at_once_and_the_next_one_works(large):
    db = frames.open(large)
    seen = []

    def interrupt():
        seen.extend(wait_for(lambda: sessions_of(os.getpid()), "the reading"))
        time.sleep(0.1)
        seen.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        db.traces(ONE)
    ended = time.monotonic()
    thread.join()
    assert ended - seen.pop() < 0.5
    assert not sessions_of(os.getpid())
    assert len(db.events(ONE)) == 2


def test_a_program_that_is_killed_is_an_exception(large):
    db = frames.open(large)

    def kill():
        for pid in wait_for(lambda: sessions_of(os.getpid()), "the reading"):
            os.kill(pid, signal.SIGKILL)
    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(errors.ProgramError, match="signal 9"):
        db.traces(ONE)
    thread.join()


def test_a_database_that_python_reads_and_writes_meanwhile_stays_whole(database):
    """Two SQLite libraries in one process would take each other's locks away; the program is another process."""
    db = frames.open(database)
    with closing(sqlite3.connect(database)) as own:
        own.execute("PRAGMA journal_mode = WAL")
        for round_ in range(10):
            with own:
                own.execute("INSERT INTO events VALUES (?,?,?,?)", (ONE, START + round_, "mine", None))
            assert (db.events(ONE).name == "mine").sum() == round_ + 1
        assert own.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_threads_read_beside_each_other(database):
    db = frames.open(database)
    found = []
    threads = [threading.Thread(target=lambda: found.append(len(db.traces(ONE)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [21] * 8


def test_nothing_stays_open(database):
    db = frames.open(database)
    db.traces(ONE)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        db.traces(ONE)
        with pytest.raises(errors.NotFoundError):
            db.traces("nosuch")
    assert len(os.listdir("/proc/self/fd")) == before and not sessions_of(os.getpid())


def test_an_interrupt_is_heard_under_handlers_that_let_system_calls_go_on(large):
    """As polars' one is; the one of C's signal() too."""
    signal.siginterrupt(signal.SIGINT, False)
    try:
        test_an_interrupt_ends_a_call_at_once_and_the_next_one_works(large)
    finally:
        signal.siginterrupt(signal.SIGINT, True)
