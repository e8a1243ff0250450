"""actionlint, which checks workflows of GitHub Actions: the installed one, or built once into the cache, by Go's proxy of modules."""
import os
import shutil
import subprocess

from conftest import ROOT
from server_process import cached_folder

VERSION = "v1.7.7"
BUILD_SECONDS = 900


def program():
    """Its path; an OSError or SubprocessError where it can't be had."""
    return shutil.which("actionlint") or str(cached_folder(f"actionlint-{VERSION}", build) / "actionlint")


def build(root):
    found = subprocess.run([ROOT / "scripts/find_go.sh", "24"], check=True, capture_output=True, text=True, timeout=BUILD_SECONDS)
    subprocess.run([found.stdout.strip(), "install", f"github.com/rhysd/actionlint/cmd/actionlint@{VERSION}"], check=True, capture_output=True, timeout=BUILD_SECONDS,
                   env={**os.environ, "GOBIN": str(root), "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"})
