"""A fleet for the shell's tests: a real Redis, an application, workers, and the shell's names over them."""
import contextlib
import os
import sqlite3
import subprocess
import sys

import pytest
from conftest import ROOT, free_port, target, wait_for

sys.path.append(str(ROOT / "tests/support"))
redis_server = pytest.importorskip("redis_server")
redis = pytest.importorskip("redis")

from galileo import _session  # noqa: E402
from galileo.shell import shell  # noqa: E402

needs_redis = pytest.mark.skipif(not redis_server.installed(), reason="redis-server isn't installed")

# The beginning of a script, which is given `Fleet.env`.
SCRIPT = """
import os, signal, sys, threading, time
import redis
from galileo.shell import shell
names = shell.init(redis.Redis(port=int(os.environ["galileo_redis_port"]), password=os.environ["galileo_redis_password"], decode_responses=True))
g, rtbl, exp = names["g"], names["rtbl"], names["exp"]
"""


def rows(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def shell_words(*words):
    return [_session.program(), "shell", *words]


class Fleet:
    """A Redis server, an application, and workers; `names` are the shell's."""

    def __init__(self, folder, url):
        self.folder, self.host = folder, url.removeprefix("http://")
        self.redis = new_redis(folder / "redis")
        self.client = redis.Redis(port=self.redis.port, password="for-tests", decode_responses=True)
        self.env = {"galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(self.redis.port), "galileo_redis_password": "for-tests"}
        self.workers = {}
        self.connections = []

    def worker(self, name, **labels):
        self.workers[name] = subprocess.Popen(
            [_session.program(), "worker", "--name", name, "--traces", "redis", "--spool", self.folder],
            env={**os.environ, **self.env, **labels}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.client.get(f"galileo:worker:{name}:heartbeat"), f"worker {name}")
        return self.workers[name]

    def init(self):
        names = shell.init(self.client)
        self.connections.append(names["g"].ctrl)
        return names

    def stop(self):
        import pymq

        for connection in self.connections:
            connection.close()
        pymq.shutdown()
        for process in self.workers.values():
            process.kill()
            process.wait()
        self.redis.stop()


def new_redis(folder):
    for attempt in range(5):
        with contextlib.suppress(AssertionError):  # somebody was faster at the port
            return redis_server.Redis(folder / str(attempt), free_port(), "for-tests")
    raise AssertionError("Redis doesn't start")


@contextlib.contextmanager
def new_fleet(folder):
    with target() as url:
        fleet = Fleet(folder, url)
        try:
            yield fleet
        finally:
            fleet.stop()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """One for all tests that leave it as it is."""
    with new_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.worker("w1", galileo_zone="edge")
        fleet.names = fleet.init()
        fleet.names["rtbl"].set("img", [fleet.host])
        yield fleet


@pytest.fixture
def own_fleet(tmp_path):
    """One whose servers a test may end."""
    with new_fleet(tmp_path) as fleet:
        fleet.worker("w1")
        fleet.names = fleet.init()
        fleet.names["rtbl"].set("img", [fleet.host])
        yield fleet


@pytest.fixture
def g(fleet):
    return fleet.names["g"]
