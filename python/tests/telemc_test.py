"""Telemetry daemons by telemc, the original's name, on a Redis of their own."""
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import telemc
from conftest import free_port, wait_for
from galileo import _session
from telemc.recorder import TelemetryFileRecorder

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "tests/support"))


@pytest.fixture
def redis(tmp_path):
    import redis
    import redis_server
    if not redis_server.installed():
        pytest.skip("redis-server isn't installed (scripts/setup.sh test)")
    server = redis_server.Redis(tmp_path, free_port())
    yield redis.Redis(port=server.port, decode_responses=True)
    server.stop()


def test_telemetry_is_commanded_and_recorded_under_the_old_names(redis, tmp_path):
    port = redis.connection_pool.connection_kwargs["port"]
    with subprocess.Popen([_session.program(), "telemd", "--node", "n1", "--bus", f"redis://127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env={**os.environ, "telemd_instruments_enable": "cpu", "telemd_period_cpu": "50ms"}) as daemon:
        try:
            controller = telemc.TelemetryController(redis)
            wait_for(lambda: controller.get_node_infos(), "the daemon")
            assert controller.get_nodes() == ["n1"] and "arch" in controller.get_node_infos()[0].data
            recorder = TelemetryFileRecorder(redis, str(tmp_path / "t.csv"))
            recorder.start()
            lines = lambda: (tmp_path / "t.csv").read_text().splitlines() if (tmp_path / "t.csv").exists() else []
            stamp, value, *_ = wait_for(lambda: next((line.split(",") for line in lines()[:-1] if line.split(",")[2:] == ["n1", "cpu", ""]), None), "values")
            assert float(stamp) > 1e9 and 0 <= float(value) <= 100
            got = telemc.TelemetrySubscriber(redis, "telem/n1/cpu").run()
            assert next(got)[2:] == ("n1", "cpu", None)
            controller.pause("n1")

            def is_silent():
                before = len(lines())
                time.sleep(0.5)
                return len(lines()) == before
            wait_for(is_silent, "the pause")
            before = len(lines())
            controller.unpause_all()
            wait_for(lambda: len(lines()) > before, "values again")
            recorder.stop(10)
            assert not recorder.is_alive()
            redis.delete("telemd.info:n1")
            controller.info_all()
            wait_for(lambda: controller.get_node_infos(), "its info anew")
        finally:
            daemon.terminate()
