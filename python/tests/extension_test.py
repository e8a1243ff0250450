"""examples/extension: a project for the experiment library that can be installed, and its notebook."""
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples/extension"


def test_it_is_installed_with_all_its_modules(tmp_path):
    """As pip would have them, in a folder. Of a copy: the build leaves files beside its sources."""
    subprocess.run(["cp", "-r", EXAMPLE, tmp_path / "project"], check=True)
    done = subprocess.run([sys.executable, "-c", "import setuptools; setuptools.setup()", "--quiet", "build", "--build-lib", tmp_path / "installed"],
                          capture_output=True, text=True, timeout=240, cwd=tmp_path / "project")
    assert done.returncode == 0, done.stderr
    for module, words in (("profiling", "<creator> <host> <container-image> <zone> <master-node>"), ("scenario", "<creator> <container-image> <master-node> <node>=<zone> ...")):
        done = subprocess.run([sys.executable, "-m", f"galileoexperimentsextensions.hello.{module}.main"], capture_output=True, text=True, timeout=120, cwd=tmp_path,
                              env={**os.environ, "PYTHONPATH": f"{tmp_path}/installed:{os.environ.get('PYTHONPATH', '')}"})
        assert done.returncode == 1 and done.stderr == f"usage: python -m galileoexperimentsextensions.hello.{module}.main {words}\n", done.stderr


def test_its_notebook_reads_the_last_experiment(recorded, monkeypatch, tmp_path):
    database, _ = recorded
    monkeypatch.setenv("galileo_expdb_sqlite_path", str(database))
    notebook = nbformat.read(EXAMPLE / "notebooks/hello.ipynb", 4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)
    with sqlite3.connect(database) as stored:
        [[traces]] = stored.execute("SELECT count(*) FROM traces")
    assert traces > 100 and f"{traces} requests" in printed, printed
