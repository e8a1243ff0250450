"""The original worker obeys our controller and commands."""
import json

import pytest
from conftest import wait_for
from originals import background, bus, old_python, old_worker, our_shell, service, traces  # noqa: F401

pytestmark = pytest.mark.peers


def test_commands_see_it_and_have_it_register_again(run, bus, old_worker):
    old_worker("old-a", galileo_zone="edge")
    assert run("workers", "ping", env=bus.env).out == "old-a\n"
    bus("DEL", "galileo:workers")
    bus("SADD", "galileo:workers", "dead")
    found = run("workers", "discover", "--json", env=bus.env)
    assert json.loads(found.out) == {"told": 1, "registered": ["old-a"]}, found
    [listed] = json.loads(run("workers", "ls", "--json", env=bus.env).out)
    assert listed["name"] == "old-a" and listed["heartbeat"] is None and listed["clients"] == 0
    assert listed["labels"]["galileo_zone"] == "edge"


def test_it_runs_what_our_controller_says(run, bus, old_worker, our_shell, service, traces):
    old_worker("old-a", galileo_zone="edge")
    old_worker("old-b", galileo_zone="main")
    assert run("rtbl", "set", "img", service, env=bus.env).code == 0
    # Spawned and commanded at once: nothing is lost, though an old client listens only later.
    ids = our_shell.spawn(service="img", num=3, parameters={"method": "get", "path": "/it"})
    assert ids == ["old-a:img:0", "old-a:img:1", "old-b:img:0"]
    our_shell.group("request", num=5, distribution="constant", parameters=[0.01])
    assert our_shell.wait() is None
    wait_for(lambda: sum(client["requests"] for client in our_shell.infos()["clients"].values()) == 15, "15 requests")
    assert our_shell.infos() == {"clients": {id: {"requests": 5, "failed": 0} for id in ids}, "missing": []}
    # As fast as possible, which kills an old client that is told so by an old shell.
    our_shell.group("request", num=20)
    assert our_shell.wait() is None
    # It publishes 20 at a time: 40 of 50, and 20 of 25.
    assert {(trace["client"], trace["status"], trace["server"]) for trace in traces.wait(60)} == {
        (id, 200, service) for id in ids}
    assert our_shell("tracing", on=False) == 2
    assert our_shell("tracing", on=True) == 2
    our_shell.group("rps", rate=50)
    wait_for(lambda: our_shell.infos()["clients"][ids[0]]["requests"] > 30, "requests at a rate")
    our_shell.group("pause")
    added = our_shell("spawn", service="img", num=1, parameters={"method": "get", "path": "/it"})
    our_shell.groups["c"] += added
    assert added[0][0] == "old-b:img:1"
    assert our_shell.spawn("edge", service="img", worker_labels={"galileo_zone": "edge"}) == ["old-a:img:2"]
    nobody = our_shell.ask(call="fleet.spawn", service="img", worker_labels={"galileo_zone": "moon"})["error"]
    assert "no workers match" in nobody["text"] and "galileo_zone = edge, main" in nobody["text"]
    assert our_shell.close(1) == ["old-b:img:1"]
    assert sorted(our_shell.close(3)) == ids
    assert [id for id, _, _ in our_shell("clients")] == ["old-a:img:2"]
    assert our_shell("clock", worker="old-a") is None


def test_one_that_is_killed_ends_no_wait_and_one_that_leaves_ends_it_at_once(run, bus, old_worker, our_shell, service):
    """An old worker that is killed says nothing, and has no heartbeat: who waits needs a time of their own."""
    killed, left = old_worker("killed"), old_worker("left")
    assert run("rtbl", "set", "img", service, env=bus.env).code == 0
    our_shell.spawn(service="img", num=2)
    our_shell.group("request", num=1000, distribution="constant", parameters=[0.1])
    killed.kill()
    killed.wait()
    assert our_shell("waits") == []
    left.terminate()
    gone = our_shell.wait()
    assert "worker 'left' has left (left:img:0)" in gone["text"], gone
