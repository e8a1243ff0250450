"""`galileo run`: experiment files from start to end."""
import json
import os
import re
import sqlite3
import subprocess

import pytest
from conftest import ROOT, accepts, free_port, result_of, wait_for
from pages import Pages

FILE = """
name: small
creator: me
seed: 7
applications:
  - {{name: app, command: [galileo, target, --listen, "127.0.0.1:{port}"], ready: "127.0.0.1:{port}"}}
services: {{app: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
{clients}
telemetry: {{period: 50ms, processes: [app]}}
"""
CLIENTS = """clients:
  - {service: app, num: 3, arrival: {distribution: expovariate, parameters: [100]}, requests: 100}"""


@pytest.fixture
def write(tmp_path, port):
    def call(clients=CLIENTS, extra=""):
        path = tmp_path / "experiment.yaml"
        path.write_text(FILE.format(port=port, clients=clients) + extra)
        return path
    return call


@pytest.mark.sanitize
def test_files_pages_and_commands_are_sampled_with_the_rest(run, write, tmp_path):
    pages = Pages()
    pages.pages["/metrics"] = (200, 'hits{code="200"} 5\nother 1\n')
    (tmp_path / "room").write_text("21.5 degrees\n")
    path = write()
    path.write_text(path.read_text().replace("processes: [app]", f"""processes: [app], instruments: [file, scrape, command],
  files: {{room: {tmp_path}/room}}, scrape: {{app: "{pages.url}/metrics"}}, scrape_metrics: hits, commands: {{answer: "echo 42"}}"""))
    shown = run("run", path, "--dry-run")
    assert f"file {tmp_path}/room; page {pages.url}/metrics; command echo 42" in shown.out, shown
    done = run("run", path, "--json", "r.json", "-q", "--set", "clients[0].requests=200")
    assert done.ran, done
    rows = {"/".join(filter(None, (row["metric"], row["subsystem"]))): row for row in json.loads((tmp_path / "r.json").read_text())["telemetry"]}
    seen = lambda name: {value for value in rows[name]["max"] if value is not None}
    assert seen("file/room") == {21.5} and seen("scrape/app/hits/code=200") == {5} and seen("command/answer") == {42}
    assert not any(name.endswith("other") for name in rows)


@pytest.mark.quick
@pytest.mark.sanitize
def test_the_whole_job_from_a_file(run, write, tmp_path, port):
    path = write(extra='thresholds: ["failed == 0", "p95(latency) < 10s", "max(process_rss/app) > 1MB"]\n')
    done = run("run", path, "--report", "report.html", "--json", "r.json", "-q")
    assert done.ran, done
    assert not accepts(port), "the application is stopped"
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 300
    metrics = {(row["metric"], row["subsystem"]) for row in result["telemetry"]}
    assert {("cpu", ""), ("cpu_busy", ""), ("ram", ""), ("process_rss", "app"), ("process_cpu", "galileo")} <= metrics
    assert [one["passed"] for one in result["thresholds"]] == [True] * 3
    assert result["provenance"]["seed"] == 7
    assert "name: small" in result["provenance"]["file_text"]
    assert (tmp_path / "report.html").stat().st_size < 2 * 1024 * 1024
    database = sqlite3.connect(tmp_path / "galileo.sqlite")
    counts = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
              for table in ("experiments", "traces", "telemetry", "events", "nodeinfo", "metadata")}
    assert counts["experiments"] == counts["metadata"] == 1
    assert counts["traces"] == 300
    assert min(counts["telemetry"], counts["events"], counts["nodeinfo"]) > 0
    name, start, end, status = database.execute("SELECT NAME, START, END, STATUS FROM experiments").fetchone()
    assert (name, status) == ("small", "FINISHED") and end > start


def test_the_clients_are_as_asked_and_ids_as_the_spec_says(run, write, tmp_path):
    assert run("run", write(), "-q").ran
    rows = sqlite3.connect(tmp_path / "galileo.sqlite").execute(
        "SELECT CLIENT, count(*), count(DISTINCT REQUEST_ID), min(length(REQUEST_ID)) FROM traces GROUP BY CLIENT").fetchall()
    assert [row[0] for row in rows] == ["local:app:0", "local:app:1", "local:app:2"]
    assert all(row[1:] == (100, 100, 12) for row in rows)


def test_phases_run_one_after_another_and_warmup_is_left_out(run, write, tmp_path):
    clients = """warmup: 400ms
phases:
  - {name: slow, clients: [{service: app, rate: 50, duration: 1s}]}
  - {name: fast, duration: 1s, clients: [{service: app, rate: 200}]}"""
    done = run("run", write(clients), "--json", "r.json", "-q")
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    phases = {phase["name"]: phase for phase in result["phases"]}
    assert set(phases) == {"warmup", "slow", "fast"}
    assert phases["slow"]["end_s"] <= phases["fast"]["start_s"]
    assert 18 <= result["ledger"]["warmup"] <= 21
    assert result["latency_s"]["count"] == result["ledger"]["answered"] - result["ledger"]["warmup"]
    assert 195 <= phases["fast"]["answered"] <= 200


@pytest.mark.sanitize
def test_events_are_put_in_and_rates_change_at_a_time_or_on_a_condition(run, write, tmp_path):
    clients = """clients: [{service: app, name: web, rate: 20, duration: 3s}]
events:
  - {at: 500ms, event: deploy, value: v2}
  - {at: 1s, client: web, rate: 200}
  - {when: "answered >= 150", client: web, rate: 10}
  - {when: "answered >= 100000", event: never}"""
    path = write(clients)
    shown = run("run", path, "--dry-run")
    assert "at 1.00s: 200/s for client local:web" in shown.out and "when answered >= 100000: event never" in shown.out, shown
    done = run("run", path, "--json", "r.json", "-q")
    assert done.ran, done
    database = sqlite3.connect(tmp_path / "galileo.sqlite")
    due = [at for at, in database.execute("SELECT CREATED FROM traces ORDER BY CREATED")]
    start = due[0] - 0.05
    first = [at - start for at in due if at - start < 0.999]
    assert len(first) == 19, "every 50 ms, and none at 1 s"
    assert due[19] - start == pytest.approx(1.005, abs=1e-5) and due[20] - due[19] == pytest.approx(0.005, abs=1e-5)
    gaps = [round(b - a, 4) for a, b in zip(due, due[1:])]
    slow = gaps[gaps.index(0.1, 20):]
    assert len(due) > 150 and slow and set(slow) == {0.1}, "every 100 ms to the end"
    events = database.execute("SELECT NAME, VALUE, TIMESTAMP FROM events WHERE NAME IN ('deploy', 'client/arrival') ORDER BY TIMESTAMP").fetchall()
    assert [name for name, _, _ in events] == ["deploy", "client/arrival", "client/arrival"]
    assert events[0][1] == "v2" and 0.4999 <= events[0][2] - start < 1
    assert [json.loads(value)["arrival"] for _, value, _ in events[1:]] == ["200/s", "10/s"]
    assert "not done before the phase 'main' was over: when answered >= 100000: event never" in done.out


def test_each_phase_draws_its_hosts_anew_and_a_seed_draws_them_again(run, start, tmp_path):
    ports = [free_port(), free_port()]
    for port in ports:
        start("target", "--listen", f"127.0.0.1:{port}")
        wait_for(lambda: accepts(port), "the target")
    clients = "[{service: app, num: 2, rate: 400, requests: 60}]"
    (tmp_path / "hosts.yaml").write_text(f"""name: hosts
seed: 7
services: {{app: {{hosts: {{"127.0.0.1:{ports[0]}": 1, "127.0.0.1:{ports[1]}": 1}}, balancer: random}}}}
phases: [{{name: first, clients: {clients}}}, {{name: second, clients: {clients}}}]
""")
    drawn = []
    for number in range(2):
        assert run("run", "hosts.yaml", "-q", "--db", f"{number}.sqlite").ran
        by_client = {}
        for who, server in sqlite3.connect(tmp_path / f"{number}.sqlite").execute("SELECT PHASE || ' ' || CLIENT, SERVER FROM traces ORDER BY CREATED"):
            by_client.setdefault(who, []).append(server)
        drawn.append(by_client)
    assert len(drawn[0]) == 4 and all(len(servers) == 60 and len(set(servers)) == 2 for servers in drawn[0].values()), drawn[0]
    assert len(set(map(tuple, drawn[0].values()))) == 4, "no two clients, and no two phases of one, go to the same hosts in the same order"
    assert drawn[0] == drawn[1]


def test_set_and_environment_change_the_file(run, write, tmp_path):
    path = write()
    path.write_text(path.read_text().replace("creator: me", "creator: ${WHO:-nobody}"))
    done = run("run", path, "--dry-run", "--set", "clients[0].requests=7", "--set", "clients[0].num=2",
               env={"WHO": "someone"})
    assert done.code == 0, done
    assert "by someone" in done.out and "about 14 requests" in done.out and "2 x local:app" in done.out
    assert not (tmp_path / "galileo.sqlite").exists(), "a dry run does nothing"


def test_an_application_that_fails_to_start_says_why(run, tmp_path, port):
    path = tmp_path / "e.yaml"
    services = f'services: {{a: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}\nclients: [{{service: a, rate: 1, requests: 1}}]\n'
    for command, words in (('[sh, -c, "echo no luck; exit 3"]', ["ended before it was ready", "exit status 3", "no luck"]),
                           ("[no-such-program-at-all]", ["there is no program 'no-such-program-at-all'"]),
                           ("[sleep, '60']", ["isn't ready", f"127.0.0.1:{port}"])):
        path.write_text(f'name: x\napplications: [{{name: app, command: {command}, ready: "127.0.0.1:{port}", ready_timeout: 300ms}}]\n' + services)
        done = run("run", path, "-q")
        assert done.code == 92, done
        for word in words:
            assert word in done.err, done


# Says no, closes without a word, talks nonsense; then begins an answer that has no end. Writes down what it was asked.
WAKES_UP = r"""
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
kept = []
for answer in (b"HTTP/1.1 503 Not Yet\r\nContent-Length: 0\r\n\r\n", b"", b"What?\r\n\r\n", b"HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n"):
    kept.append(listener.accept()[0])
    with open("asked", "ab") as asked:
        asked.write(kept[-1].recv(4096).partition(b"\r\n")[0] + b"\n")
    kept[-1].sendall(answer)
    if not answer:
        kept[-1].close()
time.sleep(60)
"""


def test_an_application_is_ready_when_its_url_has_an_answer_below_500(run, target, tmp_path, port):
    target()
    (tmp_path / "wakes_up.py").write_text(WAKES_UP)
    wakes_up = free_port()
    path = tmp_path / "e.yaml"
    path.write_text(f"""name: x
applications: [{{name: app, command: [python3, wakes_up.py, "{wakes_up}"], ready: "http://127.0.0.1:{wakes_up}/up?x=1", ready_timeout: 20s}}]
services: {{a: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
clients: [{{service: a, rate: 100, requests: 1}}]
""")
    done = run("run", path, "-q")
    assert done.ran, done
    assert (tmp_path / "asked").read_text() == "GET /up?x=1 HTTP/1.1\n" * 4


def test_a_port_in_use_is_said_before_the_application_starts(run, write, target):
    target()
    done = run("run", write(), "-q")
    assert done.code == 2, done
    assert "something answers there already" in done.err


@pytest.mark.quick
def test_a_wrong_file_gets_every_problem_with_its_line(run, tmp_path):
    (tmp_path / "wrong.yaml").write_text("""name: x
services: {a: {hosts: {"127.0.0.1:1": 1}}}
clients:
  - {service: b, arival: {distribution: expovariate, parameters: [100]}}
  - {service: a, rate: -5}
  - {service: a, arrival: {distribution: expo, parameters: [1]}, num: many}
thresholds: ["p95(latncy) < 5"]
""")
    done = run("run", "wrong.yaml")
    assert done.code == 2, done
    for words in ("wrong.yaml:4:18: unknown key 'arival' in clients[0]; did you mean 'arrival'?", "no service is called 'b'",
                  "wrong.yaml:5:", "wrong.yaml:6:", "many"):
        assert words in done.err, done


def test_every_example_is_sound_and_the_quickstart_runs(run, tmp_path):
    examples = sorted((ROOT / "examples").glob("*/experiment.yaml"))
    assert examples
    for example in examples:
        done = run("run", example, "--dry-run")
        assert done.code == 0, (example, done)


def test_the_report_of_a_real_run_is_drawn_in_a_browser(run, write, tmp_path):
    assert run("run", write(), "--report", "report.html", "-q").ran
    done = subprocess.run(["node", "--test", "--test-reporter=tap", "test/report.test.mjs"], cwd=ROOT / "web", text=True,
                          capture_output=True, timeout=120, env={**os.environ, "REPORT": str(tmp_path / "report.html")})
    assert re.search(r"^ok \d+ - a report that the program wrote", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_the_result_document_keeps_its_schema(run, write, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    assert run("run", write(), "--json", "r.json", "-q").ran
    schema = json.loads((ROOT / "schema/result.schema.json").read_text())
    jsonschema.validate(result_of(tmp_path / "r.json"), schema)


@pytest.mark.parametrize("name", ["cluster", "ordinary", "empty", "failing", "ten_hours"])
def test_the_documents_that_the_page_is_tested_with_keep_the_schema(name):
    jsonschema = pytest.importorskip("jsonschema")
    document = subprocess.run(["node", "test/samples.mjs", name], cwd=ROOT / "web", capture_output=True, check=True, timeout=60).stdout
    jsonschema.validate(json.loads(document), json.loads((ROOT / "schema/result.schema.json").read_text()))
