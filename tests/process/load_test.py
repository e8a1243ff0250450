"""`galileo load` against a target that behaves."""
import json
import sqlite3

import peers
import pytest
from conftest import result_of, strip_colour


@pytest.mark.quick
@pytest.mark.sanitize
def test_open_loop_sends_exactly_the_requests_and_the_books_balance(run, target, tmp_path):
    done = run("load", target(), "-r", "500", "-n", "1000", "--json", "r.json", "-q")
    assert done.ran, done
    assert done.out.startswith("verdict "), done
    result = result_of(tmp_path / "r.json")
    assert result["mode"] == "open"
    assert result["ledger"]["intended"] == result["ledger"]["answered"] == 1000
    assert result["ledger"]["balanced"]
    assert result["ledger"]["traces"]["stored"] == 1000
    assert abs(result["rate"]["offered_rps"] - 500) < 1
    rows = sqlite3.connect(tmp_path / "galileo.sqlite").execute(
        "SELECT count(*), count(DISTINCT REQUEST_ID), min(STATUS), max(STATUS), min(DONE - CREATED) "
        "FROM traces").fetchone()
    assert rows[:4] == (1000, 1000, 200, 200)
    assert rows[4] > 0
    assert not list(tmp_path.glob("*.spool*/*")), "a drained spool is deleted"


@pytest.mark.quick
@pytest.mark.sanitize
def test_closed_loop_is_labelled_and_has_no_intended_times(run, target, tmp_path):
    done = run("load", target(), "-c", "5", "-n", "2k", "--json", "r.json", "-q")
    assert done.ran, done
    assert "closed loop" in done.out
    result = result_of(tmp_path / "r.json")
    assert result["mode"] == "closed"
    assert result["ledger"]["answered"] == 2000
    assert result["dispatch_error_s"]["count"] == 0
    database = sqlite3.connect(tmp_path / "galileo.sqlite")
    assert database.execute("SELECT count(*) FROM traces WHERE INTENDED IS NOT NULL").fetchone() == (0,)


def test_clients_that_share_a_rate_are_due_one_after_the_other_not_in_bursts(run, target, tmp_path):
    for threads in (1, 4):
        done = run("load", target(), "-r", "200", "--clients", "20", "-d", "500ms", "-t", threads, "-q",
                   "--db", f"t{threads}.sqlite")
        assert done.ran, done
        due = [row[0] for row in sqlite3.connect(tmp_path / f"t{threads}.sqlite").execute(
            "SELECT INTENDED FROM traces ORDER BY INTENDED")]
        assert len(due) == 100  # the first is due 5 ms after the start, the last at its end
        assert all(abs(later - sooner - 0.005) < 2e-6 for sooner, later in zip(due, due[1:]))


def test_the_schedule_of_a_seed_is_the_same_for_any_number_of_threads(run, target, tmp_path):
    url = target()
    seen = []
    for threads in (1, 2, 3):
        database = f"t{threads}.sqlite"
        done = run("load", url, "--arrival", "expovariate(400)", "-n", "400", "--seed", "11",
                   "-t", threads, "--db", database, "-q")
        assert done.ran, done
        rows = sqlite3.connect(tmp_path / database).execute(
            "SELECT REQUEST_ID, CREATED FROM traces").fetchall()
        rows.sort(key=lambda row: int(row[0].split(":")[1]))
        first = rows[0][1]
        # Stored as doubles of Unix time: a quarter of a microsecond is what they can tell.
        seen.append([(name, round((created - first) * 1e6)) for name, created in rows])
    for other in seen[1:]:
        assert [name for name, _ in other] == [name for name, _ in seen[0]]
        assert max(abs(a[1] - b[1]) for a, b in zip(other, seen[0])) <= 1


def test_a_slow_target_shows_in_the_latency_from_the_intention(run, target, tmp_path):
    """One connection, 50 ms an answer, 40 requests/s: the queue grows, and so must the latency."""
    done = run("load", target("--delay", "50ms"), "-r", "40", "-n", "60", "-c", "1", "--json", "r.json", "-q")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["answered"] == 60, done
    assert result["service_time_s"]["p50"] < 0.1
    assert result["latency_s"]["max"] > 1.0
    assert result["dispatch_error_s"]["max"] > 1.0
    assert result["verdict"]["value"] == "INVALID"
    assert done.code == 90


@pytest.mark.quick
def test_rates_counts_and_durations_take_the_spellings_people_know(run, target, tmp_path):
    url = target()
    for arguments in (["-r", "50/1s", "-d", "1"], ["--rate", "6k/m", "-z", "500ms"], ["-r", "0.1k", "--duration", "1s"]):
        done = run("load", url, *arguments, "--json", "r.json", "-q", "--db", "none")
        assert done.ran, done
        assert result_of(tmp_path / "r.json")["ledger"]["answered"] > 0


def test_db_none_keeps_the_spool_which_exp_reads(run, target, tmp_path):
    done = run("load", target(), "-r", "200", "-n", "100", "--db", "none", "-q")
    assert done.ran, done
    assert "spooled 100" in done.out
    spool, = tmp_path.glob("*.spool")
    shown = run("exp", "show", "last", "--db", spool, "--json")
    assert json.loads(shown.out)["ledger"]["answered"] == 100
    assert not (tmp_path / "galileo.sqlite").exists()


def test_headers_body_and_method_arrive_as_given(run, tmp_path):
    seen = []

    def handler(connection, _):
        head = peers.read_request(connection)
        seen.append(head)
        connection.sendall(peers.OK)
        peers.read_request(connection)

    with peers.serve(handler) as port:
        done = run("load", f"http://127.0.0.1:{port}/a%20b?x=1", "-n", "1", "-r", "10", "-m", "put",
                   "-H", "X-One: 1", "-H", "Host: example", "-b", "body text", "-q", "--db", "none")
    assert done.ran, done
    head, body = seen[0].split(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "PUT /a%20b?x=1 HTTP/1.1"
    assert "X-One: 1" in lines and "Host: example" in lines and "Content-Length: 9" in lines
    assert body == b"body text"


def test_redirects_are_followed_only_when_asked(run, tmp_path):
    def handler(connection, _):
        while (head := peers.read_request(connection)) is not None:
            if head.startswith(b"GET /old"):
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n")
            else:
                connection.sendall(peers.OK)

    with peers.serve(handler) as port:
        url = f"http://127.0.0.1:{port}/old"
        run("load", url, "-n", "3", "-r", "100", "--json", "no.json", "-q", "--db", "none")
        run("load", url, "-n", "3", "-r", "100", "--redirects", "5", "--json", "yes.json", "-q", "--db", "none")
    assert result_of(tmp_path / "no.json")["status_codes"] == {"302": 3}
    assert result_of(tmp_path / "yes.json")["status_codes"] == {"200": 3}


@pytest.mark.quick
def test_the_summary_has_its_parts_in_order(run, target):
    done = run("load", target(), "-r", "200", "-n", "100", "-q", "--threshold", "p90(latency) < 10s")
    text = strip_colour(done.out)
    parts = ["verdict", "experiment", "thresholds", "\nlatency  ", "\n  all (100)  ", "\nservice time  ", "\nscheduling delay  ", "rate offered",
             "errors none", "ledger intended 100", "\ngenerator", "database"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places), done


def test_a_crossed_threshold_ends_with_99(run, target):
    done = run("load", target("--delay", "20ms"), "-r", "50", "-n", "20", "-q", "--threshold", "p50(latency) < 1ms")
    assert done.code == 99, done
    assert "✗" in done.out


def test_progress_is_one_line_a_second_without_a_terminal_and_nothing_when_quiet(run, target):
    url = target()
    done = run("load", url, "-r", "100", "-d", "2500ms", "--db", "none")
    lines = [line for line in done.err.splitlines() if "offered" in line]
    assert 2 <= len(lines) <= 4, done
    assert run("load", url, "-r", "100", "-n", "10", "--db", "none", "-q").err == ""


def test_a_body_without_an_end_of_its_own_and_connection_close(run, tmp_path):
    answer = b"HTTP/1.1 200 OK\r\n\r\nall of it"
    with peers.serve(peers.answering(answer, close=True)) as port:
        done = run("load", f"http://127.0.0.1:{port}/", "-n", "20", "-r", "200", "--json", "r.json", "-q", "--db", "none")
    assert result_of(tmp_path / "r.json")["ledger"]["answered"] == 20, done
