"""An experiment that is built in Python can say what a file can: each example's file as keywords is planned as the file is, and types know its
keys (galileo.keys, made of the schema)."""
import datetime
import os
import pathlib
import re
import subprocess
import sys

import galileo
import numpy
import pytest
from conftest import ROOT, target
from galileo import errors, keys

yaml = pytest.importorskip("yaml")
EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*/*.yaml")) if "\n---" not in path.read_text()]
# Their plan asks the cluster.
HERE = [path for path in EXAMPLES if path.parent.name != "kubernetes"]


def name_of(path):
    return str(path.relative_to(ROOT / "examples"))


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """checked(text): what mypy has against it."""
    folder = tmp_path_factory.mktemp("checked")

    def check(text):
        (folder / "script.py").write_text(text)
        return subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "script.py"], capture_output=True, text=True, cwd=folder).stdout
    return check


@pytest.mark.parametrize("path", HERE, ids=name_of)
def test_an_examples_file_as_keywords_is_planned_as_the_file_is(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    assert galileo.Experiment(**yaml.safe_load(path.read_text())).plan() == galileo.load(path).plan()


def test_types_know_each_key_of_the_examples(checked):
    said = checked("from galileo import keys\n" + "".join(
        f"example_{number}: keys.File = {yaml.safe_load(path.read_text())!r}\n" for number, path in enumerate(EXAMPLES)))
    assert said.startswith("Success"), said


def test_types_know_what_only_python_has_and_find_what_is_misspelt(checked):
    said = checked("""
import pathlib
from datetime import timedelta
import numpy
import galileo
from galileo import keys

client: keys.Client = {"service": "hello", "rate": {"shape": "ramp", "from": 1, "to": 5, "seconds": timedelta(minutes=1)}}
replayed: keys.Client = {"service": "hello", "replay": {"file": pathlib.Path("log"), "speed": 2}}
drawn: keys.Client = {"service": "hello", "arrival": {"list": numpy.array([0.5, 1.0])}, "steps": [{"name": "login", "checks": [{"in": ["status 200"]}]}]}
galileo.Experiment(name="x", services={"hello": {"hosts": ["127.0.0.1:1"]}}, clients=[client, replayed, drawn], thresholds=["failed == 0"])
galileo.Experiment({"name": "x"}, clients=[client])
galileo.Experiment(clients=[{"servce": "hello"}])
galileo.Experiment(telemetry={"instruments": ["cpus"]})
galileo.Experiment(client=[client])
""")
    assert re.findall(r"script.py:(\d+): error", said) == ["13", "14", "15"], said


def test_types_know_which_frame_comes(checked):
    said = checked("""
from galileo import frames
db = frames.open("x.sqlite")
reveal_type(db.traces("last", columns=["status"], between=(0.5, None)))
reveal_type(db.telemetry("last", to="polars"))
reveal_type(db.events("last", to="arrow"))
reveal_type(db.nodes("last"))
db.traces("last", to="excel")
""")
    assert re.findall(r'script.py:(\d+): note: Revealed type is ".*?(\w+)"', said) == [("4", "DataFrame"), ("5", "DataFrame"), ("6", "Table"), ("7", "DataFrame")], said
    assert "polars" in said.split("script.py:5")[1].splitlines()[0] and re.findall(r"script.py:(\d+): error", said) == ["8"], said


def test_what_only_python_has_becomes_what_a_file_has():
    with target() as url:
        made = galileo.Experiment(
            name=pathlib.PurePath("x"), services={"hello": {"hosts": [url.removeprefix("http://")]}}, warmup=datetime.timedelta(milliseconds=1500),
            clients=[{"service": "hello", "arrival": {"list": numpy.array([0.25, 0.5])}, "requests": numpy.int64(3), "duration": datetime.timedelta(seconds=1)}])
        assert made.plan() == galileo.Experiment(
            name="x", services={"hello": {"hosts": [url.removeprefix("http://")]}}, warmup="1.5s",
            clients=[{"service": "hello", "arrival": {"list": [0.25, 0.5]}, "requests": 3, "duration": "1s"}]).plan()
    with pytest.raises(TypeError, match="bytes"):
        galileo.Experiment(clients=[{"service": "hello", "request": {"data": b"\xff"}}])


def test_a_misspelt_key_is_found_with_its_line_before_anything_starts():
    with pytest.raises(errors.UsageError, match=r":\d+:\d+: .*servce"):
        galileo.Experiment(name="x", services={"hello": {"hosts": ["127.0.0.1:1"]}}, clients=[{"servce": "hello", "rate": 1, "requests": 1}]).plan()


def test_at_run_time_the_types_are_dicts():
    assert keys.Client(service="hello", rate=5) == {"service": "hello", "rate": 5}
