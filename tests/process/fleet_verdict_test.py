"""What the verdict says of the workers of a fleet that are kept from their work: disturbances planted in real processes, over a real
Redis. A machine that is busy adds reasons of its own, which are true; so the planted one is looked for, and no timing."""
import json
import signal
import time

import pytest
from conftest import result_of, wait_for

pytestmark = pytest.mark.alone

FILE = """
name: fleet
seed: 7
services: {{app: {{hosts: {{"{host}": 1}}}}}}
clients: [{{service: app, num: 2, {pace}, duration: 2s}}]
"""


@pytest.fixture
def disturbed(start, redis, target, tmp_path):
    """disturbed(pace, meanwhile): the result of a run on w1 and w2, and its text; meanwhile(w2's process) while it runs."""
    def call(pace, meanwhile=None):
        bus = redis()
        workers = {}
        for name in ("w1", "w2"):
            workers[name] = start("worker", "--name", name, "--bus", bus.url, "--traces", "redis", "--spool", tmp_path / name)
            wait_for(lambda: bus("GET", f"galileo:worker:{name}:heartbeat"), name)
        host = target("--delay", "2ms").removeprefix("http://").rstrip("/")
        (tmp_path / "fleet.yaml").write_text(FILE.format(host=host, pace=pace))
        reports = bus.listen("galileo/fleet/reports")
        process = start("run", tmp_path / "fleet.yaml", "--bus", bus.url, "--json", "r.json", "--db", "none", "-q")
        if meanwhile:
            # The first report that tells of requests: the run goes on.
            wait_for(lambda: json.loads(reports.messages.get(timeout=10)[1])["intended"] > 0, "a report")
            meanwhile(workers["w2"])
        out, err = process.communicate(timeout=60)
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["balanced"], out + err
        return result, out
    return call


def reasons_of(result):
    return "\n".join(result["verdict"]["reasons"])


@pytest.mark.parametrize("pace", ["rate: 200", "closed_loop: {connections: 2}"], ids=["open", "closed"])
def test_a_worker_that_was_stopped_is_named_and_the_run_isnt_valid(disturbed, pace):
    def stop(process):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.4)
        process.send_signal(signal.SIGCONT)
    result, out = disturbed(pace, stop)
    assert result["verdict"]["value"] != "VALID"
    assert "worker w2" in reasons_of(result) and "it stood still for" in reasons_of(result), result["verdict"]
    stood_still = {one["worker"]: one["stood_still_s"] for one in result["generator"]["own"]["workers"]}
    assert stood_still["w2"] > 0.2, stood_still
    assert "doesn't tell" not in out


def test_what_every_worker_saw_of_itself_is_kept_with_the_result(disturbed):
    result, _ = disturbed("rate: 100")
    own = result["generator"]["own"]
    assert [one["worker"] for one in own["workers"]] == ["w1", "w2"]
    assert own["quantiles"] and all(0 <= one["own_s"] <= one["latency_s"] for one in own["quantiles"])
    assert own["shares_machine"] and own["throttled_periods"] == 0 and 0 <= own["machine_pct"] < 50, own
    assert 0 < result["generator"]["busiest_loop_pct"] <= 100
    # 400 requests of 2 ms and more, of which none waited for a connection; a thread that loses its core between two looks
    # at the clock may seem to.
    assert own["waited_for_connection"] <= 4 and own["quantiles"][0]["latency_s"] > 0.002
