"""Answers of every form, over HTTP/1.1 and HTTP/2: with a body and without, packed and plain, whose checks, values and successes are the
same."""
import json
import subprocess

import pytest
from conftest import accepts, free_port, result_of, wait_for

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 128; }}
http {{
  {paths}
  log_format told '{{"request": "$request", "encoding": "$http_accept_encoding", "protocol": "$server_protocol", "asked": "$http_x_asked"}}';
  access_log {folder}/access.log told; default_type application/json; gzip on; gzip_min_length 1; gzip_types application/json;
  add_header X-Token abc always;
  server {{
    listen 127.0.0.1:{one}; listen 127.0.0.1:{two} http2;
    location /json {{ return 200 '{{"ok": true, "token": "t-1", "more": "{more}"}}'; }}
    location /none {{ return 204; }}
    location /same {{ return 304; }}
    location /absent {{ return 404 "absent"; }}
    location /moved {{ return 302 /json; }}
  }}
}}
"""
FILE = """name: answers
services: {{app: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
clients:
  - service: app
    closed_loop: {{connections: 2}}
    requests: 6
    steps:
      - name: login
        request: {{method: post, path: /json, compressed: yes, json: {{a: 1}}, http: {{prior_knowledge: {two}}}}}
        checks: [{{packed: [status 200, json /ok is true, body has t-1, size > 500, header Content-Encoding is gzip]}}]
        take: {{token: json /token, header: header X-Token, word: 'regex "token": "([^"]+)"', status: status}}
      - name: head
        request: {{method: head, path: "/json?{{{{value.token}}}}&{{{{value.word}}}}", compressed: yes, headers: {{X-Asked: "{{{{value.header}}}} {{{{value.status}}}}"}}, http: {{prior_knowledge: {two}}}}}
        checks: [{{head: [status 200, header X-Token is abc, size == 0, "body matches ^$"]}}]
        take: {{again: header X-Token}}
      - name: none
        request: {{path: "/none?{{{{value.again}}}}", http: {{prior_knowledge: {two}}}}}
        checks: [{{none: [status 204, size == 0]}}]
      - name: same
        request: {{path: /same, compressed: yes, http: {{prior_knowledge: {two}}}}}
        checks: [{{same: status 304}}]
limits: {{keep_response: 2KiB}}
telemetry: off
"""


@pytest.fixture
def nginx(tmp_path):
    folder, one, two = tmp_path / "nginx", free_port(), free_port()
    folder.mkdir()
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "conf").write_text(NGINX.format(folder=folder, paths=paths, one=one, two=two, more="x" * 600))
    process = subprocess.Popen(["nginx", "-e", folder / "nginx.log", "-c", folder / "conf"])
    wait_for(lambda: accepts(one) and accepts(two), "nginx to listen")
    yield {"1": one, "2": two, "told": lambda: [json.loads(line) for line in (folder / "access.log").read_text().splitlines()]}
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize("version", ["1", "2"])
def test_checks_and_values_are_the_same_over_both_protocols(run, nginx, tmp_path, version):
    (tmp_path / "x.yaml").write_text(FILE.format(port=nginx[version], two="yes" if version == "2" else "no"))
    done = run("run", "x.yaml", "--json", "r.json")
    result = result_of(tmp_path / "r.json")
    assert done.ran and result["ledger"]["answered"] == 24 and result["ledger"]["failed"] == {}, done
    assert not any("couldn't be unpacked" in note for note in result["notes"]), result["notes"]
    told = nginx["told"]()
    assert {one["protocol"] for one in told} == {"HTTP/1.1" if version == "1" else "HTTP/2.0"}
    heads = [one for one in told if one["request"].startswith("HEAD")]
    assert {(one["request"].split()[1], one["asked"]) for one in heads} == {("/json?t-1&t-1", "abc 200")}
    assert sum(one["request"].startswith("GET /none?abc") for one in told) == 6


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("path, ok, answered", [("/absent", "404", 4), ("/none", "200", 0), ("/same", "304", 4), ("/same", "2xx", 0), ("/moved", "302", 4)])
def test_what_is_a_success_is_one_over_both_protocols(run, nginx, tmp_path, version, path, ok, answered):
    for method in ("GET", "HEAD"):
        flags = ["--http2-prior-knowledge"] if version == "2" else []
        done = run("load", f"http://127.0.0.1:{nginx[version]}{path}", *flags, "-m", method, "--compressed", "-c", 1, "-n", 4, "--ok", ok, "--db", "none", "--json", "r.json")
        ledger = result_of(tmp_path / "r.json")["ledger"]
        assert (ledger["answered"], sum(ledger["failed"].values())) == (answered, 4 - answered), done


def test_targets_go_over_http2_with_their_bodies_and_headers(run, nginx, tmp_path):
    (tmp_path / "targets").write_text("GET /json\nX-Asked: 1\n\nPOST /json\nX-Asked: 2\nConnection: keep-alive\n@body\n\nHEAD /absent\nX-Asked: 3\n")
    (tmp_path / "body").write_bytes(bytes(range(256)) * 300)
    done = run("load", f"http://127.0.0.1:{nginx['2']}", "--http2-prior-knowledge", "--streams", 3, "--targets", "targets", "-c", 2, "-n", 30, "--ok", "200, 404", "--db", "none", "--json", "r.json")
    assert done.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 30, done
    told = [(one["request"], one["asked"]) for one in nginx["told"]()]
    assert {one: told.count(one) for one in set(told)} == {("GET /json HTTP/2.0", "1"): 10, ("POST /json HTTP/2.0", "2"): 10, ("HEAD /absent HTTP/2.0", "3"): 10}
