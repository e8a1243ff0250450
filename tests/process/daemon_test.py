"""`galileo daemon`: what waits in the queue is run on a fleet, once, whatever becomes of daemons, connections and Redis."""
import json
import os
import signal
import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from conftest import wait_for

QUEUE = "__eventbus:global:galileo:experiments:queue"
ITEM = '{"__obj": [{"id": %s, "name": %s, "creator": "ann", "start": null, "end": null, "created": 1795528577.9233263, "status": "QUEUED"}, ' \
       '[%s, %s, [["shop", %s, %s, "constant", null, {"path": "/"}]]]], "__type": "galileodb.model.QueuedExperiment"}'
FILE = """
name: queued
services: {{shop: {{hosts: {{"{host}": 1}}}}}}
clients:
  - {{service: shop, num: 2, rate: {rate}, duration: {duration}}}
"""
FINAL = {"FINISHED", "FAILED", "CANCELLED"}


class Lab:
    """A Redis, a worker, a target, and as many daemons as a test wants, all on one database."""

    def __init__(self, start, redis, target, tmp_path, lease="15s"):
        self.start, self.path, self.lease = start, tmp_path, lease
        self.url = target()
        self.host = self.url.removeprefix("http://").rstrip("/")
        self.redis = redis()
        self.db = tmp_path / "lab.sqlite"
        self.daemons = []

    def worker(self, name="w1"):
        folder = self.path / name
        folder.mkdir()
        process = self.start("worker", "--name", name, "--bus", self.redis.url, "--traces", "redis", "--spool", folder)
        wait_for(lambda: self.redis("GET", f"galileo:worker:{name}:heartbeat") and self.redis("SISMEMBER", "galileo:workers", name), f"{name} to register")
        return process

    def daemon(self, *flags, bus=None):
        log = open(self.path / f"daemon-{len(self.daemons)}.log", "w")
        process = self.start("daemon", "--bus", bus or self.redis.url, "--db", self.db, "--lease", self.lease,
                             "--spool", self.path / f"spool-{len(self.daemons)}", *flags, log=log, env={**os.environ, "galileo_logging_level": "INFO"})
        self.daemons.append(process)
        wait_for(lambda: len(self.daemon_ids()) >= 1, "a daemon to say that it is there")
        return process

    def daemon_ids(self):
        return [key.removeprefix("galileo:daemon:") for key in self.redis("KEYS", "galileo:daemon:*")]

    def route(self):
        self.redis("SADD", "routing:services", "shop")
        self.redis("RPUSH", "routing:hosts:shop", self.host)
        self.redis("RPUSH", "routing:weights:shop", "1")

    def sql(self, text, *values):
        with closing(sqlite3.connect(self.db, timeout=20)) as database:
            return database.execute(text, values).fetchall()

    def row(self, id_):
        rows = self.sql("SELECT STATUS, START, END, NAME, CREATOR FROM experiments WHERE EXP_ID = ?", id_) if self.db.exists() else []
        return rows[0] if rows else (None,) * 5

    def status(self, id_):
        return self.row(id_)[0]

    def metadata(self, id_):
        rows = self.sql("SELECT DATA FROM metadata WHERE EXP_ID = ?", id_)
        return json.loads(rows[0][0]) if rows else {}

    def traces(self, id_):
        return self.sql("SELECT count(*) FROM traces WHERE EXP_ID = ?", id_)[0][0]

    def over(self, id_, seconds=30):
        wait_for(lambda: self.status(id_) in FINAL, lambda: f"{id_} to be over: {self.row(id_)}\n{self.logs()}", seconds)
        return self.status(id_)

    def logs(self):
        return "\n".join(path.read_text() for path in sorted(self.path.glob("daemon-*.log")))

    def file_item(self, rate=50, duration="1s", name="queued", id_=None):
        id_ = id_ or f"202611241356-{uuid.uuid4().hex[:8]}"
        text = FILE.format(host=self.host, rate=rate, duration=duration)
        item = {"__obj": [{"id": id_, "name": name, "creator": "ann", "start": None, "end": None, "created": time.time(), "status": "QUEUED"},
                          [1, 1, []]], "__type": "galileodb.model.QueuedExperiment", "__file": {"text": text, "set": []}}
        return id_, json.dumps(item)

    def queue(self, *items):
        """Rows first, as the API does; then the items."""
        self.row_for(*[item for _, item in items])
        for _, item in items:
            self.redis("LPUSH", QUEUE, item)

    def row_for(self, *items):
        with closing(sqlite3.connect(self.db, timeout=20)) as database:
            for item in items:
                it = json.loads(item)["__obj"][0]
                database.execute("INSERT INTO experiments (EXP_ID, NAME, CREATOR, CREATED, STATUS) VALUES (?,?,?,?,'QUEUED')",
                                 (it["id"], it["name"], it["creator"], it["created"]))
                database.execute("INSERT INTO metadata (EXP_ID, DATA) VALUES (?, ?)", (it["id"], json.dumps({"queued": item})))
            database.commit()


@pytest.fixture
def lab(start, redis, target, tmp_path):
    return lambda lease="15s": Lab(start, redis, target, tmp_path, lease)


@pytest.mark.quick
def test_an_item_of_the_old_api_is_run_and_another_one_after_it(lab):
    its = lab()
    its.worker()
    its.daemon()
    its.route()
    first, second = "202611241356-84e3", "202611241356-84e4"
    its.redis("LPUSH", QUEUE, ITEM % (json.dumps(first), '"first"', 2, 1, "[20, 40]", 2))
    its.redis("LPUSH", QUEUE, ITEM % (json.dumps(second), '"second"', 1, 1, "[10]", 2))
    assert its.over(first) == "FINISHED", its.logs()
    assert its.over(second) == "FINISHED", its.logs()
    status, begun, ended, name, creator = its.row(first)
    assert (name, creator) == ("first", "ann") and ended - begun >= 2
    assert its.row(second)[1] >= ended, "one at a time"
    # 20 a second for a second, then 40, of both clients together.
    assert its.traces(first) == 60 and its.traces(second) == 10
    due = [due for due, in its.sql("SELECT INTENDED FROM traces WHERE EXP_ID = ? ORDER BY INTENDED", first)]
    assert sum(1 for one in due if one - due[0] < 0.999) in (20, 21)
    wait_for(lambda: its.redis("GET", "galileo:fleet:lease") is None, "the lease to be given back")
    assert its.redis("KEYS", "galileo:experiments:taken:*") == [] and its.redis("KEYS", "galileo:client:*") == []
    assert its.redis("KEYS", "galileo:fleet:clients:*") == []


def test_what_an_old_item_leaves_out_is_made_up_and_poison_ends_the_daemon(lab):
    its = lab()
    its.worker()
    process = its.daemon()
    its.route()
    its.redis("LPUSH", QUEUE, ITEM % ("null", "null", 1, 1, "[10, 99]", 1))
    its.redis("LPUSH", QUEUE, "no item at all")
    its.redis("LPUSH", QUEUE, '"__POISON__"')
    wait_for(lambda: process.poll() is not None, "the daemon to end", 20)
    assert process.returncode == 0
    ((id_, name, creator, status),) = its.sql("SELECT EXP_ID, NAME, CREATOR, STATUS FROM experiments")
    assert name == id_ and creator == "ann" and status == "FINISHED" and its.traces(id_) == 10
    assert its.redis("LLEN", QUEUE) == 0 and its.redis("KEYS", "galileo:experiments:taken:*") == [] and its.daemon_ids() == []


def test_a_file_is_run_by_its_text_and_may_not_touch_the_daemons_machine(lab):
    its = lab()
    its.worker()
    its.daemon()
    wait_for(its.db.exists, "the database")
    good = its.file_item(rate=40)
    files = {"commands": "name: a\napplications: [{name: x, command: [touch, /tmp/never]}]\nclients: [{service: s, rate: 1, requests: 1}]\nservices: {s: {hosts: {h: 1}}}\n",
             "environment": "name: ${HOME}\nclients: [{service: s, rate: 1, requests: 1}]\nservices: {s: {hosts: {h: 1}}}\n",
             "files": "name: a\nclients: [{service: s, arrival: {profile: /etc/passwd}}]\nservices: {s: {hosts: {h: 1}}}\n",
             "wrong": "name: a\nclients: 5\n"}
    bad = {}
    for what, text in files.items():
        id_, item = its.file_item()
        bad[what] = (id_, item := json.dumps({**json.loads(item), "__file": {"text": text, "set": []}}))
    its.queue(*bad.values(), good)
    assert its.over(good[0]) == "FINISHED", its.logs()
    assert its.traces(good[0]) == 80
    for what, (id_, _) in bad.items():
        assert its.over(id_) == "FAILED" and its.metadata(id_)["ended"]["reason"], what
        assert its.traces(id_) == 0
    assert not Path("/tmp/never").exists()


def takes_orders(its, id_):
    return bool(its.redis("PUBSUB", "CHANNELS", f"__eventbus:global:Run.order:{id_}"))


def order(its, id_, **words):
    """What the run answers; nothing where nobody runs it."""
    return its.redis.rpc(f"Run.order:{id_}", words) if takes_orders(its, id_) else None


def test_a_run_is_cancelled_by_an_order_and_the_target_is_left_alone(lab):
    its = lab()
    its.worker()
    its.daemon()
    wait_for(its.db.exists, "the database")
    id_, item = its.file_item(rate=100, duration="60s")
    its.queue((id_, item))
    wait_for(lambda: its.status(id_) == "IN_PROGRESS" and its.traces(id_) > 20, "it to run", 20)
    assert order(its, id_, order="rate")["done"] is False and order(its, id_, order="dance")["done"] is False
    state = lambda: json.loads(its.redis("GET", f"galileo:live:{id_}:state"))
    assert state()["steer"]["can"] is True
    answer = order(its, id_, order="pause", by="ann")
    assert answer["done"] is True and answer["until"] is None, answer
    wait_for(lambda: state()["paused"], "it to be paused")
    assert order(its, id_, order="resume")["done"] is True and order(its, id_, order="rate", factor=0.5)["done"] is True
    wait_for(lambda: not state()["paused"], "it to go on")
    answer = order(its, id_, order="cancel", by="ann")
    assert answer["done"] is True, answer
    assert its.over(id_, 10) == "CANCELLED"
    assert its.metadata(id_)["ended"]["by"] == "ann" and its.metadata(id_)["ended"]["status"] == "CANCELLED"
    wait_for(lambda: not takes_orders(its, id_), "nobody to answer")


def test_what_a_run_tells_is_on_a_channel_and_kept_for_who_comes_later(lab):
    its = lab()
    its.worker()
    its.daemon()
    wait_for(its.db.exists, "the database")
    heard = []
    id_, item = its.file_item(rate=100, duration="3s")
    its.redis.listen(f"galileo/live/{id_}", handler=lambda channel, message: heard.append(json.loads(message)))
    its.queue((id_, item))
    assert its.over(id_) == "FINISHED"
    wait_for(lambda: heard and heard[-1].get("stage") == "over", "the last state")
    states, points = ([one for one in heard if one["type"] == kind] for kind in ("state", "point"))
    assert [one["n"] for one in heard] == list(range(1, len(heard) + 1)), "each once, in order"
    assert {one["claim"] for one in heard} == {heard[0]["claim"]}
    sending = [one["at"] for one in states if one["stage"] == "sending"]
    assert len(sending) >= 4 * (sending[-1] - sending[0]) * 0.8, "four a second"
    assert {"preparing", "sending", "over"} <= {one["stage"] for one in states}
    last = states[-1]
    assert last["status"] == "FINISHED" and last["verdict"] and last["answered"] == 600 == last["intended"] and last["errors"] == {}
    assert last["total"]["latency_s"]["count"] == 600 and last["total"]["latency_s"]["p99"] is None, "six requests beyond it say too little"
    seconds = [one for one in points if one["every_s"] == 1]
    assert sum(one["latency_s"]["count"] for one in seconds) == 600
    assert sum(one["answered"] for one in points if one["every_s"] == 10) == 600
    kept = lambda what: [json.loads(text) for text in its.redis("LRANGE", f"galileo:live:{id_}:{what}", 0, -1)]
    assert kept("points") == seconds and kept("points:10") == [one for one in points if one["every_s"] == 10]
    assert kept("events") == [one for one in heard if one["type"] == "event"] and {"phase/start", "phase/end"} <= {one["name"] for one in kept("events")}
    assert json.loads(its.redis("GET", f"galileo:live:{id_}:state")) == last
    assert 3000 < its.redis("TTL", f"galileo:live:{id_}:points") <= 3600


def test_a_run_by_hand_waits_for_the_fleet_or_is_refused(lab, start, run, tmp_path):
    its = lab()
    its.worker()
    its.daemon()
    wait_for(its.db.exists, "the database")
    path = tmp_path / "by-hand.yaml"
    path.write_text(FILE.format(host=its.host, rate=10, duration="1s"))
    id_, item = its.file_item(rate=20, duration="4s")
    its.queue((id_, item))
    wait_for(lambda: its.status(id_) == "IN_PROGRESS", "it to run")
    refused = run("run", path, "--bus", its.redis.url, "--no-wait", "-q", "--db", "none")
    assert refused.code == 92 and "has had the fleet for" in refused.err, refused
    waited = run("run", path, "--bus", its.redis.url, "-q", "--db", its.db, "--json", "r.json")
    assert waited.ran, waited
    assert its.status(id_) == "FINISHED"
    begun = json.loads((tmp_path / "r.json").read_text())["experiment"]["start"]
    assert its.row(id_)[2] <= begun if isinstance(begun, float) else begun
