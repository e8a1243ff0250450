"""The Python package's tests as they run under what looks for faults of memory: the module with the address sanitizer, and Python's own
allocator checking what is done with each piece.

    tests/support/python_sanitized.py PYTHON FOLDER     PYTHON has the wheel and what its tests need; prints the tests' environment as JSON

An interpreter must have loaded the sanitizer before anything else, and no other process of the tests should: FOLDER/python is one that has,
FOLDER/galileo the program without it."""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import python_module
from python_package import ROOT, do

PYTHON = """#!/bin/sh
export LD_PRELOAD='{first}'
exec '{python}' "$@"
"""
# `galileo shell` becomes an interpreter.
PROGRAM = """#!/bin/sh
[ "$1" = shell ] || unset LD_PRELOAD PYTHONMALLOC
exec '{package}/bin/galileo' "$@"
"""


def library(name):
    return subprocess.run(["c++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()


def write(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def main():
    python, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    package = Path(do(python, "-c", "import galileo, os; print(os.path.dirname(galileo.__file__))").strip())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packages, why_not = python_module.link(package, folder / "packages", ROOT / "build/python-asan", "-DGALILEO_SANITIZE=address")
    if why_not:
        sys.exit(f"python sanitized: {why_not}")
    first = f"{library('libasan.so')}:{library('libstdc++.so')}"
    write(folder / "python", PYTHON.format(first=first, python=python))
    print(json.dumps({"GALILEO_SANITIZED": str(folder), "LD_PRELOAD": first, "PYTHONMALLOC": "malloc_debug", "PYTHONPATH": str(packages),
                      "PYTHONFAULTHANDLER": "1", "galileo_program": write(folder / "galileo", PROGRAM.format(package=package)),
                      # Python itself keeps some until the end. A fault ends the process, and so the test.
                      "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"}))


if __name__ == "__main__":
    main()
