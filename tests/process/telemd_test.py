"""`galileo telemd` and `galileo telem`, on a real Redis, seen by a client that knows only docs/wire/telemetry.md."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import ROOT, SLOWER, free_port, wait_for
from pages import Pages
from telemetry_values import VALUE, Values

HALF_SECOND = {"cpu", "freq", "procs", "ram", "psi_cpu/some", "psi_memory/some", "psi_io/some"}


@pytest.fixture
def daemon(start, tmp_path):
    """daemon(server, "n1", env={...}): a running `galileo telemd`."""
    def call(server, node, *arguments, env=None, wait=True, url=None):
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("telemd_", "galileo_"))}
        process = start("telemd", "--node", node, "--bus", url or server.url, *arguments, env={**clean, **(env or {})})
        if wait:
            wait_for(lambda: server("EXISTS", f"telemd.info:{node}") or process.poll() is not None, "the node's info")
        return process
    return call


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_client_of_the_wire_sees_all_topics_with_their_units(redis, daemon):
    server = redis()
    values = Values(server)
    daemon(server, "n1", env={"telemd_period_load": "1s"})
    devices = [name for name in os.listdir("/sys/class/net") if name != "lo"]
    disks = [name for name in os.listdir("/sys/block") if not name.startswith("loop")]
    expected = {"cpu", "cpu_busy", "freq", "procs", "ram", "load1", "load5"} | {
        f"{way}/{device}" for way in ("tx", "rx") for device in devices} | {
        f"{way}/{disk}" for way in ("rd", "wr") for disk in disks}
    if Path("/proc/pressure/cpu").exists():
        expected |= {"psi_cpu/some", "psi_memory/some", "psi_memory/full", "psi_io/some", "psi_io/full"}
    wait_for(lambda: expected <= set(values.of("n1")), lambda: f"topics {expected - set(values.of('n1'))}")
    seen = values.of("n1")
    assert values.malformed == []
    now = time.time()
    assert all(abs(stamp - now) < 15 * SLOWER for all_of in seen.values() for stamp, _ in all_of)
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    kib = lambda name: int(meminfo[name].split()[0])
    used = kib("MemTotal") - kib("MemAvailable")
    assert abs(seen["ram"][-1][1] - used) < 0.2 * kib("MemTotal"), "kB in use"
    assert all(0 <= seen[name][-1][1] <= 100 for name in ("cpu", "cpu_busy"))
    assert seen["load1"][-1][1] == pytest.approx(os.getloadavg()[0], abs=3)
    assert seen["procs"][-1][1] >= 1
    # Totals since boot never shrink.
    assert [value for _, value in seen["psi_cpu/some"]] == sorted(value for _, value in seen["psi_cpu/some"])


def test_stamps_lie_on_the_period_and_a_short_period_is_kept(redis, daemon):
    server = redis()
    values = Values(server)
    daemon(server, "n1", env={"telemd_instruments_enable": "ram procs", "telemd_period_ram": "10ms", "telemd_period_procs": "200ms"})
    wait_for(lambda: len(values.of("n1").get("ram", [])) > 100 and len(values.of("n1")["procs"]) > 4, "values")
    stamps = [stamp for stamp, _ in values.of("n1")["ram"]]
    assert (stamps[-1] - stamps[0]) / (len(stamps) - 1) == pytest.approx(0.010, rel=0.3)
    assert set(values.of("n1")) == {"ram", "procs"}


@pytest.mark.quick
def test_info_is_written_at_the_start_on_command_and_gone_at_the_end(redis, daemon):
    server = redis()
    process = daemon(server, "n1")
    info = server.hash("telemd.info:n1")
    assert {"arch", "cpus", "ram", "boot", "disk", "net", "hostname", "netspeed"} <= set(info)
    assert info["hostname"] == os.uname().nodename and info["cpus"] == str(os.cpu_count())
    server("DEL", "telemd.info:n1")
    assert server("PUBLISH", "telemcmd/n1", "info") == 1
    wait_for(lambda: server.hash("telemd.info:n1") == info, "the info again")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10 * SLOWER) == 0
    assert server("EXISTS", "telemd.info:n1") == 0 and server("PUBSUB", "CHANNELS", "telemcmd/*") == []


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_pause_holds_also_over_a_lost_redis_and_nonsense_is_no_command(redis, daemon):
    server = redis()
    status = free_port()
    process = daemon(server, "n1", "--status", f"127.0.0.1:{status}", env={"telemd_redis_retry_backoff": "200ms"})
    metric = lambda name: next(float(line.split()[1]) for line in urlopen(f"http://127.0.0.1:{status}/metrics").read().decode().splitlines()
                               if line.startswith(f"galileo_telemd_{name} "))
    values = Values(server)
    wait_for(lambda: "cpu" in values.of("n1"), "values")
    for command in ("nonsense", "", "PAUSE", "x" * 100_000):
        server("PUBLISH", "telemcmd/n1", command)
    server("PUBLISH", "telemcmd/n1", "pause")
    wait_for(lambda: metric("paused") == 1, "the pause")
    assert metric("messages_malformed_total") == 4
    time.sleep(0.1)
    before = {topic: len(all_of) for topic, all_of in values.of("n1").items()}
    time.sleep(1.2)
    assert before == {topic: len(all_of) for topic, all_of in values.of("n1").items()}
    server.restart(away=0.5)
    wait_for(lambda: server("EXISTS", "telemd.info:n1"), "the info after Redis was away")
    assert metric("paused") == 1 and urlopen(f"http://127.0.0.1:{status}/healthz").read() == b"ok\n"
    again = Values(server)
    time.sleep(1.2)
    assert again.of("n1") == {}
    server("PUBLISH", "telemcmd/n1", "unpause")
    wait_for(lambda: "cpu" in again.of("n1"), "values again")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10 * SLOWER)
    assert process.returncode == 0 and "pause, unpause and info are" in err and "the bus is there again" in err


def test_redis_may_come_late_and_what_was_read_while_it_was_away_is_published_after(redis, daemon, tmp_path):
    server = redis()
    server.kill()
    process = daemon(server, "n1", env={"telemd_redis_retry_backoff": "100ms", "telemd_instruments_enable": "ram", "telemd_period_ram": "50ms"}, wait=False)
    time.sleep(1)
    assert process.poll() is None
    server.launch()
    wait_for(lambda: server("EXISTS", "telemd.info:n1"), "the node's info")
    values = Values(server)
    wait_for(lambda: len(values.of("n1").get("ram", [])) > 3, "values")
    lost = time.time()
    server.restart(away=1)
    values = Values(server)
    wait_for(lambda: len(values.of("n1").get("ram", [])) > 5, "values after it was away")
    # Nobody may have listened yet when the first of them went out; but later ones from that time come.
    assert min(stamp for stamp, _ in values.of("n1")["ram"]) < lost + 30 * SLOWER


def test_the_file_its_section_and_the_environment_say_what_is_read(redis, daemon, tmp_path):
    server = redis()
    values = Values(server)
    (tmp_path / "telemd.ini").write_text("""
# for all
telemd_instruments_enable = cpu ram load
telemd_period_ram = 100ms
telemd_perod_cpu = 1s

[n1]
telemd_instruments_disable = load
telemd_period_ram = 50ms
[n2]
telemd_instruments_enable = procs
""")
    process = daemon(server, "n1", "--config", tmp_path / "telemd.ini", env={"telemd_period_cpu": "100ms"})
    wait_for(lambda: len(values.of("n1").get("ram", [])) > 10 and "cpu" in values.of("n1"), "values")
    assert set(values.of("n1")) == {"ram", "cpu", "cpu_busy"}
    process.send_signal(signal.SIGTERM)
    assert "did you mean 'telemd_period_cpu'?" in process.communicate(timeout=10 * SLOWER)[1]


@pytest.mark.quick
@pytest.mark.parametrize("text, env, said", [
    ("telemd_period_cpu = soon", {}, "c.ini:1"),
    ("\n[n1]\ntelemd_instruments_enable = cpu rom", {}, "c.ini:3: there is no instrument 'rom'|did you mean 'ram'"),
    ("what", {}, "c.ini:1|neither a value nor a section"),
    ("[n1", {}, "a section's name has no end"),
    ("", {"telemd_period_cpu": "1ms"}, "telemd_period_cpu|10ms or more"),
    ("", {"telemd_instruments_disable": "psi"}, "there is no instrument 'psi'"),
    ("", {"telemd_redis_retry_backoff": "-1s"}, "telemd_redis_retry_backoff"),
])
def test_a_wrong_configuration_is_one_clear_error(run, tmp_path, text, env, said):
    (tmp_path / "c.ini").write_text(text)
    done = run("telemd", "--node", "n1", "--config", "c.ini", "--bus", "redis://127.0.0.1:1", env=env)
    assert done.code == 2 and done.err.count("\n") == 1, done
    for part in said.split("|"):
        if part.startswith("c.ini") and ": " in part:
            part = part.split(": ", 1)[1]
        assert part in done.err, done


@pytest.mark.quick
def test_nodes_are_listed_told_of_paused_and_followed(run, redis, daemon):
    server = redis()
    bus = ("--bus", server.url)
    assert run("telem", "pause", *bus).code == 92
    daemon(server, "n1")
    daemon(server, "n2")
    listed = json.loads(run("telem", "ls", "--json", *bus).out)
    assert [one["node"] for one in listed] == ["n1", "n2"] and listed[0]["info"]["cpus"] == str(os.cpu_count())
    text = run("telem", "ls", *bus).out.splitlines()
    assert text[0].split() == ["NODE", "ARCH", "CPUS", "RAM", "NET", "DISK"] and text[1].split()[0] == "n1"
    assert json.loads(run("telem", "info", "n2", "--json", *bus).out)["n2"]["hostname"] == os.uname().nodename
    missing = run("telem", "info", "n3", *bus)
    assert missing.code == 2 and "n3" in missing.err
    lines = run("telem", "follow", "n1/*", "-d", "1500ms", *bus).out.splitlines()
    assert {line.split("/")[1] for line in lines} == {"n1"} and any(line.startswith("telem/n1/cpu ") for line in lines)
    assert all(VALUE.match(line.split(" ", 1)[1]) for line in lines)
    assert run("telem", "pause", "n1", *bus).out == "n1\n"
    nodes = {json.loads(line)["node"] for line in run("telem", "follow", "--json", "-d", "1500ms", *bus).out.splitlines()}
    assert nodes == {"n2"}
    assert run("telem", "unpause", *bus).out == "n1\nn2\n"


def test_in_a_terminal_the_latest_values_are_a_table(redis, daemon, galileo):
    server = redis()
    daemon(server, "pi-1")
    ours, theirs = os.openpty()
    process = subprocess.Popen([galileo, "telem", "follow", "pi-1/*", "--bus", server.url, "-d", "2500ms"], stdin=subprocess.DEVNULL, stdout=theirs,
                               stderr=subprocess.DEVNULL)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # that is how the end of a terminal is read
        while piece := os.read(ours, 65536):
            text += piece
    os.close(ours)
    assert process.wait(10) == 0
    drawn, last = text.decode().split("\x1b[?1049l")
    assert drawn.startswith("\x1b[?1049h\x1b[?25l") and drawn.endswith("\x1b[?25h")
    rows = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", row).split() for row in last.replace("\r", "").strip().splitlines()]
    assert rows[0][0] == "pi-1" and {"cpu", "ram", "procs"} <= {row[0] for row in rows[1:]}
    assert next(row for row in rows if row[0] == "cpu")[2] == "%" and next(row for row in rows if row[0] == "ram")[2] in ("MiB", "GiB")


@pytest.mark.alone
def test_it_reads_less_often_where_it_would_take_too_much_cpu(redis, daemon):
    server = redis()
    status = free_port()
    process = daemon(server, "n1", "--status", f"127.0.0.1:{status}", env={"telemd_period_ram": "10ms", "telemd_cpu_max": "0.01%"})
    stretched = lambda: float(re.search(r"^galileo_telemd_periods_stretched (\S+)", urlopen(f"http://127.0.0.1:{status}/metrics").read().decode(), re.M)[1])
    assert stretched() == 1
    wait_for(lambda: stretched() == 4, "periods four times as long", 30)
    process.send_signal(signal.SIGTERM)
    err = process.communicate(timeout=10 * SLOWER)[1]
    assert err.count("everything is read less often") == 2 and "periods=\"2 times as long\"" in err.replace("'", '"'), err


@pytest.mark.skipif(os.getuid() != 0, reason="it takes root to become another user")
def test_it_reads_the_same_as_a_user_without_rights(redis, galileo, tmp_path):
    server = redis()
    values = Values(server)
    root = {**os.environ, "telemd_period_load": "500ms"}
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    # The program may lie where only root may look.
    program = Path("/proc/self/fd")
    descriptor = os.open(galileo, os.O_RDONLY)
    started = [subprocess.Popen([*prefix, str(program / str(descriptor)), "telemd", "--node", node, "--bus", server.url], env=root, cwd="/",
                                pass_fds=[descriptor], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for node, prefix in (("root", []), ("nobody", nobody))]
    try:
        wait_for(lambda: "load1" in values.of("nobody") and set(values.of("root")) == set(values.of("nobody")),
                 lambda: f"the same: {set(values.of('root')) ^ set(values.of('nobody'))}")
    finally:
        for process in started:
            process.terminate()
            process.wait(10)
        os.close(descriptor)


BUSY = "import time, resource\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))"


@pytest.mark.alone
def test_a_real_control_group_of_a_container_is_read(redis, daemon):
    """A group as Docker makes one, with a busy process in it: against the kernel's file and getrusage."""
    group = Path("/sys/fs/cgroup/cpuacct")
    memory = Path("/sys/fs/cgroup/memory")
    if not os.access(group, os.W_OK) or not memory.exists():
        pytest.skip("no writable cgroup v1 hierarchy here")
    server = redis()
    values = Values(server)
    daemon(server, "n1", env={"telemd_period_docker_cgrp_cpu": "100ms", "telemd_period_docker_cgrp_memory": "100ms", "telemd_period_docker_cgrp_net": "100ms"})
    identity = os.urandom(32).hex()
    made = [root / "docker" for root in (group, memory) if not (root / "docker").exists()]
    folders = [root / "docker" / identity for root in (group, memory)]
    try:
        for folder in folders:
            folder.mkdir(parents=True)
        process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True)
        for folder in folders:
            (folder / "cgroup.procs").write_text(str(process.pid))
        used_s = float(process.communicate(timeout=60)[0])
        topic = f"docker_cgrp_cpu/{identity[:12]}"
        told = lambda: values.of("n1").get(topic, [(0, 0)])[-1][1]
        wait_for(lambda: told() == int((folders[0] / "cpuacct.usage").read_text()) > 0, lambda: f"{topic}: {values.of('n1').get(topic)}")
        assert told() / 1e9 == pytest.approx(used_s, abs=0.2)
        assert f"docker_cgrp_memory/{identity}" in values.of("n1")
        assert any(name.startswith(f"docker_cgrp_net/{identity[:12]}/lo") for name in values.of("n1"))
    finally:
        for folder in folders + made:
            if folder.exists():
                folder.rmdir()
    count = len(values.of("n1")[topic])
    time.sleep(0.5)
    assert len(values.of("n1")[topic]) <= count + 2, "a group that has gone is read no more"


def test_processes_and_files_that_the_configuration_names(redis, daemon, tmp_path):
    server = redis()
    values = Values(server)
    (tmp_path / "room").write_text("21.5 degrees\n")
    name = f"busy{os.getpid()}"
    os.symlink(sys.executable, tmp_path / name)  # its own name among the processes
    daemon(server, "n1", env={"telemd_processes": f"{name} nobody-is-called-so", "telemd_files": f"room:{tmp_path}/room none:{tmp_path}/none",
                              "telemd_instruments_enable": "process file", "telemd_period_process": "200ms", "telemd_period_file": "100ms"})
    wait_for(lambda: values.of("n1").get("file/room", [(0, 0)])[-1][1] == 21.5, "the file's number")
    (tmp_path / "room").write_text("22\n")
    wait_for(lambda: values.of("n1")["file/room"][-1][1] == 22, "the new number")
    for _ in range(2):  # one that ends is looked for again
        before = len(values.of("n1").get(f"process_cpu/{name}", []))
        process = subprocess.Popen([tmp_path / name, "-c", "import threading\nwhile True: pass"])
        try:
            wait_for(lambda: len(values.of("n1").get(f"process_cpu/{name}", [])) > before + 3, "the process")
            # Of those since it began: on a busy machine it may have to wait for a core.
            wait_for(lambda: max(value for _, value in values.of("n1")[f"process_cpu/{name}"][before:]) > 20, "its CPU")
            assert values.of("n1")[f"process_rss/{name}"][-1][1] > 1e6
        finally:
            process.kill()
            process.wait()
    assert {topic.split("/")[1] for topic in values.of("n1")} == {"room", name}


@pytest.mark.parametrize("door", ["a variable", "a .env file", "a section", "nothing"])
def test_only_the_graphics_processors_that_are_named_are_read(redis, daemon, tmp_path, door):
    """By NVIDIA's library as far as the daemon can tell: one of two devices, however the old setting is given."""
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libnvidia-ml.so.1", ROOT / "tests/support/fake_nvml.c"], check=True)
    (tmp_path / ".env").write_text("telemd_gpu_devices=1\ntelemd_instruments_enable=gpu_util\n")
    (tmp_path / "config.ini").write_text("telemd_instruments_enable = gpu_util\n" + ("telemd_gpu_devices = 0\n[n1]\ntelemd_gpu_devices = 1\n" if door == "a section" else ""))
    env = {"telemd_gpu_devices": "1"} if door == "a variable" else {}
    if door == "a .env file":
        env = dict(line.split("=", 1) for line in subprocess.check_output(["sh", "-c", "env -i $(cat .env | xargs) env"], cwd=tmp_path, text=True).splitlines())
    server = redis()
    values = Values(server)
    daemon(server, "n1", "--config", tmp_path / "config.ini", env={"LD_LIBRARY_PATH": str(tmp_path), "telemd_period_gpu_util": "50ms"} | env)
    numbers = {"0", "1"} if door == "nothing" else {"1"}
    # All devices are read one after the other: two readings of one are one of each.
    wait_for(lambda: len(values.of("n1").get("gpu_util/1", [])) > 2, lambda: f"{values.of('n1')}")
    assert {topic.split("/")[1] for topic in values.of("n1")} == numbers
    wait_for(lambda: server("HGET", "telemd.info:n1", "gpu"), "the node's info")
    assert {word.split("-")[0] for word in server("HGET", "telemd.info:n1", "gpu").split()} >= numbers


@pytest.mark.sanitize
def test_pages_of_metrics_are_read_into_the_same_stream(redis, daemon, port):
    """One that a test serves, and a real one: the daemon's own."""
    server, pages = redis(), Pages()
    values = Values(server)
    pages.pages["/metrics"] = (200, '# TYPE hits counter\nhits{path="/a b",code="200"} 5\nskipped 1\nbad NaN\ntemperature 21.5\n')
    process = daemon(server, "n1", "--status", f"127.0.0.1:{port}", env={
        "telemd_scrape": f"app:{pages.url}/metrics self:http://localhost:{port}/metrics gone:http://127.0.0.1:{free_port()}/",
        "telemd_scrape_metrics": "hits temp* bad galileo_telemd_samples_total", "telemd_period_scrape": "100ms", "telemd_instruments_enable": "scrape"})
    topics = lambda: values.of("n1")
    labelled = "scrape/app/hits/path=/a_b,code=200"
    wait_for(lambda: len(topics().get(labelled, [])) > 3 and len(topics().get("scrape/self/galileo_telemd_samples_total", [])) > 3, lambda: f"{topics()}")
    assert topics()[labelled][-1][1] == 5 and topics()["scrape/app/temperature"][-1][1] == 21.5
    assert set(topics()) == {labelled, "scrape/app/temperature", "scrape/self/galileo_telemd_samples_total"}
    own = [value for _, value in topics()["scrape/self/galileo_telemd_samples_total"]]
    assert own == sorted(own) and own[-1] > 0
    stamps = [stamp for stamp, _ in topics()["scrape/app/temperature"]]
    assert 0.05 < (stamps[-1] - stamps[0]) / (len(stamps) - 1) < 0.3 * SLOWER
    # One that goes wrong is told once, gives nothing meanwhile, and is read again.
    pages.pages["/metrics"] = (200, "hits 6\n<html>\n")
    wait_for(lambda: topics().get("scrape/app/hits", [(0, 0)])[-1][1] == 6, "what stands before the wrong line")
    pages.pages["/metrics"] = (503, "hits 7\n")
    asked = pages.asked
    wait_for(lambda: pages.asked > asked + 3, "more tries")
    pages.pages["/metrics"] = (200, "hits 8\n")
    wait_for(lambda: topics()["scrape/app/hits"][-1][1] == 8, "the page again")
    assert 7 not in [value for _, value in topics()["scrape/app/hits"]]
    assert re.search(r"^galileo_telemd_readings_failed_total [1-9]", urlopen(f"http://127.0.0.1:{port}/metrics").read().decode(), re.M)
    process.terminate()
    told = process.communicate(timeout=10 * SLOWER)[1]
    assert len(re.findall(r"page of metrics can't be read.*page=app", told)) == 1 and "line 2: <html>: it begins with no name" in told, told
    assert len(re.findall(r"page of metrics can't be read.*page=gone.*refused", told)) == 1, told
    assert len(re.findall(r"can be read again.*page=app", told)) == 1, told


@pytest.mark.sanitize
def test_commands_are_instruments_where_the_configuration_says_so(redis, daemon, tmp_path):
    server = redis()
    values = Values(server)
    (tmp_path / "value").write_text("1\n")
    marker = f"galileo-command-{uuid.uuid4()}"
    config = tmp_path / "config.ini"
    config.write_text(f"""telemd_instruments_enable = command
telemd_period_command = {200 * SLOWER}ms
telemd_commands = one many hangs fails talks floods
telemd_command_one = cat {tmp_path}/value; if grep -q "SigBlk:.*[1-9a-f]" /proc/self/status; then echo blocked; fi
telemd_command_many = printf 'cpu 40.5\\ngpu -1e3\\n'
telemd_command_hangs = sh -c 'sleep 1000; : {marker}' & wait
telemd_command_fails = echo 1; exit 3
telemd_command_talks = echo hello world again
telemd_command_floods = yes 1
""")
    process = daemon(server, "n1", "--config", config)
    topics = lambda: values.of("n1")
    wait_for(lambda: len(topics().get("command/one", [])) > 3 and len(topics().get("command/many/gpu", [])) > 3, lambda: f"{topics()}")
    assert topics()["command/one"][-1][1] == 1 and topics()["command/many/cpu"][-1][1] == 40.5 and topics()["command/many/gpu"][-1][1] == -1000
    (tmp_path / "value").write_text("2\n")
    wait_for(lambda: topics()["command/one"][-1][1] == 2, "the new value")
    assert set(topics()) == {"command/one", "command/many/cpu", "command/many/gpu"}
    running = lambda: [one for one in Path("/proc").glob("[0-9]*/cmdline") if marker in read_if_there(one)]
    assert len(running()) <= 2, "the one that hangs is killed with what it started"
    process.terminate()
    told = process.communicate(timeout=10 * SLOWER)[1]
    assert not running()
    for name, why in (("hangs", "it takes longer than its period"), ("fails", "it ended with 3"), ("floods", "it prints more than 64 KiB"),
                      ("talks", "it prints 'hello world again', neither a number nor a name and a number")):
        assert len(re.findall(rf"command gives no values.*command={name} .*{re.escape(why)}", told)) == 1, told


def read_if_there(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def moved(values):
    """Bytes, from rates in kB/s: each holds since the reading before."""
    return sum(rate * 1000 * (stamp - before) for (before, _), (stamp, rate) in zip(values, values[1:]))


def test_a_counted_transfer_over_a_network_is_what_net_says(redis, daemon, tmp_path):
    """Two namespaces and a pair of devices between them, over which a known number of bytes goes."""
    if os.getuid() != 0 or subprocess.run(["unshare", "--net", "--mount", "ip", "link", "add", "v1", "type", "veth", "peer", "name", "v2"],
                                          capture_output=True).returncode:
        pytest.skip("no namespaces of network and mounts with veth here")
    server = redis()
    values = Values(server)
    sys_folder = tmp_path / "sys"
    sys_folder.mkdir()
    spaces = [subprocess.Popen(["unshare", "--net", "--mount", "sleep", "300"]) for _ in range(2)]
    inside = lambda space, *words: ["nsenter", "--target", str(space.pid), "--net", "--mount", *map(str, words)]
    at = lambda space, *words: subprocess.run(inside(space, *words), check=True, timeout=30)
    process = None
    try:
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: all(os.readlink(f"/proc/{space.pid}/ns/net") != own for space in spaces), "namespaces")
        one, other = spaces
        at(one, "ip", "link", "add", "counted", "type", "veth", "peer", "name", "far", "netns", other.pid)
        for space, device, address in ((one, "counted", "10.9.9.1/24"), (other, "far", "10.9.9.2/24")):
            at(space, "ip", "addr", "add", address, "dev", device)
            at(space, "ip", "link", "set", device, "up")
        at(one, "mount", "-t", "sysfs", "none", sys_folder)  # of this namespace; nobody else sees it
        env = {**os.environ, "telemd_sys_mount": str(sys_folder), "telemd_instruments_enable": "net", "telemd_net_devices": "counted",
               "telemd_period_net": "100ms"}
        galileo = os.environ.get("GALILEO_BINARY", ROOT / "build/release/galileo")
        process = subprocess.Popen(inside(one, galileo, "telemd", "--node", "n1", "--bus", f"unix://{server.socket}"), env=env, stderr=subprocess.DEVNULL)
        wait_for(lambda: len(values.of("n1").get("tx/counted", [])) > 3, "readings")
        # The peer's address is asked for first; then 2000 datagrams of 1000 bytes, each in 42 bytes of headers.
        send = "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor i in range(2000):\n    s.sendto(b'x' * 1000, ('10.9.9.2', 9))\n    time.sleep(0.0005)"
        at(one, sys.executable, "-c", send)
        sent = int((Path(f"/proc/{one.pid}/root") / str(sys_folder).lstrip("/") / "class/net/counted/statistics/tx_bytes").read_text())
        assert 2000 * 1042 <= sent < 2000 * 1042 + 5000
        wait_for(lambda: values.of("n1")["tx/counted"][-1][1] == 0, "it to be quiet")
        assert moved(values.of("n1")["tx/counted"]) == pytest.approx(2000 * 1042, rel=0.03)
        assert moved(values.of("n1")["rx/counted"]) < 5000 + 2000 * 70  # at most that the port is closed, each time
    finally:
        for running in [process, *spaces]:
            if running:
                running.terminate()
                running.wait(10)


def test_a_written_file_and_an_allocation_show(redis, daemon, tmp_path):
    server = redis()
    values = Values(server)
    daemon(server, "n1", env={"telemd_instruments_enable": "disk ram", "telemd_period_disk": "100ms", "telemd_period_ram": "100ms"})
    wait_for(lambda: len(values.of("n1").get("ram", [])) > 2, "readings")
    size = 48 << 20
    before = {topic: len(all_of) for topic, all_of in values.of("n1").items() if topic.startswith("wr/")}
    try:
        with open(tmp_path / "written", "wb", buffering=0) as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
            os.fsync(file.fileno())
        written = lambda: sum(moved(all_of[before.get(topic, 0):]) for topic, all_of in values.of("n1").items() if topic.startswith("wr/"))
        if before and os.stat(tmp_path).st_dev >> 8 != 0:  # else it lies in memory
            wait_for(lambda: written() > 0.9 * size, lambda: f"{size} bytes, {written()} are told")
    finally:
        (tmp_path / "written").unlink()
    # What the daemon says of memory is what the kernel says at that time. How soon the kernel gives
    # back what a process has freed, and what else the machine does, is the kernel's own affair.
    seen = len(values.of("n1")["ram"])
    own = read_memory_during_allocations(rounds=4)
    told = values.of("n1")["ram"][seen:]
    compared = 0
    for stamp, used in told:
        near = [reading for at, reading in own if abs(at - stamp) < 0.05]
        if len(near) < 5:
            continue  # our own reading was held up
        compared += 1
        assert min(near) - 2048 <= used <= max(near) + 2048, (stamp, used, min(near), max(near))
    assert compared > 5, (len(told), len(own))


def read_memory_during_allocations(rounds, size=300 << 20):
    """(unix seconds, kB in use) as /proc/meminfo has it each few milliseconds, while processes hold memory for a while."""
    readings = []
    script = f"import time\nheld = [bytearray(b'x') * (10 << 20) for _ in range({size} // (10 << 20))]\ntime.sleep(0.3)"
    for _ in range(rounds):
        with subprocess.Popen([sys.executable, "-c", script]) as hold:
            while hold.poll() is None:
                lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
                kb = lambda name: int(lines[name].split()[0])
                readings.append((time.time(), kb("MemTotal") - kb("MemAvailable")))
                time.sleep(0.003)
    return readings


def bundle_of(folder, cgroup, script):
    """A container for runc: busybox as its only program, the shell's script as its process."""
    rootfs = folder / "rootfs"
    for name in ("bin", "proc", "dev", "tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", rootfs / "bin/busybox")
    subprocess.run(["runc", "spec", "--bundle", folder], check=True)
    spec = json.loads((folder / "config.json").read_text())
    spec["process"] |= {"terminal": False, "args": ["/bin/busybox", "sh", "-c", script]}
    spec["linux"]["cgroupsPath"] = cgroup
    (folder / "config.json").write_text(json.dumps(spec))


def can_run_containers(folder):
    """Whether runc works here at all: it takes root, and a kernel that lets it."""
    if os.getuid() != 0 or not shutil.which("runc") or not (shutil.which("busybox")):
        return False
    bundle_of(folder, f"/galileo-try-{os.getpid()}", "true")
    return subprocess.run(["runc", "run", "--bundle", folder, f"galileo-try-{os.getpid()}"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def test_real_containers_of_each_class_of_service_are_read(redis, daemon, tmp_path):
    """Containers that runc makes, in the control groups that Kubernetes gives to its pods (cgroupfs driver)."""
    if not can_run_containers(tmp_path / "try"):
        pytest.skip("runc can't run a container here")
    server = redis()
    values = Values(server)
    daemon(server, "n1", env={f"telemd_period_kubernetes_cgrp_{what}": "100ms" for what in ("cpu", "memory", "net", "blkio")})
    pods = [f"/kubepods/{kind}pod{uuid.uuid4()}" for kind in ("burstable/", "besteffort/", "")]
    ids = [os.urandom(32).hex() for _ in pods]
    # Half a second's work of the shell, a file in memory, and then nothing.
    script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; busybox=$(/bin/busybox head -c 3000000 /dev/zero | /bin/busybox wc -c); /bin/busybox sleep 60"
    processes = []
    try:
        for pod, identity in zip(pods, ids):
            bundle_of(tmp_path / identity, f"{pod}/{identity}", script)
            processes.append(subprocess.Popen(["runc", "run", "--bundle", tmp_path / identity, identity], stdin=subprocess.DEVNULL,
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        last = lambda topic: values.of("n1").get(topic, [(0, -1)])[-1][1]
        for pod, identity in zip(pods, ids):
            v1 = Path("/sys/fs/cgroup/cpuacct") / pod.strip("/") / identity / "cpuacct.usage"
            v2 = Path("/sys/fs/cgroup") / pod.strip("/") / identity / "cpu.stat"

            def used_ns():
                return int(v1.read_text()) if v1.exists() else 1000 * int(v2.read_text().split()[1])
            cpu = f"kubernetes_cgrp_cpu/{identity}"
            wait_for(lambda: last(cpu) > 50e6 and last(cpu) == used_ns(), lambda: f"{cpu}: {last(cpu)}", 30)
            assert last(f"kubernetes_cgrp_memory/{identity}") > 0 and last(f"kubernetes_cgrp_blkio/{identity}") >= 0
            # Its network is its own, from the first value on: a loopback over which nothing has gone.
            wait_for(lambda: values.of("n1").get(f"kubernetes_cgrp_net/{identity}/lo"), "its network")
            assert all(value == 0 for _, value in values.of("n1")[f"kubernetes_cgrp_net/{identity}/lo"])
            assert last(f"kubernetes_cgrp_net/{identity}/lo") == 0 == last(f"kubernetes_cgrp_net/{identity}")
    finally:
        for identity in ids:
            subprocess.run(["runc", "delete", "--force", identity], capture_output=True, timeout=60)
        for process in processes:
            process.kill()
            process.wait()
        for controller in Path("/sys/fs/cgroup").iterdir():
            for pod in pods:
                folder = controller / pod.strip("/")
                if folder.is_dir():
                    folder.rmdir()
                for parent in (folder.parent, controller / "kubepods"):
                    if parent.is_dir() and parent != controller:
                        with contextlib.suppress(OSError):
                            parent.rmdir()
    quiet = {identity: len(values.of("n1")[f"kubernetes_cgrp_cpu/{identity}"]) for identity in ids}
    time.sleep(0.6)
    for identity, count in quiet.items():
        assert len(values.of("n1")[f"kubernetes_cgrp_cpu/{identity}"]) <= count + 2, "a container that has gone is read no more"
