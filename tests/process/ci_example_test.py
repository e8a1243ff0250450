"""The pipeline of examples/ci: actionlint takes it, and a shell takes its steps as a runner would."""
import os
import shutil
import sqlite3
import subprocess

import actionlint
import pytest
import yaml
from conftest import ROOT, SLOWER

EXAMPLE = ROOT / "examples/ci"
WORKFLOW = EXAMPLE / "load-test.yml"


def steps():
    """Those that a shell runs, by name; a cache's and GitHub's own aside."""
    return {step["name"]: step for step in yaml.safe_load(WORKFLOW.read_text())["jobs"]["load"]["steps"] if "run" in step}


def test_actionlint_finds_nothing():
    try:
        program = actionlint.program()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"actionlint can't be had: {error}")
    done = subprocess.run([program, "-no-color", WORKFLOW], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def step(galileo, tmp_path):
    """step("Compare"): what a runner makes of it, in a workspace with both checkouts; the exit code and what it said."""
    for folder in ("load", "base/load"):
        shutil.copytree(EXAMPLE, tmp_path / folder)
    (tmp_path / "path").mkdir()
    (tmp_path / "path/galileo").symlink_to(galileo)
    env = {**os.environ, "GITHUB_WORKSPACE": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "PATH": f"{tmp_path / 'path'}:{os.environ['PATH']}"}

    def call(name):
        one = steps()[name]
        done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", one["run"]], cwd=tmp_path / one.get("working-directory", "."), env=env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90 * SLOWER)
        return done.returncode, done.stdout + done.stderr
    return call


def test_a_shell_takes_its_steps(step, tmp_path):
    assert list(steps()) == ["Build galileo", "Measure the base", "Measure the change", "Compare"]
    codes = {name: step(name) for name in ("Measure the base", "Measure the change", "Compare")}
    # A busy machine's verdict fails a job, and is no fault of the example.
    invalid = any("INVALID" in said for _, said in codes.values())
    assert invalid or [code for code, _ in codes.values()][:2] == [0, 0] and codes["Compare"][0] in (0, 93), codes
    assert (tmp_path / "summary.md").read_text().startswith("## ") and "<testsuites" in (tmp_path / "galileo.xml").read_text()
    assert (tmp_path / "galileo.html").stat().st_size > 10_000
    with sqlite3.connect(tmp_path / "galileo.sqlite") as database:
        assert database.execute("SELECT count(*) FROM experiments").fetchone() == (2,)


def test_a_slower_change_ends_early_and_fails_its_step(step, tmp_path):
    path = tmp_path / "load/app.py"
    path.write_text(path.read_text().replace("sleep(0.003)", "sleep(0.4)"))
    code, said = step("Measure the change")
    assert code in (90, 99) and "ended early" in said, said
    assert "❌ | `p95(latency) < 250ms`" in (tmp_path / "summary.md").read_text()
    with sqlite3.connect(tmp_path / "galileo.sqlite") as database:
        assert database.execute("SELECT count(*) FROM traces").fetchone()[0] < 500
