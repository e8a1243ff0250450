"""What the verdict says of a generator that is kept from its work: disturbances planted in real processes. A machine that is busy with
other things adds reasons of its own, which are true; so the planted one is looked for, and no timing."""
import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import result_of, wait_for

pytestmark = pytest.mark.alone

CPU_GROUPS = Path("/sys/fs/cgroup/cpu")


@pytest.fixture
def loaded(start, tmp_path):
    """loaded(url, ..., meanwhile=f, before=("taskset", ...)): the result of `galileo load`; f(process) is called while it runs."""
    def call(*arguments, meanwhile=None, before=()):
        process = start("load", *arguments, "-q", "--db", "none", "--json", "r.json", before=before)
        if meanwhile:
            wait_for(lambda: list(tmp_path.glob("*.spool")), "the run to begin")
            meanwhile(process)
        process.communicate(timeout=60)
        return result_of(tmp_path / "r.json")
    return call


def reasons_of(result):
    return "\n".join(result["verdict"]["reasons"])


@pytest.mark.parametrize("how", [("--rate", "500"), ("-c", "2")], ids=["open", "closed"])
def test_a_generator_that_is_stopped_says_so(loaded, target, how):
    def stop(process):
        time.sleep(0.5)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.4)
        process.send_signal(signal.SIGCONT)
    result = loaded(target("--delay", "1ms"), *how, "-d", "2s", meanwhile=stop)
    assert result["verdict"]["value"] != "VALID"
    assert "stood still for" in reasons_of(result), result["verdict"]
    assert result["generator"]["own"]["stood_still_s"] > 0.2, result["generator"]


def test_one_core_for_generator_and_target_is_told(loaded, start, port):
    if not shutil.which("taskset"):
        pytest.skip("taskset isn't installed")
    core = str(min(os.sched_getaffinity(0)))
    start("target", "--listen", f"127.0.0.1:{port}", before=("taskset", "-c", core))
    wait_for(lambda: subprocess.run(["ss", "-ltn"], capture_output=True, text=True).stdout.find(f":{port} ") >= 0, "the target")
    result = loaded(f"http://127.0.0.1:{port}/", "-c", "8", "-d", "1s", before=("taskset", "-c", core))
    assert result["verdict"]["value"] != "VALID"
    assert "it has one core, which the target or others use too" in reasons_of(result), result["verdict"]


def test_a_cap_on_connections_is_named_and_isnt_lateness(loaded, target):
    result = loaded(target("--delay", "20ms"), "--rate", "100", "-n", "100", "-c", "1")
    assert result["verdict"]["value"] == "INVALID", result["verdict"]
    assert "requests waited for one of the 1 connections that may be open (-c, connections)" in reasons_of(result)
    median = result["generator"]["own"]["quantiles"][0]
    assert median["wait_s"] > 0.5 * median["latency_s"] and median["own_s"] < 0.5 * median["latency_s"], median


def test_a_cpu_quota_is_named(loaded, target):
    group = CPU_GROUPS / f"galileo-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("2000")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"no control group with a quota can be made: {error}")
    try:
        enter = ("sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh")
        result = loaded(target(), "--rate", "500", "-d", "2s", before=enter)
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text(), "the group to be empty")
        group.rmdir()
    assert result["verdict"]["value"] != "VALID"
    assert "its CPU quota held it back for" in reasons_of(result), result["verdict"]


def test_a_generator_that_takes_much_of_its_targets_machine_is_told(loaded, target):
    result = loaded(target(), "-c", "16", "-d", "1500ms")
    own = result["generator"]["own"]
    assert own["shares_machine"]
    assert ("of the CPU of the machine that the target shares" in reasons_of(result)) == (own["machine_pct"] > 10), result["verdict"]


def test_no_reason_is_made_up_of_a_gentle_run(loaded, target):
    result = loaded(target("--delay", "5ms"), "--rate", "50", "-d", "1s")
    reasons = reasons_of(result)
    assert "connections" not in reasons and "quota" not in reasons and "machine that the target shares" not in reasons, reasons
    own = result["generator"]["own"]
    assert own["throttled_periods"] == own["waited_for_connection"] == 0 and own["machine_pct"] < 10, own
    assert all(0 <= one["own_s"] <= one["latency_s"] for one in own["quantiles"])
