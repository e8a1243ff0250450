"""The telemetry of a run on a fleet is that of all nodes on its bus: what is known of them, values while it runs, and
quiet daemons before and after, as the old system has it."""
import sqlite3
from pathlib import Path

import pytest
from conftest import wait_for

FILE = """
name: fleet
services: {{app: {{hosts: ["{host}"]}}}}
clients: [{{service: app, rate: 100, duration: 2s}}]
telemetry: {{period: 200ms}}
"""


@pytest.fixture
def daemon(start, tmp_path):
    """daemon(server, "n1"): a running `galileo telemd` that is paused; the path of its log."""
    def call(server, node):
        log = tmp_path / f"{node}.log"
        start("telemd", "--node", node, "--bus", server.url, log=open(log, "w"))
        wait_for(lambda: server("PUBSUB", "CHANNELS", f"telemcmd/{node}"), "the daemon to listen")
        server("PUBLISH", f"telemcmd/{node}", "pause")
        wait_for(lambda: "paused" in log.read_text(), "the daemon to rest")
        return log
    return call


def test_all_nodes_of_the_bus_are_measured_and_quiet_again_afterwards(run, start, redis, target, daemon, tmp_path):
    server = redis()
    (tmp_path / "w1").mkdir()
    start("worker", "--name", "w1", "--bus", server.url, "--traces", "redis", "--spool", tmp_path / "w1")
    wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker to register")
    here = Path("/proc/sys/kernel/hostname").read_text().strip()
    logs = [daemon(server, node) for node in ("n1", "n2", here)]
    (tmp_path / "fleet.yaml").write_text(FILE.format(host=target().removeprefix("http://").rstrip("/")))
    assert run("run", "fleet.yaml", "--bus", server.url, "-q").ran
    with sqlite3.connect(tmp_path / "galileo.sqlite") as lab:
        assert {node for node, in lab.execute("SELECT DISTINCT NODE FROM nodeinfo")} == {"n1", "n2", here}
        nodes = {node for node, in lab.execute("SELECT DISTINCT NODE FROM telemetry WHERE METRIC = 'cpu'")}
        assert nodes == {"n1", "n2", here}
        # This node's daemon measures it already: its instruments are read once, what is the run's own beside them.
        pace = lab.execute("SELECT COUNT(*) FROM telemetry WHERE METRIC = 'ram' AND NODE = ?", (here,)).fetchone()[0]
        assert 0 < pace <= 5, "once a second, as the daemon's default is, and not five times"
        assert lab.execute("SELECT COUNT(*) FROM telemetry WHERE METRIC = 'process_cpu' AND NODE = ?", (here,)).fetchone()[0] > 0
    for log in logs:
        wait_for(lambda: log.read_text().rstrip().splitlines()[-1].find(" paused") > 0, "the daemon to rest again")
        assert "reading again" in log.read_text()


def test_the_named_nodes_alone_are_measured_and_what_is_known_of_all_is_kept(run, start, redis, target, daemon, tmp_path):
    server = redis()
    (tmp_path / "w1").mkdir()
    start("worker", "--name", "w1", "--bus", server.url, "--traces", "redis", "--spool", tmp_path / "w1")
    wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker to register")
    here = Path("/proc/sys/kernel/hostname").read_text().strip()
    meant, other, own = (daemon(server, node) for node in ("n1", "n2", here))
    # What others say of a node, this one too, as the pod adapter does.
    for node in ("n1", "n2", here, "n3"):
        server("HSET", f"telemd.info:{node}", "labels", '{"ether.edgerun.io/zone": "main"}')
    file = FILE.format(host=target().removeprefix("http://").rstrip("/")).replace("200ms", "200ms, nodes: [n1]")
    (tmp_path / "fleet.yaml").write_text(file)
    assert run("run", "fleet.yaml", "--bus", server.url, "-q").ran
    with sqlite3.connect(tmp_path / "galileo.sqlite") as lab:
        labels = "SELECT NODE FROM nodeinfo WHERE INFO_KEY = 'labels'"
        assert sorted(node for node, in lab.execute(labels)) == sorted(["n1", "n2", "n3", here])
        cpus = "SELECT NODE FROM nodeinfo WHERE INFO_KEY = 'cpus' AND NODE = ?"
        assert len(lab.execute(cpus, (here,)).fetchall()) == 1, "what two know of a node is kept once"
        nodes = {node for node, in lab.execute("SELECT DISTINCT NODE FROM telemetry WHERE METRIC = 'procs'")}
        assert nodes == {"n1", here}
    wait_for(lambda: meant.read_text().rstrip().splitlines()[-1].find(" paused") > 0, "the daemon to rest again")
    assert "reading again" in meant.read_text()
    for log in (other, own):
        assert "reading again" not in log.read_text(), "it was told"
    (tmp_path / "fleet.yaml").write_text(file.replace("[n1]", "[n1, n7]"))
    refused = run("run", "fleet.yaml", "--bus", server.url, "-q")
    assert refused.code == 92 and "no telemetry daemon of the node 'n7' listens" in refused.err, refused


def test_a_daemon_that_was_not_named_goes_on_reading(run, start, redis, target, daemon, tmp_path):
    server = redis()
    (tmp_path / "w1").mkdir()
    start("worker", "--name", "w1", "--bus", server.url, "--traces", "redis", "--spool", tmp_path / "w1")
    wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker to register")
    daemon(server, "n1")
    other = daemon(server, "n2")
    server("PUBLISH", "telemcmd/n2", "unpause")
    wait_for(lambda: "reading again" in other.read_text(), "the daemon to read")
    paused = other.read_text().count(" paused")
    file = FILE.format(host=target().removeprefix("http://").rstrip("/")).replace("200ms", "200ms, nodes: n1")
    (tmp_path / "fleet.yaml").write_text(file)
    assert run("run", "fleet.yaml", "--bus", server.url, "-q").ran
    heard = server.listen("telem/n2/load1")
    assert heard.messages.get(timeout=10), "it reads on"
    assert other.read_text().count(" paused") == paused
    with sqlite3.connect(tmp_path / "galileo.sqlite") as lab:
        assert not lab.execute("SELECT COUNT(*) FROM telemetry WHERE NODE = 'n2'").fetchone()[0]


def test_without_telemetry_nobody_is_told_anything(run, start, redis, target, daemon, tmp_path):
    server = redis()
    (tmp_path / "w1").mkdir()
    start("worker", "--name", "w1", "--bus", server.url, "--traces", "redis", "--spool", tmp_path / "w1")
    wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker to register")
    log = daemon(server, "n1")
    (tmp_path / "fleet.yaml").write_text(FILE.format(host=target().removeprefix("http://").rstrip("/")).replace("{period: 200ms}", "off"))
    assert run("run", "fleet.yaml", "--bus", server.url, "-q").ran
    assert "reading again" not in log.read_text()
