"""The same bytes to `galileo gateway`, nginx and HAProxy, each before a target of the same kind: the same outcome, or a reason why not.

A case is what a client sends, what the target answers, and what comes of it, as a line of text:

    200 {Server: x} 'ok', open; target: GET /a {Host: a} 'body'

First what the client sees: each answer with its status, the headers that the case looks at, framing and body (of answers below 400), and whether the
connection takes another request. Then each request that the target got; where it got none, there is no such part.

`/usr/bin/python3 tests/process/gateway_beside_test.py` writes docs/explanation/gateway-behaviour.md from the cases; a test holds it to them.
"""
import concurrent.futures
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for who runs it as a script
import pytest
from conftest import ROOT, SLOWER, accepts, free_port, wait_for
from gateway_cases import CASES, PATIENCE
from gateway_ends import Client, Target

PAGE = ROOT / "docs/explanation/gateway-behaviour.md"

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off; {paths}
  keepalive_timeout 60s; client_header_timeout {patience}s; client_body_timeout {patience}s; lingering_timeout {patience}s; client_max_body_size 1m;
  proxy_connect_timeout {longer}ms; proxy_read_timeout {longer}ms; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
  proxy_set_header Host $http_host; proxy_set_header Connection $connection_upgrade; proxy_set_header Upgrade $http_upgrade;
  proxy_set_header X-Forwarded-For "gw-main, $remote_addr";
  upstream app {{ server {target}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location = /function/app {{ proxy_pass http://app/; }}
    location /function/app/ {{ proxy_pass http://app/; }}
    location /function/gone {{ proxy_pass http://{gone}/; }}
    location / {{ return 404; }}
  }}
}}
"""
HAPROXY = """global
  maxconn 200
defaults
  mode http
  retries 1
  timeout connect {longer}ms
  timeout server {longer}ms
  timeout client {patience}s
  timeout http-request {patience}s
  timeout http-keep-alive 60s
frontend clients
  bind 127.0.0.1:{port}
  http-request return status 404 unless {{ path /function/app /function/gone }} or {{ path_beg /function/app/ }}
  http-request set-header X-Forwarded-For "gw-main, %[src]"
  use_backend gone if {{ path /function/gone }}
  default_backend app
backend app
  http-request set-path / if {{ path /function/app }}
  http-request replace-path ^/function/app(/.*)$ \\1
  server app {target}
backend gone
  server gone {gone}
"""


def nginx_command(folder, values):
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(NGINX.format(paths=paths, folder=folder, **values))
    return ["nginx", "-e", folder / "nginx.log", "-c", folder / "nginx.conf"]


def haproxy_command(folder, values):
    (folder / "haproxy.conf").write_text(HAPROXY.format(**values))
    return ["haproxy", "-db", "-f", folder / "haproxy.conf"]


def galileo_command(folder, values):
    (folder / "weights.json").write_text(json.dumps({name: {"ips": [values[where]], "weights": [1]} for name, where in (("app", "target"), ("gone", "gone"))}))
    times = {"head": f"{PATIENCE}s", "idle": f"{PATIENCE}s", "connect": f"{values['longer']}ms", "answer": f"{values['longer']}ms"}
    return [values["galileo"], "gateway", "--zone", "main", "--node", "gw-main", "--listen", f"127.0.0.1:{values['port']}", "--threads", "1",
            "--weights", folder / "weights.json", "--head-max", "8k", "--body-max", "1M",
            *(word for name, value in times.items() for word in (f"--{name}-timeout", value))]


COMMANDS = {"galileo": galileo_command, "nginx": nginx_command, "HAProxy": haproxy_command}
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
# Of the versions that the table is about.
PEERS = {"nginx": ["nginx", "nginx/1.22."], "HAProxy": ["haproxy", "version 2.6."]}


def missing(name):
    program, version = PEERS[name]
    path = shutil.which(program, path=PATH)
    said = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=20) if path else None
    return None if said and version in said.stdout + said.stderr else f"{program} isn't installed as {version}* (scripts/setup.sh test)"


class Proxy:
    def __init__(self, name, folder, **values):
        folder.mkdir()
        self.target, self.port, self.log = Target(), free_port(), folder / "log"
        values = {"target": self.target.address, "port": self.port, "patience": PATIENCE, "longer": 1500 * PATIENCE, **values}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(list(map(str, COMMANDS[name](folder, values))), cwd=folder, env={**os.environ, "PATH": PATH},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def wait(self):
        wait_for(lambda: accepts(self.port) or self.process.poll() is not None, lambda: self.log.read_text())
        assert self.process.poll() is None, self.log.read_text()

    def outcome(self, case):
        self.target.begin(case)
        seen = Client(self.port, case).talk()
        got = ", ".join(self.target.got(case)).replace(self.target.address, "its own")
        return f"{seen}; target: {got}" if got else seen

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10 * SLOWER)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.target.close()


@pytest.fixture(scope="module")
def proxies(galileo, tmp_path_factory):
    """Those that are installed, running."""
    folder, running = tmp_path_factory.mktemp("beside"), {}
    with contextlib.ExitStack() as stack, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can
        for name in COMMANDS:
            if name == "galileo" or not missing(name):
                running[name] = Proxy(name, folder / name, galileo=galileo, gone=f"127.0.0.1:{closed.getsockname()[1]}")
                stack.callback(running[name].stop)
                running[name].wait()
        yield running
    log = running["galileo"].log.read_text()
    assert "galileo: bug:" not in log and "Sanitizer" not in log, log


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{section}: {case.name}") for section, cases in CASES.items() for case in cases])
def test_the_three_do_the_same_or_there_is_a_reason(proxies, case):
    with concurrent.futures.ThreadPoolExecutor(len(proxies)) as pool:
        outcomes = dict(zip(proxies, pool.map(lambda proxy: proxy.outcome(case), proxies.values())))
    wanted = {name: case.of(name)[0] for name in proxies}
    if case.bug:
        assert outcomes.pop("galileo") != wanted.pop("galileo"), "that is mended: `bug` can go"
    assert outcomes == wanted, case.text[:1000]
    if case.bug:
        pytest.xfail(case.bug)
    for name in PEERS:
        if name not in proxies:
            pytest.skip(missing(name))


def test_a_difference_is_one_and_has_a_reason():
    for section, cases in CASES.items():
        assert len({case.name for case in cases}) == len(cases), section
        for case in cases:
            for told in (case.nginx, case.haproxy, case.both):
                assert not told or (told[0] != case.galileo and len(told[1]) > 10), case.name
            assert not case.both or not (case.nginx or case.haproxy), case.name


INTRODUCTION = """# The gateway beside nginx and HAProxy

`tests/process/gateway_beside_test.py` sends the same bytes to `galileo gateway`, nginx 1.22 and HAProxy 2.6 (those of Debian 12), each before a target
of its own, and holds all three to this table, which is written by it; the peers' configurations are there, the bytes in `tests/support/gateway_cases.py`.

First what the client sees: the status, in braces the headers that the case looks at, framing and body (of answers below 400), and whether the
connection takes another request. Then what the target got, if anything. `=`: as galileo. **Not yet**: what galileo does instead, still.
HAProxy writes the names of headers in small letters, which isn't shown.
"""


def page():
    """The table, in Markdown."""
    code = lambda text: "`" + text.replace("|", "\\|") + "`"
    lines = [INTRODUCTION]
    for section, cases in CASES.items():
        lines += [f"## {section}", "", "| | galileo | nginx | HAProxy | why it differs |", "| --- | --- | --- | --- | --- |"]
        for case in cases:
            told = {name: case.of(name) for name in PEERS}
            whys = {name: why for name, (_, why) in told.items() if why}
            text = [f"{' and '.join(name for name in whys if whys[name] == why)}: {why}." for why in dict.fromkeys(whys.values())]
            text += [f"**Not yet**: {case.bug}."] if case.bug else []
            cells = ["=" if name not in whys else code(outcome) for name, (outcome, _) in told.items()]
            lines.append(f"| {case.name} | {code(case.galileo)} | {' | '.join(cells)} | {' '.join(text)} |")
        lines.append("")
    return "\n".join(lines)


def test_the_page_shows_these_cases():
    assert PAGE.read_text() == page(), f"run /usr/bin/python3 {Path(__file__).relative_to(ROOT)}"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{sum(map(len, CASES.values()))} cases in {PAGE.relative_to(ROOT)}")
