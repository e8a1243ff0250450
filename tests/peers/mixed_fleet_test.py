"""`galileo run FILE --bus` on a fleet of one original worker and one of ours."""
import json
import sqlite3

import pytest
from conftest import result_of
from originals import background, bus, old_python, old_worker, our_worker, service  # noqa: F401

pytestmark = pytest.mark.peers

FILE = """
name: mixed
creator: me
seed: 11
services: {{app: {{hosts: {{"{host}": 1}}}}}}
{clients}
"""


@pytest.fixture
def fleet(old_worker, our_worker):
    old_worker("old", galileo_kind="old")
    our_worker("new", galileo_kind="new")


@pytest.fixture
def experiment(run, bus, service, tmp_path):
    """experiment(clients): the finished command, with the result of its run and its traces by client."""
    def call(clients):
        (tmp_path / "mixed.yaml").write_text(FILE.format(host=service, clients=clients))
        # The original drops a trace now and then when it is told to pause, one run in ten; the books tell, and it is run again.
        for attempt in range(3):
            for path in tmp_path.glob("galileo.sqlite*"):
                path.unlink()
            done = run("run", "mixed.yaml", "--bus", f"redis://:{bus.password}@127.0.0.1:{bus.port}", "--json", "r.json", "-q")
            if not done.ran:
                break
            done.result = result_of(tmp_path / "r.json")
            done.first = 2 * attempt  # of a worker's two clients: it counts them on
            done.traces = rows(tmp_path, "SELECT CLIENT, count(*) FROM traces WHERE STATUS = 200 GROUP BY CLIENT")
            if done.result["ledger"]["traces"]["lost"] == 0:
                break
        return done
    return call


def rows(tmp_path, sql):
    with sqlite3.connect(tmp_path / "galileo.sqlite") as database:
        return sorted(database.execute(sql).fetchall())


def test_one_file_runs_on_both_and_every_request_is_in_the_books(fleet, experiment, bus, tmp_path):
    done = experiment("""clients:
  - {service: app, num: 4, arrival: {distribution: expovariate, parameters: [100]}, requests: 110,
     request: {path: /it, headers: {X-A: "1"}}}""")
    assert done.ran, done
    # The original publishes 20 traces at a time: those left over come when the run pauses its tracing.
    assert done.traces == [(f"{worker}:app:{n}", 110) for worker in ("new", "old") for n in (done.first, done.first + 1)], done
    ledger = done.result["ledger"]
    assert ledger["intended"] == ledger["sent"] == ledger["answered"] == 440 and ledger["balanced"], done
    assert ledger["traces"]["made"] == ledger["traces"]["stored"] == 440
    assert "worker old is of the old system: its books are what its traces say" in done.out
    assert done.out.count("clocks of the workers") == 1 and "new " in done.out
    # What only ours says is there for ours, and isn't made up for the other.
    assert rows(tmp_path, "SELECT DISTINCT substr(CLIENT, 1, 3), INTENDED IS NULL FROM traces") == [("new", 0), ("old", 1)]
    clocks = rows(tmp_path, "SELECT VALUE FROM events WHERE NAME = 'fleet/clock'")
    assert [json.loads(value)["worker"] for value, in clocks] == ["new"]
    # Both began at one moment: the original says so by what it created first.
    firsts = dict(rows(tmp_path, "SELECT substr(CLIENT, 1, 3), min(CREATED) FROM traces GROUP BY 1"))
    assert abs(firsts["new"] - firsts["old"]) < 1
    assert bus("KEYS", "galileo:client:*") == [] and bus("KEYS", "routing:*") == []


def test_phases_durations_and_the_warmup_are_those_of_the_originals_requests_too(fleet, experiment, tmp_path):
    done = experiment("""warmup: 400ms
phases:
  - {name: rate, duration: 2s, clients: [{service: app, num: 2, rate: 50}]}
  - {name: again, duration: 1s, clients: [{service: app, num: 2, rate: 20}]}""")
    assert done.ran, done
    assert done.result["ledger"]["balanced"] and done.result["ledger"]["traces"]["lost"] == 0, done
    assert {phase["name"] for phase in done.result["phases"]} == {"warmup", "rate", "again"}, done
    counts = {(client, phase): count for client, phase, count in rows(
        tmp_path, "SELECT CLIENT, PHASE, count(*) FROM traces GROUP BY 1, 2")}
    # Ours sends what is due, half a gap ahead of the client that shares its rate: at 10 ms, 30 ms, …; the original, which
    # waits after each request, at most every 20 ms.
    ours = {key: count for key, count in counts.items() if key[0].startswith("new")}
    first, second = f"app:{done.first}", f"app:{done.first + 1}"
    assert ours == {(f"new:{first}", "warmup"): 20, (f"new:{first}", "rate"): 80, (f"new:{second}", "again"): 20}
    for (client, phase), due in [((f"old:{first}", "warmup"), 20), ((f"old:{first}", "rate"), 80), ((f"old:{second}", "again"), 20)]:
        assert due // 2 <= counts[client, phase] <= due + 2, counts


def test_what_the_original_cannot_do_is_refused_or_goes_to_ours(fleet, experiment):
    refused = experiment("clients: [{service: app, num: 2, closed_loop: {connections: 2}, duration: 1s}]")
    assert refused.code == 2 and "can't have a closed loop" in refused.err, refused
    assert "old:app" in refused.err and "labels that choose other workers" in refused.err
    done = experiment("""clients:
  - {service: app, closed_loop: {connections: 2}, requests: 300, worker_labels: {galileo_kind: new}}
  - {service: app, arrival: {distribution: constant, parameters: [0.02]}, requests: 40, worker_labels: {galileo_kind: old}}""")
    assert done.ran, done
    assert [(client[:3], count) for client, count in done.traces] == [("new", 300), ("old", 40)], done
    assert done.result["ledger"]["balanced"]
