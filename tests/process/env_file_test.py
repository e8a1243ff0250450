"""`--env-file FILE` of every command: variables of a file hold where the environment and the flags don't say them."""
import os
import shutil
import subprocess

import pytest
from conftest import ROOT, wait_for

# Beside those that the environment may bring along.
CLEAN = {key: value for key, value in os.environ.items() if not key.lower().startswith(("telemd_", "galileo_", "eb_go_lb_"))}
ENV_FILE = ROOT / "bin/.env"


@pytest.fixture
def galileo_with(galileo, tmp_path):
    def call(*words, env={}, stdin=""):
        return subprocess.run([galileo, *map(str, words)], cwd=tmp_path, env={**CLEAN, **env}, input=stdin, capture_output=True, text=True, timeout=30)
    return call


def commands(galileo_with):
    text = galileo_with("--help").stdout
    return [line.split()[0] for line in text[text.index("commands:\n"):text.index("\noptions:")].splitlines()[1:]]


@pytest.mark.quick
def test_every_command_takes_it_and_says_so(galileo_with, tmp_path):
    (tmp_path / "bad.env").write_text("galileo_redis_host=h\ngalileo_redis_password secret\n")
    subcommands = [["exp", "ls"], ["rtbl", "ls"], ["workers", "ls"], ["telem", "ls"], ["gateway", "weights", "get"]]
    every = [[name] for name in commands(galileo_with)] + subcommands
    assert len(every) > 12
    for words in every:
        assert "--env-file" in galileo_with(*words, "--help").stdout, words
        for flag in (["--env-file", "bad.env"], ["--env-file=bad.env"]):
            done = galileo_with(*words, *flag)
            assert done.returncode == 2 and done.stdout == "", (words, done)
            assert f"galileo {words[0]}: can't read the file of variables, bad.env:2: there is no = in this line" in done.stderr
            assert len(done.stderr.splitlines()) == 1 and "secret" not in done.stderr


@pytest.mark.quick
@pytest.mark.parametrize("words, said", [
    (["--env-file", "missing.env"], "can't read the file of variables, missing.env: No such file"),
    (["--env-file", "."], "can't read the file of variables"),
    (["--env-file"], "--env-file"),
    (["--env-fil", "x"], "did you mean '--env-file'?"),
])
def test_a_file_that_can_t_be_is_one_clear_error(galileo_with, words, said):
    done = galileo_with("load", "http://127.0.0.1:1/", *words)
    assert done.returncode == 2 and done.stdout == "" and said in done.stderr, done


@pytest.mark.quick
def test_the_file_s_values_are_checked_as_the_environment_s_are(galileo_with, tmp_path):
    (tmp_path / "x.env").write_text("galileo_redis_port=99999999\n")
    done = galileo_with("workers", "ls", "--env-file", "x.env")
    assert done.returncode == 2 and "galileo_redis_port" in done.stderr
    # From stdin, and of two files the later one.
    done = galileo_with("workers", "ls", "--env-file", "-", stdin="galileo_redis_host=not a host\n")
    assert done.returncode == 2 and "-:1: galileo_redis_host: its value has a blank" in done.stderr
    (tmp_path / "y.env").write_text("galileo_redis_port=77777777\n")
    done = galileo_with("workers", "ls", "--env-file", "x.env", "--env-file=y.env")
    assert "77777777" in done.stderr and "99999999" not in done.stderr


def test_default_then_file_of_the_daemon_then_env_file_then_environment_then_flag(galileo, redis, tmp_path):
    """The node's name, said in one more place each time."""
    server = redis()
    (tmp_path / "config.ini").write_text("telemd_nodename = of-the-config\n")
    (tmp_path / "x.env").write_text(f"telemd_nodename=of-the-env-file\ntelemd_redis_url={server.url}\ntelemd_instruments_enable=load\n")
    host = os.uname().nodename
    config, variables = ["--config", tmp_path / "config.ini"], ["--env-file", tmp_path / "x.env"]
    bus = {"telemd_redis_url": server.url, "telemd_instruments_enable": "load"}
    for words, env, node in (
            ([], bus, host),
            (config, bus, "of-the-config"),
            (config + variables, {}, "of-the-env-file"),
            (config + variables, {"telemd_nodename": ""}, "of-the-env-file"),
            (config + variables, {"telemd_nodename": "of-the-environment"}, "of-the-environment"),
            (config + variables + ["--node", "of-the-flag"], {"telemd_nodename": "of-the-environment"}, "of-the-flag")):
        process = subprocess.Popen([galileo, "telemd", *map(str, words)], env={**CLEAN, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: server("EXISTS", f"telemd.info:{node}") or process.poll() is not None, f"node {node}")
            assert process.poll() is None, process.stderr.read()
        finally:
            process.terminate()
            process.communicate(timeout=10)
        assert server("KEYS", "telemd.info:*") == [], "it takes its name away with it"


def test_the_daemon_goes_by_the_bus_of_all_commands_where_its_own_settings_name_none(galileo, redis, port):
    server, away = redis(password="of-this-bus"), f"redis://127.0.0.1:{port}"
    common = {"galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(server.port), "galileo_redis_password": "of-this-bus"}
    for env in (common, {**common, "telemd_redis_url": ""}, {**common, "galileo_redis_url": away, "telemd_redis_port": str(server.port)}):
        process = subprocess.Popen([galileo, "telemd", "--node", "n"], env={**CLEAN, "telemd_instruments_enable": "load", **env},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: server("EXISTS", "telemd.info:n") or process.poll() is not None, f"the node by {env}")
            assert process.poll() is None, process.stderr.read()
        finally:
            process.terminate()
            process.communicate(timeout=10)


def test_a_secret_of_the_file_is_used_and_shown_nowhere(galileo, redis, tmp_path):
    server = redis(password="pw-of-the-file")
    (tmp_path / "x.env").write_text(f"galileo_redis_url=redis://127.0.0.1:{server.port}\ngalileo_redis_password=pw-of-the-file\ngalileo_zone=edge\n")
    process = subprocess.Popen([galileo, "worker", "--name", "w", "--spool", tmp_path, "--env-file", tmp_path / "x.env"],
                               env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(lambda: server("SISMEMBER", "galileo:workers", "w") or process.poll() is not None, "the worker")
        labels = server("HGETALL", "w")
        assert "edge" in labels and "pw-of-the-file" not in labels, labels
        # Nor by those who list the machine's processes.
        for name in ("cmdline", "environ"):
            assert b"pw-of-the-file" not in open(f"/proc/{process.pid}/{name}", "rb").read()
    finally:
        process.terminate()
        told = process.communicate(timeout=10)[0]
    assert "pw-of-the-file" not in told


OLD = """galileo_expdb_driver=mixed galileo_logging_level=DEBUG galileo_expdb_mysql_host=localhost galileo_expdb_mysql_port=3307
galileo_expdb_mysql_db=db galileo_expdb_mysql_user=user galileo_expdb_mysql_password=password galileo_expdb_influxdb_url=http://localhost:8086
galileo_expdb_influxdb_token=auth-token galileo_expdb_influxdb_timeout=10000 galileo_expdb_influxdb_org=org galileo_expdb_influxdb_org_id=org-id
galileo_redis_host=localhost KUBECONFIG=/path/to/yaml""".split()


def test_the_file_that_comes_with_it_is_the_old_one_and_names_every_other_variable(galileo_with):
    lines = ENV_FILE.read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == OLD
    named = [line.lstrip("#").split("=")[0] for line in lines]
    assert len(named) == len(set(named))
    at = [named.index(name) for name in (
        "galileo_expdb_driver", "galileo_expdb_sqlite_path", "galileo_logging_level", "galileo_expdb_mysql_host", "galileo_expdb_influxdb_url",
        "galileo_redis_host", "galileo_redis_port", "galileo_redis_password", "KUBECONFIG", "etcd_host", "etcd_port", "galileo_worker_name", "galileo_trace_logging",
        "galileo_router_type", "galileo_router_static_host", "galileo_apps_dir", "galileo_apps_repository", "galileo_apps_repo_dir",
        "galileo_expdb_trace_logger_flush", "galileo_expdb_event_logger_flush", "galileo_zone", "telemd_nodename", "eb_go_lb_etcd_host",
        "telemd_kubernetes_adapter_redis_host", "telemd_kubernetes_adapter_redis_port", "telemd_kubernetes_adapter_location")]
    assert at == sorted(at), "in the order of the table"
    assert galileo_with("help", "shapes", "--env-file", ENV_FILE).returncode == 0
    done = galileo_with("exp", "ls", "--env-file", ENV_FILE)
    assert "can't read the file of variables" not in done.stderr and "127.0.0.1" in done.stderr or "localhost" in done.stderr, done


def test_the_old_way_to_use_the_file_works_too(galileo, tmp_path):
    """env $(cat bin/.env | xargs) COMMAND: each line is one word with a =."""
    assert shutil.which("xargs")
    done = subprocess.run(["bash", "-c", f'env $(cat {ENV_FILE} | xargs) {galileo} --version'], capture_output=True, text=True, env=CLEAN, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("galileo "), done
