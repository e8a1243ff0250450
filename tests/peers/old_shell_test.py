"""The original shell drives our worker, and the original recorder keeps its traces."""
import sqlite3
import statistics
import time

import pytest
from conftest import wait_for
from originals import background, bus, ended, old_python, old_shell, our_shell, our_worker, service, traces  # noqa: F401

pytestmark = pytest.mark.peers

# Each with a mean of some 20 ms; what it must come near to.
DISTRIBUTIONS = {
    "constant": ((0.02,), 0.02), "uniform": ((0.01, 0.03), 0.02), "triangular": ((0.01, 0.03, 0.02), 0.02),
    "normalvariate": ((0.02, 0.002), 0.02), "gauss": ((0.02, 0.002), 0.02), "lognormvariate": ((-4, 0.3), 0.0192),
    "expovariate": ((50,), 0.02), "vonmisesvariate": ((0.02, 100000), 0.02), "gammavariate": ((4, 0.005), 0.02),
    "betavariate": ((2, 98), 0.02), "paretovariate": ((1000,), 1.001), "weibullvariate": ((0.02, 5), 0.0184),
}


@pytest.fixture
def routed(old_shell, our_worker, service):
    """A worker of ours, and a route to the application."""
    our_worker("w1", galileo_zone="edge")
    old_shell("rtbl.set", "img", [service])
    return old_shell


def requests_of(shell, ids):
    infos = {info["description"]["client_id"]: info for info in shell("g.clients", keep="all") and shell("all.info")}
    return {id: infos[id]["requests"] for id in ids}


def test_it_is_seen_and_registers_again(old_shell, our_worker, bus):
    our_worker("w1", galileo_zone="edge")
    assert old_shell("g.workers") == ["w1"]
    assert old_shell("g.ping") == ["w1"]
    bus("SADD", "galileo:workers", "dead")
    assert old_shell("g.discover") == 1
    wait_for(lambda: old_shell("g.workers") == ["w1"], "the worker to register again")
    [[name, labels]] = old_shell("g.workers_info")
    assert name == "w1" and labels["galileo_zone"] == "edge"
    assert not [label for label in labels if "password" in label]


def test_the_old_shells_wait_ends_when_its_clients_have(routed):
    routed("g.spawn", "img", 3, keep="c")
    routed("c.request", 5, 0.1, keep="f")
    assert routed.get("f.done") is False
    routed("f.wait", 15)
    assert routed.get("f.done") is True


def test_clients_get_their_parameters_and_obey_at_once(routed, ended, service, traces):
    """A command that is sent right after create_client has answered isn't lost."""
    for round in range(5):
        ids = routed("g.spawn", "img", 3, parameters={"method": "post", "path": "/x", "kwargs": {"data": "body"}}, keep="c")
        assert ids == [f"w1:img:{3 * round + i}" for i in range(3)]
        routed("c.request", 4, 0.01)
        ended(ids)
    assert {(trace["status"], trace["server"], trace["exp_id"]) for trace in traces.wait(60)} == {(200, service, "None")}
    assert all(trace["created"] <= trace["sent"] <= trace["done"] for trace in traces())
    by_client = {}
    for trace in traces():
        by_client.setdefault(trace["client"], []).append(trace["request_id"].split(":"))
    assert len(by_client) == 15
    for pairs in by_client.values():
        assert len({prefix for prefix, _ in pairs}) == 1 and len(pairs[0][0]) == 10
        assert sorted(int(number) for _, number in pairs) == [1, 2, 3, 4]


def test_every_distribution_of_the_old_shell(routed, ended, traces):
    names = list(DISTRIBUTIONS)
    for name in names:
        parameters, _ = DISTRIBUTIONS[name]
        routed("g.spawn", "img", keep=name)
        routed(f"{name}.request", 2 if name == "paretovariate" else 50, ia=[name, *parameters])
    ended(f"w1:img:{number}" for number in range(len(names)))
    all_traces = traces.wait(50 * (len(names) - 1) + 2)
    for number, name in enumerate(names):
        created = sorted(trace["created"] for trace in all_traces if trace["client"] == f"w1:img:{number}")
        between = statistics.mean(b - a for a, b in zip(created, created[1:]))
        # 49 draws: within four standard errors of an exponential's mean, the widest of them.
        assert between == pytest.approx(DISTRIBUTIONS[name][1], rel=4 / 7), name


def test_as_fast_as_possible_and_draws_at_or_below_zero(routed, ended, traces):
    """All of these kill a client of the original worker."""
    ids = routed("g.spawn", "img", keep="c")
    for interarrival in (None, 0, ["constant", 0], ["normalvariate", -1, 0.1], ["uniform", -0.001, 0.001]):
        routed("c.request", 50, ia=interarrival)
        ended(ids)
    assert {trace["status"] for trace in traces.wait(250)} == {200}


def test_an_unknown_distribution_ends_its_workload_and_nothing_else(routed, ended, traces):
    ids = routed("g.spawn", "img", keep="c")
    routed("c.request", 5, ia=["zipf", 2])
    ended(ids)
    routed("c.request", 5, 0.01)
    ended(ids)
    assert len(traces.wait(5)) == 5


def test_a_prerecorded_profile_is_used_from_its_end_and_gone(routed, bus, ended, traces):
    ids = routed("g.spawn", "img", keep="c")
    bus("LPUSH", "w1:img:0", "0.05", "0.1", "0.2")
    routed("c.request", ia=["prerecorded"])
    ended(ids)
    assert bus("EXISTS", "w1:img:0") == 0
    created = sorted(trace["created"] for trace in traces.wait(3))
    assert [b - a for a, b in zip(created, created[1:])] == pytest.approx([0.1, 0.2], abs=0.03)


def test_rates_pauses_infos_and_closing(routed, bus):
    ids = routed("g.spawn", "img", 2, keep="c")
    routed("c.rps", 100)
    time.sleep(1)
    routed("c.pause")
    time.sleep(0.2)
    paused = requests_of(routed, ids)
    assert all(50 <= count <= 150 for count in paused.values()), paused
    time.sleep(0.3)
    assert requests_of(routed, ids) == paused
    added = routed("c.add", 2, keep="more")
    assert added == ["w1:img:2", "w1:img:3"]
    assert set(requests_of(routed, [*ids, *added])) == {*ids, *added}
    assert routed("c.close", 1) == ["w1:img:3"]
    wait_for(lambda: bus("EXISTS", "galileo:client:w1:img:3") == 0, "the client to be struck off")
    assert routed("g.clients", keep="all") and sorted(routed.get("all")) == [*ids, "w1:img:2"]
    routed("all.close")
    wait_for(lambda: bus("SMEMBERS", "galileo:worker:w1:clients") == [], "all clients to be struck off")


def test_the_routing_table_is_followed_while_it_sends(old_shell, our_worker, service, traces):
    our_worker("w1")
    old_shell("g.spawn", "img", keep="c")
    old_shell("c.request", 3, 0.01)  # no route: these fail, and say so
    assert {(trace["status"], trace["sent"], trace["server"]) for trace in traces.wait(3)} == {(-1, -1.0, "None")}

    def status_of_one_more():
        count = len(traces())
        old_shell("c.request", 1, 0.01)
        return traces.wait(count + 1)[-1]["status"]
    old_shell("rtbl.set", "img", [service])
    wait_for(lambda: status_of_one_more() == 200, "the route to be followed")
    old_shell("rtbl.remove", "img")
    wait_for(lambda: status_of_one_more() == -1, "the route to be gone")


def test_tracing_is_on_at_first_and_is_paused_and_started(routed, ended, traces):
    ids = routed("g.spawn", "img", keep="c")

    def five():
        routed("c.request", 5, 0.01)
        ended(ids)
        time.sleep(0.5)  # time for what mustn't come to come
    five()
    assert len(traces.wait(5)) == 5
    assert routed("g.stop_tracing") == 1
    five()
    assert len(traces()) == 5  # made while it was paused: dropped
    assert routed("g.start_tracing") == 1
    five()
    assert len(traces.wait(10)) == 10


def test_clients_are_spread_over_workers_by_labels(old_shell, our_worker, service):
    for name, zone in (("node-b", "edge"), ("node-c", "edge"), ("node-d", "main")):
        our_worker(name, galileo_zone=zone)
    ids = old_shell("g.spawn", "img", 5, worker_labels={"galileo_zone": "edge"}, keep="c")
    assert sorted(id.split(":")[0] for id in ids) in (["node-b"] * 3 + ["node-c"] * 2, ["node-b"] * 2 + ["node-c"] * 3)
    answer = old_shell.ask(call="g.spawn", args=["img"], kwargs={"worker_labels": {"galileo_zone": "moon"}})
    assert "No workers found" in answer["error"]


def test_the_original_recorder_keeps_our_traces(routed, ended, old_python, bus, background, tmp_path):
    recorder = background("recorder", [old_python, "-m", "galileodb.cli.recorder", "--name", "peers"], {
        **bus.env, "galileo_expdb_driver": "sqlite", "galileo_expdb_sqlite_path": str(tmp_path / "old.sqlite")})
    wait_for(lambda: bus("PUBSUB", "NUMSUB", "galileo/results/traces")[1] > 0, "the recorder to listen", 30)
    ids = routed("g.spawn", "img", 2, keep="c")
    routed("c.request", 72, 0.005)  # it writes 36 at a time
    ended(ids)
    database = sqlite3.connect(tmp_path / "old.sqlite")

    def kept():
        return database.execute("SELECT CLIENT, count(*), count(DISTINCT REQUEST_ID), min(STATUS), max(STATUS) "
                                "FROM traces GROUP BY CLIENT ORDER BY CLIENT").fetchall()
    wait_for(lambda: sum(row[1] for row in kept()) == 144, "144 traces in the old database", 20)
    assert kept() == [(id, 72, 72, 200, 200) for id in ids]
    recorder.terminate()
    assert recorder.wait(20) is not None
    assert database.execute("SELECT NAME, STATUS FROM experiments").fetchall() == [("peers", "FINISHED")]


def test_our_controller_and_our_worker(our_shell, our_worker, run, bus, service):
    """What the old wire can't: clocks, and a death that is noticed."""
    worker = our_worker("w1")
    assert run("rtbl", "set", "img", service, env=bus.env).code == 0
    clock = our_shell("clock", worker="w1")
    assert abs(clock["offset_s"]) <= clock["uncertainty_s"] < 0.05
    our_shell.spawn(service="img", num=100)
    our_shell.group("request", num=5)
    assert our_shell.wait() is None
    our_shell.group("request", num=1000, distribution="constant", parameters=[1])
    worker.kill()
    died = our_shell.wait()
    assert "worker 'w1' is gone" in died["text"] and "100 of 100 clients" in died["what"], died
