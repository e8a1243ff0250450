"""Load over TLS: `galileo load https://...`, experiments and routes with hosts of https, against nginx, and against
servers that nginx can't be."""
import contextlib
import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
import threading

import pytest
from conftest import accepts, free_port, result_of, strip_colour, wait_for
from peers import OK
from raw_server import RawServer, read_request
from tls_files import Authority, self_signed

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
  {paths}
  log_format told '{{"name": "$ssl_server_name", "protocol": "$ssl_protocol", "resumed": "$ssl_session_reused", "host": "$http_host",'
                  ' "client": "$ssl_client_s_dn", "offered": "$ssl_alpn_protocol", "port": "$server_port"}}';
  access_log {folder}/access.log told;
  server {{
    listen 127.0.0.1:{port} ssl; listen 127.0.0.1:{plain}; server_name localhost;
    ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; {more}
    location / {{ return 200 "ok"; }}
    location /there {{ return 302 https://localhost:{port}/; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def ours(authority):
    return authority.sign("localhost")


class Nginx:
    def __init__(self, folder, pair, more=""):
        self.folder, self.port, self.plain = folder, free_port(), free_port()
        paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, paths=paths, port=self.port, plain=self.plain,
                                                        certificate=pair[0], key=pair[1], more=more))
        self.process = subprocess.Popen(["nginx", "-e", folder / "nginx.log", "-c", folder / "nginx.conf"])
        wait_for(lambda: accepts(self.port), "nginx to listen")
        self.url = f"https://localhost:{self.port}/"

    def told(self):
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def nginx(tmp_path_factory):
    """nginx((certificate, key), "more of its configuration")"""
    running = []

    def call(pair, more=""):
        running.append(Nginx(tmp_path_factory.mktemp("nginx"), pair, more))
        return running[-1]
    yield call
    for one in running:
        one.stop()


class TlsServer(RawServer):
    """A RawServer over TLS; who can't be agreed with is left."""

    def __init__(self, pair, answer=lambda request, connection: OK, client_authority=None, version=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        if client_authority:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_authority)
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        super().__init__(answer)

    def serve(self, connection):
        with contextlib.suppress(OSError), connection, self.context.wrap_socket(connection, server_side=True) as secure:
            while (request := read_request(secure)) is not None:
                self.requests.append(request)
                answer = self.answer(request, secure)
                if answer is None:
                    return
                secure.sendall(answer)

    @property
    def url(self):
        return f"https://localhost:{self.address.split(':')[1]}/"


@pytest.fixture
def serve():
    servers = []

    def call(*arguments, **named):
        servers.append(TlsServer(*arguments, **named))
        return servers[-1]
    yield call
    for server in servers:
        server.close()


def rows(tmp_path, sql):
    with contextlib.closing(sqlite3.connect(tmp_path / "galileo.sqlite")) as database:
        return database.execute(sql).fetchall()


@pytest.mark.quick
@pytest.mark.sanitize
def test_a_server_is_loaded_over_tls_and_its_certificate_is_looked_at(run, nginx, authority, ours, tmp_path):
    server = nginx(ours)
    done = run("load", server.url, "--cacert", authority.file, "-c", 4, "-n", 200, "--json", "r.json")
    assert done.ran, done
    result = result_of(tmp_path / "r.json")
    assert (result["ledger"]["answered"], result["ledger"]["balanced"]) == (200, True), done
    assert result["generator"]["tls"] == {"handshakes": 4, "resumed": 0, "unverified": 0, "crl_checked": 0}
    assert not any("not verified" in note for note in result["notes"])
    assert "4 handshakes, 0 of them resumed; certificates verified" in strip_colour(done.err + done.out)
    assert {(one["name"], one["protocol"], one["host"], one["offered"]) for one in server.told()} == {
        ("localhost", "TLSv1.3", f"localhost:{server.port}", "http/1.1")}
    # The handshake is in the trace of the request that it was made for.
    assert rows(tmp_path, "SELECT count(*), count(HANDSHAKE), min(HANDSHAKE) > 0, max(HANDSHAKE) < 10 FROM traces") == [(200, 4, 1, 1)]
    assert rows(tmp_path, "SELECT DISTINCT SERVER FROM traces") == [(f"https://localhost:{server.port}",)]


@pytest.mark.quick
def test_a_certificate_that_nobody_knows_is_refused_unless_any_is_taken(run, nginx, ours, tmp_path):
    server = nginx(ours)
    refused = run("load", server.url, "-n", 5, "-c", 1, "--json", "r.json")
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["failed"] == {"tls_untrusted": 5} and result["ledger"]["retried"] == 0, refused
    assert any("unable to get local issuer certificate" in note for note in result["notes"]), result["notes"]
    assert server.told() == []
    taken = run("load", server.url, "-n", 5, "-c", 1, "-k", "--json", "r.json", "--report", "r.html")
    assert taken.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 5, taken
    said = "certificates were not verified"
    assert said in taken.err + taken.out and said in (tmp_path / "r.html").read_text()


def test_what_is_wrong_with_a_server_is_told_by_name(run, serve, nginx, authority, ours, tmp_path):
    expired = serve(authority.sign("expired", days=-1))
    other = serve(authority.sign("other", says="DNS:elsewhere.lab"))
    alone = serve(self_signed(tmp_path))
    good = serve(ours)
    plain = nginx(ours).plain
    old = serve(ours, version=ssl.TLSVersion.TLSv1_2)
    silent = socket.create_server(("127.0.0.1", 0))
    (tmp_path / "only13.yaml").write_text(f"""
name: least version
services: {{a: {{hosts: "{old.url.rstrip('/')}"}}}}
clients: [{{service: a, closed_loop: {{connections: 1}}, requests: 2, request: {{verify: {authority.file}, tls: {{min_version: 1.3}}}}}}]
""")
    load = lambda url: ["load", url, "--cacert", authority.file, "-n", 2, "-c", 1, "--connect-timeout", "300ms"]
    for command, why, text in ((load(expired.url), "tls_expired", "certificate has expired"),
                               (load(other.url), "tls_other_name", "hostname mismatch"),
                               (load(alone.url), "tls_self_signed", "self-signed"),
                               (load(good.url.replace("localhost", "127.0.0.1")), None, ""),
                               (load(f"https://localhost:{plain}/"), "not_tls", "doesn't speak TLS"),
                               (load(f"https://127.0.0.1:{silent.getsockname()[1]}/"), "connect_timeout", ""),
                               (["run", "only13.yaml"], "tls_alert", "protocol version")):
        done = run(*command, "--json", "r.json")
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["failed"] == ({why: 2} if why else {}) and result["ledger"]["balanced"], (why, done)
        assert (why or "errors none") in done.err + done.out and any(text in note for note in ["", *result["notes"]]), (why, done)
    silent.close()


def test_a_revoked_certificate_is_refused_where_a_list_says_so(run, nginx, authority, ours, tmp_path):
    gone = authority.sign("gone")
    revoked, late = authority.revoked(gone[0]), tmp_path / "late.crl"
    servers = {"gone": nginx(gone), "good": nginx(ours)}
    late.write_bytes(authority.revoked(old=True).read_bytes())
    authority.revoked(gone[0])
    for server, crl, failed, told, said in (
            ("good", None, {}, 0, "certificates verified, revocation not looked at"), ("gone", None, {}, 0, "revocation not looked at"),
            ("good", revoked, {}, 1, "certificates verified, none of them revoked"),
            ("gone", revoked, {"tls_revoked": 2}, 0, "certificate revoked"),
            # A list that is out of date says nothing, and so nobody is believed.
            ("good", late, {"tls_failed": 2}, 0, "CRL has expired")):
        more = ["--crlfile", crl] if crl else []
        done = run("load", servers[server].url, "--cacert", authority.file, *more, "-n", 2, "-c", 1, "--json", "r.json")
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["failed"] == failed and result["ledger"]["balanced"], (server, crl, done)
        assert result["generator"].get("tls", {}).get("crl_checked", 0) == told, (server, crl, result["generator"])
        assert said in strip_colour(done.err + done.out) + " ".join(result["notes"]), (said, done)
    for crl, said in ((tmp_path / "none.pem", "none.pem"), (ours[0], "can't use the list of revoked certificates")):
        wrong = run("load", servers["good"].url, "--cacert", authority.file, "--crlfile", crl, "-n", 1)
        assert wrong.code == 2 and said in wrong.err, wrong
    both = run("load", servers["good"].url, "-k", "--crlfile", revoked, "-n", 1)
    assert both.code == 2 and "--insecure and --crlfile can't both be given" in both.err, both


def test_connections_resume_what_earlier_ones_agreed_on(run, nginx, authority, ours, tmp_path):
    server = nginx(ours, "keepalive_timeout 0;")
    (tmp_path / "f.yaml").write_text(f"""
name: resumed
services: {{a: {{hosts: {{"{server.url.rstrip('/')}": 1}}}}}}
limits: {{threads: 1}}
clients: [{{service: a, closed_loop: {{connections: 2}}, requests: 200, request: {{verify: {authority.file}, tls: {{resume: "${{resume}}"}}}}}}]
""")
    for resume in ("yes", "no"):
        done = run("run", "f.yaml", "--json", "r.json", env={"resume": resume})
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["answered"] == 200, done
        by_server = sum(one["resumed"] == "r" for one in server.told()[-200:])
        assert by_server >= 198 if resume == "yes" else by_server == 0
        assert result["generator"]["tls"] == {"handshakes": 200, "resumed": by_server, "unverified": 0, "crl_checked": 0}, result["generator"]


def test_a_client_shows_its_certificate_and_a_refusal_is_told_with_the_servers_word(run, nginx, serve, authority, ours, tmp_path):
    certificate, key = authority.sign("one of us")
    server = nginx(ours, f"ssl_verify_client on; ssl_client_certificate {authority.file};")
    trusted = ["--cacert", authority.file, "-c", 1, "-n", 3, "--json", "r.json"]
    shown = run("load", server.url, "--cert", certificate, "--key", key, *trusted)
    assert shown.ran and result_of(tmp_path / "r.json")["ledger"]["answered"] == 3, shown
    assert {one["client"] for one in server.told()} == {"CN=one of us"}
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    assert run("load", server.url, "--cert", both, *trusted).ran
    # With TLS 1.3 a server looks at it when the handshake is over for us: no connection that merely ended, so nothing is sent again.
    strict = serve(ours, client_authority=authority.file)
    refused = run("load", strict.url, *trusted)
    result = result_of(tmp_path / "r.json")
    assert result["ledger"]["failed"] == {"tls_alert": 3} and result["ledger"]["retried"] == 0, refused
    assert any("alert certificate required (said by the server)" in note for note in result["notes"]), result["notes"]
    assert strict.connections == 3 and strict.requests == []
    for arguments, said in ((["--cert", tmp_path / "none.pem"], "none.pem"), (["--cert", certificate], "can't use the certificate's key"),
                            (["--cert", certificate, "--key", ours[1]], "it isn't the key of")):
        wrong = run("load", server.url, *arguments, *trusted)
        assert wrong.code == 2 and said in wrong.err, wrong


def test_ends_without_a_goodbye_are_what_they_are(run, serve, authority, ours, tmp_path):
    """An idle connection's is no failure; a body that only it would end isn't whole."""
    def leave(request, connection):
        head = b"HTTP/1.1 200 OK\r\n\r\nall of it" if request.line.split()[1] == "/until_close" else OK
        connection.sendall(head)
        if request.line.split()[1] == "/goodbye":
            connection.unwrap()
        return None
    server = serve(ours, leave)
    for path, answered in (("idle", 5), ("until_close", 0)):
        done = run("load", server.url + path, "--cacert", authority.file, "-n", 5, "-r", "50", "--json", "r.json")
        ledger = result_of(tmp_path / "r.json")["ledger"]
        assert ledger["answered"] == answered and ledger["failed"] == ({} if answered else {"closed": 5}), done


def test_redirects_lead_to_tls_and_hosts_of_both_kinds_share_a_service(run, nginx, authority, ours, tmp_path):
    server = nginx(ours)
    done = run("load", f"http://localhost:{server.plain}/there", "--redirects", 1, "--cacert", authority.file, "-n", 4, "-c", 1, "--json", "r.json")
    assert result_of(tmp_path / "r.json")["ledger"]["answered"] == 4, done
    assert [one["port"] for one in server.told()] == [str(server.plain), str(server.port)] * 4
    (tmp_path / "f.yaml").write_text(f"""
name: both
services: {{a: {{hosts: ["{server.url.rstrip('/')}", "localhost:{server.plain}"]}}}}
clients: [{{service: a, closed_loop: {{}}, requests: 10, request: {{verify: {authority.file}}}}}]
""")
    done = run("run", "f.yaml", "--json", "r.json")
    assert result_of(tmp_path / "r.json")["ledger"]["answered"] == 10, done
    assert {one["port"] for one in server.told()[-10:]} == {str(server.plain), str(server.port)}
    # `--cacert <(command)` of a shell is a pipe; signals are taken by the time it is read, so that nothing could end the wait for it.
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "f.yaml").write_text((tmp_path / "f.yaml").read_text().replace(str(authority.file), "pipe"))
    pipe = run("run", "f.yaml")
    assert pipe.code == 2 and "can't use the CA file, pipe: it is a pipe" in pipe.err, pipe
    (tmp_path / "f.yaml").write_text((tmp_path / "f.yaml").read_text().replace("pipe", "none.pem"))
    missing = run("run", "f.yaml")
    assert missing.code == 2 and "can't use the CA file" in missing.err and "none.pem" in missing.err, missing


def test_workers_of_a_fleet_speak_tls_with_the_files_that_they_have(run, start, redis, nginx, authority, ours, tmp_path):
    server, bus = nginx(ours), redis()
    start("worker", "--name", "w1", "--bus", bus.url, "--traces", "redis", "--spool", tmp_path)
    wait_for(lambda: bus("GET", "galileo:worker:w1:heartbeat") and bus("SISMEMBER", "galileo:workers", "w1"), "the worker")
    (tmp_path / "f.yaml").write_text(f"""
name: fleet
services: {{a: {{hosts: "{server.url.rstrip('/')}"}}}}
clients: [{{service: a, closed_loop: {{}}, requests: 10, request: {{verify: "${{verify}}"}}}}]
""")
    for verify, answered in ((str(authority.file), 10), ("no", 10)):
        done = run("run", "f.yaml", "--bus", bus.url, "--json", "r.json", env={"verify": verify}, timeout=60)
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["answered"] == answered, done
        assert result["generator"]["tls"] == {"handshakes": 1, "resumed": 0, "unverified": int(verify == "no"), "crl_checked": 0}
        assert any("not verified" in note for note in result["notes"]) == (verify == "no")
    assert rows(tmp_path, "SELECT count(HANDSHAKE) > 0 FROM traces") == [(1,)]
    # Why it failed is told as on one machine, with the worker's name.
    run("run", "f.yaml", "--bus", bus.url, "--json", "r.json", env={"verify": "yes"}, timeout=60)
    assert any(re.fullmatch(r"tls_\w+, the first time: .* \(worker w1\)", note) for note in result_of(tmp_path / "r.json")["notes"])
    missing = run("run", "f.yaml", "--bus", bus.url, env={"verify": "/not/on/the/worker.pem"}, timeout=60)
    assert missing.code != 0 and "can't use the CA file" in missing.err and "/not/on/the/worker.pem" in missing.err, missing
