"""galileo in somebody else's interpreter: what an import does, and what is installed."""
import importlib.metadata
import itertools
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import galileo
import pytest
from conftest import python

PACKAGE = Path(galileo.__file__).parent
SITE = PACKAGE.parent


def test_an_import_starts_nothing_and_brings_nothing_along():
    done = python("""
import json, os, signal, sys, threading, warnings
before = [str(signal.getsignal(s)) for s in signal.valid_signals()], signal.pthread_sigmask(signal.SIG_BLOCK, []), dict(os.environ), os.getcwd(), list(warnings.filters)
import galileo
from galileo import frames, errors
import galileo.shell.shell, galileo.worker.context
db = frames.open("nothing.sqlite")
repr(db), dir(db), dir(galileo)
after = [str(signal.getsignal(s)) for s in signal.valid_signals()], signal.pthread_sigmask(signal.SIG_BLOCK, []), dict(os.environ), os.getcwd(), list(warnings.filters)
assert before == after
assert threading.active_count() == 1 and len(os.listdir("/proc/self/task")) == 1
print(json.dumps([name for name in ("pandas", "numpy", "polars", "pyarrow", "matplotlib", "kubernetes", "redis", "sqlite3") if name in sys.modules]))
""")
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("order", list(itertools.permutations(["galileo._columns", "pyarrow", "polars"])) + [
    ("ssl", "galileo._columns", "sqlite3"), ("sqlite3", "galileo._columns", "ssl"), ("duckdb", "galileo._columns"), ("galileo._columns", "duckdb")],
    ids="-".join)
def test_any_order_of_imports_works(order, database):
    done = python("""
import importlib, sys
for name in sys.argv[2].split(","):
    importlib.import_module(name)
from galileo import frames
print(len(frames.open(sys.argv[1]).traces("last")))
""", database, ",".join(order))
    assert (done.stdout, done.stderr) == ("21\n", "")


def test_a_forked_child_reads_too(database):
    """joblib and multiprocessing fork: there is no thread, lock or connection that could be missing in the child."""
    done = python("""
import multiprocessing, sys
from galileo import frames
db = frames.open(sys.argv[1])
len(db.traces("last"))
def read(_):
    return len(db.traces("last"))
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(read, range(4)))
""", database)
    assert (done.stdout, done.stderr) == ("[21, 21, 21, 21]\n", "")


def test_exits_in_the_middle_leave_no_core_and_no_program(large):
    code = """
import os, sys, threading, time
from galileo import frames
threading.Thread(target=lambda: frames.open(sys.argv[1]).traces("last"), daemon=True).start()
time.sleep(0.15)
sys.exit(0) if sys.argv[2] == "exit" else os._exit(0)
"""
    for how in ("exit", "_exit") * 5:
        assert python(code, large, how).returncode == 0

    def programs():
        return subprocess.run(["pgrep", "-f", f"{PACKAGE}/bin/galileo session"], capture_output=True, text=True).stdout.split()
    from conftest import wait_for
    wait_for(lambda: not programs(), "the end of what they had asked for")


def test_the_wheel_has_what_it_says():
    files = {str(path): path for path in importlib.metadata.files("galileo-lab")}
    assert {"galileo/py.typed", "galileo/_columns.pyi", "galileo/bin/galileo", "galileo/frames.py", "galileo/plots/__init__.py"} <= set(files)
    assert {name.split("/")[0] for name in files} == {
        "galileo", "galileo_old_names", "galileo_lab.pth", f"galileo_lab-{importlib.metadata.version('galileo-lab')}.dist-info", ".."}
    [script] = [path for name, path in files.items() if name.startswith("..")]
    command = subprocess.run([script.locate(), "--version"], capture_output=True, text=True)
    assert command.returncode == 0 and galileo.__version__ in command.stdout
    assert os.stat(PACKAGE / "bin/galileo").st_mode & stat.S_IXUSR
    assert galileo.program() == str(PACKAGE / "bin/galileo") or "galileo_program" in os.environ
    said = subprocess.run([PACKAGE / "bin/galileo", "--version"], capture_output=True, text=True).stdout
    assert importlib.metadata.version("galileo-lab") in said and galileo.__version__ in said
    assert not importlib.metadata.requires("galileo-lab") or all("extra ==" in one for one in importlib.metadata.requires("galileo-lab"))


def test_an_installed_original_is_imported_before_our_package_of_its_name(tmp_path):
    shutil.copy(SITE / "galileo_lab.pth", tmp_path)
    for package in ("galileo_old_names/theirs_too", "galileo_old_names/ours_alone", "theirs_too"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    done = python("import site, sys; site.addsitedir(sys.argv[1]); import theirs_too, ours_alone; print(theirs_too.__file__, ours_alone.__file__)", tmp_path)
    assert done.stdout.split() == [f"{tmp_path}/theirs_too/__init__.py", f"{tmp_path}/galileo_old_names/ours_alone/__init__.py"], done.stderr


def test_each_old_name_is_imported_where_no_original_is():
    names = sorted(path.parent.name for path in (SITE / "galileo_old_names").glob("*/__init__.py"))
    done = python("import importlib, sys; print(*(importlib.import_module(name).__file__ for name in sys.argv[1:]))", *names)
    assert done.stdout.split() == [f"{SITE}/galileo_old_names/{name}/__init__.py" for name in names], done.stderr


def test_nothing_of_ours_is_seen_by_other_libraries():
    exported = subprocess.run(["nm", "-D", "--defined-only", *PACKAGE.glob("_columns*.so")], capture_output=True, text=True, check=True).stdout
    assert [line.split()[-1] for line in exported.splitlines()] == ["PyInit__columns"]


def test_a_foreign_distribution_with_our_files_is_told(tmp_path):
    strangers = tmp_path / "galileo_sdk-1.0.dist-info"
    strangers.mkdir()
    (strangers / "RECORD").write_text("galileo/__init__.py,sha256=x,1\n")
    (tmp_path / "galileo").symlink_to(PACKAGE)
    done = python("import sys; sys.path.insert(0, sys.argv[1]); import galileo", tmp_path)
    assert "the distribution galileo-sdk has files of the package galileo too: pip uninstall galileo-sdk" in done.stderr


def test_types_are_true(tmp_path):
    (tmp_path / "allowed").write_text("galileo._columns.Table\n")  # its metaclass is nanobind's; its members are compared
    done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "galileo._columns", "--allowlist", tmp_path / "allowed"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_program_that_uses_it_type_checks(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("""
import subprocess

import galileo
from galileo import GalileoError, errors, frames

subprocess.run([galileo.program(), "--version"])
db = frames.open("galileo.sqlite")
try:
    print(db.traces("last", columns=["status"], between=(0.5, None), to="polars"))
except errors.NotFoundError as error:
    print(error.hint.upper())
except GalileoError:
    raise
reveal_type(db.experiments().shape)
""")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    packages = [word for package in ("galileo", "galileodb", "galileojp", "pymq") for word in ("-p", package)]
    own = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, *packages], capture_output=True, text=True, cwd=tmp_path)
    assert own.returncode == 0, own.stdout


def test_without_the_program_the_words_say_so(database, tmp_path):
    done = python("""
import sys
from galileo import errors, frames
try:
    frames.open(sys.argv[1]).experiments()
except errors.ProgramError as error:
    print(error)
""", database, env={"galileo_program": str(tmp_path / "nothing")})
    assert "can't start the program" in done.stdout and "galileo_program" in done.stdout
    assert json.dumps(done.stderr) == '""'
