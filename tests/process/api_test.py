"""`galileo api`: the REST API by the original's calls, on a real Redis and SQLite, and who may use it."""
import http.client
import io
import json
import re
import socket
import sqlite3
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import accepts, wait_for
from redis_server import ForeignWorker

pytestmark = pytest.mark.quick
QUEUE = "__eventbus:global:galileo:experiments:queue"
WORKLOAD = {"service": "svc", "ticks": [4, 8], "clients_per_host": 2, "arrival_pattern": "constant"}
SUBMISSION = {"experiment": {"name": "first", "creator": "ann"},
              "configuration": {"duration": "4s", "interval": "2s", "workloads": [WORKLOAD]}}
JSON = {"Content-Type": "application/json"}
ZIP = {"Content-Type": "application/zip"}


class Api:
    def __init__(self, port, tmp_path, server):
        self.port, self.path, self.redis = port, tmp_path, server

    def ask(self, method, path, body=None, headers=None):
        """(status, headers by small letters, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            if isinstance(body, (dict, list)):
                body, headers = json.dumps(body).encode(), {**JSON, **(headers or {})}
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, headers=None):
        status, _, text = self.ask(method, path, body, headers)
        return status, json.loads(text) if text else ""

    def rows(self):
        with sqlite3.connect(self.path / "lab.sqlite") as database:
            return database.execute("SELECT EXP_ID, NAME, CREATOR, START, END, CREATED, STATUS FROM experiments").fetchall()


@pytest.fixture
def api(start, redis, port, tmp_path):
    def make(*flags):
        server = redis()
        start("api", "--listen", port, "--bus", server.url, "--db", tmp_path / "lab.sqlite", "--apps", tmp_path / "apps", *flags)
        wait_for(lambda: accepts(port), "the API")
        return Api(port, tmp_path, server)
    return make


@pytest.fixture
def worker(api):
    made = []

    def make(its):
        made.append(ForeignWorker(its.redis, "rw"))
    yield make
    for one in made:
        one.close()


def archive(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as to:
        for name, text in files.items():
            to.writestr(name.replace("_", "."), text)
    return packed.getvalue()


IMG = archive(manifest_yml="name: img\nversion: 1\n", generator_py="def next_request(): return 'get', '/', None\n")


def test_each_call_answers_as_the_original_did(api, worker):
    its = api("--legacy", "open")
    assert its.json("GET", "/api") == (200, [
        {"uri": "/api/apps/{app_name}/download", "type": "RepositoryResource"}, {"uri": "/api/experiments/{exp_id}", "type": "ExperimentResource"},
        {"uri": "/api/services", "type": "ServicesResource"}, {"uri": "/api/worker", "type": "WorkerResource"}])
    assert its.json("GET", "/api/worker") == (200, [])
    assert its.json("GET", "/api/experiments") == (200, [])
    assert its.json("POST", "/api/experiments", SUBMISSION) == (503, {"title": "no available hosts to execute the experiment"})
    assert its.rows() == [] and its.redis("LRANGE", QUEUE, 0, -1) == []
    worker(its)
    assert its.json("GET", "/api/worker") == (200, ["rw"])
    status, id_ = its.json("POST", "/api/experiments", SUBMISSION)
    assert status == 200 and re.fullmatch(r"\d{12}-[0-9a-f]{4,8}", id_)
    (item,) = its.redis("LRANGE", QUEUE, 0, -1)
    (row,) = its.rows()
    assert row == (id_, "first", "ann", None, None, row[5], "QUEUED")
    shown = {"id": id_, "name": "first", "creator": "ann", "start": None, "end": None, "created": row[5], "status": "QUEUED"}
    assert json.loads(item) == {"__obj": [shown, [4, 2, [["svc", [4, 8], 2, "constant", None, {}]]]],
                                "__type": "galileodb.model.QueuedExperiment"}
    assert item == json.dumps(json.loads(item))  # byte for byte as Python writes it
    assert its.json("GET", "/api/experiments") == (200, [shown])
    assert its.json("GET", f"/api/experiments/{id_}") == (200, shown)
    assert its.json("GET", "/api/experiments/nosuch") == (404, "")
    assert its.json("DELETE", f"/api/experiments/{id_}") == (200, id_)
    assert its.rows() == [] and its.redis("LRANGE", QUEUE, 0, -1) == []
    assert its.json("DELETE", "/api/experiments/nosuch") == (404, "")
    assert its.json("GET", "/api/nosuch") == (404, "") == its.json("GET", "/api/worker/")
    assert its.json("PUT", "/api/worker") == (405, "")
    status, headers, body = its.ask("OPTIONS", "/api/experiments", headers={"Origin": "http://x", "Access-Control-Request-Headers": "X-A"})
    assert (status, body) == (200, b"") and headers["access-control-allow-origin"] == "*" and headers["access-control-max-age"] == "86400"
    assert headers["access-control-allow-methods"] == "GET, POST" and headers["access-control-allow-headers"] == "X-A"


def test_services_are_those_of_the_routing_table(api):
    its = api()
    its.redis("SADD", "routing:services", "shop")
    its.redis("RPUSH", "routing:hosts:shop", "127.0.0.1:8080")
    its.redis("RPUSH", "routing:weights:shop", "1")
    assert its.json("GET", "/api/services") == (200, [{"name": "shop"}])


def test_apps_are_shelved_shown_and_fetched(api):
    its = api()
    assert its.json("GET", "/api/apps") == (200, [])
    img = {"name": "img", "manifest": {"name": "img", "version": 1}}
    assert its.json("POST", "/api/apps", IMG, ZIP) == (201, img) == its.json("POST", "/api/apps", IMG, ZIP)
    assert its.json("GET", "/api/apps") == (200, [img]) and its.json("GET", "/api/apps/img") == (200, img)
    status, headers, body = its.ask("GET", "/api/apps/img/download")
    assert (status, body) == (200, IMG) and headers["content-type"] == "application/zip"
    assert headers["content-disposition"] == 'attachment; filename="img.zip"'
    assert [path.name for path in (its.path / "apps").iterdir()] == ["img.zip"]
    assert its.json("GET", "/api/apps/nosuch") == (404, "") == its.json("GET", "/api/apps/nosuch/download")
    assert its.json("DELETE", "/api/apps/img") == (200, True)
    assert its.json("DELETE", "/api/apps/img") == (200, False)


@pytest.mark.parametrize("body, says", [
    (b"not a zip", "archive"), (archive(generator_py="x"), "No manifest.yml found in archive"), (archive(manifest_yml="version: 1"), "name"),
    (archive(manifest_yml="name: ../../up"), "up"), (archive(manifest_yml="name: .hidden"), "hidden"),
    (archive(manifest_yml="name: [", generator_py=""), "manifest.yml"), (b"", "archive")],
    ids=["no zip", "no manifest", "no name", "a path", "a hidden one", "no YAML", "empty"])
def test_what_is_no_app_is_refused_and_not_kept(api, body, says):
    its = api()
    status, problem = its.json("POST", "/api/apps", body, ZIP)
    assert status == 400 and problem["title"] == "Error processing upload" and says in problem["description"], problem
    assert not (its.path / "apps").exists() or not list((its.path / "apps").iterdir())


@pytest.mark.parametrize("path", ["/api/apps/..%2f..%2flab", "/api/apps/..", "/api/apps/%2e%2e", "/api/apps/%00", "/api/experiments/%27%3b--"])
def test_no_path_leads_out(api, path):
    its = api()
    assert its.ask("GET", path)[0] == 404 and its.ask("GET", path + "/download")[0] == 404
    assert its.json("DELETE", path)[1] in (False, "")


@pytest.mark.parametrize("change, says", [
    ({"duration": "4 parsecs"}, "configuration.duration"), ({"interval": 5}, "configuration.interval"), ({"interval": None}, "configuration.interval"),
    ({"workloads": []}, "configuration.workloads"), ({"workloads": [{**WORKLOAD, "ticks": [4]}]}, "fewer than the 2 intervals"),
    ({"workloads": [{**WORKLOAD, "clients_per_host": 0}]}, "clients_per_host"), ({"workloads": [{**WORKLOAD, "ticks": "4"}]}, "ticks"),
    ({"workloads": 7}, "workloads")], ids=str)
def test_what_cannot_run_is_refused_and_leaves_no_row(api, worker, change, says):
    its = api()
    worker(its)
    status, problem = its.json("POST", "/api/experiments", {**SUBMISSION, "configuration": {**SUBMISSION["configuration"], **change}})
    assert status == 400 and says in json.dumps(problem), problem
    assert its.rows() == [] and its.redis("LRANGE", QUEUE, 0, -1) == []


def test_a_body_that_is_no_json_and_one_that_lacks_the_configuration(api, worker):
    its = api()
    worker(its)
    for body in (b"{name:", b"", b"\xff\xfe", b"[" * 100_000):
        status, problem = its.json("POST", "/api/experiments", body, JSON)
        assert status == 400 and problem["title"] == "Invalid JSON" and problem["description"]
    status, problem = its.json("POST", "/api/experiments", {"experiment": {"name": "x"}})
    assert status == 400 and "configuration" in problem["description"] and its.rows() == []


WRITE = ("POST", "/api/experiments", SUBMISSION)


@pytest.mark.parametrize("asked, headers, status", [
    (("GET", "/api/worker"), {"Host": "evil.example"}, 403), (("GET", "/api/worker"), {"Host": "lab.example:5001"}, 200),
    (("GET", "/api/worker"), {"Host": "localhost"}, 200), (("GET", "/api/worker"), {"Host": "[::1]:5001"}, 200),
    (("GET", "/api/worker"), {"X-Forwarded-For": "10.0.0.9"}, 403), (("GET", "/api/worker"), {"Via": "1.1 proxy"}, 403),
    (WRITE, {"Content-Type": "text/plain"}, 415), (WRITE, {"Content-Type": "application/json; charset=utf-8"}, 503),
    (WRITE, {"Origin": "http://evil.example"}, 403), (WRITE, {"Origin": "null"}, 403), (WRITE, {"Sec-Fetch-Site": "cross-site"}, 403),
    (WRITE, {"Sec-Fetch-Site": "same-site"}, 403), (WRITE, {"Sec-Fetch-Site": "same-origin"}, 503),
    (WRITE, {"Host": "localhost:5001", "Origin": "http://localhost:5001"}, 503), (("DELETE", "/api/apps/img"), {"Origin": "http://evil.example"}, 403)],
    ids=lambda value: str(value)[:60])
def test_only_this_machine_is_let_in_and_no_page_of_others(api, asked, headers, status):
    its = api("--allowed-host", "lab.example")
    got, answered, body = its.ask(*asked, headers=headers)
    assert got == status, body
    assert "access-control-allow-origin" not in answered and answered["x-content-type-options"] == "nosniff"


def test_it_may_be_off(api):
    its = api("--legacy", "off")
    assert its.ask("GET", "/api/worker")[0] == 403


def test_nothing_but_loopback_is_listened_on_unless_it_is_said(run, start, redis, tmp_path):
    process = start("api", "--bus", redis().url, "--db", tmp_path / "lab.sqlite")
    line = process.stderr.readline()
    places = re.fullmatch(r"galileo api: listening on (.*)\n", line)
    assert places and set(places[1].split(" and ")) <= {"127.0.0.1:5001", "[::1]:5001"}, line
    ours = "".join(f"{byte:02X}" for byte in reversed(socket.inet_aton("127.0.0.1")))
    with open(f"/proc/{process.pid}/net/tcp") as table:
        mine = [row.split()[1] for row in table if row.split()[1].endswith(f":{5001:04X}") and row.split()[3] == "0A"]
    assert mine == [f"{ours}:{5001:04X}"]


def test_bodies_are_bounded_and_a_refused_one_is_not_read(api):
    its = api()
    with socket.create_connection(("127.0.0.1", its.port), timeout=20) as client:
        client.sendall(b"POST /api/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 413")
    with socket.create_connection(("127.0.0.1", its.port), timeout=20) as client:
        client.sendall(b"POST /api/experiments HTTP/1.1\r\nHost: evil\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 403")


def test_a_redis_that_is_away_is_told_and_nothing_is_left_half(api, worker):
    its = api()
    worker(its)
    its.redis.kill()
    status, headers, body = its.ask("POST", "/api/experiments", SUBMISSION)
    assert status == 503 and headers["retry-after"] and b"title" in body
    assert its.rows() == []
    its.redis.launch()
    wait_for(lambda: its.ask("GET", "/api/worker")[0] == 200, "it to be there again", 20)


def test_many_at_once_are_all_queued_once(api, worker):
    its = api()
    worker(its)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: its.json("POST", "/api/experiments", SUBMISSION), range(100)))
    ids = {id_ for status, id_ in answers if status == 200}
    assert len(ids) == 100 == len(its.rows()) == its.redis("LLEN", QUEUE)
    with ThreadPoolExecutor(20) as pool:  # each is asked for twice: one of them takes it away
        gone = list(pool.map(lambda id_: its.ask("DELETE", f"/api/experiments/{id_}")[0], sorted(ids) * 2))
    assert gone.count(200) >= 100 and its.rows() == [] and its.redis("LLEN", QUEUE) == 0


@pytest.mark.parametrize("words, says", [(["--legacy", "all"], "loopback, token, open or off"), (["--listen", "nowhere:x"], "--listen"), (["--db", "/proc/x/y"], "/proc/x")])
def test_wrong_settings_are_told(run, words, says):
    done = run("api", *words)
    assert done.code != 0 and says in done.err and done.err.count("\n") == 1, done
