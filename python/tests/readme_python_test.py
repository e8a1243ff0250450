"""The Python lines of docs/tutorial/tour.md and of docs/how-to/python.md's plots, as they stand: in a folder that has the examples, and in a network of its own,
since they name ports. And the lines before them, which make what they are typed in."""
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from outside import outside
from own_network import network_of_its_own

ROOT = Path(__file__).resolve().parent.parent.parent
WHEELS = Path(sys.prefix).parent / "wheels"
BLOCK = r"```python\n(.*?)^```"
README, PAGE = ((ROOT / name).read_text() for name in ("docs/tutorial/tour.md", "docs/how-to/python.md"))


@pytest.fixture
def before():
    words = network_of_its_own()
    if words is None:
        pytest.skip("this machine allows no network of its own (unshare -n), and the README's ports may be taken")
    return words


def typed(python, lines, folder, before, **environment):
    shutil.copytree(ROOT / "examples" / "hello", folder / "examples" / "hello")
    (folder / "typed.py").write_text("\n".join(lines))
    done = subprocess.run([*before, python, "typed.py"], cwd=folder, capture_output=True, text=True, timeout=600,
                          env={**{name: value for name, value in os.environ.items() if not name.startswith("galileo_expdb_")}, **environment})
    assert done.returncode == 0, done.stderr
    assert "mean" in done.stdout
    assert (folder / "latency.png").stat().st_size > 10_000 and (folder / "cdf.pdf").stat().st_size > 5_000


def test_the_python_lines_work_as_they_stand(tmp_path, before):
    lines = re.findall(BLOCK, README, re.M | re.S) + re.findall(BLOCK, PAGE.split("## Plots")[1].split("\n## ")[0], re.M | re.S)
    assert len(lines) == 2
    typed(sys.executable, lines, tmp_path, before)


def test_the_lines_that_install_it_are_followed_word_by_word(tmp_path, before):
    """From nothing but Debian's Python to a plot, with the newest pandas and matplotlib that there are. `./python` is the wheel that was
    built of it: building takes the compiler's minutes, and the suite has them behind it."""
    install, make, get, start = README.split("## In Python")[1].split("```sh\n")[1].split("```")[0].splitlines()
    assert "sudo apt-get install -y python3-venv python3-dev " in install and start == "python"  # Debian's own, which are there
    wheels = list(WHEELS.glob("*-cp311-*.whl"))
    if not wheels:
        pytest.skip(f"there is no wheel in {WHEELS}")
    assert get.startswith("pip install ./python pandas matplotlib ")
    lines = f"{make}\n{get.replace('./python', shlex.quote(str(wheels[0])))}\n"
    clean = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/root"), "PIP_RETRIES": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
             **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_CA")) or name.lower().endswith("_proxy")}}
    done = subprocess.run(outside("sh", "-ec", lines), cwd=tmp_path, env=clean, capture_output=True, text=True,
                          timeout=600)
    if done.returncode != 0 and re.search("Could not find a version|Max retries|Temporary failure", done.stderr):
        pytest.skip(f"pandas can't be fetched: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    said = subprocess.run(["lab/bin/galileo", "--version"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert said.returncode == 0, said
    typed(tmp_path / "lab/bin/python", re.findall(BLOCK, README, re.M | re.S), tmp_path, before, PYTHONPATH="", galileo_program=str(
        next(tmp_path.glob("lab/lib/python3*/site-packages/galileo/bin/galileo"))))
