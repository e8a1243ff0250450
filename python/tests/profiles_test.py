"""Arrival profiles by requestgen, the original's name, and their files."""
import os
import pickle
import random

import numpy
import pytest
import requestgen
import simpy
from conftest import python
from galileo import _gaps, errors


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
