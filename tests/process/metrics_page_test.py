"""`--metrics`: a page for Prometheus of a load, a run or a worker that goes on, read by Prometheus' own parser; it never fails a run."""
import re
import signal
import socket
import threading
import urllib.error
import urllib.request

import pytest
from conftest import accepts, free_port, result_of, wait_for
from fleet_run_test import worker  # noqa: F401
from otel_python import PAGE, readers  # noqa: F401

COUNTERS = ("galileo_requests_intended", "galileo_requests_sent", "galileo_requests_answered", "galileo_requests_failed", "galileo_request_bytes", "galileo_response_bytes")
PAGE_MAX = 64 * 1024


def get(port, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def families(readers, page):  # noqa: F811
    """By name: (type, [(sample, labels, value)]). What Prometheus' linter wants holds of each."""
    assert len(page) <= PAGE_MAX and page.endswith("\n")
    found = {}
    for name, kind, text, samples in readers(PAGE, page):
        assert name not in found and kind in ("counter", "gauge", "histogram") and text and name.startswith("galileo_"), name
        assert set(label for _, labels, _ in samples for label in labels) <= {"client", "service", "reason", "code", "le", "id", "name", "version"}, name
        found[name] = (kind, samples)
        if kind != "histogram":
            continue
        series = {}
        for sample, labels, value in samples:
            own = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
            series.setdefault(own, []).append((sample, labels.get("le"), value))
        for rows in series.values():
            buckets = [(float(le), value) for sample, le, value in rows if sample.endswith("_bucket")]
            assert buckets == sorted(buckets) and buckets[-1][0] == float("inf")
            count, = [value for sample, _, value in rows if sample.endswith("_count")]
            assert [value for _, value in buckets] == sorted(value for _, value in buckets) and buckets[-1][1] == count
    return found


def total(found, name):
    return sum(value for _, _, value in found[name][1]) if name in found else 0


def test_the_page_of_a_load_grows_with_it_and_says_what_its_result_says(start, readers, target, tmp_path):  # noqa: F811
    url, port = target("--delay", "3ms"), free_port()
    process = start("load", url, "--rate", 300, "-d", "4s", "--metrics", port, "--db", "none", "--json", "r.json", "--no-telemetry")
    wait_for(lambda: accepts(port), "the page")
    pages = []
    def newest():
        pages.append(get(port))
        return "galileo_requests_answered_total{" in pages[-1][1]
    wait_for(newest, "requests on the page")
    while process.poll() is None:
        try:
            pages.append(get(port))
        except (urllib.error.URLError, ConnectionError):
            break
        threading.Event().wait(0.3)
    process.wait(30)
    assert {kind for kind, _ in pages} == {"text/plain; version=0.0.4; charset=utf-8"}
    read = [families(readers, text) for _, text in (pages[0], pages[len(pages) // 2], pages[-1])]
    for before, after in zip(read, read[1:]):
        for name in COUNTERS:
            assert total(before, name) <= total(after, name), name
    last = read[-1]
    result = result_of(tmp_path / "r.json")
    assert 300 <= total(last, "galileo_requests_intended") <= result["ledger"]["intended"]
    assert total(last, "galileo_requests_answered") <= result["ledger"]["answered"]
    (_, labels, _), = last["galileo_requests_answered"][1]
    assert labels == {"client": "load", "service": "load"}
    (_, labels, value), = last["galileo_run_info"][1]
    assert labels["id"] == result["experiment"]["id"] and value == 1
    assert last["galileo_request_duration_seconds"][0] == "histogram" and 200 < max(value for page in read for _, _, value in page["galileo_offered_requests_per_second"][1]) < 400


def test_failures_are_told_by_reason_and_what_never_left_has_no_duration(start, readers, tmp_path):  # noqa: F811
    port, nobody = free_port(), free_port()
    process = start("load", f"http://127.0.0.1:{nobody}/", "--rate", 100, "-d", "3s", "--metrics", f"127.0.0.1:{port}", "--db", "none", "--no-telemetry", "-q")
    wait_for(lambda: accepts(port), "the page")
    wait_for(lambda: "reason=" in get(port)[1], "failures on the page")
    found = families(readers, get(port)[1])
    assert {labels["reason"] for _, labels, _ in found["galileo_requests_failed"][1]} == {"connect_refused"}
    assert {labels["code"] for sample, labels, _ in found["galileo_request_duration_seconds"][1]} == {"none"}
    assert get(port, "/healthz")[1] == "ok\n" and get(port, "/readyz")[1] == "ok\n"
    process.send_signal(signal.SIGINT)
    process.wait(30)


def test_a_port_that_is_taken_fails_no_run_and_the_page_is_elsewhere(run, target):
    url = target()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = run("load", url, "-n", 50, "--metrics", port, "--db", "none", "--no-telemetry")
    assert done.ran and "the page of metrics is elsewhere" in done.err and str(port) in done.err, done
    assert re.search(r"metrics: http://127\.0\.0\.1:\d+/metrics", done.err), done


@pytest.mark.parametrize("where", ["nowhere:port", "127.0.0.1:99999", "http://x"])
def test_an_address_that_cannot_be_is_told_before_anything_begins(run, where):
    done = run("load", "http://127.0.0.1:1/", "-n", 1, "--metrics", where, "--db", "none")
    assert done.code == 2 and "--metrics" in done.err, done


def test_a_hundred_clients_with_odd_names_fit_into_the_page(start, readers, target, tmp_path):  # noqa: F811
    host, port = target().removeprefix("http://").rstrip("/"), free_port()
    clients = "\n".join(f"  - {{service: app, name: 'client-{i:03}-{'n' * 60}-\"\\\\', rate: 5, duration: 3s}}" for i in range(100))
    (tmp_path / "e.yaml").write_text(f'name: many\nservices: {{app: {{hosts: {{"{host}": 1}}}}}}\nclients:\n{clients}\ntelemetry: off\n')
    process = start("run", "e.yaml", "--db", "none", "--metrics", port, "-q")
    wait_for(lambda: accepts(port), "the page")
    wait_for(lambda: "_other" in get(port)[1], "clients that have no room of their own")
    found = families(readers, get(port)[1])
    assert "_other" in {labels["client"] for _, labels, _ in found["galileo_requests_answered"][1]}
    process.wait(60)


def test_ten_scrapers_at_once_are_served_while_the_load_goes_on(start, target, tmp_path):
    url, port = target(), free_port()
    process = start("load", url, "-c", 2, "-d", "3s", "--metrics", port, "--db", "none", "--json", "r.json", "--no-telemetry")
    wait_for(lambda: accepts(port), "the page")
    served = []

    def scrape():
        while process.poll() is None:
            try:
                served.append(len(get(port)[1]))
            except (urllib.error.URLError, OSError):
                return
    threads = [threading.Thread(target=scrape) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    process.wait(30)
    assert len(served) > 100 and result_of(tmp_path / "r.json")["ledger"]["balanced"]


def test_a_worker_tells_its_requests_by_client_and_service(run, redis, worker, readers, target, tmp_path):  # noqa: F811
    host, port = target().removeprefix("http://").rstrip("/"), free_port()
    bus = redis()
    worker(bus, "w1", "--metrics", port)
    (tmp_path / "e.yaml").write_text(f'name: x\nservices: {{app: {{hosts: {{"{host}": 1}}}}}}\nclients: [{{service: app, rate: 100, requests: 100}}]\ntelemetry: off\n')
    own = free_port()
    done = run("run", "e.yaml", "--bus", bus.url, "--db", "none", "--metrics", own)
    assert done.ran, done
    found = families(readers, get(port)[1])
    assert total(found, "galileo_requests_answered") == 100 == total(found, "galileo_worker_requests_answered")
    (_, labels, _), = found["galileo_requests_answered"][1]
    assert labels == {"client": "app", "service": "app"}


def test_a_worker_whose_port_is_taken_works_all_the_same(run, redis, worker, target, tmp_path):  # noqa: F811
    bus = redis()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        worker(bus, "w1", "--metrics", holder.getsockname()[1])  # it registers
