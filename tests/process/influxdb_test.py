"""InfluxDB as users have it: a real one that is killed, paused, cut off and of few rights, and a scripted one that gives
each answer there is. Nothing may be lost, nothing be there twice."""
import email.utils
import gzip
import http.server
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import SLOWER, free_port, result_of, wait_for

RUNS = int(os.environ.get("GALILEO_FAULT_RUNS", "3"))
EMPTY = b"name,tags,name,duration\n,,autogen,0s\n"  # of a bucket that has no such rows


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An InfluxDB that this file may kill."""
    from influxdb_server import InfluxDb
    made = InfluxDb(tmp_path_factory.mktemp("influxdb-own"))
    yield made
    made.stop()


def listed(run, url):
    return json.loads(run("exp", "ls", "--json", "--db", url).out)


def all_there(server, run, url, result):
    """The last run's traces are in the database, each once."""
    ledger = result["ledger"]
    assert ledger["balanced"] and ledger["traces"]["lost"] == 0, ledger
    found = server.request_ids(result["experiment"]["id"])
    assert len(found) == len(set(found)) == ledger["traces"]["made"]
    [row] = [row for row in listed(run, url) if row["id"] == result["experiment"]["id"]]
    assert row["traces"] == ledger["traces"]["made"] and row["status"] == "FINISHED"


@pytest.mark.databases
def test_an_experiment_is_recorded_listed_shown_reported_and_removed(run, target, influxdb, tmp_path):
    done = run("load", target(), "-r", "500", "-n", "900", "--clients", "3", "--db", influxdb.url, "--json", "r.json", "-q")
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    all_there(influxdb, run, influxdb.url, result)
    assert not list(tmp_path.glob("*.spool")), "it is in the database"
    exp = result["experiment"]["id"]
    assert "intended 900" in run("exp", "show", exp, "--db", influxdb.url).out
    assert run("exp", "report", exp, "--output", "r.html", "--db", influxdb.url).code == 0
    assert run("exp", "export", exp, "--output", "csv", "--format", "csv", "--db", influxdb.url).code == 0
    assert len((tmp_path / "csv/traces.csv").read_text().splitlines()) == 901
    series = influxdb.flux(f'import "influxdata/influxdb" influxdb.cardinality(bucket: "{exp}", start: 1970-01-01T00:00:00Z, '
                           'predicate: (r) => r._measurement == "traces")')
    assert int(series.split(",")[-1]) <= 3 * 12, "bounded by clients, not by requests"
    assert run("exp", "rm", exp, "--db", influxdb.url).code == 0
    assert exp not in [row["id"] for row in listed(run, influxdb.url)]
    assert exp not in influxdb.buckets()
    assert exp not in influxdb.flux('from(bucket: "galileo") |> range(start: 1970-01-01T00:00:00Z)')


@pytest.mark.databases
@pytest.mark.parametrize("attempt", range(RUNS))
def test_a_server_that_is_killed_and_comes_back_has_it_all(run, start, target, server, tmp_path, attempt):
    process = start("load", target(), "-r", "2000", "-d", "3s", "--db", server.url, "--json", "r.json", "-q")
    time.sleep(random.uniform(0.5, 2))  # any moment of the run
    server.kill()
    time.sleep(random.uniform(0, 0.5))
    server.start()
    assert process.wait(60 * SLOWER) in (0, 90), process.communicate()
    all_there(server, run, server.url, result_of(tmp_path / "r.json"))


@pytest.mark.databases
def test_a_server_that_stands_still_is_waited_for(run, start, target, server, tmp_path):
    process = start("load", target(), "-r", "2000", "-d", "4s", "--db", server.url + "?timeout_ms=500", "--json", "r.json", "-q")
    wait_for(lambda: len(server.buckets()) > 0, "the server")
    time.sleep(1)
    server.pause()
    time.sleep(2)
    server.resume()
    assert process.wait(60 * SLOWER) in (0, 90), process.communicate()
    all_there(server, run, server.url, result_of(tmp_path / "r.json"))


@pytest.mark.databases
@pytest.mark.parametrize("attempt", range(RUNS))
def test_a_run_that_is_killed_is_recovered_whole(run, start, target, server, tmp_path, attempt):
    process = start("load", target(), "-r", "3000", "-d", "20s", "--db", server.url, "-q")
    known = {row["id"] for row in listed(run, server.url)}
    time.sleep(random.uniform(0.8, 2.5))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    [spool] = tmp_path.glob("*.spool/*.spool")
    kept = tmp_path / "kept" / spool.name
    kept.parent.mkdir()
    kept.write_bytes(spool.read_bytes())
    [row] = [row for row in listed(run, server.url) if row["id"] not in known or row["status"] == "FAILED" and row["id"] == spool.stem]
    assert row["status"] == "FAILED" and not spool.exists()
    [in_spool] = listed(run, str(kept))
    found = server.request_ids(row["id"])
    assert len(found) == len(set(found)) == row["traces"] == in_spool["traces"] > 0


class Proxy:
    """Between us and the server; cuts each connection once `cut_after()` bytes have gone to the server."""

    def __init__(self, port, cut_after):
        self.server_port, self.cut_after, self.cuts = port, cut_after, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
            left = self.cut_after()
            try:
                while piece := client.recv(4096):
                    left -= len(piece)
                    if left < 0:
                        self.cuts += 1
                        break
                    server.sendall(piece)
            except OSError:
                pass
            for end in (client, server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    @staticmethod
    def copy(source, to):
        try:
            while piece := source.recv(65536):
                to.sendall(piece)
        except OSError:
            pass

    def close(self):
        self.listener.close()


@pytest.mark.databases
@pytest.mark.parametrize("attempt", range(RUNS))
def test_connections_that_are_cut_in_the_middle_of_a_batch_lose_nothing(run, target, server, tmp_path, attempt):
    chance = random.Random(attempt)
    proxy = Proxy(server.port, lambda: chance.randrange(5_000, 80_000))
    url = server.url.replace(f":{server.port}/", f":{proxy.port}/")
    done = run("load", target(), "-r", "3000", "-d", "2s", "--db", url, "--json", "r.json", "-q", timeout=60)
    assert done.ran, done
    wait_for(lambda: run("exp", "ls", "--db", url).code == 0 and not list(tmp_path.glob("*.spool/*.spool")), "what is left in the spool")
    proxy.close()
    assert proxy.cuts > 0
    result = result_of(tmp_path / "r.json")
    found = server.request_ids(result["experiment"]["id"])
    assert len(found) == len(set(found)) == result["ledger"]["traces"]["made"]


@pytest.mark.databases
def test_wrong_tokens_and_organisations_are_one_clear_error(run, influxdb, tmp_path):
    for url, said in ((influxdb.url.replace("only-for-tests", "wrong"), "unauthorized"),
                      (influxdb.url.replace("/lab", "/nobody"), "nobody")):
        for words in (("exp", "ls"), ("load", "http://127.0.0.1:1/", "-n", "1", "-q")):
            done = run(*words, "--db", url)
            assert done.code == 2 and said in done.err and "check the" in done.err, done
            assert len(done.err.strip().splitlines()) == 1 and "only-for-tests" not in done.err + done.out, done
    done = run("exp", "ls", "--db", f"influxdb://:x@127.0.0.1:{free_port()}/lab")
    assert done.code == 92 and "can't reach InfluxDB" in done.err, done


@pytest.mark.databases
def test_a_token_that_may_not_make_buckets_is_told_at_the_start_and_buckets_made_by_hand_are_used(run, target, server, tmp_path):
    token = server.token(("read", "buckets"))
    url = f"influxdb://:{token}@127.0.0.1:{server.port}/lab"
    application = target()
    if "galileo" in server.buckets():
        server.request("DELETE", "buckets/" + server.buckets()["galileo"]["id"])
    done = run("load", application, "-n", "1", "-q", "--db", url)
    assert done.code == 2, done
    assert "no right to make buckets" in done.err and "influx bucket create --name 'galileo' --org 'lab'" in done.err, done
    # Only these two may be written to. The experiment's name isn't known before, so all of it waits in the spool.
    made = server.json("buckets", {"name": "galileo", "orgID": server.organisation_id, "retentionRules": []})
    limited = server.json("authorizations", {"orgID": server.organisation_id, "permissions": [
        {"action": "read", "resource": {"type": "buckets", "orgID": server.organisation_id}},
        {"action": "write", "resource": {"type": "buckets", "orgID": server.organisation_id, "id": made["id"]}}]})["token"]
    url = f"influxdb://:{limited}@127.0.0.1:{server.port}/lab"
    done = run("load", application, "-n", "50", "-r", "500", "-q", "--db", url, "--json", "r.json")
    [spool] = tmp_path.glob("*.spool/*.spool")
    assert f"influx bucket create --name '{spool.stem}'" in done.err + done.out, done
    bucket = server.json("buckets", {"name": spool.stem, "orgID": server.organisation_id,
                                     "retentionRules": [{"type": "expire", "everySeconds": 86400}]})
    [row] = [row for row in listed(run, server.url) if row["id"] == spool.stem]
    assert row["traces"] == 50 and not spool.exists()
    assert server.buckets()[spool.stem]["retentionRules"] == bucket["retentionRules"], "left as it was"


class Scripted(http.server.ThreadingHTTPServer):
    """An InfluxDB whose answers to writes are a script's; keeps the lines that it took."""

    daemon_threads = True

    def __init__(self, script=(), buckets=True, certificate=None):
        self.script, self.buckets = list(script), buckets
        self.positions, self.connections = {}, 0
        self.points, self.writes, self.others, self.times = set(), [], [], []
        super().__init__(("127.0.0.1", 0), Answering)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, more=""):
        return f"influxdb://:t@127.0.0.1:{self.server_address[1]}/lab{more}"

    def of(self, measurement):
        return [point for point in self.points if point[1].startswith(measurement + ",")]


class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer, which goes out in two pieces, takes 40 ms

    def log_message(self, *_):
        pass

    def setup(self):
        self.server.connections += 1
        super().setup()

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.others.append(self.path)
        if not self.server.buckets:
            return self.answer(404, b"404 page not found")
        self.answer(200, b'{"buckets": [{"id": "1", "name": "galileo", "createdAt": "2026-01-01T00:00:00Z"}]}')

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        address = urlsplit(self.path)
        if address.path != "/api/v2/write":
            self.server.others.append(self.path)
            return self.answer(200, self.told(parse_qs(address.query), parse_qs(body.decode())["q"][0])) if self.server.buckets else self.answer(404, b"404 page not found")
        assert self.headers["Content-Encoding"] == "gzip" and self.headers["Authorization"] == "Token t"
        query = parse_qs(address.query)
        assert query["precision"] == ["ns"] and query["org"] == ["lab"]
        lines = gzip.decompress(body).decode().splitlines()  # no texts with line ends in these tests
        self.server.writes.append(len(lines))
        self.server.times.append(time.monotonic())
        step = self.server.script.pop(0) if self.server.script else None
        if step:
            return step(self, lines)
        self.take(query["bucket"][0], lines)

    def told(self, query, question):
        """What is asked of it in these tests: how many rows there are, and how far the spool is."""
        asked = re.match(r"SELECT (?:count\((\w+)\)|(position)) FROM (\w+)( WHERE [^;]*)?", question)
        bucket = query.get("db", [""])[0]
        if asked and asked[2]:
            position = self.server.positions.get(asked[4].split("'")[1])
            return EMPTY if position is None else f"name,tags,time,position\nspool_position,,0,{position}\n\n".encode() + EMPTY
        if asked and asked[1] in ("request_id", "value") and not asked[4]:
            rows = sum(point[0] == bucket and point[1].startswith(asked[3] + ",") for point in self.server.points)
            return f"name,tags,time,count\n{asked[3]},,0,{rows}\n\n".encode() + EMPTY
        return EMPTY

    def take(self, bucket, lines):
        for line in lines:
            if position := re.match(r"spool_position,exp_id=(\S+) position=(\d+)i", line):
                self.server.positions[position[1]] = int(position[2])
            key, _, when = line.rpartition(" ")
            self.server.points.add((bucket, key.split(" ", 1)[0], when))
        self.answer(204)


@pytest.fixture
def scripted():
    made = []

    def call(*arguments, **options):
        made.append(Scripted(*arguments, **options))
        return made[-1]
    yield call
    for one in made:
        one.shutdown()
        one.server_close()


def failing(status, message="no", **headers):
    def step(handler, _):
        handler.answer(status, json.dumps({"code": "x", "message": message}).encode(), **headers)
    return step


def silent(handler, _):
    time.sleep(1.5)
    handler.close_connection = True


def date_header(handler, _):
    handler.answer(503, b"down", Retry_After=email.utils.formatdate(time.time() + 2, usegmt=True))


@pytest.mark.parametrize("script", [
    [failing(503), failing(503)],
    [failing(500, "engine: cache maximum memory size exceeded")],
    [failing(502), failing(504)],
    [failing(429, Retry_After="1")],
    [date_header],
    [failing(413), failing(413)],
    [silent],
    [failing(400, "unreadable")],
    [failing(422, "partial write: x dropped=1")],
], ids=["503", "500", "502-504", "429", "503-date", "413", "silent", "400", "422"])
def test_each_trouble_of_a_server_passes_without_a_loss(run, target, scripted, tmp_path, script):
    server = scripted(script)
    done = run("load", target(), "-r", "400", "-n", "400", "--db", server.url("?timeout_ms=1000"), "--json", "r.json", "-q", timeout=60)
    assert done.ran, done
    ledger = result_of(tmp_path / "r.json")["ledger"]
    assert ledger["traces"] == {"made": 400, "stored": 400, "spooled": 0, "lost": 0}, done
    assert len(server.of("traces")) == 400
    assert not server.script


def test_connections_are_kept_and_one_that_turns_out_closed_is_replaced_unseen(run, target, scripted):
    def closing(handler, lines):
        handler.take(parse_qs(urlsplit(handler.path).query)["bucket"][0], lines)
        handler.close_connection = True  # without having said so

    for script, closed in (([], 0), ([closing] * 3, 3)):
        server = scripted(script)
        done = run("load", target(), "-r", "400", "-n", "400", "--db", server.url(), "-q")
        assert done.ran and "InfluxDB" not in done.err, done
        assert len(server.of("traces")) == 400 and not server.script
        requests = len(server.writes) + len(server.others)
        assert server.connections - closed <= requests / 2, (server.connections, requests)


def test_it_is_found_by_its_name_and_a_name_that_leads_nowhere_is_told(run, target, scripted):
    server = scripted()
    assert run("load", target(), "-r", "400", "-n", "100", "-q", "--db", server.url().replace("127.0.0.1", "localhost")).ran
    assert len(server.of("traces")) == 100
    done = run("exp", "ls", "--db", "influxdb://:t@nowhere.invalid/lab")
    assert done.code == 92 and "its name can't be resolved" in done.err and len(done.err.strip().splitlines()) == 1, done


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_its_time(run):
    with socket.create_server(("127.0.0.1", 0)) as silent_one:
        done = run("exp", "ls", "--db", f"influxdb://:t@127.0.0.1:{silent_one.getsockname()[1]}/lab?timeout_ms=300")
    assert done.code == 92 and "no answer within 300ms" in done.err, done


def test_it_speaks_tls_and_knows_whom_it_speaks_with(run, target, scripted, tmp_path):
    for name, host in (("ours", "IP:127.0.0.1"), ("other", "DNS:elsewhere")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt",
                        "-subj", f"/CN={name}", "-addext", f"subjectAltName={host}", "-days", "2"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
        (tmp_path / f"{name}.pem").write_text((tmp_path / f"{name}.crt").read_text() + (tmp_path / f"{name}.key").read_text())
    server, plain = scripted(certificate=tmp_path / "ours.pem"), scripted()
    assert run("load", target(), "-r", "400", "-n", "200", "-q", "--db", server.url("?tls=yes&ca=ours.crt")).ran
    assert len(server.of("traces")) == 200
    elsewhere = scripted(certificate=tmp_path / "other.pem")
    for url, code, told in ((server.url("?tls=yes"), 92, "certificate verify failed"), (server.url("?tls=yes&ca=other.crt"), 92, "certificate verify failed"),
                            (elsewhere.url("?tls=yes&ca=other.crt"), 92, "mismatch"), (plain.url("?tls=yes"), 92, "doesn't speak TLS"),
                            (server.url("?tls=yes&ca=gone.crt"), 2, "gone.crt"), (server.url(), 92, "closed|reset")):
        done = run("exp", "ls", "--db", url)
        assert done.code == code and re.search(told, done.err) and len(done.err.strip().splitlines()) == 1, (url, done)


@pytest.mark.parametrize("step", [failing(429, Retry_After="2"), date_header], ids=["seconds", "date"])
def test_a_server_that_asks_to_wait_is_not_asked_before(run, target, scripted, step):
    server = scripted([step])
    assert run("load", target(), "-r", "400", "-n", "100", "--db", server.url(), "-q", timeout=60).ran
    assert server.times[1] - server.times[0] >= 1, "a date is in whole seconds"


def test_a_row_that_is_refused_is_told_and_counted_and_the_rest_is_stored(run, target, scripted, tmp_path):
    def refusing(handler, lines):
        bad = next((line for line in lines if line.startswith("traces,") and 'request_id="' in line), None)
        if bad is None:
            handler.server.script.insert(0, refusing)
            return handler.take(parse_qs(urlsplit(handler.path).query)["bucket"][0], lines)
        handler.answer(400, json.dumps({"code": "invalid", "message": f"unable to parse '{bad}': too odd"}).encode())

    server = scripted([refusing])
    done = run("load", target(), "-r", "400", "-n", "200", "--db", server.url(), "--json", "r.json", "-q")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["traces"] == {"made": 200, "stored": 199, "spooled": 0, "lost": 1}, done
    assert "refused a row for good" in done.err and "too odd" in done.err, done
    assert any("refused 1 traces" in note for note in result["notes"]), result["notes"]
    assert any("1 traces were lost" in reason for reason in result["verdict"]["reasons"]), result["verdict"]
    assert len(server.of("traces")) == 199 and len(server.of("refused")) == 1


def test_servers_that_only_take_lines_are_written_to(run, target, scripted, tmp_path):
    """As InfluxDB 3 and VictoriaMetrics are."""
    server = scripted(buckets=False)
    done = run("load", target(), "-r", "400", "-n", "200", "--db", server.url("?buckets=no"), "--json", "r.json", "-q")
    assert done.ran, done
    assert result_of(tmp_path / "r.json")["ledger"]["traces"]["stored"] == 200
    assert len(server.of("traces")) == 200 and server.of("experiments")
    assert server.others == [], "nothing else is asked"
    done = run("exp", "show", "last", "--db", server.url("?buckets=no"))
    assert done.code == 2 and "only written to" in done.err, done


def test_a_server_that_only_takes_lines(run, target, tmp_path_factory, tmp_path):
    from victoria_metrics_server import VictoriaMetrics
    try:
        server = VictoriaMetrics(tmp_path_factory.mktemp("victoria-metrics"))
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"VictoriaMetrics can't be had: {error}")
    try:
        # One after the other, so that no two are of one millisecond: it may show one of those.
        done = run("load", target("--delay", "3ms"), "-c", "1", "-n", "500", "-q", "--db", server.url, "--json", "r.json")
        assert done.code in (0, 90), done
        ledger = result_of(tmp_path / "r.json")["ledger"]
        assert ledger["balanced"] and ledger["traces"]["stored"] == 500, ledger
        # What it has taken shows a little later.
        wait_for(lambda: len(server.values("traces_done")) == 500, lambda: f"500 traces, of which it shows {len(server.values('traces_done'))}", 15)
        assert sorted(server.values("traces_status")) == [200] * 500
        assert len(server.values("telemetry_value")) > 0
        # What was written is all that it knows of; reading says so.
        read = run("exp", "ls", "--db", server.url)
        assert read.code == 2 and "buckets=no" in read.err, read
    finally:
        server.stop()
