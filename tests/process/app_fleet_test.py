"""Client apps on a fleet: workers find them by themselves, and tell who asked where they can't."""
import json
import os
import signal
import time

import pytest
from app_repository import AppRepository
from conftest import SLOWER, result_of, wait_for
from recording_server import server  # noqa: F401 (a fixture)

GENERATOR = """
n = 0
def next_request():
    global n
    n += 1
    return 'post', context.parameters.get('path', '/'), {'json': [context.name, n]}
"""


@pytest.fixture
def repository(tmp_path):
    store = AppRepository(tmp_path / "store")
    store.put("far", {"manifest.yml": "name: far\n", "generator.py": GENERATOR})
    store.put("broken", {"manifest.yml": "name: broken\n", "generator.py": "import nothing_of_that_name\n"})
    for seconds in (6, 50):  # as what imports much, on a small machine
        store.put(f"slow{seconds}", {"manifest.yml": f"name: slow{seconds}\n", "generator.py": f"""
import pathlib, time
pathlib.Path(context.path, 'loads').touch()
time.sleep({seconds})
""" + GENERATOR})
    yield store
    store.stop()


def write_experiment(path, port, **client):
    path.write_text(json.dumps({"name": "apps", "services": {"img": {"hosts": [f"127.0.0.1:{port}"]}}, "telemetry": "off",
                                "clients": [{"service": "img", "rate": 50, "requests": 10, **client}]}))


def start_workers(start, tmp_path, bus, repository, names):
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        with open(folder / "log", "w") as log:
            start("worker", "--name", name, "--traces", "redis", cwd=folder, log=log,
                  env={**os.environ, **bus.env, "galileo_apps_repository": repository.url})
    for name in names:
        wait_for(lambda: name in bus("SMEMBERS", "galileo:workers"), f"{name} to register", 30)


def test_a_run_on_a_fleet_has_its_app_on_each_worker(run, start, tmp_path, one_redis, server, repository):
    bus = one_redis
    start_workers(start, tmp_path, bus, repository, ["a", "b"])
    write_experiment(tmp_path / "run.yaml", server.port, num=4, app="far", parameters={"path": "/p"})
    done = run("run", "run.yaml", "--bus", bus.url, "--json", "result.json", env=bus.env, timeout=90)
    assert done.ran, done
    assert result_of(tmp_path / "result.json")["ledger"]["answered"] == 40
    assert sorted(json.loads(body)[1] for *_, body in server.requests) == sorted(list(range(1, 11)) * 4)
    assert {target for _, target, *_ in server.requests} == {"/p"}
    assert (tmp_path / "a/apps/far/generator.py").exists() and (tmp_path / "b/apps/far/generator.py").exists()
    write_experiment(tmp_path / "run.yaml", server.port, app="nobodys")
    done = run("run", "run.yaml", "--bus", bus.url, env=bus.env, timeout=60)
    assert done.code != 0 and "there is no client app 'nobodys'" in done.err, done
    write_experiment(tmp_path / "run.yaml", server.port, app="broken")
    done = run("run", "run.yaml", "--bus", bus.url, env=bus.env, timeout=60)
    assert done.code != 0 and "nothing_of_that_name" in done.err, done
    # The workers go on.
    write_experiment(tmp_path / "run.yaml", server.port, app="far")
    assert run("run", "run.yaml", "--bus", bus.url, env=bus.env, timeout=60).ran


def test_an_app_that_loads_for_long_is_waited_for_unless_its_worker_dies_or_nobody_wants_it(run, start, tmp_path, one_redis, server, repository):
    bus = one_redis
    start_workers(start, tmp_path, bus, repository, ["a"])
    write_experiment(tmp_path / "run.yaml", server.port, app="slow6")
    done = run("run", "run.yaml", "--bus", bus.url, "--json", "result.json", env=bus.env, timeout=60)
    assert done.ran and result_of(tmp_path / "result.json")["ledger"]["answered"] == 10, done
    write_experiment(tmp_path / "run.yaml", server.port, app="slow50")
    loads = tmp_path / "a/apps/slow50/loads"
    waits = start("run", "run.yaml", "--bus", bus.url, "--db", "none", env=bus.env)
    wait_for(loads.exists, "the generator to load", 30)
    begun = time.monotonic()
    waits.send_signal(signal.SIGINT)
    _, told = waits.communicate(timeout=60)
    assert waits.returncode == 105 and time.monotonic() - begun < 10 * SLOWER, told
    assert "ended by a signal" in told, told


def test_a_worker_that_dies_while_an_app_loads_is_named(start, tmp_path, one_redis, server, repository):
    bus = one_redis
    folder = tmp_path / "b"
    folder.mkdir()
    worker = start("worker", "--name", "b", "--traces", "redis", cwd=folder, env={**os.environ, **bus.env, "galileo_apps_repository": repository.url})
    wait_for(lambda: "b" in bus("SMEMBERS", "galileo:workers"), "b to register", 30)
    write_experiment(tmp_path / "run.yaml", server.port, app="slow50")
    waits = start("run", "run.yaml", "--bus", bus.url, "--db", "none", env=bus.env)
    wait_for((folder / "apps/slow50/loads").exists, "the generator to load", 30)
    worker.kill()
    _, told = waits.communicate(timeout=40 * SLOWER)
    assert waits.returncode == 92 and "worker 'b'" in told and "died" in told, told
