"""Arrival profiles by requestgen, the original's name, and their files."""
import os
import pickle
import random
import subprocess
import sys

import numpy
import pytest
import requestgen
import simpy
from conftest import python
from galileo import _gaps, _session, errors, trips


def test_importing_it_needs_nothing():
    done = python("import sys, requestgen; print([name for name in ('pandas', 'numpy', 'simpy') if name in sys.modules])")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_profiles_are_read_as_data(tmp_path):
    path = tmp_path / "p.pkl"
    for written, read in (([0.5, 1, 0.25], [0.5, 1, 0.25]), ((1, 2), [1, 2]), ([11, numpy.float64(0.1), numpy.int32(3)], [11, 0.1, 3.0]),
                          ([numpy.dtype(">f4").type(0.5)], [0.5]), ([], [])):
        for protocol in range(6):
            path.write_bytes(pickle.dumps(written, protocol))
            assert _gaps.read(str(path)) == read, (written, protocol)
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)
    for wrong in (pickle.dumps([Evil()]), pickle.dumps({"a": 1}), pickle.dumps([True]), pickle.dumps([[0.5]]), pickle.dumps(numpy.array([0.5])), b"", b"0.5\n",
                  pickle.dumps([0.5])[:-3]):
        path.write_bytes(wrong)
        with pytest.raises(errors.CorruptError, match="can't read the profile .*p.pkl"):
            _gaps.read(str(path))
    assert not (tmp_path / "evil").exists()


def test_the_program_reads_what_numpy_has_pickled(tmp_path):
    """By numpy itself; tests/process/profile_test.py imitates it."""
    path = tmp_path / "p.pkl"
    convert = lambda: subprocess.run([_session.program(), "profile", "convert", str(path), "-", "--format", "txt"], capture_output=True, text=True)
    kinds = [numpy.float16, numpy.float32, numpy.float64, numpy.int8, numpy.int16, numpy.int32, numpy.int64, numpy.uint8, numpy.uint16, numpy.uint32, numpy.uint64]
    lists = [[11, 0.1, 3.0], list(numpy.random.default_rng(1).exponential(0.1, 2500)), [numpy.dtype(">f8").type(0.5)], *([kind(7), 0.5, kind(100)] for kind in kinds)]
    for gaps in lists:
        for protocol in range(6):
            path.write_bytes(pickle.dumps(gaps, protocol))
            done = convert()
            assert done.returncode == 0, (protocol, done.stderr)
            assert [float(line) for line in done.stdout.split()] == [float(gap) for gap in gaps] == _gaps.read(str(path)), protocol
    for array in (numpy.array([0.5]), [numpy.array([0.5])], numpy.array(["x"], object), [numpy.bool_(True)], [numpy.longdouble(1)], [numpy.datetime64("2026-01-01")]):
        for protocol in range(6):
            path.write_bytes(pickle.dumps(array, protocol))
            done = convert()
            assert done.returncode == 2 and ", byte " in done.stderr, (array, protocol, done)


def test_rates_go_on_over_what_stopped_the_original(tmp_path, capsys):
    gaps = requestgen.static_arrival_profile(iter([0, 4, 0, 0.1]), max_ia=3)
    assert list(gaps) == [3, 0.25, 3, 3]
    path = str(tmp_path / "p.pkl")
    sine = lambda env: requestgen.static_arrival_profile(requestgen.sine_rps_profile(env, 10, 8), max_ia=1)
    constant = lambda env: requestgen.expovariate_arrival_profile(requestgen.constant_rps_profile(5))
    random.seed(3)
    requestgen.concatenate_profiles_and_save(path, [(sine, 6), (constant, 4)])
    both = list(requestgen.pre_recorded_profile(path))
    random.seed(3)
    env = simpy.Environment()
    assert both == [*requestgen.run_arrival_profile(env, sine(env), 6).ia, *requestgen.run_arrival_profile(env, constant(env), 10).ia]
    assert capsys.readouterr().out.count("events simulated in") == 4


TOPOLOGY = """radio,cell,lon,lat,cloudlet
LTE,1,-74.000,40.7000,0
LTE,2,-73.990,40.7000,1
LTE,3,-74.000,40.7085,0
"""
TRIPS = """pickup_datetime,passenger_count,pickup_longitude,pickup_latitude
2016-01-01 12:00:05,1,-74.0001,40.7001
2016-01-01 12:00:02,2,-74.0001,40.7080
2016-01-01 12:00:03,1,-73.9905,40.7000
2016-01-01 12:00:09,1,-73.9945,40.7000
2016-01-01 12:00:30,0,-74.0000,40.7000
2016-01-01 11:59:59,1,-74.0000,40.7000
2016-01-01 12:01:00,1,-74.0000,40.7000
2016-01-01 12:00:40,1,-74.5000,40.7000
"""


def test_trips_are_a_profile_for_each_cloudlet(tmp_path):
    """Passengers are requests; of the cells the nearest has them, if it is near enough; the window has both its ends."""
    (tmp_path / "topology.csv").write_text(TOPOLOGY)
    (tmp_path / "trips.csv").write_text(TRIPS)
    done = subprocess.run([sys.executable, "-m", "galileo.trips", "trips.csv", "topology.csv", "out", "--start", "2016-01-01T12:00:00", "--end", "2016-01-01T12:01:00"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.splitlines() == [f"out/{n}_pickups.{kind}" for n in (0, 1) for kind in ("csv", "pkl")]
    gaps = {"0": [11, 0.1, 3.0, 55.0], "1": [11, 6.0]}
    for cloudlet, expected in gaps.items():
        assert pickle.loads((tmp_path / f"out/{cloudlet}_pickups.pkl").read_bytes()) == expected == _gaps.read(str(tmp_path / f"out/{cloudlet}_pickups.pkl"))
        assert (tmp_path / f"out/{cloudlet}_pickups.csv").read_text().split() == list(map(str, expected))
    assert trips.gaps_of_trips(str(tmp_path / "trips.csv"), str(tmp_path / "topology.csv"))["0"] == [11, 3.0, 0.1, 3.0, 55.0]


@pytest.mark.parametrize("name, text, words", [
    ("trips.csv", "pickup_datetime,passenger_count\n", "no column pickup_longitude, pickup_latitude"),
    ("trips.csv", TRIPS + "yesterday,1,-74,40\n", "trips.csv:10: 'yesterday' is no time"),
    ("trips.csv", TRIPS + "2016-01-01 12:00:40,1,-74\n", "trips.csv:10: '' is no number"),
    ("topology.csv", TOPOLOGY + "LTE,4,nan,40.7,1\n", "topology.csv:5: 'nan' is no number"),
    ("topology.csv", TOPOLOGY.replace(",0\n", ",../0\n"), "a file can't be named after the cloudlet '../0'")])
def test_trips_that_cant_be_read_are_told_with_their_line(tmp_path, name, text, words):
    (tmp_path / "topology.csv").write_text(TOPOLOGY)
    (tmp_path / "trips.csv").write_text(TRIPS)
    (tmp_path / name).write_text(text)
    with pytest.raises(errors.GalileoError, match=words.replace("(", "[(]")):
        trips.save_profiles(trips.gaps_of_trips(str(tmp_path / "trips.csv"), str(tmp_path / "topology.csv")), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
