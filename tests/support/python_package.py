"""The Python package as users get it: a wheel, installed into a fresh virtual environment beside the libraries that its tests
compare with.

    tests/support/python_package.py FOLDER     makes FOLDER/venv, and prints the path of its Python
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import python_environment

ROOT = Path(__file__).resolve().parent.parent.parent
BUILT_WITH = ["scikit-build-core==1.1.2", "nanobind==3.1.0"]
# Debian 12's pandas, which scripts of the old system were written for; the others as exports are read with.
TESTED_WITH = ["pandas==1.5.3", "numpy==1.26.4", "polars==1.31.0", "pyarrow==17.0.0", "duckdb==1.3.2", "pytest==8.3.5", "mypy==1.15.0",
               "pandas-stubs==1.5.3.230321", "matplotlib==3.10.3", "ipython==9.4.0", "ipykernel==6.30.1", "nbclient==0.10.2",
               "nbformat==5.10.4", "redis==6.2.0", "requests==2.32.4", "simpy==4.1.1", "kubernetes==34.1.0", "scikit-learn==1.5.2",
               "ipywidgets==8.1.7"]


def environment(name, what, packages):
    python, why_not = python_environment.find(name, what, packages)
    if why_not:
        sys.exit(f"python: {why_not}")
    return Path(python)


def do(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"python: {' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wheel(folder):
    """Its path; compiled in build/wheel-*, where the next one finds what hasn't changed."""
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    builder = environment("wheel-python", "what builds the wheel", BUILT_WITH)
    do(builder, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-w", folder / "wheels",
       ROOT / "python")
    return next((folder / "wheels").glob("*.whl"))


def main():
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    made = wheel(folder)
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
