"""`--otlp`: a run's requests as spans and its counts as metrics, read as the published protocol has them; what a collector that is
dead, slow, busy or strange does to a run: nothing, but that it is told."""
import gzip
import json
import re
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import SLOWER, free_port, result_of
from otel_python import OTLP, readers  # noqa: F401


class Collector:
    """Takes what is sent. `answer(path, number)`: (status, headers, body) of the request of that number, from 0."""

    def __init__(self, answer=lambda path, number: (200, {}, b"{}")):
        self.requests, self.lock = [], threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Encoding"] == "gzip" and self.headers["Content-Type"] == "application/json"
                with collector.lock:
                    number = len(collector.requests)
                    collector.requests.append((self.path, gzip.decompress(body).decode(), dict(self.headers), time.monotonic()))
                status, headers, text = answer(self.path, number)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self, path):
        return [json.loads(body) for its, body, _, _ in self.requests if its == path]

    def spans(self):
        return [span for body in self.bodies("/v1/traces") for resource in body["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]]

    def metrics(self):
        """The newest, by name."""
        return {metric["name"]: metric for metric in self.bodies("/v1/metrics")[-1]["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collecting():
    made = []

    def call(*answer):
        made.append(Collector(*answer))
        return made[-1]
    yield call
    for collector in made:
        collector.close()


def attributes(of):
    return {one["key"]: next(iter(one["value"].values())) for one in of["attributes"]}


def notes_of(tmp_path):
    return [note for note in result_of(tmp_path / "r.json")["notes"] if "exported" in note]


@pytest.mark.quick
def test_spans_and_metrics_are_of_the_protocol_and_say_what_the_database_says(run, target, collecting, readers, tmp_path):  # noqa: F811
    collector = collecting()
    done = run("load", target("--delay", "2ms") + "cart?id=7", "-n", 300, "-c", 3, "--seed", 5, "--traceparent", "--otlp", collector.url, "--db", "t.sqlite", "--json", "r.json", "--no-telemetry")
    assert done.ran, done
    assert readers(OTLP, json.dumps([[path, body] for path, body, _, _ in collector.requests])) == [True] * len(collector.requests)
    spans = collector.spans()
    with sqlite3.connect(tmp_path / "t.sqlite") as connection:
        rows = {trace: rest for trace, *rest in connection.execute("SELECT TRACE_ID, REQUEST_ID, STATUS, DISPATCHED, DONE FROM traces")}
    assert len(spans) == 300 and {span["traceId"] for span in spans} == set(rows)
    for span in spans:
        request, status, dispatched, end = rows[span["traceId"]]
        said = attributes(span)
        assert span["kind"] == 3 and span["name"] == "GET" and re.fullmatch("[0-9a-f]{16}", span["spanId"])
        assert said["http.request.method"] == "GET" and said["url.path"] == "/cart" and said["http.response.status_code"] == str(status) == "200"
        assert said["server.address"] == "127.0.0.1" and int(said["server.port"]) > 0 and said["network.protocol.version"] == "1.1"
        assert said["galileo.request_id"] == request and "error.type" not in said and "status" not in span
        assert abs(int(span["startTimeUnixNano"]) / 1e9 - dispatched) < 1e-5 and abs(int(span["endTimeUnixNano"]) / 1e9 - end) < 1e-5
        assert [event["name"] for event in span["events"]] == ["galileo.sent", "galileo.first_byte"]
    who = attributes(collector.bodies("/v1/traces")[0]["resourceSpans"][0]["resource"])
    assert who["service.name"] == "galileo" and who["galileo.experiment.id"] == result_of(tmp_path / "r.json")["experiment"]["id"]
    metrics = collector.metrics()
    point, = metrics["http.client.request.duration"]["histogram"]["dataPoints"]
    assert point["count"] == "300" and sum(map(int, point["bucketCounts"])) == 300 and len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
    assert attributes(point) == {"galileo.client": "load", "galileo.service": "load", "galileo.status_class": "2xx"}
    assert metrics["galileo.requests.intended"]["sum"]["dataPoints"][0]["asInt"] == "300" and metrics["galileo.requests.intended"]["sum"]["isMonotonic"]
    assert notes_of(tmp_path) == []


def test_a_server_s_span_would_find_its_parent(run, target, collecting, tmp_path):
    """The span that is exported is the one that the header named."""
    from raw_server import RawServer
    server, collector = RawServer(), collecting()
    done = run("load", f"http://{server.address}/", "-n", 20, "--traceparent", "--otlp", collector.url, "--db", "none", "--no-telemetry")
    assert done.ran, done
    headers = {request.all("traceparent")[0] for request in server.requests}
    server.close()
    assert {f"00-{span['traceId']}-{span['spanId']}-01" for span in collector.spans()} == headers


def test_only_what_is_sampled_is_exported_and_failures_say_their_reason(run, collecting, tmp_path):
    collector, nobody = collecting(), free_port()
    (tmp_path / "e.yaml").write_text(f"""
name: x
seed: 3
traceparent: 20%
otlp: {{endpoint: "{collector.url}/", headers: {{api-key: very-secret}}}}
services: {{app: {{hosts: {{"127.0.0.1:{nobody}": 1}}}}}}
clients: [{{service: app, name: web, request: {{path: /a, method: post}}, rate: 500, requests: 500}}]
telemetry: off
""")
    done = run("run", "e.yaml", "--db", "t.sqlite", "--json", "r.json")
    spans = collector.spans()
    assert 50 <= len(spans) <= 150, done
    for span in spans:
        said = attributes(span)
        assert said["error.type"] == "connect_refused" and span["status"]["code"] == 2 and span["name"] == "POST" and said["galileo.client"] == "web"
    assert {headers["api-key"] for _, _, headers, _ in collector.requests} == {"very-secret"}
    assert "very-secret" not in (tmp_path / "r.json").read_text() + done.out + done.err
    assert b"very-secret" not in (tmp_path / "t.sqlite").read_bytes()
    failed, = collector.metrics()["galileo.requests.failed"]["sum"]["dataPoints"]
    assert failed["asInt"] == "500" and attributes(failed)["error.type"] == "connect_refused"


def test_a_dead_collector_neither_fails_a_run_nor_holds_it_up(run, target, tmp_path):
    url = target()
    began = time.monotonic()
    done = run("load", url, "-n", 200, "--rate", 400, "--otlp", f"http://127.0.0.1:{free_port()}", "--db", "none", "--json", "r.json", "--no-telemetry")
    assert done.ran and time.monotonic() - began < 10 * SLOWER, done
    spans, metrics = sorted(notes_of(tmp_path))
    assert spans.startswith("200 of 200 spans not exported: no answer from the collector") and metrics.startswith("metrics not exported"), done
    assert "200 of 200 spans not exported" in done.out


@pytest.mark.parametrize("answer, told", [
    ((503, {}, b""), "collector answered 503"), ((429, {"Retry-After": "3600"}, b"no"), "collector answered 429"), ((400, {}, b"{}"), "collector answered 400"),
    ((404, {}, b"<html>"), "collector answered 404"), ((200, {}, b'{"partialSuccess": {"rejectedSpans": "100", "errorMessage": "too old\\u001b[31m"}}'), "collector rejected them: too old"),
], ids=["unavailable", "busy", "refuses", "not_there", "partly"])
def test_what_does_not_get_out_is_counted_with_why(run, target, collecting, tmp_path, answer, told):
    collector = collecting(lambda path, number: answer)
    began = time.monotonic()
    done = run("load", target(), "-n", 100, "--otlp", collector.url, "--db", "none", "--json", "r.json", "--no-telemetry")
    assert done.ran and time.monotonic() - began < 20 * SLOWER, done
    spans = [note for note in notes_of(tmp_path) if "spans" in note]
    assert len(spans) == 1 and spans[0].startswith(f"100 of 100 spans not exported: {told}") and "\x1b" not in spans[0], done


def test_what_is_taken_the_second_time_is_there_once_and_not_before_it_may_come(run, target, collecting, tmp_path):
    collector = collecting(lambda path, number: (503, {"Retry-After": "2"}, b"") if number == 0 else (200, {}, b""))
    done = run("load", target(), "--rate", 100, "-d", "4s", "--otlp", collector.url, "--db", "none", "--json", "r.json", "--no-telemetry")
    assert done.ran, done
    assert collector.requests[1][3] - collector.requests[0][3] >= 2
    first, second = collector.requests[:2]
    assert first[:2] == second[:2], "the same message"
    del collector.requests[0]
    assert len({span["traceId"] for span in collector.spans()}) == len(collector.spans()) == 400 and notes_of(tmp_path) == []


@pytest.mark.parametrize("text", [b"", b"nonsense", b'{"partialSuccess": 7}', b"[" * 100000, b"\xff\xfe"])
def test_an_answer_that_is_none_of_the_protocol_is_as_good_as_any(run, target, collecting, tmp_path, text):
    collector = collecting(lambda path, number: (200, {}, text))
    done = run("load", target(), "-n", 10, "--otlp", collector.url, "--db", "none", "--json", "r.json", "--no-telemetry")
    assert done.ran and notes_of(tmp_path) == [], done


def test_a_collector_that_never_answers_costs_a_run_a_moment(run, target, collecting, tmp_path):
    gone = threading.Event()
    collector = collecting(lambda path, number: gone.wait(60) and None or (200, {}, b""))
    began = time.monotonic()
    done = run("load", target(), "-n", 100, "--otlp", collector.url, "--db", "none", "--json", "r.json", "--no-telemetry", timeout=40)
    gone.set()
    assert done.ran and time.monotonic() - began < 15 * SLOWER, done
    assert any(note.startswith("100 of 100 spans not exported") for note in notes_of(tmp_path)), done


def test_two_runs_tell_their_own(run, target, collecting, tmp_path):
    collector, url = collecting(), target()
    for _ in range(2):
        assert run("load", url, "-n", 50, "--otlp", collector.url, "--db", "none", "--no-telemetry").ran
    assert len({span["traceId"] for span in collector.spans()}) == 100
    ids = {attributes(body["resourceSpans"][0]["resource"])["galileo.experiment.id"] for body in collector.bodies("/v1/traces")}
    assert len(ids) == 2


def test_the_environment_says_where_only_to_who_asks_for_it(run, target, collecting, tmp_path):
    collector, url = collecting(), target()
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b,other=c"}
    assert run("load", url, "-n", 5, "--db", "none", "--no-telemetry", env=env).ran and not collector.requests
    done = run("load", url, "-n", 5, "--otlp", "env", "--db", "none", "--no-telemetry", env=env)
    assert done.ran and len(collector.spans()) == 5, done
    assert {(headers["api-key"], headers["other"]) for _, _, headers, _ in collector.requests} == {("a b", "c")}
    done = run("load", url, "-n", 5, "--otlp", "env", "--db", "none")
    assert done.code == 2 and "OTEL_EXPORTER_OTLP_ENDPOINT" in done.err, done


@pytest.mark.parametrize("said", ["", "otlp: http://127.0.0.1:1", "otlp: {endpoint: 'http://127.0.0.1:1', headers: {api-key: a}}"], ids=["nothing", "a_url", "a_map"])
def test_a_flag_of_run_goes_before_the_collector_that_the_file_names(run, target, collecting, tmp_path, said):
    collector, host = collecting(), target().removeprefix("http://").rstrip("/")
    (tmp_path / "e.yaml").write_text(f'name: x\n{said}\nservices: {{app: {{hosts: {{"{host}": 1}}}}}}\nclients: [{{service: app, rate: 100, requests: 5}}]\ntelemetry: off\n')
    done = run("run", "e.yaml", "--otlp", collector.url, "--db", "none")
    assert done.ran and len(collector.spans()) == 5, done
    assert {headers.get("api-key") for _, _, headers, _ in collector.requests} == {"a" if "api-key" in said else None}


@pytest.mark.parametrize("url", ["ftp://x", "http://", "grpc://x:4317", "http://x:99999"])
def test_an_address_that_cannot_be_is_told_before_anything_begins(run, url):
    done = run("load", "http://127.0.0.1:1/", "-n", 1, "--otlp", url, "--db", "none")
    assert done.code == 2 and "otlp" in done.err, done
