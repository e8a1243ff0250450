"""What goes wrong is one of a small hierarchy that docs/how-to/python.md names, with the program's own words, or Python's own TypeError or ValueError:
whatever is given, whatever isn't there, and in whatever state an experiment is."""
import contextlib
import os
import pickle
import re
import sqlite3
from pathlib import Path

import galileo
import pytest
from conftest import ROOT, target, wait_for
from galileo import errors, experiment, frames
from galileo.shell import shell

ONE = "202611241200-aaaa"
VECTORS = ROOT.parent / "shared/vectors" if (ROOT.parent / "shared").exists() else ROOT / "shared/vectors"
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == errors.__name__}


pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture(scope="module")
def url():
    with target() as url:
        yield url


@pytest.fixture(scope="module")
def names():
    made = shell.init(standalone=True)
    yield made
    made["g"].ctrl.close()


# ---- the hierarchy

def test_the_documentation_has_each_with_what_it_is():
    page = (ROOT / "docs/how-to/python.md").read_text().split("## What can go wrong")[1].split("\n## ")[0]
    for name, kind in KINDS.items():
        told = (re.findall(rf"`{name}`(?: \(an? `(\w+)`)?", page) or [f"docs/how-to/python.md doesn't name {name}"])[0]
        of_python = [base.__name__ for base in kind.__mro__ if base.__module__ == "builtins"]
        assert not told or told in of_python or issubclass(kind, KINDS.get(told, ())), (name, told, of_python)
    assert {name for name in re.findall(r"`(\w+(?:Error|Warning))`", page) if name not in vars(__import__("builtins"))} == set(KINDS)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "OldNameWarning"])
def test_each_is_one_of_ours_has_its_parts_and_can_be_pickled(name):
    error = KINDS[name]("it can't be: so", "it can't be", "there", "so", "do that")
    assert isinstance(error, errors.GalileoError) and str(error) == "it can't be: so"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.what, copy.where, copy.why, copy.hint) == (KINDS[name], "it can't be: so", "it can't be", "there", "so", "do that")


@pytest.mark.parametrize("code", ["usage", "not_found", "io", "unavailable", "corrupt", "interrupted"])
def test_each_code_of_the_program_has_its_own(code):
    kind = type(errors.from_program({"code": code, "text": "x"}))
    assert kind is not errors.GalileoError and errors.from_program({"code": "of a newer program", "text": "x"}).__class__ is errors.GalileoError
    assert f"`{code}`" in (ROOT / "docs/wire/session.md").read_text() and kind in KINDS.values()


# ---- wrong types

THINGS = (7, 1.5, b"bytes", None, [], [7], {"a": 1}, object(), "", "nothing of that name", float("nan"), -1, True)


def told(call, *arguments, **keywords):
    """That it raised one of ours, a TypeError or a ValueError, with words; or that it had nothing against it."""
    try:
        call(*arguments, **keywords)
    except (errors.GalileoError, TypeError, ValueError) as error:
        assert str(error), error
    except BaseException as error:
        raise AssertionError(f"{call} {arguments} {keywords}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("thing", THINGS, ids=repr)
def test_frames_of_wrong_things(database, thing):
    db = frames.open(database)
    told(frames.open, thing)
    for table in ("traces", "telemetry", "events", "nodes"):
        told(getattr(db, table), thing)
        told(getattr(db, table), ONE, columns=thing)
        told(getattr(db, table), ONE, columns=[thing])
        told(getattr(db, table), ONE, to=thing)
    for table in ("traces", "telemetry", "events"):
        told(getattr(db, table), ONE, between=thing)
        told(getattr(db, table), ONE, between=(thing, thing))
    told(db.traces, ONE, service=thing)
    told(db.remove, thing)
    assert len(db.traces(ONE)) == 21


@pytest.mark.parametrize("thing", THINGS, ids=repr)
def test_experiments_of_wrong_things(thing, url):
    host = url.removeprefix("http://")
    told(galileo.load, thing)
    told(galileo.attach, thing)
    told(galileo.Experiment, thing)
    for key in ("name", "services", "clients", "applications", "thresholds", "telemetry", "limits", "seed", "metadata"):
        told(lambda: galileo.Experiment({"services": {"hello": {"hosts": [host]}}, "clients": [{"service": "hello", "rate": 10, "requests": 1}], key: thing}).plan())
    made = galileo.Experiment(services={"hello": {"hosts": [host]}}, clients=[{"service": "hello", "rate": 10, "requests": 1}])
    for key in ("set", "bus"):
        told(made.plan, **{key: thing})
    for key in ("db", "report", "spool", "lease"):
        if not isinstance(thing, (int, float, str, type(None))):  # these may be some
            with pytest.raises((errors.GalileoError, TypeError, ValueError)):
                made.start(**{key: thing})
    assert experiment._kept == {}


@pytest.mark.parametrize("thing", THINGS, ids=repr)
def test_the_shells_objects_of_wrong_things(names, thing):
    g, rtbl, exp, telemd = (names[name] for name in ("g", "rtbl", "exp", "telemd"))
    rtbl.set("hello", ["127.0.0.1:1"])
    c = g.spawn("hello")
    try:
        for call in (c.request, c.rps, lambda one: c.request(1, one), lambda one: c.request(1, [one]), lambda one: c.request(1, ("uniform", one, one)), lambda one: c + one,
                     lambda one: rtbl.set(one, ["a:1"]), lambda one: rtbl.set("x", one), lambda one: rtbl.set("x", [one]), lambda one: rtbl.set("x", ["a:1"], one),
                     lambda one: rtbl.append("x", one), rtbl.record, rtbl.remove, lambda one: rtbl.update_weights("hello", one), g.clients, exp.event,
                     lambda one: exp.event("x", one), telemd.start_telemd, lambda one: telemd.stop_telemd([one])):
            with contextlib.suppress(errors.OldNameWarning):
                told(call, thing)
        told(lambda: g.spawn(thing).close())
        told(lambda: g.spawn("hello", thing if not isinstance(thing, (int, float)) or thing < 3 else 2).close())
        told(lambda: g.spawn("hello", parameters=thing).close())
        told(lambda: g.spawn("hello", worker_labels=thing).close())
        told(g.request, thing)
        for key in ("name", "creator", "metadata", "db"):
            told(exp.start, **{"db": "none", key: thing})
            exp.stop(0)
    finally:
        c.close()
    assert g.ping() == list(g.workers())


# ---- closed connections

def test_a_closed_connection_says_so_and_is_no_hang(recwarn):
    names = shell.init(standalone=True)
    g, rtbl, exp, telemd, show = (names[name] for name in ("g", "rtbl", "exp", "telemd", "show"))
    rtbl.set("hello", ["127.0.0.1:1"])
    c = g.spawn("hello")
    waiting = c.request(n=5, ia=600)
    exp.start(db="one.sqlite")
    g.ctrl.close()
    for call in (g.workers, g.ping, g.discover, g.workers_info, g.clients, g.start_tracing, lambda: g.spawn("hello"), lambda: g.request("hello"), c.info, c.pause, c.add,
                 lambda: c.request(1), lambda: c.rps(1), rtbl.records, lambda: rtbl.set("a", ["b:1"]), rtbl.clear, telemd.list_telemd_hosts, show.clients, show.info,
                 lambda: exp.event("x"), lambda: waiting.wait(60), lambda: exp.start(force=True)):
        with pytest.raises(errors.StoppedError, match="closed"):
            call()
    exp.stop()  # never raises for what is gone
    assert c.close() and "closed" in repr(rtbl) and repr(g.ctrl) and dir(g)
    assert frames.open("one.sqlite").experiments().status.tolist() == ["FINISHED"]  # the session has ended it
    g.ctrl.close()


# ---- experiments that aren't there, are empty, go on, were cut off

def test_one_that_isnt_there_and_one_without_rows(database):
    db = frames.open(database)
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        for table in ("traces", "telemetry", "events", "nodeinfo", "metadata"):
            opened.execute(f"DELETE FROM {table} WHERE EXP_ID = ?", (ONE,))
    for table in ("traces", "telemetry", "events", "nodes"):
        with pytest.raises(errors.NotFoundError, match="there is no experiment 'nobody'") as raised:
            getattr(db, table)("nobody")
        assert isinstance(raised.value, LookupError) and raised.value.hint
        with pytest.raises(errors.UsageError, match="empty id"):
            getattr(db, table)("")
        assert len(getattr(db, table)(ONE)) == 0 and list(getattr(db, table)(ONE)) == list(getattr(db, table)("last"))
    assert db.experiments().metadata[0] in (None, "{}")
    with pytest.raises(errors.NotFoundError):
        db.remove(ONE, "nobody")
    assert db.remove(ONE) == [ONE] and len(db.experiments()) == 1
    with pytest.raises(errors.NotFoundError):
        db.remove(ONE)
    assert len(db.remove("last")) == 1 and len(db.experiments()) == 0
    with pytest.raises(errors.NotFoundError, match="last"):
        db.traces("last")


def long(url):
    return galileo.Experiment(name="long", services={"hello": {"hosts": [url.removeprefix("http://")]}},
                              clients=[{"service": "hello", "rate": 100, "duration": "10m"}])


def test_one_that_goes_on_and_one_that_was_interrupted(url):
    run = long(url).start(db="one.sqlite")
    db = frames.open("one.sqlite")
    wait_for(lambda: Path("one.sqlite").exists() and len(db.experiments()) and len(db.traces(run.id)), "rows")
    going = db.experiments().iloc[-1]
    assert going.status == "RUNNING" and str(going.end) == "NaT"
    with pytest.raises(errors.TimeLimitError, match="it goes on"):
        run.result(timeout=0)
    seen = len(db.traces(run.id))
    wait_for(lambda: len(db.traces(run.id)) > seen, "more of it")
    run.cancel()
    result = run.result(60)
    over = db.experiments().iloc[-1]
    assert result.interrupted and over.status == "FINISHED" and len(result.traces()) == result.summary["ledger"]["traces"]["stored"]


def test_one_whose_process_was_killed(url):
    """What it had recorded is taken out of its spool by the next who looks."""
    run = long(url).start(db="one.sqlite")
    wait_for(lambda: run.state().answered > 20, "answers")
    answered = run.state().answered
    run._link.process.kill()
    with pytest.raises(errors.ProgramError, match="signal 9") as raised:
        run.result()
    assert isinstance(raised.value, RuntimeError)
    db = frames.open("one.sqlite")
    assert len(db.traces(run.id)) >= answered / 2  # but for the last tenths of a second
    assert db.experiments().status.tolist() == ["FAILED"] and str(db.experiments().end[0]) != "NaT"
    with pytest.raises(errors.NotFoundError):
        galileo.attach(run.id)


# ---- databases of older versions, and of newer ones

@pytest.mark.skipif(not VECTORS.exists(), reason="the recorded databases aren't here")
@pytest.mark.parametrize("name", ["original-experiment.sqlite", "original-experiment-2.sqlite"])
def test_databases_of_the_original(name):
    db = frames.open(VECTORS / name)
    ids = list(db.experiments().exp_id)
    assert ids and sum(len(db.traces(one)) for one in ids) > 0 and sum(len(db.telemetry(one)) for one in ids) > 0
    with pytest.raises(errors.NotFoundError):
        db.traces("nobody")


@pytest.mark.parametrize("missing", ["metadata", "nodeinfo", "events", "telemetry", "traces"])
def test_an_older_one_without_a_table(database, missing):
    """The first versions had no metadata and no node info: what there was is read, and the rest is empty or said."""
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.execute(f"DROP TABLE {missing}")
    db = frames.open(database)
    assert list(db.experiments().exp_id)[0] == ONE
    for table in ("traces", "telemetry", "events", "nodes"):
        with contextlib.suppress(errors.GalileoError):
            assert len(getattr(db, table)(ONE)) == (0 if missing == {"nodes": "nodeinfo"}.get(table, table) else {"traces": 21, "telemetry": 10, "events": 2, "nodes": 1}[table])


def test_one_that_is_none_and_one_whose_rows_are_odd(tmp_path, database):
    (tmp_path / "text").write_text("no database at all, " * 100)
    with pytest.raises(errors.CorruptError):
        frames.open(tmp_path / "text").experiments()
    with contextlib.closing(sqlite3.connect(tmp_path / "strange.sqlite")) as opened, opened:
        opened.execute("CREATE TABLE recipes (NAME TEXT)")
    with pytest.raises(errors.GalileoError) as raised:
        frames.open(tmp_path / "strange.sqlite").traces("last")
    assert raised.value.what
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE experiments SET START = 'yesterday', NAME = NULL, CREATED = NULL WHERE EXP_ID = ?", (ONE,))
        opened.execute("UPDATE traces SET STATUS = 'fine', CREATED = 'now' WHERE REQUEST_ID = 'id-3' AND EXP_ID = ?", (ONE,))
    with pytest.warns(RuntimeWarning, match="1 row has a value that can't stand in a column, and nothing in its place: START is 'yesterday'"):
        experiments = frames.open(database).experiments()
    assert len(experiments) == 2 and str(experiments.start[0]) == "NaT" and str(experiments.start[1]) != "NaT"
    with pytest.warns(RuntimeWarning) as warned:
        traces = frames.open(database).traces(ONE)
    odd = traces[traces.request_id == "id-3"].iloc[0]
    assert len(traces) == 21 and (odd.status, str(odd.created), str(odd.sent) != "NaT") == (-1, "NaT", True) and (traces.status == 200).sum() == 19
    assert [one.filename for one in warned] == [__file__]
    os.chmod(database, 0)
    told(lambda: frames.open(database).traces(ONE))
    with pytest.raises(errors.GalileoError):
        frames.open(tmp_path).traces("last")  # a folder that is no export


def test_of_a_newer_galileo(database):
    """SQLite's has no version: what this one doesn't know is left where it is. MySQL's has one, and is refused (mysql_test.cc)."""
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("ALTER TABLE traces ADD COLUMN COLOUR TEXT DEFAULT 'red'")
        opened.execute("CREATE TABLE moods (EXP_ID TEXT, MOOD TEXT)")
    traces = frames.open(database).traces(ONE)
    assert len(traces) == 21 and "colour" not in traces
    with pytest.raises(errors.UsageError, match="colour"):
        frames.open(database).traces(ONE, columns=["colour"])
