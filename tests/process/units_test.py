"""The units by which systemd runs the parts of a laboratory, read by systemd's own tools."""
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

UNITS = sorted((ROOT / "deployment/systemd").glob("*.service"))
PARTS = {"telemd", "worker", "gateway", "recorder", "daemon", "api"}
# Of 10, by `systemd-analyze security`; a unit without any hardening has 9.6.
EXPOSED = 3.0

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here, which reads units")


@pytest.fixture
def unit(request, galileo, tmp_path):
    """With the program that is there, since ours isn't installed."""
    path = tmp_path / request.param.name
    text = request.param.read_text()
    assert "ExecStart=/usr/bin/galileo " in text
    path.write_text(text.replace("ExecStart=/usr/bin/galileo ", f"ExecStart={galileo} "))
    return path


def each(function):
    return pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem, indirect=True)(function)


def test_each_part_that_stays_has_a_unit():
    assert {path.stem.removeprefix("galileo-") for path in UNITS} == PARTS


@each
def test_systemd_reads_it_without_a_word(unit):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@each
def test_what_it_may_do_is_little(unit):
    # The threshold is in tenths; the exit status says whether it is crossed.
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={int(EXPOSED * 10)}", "--no-pager", unit],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@each
def test_its_command_and_its_manual_are_there(unit, run):
    text = unit.read_text()
    (command,) = re.findall(r"^ExecStart=\S+ (\S+) \$OPTIONS$", text, re.M)
    assert unit.stem == f"galileo-{command}"
    assert run(command, "--help").code == 0
    assert f"Documentation=man:{unit.stem}(1)" in text
    assert f"EnvironmentFile=-/etc/galileo/{command}.env" in text
