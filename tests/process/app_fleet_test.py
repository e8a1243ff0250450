"""Client apps on a fleet: workers find them by themselves, and tell who asked where they can't."""
import json
import os

import pytest
from app_repository import AppRepository
from conftest import result_of, wait_for
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
