"""The live page of `galileo api` in a real browser, with a real API, Redis and SQLite: what a person does there. What a run
tells is published as docs/wire/rest_v1.md has it, by the test itself."""
import json
import os
import re
import selectors
import shutil
import sqlite3
import subprocess
import time

import pytest
from api_v1_test import FILE, Api
from conftest import ROOT, accepts, free_port, wait_for

pytestmark = pytest.mark.quick
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ODD = '</script><img src=x onerror=alert(1)>'
NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location /lab/galileo/ {{ proxy_pass http://127.0.0.1:{to}/; {more} }} }}
}}
"""


class Browser:
    def __init__(self):
        self.process = subprocess.Popen(["node", ROOT / "web/test/live_drive.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __call__(self, word, **more):
        self.process.stdin.write(json.dumps({"do": word, **more}).encode() + b"\n")
        self.process.stdin.flush()
        assert self.selector.select(60), f"the browser hasn't answered for 60 s: {word} {more}"
        line = self.process.stdout.readline()
        assert line, f"the browser has ended: {word} {more}"
        answer = json.loads(line)
        assert "error" not in answer, (word, more, answer["error"])
        return answer["ok"]

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def browser():
    if not os.path.exists(CHROMIUM) or not (ROOT / "web/node_modules/playwright-core").exists():
        pytest.skip("no browser: Chromium and web/node_modules are needed (scripts/setup.sh test, make web)")
    made = Browser()
    yield made
    made.stop()


@pytest.fixture
def lab(start, redis, port, tmp_path):
    """An API, and how to end it and to begin it again."""
    server = redis()

    def begin(*flags):
        process = start("api", "--listen", port, "--bus", server.url, "--db", tmp_path / "lab.sqlite", "--apps", tmp_path / "apps",
                        "--tokens", tmp_path / "tokens", *flags)
        wait_for(lambda: accepts(port), "the API")
        return process
    made = Api(port, tmp_path, server)
    made.process, made.begin = begin(), begin
    made.url = f"http://127.0.0.1:{port}/"
    return made


@pytest.fixture
def nginx(tmp_path):
    if not shutil.which("nginx", path="/usr/sbin:/usr/bin"):
        pytest.skip("nginx isn't installed (scripts/setup.sh test)")
    started = []

    def make(to, more=""):
        port = free_port()
        (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port, to=to, more=more))
        started.append(subprocess.Popen(["/usr/sbin/nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path], stderr=subprocess.DEVNULL))
        wait_for(lambda: accepts(port), "nginx")
        return f"http://127.0.0.1:{port}/lab/galileo/"
    yield make
    for process in started:
        process.terminate()
        process.wait(10)


class Run:
    """What a run tells on the bus."""
    def __init__(self, its, id_):
        self.its, self.id, self.n, self.begun = its, id_, 0, time.time() - 100

    def tell(self, **more):
        self.n += 1
        text = json.dumps({"n": self.n, "claim": 7, **more})
        self.its.redis("PUBLISH", f"galileo/live/{self.id}", text)
        return text

    def state(self, **more):
        text = self.tell(**{
            "type": "state", "at": time.time(), "stage": "sending", "status": "IN_PROGRESS", "started": self.begun, "phase": "main", "elapsed_s": 100,
            "intended": 5000, "answered": 4990, "failed": 3, "not_sent": 0, "in_flight": 7, "offered_rps": 50.0, "achieved_rps": 49.9,
            "failed_rps": 0.0, "latency_s": {"count": 50, "p50": 0.012, "p90": 0.02, "p99": 0.031, "max": 0.04},
            "lateness_s": {"count": 50, "p50": 1e-5, "p99": 2e-4, "max": 1e-3}, "total": {"latency_s": {"count": 4990, "p50": 0.011, "p99": 0.029}},
            "errors": {"refused": 2, "status 503": 1}, "trouble": "", "steer": {"can": False, "why": "the load is a closed loop"},
            "verdict": None, "reason": None, **more})
        self.its.redis("SET", f"galileo:live:{self.id}:state", text)

    def point(self, second):
        text = self.tell(type="point", t=self.begun + second, every_s=1, intended=50, answered=50, failed=0, offered_rps=50.0,
                         achieved_rps=49.0 + second % 3, failed_rps=0.0, in_flight=second % 9, latency_s={"p50": 0.012, "p90": 0.02, "p99": 0.03, "max": 0.05},
                         lateness_s={"p50": 1e-5, "p99": 2e-4}, errors={})
        self.its.redis("RPUSH", f"galileo:live:{self.id}:points", text)

    def event(self, second, name, value):
        self.its.redis("RPUSH", f"galileo:live:{self.id}:events", self.tell(type="event", t=self.begun + second, name=name, value=value))

    def row(self, status):
        self.its.redis("SET", "galileo:fleet:lease", json.dumps({"claim": 7, "holder": "h", "kind": "daemon", "what": self.id}))
        self.its.end(self.id, status)


def looks(browser, name):
    """The view holds on a phone, by dark and by light, and axe finds nothing."""
    for scheme, width in (("light", 1100), ("dark", 1100), ("dark", 380), ("light", 380)):
        assert browser("look", scheme=scheme, width=width, shot=f"{name}-{scheme}-{width}"), f"{name} scrolls sideways at {width}"
        assert browser("axe") == [], (name, scheme, width)
    browser("look")


def test_experiments_are_found_submitted_cancelled_and_deleted_and_names_are_text(lab, browser):
    first, other = lab.submit(name=ODD, tags=["nightly", ODD]), lab.submit(name="other")
    browser("open", url=lab.url)
    browser("text", has=ODD)
    assert browser("badge", has="live") < 15
    assert "Live again" not in browser("body")
    looks(browser, "experiments")
    browser("fill", label="Search", text="other")
    browser("text", has="1 of 1.")
    assert first["id"] not in browser("body")
    browser("fill", label="Search", text="")
    browser("text", has="2 of 2.")
    browser("keys", name="Queue")                  # the rest by the keyboard
    browser("text", has="queued, place 2")
    browser("text", has="No daemon is there")
    looks(browser, "queue")
    browser("press", name=f"Cancel {first['id']}")
    browser("said", has=f"{first['id']} is cancelled")
    browser("text", has="queued, place 1")         # by the stream
    assert lab.json("GET", f"/experiments/{first['id']}")[1]["state"] == "cancelled"
    browser("go", hash=f"#/experiment/{first['id']}")
    browser("press", name="Delete …")
    browser("press", name="Leave it")
    assert lab.json("GET", f"/experiments/{first['id']}")[0] == 200
    browser("press", name="Delete …")
    browser("press", name="Delete it")
    browser("text", has="1 of 1.")
    assert lab.json("GET", f"/experiments/{first['id']}")[0] == 404
    browser("go", hash="#/submit")
    browser("fill", label="Experiment file", text="name: [")
    browser("press", name="Submit")
    wait_for(lambda: "file:" in browser("body"), "what is wrong with the file")
    looks(browser, "submit")
    browser("fill", label="Experiment file", text=FILE % 1)
    browser("press", name="Submit")
    wait_for(lambda: "#/experiment/" in browser("hash"), "the new experiment")
    assert lab.json("GET", "/experiments")[1]["total"] == 2 and other["id"]
    assert browser("errors") == []


def test_again_with_changes_keeps_the_secret_that_the_page_never_has(lab, browser):
    made = lab.submit()
    browser("open", url=f"{lab.url}#/rerun/{made['id']}")
    text = browser("value", label="Experiment file")
    assert "***" in text and "s3cret" not in text
    browser("fill", label="Experiment file", text=text.replace("requests: 20", "requests: 21"))
    browser("press", name="Run it again")
    wait_for(lambda: "#/experiment/" in browser("hash"), "the new experiment")
    again = browser("hash").split("/")[-1]
    with sqlite3.connect(lab.path / "lab.sqlite", timeout=10) as database:
        kept = database.execute("SELECT DATA FROM metadata WHERE EXP_ID = ?", (f"submission:{again}",)).fetchone()[0]
    assert "requests: 21" in kept and "s3cret" in kept and "***" not in kept
    assert lab.json("GET", f"/experiments/{again}")[1]["rerun_of"] == made["id"]


def test_a_run_is_followed_and_a_reload_and_a_hidden_tab_show_the_same(lab, browser):
    made = lab.submit()
    run = Run(lab, made["id"])
    run.row("IN_PROGRESS")
    for second in range(1, 61):
        run.point(second)
    run.event(30, "deploy", "v2")
    run.state()
    browser("open", url=f"{lab.url}#/experiment/{made['id']}")
    browser("text", has="last second")
    browser("text", has="status 503")
    browser("text", has="deploy")
    browser("text", has="The load can't be changed: the load is a closed loop")
    wait_for(lambda: browser("drawn") == 4, "four charts")
    browser("badge", has="live")
    looks(browser, "run")
    run.state(answered=6001)
    browser("text", has="6,001")
    browser("hide", hidden=True)
    for second in range(61, 121):
        run.point(second)
        run.state(answered=7000 + second)
    time.sleep(0.5)
    assert "6,001" in browser("body")                      # nothing is drawn while nobody looks
    browser("hide", hidden=False)
    browser("text", has="7,120")
    seen = browser("body")
    browser("reload")
    browser("text", has="7,120")
    wait_for(lambda: browser("drawn") == 4, "four charts")
    assert re.sub(r"\s+", " ", browser("body")) == re.sub(r"\s+", " ", seen)
    run.state(steer={"can": True})
    browser("text", has="Set the rate")
    run.state(stage="over", status="FINISHED", verdict="VALID", reason=None)
    run.row("FINISHED")
    browser("text", has="Compare with another")
    browser("said", has="is finished")
    for _ in range(10):                                    # in and out: nothing is left behind
        browser("go", hash="#/queue")
        browser("text", has="Waiting, the next first")
        browser("go", hash=f"#/experiment/{made['id']}")
        wait_for(lambda: browser("count", css="canvas") == 4, "four charts")
    assert browser("errors") == []


def test_what_is_heard_while_the_course_is_asked_for_is_not_lost(lab, browser):
    run = Run(lab, lab.submit()["id"])
    run.row("IN_PROGRESS")
    for second in range(1, 4):
        run.point(second)
    run.state(answered=1111)
    browser("open", url=f"{lab.url}#/queue")
    browser("badge", has="live")
    browser("slow", ms=3000)
    browser("go", hash=f"#/experiment/{run.id}")
    time.sleep(1.5)
    run.point(4)
    run.state(answered=2222)
    browser("text", has="2,222")
    browser("data", name="Data of “Requests a second”")
    rows = "details[open] tbody tr"
    wait_for(lambda: browser("count", css=rows) == 4, lambda: f"four points, not {browser('count', css=rows)}")
    time.sleep(0.2)
    assert "2,222" in browser("body") and "1,111" not in browser("body")


def test_routes_are_saved_only_over_what_was_seen(lab, browser):
    browser("open", url=f"{lab.url}#/routes")
    browser("fill", label="Service", text="shop")
    browser("fill", label="Its first host", text="127.0.0.1:81")
    browser("press", name="Add a route")
    browser("fill", label="Hosts, and the weight of each", text="127.0.0.1:81 3\n127.0.0.1:82 1")
    browser("press", name="Save")
    browser("said", has="is saved")
    now = lab.json("GET", "/routes/shop")[1]
    assert [(one["host"], one["weight"]) for one in now["hosts"]] == [("127.0.0.1:81", 3), ("127.0.0.1:82", 1)]
    looks(browser, "routes")
    assert lab.json("PUT", "/routes/shop", {"hosts": [{"host": "127.0.0.1:99", "weight": 1}]}, {"If-Match": now["etag"]})[0] == 200
    browser("press", name="Save")
    browser("text", has="Somebody else has changed it meanwhile")
    browser("text", has="127.0.0.1:99")
    assert "82" in browser("value", label="Hosts, and the weight of each")
    browser("press", name="Save mine over it")
    browser("said", has="is saved")
    assert len(lab.json("GET", "/routes/shop")[1]["hosts"]) == 2
    browser("go", hash="#/fleet")
    browser("text", has="No worker is there.")
    looks(browser, "fleet")
    browser("go", hash="#/compare")
    browser("fill", label="Base", text="a")
    browser("fill", label="Compared with it", text="b")
    browser("press", name="Compare")
    wait_for(lambda: browser("count", css=".problem:not(:empty)") == 1, "that there is no such experiment")
    looks(browser, "compare")


def test_eight_tabs_behind_nginx_are_one_stream_and_come_back_after_502(lab, browser, nginx):
    made = lab.submit()
    run = Run(lab, made["id"])
    run.row("IN_PROGRESS")
    run.state()
    url = nginx(lab.port)
    for _ in range(8):
        tab = browser("open", url=f"{url}#/experiment/{made['id']}")
        browser("text", tab=tab, has="4,990")
        browser("badge", tab=tab, has="live")
    run.state(answered=8001)
    for tab in range(8):
        browser("text", tab=tab, has="8,001")
    streams = subprocess.run(["ss", "-Htn", "state", "established", f"( sport = :{lab.port} )"], capture_output=True, text=True, check=True)
    assert len(streams.stdout.splitlines()) <= 3, streams.stdout   # nginx's to the API: the stream, and a call that just ends
    lab.process.terminate()
    lab.process.wait(10)
    assert browser("badge", has="stale since") <= 5
    time.sleep(2)                                                   # nginx answers 502 meanwhile
    lab.begin()
    run.state(answered=9001)
    browser("badge", has="live")
    browser("said", has="Live again")
    run.state(answered=9002)
    for tab in range(8):
        browser("text", tab=tab, has="9,002")
    assert browser("errors") == []


def test_who_comes_through_a_proxy_logs_in_by_a_token(lab, browser, nginx, run):
    made = run("api", "token", "add", "ann", "--scope", "read", "--tokens", lab.path / "tokens")
    secret = made.out.strip()
    lab.submit(name="hidden")
    url = nginx(lab.port, "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;")
    browser("open", url=url)
    browser("text", has="Log in")
    looks(browser, "login")
    assert "hidden" not in browser("body")
    browser("fill", label="Token", text="gal_wrong")
    browser("press", name="Log in")
    wait_for(lambda: browser("count", css=".problem:not(:empty)") == 1, "that the token is wrong")
    browser("fill", label="Token", text=secret)
    browser("press", name="Log in")
    browser("text", has="hidden")
    browser("badge", has="live")
    assert "Submit" not in browser("body")                          # she may look only
    browser("press", name="Log out ann")
    browser("text", has="Log in")


def test_what_has_run_has_its_verdict_and_is_compared(lab, browser, run, start):
    at, ids = free_port(), []
    start("target", "--listen", f"127.0.0.1:{at}")
    wait_for(lambda: accepts(at), "the target")
    for _ in range(2):
        done = run("load", f"http://127.0.0.1:{at}/", "-r", "100", "-n", "60", "--db", lab.path / "lab.sqlite")
        assert done.ran, done
        with sqlite3.connect(lab.path / "lab.sqlite", timeout=10) as database:
            ids.append(database.execute("SELECT EXP_ID FROM experiments ORDER BY CREATED DESC").fetchone()[0])
    verdict = lab.json("GET", f"/experiments/{ids[0]}/result")[1]["verdict"]["value"]
    browser("open", url=f"{lab.url}#/experiment/{ids[0]}")
    browser("text", has=f"Verdict: {verdict}")
    assert browser("count", css=f"a[href='api/v1/experiments/{ids[0]}/report']") == 1
    looks(browser, "over")
    browser("follow", name="Compare with another")
    browser("fill", label="Compared with it", text=ids[1])
    browser("press", name="Compare")
    browser("text", has="What differs in how they were run")
    figures = lab.json("GET", f"/experiments/{ids[0]}/comparison?with={ids[1]}")[1]["figures"]
    for figure in figures:
        browser("text", has=figure["name"])
    looks(browser, "compared")
    assert browser("errors") == []
