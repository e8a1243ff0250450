"""Grafana's dashboards: each query, its macros filled in, asked of the real server, of what galileo has put there."""
import contextlib
import csv
import json
import re
import subprocess
import sys
import time

import pytest
from conftest import ROOT, SLOWER, accepts, free_port, wait_for

sys.path.append(str(ROOT / "scripts"))
import dashboards  # noqa: E402

FILES = sorted((ROOT / "grafana").glob("*/*.json"))


def queries(kind, name):
    board = json.loads((ROOT / f"grafana/{kind}/{name}.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target.get("query") or target["expr"]


@pytest.mark.quick
def test_the_files_are_what_the_script_writes():
    """`scripts/dashboards.py` mends it."""
    assert {str(path.relative_to(ROOT)): path.read_text() for path in FILES} == dashboards.texts()


@pytest.mark.quick
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_dashboard_can_be_imported_and_provisioned(path):
    """Provisioning fills in no inputs, so that the data source is a variable, everywhere."""
    text = path.read_text()
    board = json.loads(text)
    assert "${DS_" not in text and "__inputs" not in board and board["uid"] and "id" not in board
    source = board["templating"]["list"][0]
    assert source["type"] == "datasource" and source["name"] == "datasource" and source["query"] == path.parent.name
    used = set(re.findall(r"\$\{?(\w+)\}?", " ".join(target.get("query") or target["expr"] for panel in board["panels"] for target in panel["targets"])))
    assert used - {"__rate_interval"} <= {variable["name"] for variable in board["templating"]["list"]}
    for panel in board["panels"]:
        for one in [panel, *panel["targets"]]:
            assert one["datasource"] == {"type": path.parent.name, "uid": "${datasource}"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    # No bucket and no id is in it, and none is listed: a server lists twenty buckets at a time.
    if path.parent.name == "influxdb":
        assert "buckets()" not in text and {v["type"] for v in board["templating"]["list"]} == {"datasource", "textbox"}
    # No percentile of percentiles.
    assert not re.search(r"(avg|max|sum)\s*(by\s*\([^)]*\))?\s*\(\s*histogram_quantile", text)


@contextlib.contextmanager
def programs(galileo, folder, *commands):
    """These commands of galileo's, in the background; each is (words, the port that it listens on)."""
    started = []
    try:
        for words, port in commands:
            with open(folder / f"{words[0]}.log", "ab") as log:
                started.append(subprocess.Popen([galileo, *map(str, words)], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
            wait_for(lambda: accepts(port), f"{words[0]} to listen", 30)
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def target_words(port):
    return ["target", "--listen", f"127.0.0.1:{port}", "--delay", "uniform(0.001, 0.02)", "--errors", "0.05"], port


@pytest.fixture(scope="module")
def recorded(influxdb, galileo, tmp_path_factory):
    """An experiment's result, which lies in a bucket among 200 others."""
    folder = tmp_path_factory.mktemp("recorded")
    port = free_port()
    with programs(galileo, folder, target_words(port)) as (target,):
        (folder / "e.yaml").write_text(f"""
name: boards
services: {{a: {{hosts: {{"127.0.0.1:{port}": 1}}}}, b: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
clients: [{{service: a, rate: 150, duration: 4s}}, {{service: b, rate: 50, duration: 4s}}]
events: [{{at: 1s, event: deploy, value: "v2, the \\"new\\" one"}}]
telemetry: {{period: 500ms, processes: [{{name: target, pid: {target.pid}}}]}}
""")
        done = subprocess.run([galileo, "run", "e.yaml", "-q", "--json", "r.json", "--db", influxdb.url], cwd=folder, capture_output=True, text=True, timeout=60 * SLOWER)
        assert done.returncode in (0, 90), done.stderr
    for i in range(200):
        influxdb.json("buckets", {"name": f"2020{i:08}-aaaa", "orgID": influxdb.organisation_id, "retentionRules": []})
    return json.loads((folder / "r.json").read_text())


def flux_time(at_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


def ask_flux(influxdb, query, result, window="1s"):
    """The rows, as dictionaries, of a query whose macros and variables are filled in as Grafana does."""
    experiment = result["experiment"]
    filled = query.replace("${experiment}", experiment["id"]).replace("${node}", ".*")
    assert "$" not in filled
    lines = filled.splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    option = f"option v = {{timeRangeStart: {flux_time(experiment['start'] - 5)}, timeRangeStop: {flux_time(experiment['end'] + 5)}, windowPeriod: {window}}}"
    answer = influxdb.flux("\n".join([*imports, option, *(line for line in lines if line not in imports)]))
    head, rows = None, []
    for line in csv.reader(answer.splitlines()):
        if not line or line[0].startswith("#"):
            continue
        if "_value" in line or "error" in line:
            head = line
        else:
            rows.append(dict(zip(head, line)))
    assert not any("error" in row for row in rows), (query, rows[:3])
    return rows


@pytest.mark.parametrize("name", dashboards.INFLUXDB)
def test_each_query_of_influxdb_has_an_answer(influxdb, recorded, name):
    for title, query in queries("influxdb", name):
        rows = ask_flux(influxdb, query, recorded)
        assert any(row["_value"] for row in rows), f"{title}\n{query}"


def test_figures_of_influxdb_are_those_of_the_result(influxdb, recorded):
    """Percentiles of all in one window; counts of all windows; whom they are of."""
    of = {title: query for title, query in queries("influxdb", "experiment") if title != "Latency of good answers" or "0.95" in query}
    (row,) = ask_flux(influxdb, of["Latency of good answers"], recorded, window="1h")
    expected = recorded["latency_answered_s"]["p95"]
    assert abs(float(row["_value"]) / expected - 1) < 0.05, (row, expected)
    rows = [row for row in ask_flux(influxdb, of["Requests a second, by service"], recorded) if row["_value"]]
    assert {row["service"] for row in rows} == {"a", "b"}
    assert round(sum(float(row["_value"]) for row in rows)) == recorded["latency_s"]["count"]
    failed = ask_flux(influxdb, of["Requests without a good answer a second, by reason"], recorded)
    assert {row["reason"] for row in failed} == {"status"}
    assert round(sum(float(row["_value"]) for row in failed)) == recorded["ledger"]["intended"] - recorded["ledger"]["answered"]
    assert ("deploy", 'v2, the "new" one') in {(row["name"], row["_value"]) for row in ask_flux(influxdb, of["Events"], recorded)}


@pytest.fixture(scope="module")
def scraped(galileo, tmp_path_factory):
    """(Prometheus, which scraped a run, a worker, a gateway and a daemon; the run's result; its page's port)."""
    import prometheus_server
    from redis_server import Redis
    folder = tmp_path_factory.mktemp("scraped")
    pages = {name: free_port() for name in ("run", "worker", "gateway", "telemd")}
    try:
        server = prometheus_server.Prometheus(folder / "prometheus", pages)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"Prometheus can't be had: {error}")
    redis = Redis(folder, free_port())
    target, gateway = free_port(), free_port()
    (folder / "weights.json").write_text(json.dumps({"hello": {"ips": [f"127.0.0.1:{target}"], "weights": [1]}}))
    (folder / "fleet.yaml").write_text(f"name: f\nservices: {{a: {{hosts: {{'127.0.0.1:{target}': 1}}}}}}\n"
                                       "clients: [{service: a, rate: 100, duration: 10s}]\ntelemetry: off\n")
    try:
        with programs(galileo, folder, target_words(target),
                      (["worker", "--bus", redis.url, "--name", "w1", "--metrics", pages["worker"], "--spool", folder], pages["worker"]),
                      (["telemd", "--bus", redis.url, "--status", f"127.0.0.1:{pages['telemd']}"], pages["telemd"]),
                      (["gateway", "--zone", "main", "--listen", f"127.0.0.1:{gateway}", "--weights", "weights.json", "--status", f"127.0.0.1:{pages['gateway']}"], gateway)):
            wait_for(lambda: redis("SISMEMBER", "galileo:workers", "w1"), "w1 to register", 30)
            with open(folder / "fleet.log", "ab") as log:
                fleet = subprocess.Popen([galileo, "run", "fleet.yaml", "--bus", redis.url, "-q", "--db", "none"], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            load = subprocess.run([galileo, "load", f"http://127.0.0.1:{gateway}/function/hello/", "-r", "100", "-d", "10s", "-q", "--db", "none", "--json", "r.json",
                                   "--metrics", str(pages["run"])], cwd=folder, capture_output=True, text=True, timeout=60 * SLOWER)
            assert load.returncode in (0, 90), load.stderr
            assert fleet.wait(timeout=60 * SLOWER) in (0, 90), (folder / "fleet.log").read_text()
        yield server, json.loads((folder / "r.json").read_text()), pages["run"]
    finally:
        redis.stop()
        server.stop()


def ask_prometheus(scraped, query, interval="4s", instance=".*"):
    server, result, _ = scraped
    filled = query.replace("$__rate_interval", interval).replace('"$instance"', f'"{instance}"')
    assert "$" not in filled
    end = result["experiment"]["end"]
    return server.ask(filled, end - 8, end - 1)


@pytest.mark.parametrize("name", dashboards.PROMETHEUS)
def test_each_query_of_prometheus_has_an_answer(scraped, name):
    for title, query in queries("prometheus", name):
        series = ask_prometheus(scraped, query)
        assert any(value == value for _, values in series for value in values), f"{title}\n{query}"


def test_figures_of_prometheus_are_those_of_the_result(scraped):
    _, result, port = scraped
    of = {title: query for title, query in queries("prometheus", "experiment") if title != "Latency of answers below 400" or "0.95" in query}
    # One series over all pages, and of the run's own one what its result says, as well as the buckets of the page can tell: 10 to 25 ms.
    ((labels, _),) = ask_prometheus(scraped, of["Latency of answers below 400"])
    assert labels == {}
    ((_, values),) = ask_prometheus(scraped, of["Latency of answers below 400"], "8s", f"127.0.0.1:{port}")
    expected = result["latency_answered_s"]["p95"]
    assert all(expected / 2.5 < value < expected * 2.5 for value in values if value == value), (values, expected)
    # 100 requests a second, of which 5 in 100 fail.
    answered = ask_prometheus(scraped, of["Answers a second, by service"], instance=f"127.0.0.1:{port}")
    assert len(answered) == 1 and 50 < max(answered[0][1]) < 150, answered
