"""`galileo chaos`: the fault agent against a real Redis, told by hand what the family's scripts tell it; what it starts is really
there, and gone in the end, whatever ends it. With pods on a cluster: tests/cluster/faults_test.py."""
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import wait_for

TBF = ["qdisc", "add", "dev", "lo", "root", "tbf", "rate", "2mbit", "burst", "5kb", "latency", "400ms"]
LOSS = ["filter", "add", "dev", "lo", "egress", "pref", "1", "bpf", "da", "bytecode",
        "4,32 0 0 4294963256,53 1 0 858993459,6 0 0 2,6 0 0 4294967295"]


def has_networks():
    return os.getuid() == 0 and shutil.which("tc") and subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0


needs_networks = pytest.mark.skipif(not has_networks(), reason="networks of one's own take root and tc")


class Agent:
    """One that listens; `inside`: in a network of its own, so that this machine's is never touched."""

    def __init__(self, redis, start, tmp_path, *words, inside=False, env=None, name="n1", state=None):
        self.socket = redis.socket
        self.server, self.name = redis, name
        self.told = self.server.listen("galileo/chaos")
        self.state = state or tmp_path / "state"
        self.process = start("chaos", "--bus", f"unix://{self.socket}", "--node", name, "--state", self.state, *words,
                             before=("unshare", "-n") if inside else (), env={**os.environ, **(env or {})})
        wait_for(lambda: self.server("PUBSUB", "NUMSUB", f"edgechaos/{name}")[1] == 1 or self.process.poll() is not None, "the agent")
        assert self.process.poll() is None, self.process.stderr.read()

    def tell(self, order):
        self.server("PUBLISH", f"edgechaos/{self.name}", order if isinstance(order, str) else json.dumps(order))

    def hear(self, state, seconds=20, **having):
        """The next report of that state; what comes before it is passed over."""
        deadline = time.monotonic() + seconds
        while True:
            report = json.loads(self.told.messages.get(timeout=max(0.01, deadline - time.monotonic()))[1])
            if report["state"] == state and having.items() <= report.items():
                return report

    def ask(self, order, state, **having):
        self.tell(order)
        return self.hear(state, **having)

    def qdiscs(self):
        told = subprocess.run(["nsenter", f"--net=/proc/{self.process.pid}/ns/net", "tc", "qdisc", "show", "dev", "lo"], capture_output=True, text=True).stdout
        return [line.split()[1] for line in told.splitlines()]


@pytest.fixture
def agent(redis, start, tmp_path):
    server = redis()
    return lambda *words, **more: Agent(server, start, tmp_path, *words, **more)


def burners():
    """All parts of agents that take something up."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--under" in words and Path(f"/proc/{path.parent.name}/stat").exists():
            found.append(int(path.parent.name))
    return found


def of_group(process):
    """Those that the agent has started, and theirs."""
    def parent(pid):
        try:
            return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return 0
    return [pid for pid in burners() if process.pid in (parent(pid), parent(parent(pid)))]


CPU = {"name": "stress-ng", "parameters": {"cpu": 1, "vm": 1, "vm-bytes": "20M"}, "kind": "start"}


def test_a_stress_takes_what_it_says_and_ends_by_the_same_body(agent):
    one = agent()
    began = time.monotonic()
    started = one.ask(CPU, "started")
    assert started["node"] == "n1" and abs(started["at"] - time.time()) < 30, started
    wait_for(lambda: len(of_group(one.process)) >= 3, "its processes")
    time.sleep(1)
    ended = one.ask({**CPU, "kind": "stop"}, "ended")
    lasted = time.monotonic() - began
    assert ended["why"] == "asked" and ended["effect"]["memory_bytes"] >= 20 << 20, ended
    assert 0.05 < ended["effect"]["cpu_s"] <= lasted + 0.5, ended
    assert of_group(one.process) == []
    # A second time there is nothing to stop.
    assert "nothing of it is there" in one.ask({**CPU, "kind": "stop"}, "refused")["why"]


def test_what_isnt_known_to_be_harmless_is_refused_and_said(agent):
    one = agent()
    refused = [
        ("no JSON", "it isn't JSON"), ({"kind": "start"}, "no 'name'"),
        ({"name": "reboot", "parameters": {}, "kind": "start"}, "'reboot' isn't known"),
        ({"name": "stress-ng", "parameters": {"job": "/etc/passwd"}, "kind": "start"}, "'job' isn't known"),
        ({"name": "stress-ng", "parameters": {"cpu": "1; reboot"}, "kind": "start"}, "can't be a value"),
        ({"name": "tc", "parameters": {"tc": ["-batch", "/etc/passwd", "a", "b"]}, "kind": "start"}, "can't be a word"),
        ({"name": "tc", "parameters": {"tc": ["qdisc", "replace", "dev", "lo", "root", "netem"]}, "kind": "start"}, "couldn't be put back"),
        ({"name": "tc", "parameters": {"tc": ["qdisc", "del", "dev", "lo", "root"]}, "kind": "stop"}, "nothing of mine is there"),
        ({"name": "tc", "parameters": {"tc": TBF}, "kind": "start", "network": "not an address"}, "isn't one"),
        ({"name": "tc", "parameters": {"tc": TBF}, "kind": "start", "network": "203.0.113.7"}, "no network of this node has the address 203.0.113.7"),
        ({**CPU, "id": "x" * 300}, "its id is too long"),
    ]
    for order, why in refused:
        assert why in one.ask(order, "refused")["why"], order
    assert of_group(one.process) == [] and one.process.poll() is None
    # Without stress-ng our burner says what it can't do.
    if not shutil.which("stress-ng"):
        assert "stress-ng isn't installed here" in one.ask({"name": "stress-ng", "parameters": {"matrix": 1}, "kind": "start"}, "refused")["why"]


def test_an_order_without_disk_or_descriptors_is_refused_and_the_next_one_runs(agent):
    """What can't be written down doesn't stay: after kill -9 nobody would take it back."""
    one = agent()
    for limit, most, why in ((resource.RLIMIT_FSIZE, 0, "File too large"), (resource.RLIMIT_NOFILE, 3, "Too many open files")):
        before = resource.prlimit(one.process.pid, limit)
        resource.prlimit(one.process.pid, limit, (most, before[1]))
        assert why in one.ask(CPU, "refused")["why"], limit
        assert of_group(one.process) == []
        resource.prlimit(one.process.pid, limit, before)
    one.ask(CPU, "started")
    assert one.ask({**CPU, "kind": "stop"}, "ended")["why"] == "asked"


@needs_networks
def test_tc_is_run_as_it_stands_and_what_it_has_added_is_taken_away(agent):
    one = agent(inside=True)
    before = one.qdiscs()
    one.ask({"name": "tc", "parameters": {"tc": TBF}, "kind": "start"}, "started")
    assert one.qdiscs() == ["tbf"]
    assert "already" in one.ask({"name": "tc", "parameters": {"tc": TBF}, "kind": "start"}, "refused")["why"]
    # As the family's scripts end it.
    one.ask({"name": "tc", "parameters": {"tc": ["qdisc", "del", "dev", "lo", "root"]}, "kind": "stop"}, "ended", why="asked")
    assert one.qdiscs() == before
    # In its order by id, and by the end of all that is an experiment's.
    for number, words in enumerate((["qdisc", "add", "dev", "lo", "clsact"], LOSS, TBF)):
        one.ask({"name": "tc", "parameters": {"tc": words}, "kind": "start", "id": f"e/{number}", "of": "e"}, "started", id=f"e/{number}")
    assert sorted(one.qdiscs()) == ["clsact", "tbf"]
    assert one.ask({"kind": "renew", "of": "e"}, "renewed")["effect"] == {"faults": 3.0}
    one.tell({"kind": "end", "of": "e"})
    assert [one.hear("ended")["id"] for _ in range(3)] == ["e/2", "e/1", "e/0"]
    assert "id" not in one.hear("ended", of="e")
    assert one.qdiscs() == before


@needs_networks
def test_a_fault_is_tried_apart_and_measured(agent):
    one = agent(inside=True)
    before = one.qdiscs()
    rate = one.ask({"name": "tc", "parameters": {"tc": TBF}, "kind": "try", "id": "t/1"}, "tried")["effect"]
    assert 0.5e6 < rate["rate_bps"] < 3.5e6, rate
    loss = one.ask({"name": "tc", "parameters": {"tc": LOSS}, "kind": "try"}, "tried")["effect"]  # 20 %
    assert 0.1 < loss["loss"] < 0.3, loss
    stress = one.ask({**CPU, "kind": "try"}, "tried")["effect"]
    assert stress["cpu_s"] > 0.01 and stress["memory_bytes"] >= 20 << 20, stress
    delay = {"name": "tc", "parameters": {"tc": ["qdisc", "add", "dev", "DEV", "root", "netem", "delay", "30ms"]}, "kind": "try"}
    one.tell(delay)
    told = json.loads(one.told.messages.get(timeout=20)[1])
    if told["state"] == "refused":  # a kernel without it: tc's own words
        assert "qdisc kind is unknown" in told["why"], told
    else:
        assert told["effect"]["delay_ms"] > 25, told
    assert one.qdiscs() == before and of_group(one.process) == []


@needs_networks
def test_a_network_is_found_by_an_address_of_it(agent, tmp_path):
    """As a pod's is: another network than the agent's, in which a process has the address."""
    pod = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; ip addr add 203.0.113.9/32 dev lo; echo ready; exec sleep 1000"], stdout=subprocess.PIPE, text=True)
    try:
        assert pod.stdout.readline() == "ready\n"
        show = lambda: subprocess.run(["nsenter", f"--net=/proc/{pod.pid}/ns/net", "tc", "qdisc", "show", "dev", "lo"], capture_output=True, text=True).stdout
        one = agent(inside=True)
        before, own = show(), one.qdiscs()
        order = {"name": "tc", "parameters": {"tc": ["DEV" if word == "lo" else word for word in TBF]}, "kind": "start", "id": "e/1", "network": "203.0.113.9", "for": 1.5}
        one.ask(order, "started")
        assert "tbf" in show() and one.qdiscs() == own
        ended = one.hear("ended")
        assert ended["why"] == "its time is over" and ended["effect"]["wall_s"] >= 1.5, ended
        assert show() == before
        # Killed amid the next, it leaves it there; whoever comes after it takes it away, and says so.
        one.ask({**order, "for": 1000, "of": "e"}, "started")
        one.process.kill()
        one.process.wait()
        assert "tbf" in show()
        two = agent(inside=True)
        assert show() == before
        assert (tmp_path / "state/started").read_text() == "" and two.process.poll() is None
    finally:
        pod.kill()
        pod.wait()


def test_kill_9_of_the_agent_ends_its_stress_and_the_next_one_runs(agent):
    one = agent()
    one.ask({**CPU, "id": "e/1", "of": "e"}, "started")
    wait_for(lambda: len(of_group(one.process)) >= 3, "its processes")
    left = of_group(one.process)
    one.process.kill()
    one.process.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left), "their end")
    two = agent()
    assert two.ask({"kind": "renew", "of": "e"}, "renewed")["effect"] == {"faults": 0.0}


@pytest.mark.parametrize("way", ["SIGTERM", "STOP"])
def test_at_its_end_all_is_undone_within_a_second_or_so(agent, way):
    one = agent()
    one.ask(CPU, "started")
    wait_for(lambda: len(of_group(one.process)) >= 3, "its processes")
    left = of_group(one.process)
    if way == "STOP":
        one.tell("STOP")
    else:
        one.process.send_signal(signal.SIGTERM)
    assert one.hear("ended")["why"] == "the agent ends"
    assert one.process.wait(10) == 0
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), "their end")


def test_an_experiment_that_falls_silent_is_undone_and_one_that_is_renewed_isnt(agent):
    one = agent("--lease", "3s")
    one.ask({**CPU, "id": "a/1", "of": "a"}, "started")
    one.ask({**CPU, "id": "b/1", "of": "b"}, "started")
    one.ask({**CPU, "id": "nobody's"}, "started")
    deadline = time.monotonic() + 30
    while True:
        one.tell({"kind": "renew", "of": "a"})
        report = json.loads(one.told.messages.get(timeout=5)[1])
        if report["state"] == "ended":
            break
        time.sleep(0.2)
        assert time.monotonic() < deadline
    assert report["id"] == "b/1" and report["why"] == "its experiment has gone silent", report
    assert one.ask({"kind": "renew", "of": "a"}, "renewed")["effect"] == {"faults": 1.0}
    assert one.ask({**CPU, "id": "nobody's", "kind": "stop"}, "ended")["why"] == "asked"


def test_a_bus_that_is_away_for_longer_than_a_lease_undoes_all(agent):
    one = agent("--lease", "2s")
    one.ask(CPU, "started")
    wait_for(lambda: len(of_group(one.process)) >= 3, "its processes")
    one.server.kill()
    wait_for(lambda: of_group(one.process) == [], "the end of all", 30)
    assert one.process.poll() is None, "it waits for its bus"


def test_a_second_agent_of_a_node_is_refused(agent, run, tmp_path):
    one = agent()
    done = run("chaos", "--bus", f"unix://{one.socket}", "--state", one.state)
    assert done.code == 2 and "another fault agent runs here" in done.err, done


@pytest.mark.parametrize("flags, env, said", [
    (["--lease", "soon"], {}, ["'soon' isn't how long a lease lasts", "--lease"]),
    ([], {"edgechaos_lease": "10ms"}, ["edgechaos_lease", "shorter than a second"]),
    (["--node", "a b"], {}, ["'a b' isn't a node's name", "--node"]),
    ([], {"edgechaos_host": "a b"}, ["edgechaos_host"]),
    ([], {"edgechaos_listener_type": "rabbitmq"}, ["'rabbitmq' can't be listened to", "edgechaos_listener_type"]),
    ([], {"edgechaos_redis_port": "x"}, ["'x' isn't a port", "edgechaos_redis_port"]),
    (["--status", "x:y"], {}, ["--status"]),
])
def test_a_wrong_setting_is_one_clear_error(run, flags, env, said):
    done = run("chaos", *flags, env=env)
    assert done.code == 2 and all(text in done.err for text in said) and done.err.count("\n") == 1, done


def test_it_takes_its_settings_from_the_old_agent_s_variables(redis, start, tmp_path):
    server = redis(password="s3cret")
    told = server.listen("galileo/chaos")
    process = start("chaos", "--state", tmp_path / "state", env={
        **os.environ, "edgechaos_redis_host": "127.0.0.1", "edgechaos_redis_port": str(server.port), "edgechaos_redis_password": "s3cret",
        "edgechaos_host": "pi-1", "edgechaos_logging_level": "WARN"})
    wait_for(lambda: server("PUBSUB", "NUMSUB", "edgechaos/pi-1")[1] == 1 or process.poll() is not None, "the agent")
    server("PUBLISH", "edgechaos/pi-1", json.dumps({"kind": "renew", "of": "e"}))
    assert json.loads(told.messages.get(timeout=10)[1])["node"] == "pi-1"
    process.terminate()
    assert process.wait(10) == 0 and process.stderr.read() == ""
