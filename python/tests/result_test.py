"""What a result says of checks and steps, and what its frames have of each request."""
import shutil
import socket
import subprocess

import galileo
import pandas
import pytest
from conftest import free_port, target, wait_for
from galileo.experiment import Check, Result

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture(scope="module")
def url():
    with target() as url:
        yield url


def test_checks_and_steps_are_in_the_result_and_in_its_frames(url):
    result = galileo.Experiment(
        name="shop", services={"shop": {"hosts": [url.removeprefix("http://")]}}, thresholds=["checks(in) > 0.99"],
        clients=[{"service": "shop", "rate": 50, "requests": 20, "steps": [
            {"name": "login", "request": {"path": "/login"}, "checks": [{"in": ["status 200"]}]},
            {"name": "look", "request": {"path": "/look"}, "checks": [{"a teapot": "status 418"}, {"quick": "time < 20s"}]}]}]).run(db="one.sqlite")
    assert sorted(result.checks, key=lambda one: one.name) == [Check("a teapot", 0, 20), Check("in", 20, 0), Check("quick", 20, 0)]
    assert [one.share for one in result.checks if one.name == "in"] == [1.0] and Check("x", 0, 0).share is None
    assert [(one["name"], one["answered"], one["failed"]) for one in result.steps] == [("login", 20, 0), ("look", 0, 20)]
    assert result.summary["steps"] == result.steps and len(result.summary["checks"]) == 3 and result.summary["fail_on"] == "400-999"
    assert result.thresholds[0].passed and result.passed
    assert "40 of 60 checks passed" in str(result) and "check a teapot" in result._repr_html_() and "0 passed, 20 failed" in result._repr_html_()
    traces = result.traces()
    assert traces.groupby("step", observed=True).size().to_dict() == {"login": 20, "look": 20}
    assert traces.failed_check.dropna().value_counts().to_dict() == {"a teapot": 20} and set(traces[traces.step == "look"].error) == {"check"}
    assert traces.protocol.isna().all()  # HTTP/1.1
    assert traces.handshake.isna().all() and traces.queued.dtype == "timedelta64[ns]" and (traces.dispatched >= traces.intended).all()
    assert isinstance(traces.done.iloc[0] - traces.sent.iloc[0], pandas.Timedelta)


def test_a_result_of_an_older_program_has_none(url):
    """One that was pickled before there were any."""
    result = galileo.Experiment(name="x", services={"shop": {"hosts": [url.removeprefix("http://")]}},
                                clients=[{"service": "shop", "rate": 50, "requests": 5}]).run(db="none")
    assert result.checks == [] and result.steps == []
    told = result.to_dict()
    for key in ("checks", "steps", "fail_on"):
        del told[key]
    old = Result({"document": told, "exit_code": 0, "interrupted": False, "problem": None}, "/", "")
    assert old.checks == [] and old.steps == [] and old.summary["ledger"]["intended"] == 5 and str(old) == str(result) and old._repr_html_()


@pytest.mark.skipif(not shutil.which("nghttpd"), reason="nghttpd isn't installed (scripts/setup.sh test)")
def test_http2_is_in_its_frames(tmp_path):
    """And how long each request waited for a stream: there is one of one connection."""
    port = free_port()
    (tmp_path / "index.html").write_text("x" * 100)
    with subprocess.Popen(["nghttpd", "--no-tls", "-d", tmp_path, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "nghttpd")
            result = galileo.Experiment(name="two", services={"page": {"hosts": [f"127.0.0.1:{port}"]}}, clients=[
                {"service": "page", "arrival": {"list": [0] * 40},
                 "request": {"path": "/index.html", "http": {"prior_knowledge": True, "streams": 1, "connections": 1}}}]).run(db="one.sqlite")
        finally:
            server.terminate()
    traces = result.traces()
    assert set(traces.status) == {200} and set(traces.protocol) == {"HTTP/2"} and result.to_dict()["generator"]["http"]
    waited = traces.queued.dropna()
    assert 10 <= len(waited) < 40 and (waited > pandas.Timedelta(0)).all() and (waited < pandas.Timedelta("20s")).all()
