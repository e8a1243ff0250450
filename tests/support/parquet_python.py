"""A Python with pyarrow, which `galileo exp export --format parquet` starts, and with the other packages that people read exports
with: a virtual environment made once."""
import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

PYTHON = "/usr/bin/python3"
NEEDED = ["pyarrow==17.0.0", "numpy<2", "pandas==2.2.3", "polars==1.31.0", "duckdb==1.3.2"]
PIP_SECONDS = 400


def make_environment(folder):
    """Makes it where it isn't whole yet; why it can't be, or None."""
    if (folder / "whole").exists():
        return None
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for command in ([PYTHON, "-m", "venv", "--clear", folder], [*pip, *NEEDED]):
        try:
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PIP_SECONDS,
                                  stdin=subprocess.DEVNULL, env={**os.environ, "PIP_RETRIES": "1"})
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"pyarrow can't be had: {error}"
        if done.returncode != 0:
            return f"pyarrow can't be installed: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}"
    (folder / "whole").touch()
    return None


def find():
    """(path of the Python, None) or (None, why there is none)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galileo"
    folder = cache / f"parquet-python-{hashlib.sha256(' '.join([PYTHON, *NEEDED]).encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:  # two test runs make it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        why_not = make_environment(folder)
    return (None, why_not) if why_not else (str(folder / "bin/python"), None)
