"""`galileo workers` and `galileo rtbl`, on a real Redis, with workers made from the wire's description alone."""
import json
import os
import subprocess
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from conftest import accepts, free_port, wait_for
from redis_server import ForeignWorker

pytestmark = pytest.mark.quick


@pytest.fixture
def worker():
    made = []

    def call(*arguments, **options):
        made.append(ForeignWorker(*arguments, **options))
        return made[-1]
    yield call
    for one in made:
        one.close()


def test_workers_are_listed_with_labels_clients_and_heartbeat(run, redis, worker):
    server = redis()
    worker(server, "node-a", labels={"galileo_zone": "edge", "galileo_arch": "arm64"})
    worker(server, "node-b")
    server("SADD", "galileo:worker:node-a:clients", "node-a:img:0", "node-a:img:1")
    beat = {"worker": "node-b", "boot": "f00d", "version": "0.1.0", "pid": 7, "at": 1_700_000_000_500_000_000}
    server("SET", "galileo:worker:node-b:heartbeat", json.dumps(beat))
    listed = json.loads(run("workers", "ls", "--json", "--bus", server.url).out)
    assert listed[0] == {"name": "node-a", "clients": 2, "heartbeat": None,
                         "labels": {"galileo_zone": "edge", "galileo_arch": "arm64"}, "alive": True}
    assert listed[1]["name"] == "node-b" and listed[1]["labels"] == {}
    assert listed[1]["heartbeat"]["boot"] == "f00d" and listed[1]["heartbeat"]["version"] == "0.1.0"
    text = run("workers", "ls", "--bus", server.url)
    assert text.code == 0 and text.err == "", text
    head, first, second = text.out.splitlines()
    assert head.split() == ["NAME", "CLIENTS", "STATE", "VERSION", "BOOT", "HEARTBEAT", "LABELS"]
    assert first.split() == ["node-a", "2", "alive", "-", "-", "-", "galileo_arch=arm64", "galileo_zone=edge"]
    assert second.split()[:5] == ["node-b", "0", "alive", "0.1.0", "f00d"]


def test_columns_stand_below_each_other_where_names_are_long_as_pods_are(run, redis, worker):
    server = redis()
    names = ["w1", "galileo-worker-zone-of-somewhere-else-x7f2q"]
    for name in names:
        worker(server, name)
    head, *lines = run("workers", "ls", "--bus", server.url).out.splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted(names)
    assert {line.index("alive") for line in lines} == {head.index("STATE")}, (head, lines)


def test_a_dead_worker_looks_dead_ours_and_an_old_one(run, redis, worker, start):
    server = redis()
    old = worker(server, "old")
    ours = start("worker", "--name", "ours", "--bus", server.url)
    wait_for(lambda: "ours" in server("SMEMBERS", "galileo:workers"), "it to register")
    listed = {one["name"]: one["alive"] for one in json.loads(run("workers", "ls", "--json", "--bus", server.url).out)}
    assert listed == {"old": True, "ours": True}
    ours.kill()
    old.close()
    wait_for(lambda: not server("PUBSUB", "CHANNELS", "*create_client*"), "Redis to see them go")
    done = run("workers", "ls", "--bus", server.url)
    assert [line.split()[2] for line in done.out.splitlines()] == ["STATE", "dead", "dead"], done
    assert "2 of them dead" in done.err
    assert [one["alive"] for one in json.loads(run("workers", "ls", "--json", "--bus", server.url).out)] == [False, False]


def asked(status, name):
    try:
        with urlopen(f"http://127.0.0.1:{status}/{name}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("words", [["worker", "--name", "one"], ["telemd", "--node", "one"]], ids=lambda words: words[0])
def test_without_redis_it_is_not_ready_but_nobody_restarts_it(redis, start, port, tmp_path, words):
    server = redis()
    process = start(*words, "--bus", server.url, "--status", port)
    wait_for(lambda: accepts(port) and asked(port, "readyz") == (200, "ok\n"), "it to be ready")
    server.kill()
    wait_for(lambda: asked(port, "readyz") == (503, "the bus is away\n"), "it to be told")
    assert asked(port, "healthz") == (200, "the bus is away\n") and process.poll() is None
    server.launch()
    wait_for(lambda: asked(port, "readyz") == (200, "ok\n") == asked(port, "healthz"), "it to be ready again", 20)
    assert asked(port, "else") == (404, "there are /healthz, /readyz and /metrics\n")


@pytest.mark.parametrize("words, metric", [(["worker", "--name", "one"], "galileo_worker_"), (["telemd", "--node", "one"], "galileo_telemd_")], ids=lambda words: words[0])
def test_it_may_be_there_before_its_redis(redis, start, port, words, metric):
    server = redis()
    server.kill()
    process = start(*words, "--bus", server.url, "--status", port, env={**os.environ, "telemd_redis_retry_backoff": "100ms"})
    wait_for(lambda: accepts(port), "its page")
    assert asked(port, "healthz") == (200, "the bus is away\n") and asked(port, "readyz")[0] == 503 and asked(port, "metrics") == (200, "")
    server.launch()
    wait_for(lambda: asked(port, "readyz") == (200, "ok\n"), "it to be ready", 20)
    wait_for(lambda: metric in asked(port, "metrics")[1], "its numbers")
    process.terminate()
    _, told = process.communicate(timeout=10)
    assert process.returncode == 0 and told.count("no bus yet; it is tried again and again") == 1


def test_a_worker_that_waits_for_redis_ends_at_once_when_it_is_told(redis, start, port):
    server = redis()
    server.kill()
    process = start("worker", "--name", "one", "--bus", server.url, "--status", port)
    wait_for(lambda: accepts(port) and "no bus yet" in process.stderr.readline(), "it to wait")
    process.terminate()
    process.wait(2)
    assert process.returncode == 0


def test_discovery_brings_back_those_that_live(run, redis, worker):
    server = redis()
    worker(server, "node-a")
    worker(server, "node-b")
    server("SADD", "galileo:workers", "dead")
    done = run("workers", "discover", "--json", "--bus", server.url)
    assert json.loads(done.out) == {"told": 2, "registered": ["node-a", "node-b"]}, done
    assert "2 told, 2 registered" in done.err
    assert sorted(server("SMEMBERS", "galileo:workers")) == ["node-a", "node-b"]
    assert run("workers", "discover", "--bus", server.url).out == "node-a\nnode-b\n"


def test_discovery_ends_at_its_time_where_a_listener_is_no_worker(run, redis, worker):
    server = redis()
    worker(server, "node-a")
    server.listen("__eventbus:global:galileo.worker.api.RegisterWorkerCommand")
    done = run("workers", "discover", "--timeout", "200ms", "--bus", server.url)
    assert done.code == 0 and done.out == "node-a\n" and "2 told, 1 registered" in done.err, done


def test_ping_names_who_answers_and_ends_with_92_where_none_does(run, redis, worker):
    server = redis()
    done = run("workers", "ping", "--bus", server.url)
    assert done.code == 92 and "no worker answers" in done.err, done
    worker(server, "node-b")
    worker(server, "node-a")
    assert run("workers", "ping", "--bus", server.url).out == "node-a\nnode-b\n"
    assert json.loads(run("workers", "ping", "--json", "--bus", server.url).out) == ["node-a", "node-b"]


def test_routes_are_set_listed_and_removed_as_the_old_shell_does(run, redis):
    server = redis()
    updates = server.listen("routing:updates")
    bus = ("--bus", server.url)
    assert run("rtbl", "set", "img", "10.0.0.1:8080=2", "[::1]:80=0.5", "host", *bus).code == 0
    assert updates.messages.get(timeout=5) == ("routing:updates", "img")
    assert server("LRANGE", "routing:hosts:img", 0, -1) == ["10.0.0.1:8080", "[::1]:80", "host"]
    assert [float(weight) for weight in server("LRANGE", "routing:weights:img", 0, -1)] == [2, 0.5, 1]
    assert server("SMEMBERS", "routing:services") == ["img"]
    assert run("rtbl", "set", "asr", "10.0.0.2:80", *bus).code == 0
    assert json.loads(run("rtbl", "ls", "--json", *bus).out) == [
        {"service": "asr", "hosts": ["10.0.0.2:80"], "weights": [1.0]},
        {"service": "img", "hosts": ["10.0.0.1:8080", "[::1]:80", "host"], "weights": [2.0, 0.5, 1.0]}]
    assert [line.split() for line in run("rtbl", "ls", *bus).out.splitlines()][:2] == [
        ["SERVICE", "HOST", "WEIGHT"], ["asr", "10.0.0.2:80", "1"]]
    unknown = run("rtbl", "rm", "ing", *bus)
    assert unknown.code == 2 and "there is no route to 'ing'" in unknown.err and "'img'" in unknown.err, unknown
    assert run("rtbl", "rm", "img", *bus).code == 0
    assert server("EXISTS", "routing:hosts:img", "routing:weights:img") == 0
    cleared = run("rtbl", "clear", "--json", *bus)
    assert json.loads(cleared.out) == ["asr"] and "removed asr" in cleared.err
    assert server("KEYS", "routing:*") == []
    assert [updates.messages.get(timeout=5)[1] for _ in range(3)] == ["asr", "img", "asr"]


def test_a_route_that_another_program_broke_is_told_beside_the_others(run, redis):
    server = redis()
    server("SADD", "routing:services", "odd")
    server("RPUSH", "routing:hosts:odd", "a:80", "b:80")
    server("RPUSH", "routing:weights:odd", "1")
    assert run("rtbl", "set", "img", "a:80", "--bus", server.url).code == 0
    done = run("rtbl", "ls", "--json", "--bus", server.url)
    assert [route["service"] for route in json.loads(done.out)] == ["img"]
    assert done.code == 0 and "can't use the route of 'odd'" in done.err, done
    assert run("rtbl", "rm", "odd", "--bus", server.url).code == 0
    assert run("rtbl", "ls", "--bus", server.url).err == ""


@pytest.mark.parametrize("arguments", [("workers", "ls"), ("workers", "discover"), ("workers", "ping"),
                                       ("rtbl", "ls"), ("rtbl", "set", "img", "a:80"), ("rtbl", "rm", "img"), ("rtbl", "clear")])
def test_a_redis_that_is_away_is_92_and_named(run, arguments):
    port = free_port()
    done = run(*arguments, "--bus", f"redis://127.0.0.1:{port}")
    assert done.code == 92 and f"127.0.0.1:{port}" in done.err and done.out == "", done


def test_the_environment_says_where_the_bus_is_and_the_flag_goes_over_it(run, redis, tmp_path):
    server = redis(password="s3cret")
    away = {"galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(free_port())}
    assert run("rtbl", "ls", env=server.env).code == 0
    assert run("rtbl", "ls", env=away).code == 92
    (tmp_path / "password").write_text("s3cret\n")
    from_file = {"galileo_redis_password_FILE": str(tmp_path / "password")}
    assert run("rtbl", "ls", "--bus", server.url, env={**away, **from_file}).code == 0
    assert run("rtbl", "ls", "--bus", server.url, env=server.env).code == 0
    with_password = f"redis://:s3cret@127.0.0.1:{server.port}"
    assert run("rtbl", "ls", "--bus", with_password, env={"galileo_redis_password": "another"}).code == 0
    assert run("rtbl", "ls", env={"galileo_redis_url": with_password}).code == 0
    assert run("rtbl", "ls", env={"galileo_redis_port": "many"}).code == 2


def test_a_wrong_password_is_wrong_usage_and_isnt_shown(run, redis):
    server = redis(password="s3cret")
    for password in ("wr0ng", ""):
        done = run("workers", "ls", "--bus", server.url, env={"galileo_redis_password": password})
        assert done.code == 2 and "password" in done.err.lower() and "wr0ng" not in done.err, done


def test_the_bus_may_be_a_unix_socket_and_a_database_of_its_own(run, redis):
    server = redis()
    assert run("rtbl", "set", "img", "a:80", "--bus", f"unix://{server.socket}?db=3").code == 0
    assert json.loads(run("rtbl", "ls", "--json", "--bus", f"{server.url}/3").out)[0]["service"] == "img"
    assert json.loads(run("rtbl", "ls", "--json", "--bus", f"unix://{server.socket}").out) == []


def test_the_bus_may_be_over_tls_whose_certificate_is_checked(run, redis, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls_port = free_port()
    redis(more=["--tls-port", tls_port, "--tls-cert-file", certificate, "--tls-key-file", key,
                "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"])
    url = f"rediss://127.0.0.1:{tls_port}"
    trusted = run("rtbl", "ls", "--json", "--bus", url, env={"SSL_CERT_FILE": str(certificate)})
    assert trusted.code == 0 and trusted.out == "[]\n", trusted
    named = run("rtbl", "ls", "--json", "--bus", url, env={"galileo_redis_ca_file": str(certificate)})
    assert named.code == 0 and named.out == "[]\n", named
    untrusted = run("rtbl", "ls", "--bus", url, env={"SSL_CERT_FILE": os.devnull})
    assert untrusted.code in (2, 92) and "certificate" in untrusted.err, untrusted
