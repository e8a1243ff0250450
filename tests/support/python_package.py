"""The Python package as users get it: a wheel, installed into a fresh virtual environment beside the libraries that its tests
compare with.

    tests/support/python_package.py FOLDER     makes FOLDER/wheels and FOLDER/venv, and prints the path of the environment's Python

There is a wheel for Debian's Python and one for all from 3.12 on; where this machine has no such Python, wheels/without says so.
"""
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import python_environment

ROOT = Path(__file__).resolve().parent.parent.parent
BUILT_WITH = ["scikit-build-core==1.1.2", "nanobind==3.1.0", "wheel==0.45.1"]
# Debian 12's CMake doesn't know modules of the stable interface.
STABLE_BUILT_WITH = [*BUILT_WITH, "cmake==3.31.10"]
# Debian 12's pandas, which scripts of the old system were written for; the others as exports are read with.
TESTED_WITH = ["pandas==1.5.3", "numpy==1.26.4", "polars==1.31.0", "pyarrow==17.0.0", "duckdb==1.3.2", "pytest==8.3.5", "mypy==1.15.0",
               "pandas-stubs==1.5.3.230321", "matplotlib==3.10.3", "ipython==9.4.0", "ipykernel==6.30.1", "nbclient==0.10.2",
               "nbformat==5.10.4", "redis==6.2.0", "requests==2.32.4", "simpy==4.1.1", "kubernetes==34.1.0", "scikit-learn==1.5.2",
               "ipywidgets==8.1.7"]
# In an environment of its own: it wants other versions of the same.
AUDITED_WITH = ["abi3audit==0.0.26"]


def environment(name, what, packages, python=python_environment.PYTHON):
    python, why_not = python_environment.find(name, what, packages, python)
    if why_not:
        sys.exit(f"python: {why_not}")
    return Path(python)


def do(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"python: {' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wheel(folder, builder, *settings):
    """Its path; compiled in build/wheel-*, where the next one finds what hasn't changed."""
    made = folder / "made"
    shutil.rmtree(made, ignore_errors=True)
    do(builder, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-w", made, *settings,
       ROOT / "python")
    # What it is linked with is this machine's C library or newer: said so that an older machine refuses it by name.
    libc = platform.libc_ver()[1].replace(".", "_")
    do(builder, "-m", "wheel", "tags", "--remove", "--platform-tag", f"manylinux_{libc}_{platform.machine()}", next(made.glob("*.whl")))
    folder.mkdir(exist_ok=True)
    return Path(shutil.move(next(made.glob("*.whl")), folder))


def stable_wheel(folder):
    """The one for 3.12 and newer; None, and FOLDER/without says why."""
    pythons = python_environment.newer()
    if pythons:
        builder = environment("wheel-stable-python", "what builds the wheel for newer Pythons", STABLE_BUILT_WITH, next(iter(pythons.values())))
        return wheel(folder, builder)
    (folder / "without").write_text("there is no Python from 3.12 on here\n")
    return None


def main():
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    wheels = folder / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    made = wheel(wheels, environment("wheel-python", "what builds the wheel", BUILT_WITH))
    stable_wheel(wheels)
    libraries = environment("package-python", "what the package is tested with", TESTED_WITH)
    venv = folder / "venv"
    do(python_environment.PYTHON, "-m", "venv", "--clear", venv)
    # The libraries are those of the cache; only ours is new. Folders are taken in the order of the files' names: theirs before
    # our old names, which come behind all that is installed.
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "a_libraries.pth").write_text(f"{next(libraries.parent.parent.glob('lib/python3*/site-packages'))}\n")
    do(venv / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", made)
    print(venv / "bin/python")


if __name__ == "__main__":
    main()
