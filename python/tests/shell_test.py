"""The shell's objects over a real Redis, a worker and an application of the program, as scripts of the old system use them."""
import json
import os
import subprocess
import threading

import pytest
from conftest import wait_for
from galileo import _session, errors
from galileo.shell import shell
from galileo.worker.api import ClientConfig
from shell_fleet import fleet, g, needs_redis, rows  # noqa: F401 (fixtures)

pytestmark = needs_redis

TABLE = """\
+---------------------------+----------------------+-----------+
| Service                   |                Hosts |   Weights |
+---------------------------+----------------------+-----------+
"""


def test_workers_are_seen_and_asked(g):
    assert g.workers() == {"w1"} and g.ping() == ["w1"] and g.discover() == 1
    [(name, labels)] = g.workers_info()
    assert name == "w1" and labels["galileo_zone"] == "edge" and not any("password" in label for label in labels)
    assert (g.stop_tracing(), g.start_tracing()) == (1, 1)


def test_clients_are_spawned_send_and_close(g, capsys):
    c = g.spawn("img", 2, parameters={"method": "get", "path": "/it"}, worker_labels={"galileo_zone": "edge"})
    first, second = (client.client_id for client in c.clients)
    assert repr(c) == f"{first}\n{second}" and first.startswith("w1:img:")
    assert c.clients[0].worker == "w1"
    assert c.clients[0].config == ClientConfig("img", None, {"method": "get", "path": "/it"}, {"galileo_zone": "edge"})
    future = c.request(n=3, ia=0.01)
    assert future.wait(60) is None
    assert (future.stopped(), future.done, future.aborted) == (True, True, False)
    wait_for(lambda: [(info.requests, info.failed) for info in c.info()] == [(3, 0), (3, 0)], "the requests")
    more = c.add(1)
    assert len(c.clients) == 3 and more.clients == c.clients[2:]
    other = g.spawn("img")
    both = c + other
    assert [client.client_id for client in both.clients] == [*(client.client_id for client in c.clients), other.clients[0].client_id]
    assert len(shell.ClientGroup.merge(both, other).clients) == 4
    assert [client.client_id for client in g.clients(first, "nobody").clients] == [first]
    assert c.close(1) == [more.clients[0].client_id] and c.close() == [second, first]
    assert repr(c) == "empty client group" and c.close() == []
    [last] = (client.client_id for client in other.clients)
    assert other.close() == [last] and g.clients().clients == []
    assert capsys.readouterr().out == "closing 1 clients\nclosing 2 clients\nclosing 0 clients\nclosing 1 clients\n"


def test_draws_and_rates_are_the_clients(g):
    c = g.spawn("img")
    for interarrival in (("expovariate", 200), ["uniform", 0.001, 0.002], 0, None):
        c.request(n=5, ia=interarrival).wait(60)
    c.rps(200)
    wait_for(lambda: c.info()[0].requests > 30, "requests at a rate")
    c.rps(0)
    c.pause()
    with pytest.raises(ValueError, match="zipf"):
        c.request(n=1, ia=("zipf", 2))
    with pytest.raises(ValueError, match="give n, ia or both"):
        c.request()
    c.close()


def test_a_wait_ends_by_its_time_or_another_request(g):
    c = g.spawn("img")
    slow = c.request(n=5, ia=60)
    assert (slow.stopped(), slow.done, slow.aborted) == (False, False, False)
    assert slow.wait(0.2, abort_after_timeout=False) is None and not slow.stopped()
    assert slow.wait(0.2) is None and slow.aborted and not slow.done
    slow = c.request(n=5, ia=60)
    waiting = threading.Thread(target=slow.wait)
    waiting.start()
    quick = c.request(n=1, ia=0.01)
    waiting.join(30)
    assert not waiting.is_alive() and slow.aborted
    wait_for(lambda: quick.done, "`done` without wait()")
    c.close()


def test_labels_that_nobody_has(g):
    for labels in ({"galileo_zone": "moon"}, {"galileo_color": "red"}):
        with pytest.raises(IndexError, match="no workers match") as failed:
            g.spawn("img", worker_labels=labels)
        assert isinstance(failed.value, errors.NotFoundError) and "edge" in str(failed.value) + failed.value.hint
    with pytest.raises(TypeError):
        g.spawn("img", parameters={"kwargs": {"data": object()}})


def test_the_routing_table(fleet, capsys):
    rtbl = fleet.names["rtbl"]
    before = rtbl.record("img")
    rtbl.clear()
    try:
        assert repr(rtbl) == TABLE and rtbl.records() == [] and rtbl.record("img") is None
        record = rtbl.set("service", ["127.0.0.1:8080"], [1])
        assert repr(record) == "RoutingRecord(service='service', hosts=['127.0.0.1:8080'], weights=[1])"
        assert rtbl.append("service", "b:1", 2) is rtbl and rtbl.append("z", "c:1") == ("z", ["c:1"], [1])
        assert rtbl.records() == [("service", ["127.0.0.1:8080", "b:1"], [1.0, 2.0]), ("z", ["c:1"], [1.0])]
        assert rtbl.update_weights("service", [3, 4]) is rtbl
        rtbl.print()
        line = TABLE.splitlines()[0]
        assert capsys.readouterr().out == TABLE + (
            f"| service                   |       127.0.0.1:8080 |       3.0 |\n|                           |                  b:1 |       4.0 |\n{line}\n"
            f"| z                         |                  c:1 |       1.0 |\n{line}\n\n")
        assert "<td>b:1</td>" in rtbl._repr_html_()
        for wrong in (lambda: rtbl.update_weights("service", [1]), lambda: rtbl.update_weights("nobody", [1]), lambda: rtbl.set("x", ["a:1"], [1, 2]),
                      lambda: rtbl.set("x", [])):
            with pytest.raises(ValueError):
                wrong()
        assert rtbl.remove("z") is rtbl and [record.service for record in rtbl.records()] == ["service"]
    finally:
        rtbl.clear()
        rtbl.set(*before)


def test_tables_of_what_there_is(fleet, g, capsys):
    show, c = fleet.names["show"], g.spawn("img", parameters={"path": "/" + "x" * 100})
    assert repr(show.workers()) == "w1"
    show.info(parameters=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["|", "client", "id", "|", "worker", "|", "service", "|", "client", "|", "requests", "|", "failed", "|"]
    assert lines[3].split() == ["|", c.clients[0].client_id, "|", "w1", "|", "img", "|", "default", "|", "0", "|", "0", "|"]
    show.info()
    assert "x" * 60 in (shown := capsys.readouterr().out) and "x" * 80 not in shown and " ...}" in shown
    show.clients()
    assert "ClientConfig(service=img" in capsys.readouterr().out
    c.close()
    assert repr(shell.Stringer({"a": 1, "b": 2})) == "a = 1\nb = 2" and repr(shell.pwd) == os.getcwd() and "PATH = " in repr(shell.env)


def test_one_request_from_here(fleet, g):
    answer = g.request("img", parameters={"method": "post", "path": "/a?b=c", "kwargs": {"data": "text"}})
    import requests

    assert isinstance(answer, requests.Response) and answer.ok and answer.status_code == 200
    assert answer.url == f"http://{fleet.host}/a?b=c" and answer.reason == "OK" and answer.headers["content-length"] == str(len(answer.content))
    assert answer.elapsed.total_seconds() > 0 and answer.request.method == "POST"
    with pytest.raises(ValueError, match="no route to 'nowhere'"):
        g.request("nowhere")
    fleet.names["rtbl"].set("dead", ["127.0.0.1:1"])
    with pytest.raises(errors.UnavailableError, match="refused"):
        g.request("dead")
    fleet.names["rtbl"].remove("dead")


def test_an_experiment_is_recorded(fleet, g, tmp_path, capsys):
    exp, path = fleet.names["exp"], tmp_path / "exp.sqlite"
    c = g.spawn("img", 2)
    exp.start("first", "me", {"rate": 5}, db=str(path))
    assert exp.experiment.name == "first"
    with pytest.raises(ValueError, match="already running.*first.*force"):
        exp.start()
    c.request(n=10, ia=0.005).wait(60)
    exp.event("scale", 3)
    exp.event("ready")
    wait_for(lambda: len(rows(path, "SELECT 1 FROM traces")) == 20, "the traces")
    exp.stop(wait=60)
    exp.stop()
    c.close()
    [(name, creator, status, whole)] = rows(path, "SELECT NAME, CREATOR, STATUS, END >= START FROM experiments")
    assert (name, creator, status, whole) == ("first", "me", "FINISHED", 1)
    assert json.loads(rows(path, "SELECT DATA FROM metadata")[0][0])["rate"] == 5
    assert [name for name, in rows(path, "SELECT NAME FROM events ORDER BY TIMESTAMP")][-2:] == ["scale", "ready"]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "experiment started" and out[1].endswith(": scale = 3") and out[2].endswith(": ready")
    assert out[3:5] == ["waiting for experiment to end...", "ok"]
    with pytest.raises(ValueError, match="recorder"):
        exp.start(metadata={"recorder": 1}, db=str(path))
    with pytest.raises(errors.GalileoError):
        exp.start(db=str(tmp_path / "no" / "folder.sqlite"))
    assert exp.experiment is None
    exp.start(db=str(path))
    exp.start("third", force=True, db=str(path))
    with exp:
        pass
    assert len(rows(path, "SELECT 1 FROM experiments WHERE STATUS = 'FINISHED'")) == 3
    exp.start("fourth", db=str(path))
    with pytest.raises(LookupError), exp:
        raise LookupError
    assert rows(path, "SELECT NAME FROM experiments WHERE STATUS = 'FAILED'") == [("fourth",)]


def test_telemetry_daemons_are_told(fleet):
    telemd = fleet.names["telemd"]
    assert telemd.list_telemd_hosts() == [] and telemd.stop_telemd() is None
    with pytest.warns(errors.OldNameWarning, match="n1"):
        telemd.start_telemd(["n1"])
    daemon = subprocess.Popen([_session.program(), "telemd", "--node", "n1", "--bus", f"redis://:for-tests@127.0.0.1:{fleet.redis.port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: telemd.list_telemd_hosts() == ["n1"], "the daemon")
        telemd.stop_telemd()
        telemd.start_telemd(["n1"])
    finally:
        daemon.kill()
        daemon.wait()


def test_many_threads_ask(g):
    failed = []

    def ask():
        try:
            for _ in range(20):
                assert g.workers() == {"w1"}
        except BaseException as error:
            failed.append(error)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
