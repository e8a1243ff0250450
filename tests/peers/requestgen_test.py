"""Profiles by the original request generator and by ours under its name: a seed gives the same numbers."""
import json
import os
import subprocess

import pytest
from conftest import ROOT
from originals import python_with

pytestmark = pytest.mark.peers


def drawn(python, folder, **env):
    folder.mkdir()
    done = subprocess.run([python, ROOT / "tests/peers/draws.py", folder], capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.splitlines()[-1]), folder / "saved.pkl"


def test_a_seed_gives_the_originals_numbers(tmp_path):
    """In one environment, with one simpy; ours comes first on the path."""
    python = python_with(["edgerun-request-generator==1.0.0"], ["simpy==4.1.1", "pandas==1.5.3", "numpy==1.26.4"])
    theirs, _ = drawn(python, tmp_path / "theirs")
    ours, _ = drawn(python, tmp_path / "ours", PYTHONPATH=f"{ROOT}/python:{ROOT}/python/old_names")
    assert len(theirs["sine"][1]) > 500 and len(theirs["concatenated"]) > 300
    for name in theirs:
        assert ours[name] == theirs[name], name
