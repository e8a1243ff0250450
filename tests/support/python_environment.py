"""Virtual environments with packages of PyPI's, made once and kept in the cache."""
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from outside import outside

PYTHON = "/usr/bin/python3"
PIP_SECONDS = 400


def interpreter(version):
    """The path of Python of that version, as 3.9, of the path or pyenv's; None where there is none."""
    for path in (shutil.which(f"python{version}"), *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))):
        # What lies on the path may be a guide to versions that aren't there.
        if path and subprocess.run([path, "-c", "import venv"], capture_output=True).returncode == 0:
            return str(path)
    return None


def newer():
    """Pythons of this machine from 3.12 on: their paths by version (a tuple)."""
    found = {(3, minor): interpreter(f"3.{minor}") for minor in range(12, 20)}
    return {version: path for version, path in found.items() if path}


def make(folder, what, packages, python):
    """Makes it where it isn't whole yet; why it can't be, or None."""
    if (folder / "whole").exists():
        return None
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for command in ([python, "-m", "venv", "--clear", folder], [*pip, *packages]):
        try:
            done = subprocess.run(outside(*command), capture_output=True, text=True, timeout=PIP_SECONDS,
                                  stdin=subprocess.DEVNULL, env={**os.environ, "PIP_RETRIES": "1"})
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{what} can't be had: {error}"
        if done.returncode != 0:
            return f"{what} can't be installed: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}"
    (folder / "whole").touch()
    return None


def find(name, what, packages, python=PYTHON):
    """(path of the Python, None) or (None, why there is none). `name` is the folder's in the cache, `what` it is for."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galileo"
    folder = cache / f"{name}-{hashlib.sha256(' '.join([python, *packages]).encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:  # two test runs make it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        why_not = make(folder, what, packages, python)
    return (None, why_not) if why_not else (str(folder / "bin/python"), None)
