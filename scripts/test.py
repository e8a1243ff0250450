"""Runs every suite and ends with one line: N passed, N failed[, N skipped].

    scripts/test.py [--quick] [--only SUITE]... [--jobs N]

A suite is a name, a deadline and a function that returns its counts. A build that fails, a suite that
hangs or prints no counts is one failure of that suite; the others go on. Only the standard library.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PYTHON = "/usr/bin/python3"
FUZZ_RUNS = 1_000_000
FUZZ_SECONDS = 40
# What reads people's files and strangers' answers gets longer.
FUZZ_LONG = {"experiment_file": 300, "http1": 300, "worker_api": 120}
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

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reasons += other.reasons


class Runner:
    def __init__(self, jobs):
        self.jobs = jobs
        self.logs = BUILD / "test-logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def run(self, name, command, deadline_s, env=None, cwd=ROOT):
        """The exit status and output of a command; its process group is killed at the deadline."""
        log = self.logs / (re.sub(r"\W+", "-", name) + ".log")
        with open(log, "wb") as out:
            process = subprocess.Popen(
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **SANITIZERS, **(env or {})}, start_new_session=True)
            try:
                status = process.wait(timeout=deadline_s)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        text = log.read_text(errors="replace")
        if status is None:
            text += f"\n{name}: not over after {deadline_s} s, killed\n"
        return status, text

    def build(self, preset, targets, deadline_s=2400):
        """Configures and builds; None, or the text of what went wrong."""
        status, text = self.run(f"configure {preset}", ["cmake", "--preset", preset], 600)
        if status == 0:
            command = ["cmake", "--build", "--preset", preset, "-j", str(self.jobs)]
            if targets:
                command += ["--target", *targets]
            status, text = self.run(f"build {preset}", command, deadline_s)
        return None if status == 0 else text


def failed(text, lines=60):
    print("\n".join(text.splitlines()[-lines:]), flush=True)
    return Counts(failed=1)


def rooms():
    names = [line.split()[1] for line in (ROOT / "src/rooms.txt").read_text().splitlines()
             if line and line[0].isdigit()]
    return [name for name in names if list((ROOT / "src" / name).glob("*_test.cc"))]


def fuzz_targets():
    return sorted(path.stem for path in (ROOT / "fuzz").glob("*.cc"))


WITHOUT_THREADS = {"wire", "route"}  # bytes and values: there is nothing for tsan to see


def unit_tests(runner, preset, tests, before=()):
    """Programs of doctest's, built and run; `before`: a command that starts them."""
    if (error := runner.build(preset, tests)) is not None:
        return failed(error)
    counts = Counts()
    for test in tests:
        status, text = runner.run(f"{preset} {test}", [*before, str(BUILD / preset / test), "--no-colors"], 600)
        for reason in re.findall(r"^skipped: (.*)$", text, re.MULTILINE):
            counts.add(Counts(skipped=1, reasons=[f"{preset} {test}: {reason}"]))
        match = re.search(r"test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed", text)
        if match and (status == 0) == (match[2] == "0"):
            counts.add(Counts(int(match[1]), int(match[2])))
        if not match or status != 0:
            print(text[-6000:], flush=True)
        if not match:
            counts.failed += 1
    return counts


def unit(runner, preset):
    """The doctest programs of all rooms, and the fuzz corpora as plain tests; of tsan's, those that may have threads."""
    names = [] if preset == "tsan" else fuzz_targets()
    tests = [f"galileo_{room}_test" for room in rooms() if preset != "tsan" or room not in WITHOUT_THREADS]
    replays = [f"fuzz_{name}" for name in names]
    if (error := runner.build(preset, replays)) is not None:
        return failed(error)
    counts = unit_tests(runner, preset, tests)
    for name in names:
        once = ["-runs=0"] if preset == "asan" else []  # there it is a fuzzer
        command = [str(BUILD / preset / f"fuzz_{name}"), *once, str(ROOT / "fuzz/corpus" / name)]
        status, text = runner.run(f"{preset} corpus {name}", command, 300)
        counts.add(Counts(passed=1) if status == 0 else failed(text))
    return counts


def pytest(runner, name, arguments, deadline_s, env=None):
    xml = runner.logs / (re.sub(r"\W+", "-", name) + ".xml")
    xml.unlink(missing_ok=True)
    status, text = runner.run(
        name, [PYTHON, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", f"--junitxml={xml}",
               *arguments], deadline_s, {"PYTHONDONTWRITEBYTECODE": "1", **(env or {})})
    if not xml.exists():
        return failed(text)
    counts = Counts()
    for case in ElementTree.parse(xml).iter("testcase"):
        title = f"{case.get('classname')}.{case.get('name')}"
        if case.find("skipped") is not None:
            counts.skipped += 1
            counts.reasons.append(f"{name}: {title}: {case.find('skipped').get('message')}")
        elif case.find("failure") is not None or case.find("error") is not None:
            counts.failed += 1
        else:
            counts.passed += 1
    if status not in (0, 5):
        failed(text, 120)
        if counts.failed == 0:
            counts.failed = 1
    return counts


def blackbox(preset, arguments, deadline_s):
    def suite(runner):
        if (error := runner.build(preset, ["galileo"])) is not None:
            return failed(error)
        env = {"GALILEO_BINARY": str(BUILD / preset / "galileo"), "GALILEO_PRESET": preset}
        return pytest(runner, f"black-box {preset}", ["tests/process", *arguments], deadline_s, env)
    return suite


def databases(preset):
    """The store's tests beside real servers, and in release the program's; the first time InfluxDB is built, which takes minutes."""
    def suite(runner):
        status, text = runner.run("build influxd", [str(ROOT / "tests/influxd/build.sh")], 2400)
        if status != 0:
            return failed(text)
        command = [PYTHON, str(ROOT / "tests/with_databases.py")]
        counts = unit_tests(runner, preset, ["galileo_store_test"], command)
        if preset == "release":
            counts.add(blackbox(preset, ["-m", "databases"], 1800)(runner))
        return counts
    return suite


def peers(runner):
    """With the original packages as peers; the first time pip installs them."""
    if (error := runner.build("release", ["galileo", "galileo_peer_shell"])) is not None:
        return failed(error)
    env = {"GALILEO_BINARY": str(BUILD / "release/galileo"), "GALILEO_PRESET": "release"}
    return pytest(runner, "peers", ["tests/peers"], 900, env)


def cluster(runner):
    """On a whole Kubernetes of real pods; the first time it is built, which takes minutes."""
    if (error := runner.build("release", ["galileo"])) is not None:
        return failed(error)
    env = {"GALILEO_BINARY": str(BUILD / "release/galileo"), "GALILEO_PRESET": "release"}
    return pytest(runner, "cluster", ["tests/cluster"], 2400, env)


def rules(runner):
    return pytest(runner, "rules", ["tests/rooms_test.py", "tests/schema_test.py", "tests/docs_test.py"], 120)


def headers(runner):
    error = runner.build("debug", ["galileo_headers"])
    return Counts(passed=1) if error is None else failed(error)


def formatting(runner):
    listed = subprocess.run(["git", "ls-files", "*.h", "*.cc", "*.c"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split()
    status, text = runner.run("format", ["clang-format-19", "--dry-run", "--Werror", *listed], 300)
    return Counts(passed=1) if status == 0 else failed(text)


def web(runner):
    """Unit tests of the page, and a browser that opens reports."""
    status, text = runner.run("web", ["npm", "test", "--silent"], 600, cwd=ROOT / "web")
    counts = Counts()
    for kind in ("pass", "fail", "skipped"):
        match = re.search(rf"^(?:#|ℹ) {kind} (\d+)$", text, re.MULTILINE)
        setattr(counts, {"pass": "passed", "fail": "failed"}.get(kind, kind), int(match[1]) if match else 0)
    if status != 0 or counts.passed == 0:
        failed(text, 120)
        counts.failed = max(counts.failed, 1)
    return counts


def fuzz_one(runner, name):
    scratch = BUILD / "fuzz-corpus" / name
    scratch.mkdir(parents=True, exist_ok=True)
    command = [str(BUILD / "asan" / f"fuzz_{name}"), f"-runs={FUZZ_RUNS}", "-seed=1",
               f"-max_total_time={FUZZ_LONG.get(name, FUZZ_SECONDS)}", "-max_len=2048", "-rss_limit_mb=4096",
               "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={scratch}/",
               str(scratch), str(ROOT / "fuzz/corpus" / name)]
    return runner.run(f"fuzz {name}", command, FUZZ_LONG.get(name, FUZZ_SECONDS) + 120)


def fuzz(runner):
    """Every fuzz target with sanitizers: a million inputs, or as many as its time allows."""
    names = sorted(fuzz_targets(), key=lambda name: name not in FUZZ_LONG)  # the slowest first
    if (error := runner.build("asan", [f"fuzz_{name}" for name in names])) is not None:
        return failed(error)
    counts = Counts()
    with concurrent.futures.ThreadPoolExecutor(runner.jobs) as pool:
        results = pool.map(lambda name: fuzz_one(runner, name), names)
        for name, (status, text) in zip(names, results):
            match = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
            executed = int(match[1]) if match else 0
            print(f"    {name}: {executed:,} inputs", flush=True)
            # A million was asked for; what a slow machine leaves out is said, not hidden.
            counts.add(Counts(passed=1) if status == 0 and executed > 0 else failed(text))
            if status == 0 and executed < FUZZ_RUNS:
                counts.reasons.append(f"fuzz {name}: {executed:,} of {FUZZ_RUNS:,} inputs in its time")
    return counts


def suites(quick):
    if quick:
        return {"unit": lambda r: unit(r, "release"), "rules": rules,
                "black-box": blackbox("release", ["-m", "quick"], 120)}
    return {
        "format": formatting,
        "unit": lambda r: unit(r, "release"),
        "rules": rules,
        "black-box": blackbox("release", ["-m", "not databases"], 1500),
        "databases": databases("release"),
        "peers": peers,
        "cluster": cluster,
        "web": web,
        "headers": headers,
        "asan unit": lambda r: unit(r, "asan"),
        "asan databases": databases("asan"),
        "asan black-box": blackbox("asan", ["-m", "sanitize"], 900),
        "tsan unit": lambda r: unit(r, "tsan"),
        "tsan black-box": blackbox("tsan", ["-m", "sanitize"], 900),
        "fuzz": fuzz,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the inner loop only")
    parser.add_argument("--only", action="append", default=[], help="only suites with this in the name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    runner = Runner(options.jobs)
    total = Counts()
    for name, suite in suites(options.quick).items():
        if options.only and not any(word in name for word in options.only):
            continue
        print(f"== {name}", flush=True)
        start = time.monotonic()
        counts = suite(runner)
        print(f"   {name}: {counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped "
              f"in {time.monotonic() - start:.0f} s", flush=True)
        total.add(counts)
    for reason in total.reasons:
        print(f"note: {reason}")
    line = f"{total.passed} passed, {total.failed} failed"
    print(line + (f", {total.skipped} skipped" if total.skipped else ""))
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
