"""What a pipeline reads of a run: JUnit, Markdown, the last line; and thresholds that end a run."""
import json
import os
import random
import sqlite3
import signal
import socket
import stat
import subprocess
import time

import junit_python
import pytest
from conftest import result_of, wait_for

READ = """
import json, sys
from lxml import etree
from junitparser import JUnitXml
made = []
for path in sys.argv[1:]:
    tree = etree.parse(path, etree.XMLParser(recover=False, huge_tree=False))
    suites = JUnitXml.fromfile(path)
    suite = next(iter(suites))
    cases = list(suite)
    bad = [case.name for case in cases if any(type(one).__name__ in ("Failure", "Error") for one in case.result)]
    made.append({"tests": suites.tests, "failures": suites.failures, "errors": suites.errors, "cases": [case.name for case in cases], "bad": bad,
                 "out": tree.findtext("testsuite/system-out") or ""})
print(json.dumps(made))
"""


@pytest.fixture(scope="module")
def read_junit():
    python, why_not = junit_python.find()
    if not python:
        pytest.skip(why_not)

    def read(*paths):
        done = subprocess.run([python, "-c", READ, *map(str, paths)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return read


def test_documents_and_last_line_agree_with_the_exit_code(run, target, tmp_path, read_junit):
    url = target()
    kept = run("load", url, "-n", "300", "-r", "300", "-q", "--threshold", "failed == 0", "--junit", "a/j.xml", "--markdown", "m.md")
    crossed = run("load", url, "-n", "300", "-r", "300", "-q", "--threshold", "failed == 0", "--threshold", "max(latency) < 1ns", "--junit", "a/k.xml",
                  "--markdown", "m.md")
    assert kept.ran and crossed.code in (90, 99)
    good, bad = read_junit(tmp_path / "a/j.xml", tmp_path / "a/k.xml")
    assert good["tests"] == 6 and good["failures"] == (kept.code != 0)
    assert bad["tests"] == 7 and "max(latency) < 1ns" in bad["bad"] and bad["cases"][:len(bad["bad"])] == bad["bad"]
    assert kept.out.splitlines()[-1].startswith("PASSED: " if kept.code == 0 else "FAILED: ")
    last = crossed.out.splitlines()[-1]
    assert last.startswith("FAILED: ") and "1 of 2 thresholds held" in last and last.endswith(f"exit code {crossed.code}")
    pages = (tmp_path / "m.md").read_text()
    assert pages.count("\n## ") + pages.startswith("## ") == 2  # the second run's is behind the first's
    assert "| ❌ | `max(latency) < 1ns` |" in pages


def test_a_stored_experiment_gives_the_same_document(run, target, tmp_path):
    assert run("load", target(), "-n", "50", "-c", "1", "-q", "--junit", "j.xml").ran
    shown = run("exp", "show", "last", "--junit", "-")
    cases = [text[text.index("</properties>"):] for text in (shown.out, (tmp_path / "j.xml").read_text())]
    assert cases[0] == cases[1]
    assert run("exp", "show", "last", "--markdown", "m.md").out.startswith("verdict ")
    assert (tmp_path / "m.md").read_text().startswith("## ")


def test_ten_thousand_odd_names_are_xml(run, target, tmp_path, read_junit):
    assert run("load", target(), "-n", "5", "-c", "1", "-q", "--threshold", "failed == 0").ran
    draw = random.Random(7)
    kinds = [lambda: chr(draw.randrange(0x20)), lambda: chr(draw.choice([0xFFFE, 0xFFFF, 0xFFFD, 0x7F, 0x85, 0x2028])), lambda: draw.choice("<>&\"'|`]\\"),
             lambda: chr(draw.randrange(0xE000, 0x110000)), lambda: chr(draw.randrange(0xD800))]
    database = sqlite3.connect(tmp_path / "galileo.sqlite")
    table, column, text = next((t, c, row[0]) for (t,) in database.execute("select name from sqlite_master where type='table'").fetchall()
                               for (_, c, *_) in database.execute(f"pragma table_info({t})").fetchall()
                               for row in database.execute(f'select "{c}" from {t}') if isinstance(row[0], str) and row[0].startswith("{") and '"galileo"' in row[0])
    metadata = json.loads(text)
    files = []
    for i in range(10):
        names = ["".join(draw.choice(kinds)() for _ in range(draw.randrange(1, 30))) for _ in range(1000)]
        metadata["thresholds"] = [{**metadata["thresholds"][0], "expression": name, "passed": bool(draw.randrange(2)), "undecided": name} for name in names]
        database.execute(f'update {table} set "{column}" = ? where "{column}" like \'%"galileo"%\'', [json.dumps(metadata)])
        database.commit()
        files.append(tmp_path / f"{i}.xml")
        assert run("exp", "show", "last", "--junit", files[-1], "--markdown", tmp_path / f"{i}.md").code == 0
        assert files[-1].stat().st_size <= 900 << 10
        page = (tmp_path / f"{i}.md").read_bytes().decode()
        assert len(page.encode()) <= 900 << 10 and not {c for c in page if c < " " and c != "\n"}
        rows = [line for line in page.split("\n") if line.startswith(("| ✅", "| ❌"))]
        assert len(rows) > 500 and all(line.count("|") - line.count("\\|") == 4 and "\\\\|" not in line for line in rows)
    read = read_junit(*files)
    assert all(one["tests"] == len(one["cases"]) > 500 for one in read)
    assert all(one["tests"] == 1005 or "left out" in one["out"] for one in read)


def test_a_run_that_cant_begin_tells_the_pipeline(run, tmp_path, port, read_junit):
    (tmp_path / "e.yaml").write_text("name: e\nservices: {a: {hosts: {'127.0.0.1:9': 1}}}\nclients: [{service: a, requests: 3, rate: 10}]\n"
                                     f"applications: [{{name: a, command: ['false'], ready: '127.0.0.1:{port}', ready_timeout: 1s}}]\n")
    failed = run("run", "e.yaml", "-q", "--junit", "j.xml", "--markdown", "m.md")
    assert failed.code not in (0, 99)
    (read,) = read_junit(tmp_path / "j.xml")
    assert read["errors"] == 1 and read["bad"] == ["the run could begin"]
    assert "couldn't begin" in (tmp_path / "m.md").read_text()


def test_what_cant_be_written_is_said_before_the_run(run, target, tmp_path):
    url = target()
    (tmp_path / "locked").mkdir()
    for arguments, said in ((["--junit", "-", "--markdown", "-"], "can't both go to stdout"), (["--json", "-", "--junit", "-"], "can't both go to stdout"),
                            (["--junit", "locked"], "it is a folder"), (["--markdown", "locked"], "it is a folder")):
        refused = run("load", url, "-n", "1", "-q", "--db", "none", *arguments)
        assert refused.code in (1, 2) and said in refused.err, refused
    assert not list(tmp_path.glob("*.spool*"))


def test_odd_places(run, target, tmp_path):
    url = target()
    # Full up: nothing is cut, the page is refused and the run's own code hidden by none.
    (tmp_path / "full.md").write_text("x" * (900 << 10))
    full = run("load", url, "-n", "1", "-c", "1", "-q", "--db", "none", "--markdown", "full.md")
    assert full.code == 2 and "pipelines drop longer ones" in full.err, full
    assert (tmp_path / "full.md").stat().st_size == 900 << 10
    # A device, and a page to stdout: nothing else is there.
    assert run("load", url, "-n", "1", "-c", "1", "-q", "--db", "none", "--markdown", "/dev/null", "--junit", "/dev/null").ran
    out = run("load", url, "-n", "1", "-c", "1", "-q", "--db", "none", "--markdown", "-")
    assert out.out.startswith("## ") and "ledger" not in out.out and out.err.strip().splitlines()[-1].split(":")[0] in ("PASSED", "FAILED")
    # A link stays one.
    (tmp_path / "real.md").write_text("before\n")
    os.symlink("real.md", tmp_path / "link.md")
    assert run("load", url, "-n", "1", "-c", "1", "-q", "--db", "none", "--markdown", "link.md").ran
    assert stat.S_ISLNK(os.lstat(tmp_path / "link.md").st_mode) and (tmp_path / "real.md").read_text().startswith("before\n## ")


def test_a_signal_leaves_a_result_that_says_so(start, target, tmp_path, read_junit):
    process = start("load", target(), "-r", "50", "-d", "30s", "-q", "--junit", "j.xml", "--json", "r.json")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 105 and out.splitlines()[-1].startswith("FAILED: ") and "ended early" in out.splitlines()[-1]
    assert "signal" in result_of(tmp_path / "r.json")["ended_early"]
    (read,) = read_junit(tmp_path / "j.xml")
    assert "the run came to its end" in read["bad"]


def ended(tmp_path, outcome, expression):
    """A run that a threshold has ended: a whole report of what was done, and why."""
    result = result_of(tmp_path / "r.json")
    # A busy machine's verdict comes before thresholds.
    assert outcome.code == (90 if result["verdict"]["value"] == "INVALID" else 99), outcome
    assert result["ended_early"].startswith(f"the threshold '{expression}' ended the run: ")
    assert result["ledger"]["balanced"] and result["verdict"]["value"] in ("SUSPECT", "INVALID")
    (threshold,) = [one for one in result["thresholds"] if one["expression"] == expression]
    assert not threshold["passed"] and threshold["proof"] and threshold["proof"] in result["ended_early"]
    return result, threshold["proof"]


def lasted_s(result):
    return result["experiment"]["end"] - result["experiment"]["start"]


def test_a_threshold_ends_the_run_once_it_cant_be_met(run, target, tmp_path):
    url = target("--delay", "20ms")
    outcome = run("load", url, "-r", "100", "-n", "3000", "-q", "--abort-unless", "p95(latency) < 5ms", "--threshold", "failed == 0", "--json", "r.json", timeout=60)
    result, proof = ended(tmp_path, outcome, "p95(latency) < 5ms")
    count = int(proof.split(" of at most 3,000 requests")[0].replace(",", ""))
    # Not before it is proved, and without all of the 30 s.
    assert 150 < count <= result["ledger"]["intended"] < 2500 and "at most 150 may" in proof
    assert result["thresholds"][0]["expression"] == "failed == 0" and result["thresholds"][0]["passed"]
    assert "ended early" in outcome.out.splitlines()[-1] and "ended the run: " in outcome.out
    shown = run("exp", "show", "last", "--json")
    assert json.loads(shown.out)["ended_early"] == result["ended_early"]
    with sqlite3.connect(tmp_path / "galileo.sqlite") as database:
        assert database.execute("SELECT VALUE FROM events WHERE NAME = 'threshold/abort'").fetchall() == [("p95(latency) < 5ms",)]


def test_without_abort_a_crossed_threshold_ends_nothing(run, target, tmp_path):
    outcome = run("load", target("--errors", "1"), "-r", "100", "-d", "2s", "-q", "--threshold", "failed == 0", "--json", "r.json")
    result = result_of(tmp_path / "r.json")
    assert outcome.code in (90, 99) and result["ledger"]["intended"] == 200 and result["ended_early"] == ""


@pytest.mark.parametrize("errors, flags, expression", [
    (1, ["-r", "50", "-d", "25s", "--poisson"], "failed == 0"),  # the first failure proves it, whatever follows
    (0, ["-c", "2", "-d", "25s"], "max(latency) < 1us"),
    (1, ["-c", "2", "-d", "25s", "--abort-after", "1s"], "error_rate < 50%"),
    (0, ["-r", "50", "-d", "25s", "--check", "a: status 201"], "checks(a) > 0.9"),
], ids=["a count", "an extreme", "for a second", "checks"])
def test_each_way_to_end_a_run(run, target, tmp_path, errors, flags, expression):
    outcome = run("load", target("--errors", errors), *flags, "-q", "--abort-unless", expression, "--json", "r.json", timeout=60)
    result, _ = ended(tmp_path, outcome, expression)
    assert lasted_s(result) < 20


def test_what_cant_be_decided_is_refused_before_anything_starts(run, tmp_path):
    url = "http://127.0.0.1:9/"
    for flags, said in ((["--abort-unless", "p95(latency) < 1s", "-c", "1", "-d", "1s"], "how many requests there will be isn't known"),
                        (["--abort-unless", "achieved > 5", "-r", "5", "-d", "1s"], "what follows can always make up for it"),
                        (["--abort-unless", "in_flight == 0", "-n", "5"], "known when the run has ended"),
                        (["--abort-after", "1s", "-n", "5"], "give --abort-unless too"),
                        (["--abort-unless", "failed{service=x} == 0", "-n", "5"], "there is no service 'x'")):
        refused = run("load", url, "-q", *flags)
        assert refused.code == 2 and said in refused.err, refused
    assert not list(tmp_path.glob("*.sqlite"))


def test_on_a_fleet_by_worker_and_by_service(run, start, target, redis, tmp_path):
    server = redis()
    for name in ("w1", "w2"):
        (tmp_path / name).mkdir()
        start("worker", "--bus", server.url, "--name", name, "--traces", "redis", "--spool", tmp_path / name)
        wait_for(lambda: server("GET", f"galileo:worker:{name}:heartbeat") and server("SISMEMBER", "galileo:workers", name), f"{name} to register")
    host = target("--delay", "20ms").removeprefix("http://").rstrip("/")
    (tmp_path / "e.yaml").write_text(f"""
name: f
bus: {server.url}
services: {{a: {{hosts: {{'{host}': 1}}}}}}
clients: [{{service: a, num: 2, rate: 50, requests: 1000}}]
telemetry: off
thresholds:
  - answered{{worker=w1}} > 0
  - error_rate{{service=a}} < 1%
  - failed{{worker=nobody}} == 0
  - {{expression: "p95(latency{{worker=w2}}) < 5ms", abort: yes}}
""")
    outcome = run("run", "e.yaml", "-q", "--json", "r.json", timeout=90)
    result, proof = ended(tmp_path, outcome, "p95(latency{worker=w2}) < 5ms")
    assert " of at most 2,000 requests were over" in proof and result["ledger"]["intended"] < 1800
    passed = {one["expression"]: one["passed"] for one in result["thresholds"]}
    assert passed["answered{worker=w1} > 0"] and passed["error_rate{service=a} < 1%"]
    assert not passed["failed{worker=nobody} == 0"]  # no data: failed
    assert "no request had the worker 'nobody'" in outcome.out


def test_a_node_of_telemetry(run, target, tmp_path):
    name = socket.gethostname()
    outcome = run("load", target(), "-r", "50", "-d", "2s", "-q", "--threshold", f"max(cpu{{node={name}}}) < 101%", "--threshold", "max(cpu{node=elsewhere}) < 101%",
                  "--json", "r.json")
    passed = [one["passed"] for one in result_of(tmp_path / "r.json")["thresholds"]]
    assert passed == [True, False] and "it wasn't read of the node 'elsewhere'" in outcome.out
