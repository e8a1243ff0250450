"""What one request of a client app says of itself: its time-out, whether it is redirected, what counts as a success, who asks, which
cookies are kept, and how TLS is spoken."""
import sqlite3
import ssl
import time

import pytest
from conftest import result_of
from peers import OK
from raw_server import RawServer
from tls_files import self_signed

GENERATOR = """
todo = {requests}
def next_request():
    if not todo: raise StopIteration
    return todo.pop(0)
"""
CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n{number}", qop="auth"\r\n'


def head(status, more=""):
    return f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\n\r\n".encode()


@pytest.fixture
def server():
    """Answers by the path: /moved, /slow, /absent, /cookie, /guarded."""
    def answer(request, _):
        path = request.line.split()[1]
        if path == "/slow":
            time.sleep(1)
        if path == "/guarded" and not request.all("authorization"):
            return head(401, CHALLENGE.format(number=len(made.requests)))
        return {"/moved": head(302, "Location: /%7Eelse\r\n"), "/absent": head(404), "/cookie": head(200, "Set-Cookie: a=b\r\n")}.get(path, OK)
    made = RawServer(answer)
    yield made
    made.close()


@pytest.fixture
def load(run, tmp_path):
    """load(url, requests, ...): one client's requests in turn, a line of Python each; the failures by their traces."""
    def call(url, requests, *more, generator=GENERATOR, **options):
        (tmp_path / "app").mkdir(exist_ok=True)
        (tmp_path / "app/manifest.yml").write_text("name: app\n")
        (tmp_path / "app/generator.py").write_text(generator.replace("{requests}", f"[{', '.join(requests)}]"))
        database = tmp_path / "traces.sqlite"
        database.unlink(missing_ok=True)
        done = run("load", url, "--app", "./app", "-c", 1, "-d", "20s", "--db", database, "--no-telemetry", "--json", "result.json", *more, timeout=60, **options)
        with sqlite3.connect(database) as connection:
            return done, connection.execute("SELECT status, ERROR FROM traces ORDER BY created").fetchall()
    return call


def lines(server):
    return [request.line.split()[1] for request in server.requests]


def test_time_out_redirects_and_success_are_each_requests_own(load, server):
    done, traces = load(f"http://{server.address}", [
        "('get', '/slow', {'timeout': 0.2})", "('get', '/slow', {'timeout': (0.1, 20)})", "('get', '/moved', {})", "('get', '/moved', {'allow_redirects': False})",
        "('get', '/absent', {'ok': ['2xx', 404]})", "('get', '/absent', None)"])
    assert traces == [(-1, "timeout"), (200, None), (200, None), (302, None), (404, None), (404, "status")], done
    assert lines(server) == ["/slow", "/slow", "/moved", "/~else", "/moved", "/absent", "/absent"]


def test_what_a_client_says_of_all_holds_where_a_request_doesnt(load, server):
    done, traces = load(f"http://{server.address}", ["('get', '/absent', None)", "('get', '/slow', None)", "('get', '/slow', {'timeout': 10})"], "--ok", "404, 200", "--timeout", "300ms")
    assert traces == [(404, None), (-1, "timeout"), (200, None)], done


def test_cookies_are_kept_by_those_requests_that_say_so(load, server):
    keep = "{'cookies': 'keep'}"
    done, traces = load(f"http://{server.address}", [f"('get', '/cookie', {keep})", "('get', '/', None)", f"('get', '/', {keep})", "('get', '/', {'cookies': {'c': 'd'}})"])
    assert [request.all("cookie") for request in server.requests] == [[], [], ["a=b"], ["c=d"]], done
    assert len(traces) == 4


def test_digest_is_answered_and_its_nonce_kept_where_an_app_keeps_it(load, server):
    ours = "{'auth': {'digest': ['u', 'p'], 'keep': True}}"
    done, traces = load(f"http://{server.address}", [f"('get', '/guarded', {ours})", "('get', '/guarded', None)", f"('get', '/guarded', {ours})", "('get', '/guarded', {'auth': {'digest': ['u', 'p']}})"])
    assert [status for status, _ in traces] == [200, 401, 200, 200], done
    sent = [(request.all("authorization") or ["none"])[0] for request in server.requests]
    assert ["nc=00000001" in one or "nc=00000002" in one for one in sent] == [False, True, False, True, False, True], sent
    assert "nc=00000002" in sent[3]


def test_the_object_of_requests_keeps_its_nonce_as_it_does_there(load, server):
    """By its class's name alone: an app's Python may have any version of requests."""
    generator = "class HTTPDigestAuth:\n    def __init__(self, username, password): self.username, self.password = username, password\nkept = HTTPDigestAuth('u', b'p')\n" + GENERATOR
    asked = ["kept", "kept", "HTTPDigestAuth('u', 'p')", "HTTPDigestAuth('u', 'p')"]
    done, traces = load(f"http://{server.address}", [f"('post', '/guarded', {{'auth': {auth}, 'data': b'\\xff'}})" for auth in asked], generator=generator)
    assert [status for status, _ in traces] == [200] * 4, done
    assert [bool(request.all("authorization")) for request in server.requests] == [False, True, True, False, True, False, True]
    assert {request.body for request in server.requests} == {b"\xff"}


def test_one_request_may_speak_tls_in_its_own_way(load, tmp_path):
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = RawServer()
    plain = server.serve

    def serve(connection):
        try:
            wrapped = context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        plain(wrapped)
    server.serve = serve
    try:
        port = server.address.split(":")[1]
        done, traces = load(f"https://localhost:{port}", ["('get', '/', None)", "('get', '/', {'verify': False})", f"('get', '/', {{'verify': '{certificate}'}})",
                                                          "('get', '/', {'verify': '/no/such/file'})"])
        assert [status for status, _ in traces] == [-1, 200, 200, -1], done
        assert traces[0][1] == "tls_self_signed", traces
    finally:
        server.close()


def test_ways_of_tls_are_bounded_and_http_is_a_clients(load, server, tmp_path):
    asked = [f"('get', '/', {{'verify': '/{i}'}})" for i in range(20)] + ["('get', '/', {'http': {'version': 2}})"]
    done, traces = load(f"http://{server.address}", asked)  # a plain host: nobody reads the files
    assert [status for status, _ in traces] == [200] * 16 + [-1] * 5, done
    told = done.out + done.err
    assert "have said more than 16 different things" in told, done
    assert "client app 'app' is held by" in told and any("is held by" in note for note in result_of(tmp_path / "result.json")["notes"]), done
