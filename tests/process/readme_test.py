"""The lines of docs/tutorial/tour.md, word by word, as somebody types them in a fresh clone: in their order, in one shell, each
ending as it should. What the lines need of the clone (the program, the examples) is there, and nothing else. In a network of
its own, so that the ports are free which the page names."""
import os
import re
import shutil
import signal
import subprocess

import pytest
import yaml

from conftest import ROOT, SLOWER
from own_network import network_of_its_own

README = (ROOT / "docs/tutorial/tour.md").read_text()
# Above these lines is what sets the machine up, which the tests' own setup has done.
SETS_UP = "make demo"
# These are typed on a cluster: tests/cluster/deployment_test.py.
ON_A_CLUSTER = "kubectl"
# And these make a Python environment: python/tests/readme_python_test.py.
IN_PYTHON = "pip install"
# What a truthful result may be on a machine that is busy with other things: INVALID, a threshold, a difference.
MAY_BE = {0, 90, 93, 99}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def lines():
    return [line for block in blocks("sh") if not any(word in block for word in (SETS_UP, ON_A_CLUSTER, IN_PYTHON)) for line in block.splitlines() if line]


def as_typed(line, number):
    """The line, what came of it, and the moment that a person takes between two lines."""
    if "&" in line.split("#")[0].split()[-1:]:
        return f"{line}\nsleep 1\nkill -0 $! && echo @{number} 0 >&3 || echo @{number} ended >&3\n"
    return f"{line}\necho @{number} $? >&3\n"


def test_the_readme_s_lines_work_as_they_stand(galileo, tmp_path):
    for program in ("redis-server", "jq"):
        if not shutil.which(program):
            pytest.skip(f"{program} isn't installed (scripts/setup.sh test)")
    before = network_of_its_own()
    if before is None:
        pytest.skip("this machine allows no network of its own (unshare -n), and the README's ports may be taken")
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/galileo").symlink_to(galileo)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    script = "".join(as_typed(line, number) for number, line in enumerate(lines()))
    (tmp_path / "typed.sh").write_text(script)
    read_end, write_end = os.pipe()
    environment = {**os.environ, "REDISCLI_AUTH": ""}
    process = subprocess.Popen([*before, "bash", "-c", f"exec 3>&{write_end}; . ./typed.sh"], cwd=tmp_path, text=True, pass_fds=[write_end],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True)
    os.close(write_end)
    try:
        out, err = process.communicate(timeout=120 * SLOWER)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    with os.fdopen(read_end) as told:
        codes = dict(re.findall(r"@(\d+) (\w+)", told.read()))
    for number, line in enumerate(lines()):
        code = codes.get(str(number), "never")
        assert code.isdigit() and int(code) in MAY_BE, f"{line}\nended with {code}\n--- stdout\n{out[-3000:]}\n--- stderr\n{err[-3000:]}"
    # What the comments beside them promise.
    assert re.search(r'"(VALID|SUSPECT|INVALID)"', out), out
    assert {"report.html", "last.html", "tables", "copy.sqlite", "galileo.sqlite", "weights.json"} <= set(os.listdir(tmp_path))
    assert "node-a" in out and "node-b" in out and "pi-1" in out
    assert "night" in out, "the recorder's summary"
    assert "sent = answered 400 + failed 0" in out, "the load through the gateway"


def test_the_readme_s_experiment_is_the_example_s():
    ours, = blocks("yaml")
    assert yaml.safe_load(ours) == yaml.safe_load((ROOT / "examples/hello/experiment.yaml").read_text())


def test_each_line_names_a_command_that_there_is(run):
    for line in lines():
        for name in re.findall(r"(?:^|\| )galileo (\w+(?: (?:ls|report|compare|export|import|follow)\b)?)", line):
            assert run(*name.split(), "--help").code == 0, line
