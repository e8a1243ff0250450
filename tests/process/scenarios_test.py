"""Checks and scenarios of several steps, by the real program against servers that keep what they got."""
import contextlib
import gzip
import json
import os
import re
import shutil

import pytest
from conftest import result_of, strip_colour
from experiment_schema import ROOT
from raw_server import RawServer


def rows(path, query):
    import sqlite3
    with contextlib.closing(sqlite3.connect(path / "galileo.sqlite")) as database:
        return database.execute(query).fetchall()


def answer(status=200, body=b"ok", **headers):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


@contextlib.contextmanager
def serving(answers):
    """By path, or by what a function says."""
    with contextlib.closing(RawServer(lambda request, _: answers(request) if callable(answers) else answers[request.line.split()[1].split("?")[0]])) as server:
        yield server


def experiment(tmp_path, server, client, rest=""):
    path = tmp_path / "experiment.yaml"
    path.write_text(f'name: x\nseed: 3\nservices: {{s: {{hosts: "{server.address}"}}}}\nclients:\n  - service: s\n{client}{rest}')
    return path


def test_a_failed_check_is_a_failed_request_and_counted_by_its_name(run, tmp_path):
    count = iter(range(1000))
    with serving(lambda request: answer(body=b'{"ok": %s}' % (b"false" if next(count) % 4 == 0 else b"true"))) as server:
        done = run("load", f"http://{server.address}/", "-n", 100, "-c", 1, "--check", "login: json /ok is true", "--check", "status 200",
                   "--threshold", "checks(login) > 0.99", "--threshold", "checks(status 200) == 100%", "--threshold", "checks > 80%",
                   "--json", tmp_path / "result.json", "--db", tmp_path / "galileo.sqlite", "--report", tmp_path / "report.html")
    assert done.code in (90, 99), (done.code, done.err)
    result = result_of(tmp_path / "result.json")
    assert result["checks"] == [{"name": "login", "passed": 75, "failed": 25}, {"name": "status 200", "passed": 100, "failed": 0}]
    assert result["ledger"]["failed"] == {"check": 25} and result["ledger"]["answered"] == 75
    assert [(one["value"], one["passed"]) for one in result["thresholds"]] == [(0.75, False), (1, True), (0.875, True)]
    text = strip_colour(done.out + done.err)
    assert re.search(r"✗ login +75 passed, 25 failed", text) and re.search(r"✓ status 200 +100 passed, 0 failed", text)
    assert rows(tmp_path, "SELECT FAILED_CHECK, ERROR, STATUS, count(*) FROM traces GROUP BY 1, 2, 3 ORDER BY 1") == [(None, None, 200, 75), ("login", "check", 200, 25)]
    stored = json.loads(run("exp", "show", "last", "--db", tmp_path / "galileo.sqlite", "--json").out)
    assert stored["checks"] == result["checks"]


def test_a_check_that_never_ran_fails_its_threshold(run, tmp_path, port):
    done = run("load", f"http://127.0.0.1:{port}/", "-n", 5, "-c", 1, "--check", "login: status 200", "--threshold", "checks(login) > 0.99", "--json", tmp_path / "result.json")
    assert done.code != 0
    threshold, = result_of(tmp_path / "result.json")["thresholds"]
    assert not threshold["passed"] and threshold["undecided"] == "the check 'login' never ran"


@pytest.mark.parametrize("flags, told", [
    (["--check", "statu 200"], "did you mean 'status'?"),
    (["--check", "body matches (a)\\1"], "\\1 is a back-reference"),
    (["--check", "a: status 200", "--threshold", "checks(b) > 0.9"], "there is no check 'b'"),
    (["--threshold", "checks > 0.9"], "no client has checks"),
])
def test_checks_that_can_t_be_are_refused(run, port, flags, told):
    done = run("load", f"http://127.0.0.1:{port}/", "-n", 1, *flags)
    assert done.code == 2 and told in done.err, done.err


def test_compressed_bodies_are_checked_as_they_were_before(run, tmp_path):
    good, broken = gzip.compress(b"welcome " * 1000), b"\x1f\x8bno gzip"
    with serving({"/good": answer(body=good, Content_Encoding="gzip"), "/broken": answer(body=broken, Content_Encoding="gzip")}) as server:
        for path, failed in (("/good", 0), ("/broken", 10)):
            run("load", f"http://{server.address}{path}", "-n", 10, "--check", "body has welcome", "--check", "size > 1", "--json", tmp_path / "result.json")
            assert [one["failed"] for one in result_of(tmp_path / "result.json")["checks"]] == [failed, failed]


def test_a_status_that_is_checked_is_judged_by_the_check_alone_and_bodies_of_failed_requests_are_kept(run, tmp_path):
    with serving(lambda request: answer(404, b"gone") if "missing" in request.line else answer(200, b"here")) as server:
        done = run("load", f"http://{server.address}/missing", "-n", 5, "--check", "status 404", "--json", tmp_path / "result.json")
        assert done.ran and result_of(tmp_path / "result.json")["ledger"]["answered"] == 5
        (tmp_path / "galileo.sqlite").unlink(missing_ok=True)
        client = "    requests: 6\n    closed_loop: {}\n    request: {path: '/{{choice missing here}}'}\n    checks: [found: status 200]\n"
        run("run", experiment(tmp_path, server, client, "limits: {keep_response: 100, keep_only_failed: yes}\n"), "--db", tmp_path / "galileo.sqlite")
    kept = rows(tmp_path, "SELECT STATUS, ERROR, RESPONSE FROM traces")
    assert len(kept) == 6 and all(row in [(404, "check", "gone"), (200, None, None)] for row in kept) and len(set(kept)) == 2


STEPS = """    requests: 10
    rate: 200
    steps:
      - name: login
        request: {method: post, path: /login, json: {n: "{{seq}}"}}
        checks: [status 200]
        take: {token: json /token, id: "regex id=([0-9]+)", place: header Location, status: status}
        think: 30ms
      - name: look
        request: {path: "{{raw value.place}}?id={{value.id}}&s={{value.status}}", headers: {Authorization: "Bearer {{value.token}}"}}
        think: uniform(0.01, 0.02)
      - request: {path: /bye}
"""


def shop(request):
    if "login" in request.line:
        number = json.loads(request.body)["n"]
        return answer(body=json.dumps({"token": f"t {number}", "x": f"id={number};"}).encode(), Location=f"/users/{number}")
    return answer()


def test_a_scenario_takes_values_from_one_answer_into_the_next_request(run, tmp_path):
    with serving(shop) as server:
        done = run("run", experiment(tmp_path, server, STEPS), "--json", tmp_path / "result.json", "--db", tmp_path / "galileo.sqlite")
    assert done.ran, done.err
    result = result_of(tmp_path / "result.json")
    assert result["ledger"]["intended"] == result["ledger"]["answered"] == 30 and result["ledger"]["balanced"]
    assert [(one["name"], one["answered"]) for one in result["steps"]] == [("login", 10), ("look", 10), ("step 3", 10)]
    looked = sorted(request.line + " " + request.all("Authorization")[0] for request in server.requests if "/users/" in request.line)
    assert looked == sorted(f"GET /users/{n}?id={n}&s=200 HTTP/1.1 Bearer t {n}" for n in range(1, 11))
    # The next step is due its think time after the answer.
    pauses = rows(tmp_path, "SELECT b.INTENDED - a.DONE, c.INTENDED - b.DONE FROM traces a, traces b, traces c WHERE a.STEP = 'login' AND b.STEP = 'look' AND c.STEP = 'step 3'"
                  " AND b.REQUEST_ID = substr(a.REQUEST_ID, 1, 11) || (substr(a.REQUEST_ID, 12) + 1) AND c.REQUEST_ID = substr(a.REQUEST_ID, 1, 11) || (substr(a.REQUEST_ID, 12) + 2)")
    assert len(pauses) == 10 and all(abs(first - 0.03) < 1e-6 and 0.01 - 1e-6 < second < 0.02 + 1e-6 for first, second in pauses), pauses
    assert re.search(r"steps +due", strip_colour(done.out + done.err))


def test_a_value_that_isn_t_there_fails_the_step_and_what_follows_is_counted(run, tmp_path):
    with serving(lambda request: answer(body=b"{}") if "login" in request.line else answer()) as server:
        done = run("run", experiment(tmp_path, server, STEPS), "--json", tmp_path / "result.json")
    result = result_of(tmp_path / "result.json")
    assert result["ledger"]["failed"] == {"no_value": 10} and result["ledger"]["not_sent"] == {"step_skipped": 20}
    assert result["ledger"]["intended"] == 30 and result["ledger"]["balanced"]
    assert [request.line for request in server.requests] == ["POST /login HTTP/1.1"] * 10
    assert "no_value, the first time: login: token (json /token) isn't in an answer with status 200" in result["notes"], result["notes"]


@pytest.mark.parametrize("client, told", [
    ("    steps: []\n", "has no step"),
    ("    steps: [{request: {path: '/{{value.x}}'}}]\n", "{{value.x}}: no earlier step takes it"),
    ("    steps: [{name: a}, {name: a}]\n", "two steps are called 'a'"),
    ("    steps: [{take: {x: jsn /a}}]\n", "did you mean 'json'?"),
    ("    steps: [{take: {x: json a}}]\n", "is no JSON pointer"),
    ("    steps: [{think: gone(1)}]\n", "think"),
    ("    steps: [{}]\n    request: {}\n", "can't be there beside steps"),
    ("    request: {path: '/{{value.x}}'}\n", "no earlier step takes it"),
    ("    checks: [a: status 200, a: status 201]\n", "two checks are called 'a'"),
    ("    steps: [{request: {timeout: 1}}, {request: {timeout: 2}}]\n", "have one timeout"),
])
def test_scenarios_that_can_t_be_are_refused(run, tmp_path, port, client, told):
    with serving({}) as server:
        done = run("run", experiment(tmp_path, server, client), "--dry-run")
    assert done.code == 2 and told in done.err, done.err


def test_the_example_of_steps_runs(run, tmp_path, port):
    folder = shutil.copytree(ROOT / "examples/steps", tmp_path / "steps")
    path = folder / "experiment.yaml"
    path.write_text(path.read_text().replace("18085", str(port)))
    done = run("run", path, "--json", tmp_path / "result.json", cwd=folder)
    result = result_of(tmp_path / "result.json")
    assert done.ran, done.err
    assert result["ledger"]["answered"] == 120 and all(one["failed"] == 0 and one["passed"] == 40 for one in result["checks"])
