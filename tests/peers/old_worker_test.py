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
    ids = our_shell("spawn", service="img", num=3, parameters={"method": "get", "path": "/it"})
    assert ids == ["old-a:img:0", "old-a:img:1", "old-b:img:0"]
    our_shell("request", num=5, ia=["constant", 0.01])
    our_shell("wait", timeout_s=20)
    wait_for(lambda: sum(client["requests"] for client in our_shell("info")["clients"].values()) == 15, "15 requests")
    assert our_shell("info") == {"clients": {id: {"requests": 5, "failed": 0} for id in ids}, "missing": []}
    # As fast as possible, which kills an old client that is told so by an old shell.
    our_shell("request", num=20)
    our_shell("wait", timeout_s=20)
    # It publishes 20 at a time: 40 of 50, and 20 of 25.
    assert {(trace["client"], trace["status"], trace["server"]) for trace in traces.wait(60)} == {
        (id, 200, service) for id in ids}
    assert our_shell("tracing", on=False) == 2
    assert our_shell("tracing", on=True) == 2
    our_shell("rps", rate=50)
    wait_for(lambda: our_shell("info")["clients"][ids[0]]["requests"] > 30, "requests at a rate")
    our_shell("pause")
    assert our_shell("add", num=1) == ["old-b:img:1"]
    [only] = our_shell("spawn", service="img", labels={"galileo_zone": "edge"}, **{"as": "edge"})
    assert only == "old-a:img:2"
    nobody = our_shell.ask(do="spawn", service="img", labels={"galileo_zone": "moon"})
    assert "no workers match" in nobody["error"] and "galileo_zone = edge, main" in nobody["error"]
    assert our_shell("close", num=1) == ["old-b:img:1"]
    assert sorted(our_shell("close")) == ids
    assert our_shell("clients", **{"as": "all"}) == ["old-a:img:2"]
    assert our_shell("clock", worker="old-a") is None


def test_one_that_is_killed_ends_a_wait_by_its_deadline_one_that_leaves_at_once(run, bus, old_worker, our_shell, service):
    killed, left = old_worker("killed"), old_worker("left")
    assert run("rtbl", "set", "img", service, env=bus.env).code == 0
    our_shell("spawn", service="img", num=2)
    our_shell("request", num=1000, ia=["constant", 0.1])
    killed.kill()
    late = our_shell.ask(do="wait", timeout_s=0.5)
    assert "2 of 2 clients haven't ended" in late["error"] and "killed:img:0, left:img:0" in late["error"]
    left.terminate()
    gone = our_shell.ask(do="wait", timeout_s=20)
    assert "worker 'left' has left (left:img:0)" in gone["error"], gone
