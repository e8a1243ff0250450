"""One script, typed at the original shell and at ours (the package `galileo` of python/, by its old names) on the same live fleet of
our workers (a command that the original shell sends at once is lost on an original one): each answer and each printed line is compared."""
import re
import subprocess

import pytest
from conftest import ROOT, wait_for
from originals import OldShell, background, bus, end, ended, old_python, our_worker, service  # noqa: F401

pytestmark = pytest.mark.peers

DRIVER = ROOT / "tests/peers/old_shell.py"


@pytest.fixture
def shells(old_python, galileo, bus, background):
    """The same driver in the same environment: ours comes first on the path of the second."""
    env = {"original": {}, "ours": {"PYTHONPATH": str(ROOT / "python"), "galileo_program": galileo, "PYTHONDONTWRITEBYTECODE": "1"}}

    def start(name):
        return OldShell(background(f"shell-{name}", [old_python, DRIVER], {**bus.env, **env[name]}, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    return start


def script(shell, host, ended):
    """What is typed, and what came of it."""
    told = []

    def do(path, *args, **kwargs):
        keep = kwargs.pop("keep", None)
        answer = shell.ask(call=path, args=args, kwargs=kwargs, **({"as": keep} if keep else {}))
        result = answer.get("result")
        told.append((path, result, "error" in answer))
        return result
    for call in ("g.workers", "g.ping", "g.stop_tracing", "g.start_tracing", "telemd.list_telemd_hosts", "telemd.stop_telemd"):
        do(call)
    told.append(sorted(shell("g.workers_info")))
    do("rtbl.clear")
    do("rtbl.set", "img", [host], [1])
    do("rtbl.set", "three", [host, "127.0.0.1:2", host], [5, 3, 2.5])
    do("rtbl.update_weights", "three", [1, 2, 3])
    do("rtbl.append", "new", "h:1")
    do("rtbl.append", "new", "h:2", 4)
    do("rtbl.record", "new")
    do("rtbl.record", "unknown")
    told.append(sorted(shell("rtbl.records"), key=lambda record: record["service"]))
    for wrong in (("rtbl.update_weights", "three", [1]), ("rtbl.update_weights", "unknown", [1])):
        do(*wrong)
    do("rtbl.print")
    do("rtbl.remove", "three")
    do("rtbl.remove", "new")
    parameters = {"method": "post", "path": "/a?b=1", "kwargs": {"data": "text"}}
    ids = do("g.spawn", "img", 4, parameters=parameters, keep="c")
    do("c.request", 3, 0.01, keep="f")
    ended(ids)
    told.append(sorted(shell("g.clients", *ids)))
    more = do("c.add", 2, keep="more")
    other = do("g.spawn", "img", keep="d")
    do("c.__add__", {"$": "d"}, keep="both")
    told.append(sorted({client["client_id"] for client in shell.get("both.clients")}) == sorted(ids + more + other))
    do("c.rps", 50)
    do("c.pause")
    do("c.rps", 0)
    wait_for(lambda: len(shell("g.clients")) == 7, "the clients")
    do("g.request", "img", parameters=parameters, keep="r")
    told += [shell.get(f"r.{name}") for name in ("status_code", "url", "ok", "reason", "text", "encoding")]
    do("exp.event", "scale", "3")
    do("exp.event", "ready")
    do("c.close", 1)
    do("c.close")
    do("d.close")
    wait_for(lambda: shell("g.clients") == [], "the end of the clients")
    do("g.spawn", "img", worker_labels={"galileo_zone": "moon"})
    do("rtbl.clear")
    return told


def test_both_shells_give_the_same_on_the_same_fleet(shells, our_worker, ended, service):
    our_worker("a", galileo_zone="edge")
    our_worker("b", galileo_zone="edge")
    told, printed = {}, {}
    for name in ("original", "ours"):
        shell = shells(name)
        told[name] = script(shell, service, ended)
        end(shell.process)
        printed[name] = shell.process.log.read_text()

    def plain(value):
        """Without what counts on from one shell to the next, as clients' numbers and times, and without the order, and what hangs on it, in which Redis has sets."""
        if isinstance(value, (list, tuple)):
            plains = [plain(item) for item in value]
            return sorted(plains) if value and all(isinstance(item, str) for item in value) else plains
        if not isinstance(value, str):
            return value
        text = re.sub(r"\b[ab]:img:\d+", "#:img:#", value)
        return sorted(re.sub(r"0x[0-9a-f]+|\d{10}\.\d{3}", "#", text).splitlines())
    for ours, original in zip(told["ours"], told["original"], strict=True):
        assert plain(ours) == plain(original)
    wanted = ("closing", "experiment", ": scale", ": ready", "|", "+-")
    lines = {name: plain([line for line in text.splitlines() if any(word in line for word in wanted)]) for name, text in printed.items()}
    assert lines["ours"] == lines["original"]
