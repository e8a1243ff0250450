"""What scripts/test.py runs its suites by: their counts, what they say, and commands that are ended in good order. Only the
standard library; any thread.
"""
import collections
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
ORDERLY_S = 30  # what is told to end has for it
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reasons += other.reasons
        self.failures += other.failures


# What compiles and fuzzes gives way to what is tested beside it; the kernel groups by session, so its group does too.
NICE = ["sh", "-c", 'echo 15 2>/dev/null > /proc/self/autogroup; exec nice -n 15 "$@"', "nice"]
CACHE = Path(os.environ.get("CCACHE_DIR") or Path.home() / ".cache/galileo/ccache").parent


class Said(threading.local):
    """What a suite says, kept until it ends, so that those that run beside it don't speak into it."""
    def __init__(self):
        self.lines, self.building, self.waiting = [], 0.0, 0.0


SAID = Said()


def say(text):
    SAID.lines.append(text)


def interrupt(process):
    """As Ctrl-C does: pytest then stops the servers that its tests have started. Not the group: a pytest beside that hears it
    twice, by its leader too, leaves them."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)


class Runner:
    def __init__(self, jobs, fuzz_seconds):
        self.jobs = jobs
        self.fuzz_seconds = fuzz_seconds
        self.logs = BUILD / "test-logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.building = collections.defaultdict(threading.Lock)
        self.running, self.stopped = set(), False
        self.package = None
        self.again = []  # of pytest's tests that failed beside others: suite, which, and how they are run once more

    def stop(self):
        """Ends all that runs, and lets nothing more begin."""
        self.stopped = True
        for process in list(self.running):
            interrupt(process)
        deadline = time.monotonic() + ORDERLY_S
        while self.running and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in list(self.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def run(self, name, command, deadline_s, env=None, cwd=ROOT):
        """The exit status and output of a command; its process group is killed at the deadline."""
        if self.stopped:
            return None, "stopped\n"
        log = self.logs / (re.sub(r"\W+", "-", name) + ".log")
        with open(log, "wb") as out:
            process = subprocess.Popen(
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **SANITIZERS, **(env or {})}, start_new_session=True)
            self.running.add(process)
            try:
                if self.stopped:
                    interrupt(process)
                status = process.wait(timeout=deadline_s)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                if process.poll() is None:
                    interrupt(process)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=ORDERLY_S)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self.running.discard(process)
        text = log.read_text(errors="replace")
        if status is None:
            text += f"\n{name}: not over after {deadline_s} s, killed\n"
        return status, text

    def configure(self, preset):
        """None, or the text of what went wrong."""
        status, text = self.run(f"configure {preset}", [*NICE, "cmake", "--preset", preset], 600)
        return None if status == 0 else text

    def build(self, preset, targets, deadline_s=2400):
        """Configures and builds; None, or the text of what went wrong."""
        waited_from = time.monotonic()
        with self.building[preset]:  # another suite may build this preset just now
            SAID.waiting += time.monotonic() - waited_from
            with counted_as_building():
                if (error := self.configure(preset)) is not None:
                    return error
                command = [*NICE, "cmake", "--build", "--preset", preset, "-j", str(self.jobs)]
                if targets:
                    command += ["--target", *targets]
                status, text = self.run(f"build {preset}", command, deadline_s)
        return None if status == 0 else text


@contextlib.contextmanager
def counted_as_building():
    start = time.monotonic()
    yield
    SAID.building += time.monotonic() - start


def failed(text, lines=60):
    say("\n".join(text.splitlines()[-lines:]))
    return Counts(failed=1)
