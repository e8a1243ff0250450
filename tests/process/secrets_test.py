"""Where a secret may stand (URLs, headers, database URLs, the environment, files) it is used and kept to ourselves: it is in
no file that is passed on, no line that is said, not in the list of processes. One canary for all."""
import csv
import http.server
import os
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import accepts, free_port, wait_for

CANARY = "hunter2canary"


@pytest.fixture
def seen():
    """A server that keeps what it was asked with; seen.port, seen.requests."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.server.requests.append((self.path, dict(self.headers)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.port = [], server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def told(*texts, folder=None, but=()):
    """Which of these texts, and of the folder's files, tell the canary."""
    found = [text for text in texts if CANARY in text]
    for path in Path(folder).rglob("*") if folder else ():
        if path.is_file() and path.name not in but and CANARY.encode() in path.read_bytes():
            found.append(str(path))
    return found


def cmdline(process):
    return Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()


def hand_on(run, folder):
    """All that an experiment may be passed on as."""
    said = []
    for words in (["exp", "show", "last"], ["exp", "show", "last", "--json"], ["exp", "report", "last", "-o", "again.html"],
                  ["exp", "export", "last", "-o", "csv"], ["exp", "export", "last", "-o", "jsonl", "--format", "jsonl"],
                  ["exp", "import", "csv", "--db", "copy.sqlite"]):
        done = run(*words, cwd=folder)
        assert done.code == 0, done
        said += [done.out, done.err]
    return said


def test_secrets_of_load_are_sent_and_told_nobody(run, start, seen, tmp_path):
    url = f"http://me:{CANARY}@127.0.0.1:{seen.port}/a?x=1&token={CANARY}"
    words = ["load", url, "-H", f"Cookie: sid={CANARY}", "--header", f"X-Api-Key: {CANARY}", "-r", "50", "-d", "1500ms",
             "--no-telemetry", "--json", "result.json", "--report", "report.html"]
    process = start(*words)
    wait_for(lambda: seen.requests, "the first request")
    assert not told(cmdline(process))
    out, err = process.communicate(timeout=30)
    assert process.returncode in (0, 90), err
    path, headers = seen.requests[0]
    assert CANARY in path and CANARY in headers["Cookie"] and headers["X-Api-Key"] == CANARY and "Authorization" in headers
    assert not told(out, err, *hand_on(run, tmp_path), folder=tmp_path)
    # What was masked says that it was.
    assert "X-Api-Key: ***" in (tmp_path / "result.json").read_text()


def test_secrets_of_a_file_are_used_and_told_nobody(run, start, seen, tmp_path):
    port = free_port()
    (tmp_path / "plan.yaml").write_text(f"""
name: secrets
applications:
  - name: app
    command: [galileo, target, --listen, "127.0.0.1:{port}"]
    environment: {{DB_PASSWORD: {CANARY}}}
    ready: "127.0.0.1:{port}"
services: {{s: {{hosts: {{"127.0.0.1:{seen.port}": 1}}}}}}
telemetry:
  period: 100ms
  scrape: {{page: "http://me:{CANARY}@127.0.0.1:{port}/metrics?token={CANARY}"}}
  commands: {{queue: "echo --password {CANARY} | wc -w"}}
clients:
  - service: s
    rate: 50
    duration: 1500ms
    request:
      path: "/?api_key={CANARY}"
      headers: {{Authorization: "Bearer {CANARY}", X-Token: "${{TOKEN}}", Cookie: '{CANARY}', Accept: x}}
""")
    process = start("run", "plan.yaml", "--json", "result.json", "--report", "report.html", "--set",
                    f"clients[0].request.headers.X-Secret={CANARY}", env={**os.environ, "TOKEN": CANARY})
    wait_for(lambda: seen.requests or process.poll() is not None, "the first request")
    assert not told(cmdline(process))
    out, err = process.communicate(timeout=30)
    assert process.returncode in (0, 90), (out, err)
    headers = seen.requests[0][1]
    assert headers["X-Token"] == CANARY and headers["X-Secret"] == CANARY and headers["Cookie"] == CANARY
    assert not told(out, err, *hand_on(run, tmp_path), folder=tmp_path, but=["plan.yaml"])
    assert "${TOKEN}" in (tmp_path / "result.json").read_text()
    dry = run("run", "plan.yaml", "--dry-run", env={"TOKEN": CANARY})
    assert dry.code == 0 and not told(dry.out, dry.err), dry


URL = f"u:{CANARY}@127.0.0.1:1"


@pytest.mark.parametrize("words", [
    ["load", f"http://u:{CANARY}@127.0.0.1:99999/"], ["load", f"ftp://u:{CANARY}@127.0.0.1/"], ["load", f"http://u:{CANARY}@nowhere.invalid/", "-n", "1"],
    ["load", "http://127.0.0.1:1/", "--db", f"postgres://{URL}/x"], ["load", "http://127.0.0.1:1/", "--db", f"mysql://{URL}/x"],
    ["exp", "ls", "--db", f"influxdb://{URL}/x"], ["exp", "ls", "--db", f"mysql://{URL}/x?no=1"], ["exp", "import", f"mysql://{URL}/x"],
    ["workers", "ls", "--bus", f"redis://{URL}"], ["workers", "ls", "--bus", f"http://{URL}"], ["worker", "--bus", f"redis://{URL}/x"],
    ["recorder", "--bus", f"redis://{URL}"], ["telem", "ls", "--bus", f"rediss://{URL}"], ["rtbl", "ls", "--bus", f"redis://{URL}"],
    ["run", "plan.yaml", "--bus", f"redis://{URL}"], ["gateway", "weights", "get", "--zone", "z", "--etcd", f"http://{URL}"],
    ["load", "--no-such", f"http://u:{CANARY}@h/"], ["load", "a", f"http://u:{CANARY}@h/"],
    ["load", "http://127.0.0.1:1/", "-H", f"Authorization {CANARY}"],
], ids=lambda words: " ".join(words[:3]).replace(CANARY, "C"))
def test_no_error_tells_a_secret(run, tmp_path, words):
    (tmp_path / "plan.yaml").write_text('name: x\nservices: {s: {hosts: {"127.0.0.1:1": 1}}}\nclients: [{service: s, rate: 1, requests: 1}]\n')
    done = run(*words)
    assert done.code != 0 and done.err and not told(done.out, done.err), done


def test_the_bus_s_password_is_in_no_log_no_list_of_processes_and_not_on_the_bus(run, start, redis, tmp_path):
    server = redis(CANARY)
    bus = server.url.replace("redis://", f"redis://:{CANARY}@") if CANARY not in server.url else server.url
    environment = {**os.environ, "galileo_app_token": CANARY, "galileo_redis_password": CANARY, "galileo_zone": "edge"}
    port = free_port()
    started = [start(*words, log=open(tmp_path / f"{words[0]}.log", "w"), env=environment) for words in (
        ["worker", "--name", "w", "--bus", bus, "--traces", "redis", "--status", f"127.0.0.1:{port}"],
        ["telemd", "--node", "n", "--bus", bus], ["recorder", "--name", "r", "--bus", bus])]
    wait_for(lambda: accepts(port) and "w" in run("workers", "ls", "--bus", bus).out and "n " in run("telem", "ls", "--bus", bus).out, "all of them")
    assert not told(*[cmdline(process) for process in started])
    listed = [run(*words, "--bus", bus) for words in (["workers", "ls"], ["workers", "ls", "--json"], ["telem", "info"])]
    assert not told(*[done.out + done.err for done in listed])
    assert "galileo_zone" in listed[0].out
    for process in started:
        process.terminate()
        process.wait(20)
    assert not told(folder=tmp_path)


def test_names_from_outside_are_no_terminal_controls_no_markup_and_no_formulas(run, galileo, target, tmp_path):
    """An experiment of a strange name, looked at in a terminal, a browser's file and a spreadsheet."""
    strange = "=cmd|'/c calc'!A1\x1b[2J\x1b]0;x\x07</script><b>\rx"
    url = target()
    assert run("load", url, "-n", "20", "-q", "--no-telemetry").ran
    with sqlite3.connect(tmp_path / "galileo.sqlite") as database:
        database.execute("UPDATE experiments SET NAME = ?, CREATOR = ?", (strange, strange))
        database.execute("UPDATE traces SET SERVICE = ?, CLIENT = ?, SERVER = ?", (strange, "@x", "-5"))
        database.execute("INSERT INTO events (EXP_ID, TIMESTAMP, NAME, VALUE) SELECT EXP_ID, START, ?, ? FROM experiments", (strange, "'=1+1"))
    for words in (["exp", "ls"], ["exp", "show", "last"]):
        shown = subprocess.run(["script", "-qec", " ".join([galileo, *words]), "/dev/null"], cwd=tmp_path, capture_output=True, timeout=30)
        text = shown.stdout.decode(errors="replace")
        assert shown.returncode in (0, 90) and "cmd" in text, text
        assert "\x1b[2J" not in text and "\x1b]" not in text and "\x07" not in text, text
    assert run("exp", "report", "last", "-o", "r.html").code == 0
    assert "</script><b>" not in (tmp_path / "r.html").read_text()
    assert run("exp", "export", "last", "-o", "t").code == 0
    for table in ("traces", "events", "telemetry", "nodeinfo"):
        for row in csv.reader((tmp_path / f"t/{table}.csv").open(newline="")):
            for cell in row:
                assert not cell or cell[0] not in "=+@\t\r" and (cell[0] != "-" or float(cell) <= 0), (table, row)
    # And it comes back as it was.
    assert run("exp", "import", "t", "--db", "copy.sqlite").code == 0
    with sqlite3.connect(tmp_path / "copy.sqlite") as database:
        assert database.execute("SELECT DISTINCT SERVICE, CLIENT, SERVER FROM traces").fetchall() == [(strange, "@x", "-5")]
        assert (strange, "'=1+1") in database.execute("SELECT NAME, VALUE FROM events").fetchall()


def test_ids_are_checked_and_an_empty_one_removes_nothing(run, target, tmp_path):
    url = target()
    assert run("load", url, "-n", "20", "-q", "--no-telemetry").ran
    for words in (["rm", ""], ["show", ""], ["report", ""], ["export", ""], ["rm", "last", ""], ["rm", "../x"], ["rm", "%"], ["rm", "last~1"], ["rm", "last~-1"], ["rm", "last~x"]):
        done = run("exp", *words)
        assert done.code == 2 and done.err, (words, done)
    ids = [line.split()[0] for line in run("exp", "ls").out.splitlines()[1:]]
    assert len(ids) == 1 and run("exp", "show", "last~0").ran
    # An id that is a way to another place names no file.
    with sqlite3.connect(tmp_path / "galileo.sqlite") as database:
        for table in ("experiments", "traces", "events"):
            database.execute(f"UPDATE {table} SET EXP_ID = '../outside'")
    for words in (["report", "last"], ["export", "last"]):
        done = run("exp", *words)
        assert done.code == 2 and "--output" in done.err, (words, done)
    assert not list(tmp_path.parent.glob("outside*"))
    assert run("exp", "report", "last", "-o", "r.html").code == 0
