"""`galileo replay`: logs that nginx and HAProxy have written are read as the requests that they got, and what else is in logs is told."""
import collections
import gzip
import json
import socket
import subprocess
import time

import pytest
from conftest import accepts, free_port, wait_for

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
  {paths}
  log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" '
                   '$request_time $upstream_response_time';
  log_format named '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent rt=$request_time uct="$upstream_connect_time"';
  log_format lines escape=json '{{"time_iso8601": "$time_iso8601", "msec": $msec, "request_method": "$request_method", '
                   '"request_uri": "$request_uri", "request_time": "$request_time", "status": "$status", "http_user_agent": "$http_user_agent"}}';
  access_log {folder}/combined.log combined;
  access_log {folder}/timed.log timed;
  access_log {folder}/named.log named;
  access_log {folder}/lines.log lines;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""
HAPROXY = """global
  log {log} local0 debug
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 1s
  timeout server 5s
frontend web
  bind 127.0.0.1:{port}
  http-request return status 200 content-type text/plain string ok
"""
# A request's first line as it goes out, and the target that is sent again.
ASKED = [("GET /a HTTP/1.1", "/a"), ("GET /b?c=1&d=%7Ee%20f HTTP/1.1", "/b?c=1&d=%7Ee%20f"), ("POST /p HTTP/1.1", "/p"), ("DELETE /x/../y HTTP/1.1", "/x/../y"),
         ("HEAD /h HTTP/1.0", "/h"), ("GET /q%22uote?'x'=%5C HTTP/1.1", "/q%22uote?'x'=%5C"), ('GET /raw"quote?back\\slash HTTP/1.1', '/raw"quote?back\\slash')]


def ask(port, line, agent="test \"agent\""):
    body = "Content-Length: 3\r\n" if line.startswith("POST") else ""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"{line}\r\nHost: h\r\nUser-Agent: {agent}\r\nConnection: close\r\n{body}\r\n{'abc' if body else ''}".encode("latin-1"))
        while client.recv(65536):
            pass


def send_bytes(port, data):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(data)
        client.settimeout(5)
        try:
            while client.recv(65536):
                pass
        except OSError:
            pass


@pytest.fixture
def nginx(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, paths=paths, port=port))
    process = subprocess.Popen(["nginx", "-e", folder / "nginx.log", "-c", folder / "nginx.conf"])
    wait_for(lambda: accepts(port), "nginx to listen")
    yield folder, port
    process.terminate()
    process.wait(10)


def replayed(run, path, *flags):
    """What `convert` makes of a log: the requests in order, as (method, target), and their times."""
    done = run("replay", "convert", path, "-", *flags)
    assert done.code == 0, done
    lines = [json.loads(line) for line in done.out.splitlines()]
    return [(one["method"], one["url"]) for one in lines], [one["at"] for one in lines], lines


def shown(run, path, *flags):
    done = run("replay", "show", path, "--json", *flags)
    assert done.code == 0, done
    return json.loads(done.out)


@pytest.mark.parametrize("name", ["combined", "timed", "named", "lines"])
def test_a_log_that_nginx_has_written_is_the_requests_that_it_got(run, nginx, name):
    folder, port = nginx
    for line, _ in ASKED:
        ask(port, line)
    send_bytes(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    send_bytes(port, b"GET\r\n\r\n")
    log = folder / f"{name}.log"
    wait_for(lambda: log.read_text().count("\n") == len(ASKED) + 2, "nginx's log")
    requests, times, lines = replayed(run, log)
    wanted = [(line.split()[0], target) for line, target in ASKED]
    # Of whole seconds their order is the lines'; where they are set back by what they took, the one or other may be first.
    assert requests == wanted if name == "combined" else sorted(requests) == sorted(wanted), requests
    assert times[0] == 0 and times == sorted(times) and times[-1] < 30
    if name in ("combined", "timed", "lines"):
        assert all(one["header"]["User-Agent"] == ["test \"agent\""] for one in lines), lines
    figures = shown(run, log)
    assert figures["records"] == len(ASKED) + 2 and figures["sent"] == len(ASKED) and sum(figures["skipped"].values()) == 2, figures
    assert any("times are ends" in note for note in figures["notes"])
    assert any("whole seconds" in note for note in figures["notes"]) == (name != "lines"), figures
    # Packed by logrotate it is the same, also two of them in one.
    packed = folder / "packed.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()) * 2)
    assert shown(run, packed)["sent"] == 2 * len(ASKED)


def test_a_log_that_haproxy_has_written_is_the_requests_that_it_got(run, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("haproxy"), free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(folder / "log"))
        syslog.settimeout(10)
        (folder / "haproxy.cfg").write_text(HAPROXY.format(log=folder / "log", port=port))
        process = subprocess.Popen(["haproxy", "-f", folder / "haproxy.cfg", "-db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: accepts(port), "haproxy to listen")
            asked = [(line, target) for line, target in ASKED if '"' not in line]
            for line, _ in asked:
                ask(port, line)
                time.sleep(0.002)  # its times are of milliseconds
            send_bytes(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
            lines = []
            while sum('"' in line for line in lines) < len(asked) + 1:
                lines.append(syslog.recv(65536).decode())
        finally:
            process.terminate()
            process.wait(10)
    (folder / "haproxy.log").write_text("\n".join(lines))
    requests, times, _ = replayed(run, folder / "haproxy.log")
    assert requests == [(line.split()[0], target) for line, target in asked], lines
    assert times == sorted(times) and times[-1] > 0
    figures = shown(run, folder / "haproxy.log")
    assert figures["sent"] == len(asked) and figures["skipped"]["without a request"] == 1, (figures, lines)
    assert not figures["notes"] or not any("ends" in note or "whole" in note for note in figures["notes"])


def log_of(count, path="/p", rate=1000):
    """A log in JSON whose times are to the millisecond."""
    return "".join(json.dumps({"start_time": f"2026-11-30T10:{i // rate // 60:02}:{i // rate % 60:02}.{i % rate * 1000 // rate:03}Z", "method": "GET",
                               "path": f"{path}/{i}"}) + "\n" for i in range(count))


def test_what_isnt_known_is_an_error_that_shows_the_line(run, tmp_path):
    (tmp_path / "empty").write_text("")
    (tmp_path / "words").write_text("hello\nworld\n")
    (tmp_path / "half").write_text(log_of(4) + "what\n" * 5)
    for name, said in (("empty", "it is empty"), ("words", "it is no log that is known here; it begins with: hello"), ("there_isnt", "No such file"),
                       (".", "it is a folder"), ("half", "5 of 9 records can't be read; the first one is line 5: not of the format: what")):
        done = run("replay", "show", name)
        assert done.code == 2 - (name == "there_isnt") * 2 + (name == "there_isnt") * done.code and done.code != 0 and said in done.err, (name, done)
        assert done.err.count("\n") == 1, done
    done = run("replay", "show", "half", "--format", "jason")
    assert done.code == 2 and "did you mean 'json'?" in done.err, done
    for flags, said in ((("--speed", "0.05"), "from 0.1 to 100"), (("--share", "2"), "isn't a share"), (("--copies", "0"), "from 1 to 1,000"),
                        (("--field", "what=x"), "no field 'what'"), (("--field", "took=x:h"), "isn't a unit"), (("--times", "both"), "start or end")):
        done = run("replay", "show", "half", *flags)
        assert done.code == 2 and said in done.err, (flags, done)
    cut = gzip.compress(log_of(4000).encode())[:-200]
    (tmp_path / "cut.gz").write_bytes(cut)
    done = run("replay", "show", "cut.gz")
    assert done.code != 0 and "its gzip is cut off" in done.err, done


def test_the_same_count_at_any_speed_and_twice_the_same(run, tmp_path):
    (tmp_path / "log").write_text(log_of(5000, rate=100))
    whole, times, _ = replayed(run, "log")
    assert len(whole) == 5000 and times[-1] == 49.99
    for speed in ("0.1", "x2", "100"):
        requests, fast, _ = replayed(run, "log", "--speed", speed)
        assert requests == whole and abs(fast[-1] - times[-1] / float(speed.strip("x"))) < 1e-6
    share, _, _ = replayed(run, "log", "--share", "10%", "--seed", "7")
    assert 400 < len(share) < 600 and set(share) < set(whole)
    assert replayed(run, "log", "--share", "0.1", "--seed", "7", "--speed", "3")[0] == share
    assert replayed(run, "log", "--share", "0.1", "--seed", "8")[0] != share
    copies, _, _ = replayed(run, "log", "--copies", "3")
    assert collections.Counter(copies) == {one: 3 for one in whole}


def test_recorded_secrets_are_dropped_unless_asked_and_never_shown(run, tmp_path):
    entry = {"startedDateTime": "2026-11-30T10:00:00.000Z", "request": {
        "method": "POST", "url": "https://a/x?access_token=geheim1&b=2", "headers": [{"name": "Authorization", "value": "Bearer geheim2"}, {"name": "X-A", "value": "b"},
                                                                                       {"name": "Content-Length", "value": "9"}, {"name": "Cookie", "value": "geheim3"}],
        "postData": {"mimeType": "application/x-www-form-urlencoded", "text": "user=a&password=geheim4"}}}
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    _, _, [line] = replayed(run, "a.har")
    assert line["url"] == "/x?b=2" and line["header"] == {"X-A": ["b"], "Content-Type": ["application/x-www-form-urlencoded"]}, line
    assert line["body"] == "dXNlcj1h", line  # user=a
    _, _, [line] = replayed(run, "a.har", "--keep-secrets")
    assert "access_token=geheim1" in line["url"] and line["header"]["Authorization"] == ["Bearer geheim2"], line
    for flags in ((), ("--keep-secrets",), ("--json", "--keep-secrets")):
        done = run("replay", "show", "a.har", *flags)
        assert done.code == 0 and "geheim" not in done.out + done.err, done
    assert "credentials were dropped" in run("replay", "show", "a.har").out


def test_what_is_written_is_read_the_same(run, tmp_path):
    (tmp_path / "log").write_text(log_of(50))
    assert run("replay", "convert", "log", "lines.jsonl", "--share", "0.5").code == 0
    first = (tmp_path / "lines.jsonl").read_text()
    done = run("replay", "convert", "lines.jsonl", "-")
    offset = json.loads(first.splitlines()[0])["at"]
    assert [json.loads(line)["url"] for line in done.out.splitlines()] == [json.loads(line)["url"] for line in first.splitlines()] and offset >= 0


def test_bodies_that_a_log_lacks_are_as_chosen(run, tmp_path):
    (tmp_path / "log").write_text(log_of(3) + log_of(2).replace("GET", "POST"))
    (tmp_path / "body").write_bytes(b"\0x")
    assert shown(run, "log")["requests"] == 5 and any("empty ones are sent" in note for note in shown(run, "log")["notes"])
    assert shown(run, "log", "--body", "skip")["skipped"] == {"needs a body, which the log hasn't": 2}
    _, _, lines = replayed(run, "log", "--body", "@body")
    assert sorted(one.get("body", "") for one in lines) == ["", "", "", "AHg=", "AHg="]
    _, _, lines = replayed(run, "log", "--body", "hi")
    assert [one["body"] for one in lines if one["method"] == "POST"] == ["aGk=", "aGk="]
