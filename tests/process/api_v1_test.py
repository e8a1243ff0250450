"""`galileo api`, the calls below /api/v1: experiments, results, the fleet and routes, on a real Redis and SQLite; who may do
what; and the streams."""
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, accepts, wait_for
from redis_server import ForeignWorker

pytestmark = pytest.mark.quick
JSON = {"Content-Type": "application/json"}
FILE = """name: first
creator: ann
services: {shop: {hosts: ["127.0.0.1:%d"]}}
clients:
  - {service: shop, requests: 20, arrival: constant(0.01), request: {path: /, headers: {Authorization: Bearer s3cret}}}
"""
LEASE = "galileo:fleet:lease"


class Api:
    def __init__(self, port, tmp_path, server):
        self.port, self.path, self.redis, self.headers = port, tmp_path, server, {}

    def ask(self, method, path, body=None, headers=None):
        """(status, headers by small letters, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {**self.headers, **(headers or {})}
            if isinstance(body, (dict, list)):
                body, headers = json.dumps(body).encode(), {**JSON, **headers}
            connection.request(method, "/api/v1" + path if not path.startswith("//") else path[1:], body, headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, headers=None):
        status, told, text = self.ask(method, path, body, headers)
        if status >= 400:
            assert told["content-type"] == "application/problem+json", (status, told, text)
            problem = json.loads(text)
            assert problem["status"] == status and problem["title"] and problem["type"] == "about:blank"
            assert (status in (429, 503)) == ("retry-after" in told), told
        return status, json.loads(text) if text else None

    def submit(self, file=FILE % 1, status=201, headers=None, **more):
        its, made = self.json("POST", "/experiments", {"file": file, **more}, headers)
        assert its == status, (its, made)
        return made

    def end(self, id_, status="FINISHED"):
        with sqlite3.connect(self.path / "lab.sqlite", timeout=10) as database:
            database.execute("UPDATE experiments SET STATUS = ?, START = 1, END = 2 WHERE EXP_ID = ?", (status, id_))

    def stream(self, path="/stream", headers=None):
        return Stream(self.port, "/api/v1" + path, {**self.headers, **(headers or {})})


class Stream:
    """Events of a stream as they come: (id, event, data)."""
    def __init__(self, port, path, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.request("GET", path, headers=headers or {})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def next(self, *kinds):
        while True:
            event = {"data": ""}
            while line := self.answer.readline().decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                event[name] = value
            assert self.answer.fp is not None or event.get("event"), "the stream is over"
            if event.get("event") and (not kinds or event["event"] in kinds):
                return event.get("id"), event["event"], json.loads(event["data"])

    def is_over(self):
        while self.answer.readline():
            pass
        return True

    def close(self):
        self.connection.close()


@pytest.fixture
def api(start, redis, port, tmp_path):
    def make(*flags, env=None):
        server = redis()
        start("api", "--listen", port, "--bus", server.url, "--db", tmp_path / "lab.sqlite", "--apps", tmp_path / "apps",
              "--tokens", tmp_path / "tokens", *flags, env={**os.environ, **(env or {})})
        wait_for(lambda: accepts(port), "the API")
        return Api(port, tmp_path, server)
    return make


@pytest.fixture
def token(run, tmp_path):
    def make(name, scope="read", *more):
        made = run("api", "token", "add", name, "--scope", scope, "--tokens", tmp_path / "tokens", *more)
        assert made.code == 0, made
        return made.out.strip()
    return make


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def raw(port, *pieces):
    """What comes back for the bytes, as text, until the end or for two seconds."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.settimeout(5)
        for piece in pieces:
            sock.sendall(piece)
        got = b""
        try:
            while part := sock.recv(65536):
                got += part
                head, _, body = got.partition(b"\r\n\r\n")
                length = re.search(rb"Content-Length: (\d+)", head)
                if length and len(body) >= int(length[1]):
                    break
        except TimeoutError:
            pass
        return got.decode(errors="replace")


def test_an_experiment_file_is_queued_shown_found_and_removed(api):
    its = api()
    made = its.submit(tags=["nightly", "ü"], name="night")
    assert re.fullmatch(r"\d{12}-[0-9a-f]{4,8}", made["id"]) and made["state"] == "queued" and made["place"] == 1
    assert (made["name"], made["creator"], made["tags"], made["status"]) == ("night", "ann", ["nightly", "ü"], "QUEUED")
    status, headers, _ = its.ask("POST", "/experiments", FILE % 1, {"Content-Type": "application/yaml"})
    assert status == 201
    other = headers["location"].rsplit("/", 1)[1]
    status, whole = its.json("POST", "/experiments", {"name": "as JSON", "services": {"s": {"hosts": ["127.0.0.1:1"]}},
                                                      "clients": [{"service": "s", "requests": 1}]})
    assert status == 201 and whole["name"] == "as JSON" and whole["place"] == 3
    assert its.json("GET", f"/experiments/{made['id']}") == (200, made)
    assert len(its.redis("LRANGE", "__eventbus:global:galileo:experiments:queue", 0, -1)) == 3

    def ids(query):
        status, found = its.json("GET", "/experiments?" + query)
        assert status == 200, found
        return [one["id"] for one in found["experiments"]]
    assert ids("") == [whole["id"], other, made["id"]]
    assert ids("name=night") == ids("tag=nightly") == ids("q=IGHTL") == ids("tag=%C3%BC") == [made["id"]]
    assert ids("creator=ann&state=queued") == [other, made["id"]] and ids("state=finished") == [] == ids("tag=none")
    status, page = its.json("GET", "/experiments?limit=2")
    assert [one["id"] for one in page["experiments"]] == [whole["id"], other] and page["total"] == 3
    status, rest = its.json("GET", "/experiments?limit=2&after=" + page["next"])
    assert [one["id"] for one in rest["experiments"]] == [made["id"]] and rest["next"] is None
    status, queue = its.json("GET", "/queue")
    assert [one["place"] for one in queue["waiting"]] == [1, 2, 3] and queue["running"] == [] == queue["daemons"]
    assert its.json("DELETE", f"/experiments/{made['id']}")[0] == 409
    assert its.json("GET", f"/experiments/{made['id']}/result")[0] == 409
    status, cancelled = its.json("POST", f"/experiments/{made['id']}/cancel", {"mode": "drain"})
    assert status == 202 and cancelled["state"] == "cancelled"
    assert its.json("POST", f"/experiments/{made['id']}/cancel", {})[0] == 409
    assert its.json("GET", f"/experiments/{other}")[1]["place"] == 1
    assert its.ask("DELETE", f"/experiments/{made['id']}")[0] == 204
    assert its.json("GET", f"/experiments/{made['id']}")[0] == 404 == its.json("GET", f"/experiments/{made['id']}/file")[0]
    assert its.json("DELETE", "/experiments/nosuch")[0] == 404


def test_one_key_is_one_experiment_also_of_fifty_at_once(api):
    its = api()
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(lambda _: its.json("POST", "/experiments", {"file": FILE % 1}, {"Idempotency-Key": "k-1"}), range(50)))
    assert {one["id"] for _, one in made} == {made[0][1]["id"]} and sorted(status for status, _ in made) == [200] * 49 + [201]
    assert its.json("POST", "/experiments", {"file": FILE % 2}, {"Idempotency-Key": "k-1"})[0] == 409
    assert its.json("GET", "/experiments")[1]["total"] == 1
    assert its.json("POST", "/experiments", {"file": FILE % 1}, {"Idempotency-Key": "a b"})[0] == 400


def test_a_wrong_file_is_told_line_by_line_and_leaves_nothing(api):
    its = api()
    status, problem = its.json("POST", "/experiments", {"file": "name: a\nclients:\n  - {service: none, requests: -1}\n"})
    assert status == 422 and problem["errors"] and any("file:3" in one["where"] for one in problem["errors"]), problem
    for body in ({"file": FILE % 1, "set": ["nosuch=1"]}, {"file": ""}, {"file": 7}, {"file": FILE % 1, "more": 1}, {"file": FILE % 1, "tags": [""]}):
        assert its.json("POST", "/experiments", body)[0] == 422, body
    assert its.json("POST", "/experiments", b"{", JSON)[0] == 400
    assert its.json("POST", "/experiments", b'{"file": "\xff"}', JSON)[0] == 400
    assert its.json("POST", "/experiments", b"name: \xff", {"Content-Type": "application/yaml"})[0] == 422
    assert its.json("POST", "/experiments", {"file": "#" * (1 << 20) + FILE % 1})[0] in (413, 422)
    assert its.json("GET", "/experiments")[1]["total"] == 0


@pytest.mark.parametrize("more, flag", [
    ("applications:\n  - {name: a, command: [touch, /tmp/x], ready: '127.0.0.1:1'}\n", "--allow commands"),
    ("telemetry: {commands: {a: 'touch x'}}\n", "--allow commands"), ("telemetry: {files: {a: /etc/passwd}}\n", "--allow files"),
    ("metadata: {a: '${PATH}'}\n", "--allow environment"), ("metadata: {a: '${HOME:-x}'}\n", "--allow environment"),
    ("applications: [{name: a, kubernetes: {image: x, pods: {n1: 1}}}]\n", "--allow kubernetes"), ("bus: redis://127.0.0.1:1\n", "--bus")],
    ids=["command", "telemetry command", "telemetry file", "variable", "variable with a default", "cluster", "bus"])
def test_what_a_file_may_not_have_is_refused_and_says_the_flag(api, more, flag):
    its = api(env={"SECRET": "1"})
    status, problem = its.json("POST", "/experiments", {"file": FILE % 1 + more})
    assert status == 403 and flag in problem["hint"], problem
    assert os.environ["PATH"] not in json.dumps(problem)


def test_files_of_the_server_are_refused_unless_they_are_allowed(api, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    file = FILE % 1 + "  - {service: shop, requests: 1, request: {path: '/{{data.a}}'}, data: {file: %s}}\n" % (tmp_path / "secret.csv")
    status, problem = api().json("POST", "/experiments", {"file": file})
    assert status in (403, 422), problem
    assert status == 403 and "--allow files" in problem["hint"], problem


def test_requests_go_to_allowed_targets_only(api):
    its = api("--allow-target", "*.example.com", "--allow-target", "10.0.0.0/8", "--allow-target", "localhost:80")
    for host, fine in (("127.0.0.1:80", False), ("10.1.2.3:80", True), ("a.example.com:1", True), ("example.com.evil.test:80", False), ("11.0.0.1", False),
                       ("localhost:80", True), ("localhost:81", False), ("https://b.example.com", True), ("[::ffff:10.0.0.1]:80", True), ("[::1]:80", False)):
        status, problem = its.json("POST", "/experiments", {"file": FILE.replace("127.0.0.1:%d", host)})
        assert status == (201 if fine else 403), (host, problem)
        assert fine or "--allow-target" in problem["hint"]
    assert its.json("PUT", "/routes/shop", {"hosts": [{"host": "192.168.0.1:80"}]}, {"If-None-Match": "*"})[0] == 403


def test_secrets_are_masked_and_kept_when_untouched(api, tmp_path):
    its = api()
    made = its.submit(set=["clients[0].request.headers.X-Api-Key=k3y", "seed=1"])
    status, shown = its.json("GET", f"/experiments/{made['id']}/file")
    assert status == 200 and "s3cret" not in shown["file"] and "***" in shown["file"] and shown["masked"] == 1
    assert "k3y" not in json.dumps(shown) and shown["set"][1] == "seed=1"
    again = its.json("POST", f"/experiments/{made['id']}/rerun", {"file": shown["file"].replace("requests: 20", "requests: 30"), "set": shown["set"]})
    assert again[0] == 201 and again[1]["rerun_of"] == made["id"], again
    with sqlite3.connect(tmp_path / "lab.sqlite") as database:
        kept = json.loads(database.execute("SELECT DATA FROM metadata WHERE EXP_ID = ?", (f"submission:{again[1]['id']}",)).fetchone()[0])
    assert "s3cret" in kept["file"] and "requests: 30" in kept["file"] and kept["set"][0].endswith("=k3y")
    for file in (shown["file"].replace("***", "Bearer ***"), shown["file"].replace("Authorization: ***", "X: ***"), shown["file"] + "# ***\n"):
        status, problem = its.json("POST", f"/experiments/{made['id']}/rerun", {"file": file})
        assert status == 422 and "line" in problem["detail"], problem
    assert its.json("POST", f"/experiments/{made['id']}/rerun", {"set": ["clients[0].request.headers.X-Api-Key=k***"]})[0] == 422
    assert its.json("POST", f"/experiments/{made['id']}/rerun", {})[0] == 201
    assert its.json("POST", "/experiments/nosuch/rerun", {})[0] == 404


def test_masked_secrets_arent_sent_to_another_target_by_who_cant_see_them(api, token):
    its, secret = api("--allow-target", "*"), token("ann", "run")
    made = its.submit()
    file = its.json("GET", f"/experiments/{made['id']}/file")[1]["file"].replace("127.0.0.1:1", "192.0.2.7:80")
    assert its.json("POST", f"/experiments/{made['id']}/rerun", {"file": file}, bearer(secret))[0] == 403
    assert its.json("POST", f"/experiments/{made['id']}/rerun", {"file": file.replace("***", "Bearer mine")}, bearer(secret))[0] == 201
    assert its.json("POST", f"/experiments/{made['id']}/rerun", {"file": file})[0] == 201  # an administrator


def test_results_tables_reports_and_comparisons_of_real_runs(api, run, target, port, tmp_path, start, redis):
    its = api()
    from ports import free_port
    at = free_port()
    start("target", "--listen", f"127.0.0.1:{at}")
    wait_for(lambda: accepts(at), "the target")
    ids = []
    for name in ("=SUM(A1)</script><script>x", "b"):
        done = run("load", f"http://127.0.0.1:{at}/", "-r", "100", "-n", "60", "--db", tmp_path / "lab.sqlite")
        assert done.ran, done
        with sqlite3.connect(tmp_path / "lab.sqlite", timeout=10) as database:
            ids.append(database.execute("SELECT EXP_ID FROM experiments ORDER BY CREATED DESC").fetchone()[0])
            database.execute("UPDATE experiments SET NAME = ? WHERE EXP_ID = ?", (name, ids[-1]))
    status, result = its.json("GET", f"/experiments/{ids[0]}/result")
    assert status == 200 and result["experiment"]["id"] == ids[0]
    status, headers, text = its.ask("GET", f"/experiments/{ids[0]}/result?format=junit")
    assert status == 200 and headers["content-type"] == "application/xml" and b"<testsuite" in text
    status, headers, text = its.ask("GET", f"/experiments/{ids[0]}/result?format=markdown")
    assert status == 200 and text.decode().startswith("#")
    status, headers, text = its.ask("GET", f"/experiments/{ids[0]}/tables/traces?format=csv")
    assert status == 200 and headers["content-type"].startswith("text/csv") and text.decode().count("\n") == 61
    status, headers, text = its.ask("GET", f"/experiments/{ids[0]}/tables/traces?format=jsonl")
    assert status == 200 and len([json.loads(line) for line in text.splitlines()]) == 60
    status, headers, page = its.ask("GET", f"/experiments/{ids[0]}/report")
    assert status == 200 and headers["content-security-policy"].startswith("sandbox ") and b"</script><script>x" not in page
    status, compared = its.json("GET", f"/experiments/{ids[0]}/comparison?with={ids[1]}")
    assert status == 200 and compared["base"]["id"] == ids[0] and compared["figures"], compared
    for path in ("/result?format=xml", "/tables/traces?format=xls", "/comparison", "/result?nosuch=1", "/result?format=json&format=json"):
        assert its.json("GET", f"/experiments/{ids[0]}{path}")[0] == 400, path
    assert its.json("GET", f"/experiments/{ids[0]}/tables/users")[0] == 404 == its.json("GET", f"/experiments/{ids[0]}/comparison?with=x")[0]
    assert its.ask("DELETE", f"/experiments/{ids[0]}")[0] == 204


def test_parquet_comes_whole(api, run, target, tmp_path):
    import parquet_python
    python, why = parquet_python.find()
    if python is None:
        pytest.skip(why)
    its = api("--python", python)
    from ports import free_port
    done = run("load", f"http://127.0.0.1:{free_port()}/", "-r", "100", "-n", "5", "--db", tmp_path / "lab.sqlite")
    assert done.code != 2, done
    id_ = its.json("GET", "/experiments")[1]["experiments"][0]["id"]
    status, headers, body = its.ask("GET", f"/experiments/{id_}/tables/traces?format=parquet")
    assert status == 200 and body[:4] == b"PAR1" == body[-4:], (status, body[:300])


def test_routes_change_only_as_they_were_seen(api):
    its = api()
    hosts = {"hosts": [{"host": "127.0.0.1:80", "weight": 2}, {"host": "localhost:81"}]}
    assert its.json("PUT", "/routes/shop", hosts)[0] == 428 and its.json("PUT", "/routes/shop", hosts, {"If-Match": '"x"'})[0] == 412
    status, made = its.json("PUT", "/routes/shop", hosts, {"If-None-Match": "*"})
    assert status == 201 and made["hosts"][1] == {"host": "localhost:81", "weight": 1}, made
    assert its.redis("LRANGE", "routing:hosts:shop", 0, -1) == ["127.0.0.1:80", "localhost:81"]
    status, headers, _ = its.ask("GET", "/routes/shop")
    assert headers["etag"] == made["etag"] and its.json("GET", "/routes")[1] == {"routes": [made]}
    assert its.json("PUT", "/routes/shop", hosts, {"If-None-Match": "*"})[0] == 412
    status, changed = its.json("PUT", "/routes/shop", {"hosts": [{"host": "127.0.0.1:80", "weight": 3}]}, {"If-Match": made["etag"]})
    assert status == 200 and changed["etag"] != made["etag"]
    status, problem = its.json("PUT", "/routes/shop", hosts, {"If-Match": made["etag"]})
    assert status == 412 and problem["current"] == changed
    for wrong in ({}, {"hosts": []}, {"hosts": [{"host": ""}]}, {"hosts": [{"host": "a b"}]}, {"hosts": [{"host": "127.0.0.1:1", "weight": -1}]}, {"hosts": 1}):
        assert its.json("PUT", "/routes/shop", wrong, {"If-Match": changed["etag"]})[0] == 422, wrong
    assert its.json("DELETE", "/routes/shop")[0] == 428 and its.json("DELETE", "/routes/shop", headers={"If-Match": made["etag"]})[0] == 412
    assert its.ask("DELETE", "/routes/shop", headers={"If-Match": changed["etag"]})[0] == 204
    assert its.json("GET", "/routes/shop")[0] == 404 == its.json("DELETE", "/routes/shop", headers={"If-Match": "*"})[0]


def test_workers_clients_and_nodes_are_those_of_the_fleet(api, start, redis):
    its = api()
    start("worker", "--bus", its.redis.url, "--name", "w1", env={**os.environ, "galileo_zone": "a"})
    foreign = ForeignWorker(its.redis, "old")
    try:
        wait_for(lambda: len(its.json("GET", "/workers")[1]["workers"]) == 2, "both workers")
        named = {one["name"]: one for one in its.json("GET", "/workers")[1]["workers"]}
        assert named["w1"]["alive"] is True and named["w1"]["labels"]["galileo_zone"] == "a" and named["old"]["alive"] is not True
    finally:
        foreign.close()
    assert its.json("GET", "/clients")[1] == {"clients": []} == its.json("GET", "/clients?worker=w1")[1]
    start("telemd", "--bus", its.redis.url, "--node", "n1")
    wait_for(lambda: [one["name"] for one in its.json("GET", "/telemetry/nodes")[1]["nodes"]] == ["n1"], "the node")
    assert its.json("POST", "/telemetry/nodes/n1", {"order": "pause"}) == (202, {"receivers": 1})
    assert its.json("POST", "/telemetry/nodes/n1", {"order": "stop"})[0] == 422
    assert its.json("POST", "/telemetry/nodes/n2", {"order": "pause"})[0] == 404


def test_who_may_do_what(api, token, tmp_path):
    its, read, run_, admin = api(), token("r"), token("w", "run"), token("a", "admin")
    assert its.json("GET", "/session")[1] == {"name": None, "scopes": ["read", "run", "admin"], "via": "loopback", "expires": None, "needs_login": False}
    assert its.json("GET", "/session", headers=bearer(read))[1]["scopes"] == ["read"]
    assert its.json("GET", "/queue", headers=bearer(read))[0] == 200
    assert its.json("GET", "/queue", headers=bearer("gal_no"))[0] == 401 == its.json("GET", "/queue", headers={"Authorization": "Basic YTpi"})[0]
    assert its.json("POST", "/experiments", {"file": FILE % 1}, bearer(read))[0] == 403
    assert its.json("POST", "/experiments", {"file": FILE % 1}, bearer(run_))[0] == 201
    route = {"hosts": [{"host": "127.0.0.1:1"}]}
    assert its.json("PUT", "/routes/a", route, {**bearer(run_), "If-None-Match": "*"})[0] == 403
    assert its.json("PUT", "/routes/a", route, {**bearer(admin), "If-None-Match": "*"})[0] == 201
    # A proxy's requests may be anybody's.
    forwarded = {"X-Forwarded-For": "10.0.0.1"}
    assert its.json("GET", "/queue", headers=forwarded)[0] == 401 and its.json("GET", "/queue", headers={**forwarded, **bearer(read)})[0] == 200
    status, session = its.json("GET", "/session", headers=forwarded)
    assert status == 200 and session["needs_login"] and session["scopes"] == []
    text = (tmp_path / "tokens").read_text()
    assert read not in text and oct((tmp_path / "tokens").stat().st_mode & 0o777) == "0o600"


def test_a_page_logs_in_by_post_and_has_a_cookie(api, token):
    its, secret = api(), token("ann", "run", "--expires", "1h")
    away = {"X-Forwarded-For": "10.0.0.1"}
    assert its.json("POST", "/session", {"token": "gal_wrong"}, away)[0] == 401
    status, headers, body = its.ask("POST", "/session", {"token": secret}, away)
    cookie = headers["set-cookie"]
    assert status == 200 and "HttpOnly" in cookie and "SameSite=Strict" in cookie and secret not in cookie
    with_cookie = {**away, "Cookie": "other=1; " + cookie.split(";")[0]}
    assert its.json("GET", "/session", headers=with_cookie)[1]["name"] == "ann"
    assert its.json("POST", "/experiments", {"file": FILE % 1}, with_cookie)[0] == 201
    assert its.json("POST", "/experiments", {"file": FILE % 1}, {**with_cookie, "Origin": "http://evil.test"})[0] == 403
    assert its.ask("DELETE", "/session", headers=with_cookie)[0] == 204
    assert its.json("GET", "/queue", headers=with_cookie)[0] == 401
    for query in ("token=" + secret, "access_token=x", "Token=x"):
        assert its.json("GET", "/queue?" + query, headers=bearer(secret))[0] == 400
    statuses = [its.json("POST", "/session", {"token": "gal_wrong"}, away)[0] for _ in range(12)]
    assert 429 in statuses and statuses[0] == 401


def test_a_revoked_login_is_out_within_seconds_and_its_streams_end(api, token, run, tmp_path):
    its, secret = api(), token("ann")
    stream = its.stream(headers=bearer(secret))
    stream.next("snapshot")
    assert run("api", "token", "rm", "ann", "--tokens", tmp_path / "tokens").code == 0
    begun = time.monotonic()
    assert stream.is_over() and time.monotonic() - begun < 5
    wait_for(lambda: its.json("GET", "/queue", headers=bearer(secret))[0] == 401, "the login to be gone")
    listed = run("api", "token", "ls", "--tokens", tmp_path / "tokens")
    assert "ann" not in listed.out
    assert run("api", "token", "rm", "ann", "--tokens", tmp_path / "tokens").code != 0
    (tmp_path / "tokens").write_text("{")
    assert run("api", "token", "ls", "--tokens", tmp_path / "tokens").code != 0


def test_who_asks_too_often_is_told_when_to_come_again(api, token):
    its, secret = api("--rate-limit", "2"), token("ann")
    answers = [its.ask("GET", "/queue", headers=bearer(secret)) for _ in range(30)]
    late = [headers for status, headers, _ in answers if status == 429]
    assert late and all(int(headers["retry-after"]) >= 1 for headers in late)
    assert its.json("GET", "/queue")[0] == 200  # this machine without a login isn't counted


@pytest.mark.parametrize("legacy, without, reads, writes", [("token", 200, 200, 403), ("off", 403, 403, 403)])
def test_the_old_calls_are_for_those_who_may_use_the_new_ones(api, token, legacy, without, reads, writes):
    its, secret = api("--legacy", legacy), token("ann")
    assert its.ask("GET", "//api/worker")[0] == without
    assert its.ask("GET", "//api/worker", headers={**bearer(secret), "Via": "x"})[0] == reads
    assert its.ask("DELETE", "//api/experiments/x", headers={**bearer(secret), "Via": "x"})[0] == writes
    assert its.ask("GET", "//api/worker", headers={"Via": "x"})[0] in (401, 403)


@pytest.mark.parametrize("request_, status", [
    (b"GET /api/v1/queue HTTP/1.1\r\nHost: evil.test\r\n\r\n", 403),
    (b"GET /api/v1/queue HTTP/1.1\r\n\r\n", 400),
    (b"GET /api/v1/nosuch HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"PATCH /api/v1/queue HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415),
    (b"POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 415),
    (b"POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nOrigin: http://evil.test\r\nContent-Length: 2\r\n\r\n{}", 403),
    (b"POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 2\r\n\r\n{}", 403),
    (b"POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{}", 413),
    (b"POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
    (b"GET /api/v1/experiments/%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"GET /api/v1/experiments?q=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /api/v1/experiments?limit=0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /api/v1/experiments?after=x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200001\r\n\r\n" + b"[" * 200001, 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400)],
    ids=["foreign host", "no host", "no such path", "no such method", "as text", "no type", "foreign origin", "foreign page", "too long", "two lengths", "odd id",
         "no UTF-8", "no page", "no cursor", "deep", "TLS"])
def test_bad_input_is_answered_with_a_problem(api, request_, status):
    its = api()
    answer = raw(its.port, request_)
    assert answer.startswith(f"HTTP/1.1 {status} "), answer[:500]
    assert "application/problem+json" in answer, answer[:500]
    assert raw(its.port, b"GET /api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith("HTTP/1.1 200 ")


def test_a_bus_that_is_away_is_503_and_what_was_submitted_is_kept(api):
    its = api()
    made = its.submit()
    its.redis.stop()
    status, headers, _ = its.ask("GET", "/workers")
    assert status == 503 and "retry-after" in headers
    assert its.json("GET", f"/experiments/{made['id']}")[1]["state"] == "queued"


def test_the_document_names_all_calls_and_no_other(api):
    its = api()
    status, document = its.json("GET", "/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.1")
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids)) >= 30
    # What is in the document is served: no method of it is refused, every other one is.
    for path, operations in document["paths"].items():
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            status, headers, _ = its.ask(method, re.sub(r"\{\w+\}", "x", path)[len("/api/v1"):], b"" if method in ("POST", "PUT") else None,
                                         {"X-Forwarded-For": "x"}) if "stream" not in path else (405 if method != "GET" else 200, {"allow": "GET"}, b"")
            assert (status == 405) == (method.lower() not in operations), (method, path, status)
            if status == 405:
                assert set(headers["allow"].replace(", HEAD", "").split(", ")) == {one.upper() for one in operations}
    # What is served is in the document: the table in the source has a row for each of its operations.
    table = re.findall(r'Call\("(GET|POST|PUT|DELETE)",\s*"(/api/v1[^"]*)"', (ROOT / "src/service/v1_routes.cc").read_text())
    assert sorted(f"{method} {path}" for method, path in table) == sorted(f"{method.upper()} {path}" for path, one in document["paths"].items() for method in one)


def test_streams_begin_with_a_snapshot_and_tell_changes_with_numbers(api):
    its = api()
    stream = its.stream()
    assert stream.answer.getheader("content-type") == "text/event-stream" and stream.answer.getheader("x-accel-buffering") == "no"
    first, _, snapshot = stream.next("snapshot")
    assert snapshot == {"experiments": [], "live": []} and re.fullmatch(r"[0-9a-f]+-\d+", first)
    made = its.submit()
    id_, _, told = stream.next("experiment")
    assert told == made
    its.redis("PUBLISH", f"galileo/live/{made['id']}", json.dumps({"type": "state", "n": 1, "stage": "sending", "trouble": "\u2028é"}))
    last, _, live = stream.next("live")
    assert live == {"type": "state", "n": 1, "stage": "sending", "trouble": "\u2028é", "id": made["id"]}
    its.redis("PUBLISH", f"galileo/live/{made['id']}", json.dumps({"type": "point", "n": 2}))
    its.redis("PUBLISH", f"galileo/live/{made['id']}", "no JSON")
    assert stream.next("point", "event")[2]["n"] == 2
    stream.close()
    # Resumed where it was, by the header or the parameter; only what came after it.
    for again in (its.stream(headers={"Last-Event-ID": last}), its.stream("/stream?last_event_id=" + last)):
        assert again.next()[1:] == ("point", {"type": "point", "n": 2, "id": made["id"]})
        again.close()
    for unknown in ("0000-5", "x", last.split("-")[0] + "-99999", "-", last.split("-")[0] + "--1"):
        again = its.stream(headers={"Last-Event-ID": unknown})
        assert again.next()[1] == "reset" and again.next()[1] == "snapshot"
        again.close()
    other = its.submit()
    one = its.stream(f"/experiments/{made['id']}/stream")
    assert [its_["id"] for its_ in one.next("snapshot")[2]["experiments"]] == [made["id"]]
    its.json("POST", f"/experiments/{other['id']}/cancel", {})
    its.json("POST", f"/experiments/{made['id']}/cancel", {})
    assert one.next("experiment")[2]["id"] == made["id"]
    one.close()
    rest = its.stream()
    rest.next("snapshot")
    assert its.ask("DELETE", f"/experiments/{made['id']}")[0] == 204
    assert rest.next("removed")[2] == {"id": made["id"]}


def test_who_reads_slowly_gets_the_newest_and_is_told_how_many_it_missed(api):
    its = api()
    made = its.submit()
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", its.port))
    slow.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    quick = its.stream()
    quick.next("snapshot")
    for i in range(3000):
        its.redis("PUBLISH", f"galileo/live/{made['id']}", json.dumps({"type": "state", "n": i, "text": "x" * 1000}))
    numbers = [quick.next("live")[2]["n"] for _ in range(3000)]
    assert numbers == list(range(3000))
    got = b""
    slow.settimeout(10)
    while b'"n":2999' not in got:
        got += slow.recv(1 << 16)
    slow.close()
    gaps = [int(one) for one in re.findall(rb'"left_out": (\d+)', got)]
    told = re.findall(rb"event: live", got)
    assert gaps and sum(gaps) + len(told) == 3000, (gaps, len(told))


def test_a_run_whose_daemon_is_gone_is_interrupted_by_the_lease(api, tmp_path):
    its = api()
    made = its.submit()
    with sqlite3.connect(tmp_path / "lab.sqlite", timeout=10) as database:
        database.execute("UPDATE experiments SET STATUS = 'IN_PROGRESS' WHERE EXP_ID = ?", (made["id"],))
    its.redis("SET", LEASE, json.dumps({"claim": 1, "holder": "lab-1", "what": made["id"]}), "PX", "1500")
    its.redis("SET", f"galileo:live:{made['id']}:state", json.dumps({"type": "state", "stage": "sending", "stopping": False}))
    status, shown = its.json("GET", f"/experiments/{made['id']}")
    assert shown["state"] == "running" and shown["daemon"] == "lab-1"
    assert its.json("GET", f"/experiments/{made['id']}/live")[1]["state"]["stage"] == "sending"
    assert its.json("POST", f"/experiments/{made['id']}/orders", {"order": "pause"})[0] == 409
    assert its.json("POST", f"/experiments/{made['id']}/orders", {"order": "rate"})[0] == 422
    assert its.json("POST", f"/experiments/{made['id']}/events", {"name": "deploy", "value": "v2"})[0] == 202
    assert its.json("POST", f"/experiments/{made['id']}/events", {"name": "a b"})[0] == 422
    assert its.json("DELETE", f"/experiments/{made['id']}")[0] == 409
    stream = its.stream()
    wait_for(lambda: its.json("GET", f"/experiments/{made['id']}")[1]["state"] == "interrupted", "the lease to be over")
    assert stream.next("experiment")[2]["state"] in ("running", "interrupted")
    assert its.json("POST", f"/experiments/{made['id']}/cancel", {})[0] == 409
    assert its.ask("DELETE", f"/experiments/{made['id']}")[0] == 204


def test_five_hundred_streams_hold_nobody_up(api, port):
    from ports import free_port
    status_port = free_port()
    its = api("--status", status_port)
    streams = [its.stream() for _ in range(500)]
    made = its.submit()
    for i in range(20):
        its.redis("PUBLISH", f"galileo/live/{made['id']}", json.dumps({"type": "state", "n": i}))
    waits = []
    for _ in range(20):
        begun = time.monotonic()
        assert raw(status_port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith("HTTP/1.1 200")
        waits.append(time.monotonic() - begun)
    assert sorted(waits)[10] < 0.05, waits
    assert all(one.next("live")[2]["n"] == 0 for one in streams)
    assert "galileo_api_streams 500" in raw(status_port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    for one in streams:
        one.close()


def test_the_page_is_asked_for_anew_and_what_isnt_there_is_404(api):
    its = api()
    status, headers, _ = its.ask("GET", "//")
    assert status in (200, 404)
    if status == 200:
        assert headers["cache-control"] == "no-cache" and "default-src 'self'" in headers["content-security-policy"]
    assert its.ask("GET", "//assets/nosuch.js")[0] == 404 == its.ask("GET", "//assets/../index.html")[0]
    assert its.ask("POST", "//", b"")[0] == 405


def experiment_file(tmp_path, port=1):
    (tmp_path / "e.yaml").write_text(FILE % port)
    return tmp_path / "e.yaml"


def test_the_command_line_submits_shows_and_cancels(api, run, tmp_path):
    its = api()
    with_api = {"galileo_api_url": f"http://127.0.0.1:{its.port}/api"}
    file = experiment_file(tmp_path)
    made = run("exp", "submit", file, "--tag", "a", "--tag", "b", "--key", "k", env=with_api)
    assert made.code == 0 and made.out.count("\n") == 1, made
    assert run("exp", "submit", file, "--tag", "a", "--tag", "b", "--key", "k", env=with_api).out == made.out
    id_ = made.out.strip()
    assert its.json("GET", f"/experiments/{id_}")[1]["tags"] == ["a", "b"]
    (tmp_path / ".galileo-cli").write_text(json.dumps({"api": with_api["galileo_api_url"]}))
    shown = run("exp", "queue", env={"HOME": str(tmp_path)})
    assert shown.code == 0 and id_ in shown.out and "no daemon" in shown.err, shown
    assert json.loads(run("exp", "running", "--json", env=with_api).out) == []
    assert run("exp", "cancel", id_, env=with_api).code == 0
    followed = run("exp", "follow", id_, env=with_api)
    assert followed.code == 105 and "cancelled" in followed.err, followed
    wrong = run("exp", "submit", file, "--set", "nosuch=1", env=with_api)
    assert wrong.code == 2 and "nosuch" in wrong.err and not wrong.out, wrong
    assert run("exp", "cancel", "nosuch", env=with_api).code == 2
    gone = run("exp", "queue", "--api", "http://127.0.0.1:1")
    assert gone.code == 92 and "galileo_api_url" in gone.err, gone


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_submission_that_is_waited_for_ends_with_who_waits(api, start, tmp_path, how):
    its = api()
    waiting = start("exp", "submit", experiment_file(tmp_path), "--wait", "--api", f"http://127.0.0.1:{its.port}")
    id_ = waiting.stdout.readline().strip()
    assert its.json("GET", f"/experiments/{id_}")[1]["state"] == "queued"
    waiting.send_signal(how)
    begun = time.monotonic()
    assert waiting.wait(10) == 105
    assert time.monotonic() - begun < 2
    assert its.json("GET", f"/experiments/{id_}")[1]["state"] == "cancelled"


def test_a_submission_that_is_waited_for_ends_as_its_run_did(api, start, tmp_path):
    its = api()
    waiting = start("exp", "submit", experiment_file(tmp_path), "--wait", "--api", f"http://127.0.0.1:{its.port}")
    id_ = waiting.stdout.readline().strip()
    its.end(id_, "FAILED")
    assert waiting.wait(10) == 1


def test_variables_are_those_of_the_server_where_an_administrator_allows_them(api):
    its = api("--allow", "environment", env={"LAB_TARGET": "127.0.0.1:7"})
    file = (FILE % 1).replace("127.0.0.1:1", "${LAB_TARGET}")
    its.submit(file)
    assert its.json("POST", "/experiments", {"file": file.replace("LAB_TARGET", "NO_SUCH_THING")})[0] == 422
