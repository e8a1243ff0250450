"""`traceparent`: each request says which distributed trace it belongs to, and its record has the same id, whatever the protocol, the
redirects and the process that sent it."""
import re
import sqlite3
import subprocess

import pytest
from conftest import ROOT, accepts, free_port, wait_for
from fleet_run_test import worker  # noqa: F401
from raw_server import RawServer

VALUE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])\Z")
OWN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def server():
    server = RawServer()
    yield server
    server.close()


def said(server):
    """(trace id, span id, flags) of each request."""
    values = [request.all("traceparent") for request in server.requests]
    assert all(len(one) == 1 for one in values), values[:3]
    matches = [VALUE.match(one) for one, in values]
    assert all(matches), values[:3]
    return [match.groups() for match in matches]


def recorded(tmp_path, database="t.sqlite"):
    with sqlite3.connect(tmp_path / database) as connection:
        return [one for one, in connection.execute("SELECT TRACE_ID FROM traces")]


@pytest.mark.quick
def test_each_request_says_a_trace_of_its_own_and_its_record_has_it(run, server, tmp_path):
    ids = []
    for database in ("t.sqlite", "again.sqlite"):
        del server.requests[:]
        done = run("load", "--traceparent", f"http://{server.address}/", "-n", 300, "-c", 3, "--seed", 5, "--threads", 2, "--db", database, "--no-telemetry")
        assert done.ran, done
        found = said(server)
        assert len({trace for trace, _, _ in found}) == len({span for _, span, _ in found}) == 300
        assert {flags for _, _, flags in found} == {"01"}
        assert "0" * 32 not in {trace for trace, _, _ in found} and "0" * 16 not in {span for _, span, _ in found}
        assert sorted(trace for trace, _, _ in found) == sorted(recorded(tmp_path, database))
        ids.append({trace for trace, _, _ in found})
    assert ids[0] == ids[1], "the same seed has the same ids"
    # Which record is which, by its number alone.
    with sqlite3.connect(tmp_path / "t.sqlite") as one, sqlite3.connect(tmp_path / "again.sqlite") as other:
        by_number = [dict(db.execute("SELECT REQUEST_ID, TRACE_ID FROM traces")) for db in (one, other)]
    assert by_number[0] == by_number[1]


def test_the_flag_is_a_share_s_and_nothing_is_said_where_nobody_asked(run, server, tmp_path):
    done = run("load", f"http://{server.address}/", "-n", 1000, "-c", 2, "--seed", 5, "--traceparent", "10%", "--db", "none", "--no-telemetry")
    assert done.ran, done
    sampled = [flags for _, _, flags in said(server)].count("01")
    assert 60 <= sampled <= 140
    del server.requests[:]
    done = run("load", f"http://{server.address}/", "-n", 10, "--db", "t.sqlite", "--no-telemetry")
    assert done.ran, done
    assert not any(request.all("traceparent") for request in server.requests) and recorded(tmp_path) == [None] * 10


@pytest.mark.parametrize("words", [["--traceparent=11%%"], ["--traceparent=1.5"], ["--traceparent=ten"], ["--traceparent", "200%"]])
def test_a_share_that_cannot_be_is_told(run, server, words):
    done = run("load", *words, f"http://{server.address}/", "-n", 1)
    assert done.code == 2 and "isn't a share" in done.err and "10%" in done.err, done


def test_a_request_that_has_the_header_keeps_it(run, server, tmp_path):
    done = run("load", f"http://{server.address}/", "-n", 3, "--traceparent", "-H", f"Traceparent: {OWN}", "--db", "t.sqlite", "--no-telemetry")
    assert done.ran, done
    assert [request.all("traceparent") for request in server.requests] == [[OWN]] * 3
    assert recorded(tmp_path) == [OWN[3:35]] * 3


def test_redirects_and_one_resend_say_the_same_trace(run, tmp_path):
    def answer(request, connection):
        if request.line.startswith("GET /a"):
            return b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    server = RawServer(answer)
    done = run("load", f"http://{server.address}/a", "-n", 20, "-L", "--traceparent", "--db", "t.sqlite", "--no-telemetry")
    assert done.ran, done
    found = said(server)
    server.close()
    assert len(found) == 40 and len(set(found)) == 20 and {trace for trace, _, _ in found} == set(recorded(tmp_path))


def test_over_http2_it_is_a_header_as_any(run, tmp_path):
    port = free_port()
    (tmp_path / "page").write_text("x")
    log = open(tmp_path / "nghttpd.log", "w")
    process = subprocess.Popen(["nghttpd", "--no-tls", "-v", "-d", tmp_path, str(port)], stdout=log, stderr=log)
    try:
        wait_for(lambda: accepts(port), "nghttpd to listen")
        done = run("load", f"http://127.0.0.1:{port}/page", "-n", 50, "--http2-prior-knowledge", "--streams", 4, "--traceparent", "--db", "t.sqlite", "--no-telemetry")
        assert done.ran, done
    finally:
        process.terminate()
        process.wait(10)
    text = re.sub(r"\x1b\[[0-9;]*m", "", (tmp_path / "nghttpd.log").read_text())
    found = re.findall(r"traceparent: 00-([0-9a-f]{32})-[0-9a-f]{16}-01", text)
    assert sorted(found) == sorted(recorded(tmp_path)) and len(set(found)) == 50


def test_a_replay_says_traces_of_its_own_in_place_of_recorded_ones(run, server, tmp_path):
    (tmp_path / "log.har").write_text('{"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [%s]}}' % ", ".join(
        '{"startedDateTime": "2026-01-01T00:00:00.%03dZ", "time": 1, "request": {"method": "GET", "url": "http://x/%d", "httpVersion": "HTTP/1.1",'
        ' "headers": [{"name": "traceparent", "value": "%s"}, {"name": "tracestate", "value": "a=b"}, {"name": "X-Kept", "value": "1"}], "queryString": [], "cookies": [],'
        ' "headersSize": -1, "bodySize": 0}, "response": {"status": 200}}' % (i, i, OWN) for i in range(10)))
    done = run("load", f"http://{server.address}/", "--replay", "log.har", "--traceparent", "--db", "t.sqlite", "--no-telemetry")
    assert done.ran, done
    found = {trace for trace, _, _ in said(server)}
    assert len(found) == 10 and OWN[3:35] not in found and found == set(recorded(tmp_path))
    assert all(request.all("X-Kept") == ["1"] and not request.all("tracestate") for request in server.requests)
    # Without, a log's headers are sent as they are.
    del server.requests[:]
    assert run("load", f"http://{server.address}/", "--replay", "log.har", "--db", "none", "--no-telemetry").ran
    assert {value for request in server.requests for value in request.all("traceparent")} == {OWN}


def test_a_file_says_it_for_all_clients_or_for_one(run, server, tmp_path):
    (tmp_path / "e.yaml").write_text(f"""
name: traced
traceparent: yes
services: {{app: {{hosts: {{"{server.address}": 1}}}}}}
clients:
  - {{service: app, name: all, request: {{path: /all}}, rate: 100, requests: 5}}
  - {{service: app, name: none, request: {{path: /none}}, rate: 100, requests: 5, traceparent: no}}
  - {{service: app, name: zero, request: {{path: /zero}}, rate: 100, requests: 5, traceparent: 0}}
  - {{service: app, name: steps, rate: 100, requests: 5, steps: [{{name: a, request: {{path: /s}}}}, {{name: b, request: {{path: /s}}}}]}}
telemetry: off
""")
    done = run("run", "e.yaml", "--db", "t.sqlite")
    assert done.ran, done
    flags = {}
    for request in server.requests:
        flags.setdefault(request.line.split()[1], []).append([one[-2:] for one in request.all("traceparent")])
    assert flags == {"/all": [["01"]] * 5, "/none": [[]] * 5, "/zero": [["00"]] * 5, "/s": [["01"]] * 10}
    found = [one for one in recorded(tmp_path) if one]
    assert len(found) == len(set(found)) == 20


def test_workers_say_the_run_s_traces_and_no_two_say_the_same(run, redis, worker, server, tmp_path):  # noqa: F811
    bus = redis()
    for name in ("w1", "w2"):
        worker(bus, name)
    (tmp_path / "e.yaml").write_text(f"""
name: traced
seed: 7
traceparent: 50%
services: {{app: {{hosts: {{"{server.address}": 1}}}}}}
clients: [{{service: app, num: 4, rate: 200, requests: 100}}]
telemetry: off
""")
    ids = []
    for database in ("t.sqlite", "again.sqlite"):
        del server.requests[:]
        done = run("run", "e.yaml", "--bus", bus.url, "--db", database)
        assert done.ran, done
        found = said(server)
        assert len({trace for trace, _, _ in found}) == 400 and {trace for trace, _, _ in found} == set(recorded(tmp_path, database))
        assert 140 <= [flags for _, _, flags in found].count("01") <= 260
        ids.append({trace for trace, _, _ in found})
    assert ids[0] == ids[1]


def test_the_example_of_tracing_runs(run, tmp_path):
    folder = ROOT / "examples/tracing"
    port = free_port()
    done = run("run", folder / "experiment.yaml", "--db", "t.sqlite", "--set", f"services.app.hosts={{\"127.0.0.1:{port}\": 1}}",
               "--set", f"applications[0].command=[galileo, target, --listen, \"127.0.0.1:{port}\"]", "--set", f"applications[0].ready=127.0.0.1:{port}",
               "--set", "clients[0].duration=1s", timeout=60)
    assert done.ran, done
    found = recorded(tmp_path)
    assert found and all(found) and len(set(found)) == len(found)
