"""Requests made of templates, by the real program against a server that keeps what it got."""
import contextlib
import json
import re

import pytest
from conftest import result_of
from raw_server import RawServer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def server():
    with contextlib.closing(RawServer(lambda request, connection: ANSWER)) as server:
        yield server


def experiment(tmp_path, address, client, **files):
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    path = tmp_path / "experiment.yaml"
    path.write_text(f'name: templates\nseed: 7\nservices: {{s: {{hosts: "{address}"}}}}\nclients:\n  - service: s\n{client}')
    return path


ORDERS = """    requests: 20
    num: 2
    rate: 500
    data: {file: users.csv}
    request:
      method: post
      path: /orders/{{seq}}?user={{row.user}}
      headers: {X-Id: "{{uuid}}", Authorization: "{{basic row.user row.password}}"}
      json: {n: "{{raw rand_int 1 1000}}", text: "{{row.password}}", file: "{{base64 cat.bin}}", of: "{{choice a b}}"}
"""
USERS = 'user,password\nann lee,"a ""b"""\nbob,p&q\nzoë,x\n'


def test_requests_are_made_of_templates_and_the_same_for_any_number_of_loops(run, tmp_path, server):
    sent = []
    for threads in (1, 3):
        path = experiment(tmp_path, server.address, ORDERS + f"limits: {{threads: {threads}}}\n", users_csv=USERS, cat_bin="meow")
        server.requests.clear()
        done = run("run", path, "--json", tmp_path / "result.json")
        assert done.ran, done.err
        result = result_of(tmp_path / "result.json")
        assert result["ledger"]["answered"] == 40 and result["ledger"]["balanced"]
        sent.append(sorted((r.line, r.body, r.all("X-Id"), r.all("Authorization"), r.all("Content-Length")) for r in server.requests))
    assert sent[0] == sent[1]
    assert sorted(int(re.match(r"POST /orders/(\d+)\?", line)[1]) for line, *_ in sent[0]) == list(range(1, 41))
    assert len({ids[0] for _, _, ids, *_ in sent[0]}) == 40
    users = {"ann%20lee": 'a "b"', "bob": "p&q", "zo%C3%AB": "x"}
    for line, body, _, _, length in sent[0]:
        number, user = re.match(r"POST /orders/(\d+)\?user=(\S+) HTTP/1.1", line).groups()
        assert list(users)[(int(number) - 1) % 3] == user
        text = json.loads(body)
        assert 1 <= text["n"] <= 1000 and text["text"] == users[user] and text["file"] == "bWVvdw==" and text["of"] in "ab"
        assert length == [str(len(body))]


def test_each_row_is_used_once_over_all_clients_and_loops_and_the_end_is_told(run, tmp_path, server):
    rows = "id\n" + "".join(f"{n}\n" for n in range(1003))
    client = """    num: 7
    closed_loop: {connections: 3}
    data: {file: ids.csv, order: once}
    request: {path: "/{{row.id}}"}
limits: {threads: 3}
"""
    done = run("run", experiment(tmp_path, server.address, client, ids_csv=rows), "--json", tmp_path / "result.json")
    assert done.ran, done.err
    ids = sorted(int(re.match(r"GET /(\d+) ", request.line)[1]) for request in server.requests)
    assert ids == list(range(1003))
    result = result_of(tmp_path / "result.json")
    assert result["ledger"]["intended"] == 1003
    assert any(note.endswith("ids.csv has ended the load: all 1,003 rows are used") for note in result["notes"]), result["notes"]


def test_load_takes_templates_in_its_url_headers_and_body(run, tmp_path, server):
    (tmp_path / "rows.csv").write_text("user\nann\nbob\n")
    done = run("load", f"http://{server.address}/x/{{{{rand_int 5 5}}}}?u={{{{row.user}}}}&c=%41", "-n", 2, "-c", 1, "--rows", tmp_path / "rows.csv",
               "-H", "X-N: {{seq 7}}", "-b", '{"n": {{seq}}, "braces": "\\{{x}}"}')
    assert done.ran, done.err
    assert [(r.line, r.all("X-N"), r.body) for r in server.requests] == [
        ("POST /x/5?u=ann&c=%41 HTTP/1.1", ["7"], b'{"n": 1, "braces": "{{x}}"}'),
        ("POST /x/5?u=bob&c=%41 HTTP/1.1", ["8"], b'{"n": 2, "braces": "{{x}}"}')]
    (tmp_path / "body").write_text("{{seq}}")
    server.requests.clear()
    assert run("load", f"http://{server.address}/", "-n", 1, "-b", f"@{tmp_path / 'body'}").ran
    assert server.requests[0].body == b"{{seq}}"


def test_a_url_is_fetched_once_before_the_first_request(run, tmp_path):
    with contextlib.closing(RawServer(lambda request, connection: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\x00x" if "cat" in request.line else ANSWER)) as server:
        client = f"    requests: 5\n    closed_loop: {{}}\n    request: {{method: post, data: 'i={{{{base64 http://{server.address}/cat.jpg}}}}'}}\n"
        done = run("run", experiment(tmp_path, server.address, client))
        assert done.ran, done.err
        assert server.requests[0].line == "GET /cat.jpg HTTP/1.1"
        assert [request.body for request in server.requests[1:]] == [b"i=/wB4"] * 5
    with contextlib.closing(RawServer(lambda request, connection: b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")) as server:
        client = f"    requests: 5\n    request: {{data: '{{{{base64 http://{server.address}/cat.jpg}}}}'}}\n"
        done = run("run", experiment(tmp_path, server.address, client))
        assert done.code != 0 and "can't fetch what requests are made of" in done.err and "the answer's status is 404" in done.err
        assert len(server.requests) == 1


@pytest.mark.parametrize("client, told", [
    ("    request: {path: '/{{sek}}'}\n", ":6:", ),
    ("    request: {path: '/{{sek}}'}\n", "no template is called 'sek'"),
    ("    request: {path: '/{{row.user}}'}\n", "the client has no data"),
    ("    data: {file: users.csv}\n    request: {path: '/{{row.usr}}'}\n", "users.csv has no column 'usr'; did you mean 'user'?"),
    ("    data: {file: nope.csv}\n    request: {path: '/{{row.user}}'}\n", "nope.csv"),
    ("    data: {file: users.csv}\n    request: {path: /}\n", "no template takes a row"),
    ("    data: {file: users.csv, order: once, at_end: repeat}\n    request: {path: '/{{row.user}}'}\n", "is of rows in sequence only"),
    ("    request: {auth: ['{{row.user}}', x]}\n", "takes no template"),
    ("    request: {data: '{{file nope.txt}}'}\n", "nope.txt"),
    ("    request: {data: '{{env NO_SUCH_VARIABLE}}'}\n", "the environment has no NO_SUCH_VARIABLE"),
])
def test_what_can_t_be_made_is_said_before_anything_is_sent(run, tmp_path, port, client, told):
    done = run("run", experiment(tmp_path, f"127.0.0.1:{port}", client, users_csv=USERS), "--dry-run")
    assert done.code == 2, done.out
    assert told in done.err


def test_a_file_with_a_bad_row_is_an_error_with_its_line(run, tmp_path, port):
    client = "    requests: 1\n    data: {file: users.csv}\n    request: {path: '/{{row.user}}'}\n"
    done = run("run", experiment(tmp_path, f"127.0.0.1:{port}", client, users_csv="user,password\na,b\nc\n"))
    assert done.code != 0
    assert "users.csv:3" in done.err and "the row has 1 fields, the first line names 2" in done.err
