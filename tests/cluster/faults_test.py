"""Disturbances of a run on a whole Kubernetes: its fault agents as pods by the file as it stands, networks of pods really narrowed and
lossy, nodes really busy, limits and weights really changed, and all of it as before in the end, whoever was killed meanwhile."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

import cluster as kubernetes
import deployment
import pytest
import yaml
from conftest import ROOT, result_of, wait_for
from pods_laboratory import CLIENT, IMAGE, ZONES, base, end_lease, etcd, file_of, gateways, left, rows, target, two_zones  # noqa: F401 (fixtures)

CHAOS = deployment.FILES / "kustomize/chaos/chaos.yaml"
NETEM = subprocess.run(["unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"], capture_output=True).returncode == 0


# 400 echo requests to an address; how many are answered.
PINGS = """
import socket, struct, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
    icmp.settimeout(2)
    answers = set()
    def take():
        packet = icmp.recv(2000)[20:]
        if packet[0] == 0 and packet[4:6] == b"ga":
            answers.add(packet[6:8])
    for number in range(400):
        head = struct.pack("!BBHHH", 8, 0, 0, 0x6761, number)
        total = sum(struct.unpack("!4H", head))
        total = (total & 0xffff) + (total >> 16)
        icmp.sendto(struct.pack("!BBHHH", 8, 0, ~total & 0xffff, 0x6761, number), (sys.argv[1], 0))
        time.sleep(0.002)
        icmp.setblocking(False)
        try:
            while True:
                take()
        except BlockingIOError:
            icmp.settimeout(2)
    try:
        while True:
            take()
    except TimeoutError:
        print(len(answers))
"""


@pytest.fixture(scope="module")
def cluster(galileo):
    with two_zones(galileo) as made:
        yield made


@pytest.fixture(scope="module")
def has_bus(cluster, tmp_path_factory):
    """The agents' Redis, which outlives each test: as a laboratory's does."""
    import redis_server
    from conftest import free_port
    server = redis_server.Redis(tmp_path_factory.mktemp("redis"), free_port(), more=("--bind", f"127.0.0.1 {kubernetes.OUTSIDE}", "--protected-mode", "no"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def agents(cluster, has_bus):
    """By the file as it stands, but for the image's name here and where Redis is."""
    objects = deployment.documents(CHAOS.read_text())
    for one in objects:
        if one["kind"] == "ConfigMap":
            one["data"] = {"edgechaos_redis_host": kubernetes.OUTSIDE, "edgechaos_redis_port": str(has_bus.port)}
        else:
            container, = deployment.pod_of(one)["containers"]
            container |= {"image": IMAGE, "imagePullPolicy": "Never"}
    cluster.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
    try:
        cluster.kubectl("rollout", "status", "daemonset/galileo-chaos", "--timeout=120s")
    except RuntimeError as error:
        raise AssertionError(f"{error}\n{cluster.kubectl('describe', 'pods', '-l', 'app=galileo-chaos')[-3000:]}")
    for number in ZONES:
        wait_for(lambda: has_bus("PUBSUB", "NUMSUB", f"edgechaos/node{number}")[1] == 1, f"the agent of node{number}", 60)
    yield has_bus
    cluster.kubectl("delete", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))


@pytest.fixture
def lab(agents, cluster, etcd, gateways, start, tmp_path):
    """The agents' bus with a worker in each zone, and the environment of whoever runs."""
    env = {**os.environ, **cluster.environment(), "galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(agents.port),
           "etcd_host": "127.0.0.1", "etcd_port": str(etcd.port)}
    agents("FLUSHALL")  # of workers that were killed with the test before
    for zone in ZONES.values():
        folder = tmp_path / f"worker-{zone}"
        folder.mkdir()
        start("worker", "--name", f"worker-{zone}", "--bus", agents.url, "--traces", "redis", "--spool", folder, env={**env, "galileo_zone": zone})
        wait_for(lambda: agents("SISMEMBER", "galileo:workers", f"worker-{zone}"), "the worker")
    return agents, env


def changes(folder):
    database = sqlite3.connect(folder / "galileo.sqlite")
    return [(at, json.loads(value)) for at, value in database.execute("SELECT TIMESTAMP, VALUE FROM events WHERE NAME = 'cluster/change' ORDER BY TIMESTAMP")]


def in_pod(cluster, number, ip, *words):
    """A command in the network of the pod with that address, as root on its node sees it."""
    script = """seen=
for p in /proc/[0-9]*; do
  n=$(readlink $p/ns/net) || continue
  case $seen in *"$n"*) continue ;; esac
  seen="$seen $n"
  nsenter --net=$p/ns/net ip -o addr 2> /dev/null | grep -q " $0/" && exec nsenter --net=$p/ns/net "$@"
done
exit 7"""
    return kubernetes.do(*cluster.in_node(number, "bash", "-c", script, ip, *words))


def disciplines(cluster, number, ip):
    return sorted(line.split()[1] for line in in_pod(cluster, number, ip, "tc", "qdisc", "show", "dev", "eth0").splitlines())


def group_file(cluster, number, uid, controller, name):
    """Of a pod's container in the node's control groups."""
    found = kubernetes.do("bash", "-c", f"cat /sys/fs/cgroup/{controller}{cluster.cgroup_root(number)}/kubepods/*/pod{uid}/*/{name}").split()
    return max(map(int, found))


def test_the_agents_have_the_rights_that_the_file_says_and_no_more(cluster, agents):
    for number in ZONES:
        process = kubernetes.do(*cluster.in_node(number, "pgrep", "-f", "^galileo chaos")).split()[0]
        status = kubernetes.do(*cluster.in_node(number, "cat", f"/proc/{process}/status"))
        told = {name: re.search(rf"^{name}:\s+(\w+)", status, re.M)[1] for name in ("Uid", "CapEff", "NoNewPrivs", "Seccomp")}
        assert told == {"Uid": "0", "CapEff": f"{1 << 12 | 1 << 19 | 1 << 21:016x}", "NoNewPrivs": "1", "Seccomp": "2"}, told


def test_faults_are_there_while_they_are_and_gone_in_the_end(cluster, etcd, lab, start, tmp_path):
    """Loss and rate of a pod's network, a busy node, weights and a limit: each looked at where it is, and undone by Ctrl-C."""
    server, env = lab
    pods = target(pods={"node1": 2}, requests={"cpu": "10m", "memory": "16Mi"}, limits={"cpu": "400m", "memory": "128Mi"})
    first, second = "hello-deployment-node1-0", "hello-deployment-node1-1"
    path = file_of(tmp_path, {"hello": pods}, [{**CLIENT, "duration": "300s", "rate": 40}], events=[
        {"at": "1s", "netem": first, "loss": "20%", "rate": "5mbit"}, {"at": "1s", "stress": "node1", "cpu": 1, "memory": "24Mi"},
        {"at": "1s", "weights": "hello", "zone": "zone-a", "to": {second: 3, "node1": 2}}, {"at": "2s", "resize": second, "cpu": "200m"}])
    process = start("run", path, "--bus", server.url, "--json", "r.json", "-q", env=env)

    def seen(condition, what):
        wait_for(lambda: process.poll() is not None or condition(), what, 120)
        assert process.poll() is None, (what, process.stderr.read())
    key = "golb/function/zone-a/hello"
    seen(lambda: etcd.get(key), "its weights")
    told = {name: cluster.get(f"pod/{name}") for name in (first, second)}
    ip, uid = told[first]["status"]["podIP"], told[second]["metadata"]["uid"]
    seen(lambda: disciplines(cluster, 1, ip) == ["clsact", "tbf"], "the pod's network")
    weights = lambda: [weight for value in etcd.get(key) for weight in value["weights"]]
    seen(lambda: sorted(weights()) == [2, 3], lambda: f"other weights: {weights()}")
    seen(lambda: group_file(cluster, 1, uid, "cpu", "cpu.cfs_quota_us") == 20_000, "the other limit")
    seen(lambda: {next(iter(value.keys() & {"netem", "stress", "weights", "resize"})) for _, value in changes(tmp_path)} == {"netem", "stress", "weights", "resize"},
         lambda: f"their events: {changes(tmp_path)}")
    time.sleep(3)  # so that packets pass and a core is used: what is measured in the end
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 105, process.stderr.read()
    over = {next(name for name in ("netem", "stress") if name in value): value for _, value in changes(tmp_path) if "ended" in value}
    assert {name: value["ended"] for name, value in over.items()} == dict.fromkeys(("netem", "stress"), "its experiment ends"), over
    assert over["netem"]["packets"] > 20 and over["netem"]["drops"] > 0, over
    assert over["stress"]["cpu_s"] > 0 and over["stress"]["memory_bytes"] > 20e6, over
    marks = [one["text"] for one in result_of(tmp_path / "r.json")["events"]["list"] if one["name"] == "cluster/change"]
    assert any(text.startswith(f"netem {first}: loss 20%, rate 5mbit") for text in marks), marks
    assert left(cluster, etcd, server) == []


def test_a_rate_and_a_loss_are_what_clients_of_the_pod_see(cluster, lab, tmp_path):
    """Measured from outside, by the agent of the node alone: megabytes of a pod, and its packets' loss."""
    server, env = lab
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "measured"}, "spec": {
        "nodeSelector": {"kubernetes.io/hostname": "node1"}, "terminationGracePeriodSeconds": 0, "containers": [{
            "name": "m", "image": kubernetes.BUSYBOX, "imagePullPolicy": "Never",
            "command": ["sh", "-c", "while :; do dd if=/dev/zero bs=1000 count=2000 2>/dev/null | nc -l -p 9000; done"]}]}}
    cluster.kubectl("apply", "-f", "-", text=json.dumps(pod))
    try:
        cluster.kubectl("wait", "--for=condition=Ready", "pod/measured", "--timeout=60s")
        ip = cluster.get("pod/measured")["status"]["podIP"]
        told = server.listen("galileo/chaos")
        before = disciplines(cluster, 1, ip)

        def order(state, **of):
            server("PUBLISH", "edgechaos/node1", json.dumps({"name": "tc", "kind": "start", "network": ip, **of}))
            while (report := json.loads(told.messages.get(timeout=30)[1]))["state"] != state:
                assert report["state"] != "refused", report
            return report

        def megabits():
            """Of 2 MB that the pod sends."""
            for _ in range(20):
                began = time.monotonic()
                got = subprocess.run(kubernetes.in_network(1, "bash", "-c", f"exec 3<>/dev/tcp/{ip}/9000; wc -c <&3"), capture_output=True, text=True, timeout=60).stdout.strip()
                if got == "2000000":
                    return 16 / (time.monotonic() - began)
                time.sleep(0.2)
            raise AssertionError("the pod sends nothing")
        free = megabits()
        order("started", id="m/1", parameters={"tc": ["qdisc", "add", "dev", "DEV", "root", "tbf", "rate", "8mbit", "burst", "4kb", "latency", "400ms"]})
        narrow = megabits()
        assert narrow < 10 and narrow < free, (free, narrow)  # on a busy machine less, never more
        order("ended", id="m/1", kind="stop", parameters={"tc": []})
        order("started", id="m/2", parameters={"tc": ["qdisc", "add", "dev", "DEV", "clsact"]})
        order("started", id="m/3", parameters={"tc": ["filter", "add", "dev", "DEV", "egress", "protocol", "all", "pref", "1", "bpf", "da", "bytecode",
                                                      "4,32 0 0 4294963256,53 1 0 1288490188,6 0 0 2,6 0 0 4294967295"]})  # 30 %
        done = subprocess.run(kubernetes.in_network(1, sys.executable, "-c", PINGS, ip), capture_output=True, text=True, check=True).stdout
        assert 15 < 100 * (1 - int(done) / 400) < 45, done
        for number in (3, 2):
            order("ended", id=f"m/{number}", kind="stop", parameters={"tc": []})
        assert disciplines(cluster, 1, ip) == before
    finally:
        cluster.kubectl("delete", "pod", "measured", "--grace-period=0", "--force")


def test_a_delay_is_as_asked_for_or_the_kernel_s_lack_ends_the_run_before_anything_is_made(cluster, etcd, lab, run, tmp_path):
    server, env = lab
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [{**CLIENT, "duration": "6s"}], events=[{"at": "1s", "netem": "hello", "delay": "50ms"}])
    done = run("run", path, "--bus", server.url, "-q", env=env, timeout=120)
    if NETEM:
        assert done.ran, done
        slow, = rows(tmp_path, "SELECT count(*) FROM traces WHERE DONE - SENT > 0.05")[0]
        assert slow > 50, done
    else:
        assert done.code == 92 and "netem hello: delay 50.0ms" not in done.out and "a delay needs the kernel's network emulator, node node1" in done.err, done
        assert "modprobe sch_netem" in done.err
    assert left(cluster, etcd, server) == []


def test_without_an_agent_or_a_bus_nothing_is_made(cluster, etcd, base, run, tmp_path):
    """On another bus than the agents', where nobody listens."""
    server, env = base
    path = file_of(tmp_path, {"hello": target(pods={"node1": 1})}, [CLIENT], events=[{"at": "1s", "stress": "node1", "cpu": 1}])
    done = run("run", path, "--bus", server.url, "-q", env=env, timeout=60)
    assert done.code == 92 and "stress node1: cpu 1 can't be, node node1: no fault agent listens there; kubectl apply" in done.err, done
    done = run("run", path, "-q", env=env, timeout=60)
    assert done.code == 2 and "name it: --bus" in done.err, done
    looked = run("doctor", path, "--bus", server.url, "--json", env=env, timeout=60)
    lacks, = [one for one in json.loads(looked.out) if "fault agent" in one["text"]]
    assert lacks["level"] == "fault" and lacks["about"] == "node node1" and "stress node1: cpu 1" in lacks["text"] and "chaos.yaml" in lacks["mend"], lacks
    assert left(cluster, etcd, server) == []


def test_kill_9_of_the_run_and_of_the_agent_leaves_no_fault(cluster, etcd, lab, start, run, tmp_path):
    server, env = lab
    path = file_of(tmp_path, {"hello": target(pods={"node2": 1}, zone="zone-a")}, [{**CLIENT, "duration": "120s"}], events=[{"at": "1s", "netem": "hello", "rate": "20mbit"}])

    def begun(folder):
        """One whose fault is there; its pod's address."""
        (tmp_path / folder).mkdir()
        process = start("run", path, "--bus", server.url, "-q", env=env, cwd=tmp_path / folder)
        pod = "hello-deployment-node2-0"
        wait_for(lambda: etcd.get("golb/function/zone-a/hello") or process.poll() is not None, "its weights", 90)
        assert process.poll() is None, process.stderr.read()
        ip = cluster.get(f"pod/{pod}")["status"]["podIP"]
        wait_for(lambda: "tbf" in disciplines(cluster, 2, ip) or process.poll() is not None, "its fault", 60)
        assert process.poll() is None, process.stderr.read()
        return process, ip
    # Of the agent: its next one undoes it, the run hears of it and ends as FAILED.
    process, ip = begun("agent")
    subprocess.run(cluster.in_node(2, "pkill", "-9", "-f", "^galileo chaos"), check=True)
    assert process.wait(120) == 92, process.stderr.read()
    told = process.stderr.read() + process.stdout.read()
    assert "the agent was killed" in told or "silent" in told, told
    assert left(cluster, etcd, server) == []
    wait_for(lambda: server("PUBSUB", "NUMSUB", "edgechaos/node2")[1] == 1, "the next agent", 120)
    # Of the run: the agent, when it has been silent for long enough, while its pod is there still.
    process, ip = begun("run")
    process.kill()
    process.wait()
    wait_for(lambda: "tbf" not in disciplines(cluster, 2, ip), "the end of its lease", 90)
    end_lease(cluster)
    done = run("doctor", "--clean", "--bus", server.url, env=env, timeout=120)
    assert left(cluster, etcd, server) == [], done
    # Ctrl-C undoes it at once.
    process, ip = begun("signal")
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 105
    assert left(cluster, etcd, server) == []


def test_the_example_runs_as_it_stands_but_for_its_image(cluster, etcd, lab, run, tmp_path):
    server, env = lab
    sets = [word for name, value in (("image", IMAGE), ("container.imagePullPolicy", "Never"), ("spec.terminationGracePeriodSeconds", "1"))
            for word in ("--set", f"applications[0].kubernetes.{name}={value}")]
    done = run("run", ROOT / "examples/kubernetes/faults.yaml", *sets, "--set", "clients[0].duration=36s", "--bus", server.url, "--json", "r.json", "--report", "r.html", "-q", env=env, timeout=240)
    assert done.ran, done
    found = changes(tmp_path)
    kinds = [next(name for name in ("netem", "stress", "weights", "resize") if name in value) + (" over" if "ended" in value else "") for _, value in found]
    assert sorted(kinds) == sorted(["netem", "netem over"] * 2 + ["stress", "stress over", "weights", "weights over", "resize", "resize over"]), found
    assert all(value["ended"] == "its time is over" for _, value in found if "ended" in value)
    # Real times: an end comes its time after its begin, by one clock.
    times = {kind: at for kind, (at, _) in zip(kinds, found)}
    for kind, lasts in (("netem", 6), ("stress", 5), ("weights", 3)):
        assert times[f"{kind} over"] - times[kind] >= lasts - 0.5, found
    limits = [value["limits"] for kind, (_, value) in zip(kinds, found) if kind.startswith("resize")]
    assert limits == [{"cpu": "250m"}, {"cpu": "500m"}], "as before in the end, by the word of its node"
    assert left(cluster, etcd, server) == []
