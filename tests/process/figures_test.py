"""What a run's figures and thresholds say: of all requests, over the time in which they were due, and nothing of too few."""
import json

import pytest
from conftest import result_of, strip_colour


@pytest.mark.alone
@pytest.mark.quick
def test_a_short_run_is_offered_and_sent_what_was_asked_for(run, target, tmp_path):
    done = run("load", target(), "--rate", "2", "-d", "2s", "-q", "--json", "r.json")
    assert done.ran, done
    assert "offered 2.0/s, sent 2.0/s, achieved 2.0/s" in strip_colour(done.out), done
    result = result_of(tmp_path / "r.json")
    assert abs(result["rate"]["span_s"] - 2) < 1e-3
    assert result["phases"][0]["offered_rps"] == result["rate"]["offered_rps"]


@pytest.mark.alone
def test_the_live_view_says_what_is_offered_while_a_slow_server_is_asked(run, target):
    done = run("load", target("--delay", "2500ms"), "-r", "100", "-d", "2500ms", "--db", "none")
    lines = [line for line in done.err.splitlines() if "  offered " in line]
    assert len(lines) >= 2, done
    offered = [float(line.split("  offered ")[1].split("/s")[0]) for line in lines[:2]]
    assert all(rate > 20 for rate in offered), done


@pytest.mark.alone
def test_half_of_all_time_out_and_the_percentiles_are_not_of_the_survivors(run, target, tmp_path):
    done = run("load", target("--delay", "uniform(0.02, 0.4)"), "-r", "500", "-n", "1500", "--timeout", "200ms", "-q",
               "--threshold", "p99(latency) < 600ms", "--threshold", "p90(latency[answered]) < 10s",
               "--json", "r.json")
    assert done.code == 99, done
    text = strip_colour(done.out)
    result = result_of(tmp_path / "r.json")
    answered, failed = (result[f"latency_{one}_s"]["count"] for one in ("answered", "failed"))
    assert answered > 100 and failed > 100 and answered + failed == 1500
    assert [f"{name} ({n:,})" in text for name, n in (("answered", answered), ("failed", failed), ("all", 1500))] == [True] * 3
    assert [one["passed"] for one in result["thresholds"]] == [False, True]
    assert result["thresholds"][0]["at_least"] and "≥" in text
    assert "p99" in result["latency_s"]["at_least"] and result["latency_answered_s"]["at_least"] == []
    # Read back from the database, they are the same.
    shown = json.loads(run("exp", "show", "last", "--json").out)
    assert shown["thresholds"] == result["thresholds"]
    assert shown["rate"]["offered_rps"] == pytest.approx(result["rate"]["offered_rps"])
    for key in ("latency_s", "latency_answered_s", "latency_failed_s"):
        assert shown[key]["at_least"] == result[key]["at_least"] and shown[key]["count"] == result[key]["count"]
        assert shown[key]["p90"] == pytest.approx(result[key]["p90"], rel=0.01)


@pytest.mark.quick
def test_five_requests_have_no_p99_and_a_threshold_on_it_is_not_decidable(run, target, tmp_path):
    done = run("load", target("--delay", "50ms"), "-r", "100", "-n", "5", "-q", "--threshold", "p99(latency) < 10s", "--json", "r.json")
    assert done.code == 99, done
    assert "? p99(latency) < 10s" in strip_colour(done.out)
    assert "not decidable: p99 of 5 requests: at least 1,000 are needed" in done.out, done
    result = result_of(tmp_path / "r.json")
    assert result["latency_s"]["p50"] is None and result["latency_s"]["p999"] is None
    assert result["latency_s"]["max"] > 0
    assert not result["thresholds"][0]["passed"] and result["thresholds"][0]["undecided"]


FILE = """name: x
services: {shop: {hosts: {"127.0.0.1:1": 1}}}
clients: [{service: shop, rate: 10, requests: 10}]
"""


@pytest.mark.quick
@pytest.mark.parametrize("threshold, mend", [
    ("p95(latency) < 200", "say 200ms"), ("max(cpu) < 90", "say 90%"), ("error_rate < 0.01", "say 1%"),
    ("p95(latncy) < 200ms", "did you mean 'latency'?"), ("failed{service=shp} == 0", "did you mean 'shop'?"),
    ("failed{phase=mian} == 0", "did you mean 'main'?"), ("q95(latency) < 1s", "did you mean 'p95'?"),
    ("max(cpuu) < 90%", "did you mean 'cpu'?"), ("max(process_rss/galilo) < 1GiB", "did you mean 'galileo'?")])
def test_what_a_threshold_cannot_mean_is_refused_before_anything_starts(run, tmp_path, threshold, mend):
    (tmp_path / "x.yaml").write_text(FILE + f'thresholds: ["{threshold}"]\n')
    for more in (["--dry-run"], []):
        done = run("run", "x.yaml", *more)
        assert done.code == 2 and mend in done.err and "x.yaml:4:14" in done.err, done
    assert not (tmp_path / "galileo.sqlite").exists()
    if "shp" in threshold:
        threshold, mend = threshold.replace("shp", "laod"), "did you mean 'load'?"
    done = run("load", "http://127.0.0.1:1/", "-r", "10", "-n", "1", "--threshold", threshold)
    assert done.code == 2 and mend in done.err, done
