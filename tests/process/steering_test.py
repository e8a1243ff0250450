"""A running load is changed by hand, by the keys of a terminal: on this machine and on a fleet."""
import contextlib
import os
import pty
import re
import subprocess
import threading
import time

import pytest
from conftest import SLOWER, result_of, wait_for


class Terminal:
    """The program on a terminal of its own, its keys, and what it shows."""
    def __init__(self, galileo, folder, *words):
        self.main, side = pty.openpty()
        self.process = subprocess.Popen([galileo, *map(str, words)], cwd=folder, stdin=side, stderr=side, stdout=subprocess.PIPE,
                                        preexec_fn=lambda: own(side), text=True)
        os.close(side)
        self.shown = ""
        self.out = ""
        self.threads = [threading.Thread(target=self.read), threading.Thread(target=self.read_out)]
        for thread in self.threads:
            thread.start()

    def read(self):
        with contextlib.suppress(OSError):  # nobody has it open any more
            while True:
                self.shown += os.read(self.main, 65536).decode(errors="replace")

    def read_out(self):
        self.out = self.process.stdout.read()

    def press(self, key):
        os.write(self.main, key.encode())

    def last(self, pattern):
        found = re.findall(pattern, self.shown)
        return found[-1] if found else None

    def due(self):
        said = self.last(r"requests  ([\d,]+) due")
        return int(said.replace(",", "")) if said else 0

    def end(self, timeout=30):
        code = self.process.wait(timeout * SLOWER)
        for thread in self.threads:
            thread.join()
        os.close(self.main)
        return code


def own(side):
    os.setsid()
    import fcntl
    import termios
    fcntl.ioctl(side, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(galileo, tmp_path):
    made = []

    def call(*words):
        made.append(Terminal(galileo, tmp_path, *words))
        return made[-1]
    yield call
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.end()


@pytest.fixture(params=["here", "fleet"])
def place(request, redis, start, tmp_path):
    """Flags that have the load made here, or by two workers."""
    if request.param == "here":
        return []
    bus = redis()
    for name in ("w1", "w2"):
        start("worker", "--name", name, "--bus", bus.url, "--traces", "redis", "--spool", tmp_path / name)
        wait_for(lambda name=name: bus("GET", f"galileo:worker:{name}:heartbeat"), "the workers")
    return ["--bus", bus.url]


RAN = (0, 90)  # a busy machine makes a generator late, and its verdict INVALID

FILE = """name: steered
telemetry: off
services: {{s: {{hosts: ["{host}"]}}}}
clients: [{{service: s, num: 2, rate: 100, duration: 12s}}]
"""


def test_pause_rate_and_end_by_keys(terminal, target, place, tmp_path):
    host = target().split("/")[2]
    (tmp_path / "f.yaml").write_text(FILE.format(host=host))
    shown = terminal("run", "f.yaml", "--json", "r.json", *place)
    wait_for(lambda: shown.due() > 100, lambda: shown.shown[-500:])
    assert "p pause" in shown.shown
    shown.press("p")
    wait_for(lambda: "paused" in shown.shown, lambda: shown.shown[-500:])
    time.sleep(1.2)  # workers report once a second
    before = shown.due()
    time.sleep(1.2)
    assert shown.due() == before, "nothing is due during a pause"
    shown.press("p")
    wait_for(lambda: shown.due() > before, lambda: shown.shown[-500:])
    shown.press("-")
    time.sleep(1.5)
    shown.press("e")
    assert shown.end() in RAN, shown.shown[-2000:]
    result = result_of(tmp_path / "r.json")
    assert result["experiment"]["status"] == "FINISHED" and result["ledger"]["balanced"]
    assert result["ended_early"] == "it was ended by hand"
    assert len(result["steered"]) == 4 and "paused" in result["steered"][0] and "went on" in result["steered"][1]
    assert "s at 181.818/s" in result["steered"][2] and "ended by hand" in result["steered"][3]
    names = [event["name"] for event in result["events"]["list"]]
    assert [name for name in names if name.startswith("steer/")] == ["steer/pause", "steer/resume", "steer/rate", "steer/end"]
    parts = {phase["name"]: phase["offered_rps"] for phase in result["phases"]}
    assert set(parts) == {"main", "main (3)", "main (4)"}, parts  # nothing was due in the second
    assert parts["main"] == pytest.approx(200, rel=0.1) and parts["main (4)"] == pytest.approx(182, rel=0.1)
    assert parts["main (3)"] < 210, "no burst follows a pause"
    assert "changed by hand" in shown.out


def test_what_a_pause_leaves_no_time_for_is_in_the_books(terminal, target, place, run, tmp_path):
    host = target().split("/")[2]
    (tmp_path / "f.yaml").write_text(FILE.format(host=host).replace("12s", "4s"))
    shown = terminal("run", "f.yaml", "--json", "r.json", *place)
    wait_for(lambda: shown.due() > 100, lambda: shown.shown[-500:])
    shown.press("p")
    assert shown.end() in RAN, shown.shown[-2000:]
    result = result_of(tmp_path / "r.json")
    ledger = result["ledger"]
    assert ledger["balanced"] and ledger["intended"] == 800, ledger
    assert ledger["not_sent"]["paused"] == 800 - ledger["answered"] and ledger["answered"] < 400
    assert run("exp", "show", "last").out.count("paused") >= 1
    again = run("run", "f.yaml", "-q", *place)
    assert again.ran, again
    compared = run("exp", "compare", result["experiment"]["id"], "last")
    assert compared.code != 0 and "was changed by hand" in compared.out + compared.err, compared


def test_a_key_that_can_change_nothing_says_why(terminal, target, tmp_path):
    shown = terminal("load", target(), "-c", "2", "-d", "8s", "--no-telemetry")
    wait_for(lambda: shown.due() > 100, lambda: shown.shown[-500:])
    shown.press("+")
    wait_for(lambda: "is a closed loop: its rate is what the target gives" in shown.shown, lambda: shown.shown[-800:])
    shown.press("\x1b[Ax")  # an arrow, and a letter that is none of ours
    shown.press("p")
    wait_for(lambda: "  paused" in shown.shown, lambda: shown.shown[-500:])
    time.sleep(0.5)
    before = shown.due()
    time.sleep(0.7)
    assert shown.due() == before
    shown.press("p")
    wait_for(lambda: shown.due() > before, lambda: shown.shown[-500:])
    shown.press("\x03")
    assert shown.end() == 105


def test_a_terminal_is_given_back_as_it_was(galileo, target, tmp_path):
    import termios
    main, side = pty.openpty()
    before = termios.tcgetattr(side)
    process = subprocess.Popen([galileo, "load", target(), "-c", "1", "-d", "1s", "--no-telemetry", "--db", "none"], cwd=tmp_path,
                               stdin=side, stderr=side, stdout=subprocess.DEVNULL, preexec_fn=lambda: own(side))
    reader = threading.Thread(target=lambda: [None for _ in iter(lambda: read_some(main), b"")])
    reader.start()
    seen = set()
    while process.poll() is None:
        seen.add(bool(termios.tcgetattr(side)[3] & termios.ICANON))
        time.sleep(0.01)
    assert False in seen, "keys are taken one by one while it runs"
    assert termios.tcgetattr(side) == before
    os.close(side)
    reader.join()
    os.close(main)


def read_some(fd):
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""
