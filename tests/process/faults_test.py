"""Targets that fail in every way, and what becomes of the books."""
import os
import signal
import sqlite3
import time

import peers
import pytest
from conftest import accepts, result_of, wait_for


@pytest.mark.sanitize
@pytest.mark.parametrize("handler, reason", [
    (peers.closing, "closed"),
    (peers.resetting, "reset"),
    (peers.stalling, "timeout"),
    (peers.answering(b"What do you want?\r\n"), "bad_response"),
    (peers.answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), "status"),
    (peers.endless_headers, "head_too_large"),
    (peers.endless_body, "timeout"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_target_that_misbehaves_fails_each_request_with_its_reason(run, tmp_path, handler, reason):
    with peers.serve(handler) as port:
        done = run("load", f"http://127.0.0.1:{port}/", "-n", "6", "-r", "100", "--timeout", "500ms",
                   "--json", "r.json", "-q", "--no-telemetry")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["failed"] == {reason: 6}, done
    assert result["ledger"]["balanced"]
    rows = sqlite3.connect(tmp_path / "galileo.sqlite").execute("SELECT ERROR, SENT > 0 FROM traces").fetchall()
    assert rows == [(reason, 1)] * 6
    assert done.code in (0, 90), done


@pytest.mark.quick
def test_a_port_that_refuses(run, tmp_path, port):
    done = run("load", f"http://127.0.0.1:{port}/", "-n", "20", "-r", "200", "--json", "r.json", "-q")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["failed"] == {"connect_refused": 20}, done
    assert result["verdict"]["value"] == "SUSPECT"
    assert "connection refused" in done.out and "is what you load started" in done.out
    assert done.code == 92, "as of any server that can't be reached"
    rows = sqlite3.connect(tmp_path / "galileo.sqlite").execute(
        "SELECT STATUS, SENT > 0, SERVER IS NULL FROM traces").fetchall()
    assert rows == [(-1, 1, 1)] * 20


def test_a_closed_loop_backs_off_from_a_dead_port(run, tmp_path, port):
    done = run("load", f"http://127.0.0.1:{port}/", "-c", "2", "-d", "1s", "--json", "r.json", "-q")
    assert 2 <= result_of(tmp_path / "r.json")["ledger"]["intended"] <= 40, done


@pytest.mark.quick
def test_a_host_that_does_not_resolve(run):
    done = run("load", "http://no-such-host.invalid/", "-n", "1", "-q")
    assert done.code == 92, done
    assert "no-such-host.invalid" in done.err and "resolve" in done.err
    assert len(done.err.strip().splitlines()) == 1, done


def test_an_idle_connection_closed_by_the_server_is_replaced_unseen(run, tmp_path):
    """Each connection serves one request and is closed a little later, while it is idle."""
    def handler(connection, _):
        if peers.read_request(connection) is None:
            return
        connection.sendall(peers.OK)
        time.sleep(0.02)

    with peers.serve(handler) as port:
        done = run("load", f"http://127.0.0.1:{port}/", "-n", "30", "-r", "20", "-t", "1", "--json", "r.json", "-q")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 30, done


def test_connections_that_are_all_busy_are_a_reason_of_their_own(run, tmp_path):
    with peers.serve(peers.stalling) as port:
        done = run("load", f"http://127.0.0.1:{port}/", "-n", "10", "-r", "100", "-c", "2", "--timeout", "600ms",
                   "--json", "r.json", "-q")
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["failed"].get("timeout", 0) >= 2, done
    assert ledger["not_sent"].get("no_connection", 0) > 0, done
    assert ledger["balanced"]
    assert done.code == 90


@pytest.mark.sanitize
def test_ctrl_c_keeps_and_reports_what_was_done(start, target, tmp_path):
    process = start("load", target(), "-r", "200", "-d", "60s", "--json", "r.json")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 105, err
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["balanced"]
    assert result["ledger"]["answered"] > 100
    assert result["experiment"]["status"] == "FINISHED"
    assert "ended by a signal" in out
    rows = sqlite3.connect(tmp_path / "galileo.sqlite").execute("SELECT count(*) FROM traces").fetchone()[0]
    assert rows == result["ledger"]["intended"]


def test_ctrl_c_does_not_wait_for_a_target_that_hangs(start, tmp_path):
    with peers.serve(peers.stalling) as port:
        process = start("load", f"http://127.0.0.1:{port}/", "-r", "50", "-d", "60s", "--json", "r.json", "-q")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - began < 15
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["in_flight_at_end"] > 0 and ledger["balanced"]


@pytest.mark.parametrize("database", ["galileo.sqlite", "none"])
def test_kill_9_loses_at_most_the_last_moments_and_exp_recovers_the_rest(start, run, target, tmp_path, database):
    url = target()
    process = start("load", url, "-r", "1000", "-d", "60s", "--db", database, "-q", "--no-telemetry")
    spools = lambda: list(tmp_path.glob("**/*.spool"))
    wait_for(lambda: any(path.is_file() for path in spools()), "the spool")
    time.sleep(2)
    process.kill()
    killed = time.time()
    process.wait()
    where = database if database != "none" else next(path for path in spools() if path.is_file())
    listed = run("exp", "ls", "--db", where, "--json")
    assert listed.code == 0, listed
    shown = run("exp", "export", "last", "--db", where, "--output", "out")
    assert shown.code == 0, shown
    created = sorted(float(line.split(",")[3]) for line in (tmp_path / "out/traces.csv").read_text().splitlines()[1:])
    assert len(created) > 1000
    # 100 ms, and what a busy machine may add before the signal arrives.
    assert killed - created[-1] < 0.5, "more than the last moments are missing"
    gaps = [b - a for a, b in zip(created, created[1:])]
    assert max(gaps) < 0.0015, "a hole in the middle"
    if database != "none":
        assert '"status": "FAILED"' in listed.out
        assert not spools() or not any(path.is_file() for path in spools())


def test_applications_die_with_a_run_that_is_killed(start, tmp_path, port):
    (tmp_path / "e.yaml").write_text(f"""
name: killed
applications: [{{name: app, command: [galileo, target, --listen, "127.0.0.1:{port}"], ready: "127.0.0.1:{port}"}}]
services: {{app: {{hosts: {{"127.0.0.1:{port}": 1}}}}}}
clients: [{{service: app, rate: 50, duration: 60s}}]
""")
    process = start("run", "e.yaml", "-q")
    wait_for(lambda: accepts(port), "the application")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not accepts(port), "the application to end")


@pytest.mark.quick
def test_places_that_cannot_be_written_are_said_before_anything_is_sent(run, target, tmp_path):
    url = target()
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "no.sqlite").write_text("this is no database, it is a text of some length\n" * 50)
    for arguments, word in ((["--db", "file/x.sqlite"], "file/x.sqlite"), (["--db", "no.sqlite"], "no.sqlite"),
                            (["--report", "file/r.html"], "file"), (["--db", "none", "--spool", "file/s"], "file")):
        done = run("load", url, "-n", "5", "-r", "100", "-q", *arguments)
        assert done.code == 1, (arguments, done)
        assert word in done.err and len(done.err.strip().splitlines()) == 1, done


def test_a_full_disk_is_told_and_what_fits_is_kept(run, target, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    if os.system(f"mount -t tmpfs -o size=2m tmpfs {full} 2>/dev/null") != 0:
        pytest.skip("a small file system can't be mounted here (not root, or no mount rights)")
    try:
        done = run("load", target(), "-r", "10k", "-n", "50k", "--db", "none", "--spool", full, "-q",
                   "--json", tmp_path / "r.json", "--no-telemetry", timeout=60)
        assert "No space left" in done.err + done.out, done
        assert done.code in (1, 90, 91), done
    finally:
        os.system(f"umount {full}")
