"""The Python lines of the README and of docs/python.md's plots, as they stand: in a folder that has the examples, and in a network of its own,
since they name ports."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from own_network import network_of_its_own

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_python_lines_work_as_they_stand(tmp_path):
    before = network_of_its_own()
    if before is None:
        pytest.skip("this machine allows no network of its own (unshare -n), and the README's ports may be taken")
    readme, page = ((ROOT / name).read_text() for name in ("README.md", "docs/python.md"))
    block = r"```python\n(.*?)^```"
    lines = re.findall(block, readme, re.M | re.S) + re.findall(block, page.split("## Plots")[1].split("\n## ")[0], re.M | re.S)
    assert len(lines) == 2
    shutil.copytree(ROOT / "examples" / "hello", tmp_path / "examples" / "hello")
    (tmp_path / "typed.py").write_text("\n".join(lines))
    typed = subprocess.run([*before, sys.executable, "typed.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600,
                           env={name: value for name, value in os.environ.items() if not name.startswith("galileo_expdb_")})
    assert typed.returncode == 0, typed.stderr
    assert "mean" in typed.stdout
    assert (tmp_path / "latency.png").stat().st_size > 10_000 and (tmp_path / "cdf.pdf").stat().st_size > 5_000
