#!/usr/bin/python3
"""Grafana's dashboards under grafana/, of what is shown in them: `scripts/dashboards.py` writes them, tests hold what is committed to it."""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"influxdb": "InfluxDB (Flux)", "prometheus": "Prometheus"}

# A bucket an experiment, so its name is typed: a list would be cut off by the server's page size.
EXPERIMENT = {"name": "experiment", "label": "Experiment (its id)", "type": "textbox", "query": "", "current": {"text": "", "value": ""}, "hide": 0}
# A stage of its own: the server's storage can do the ones before by itself. Of rows without a phase a plain comparison holds for none.
NO_WARMUP = '|> filter(fn: (r) => not exists r.phase or r.phase != "warmup")'


def rows_of(fields):
    """Traces as rows with these fields; the series of a bucket are those of clients, services, hosts and phases."""
    wanted = " or ".join(f'r._field == "{field}"' for field in fields)
    return ('from(bucket: "${experiment}") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n'
            f'  |> filter(fn: (r) => r._measurement == "traces" and ({wanted})) {NO_WARMUP}')


def each_second(by, only=""):
    """Requests a second; `only`: a stage that leaves some out."""
    columns = json.dumps([by] if by else [])
    return (rows_of(["request_id"]) + only + f'\n  |> group(columns: {columns}) |> aggregateWindow(every: v.windowPeriod, fn: count, createEmpty: true)\n'
            '  |> map(fn: (r) => ({r with _value: float(v: r._value) * 1000000000.0 / float(v: int(v: v.windowPeriod))}))')


def quantile(share, by="", start="created", end="done", split=""):
    """Of the requests of a window themselves, whatever client, host or worker they are of: no percentile of percentiles. Failed ones are
    left out of what ends with an answer: a quick refusal is no good latency."""
    keep = f", {by}: r.{by}" if by else ""
    is_good = " and not exists r.error" if end == "done" else ""
    return (rows_of([start, end, *(["error"] if is_good else [])]) + '\n  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
            f'  |> filter(fn: (r) => exists r.{start} and exists r.{end}{is_good})' + split +
            f'\n  |> map(fn: (r) => ({{_time: r._time, _value: float(v: r.{end} - r.{start}) / 1000000000.0{keep}}}))\n'
            f'  |> group(columns: {json.dumps([by] if by else [])}) |> sort(columns: ["_time"])\n'
            '  |> aggregateWindow(every: v.windowPeriod, createEmpty: false,\n'
            f'     fn: (column, tables=<-) => tables |> quantile(q: {share}, method: "estimate_tdigest", column: column))')


def telemetry(metric, by='["node"]', more=""):
    return ('from(bucket: "${experiment}") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n'
            f'  |> filter(fn: (r) => r._measurement == "telemetry" and r._field == "value" and r.metric == "{metric}"{more})\n'
            f'  |> group(columns: {by}) |> sort(columns: ["_time"]) |> aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: false)')


NODE = {"name": "node", "label": "Node", "type": "textbox", "query": ".*", "current": {"text": ".*", "value": ".*"}, "hide": 0}
OF_NODE = " and r.node =~ /${node}/"
WORKER = '\n  |> map(fn: (r) => ({r with worker: strings.split(v: r.client, t: ":")[0]}))'
FAILED = ('from(bucket: "${experiment}") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n'
          f'  |> filter(fn: (r) => r._measurement == "traces" and r._field == "error") {NO_WARMUP}\n'
          '  |> map(fn: (r) => ({_time: r._time, _value: 1, reason: r._value}))\n'
          '  |> group(columns: ["reason"]) |> sort(columns: ["_time"]) |> aggregateWindow(every: v.windowPeriod, fn: sum, createEmpty: false)\n'
          '  |> map(fn: (r) => ({r with _value: float(v: r._value) * 1000000000.0 / float(v: int(v: v.windowPeriod))}))')
EVENTS = ('from(bucket: "${experiment}") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n'
          '  |> filter(fn: (r) => r._measurement == "events" and r._field == "value")\n'
          '  |> group() |> sort(columns: ["_time"]) |> keep(columns: ["_time", "name", "_value"])')


def of_worker(query):
    return 'import "strings"\n' + query


def named(name, query):
    return {"legend": name, "query": query}


# Title, unit, queries with what they are called.
INFLUXDB = {
    "experiment": ([EXPERIMENT], [
        ("Requests a second, by service", "reqps", [named("{{service}}", each_second("service"))]),
        ("Requests without a good answer a second, by reason", "reqps", [named("{{reason}}", FAILED)]),
        ("Latency of good answers", "s", [named(f"p{share * 100:g}", quantile(share)) for share in (0.5, 0.95, 0.99)]),
        ("95th percentile of good answers' latency, by service", "s", [named("{{service}}", quantile(0.95, "service"))]),
        ("Scheduling delay, 99th percentile", "s", [named("p99", quantile(0.99, end="dispatched"))]),
        ("CPU, by node", "percent", [named("{{node}}", telemetry("cpu_busy"))]),
        ("Events", "table", [named("", EVENTS)]),
    ]),
    "node": ([EXPERIMENT, NODE], [
        ("CPU", "percent", [named("{{node}}", telemetry("cpu_busy", more=OF_NODE))]),
        ("Memory in use", "kbytes", [named("{{node}}", telemetry("ram", more=OF_NODE))]),
        ("Load", "short", [named("{{node}}", telemetry("load1", more=OF_NODE))]),
        ("Received, by device", "Bps", [named("{{node}} {{subsystem}}", telemetry("rx", '["node", "subsystem"]', OF_NODE))]),
        ("Memory of processes", "bytes", [named("{{node}} {{subsystem}}", telemetry("process_rss", '["node", "subsystem"]', OF_NODE))]),
    ]),
    "gateway": ([EXPERIMENT], [
        ("Requests a second, by host asked", "reqps", [named("{{server}}", each_second("server"))]),
        ("95th percentile of good answers' latency, by host asked", "s", [named("{{server}}", quantile(0.95, "server"))]),
        ("Time at the host, 95th percentile (from sent to done)", "s", [named("{{server}}", quantile(0.95, "server", "sent"))]),
    ]),
    "fleet": ([EXPERIMENT], [
        ("Requests a second, by worker", "reqps", [named("{{worker}}", of_worker(each_second("worker", WORKER)))]),
        ("95th percentile of good answers' latency, by worker", "s", [named("{{worker}}", of_worker(quantile(0.95, "worker", split=WORKER)))]),
        ("99th percentile of good answers' latency, all workers together", "s", [named("p99", quantile(0.99))]),
        ("CPU, by node", "percent", [named("{{node}}", telemetry("cpu_busy"))]),
    ]),
}

RATE = "[$__rate_interval]"


def instances(metric):
    query = f"label_values({metric}, instance)"
    return {"name": "instance", "label": "Page", "type": "query", "query": {"query": query, "refId": "instance"}, "definition": query, "includeAll": True,
            "multi": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "refresh": 2, "sort": 1, "hide": 0}


def counter(name, by, more=""):
    return f'sum by ({by}) (rate({name}{{instance=~"$instance"{more}}}{RATE}))'


def merged(share, name, by="", more=""):
    """Of the histograms of all pages added up: no percentile of percentiles."""
    labels = "le" + (f", {by}" if by else "")
    return f'histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket{{instance=~"$instance"{more}}}{RATE})))'


def latency(share, by=""):
    """A quick refusal is no good latency."""
    return merged(share, "galileo_request_duration_seconds", by, ',code=~"[123]xx"')


def gauge(name):
    return f'{name}{{instance=~"$instance"}}'


REQUESTS = [
    ("Answers a second, by service", "reqps", [named("{{service}}", counter("galileo_requests_answered_total", "service"))]),
    ("Requests without a good answer a second, by reason", "reqps", [named("{{reason}}", counter("galileo_requests_failed_total", "reason"))]),
    ("Latency of answers below 400", "s", [named(f"p{share * 100:g}", latency(share)) for share in (0.5, 0.95, 0.99)]),
    ("95th percentile of the latency of answers below 400, by client", "s", [named("{{client}}", latency(0.95, "client"))]),
    ("Scheduling delay, 99th percentile", "s", [named("p99", merged(0.99, "galileo_send_delay_seconds"))]),
    ("Bytes of answers a second", "Bps", [named("{{service}}", counter("galileo_response_bytes_total", "service"))]),
]
PROMETHEUS = {
    "experiment": ([instances("galileo_run_info")], [
        ("Run", "table", [named("", gauge("galileo_run_info"))]),
        ("Requests a second", "reqps", [named("offered", gauge("galileo_offered_requests_per_second")), named("answered", gauge("galileo_answered_requests_per_second"))]),
        ("Requests under way", "short", [named("{{instance}}", gauge("galileo_requests_in_flight"))]), *REQUESTS]),
    "fleet": ([instances("galileo_worker_up")], [
        ("Workers", "short", [named("up", f"sum({gauge('galileo_worker_up')})")]),
        ("Requests sent a second, by worker", "reqps", [named("{{instance}}", counter("galileo_worker_requests_sent_total", "instance"))]),
        ("Requests failed or not sent a second, by worker", "reqps", [named("failed {{instance}}", counter("galileo_worker_requests_failed_total", "instance")),
                                                                      named("not sent {{instance}}", counter("galileo_worker_requests_not_sent_total", "instance"))]),
        ("Clients, connections, requests under way", "short", [named("clients {{instance}}", gauge("galileo_worker_clients")),
                                                               named("connections {{instance}}", gauge("galileo_worker_connections")),
                                                               named("under way {{instance}}", gauge("galileo_worker_in_flight"))]),
        ("Traces waiting for the bus", "short", [named("{{instance}}", gauge("galileo_worker_traces_waiting"))]),
        ("Trouble a second", "short", [named(f"{what} {{{{instance}}}}", counter(f"galileo_worker_{what}_total", "instance"))
                                       for what in ("reconnects", "heartbeats_failed", "messages_malformed", "commands_refused")]), *REQUESTS[:5]]),
    "gateway": ([instances("galileo_gateway_functions")], [
        ("Requests a second", "reqps", [named("{{instance}}", counter("galileo_gateway_requests_total", "instance")),
                                        named("passed on {{instance}}", counter("galileo_gateway_forwarded_total", "instance"))]),
        ("What went wrong a second", "reqps", [named(f"{what} {{{{instance}}}}", counter(f"galileo_gateway_{what}_total", "instance"))
                                               for what in ("refused", "unknown", "failed", "cut", "limited", "tls_failed")]),
        ("Targets: asked again, at rest", "reqps", [named("asked again {{instance}}", counter("galileo_gateway_retried_total", "instance")),
                                                    named("put to rest {{instance}}", counter("galileo_gateway_ejected_total", "instance"))]),
        ("Clients, functions", "short", [named("clients {{instance}}", gauge("galileo_gateway_clients")), named("functions {{instance}}", gauge("galileo_gateway_functions"))]),
        ("Connections a second", "cps", [named("{{instance}}", counter("galileo_gateway_connections_total", "instance"))]),
    ]),
    "node": ([instances("galileo_telemd_up")], [
        ("Daemons", "short", [named("up", f"sum({gauge('galileo_telemd_up')})"), named("paused", f"sum({gauge('galileo_telemd_paused')})")]),
        ("Samples a second", "short", [named("{{instance}}", counter("galileo_telemd_samples_total", "instance")),
                                       named("published {{instance}}", counter("galileo_telemd_published_total", "instance"))]),
        ("Trouble a second", "short", [named(f"{what} {{{{instance}}}}", counter(f"galileo_telemd_{what}_total", "instance"))
                                       for what in ("dropped", "readings_failed", "readings_missed", "values_left_out", "messages_malformed")]),
        ("Periods are so many times as long as asked", "short", [named("{{instance}}", gauge("galileo_telemd_periods_stretched"))]),
    ]),
}
KINDS = {"influxdb": INFLUXDB, "prometheus": PROMETHEUS}


def panel(number, kind, title, unit, queries):
    source = {"type": kind, "uid": "${datasource}"}
    word = "expr" if kind == "prometheus" else "query"
    targets = [{"datasource": source, "refId": chr(ord("A") + i), word: one["query"], **({"legendFormat": one["legend"]} if kind == "prometheus" else {})}
               for i, one in enumerate(queries)]
    if kind == "prometheus" and unit == "table":
        targets = [{**one, "instant": True, "format": "table"} for one in targets]
    shown = {"id": number, "type": "table" if unit == "table" else "timeseries", "title": title, "datasource": source, "targets": targets,
             "gridPos": {"x": 12 * ((number - 1) % 2), "y": 8 * ((number - 1) // 2), "w": 12, "h": 8}}
    if unit != "table":
        # Of Flux's columns those that tell a series from the others are its name.
        name = {"displayName": queries[0]["legend"]} if kind == "influxdb" and "{{" not in queries[0]["legend"] and len(queries) == 1 else {}
        shown["fieldConfig"] = {"defaults": {"unit": unit, **name, "custom": {"drawStyle": "line", "showPoints": "auto", "spanNulls": False}}, "overrides": []}
        if kind == "influxdb" and len(queries) > 1:
            shown["fieldConfig"]["overrides"] = [{"matcher": {"id": "byFrameRefID", "options": target["refId"]}, "properties": [{"id": "displayName", "value": one["legend"]}]}
                                                 for target, one in zip(targets, queries)]
        elif kind == "influxdb" and "{{" in queries[0]["legend"]:
            shown["fieldConfig"]["defaults"]["displayName"] = queries[0]["legend"].replace("{{", "${__field.labels.").replace("}}", "}")
    return shown


def dashboard(kind, name):
    variables, panels = KINDS[kind][name]
    datasource = {"name": "datasource", "label": "Data source", "type": "datasource", "query": kind, "hide": 0, "refresh": 1, "current": {}}
    variables = [{**one, "datasource": {"type": kind, "uid": "${datasource}"}} if one["type"] == "query" else one for one in variables]
    return {"uid": f"galileo-{kind}-{name}", "title": f"Galileo: {name}, from {SOURCES[kind]}", "tags": ["galileo"], "timezone": "browser", "editable": True,
            "schemaVersion": 39, "version": 1, "refresh": "", "time": {"from": "now-1h", "to": "now"}, "templating": {"list": [datasource, *variables]},
            "annotations": {"list": []}, "panels": [panel(i + 1, kind, *one) for i, one in enumerate(panels)]}


def texts():
    """Each file's text by its path."""
    return {f"grafana/{kind}/{name}.json": json.dumps(dashboard(kind, name), indent=1, ensure_ascii=False) + "\n" for kind in KINDS for name in KINDS[kind]}


if __name__ == "__main__":
    for path, text in texts().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
        print(f"{path} written", file=sys.stderr)
