"""Runs every suite and ends with one line: N passed, N failed[, N skipped].

    scripts/test.py [--quick] [--only SUITE]... [--jobs N]

A suite is a name, a deadline and a function that returns its counts. A build that fails, a suite that
hangs or prints no counts is one failure of that suite; the others go on. Only the standard library.

Suites run in three lanes side by side: what works (compilers, unit tests, fuzzers; the compilers and fuzzers niced), what
mostly waits (the black-box tests, several at once), and the cluster's tests. A lane that is done first helps the others. Tests
that measure, marked `alone`, come after all, one at a time; and so does, in the suite `again`, a test that failed beside
others: a note says which, and how it ended alone. docs/explanation/testing.md says where the time goes.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import sources
from suite_runner import BUILD, CACHE, NICE, ROOT, SAID, Counts, Runner, counted_as_building, failed, say

PYTHON = "/usr/bin/python3"
FUZZ_RUNS = 1_000_000  # inputs for a target, over as many runs as that takes
FUZZ_SECONDS = 15  # for them in one run
FUZZ_LONG = 4  # times that for what reads people's files and strangers' answers
FUZZ_LONGER = {"experiment_file", "http1", "worker_api"}
FUZZ_DONE_SECONDS = 3  # once it has had them, with others


def rooms():
    names = [line.split()[1] for line in (ROOT / "src/rooms.txt").read_text().splitlines()
             if line and line[0].isdigit()]
    return [name for name in names if list((ROOT / "src" / name).glob("*_test.cc"))]


def fuzz_targets():
    return sorted(path.stem for path in (ROOT / "fuzz").glob("*.cc"))


ADD_ONE = "tests/process/add_one_test.py"
# Bytes and values, in rooms whose own sources know no loop and no desk: there is nothing for tsan to see.
WITHOUT_THREADS = {"wire", "route", "plan", "analysis", "tables", "frames"}


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
            say(text[-6000:])
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


def at_once(number):
    """So many tests side by side."""
    return ["-n", str(number)]


def pytest(runner, name, arguments, deadline_s, env=None, beside=(), python=PYTHON):
    """`beside`: how tests run side by side; none: one after the other."""
    xml = runner.logs / (re.sub(r"\W+", "-", name) + ".xml")
    xml.unlink(missing_ok=True)
    more = [*beside]
    if "cache_dir" not in " ".join(arguments):
        more += ["-p", "no:cacheprovider"]
    status, text = runner.run(
        name, [python, "-m", "pytest", "-q", "-rs", f"--junitxml={xml}", *more, *arguments], deadline_s,
        {"PYTHONDONTWRITEBYTECODE": "1", **(env or {})})
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
            counts.failures.append(title)
        else:
            counts.passed += 1
    if status not in (0, 5):
        failed(text, 120)
        if counts.failed == 0:
            counts.failed = 1
    return counts


def beside_others(runner, name, arguments, deadline_s, env, beside=(), python=PYTHON):
    """Tests while other suites go on: one that fails isn't judged yet, but by how it ends alone (`again`)."""
    cache = runner.logs / f"failed-{re.sub(r'[^a-z]+', '-', name)}"
    shutil.rmtree(cache, ignore_errors=True)
    arguments = [*arguments, "-o", f"cache_dir={cache}"]
    counts = pytest(runner, name, arguments, deadline_s, env, beside, python)
    if counts.failures:
        runner.again.append((name, sorted(set(counts.failures)),
                             [*arguments, "--last-failed", "--last-failed-no-failures", "none"], deadline_s, env, (), python))
        counts.failed -= len(counts.failures)
    return counts


def again(runner):
    """Once more, and alone, what failed beside others."""
    counts = Counts()
    for name, failures, *how in runner.again:
        ended = pytest(runner, f"{name} again", *how)
        ended.failed = max(ended.failed, len(failures) - ended.passed - ended.skipped)
        counts.add(ended)
        counts.reasons += [f"{name}: {title}: failed beside others, "
                           f"{'failed' if title in ended.failures else 'passed'} alone" for title in failures]
    return counts


def blackbox_env(preset):
    return {"GALILEO_BINARY": str(BUILD / preset / "galileo"), "GALILEO_PRESET": preset}


def blackbox(preset, marks, deadline_s):
    """Those that don't measure, beside each other and beside other suites."""
    def suite(runner):
        if (error := runner.build(preset, ["galileo", "galileo_two_runs"])) is not None:
            return failed(error)
        arguments = ["tests/process", f"--ignore={ADD_ONE}", "-m", f"({marks}) and not alone"]
        return beside_others(runner, f"black-box {preset}", arguments, deadline_s, blackbox_env(preset), at_once(2 * runner.jobs))
    return suite


def blackbox_alone(preset, marks, deadline_s):
    """Those that measure."""
    def suite(runner):
        if (error := runner.build(preset, ["galileo"])) is not None:
            return failed(error)
        arguments = ["tests/process", "-m", f"({marks}) and alone"]
        return pytest(runner, f"black-box {preset} alone", arguments, deadline_s, blackbox_env(preset))
    return suite


def databases(preset):
    """The store's tests beside real servers, and in release the program's; the first time InfluxDB is built, which takes minutes."""
    def suite(runner):
        with counted_as_building():
            status, text = runner.run("build influxd", [str(ROOT / "tests/influxd/build.sh")], 2400)
        if status != 0:
            return failed(text)
        command = [PYTHON, str(ROOT / "tests/support/with_databases.py")]
        counts = unit_tests(runner, preset, ["galileo_store_test"], command)
        if preset == "release":
            if (error := runner.build(preset, ["galileo"])) is not None:
                return failed(error)
            counts.add(beside_others(runner, "black-box databases", ["tests/process", "-m", "databases"], 1800, blackbox_env(preset)))
        return counts
    return suite


def add_one(runner):
    """Compiles one more of each kind into the program: work, and once for all its tests."""
    if (error := runner.build("release", ["galileo"])) is not None:
        return failed(error)
    return pytest(runner, "add one", [ADD_ONE], 600, blackbox_env("release"))


def peers(runner):
    """With the original packages as peers; the first time pip installs them."""
    if (error := runner.build("release", ["galileo"])) is not None:
        return failed(error)
    return beside_others(runner, "peers", ["tests/peers"], 900, blackbox_env("release"))


def made_package(runner):
    """(whether it could be, what was said, last the Python of a fresh environment that has it): once for all suites."""
    waited_from = time.monotonic()
    with runner.building["wheel"]:
        SAID.waiting += time.monotonic() - waited_from
        if runner.package is None:
            with counted_as_building():
                status, text = runner.run("wheel", [*NICE, PYTHON, str(ROOT / "tests/support/python_package.py"), str(BUILD / "python")], 2400)
            runner.package = status == 0, text
    return runner.package


def package(runner):
    """The Python package: its wheel in a fresh environment, and the tests there; the first time pip fetches what they compare with."""
    made, text = made_package(runner)
    if not made:
        return failed(text)
    return beside_others(runner, "python", ["python/tests"], 1800, {}, python=text.splitlines()[-1])


def sanitized_package(runner):
    """The same tests with the package's module under the address sanitizer, and Python's allocator looking for faults."""
    made, text = made_package(runner)
    if not made:
        return failed(text)
    python = text.splitlines()[-1]
    with counted_as_building():
        status, text = runner.run("asan python module", [*NICE, PYTHON, str(ROOT / "tests/support/python_sanitized.py"), python,
                                                         str(BUILD / "python-sanitized")], 900)
    if status != 0:
        return failed(text)
    # What a fault has to say goes to the process's own output.
    return beside_others(runner, "asan python", ["python/tests", "--capture=sys"], 2400, json.loads(text.splitlines()[-1]), python=python)


def cluster(runner):
    """On a whole Kubernetes of real pods; the first time it is built, which takes minutes."""
    if (error := runner.build("release", ["galileo", "galileo_ask_kubernetes"])) is not None:
        return failed(error)
    # A file after the other in each of three places, which have a cluster each.
    places = ["--dist", "loadfile", "--tx", f"3*popen//python={ROOT / 'tests/cluster/place.sh'} {PYTHON}"]
    return beside_others(runner, "cluster", ["tests/cluster"], 3600, blackbox_env("release"), places)


def rules(runner):
    return pytest(runner, "rules", ["tests/rooms_test.py", "tests/schema_test.py", "tests/docs_test.py"], 120)


def headers(runner):
    """Each header alone; and what no other suite compiles, the programs of bench/."""
    error = runner.build("debug", ["galileo_headers"])
    if error is None:
        error = runner.build("release", ["bench_drain", "bench_bus", "publish_traces"])
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


def fuzz_stamp(name):
    """A file that holds how many inputs a target has had as it is now: its source, all that this is made of, and its corpus."""
    what = hashlib.sha256()
    sources.add_to(what, [*sources.made_of(ROOT / f"fuzz/{name}.cc", linked=True), *sorted((ROOT / "fuzz/corpus" / name).iterdir())])
    return CACHE / "fuzzed" / f"{name}-{what.hexdigest()[:32]}"


def fuzz_one(runner, name):
    """The exit status, what was printed, how many inputs there were now, and how many before."""
    found = CACHE / "fuzzed/corpus" / name  # what reached new code, for the next run to go on from
    found.mkdir(parents=True, exist_ok=True)
    wrong = BUILD / "fuzz" / name
    wrong.mkdir(parents=True, exist_ok=True)
    stamp = fuzz_stamp(name)
    before = int(stamp.read_text() or 0) if stamp.exists() else 0
    long = runner.fuzz_seconds * (FUZZ_LONG if name in FUZZ_LONGER else 1)
    seconds = long if before < FUZZ_RUNS else FUZZ_DONE_SECONDS
    seed = int(time.time()) % 2**31 if before else 1  # the same inputs once more would find the same
    command = [*NICE, str(BUILD / "asan" / f"fuzz_{name}"), f"-runs={FUZZ_RUNS}", f"-seed={seed}",
               f"-max_total_time={seconds}", "-max_len=2048", "-rss_limit_mb=4096",
               "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={wrong}/",
               str(found), str(ROOT / "fuzz/corpus" / name)]
    status, text = runner.run(f"fuzz {name}", command, seconds + 120)
    match = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    executed = int(match[1]) if match else 0
    if status == 0:
        stamp.write_text(str(before + executed))
    return status, text, executed, before


def fuzz(runner):
    """Every fuzz target with sanitizers: a million inputs, or as many as its time allows, and the rest in the next runs; a few
    seconds of others once a target has had a million and nothing has changed of what it is made of."""
    names = sorted(fuzz_targets(), key=lambda name: name not in FUZZ_LONGER)  # the slowest first
    if (error := runner.build("asan", [f"fuzz_{name}" for name in names])) is not None:
        return failed(error)
    counts, done = Counts(), 0
    with concurrent.futures.ThreadPoolExecutor(runner.jobs) as pool:
        results = pool.map(lambda name: fuzz_one(runner, name), names)
        for name, (status, text, executed, before) in zip(names, results):
            say(f"    {name}: {executed:,} inputs{f', {before:,} before' if before else ''}")
            counts.add(Counts(passed=1) if status == 0 and executed > 0 else failed(text))
            done += before >= FUZZ_RUNS
            # A million was asked for; what a slow machine leaves for the next run is said, not hidden.
            if status == 0 and before + executed < FUZZ_RUNS:
                counts.reasons.append(f"fuzz {name}: {before + executed:,} of {FUZZ_RUNS:,} inputs by now")
    if done:
        counts.reasons.append(f"fuzz: {done} of {len(names)} targets have had a million inputs as they are, and got "
                              f"{FUZZ_DONE_SECONDS} s with others")
    return counts


def lint(runner):
    """clang-tidy over every source; an unchanged one costs nothing."""
    if (error := runner.configure("debug")) is not None:
        return failed(error)
    status, text = runner.run("lint", [*NICE, PYTHON, str(ROOT / "scripts/lint.py"), "--jobs", str(runner.jobs)], 2400)
    if status != 0:
        return failed(text)
    say(f"    {text.splitlines()[-1]}")
    return Counts(passed=1)


def suites(quick):
    """Suites by lane (in each the longest first, since the last ones are taken over by lanes that are done), and what comes
    alone after them."""
    if quick:
        return ([{"unit": lambda r: unit(r, "release"), "rules": rules},
                 {"black-box": blackbox("release", "quick", 120)}],
                {"black-box alone": blackbox_alone("release", "quick", 120)})
    return ([{
        "cluster": cluster,
    }, {
        "format": formatting,
        "rules": rules,
        "unit": lambda r: unit(r, "release"),
        "add one": add_one,
        "asan unit": lambda r: unit(r, "asan"),
        "tsan unit": lambda r: unit(r, "tsan"),
        "headers": headers,
        "lint": lint,
        "fuzz": fuzz,
        "web": web,
    }, {
        "black-box": blackbox("release", "not databases", 1500),
        "peers": peers,
        "python": package,
        "databases": databases("release"),
        "asan python": sanitized_package,
        "asan black-box": blackbox("asan", "sanitize", 900),
        "asan databases": databases("asan"),
        "tsan black-box": blackbox("tsan", "sanitize", 900),
    }], {
        "black-box alone": blackbox_alone("release", "not databases", 900),
        "asan black-box alone": blackbox_alone("asan", "sanitize", 900),
        "tsan black-box alone": blackbox_alone("tsan", "sanitize", 900),
    })


@dataclass
class Row:
    """What became of a suite, for the table."""
    name: str
    counts: Counts
    building: float = 0
    testing: float = 0


class Lanes:
    """Suites side by side. A lane that has none left takes the last one of the lane that has most of them."""

    def __init__(self, lanes):
        self.left = [list(lane.items()) for lane in lanes]
        self.lock = threading.Lock()

    def take(self, lane):
        """The next suite for it, by name and function; None: there is none any more."""
        with self.lock:
            if self.left[lane]:
                return self.left[lane].pop(0)
            longest = max(self.left, key=len)
            return longest.pop() if longest else None


def run_lane(runner, lanes, lane=0):
    rows = []
    while not runner.stopped and (taken := lanes.take(lane)):
        name, suite = taken
        print(f"== {name} begins", flush=True)
        SAID.__init__()
        start = time.monotonic()
        counts = suite(runner)
        took = time.monotonic() - start
        row = Row(name, counts, SAID.building, took - SAID.building - SAID.waiting)
        rows.append(row)
        print("\n".join([f"== {name}", *SAID.lines,
                         f"   {name}: {counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped in {took:.0f} s"]),
              flush=True)
    return rows


def table(rows, whole_s):
    lines = [f"{'suite':22} {'build s':>8} {'tests s':>8} {'passed':>7} {'failed':>7} {'skipped':>8}"]
    lines += [f"{row.name:22} {row.building:8.0f} {row.testing:8.0f} {row.counts.passed:7} {row.counts.failed:7} "
              f"{row.counts.skipped:8}" for row in rows]
    lines.append(f"{'sum':22} {sum(row.building for row in rows):8.0f} {sum(row.testing for row in rows):8.0f}"
                 f"   side by side in {whole_s:.0f} s")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the inner loop only")
    parser.add_argument("--only", action="append", default=[], help="only suites with this in the name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--fuzz", type=int, default=FUZZ_SECONDS, metavar="SECONDS", help="for each fuzz target that isn't done")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell has what it starts in the background ignore interrupts, and all that is started by that: tests interrupt some.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runner = Runner(options.jobs, options.fuzz)
    beside, alone = suites(options.quick)
    *beside, alone = ({name: suite for name, suite in lane.items() if not options.only or any(word in name for word in options.only)}
                      for lane in [*beside, alone])
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(beside)) as pool:
        try:
            lanes = Lanes(beside)
            running = [pool.submit(run_lane, runner, lanes, lane) for lane in range(len(beside))]
            rows = [row for lane in running for row in lane.result()]
        except BaseException:
            runner.stop()
            raise
    try:
        rows += run_lane(runner, Lanes([alone | ({"again": again} if runner.again else {})]))
    except BaseException:
        runner.stop()
        raise
    total = Counts()
    for row in rows:
        total.add(row.counts)
    for reason in total.reasons:
        print(f"note: {reason}")
    print(table(rows, time.monotonic() - start))
    line = f"{total.passed} passed, {total.failed} failed"
    print(line + (f", {total.skipped} skipped" if total.skipped else ""))
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
