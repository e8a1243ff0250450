"""The rooms as others get them: installed from the build that is tested, found by find_package, linked by the example of
examples/library. Nothing of the clone is used but that example."""
import json
import os
import re
import sqlite3
import subprocess

import pytest
from conftest import ROOT

PRESET = os.environ.get("GALILEO_PRESET", "release")
BUILD = ROOT / "build" / PRESET
# What headers of ours may include of others; docs/how-to/library.md says it too.
LIBRARIES_OF_HEADERS = {"fmt", "tl"}

pytestmark = pytest.mark.skipif(PRESET != "release", reason="one build is installed, and that is the release")


def call(command, **more):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    call(["cmake", "--install", BUILD, "--component", "library", "--prefix", prefix])
    return prefix


def test_the_example_builds_against_the_package_and_its_figures_are_those_of_the_database(installed, target, port, tmp_path):
    target()
    call(["cmake", "-S", ROOT / "examples/library", "-B", tmp_path / "build", "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_PREFIX_PATH={installed}"])
    call(["cmake", "--build", tmp_path / "build"])
    told = call([tmp_path / "build/galileo_example", f"127.0.0.1:{port}", "lab.sqlite"], cwd=tmp_path)
    figures = dict(line.split(" ", 1) for line in told.splitlines())
    assert figures["answered"] == "300 of 300" and figures["stored"] == "300" and re.match(r"[\d.]+(us|ms|s)$", figures["p95"]), told
    assert figures["verdict"] in ("VALID", "SUSPECT", "INVALID")
    with sqlite3.connect(tmp_path / "lab.sqlite") as lab:
        assert lab.execute("SELECT EXP_ID, STATUS, (SELECT COUNT(*) FROM traces) FROM experiments").fetchall() == [
            (figures["experiment"], "FINISHED", 300)]
    sources = "".join(path.read_text() for path in (installed / "lib/cmake/Galileo").iterdir())
    assert str(ROOT) not in sources, "the package names the folder that it was built in"


def test_each_installed_header_includes_only_what_is_installed_or_said(installed, tmp_path):
    headers = sorted(path.relative_to(installed / "include/galileo") for path in (installed / "include/galileo").rglob("*.h"))
    assert len(headers) > 100 and not [one for one in headers if "_fixture" in one.name]
    (tmp_path / "all.cc").write_text("".join(f'#include "{header}"\n' for header in headers))
    listed = call(["g++", "-std=c++20", "-M", "-I", installed / "include/galileo", tmp_path / "all.cc"])
    found = [path for path in re.split(r"[\s\\]+", listed)[2:] if path and not path.startswith(str(installed))]
    others = {match[1] for path in found if (match := re.match(r"/usr/(?:local/)?include/([\w.-]+)/", path))}
    system = {"c++", "linux", "asm", "asm-generic", "bits", "sys", "gnu", "x86_64-linux-gnu", "aarch64-linux-gnu", "arpa", "netinet"}
    assert others - system == LIBRARIES_OF_HEADERS, others - system


def test_the_rooms_of_the_library_s_preset_may_become_part_of_a_shared_library(tmp_path):
    """As a module of Python's is one. The linker refuses code that can't be moved; one file stands for all, which are compiled alike."""
    preset = next(one for one in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"] if one["name"] == "library")
    variables = [f"-D{name}={value}" for name, value in preset["cacheVariables"].items()]
    call(["cmake", "-S", ROOT, "-B", tmp_path / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DGALILEO_PRECOMPILE=OFF", *variables])
    one = "CMakeFiles/galileo_base.dir/src/base/text.cc.o"
    call(["ninja", "-C", tmp_path / "build", one])
    call(["g++", "-shared", "-o", tmp_path / "one.so", tmp_path / "build" / one])
    in_the_program = subprocess.run(["g++", "-shared", "-o", tmp_path / "other.so", BUILD / one], capture_output=True, text=True)
    assert in_the_program.returncode != 0 and "recompile with -fPIC" in in_the_program.stderr, "the program's build would do; then this preset has no use"


def test_the_program_is_installed_apart_from_the_library(galileo, tmp_path):
    call(["cmake", "--install", BUILD, "--component", "program", "--prefix", tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == ["bin/galileo"]
    assert call([tmp_path / "bin/galileo", "--version"]) == call([galileo, "--version"])
