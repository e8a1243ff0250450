"""What a request of our own files and flags carries, byte for byte; compressed answers; kept cookies; what is a success."""
import gzip
import json
import sqlite3
import zlib

import pytest
from conftest import result_of
from raw_server import RawServer

pytestmark = pytest.mark.quick
BROTLI = bytes.fromhex("1b31000004fe6747faf738a0485b50f382f076b001070e81b52d32080c1b701064c122e7714078b8a899c2c40e57d8de9e647e")
ZSTD = bytes.fromhex("28b52ffd0458450100e87b2275736572223a2022616e6e61222c2073223a205b626f62222c5d7d030044655db3f4b9e61273d3ca6d")
TEXT = '{"user": "anna", "users": ["anna", "bob", "anna"]}'


@pytest.fixture
def server():
    made = RawServer()
    yield made
    made.close()


def answer(body, *headers, status=200):
    return "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def file(server, request, requests=1, num=1, more=""):
    return json.dumps({"name": "x", "services": {"app": {"hosts": {server.address: 1}}}, "telemetry": "off",
                       "clients": [{"service": "app", "rate": 50, "requests": requests, "num": num, "request": request}]} | (more or {}), ensure_ascii=False)


def kept(database, column="response"):
    with sqlite3.connect(database) as connection:
        return [row[0] for row in connection.execute(f"SELECT {column} FROM traces ORDER BY created")]


def test_a_file_s_path_and_texts_go_byte_for_byte(run, server, tmp_path):
    (tmp_path / "x.yaml").write_text(file(server, {"method": "post", "path": "/%7Ea/./b/../[c]%?d={e}|%zz ü#f", "headers": {"X-A": "ü"}, "data": "ř \U0001f600"}))
    assert run("run", "x.yaml", "-q").ran
    [request] = server.requests
    assert request.line == "POST /%7Ea/./b/../[c]%?d={e}|%zz%20%C3%BC HTTP/1.1"
    assert request.all("x-a") == ["ü".encode().decode("latin-1")] and request.body == "ř \U0001f600".encode()
    assert request.all("accept-encoding") == [] and request.all("user-agent") == ["galileo"]


def test_files_are_sent_as_a_form_sends_them(run, server, tmp_path):
    (tmp_path / "x.yaml").write_text(file(server, {"method": "post", "data": {"k": "v"}, "files": {"image": ["cat.jpg", "meow", "image/jpeg"]}}))
    assert run("run", "x.yaml", "-q").ran
    [request] = server.requests
    boundary = request.all("content-type")[0].partition("boundary=")[2]
    assert request.body.decode().replace(boundary, "B") == (
        '--B\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n--B\r\nContent-Disposition: form-data; name="image"; filename="cat.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\nmeow\r\n--B--\r\n")


BODIES = {"gzip": gzip.compress(TEXT.encode()), "deflate": zlib.compress(TEXT.encode()), "br": BROTLI, "zstd": ZSTD}


@pytest.mark.parametrize("coding", BODIES)
def test_a_compressed_answer_is_unpacked_before_it_is_kept(run, server, tmp_path, coding):
    server.answer = lambda request, connection: answer(BODIES[coding], f"Content-Encoding: {coding}", "Content-Type: application/json")
    (tmp_path / "x.yaml").write_text(file(server, {"compressed": True}, more={"limits": {"keep_response": "1kB"}}))
    done = run("run", "x.yaml", "--db", tmp_path / "x.sqlite", "--json", tmp_path / "x.json")
    assert done.ran and kept(tmp_path / "x.sqlite") == [TEXT], done
    assert server.requests[0].all("accept-encoding") == ["gzip, deflate, br, zstd"]
    assert kept(tmp_path / "x.sqlite", "response_bytes") == [len(server.answer(None, None))]  # as it was on the wire
    assert any("takes compressed answers" in note for note in result_of(tmp_path / "x.json")["notes"])


def test_of_a_large_body_the_beginning_is_kept_and_a_bomb_is_bounded(run, server, tmp_path):
    server.answer = lambda request, connection: answer(gzip.compress(b"x" * 50_000_000), "Content-Encoding: gzip", "Content-Type: text/plain")
    (tmp_path / "x.yaml").write_text(file(server, {"compressed": True}, more={"limits": {"keep_response": "1kB"}}))
    done = run("run", "x.yaml", "--db", tmp_path / "x.sqlite", "--json", tmp_path / "x.json")
    assert done.ran and kept(tmp_path / "x.sqlite") == ["x" * 1000], done
    assert any("are cut" in note for note in result_of(tmp_path / "x.json")["notes"])


@pytest.mark.parametrize("coding, body", [("gzip", b"no gzip"), ("compress", b"unknown"), ("gzip", BODIES["gzip"][:20])], ids=["none", "unknown", "cut"])
def test_what_cant_be_unpacked_is_kept_as_it_came_and_said(run, server, tmp_path, coding, body):
    server.answer = lambda request, connection: answer(body, f"Content-Encoding: {coding}", "Content-Type: text/plain; charset=ISO-8859-1")
    (tmp_path / "x.yaml").write_text(file(server, {"compressed": True}, more={"limits": {"keep_response": "1kB"}}))
    done = run("run", "x.yaml", "--db", tmp_path / "x.sqlite", "--json", tmp_path / "x.json")
    assert done.ran and len(kept(tmp_path / "x.sqlite")[0]) >= len(body) - 1, done
    assert any("couldn't be unpacked" in note for note in result_of(tmp_path / "x.json")["notes"])


def test_cookies_are_kept_by_client(run, server, tmp_path):
    seen = []

    def count(request, connection):
        cookie = request.all("cookie")
        number = int(cookie[0].partition("=")[2]) + 1 if cookie else 0
        seen.append(number)
        return answer(b"", f"Set-Cookie: n={number}; Path=/; Max-Age=100", "Set-Cookie: other=x; Domain=example.org")
    server.answer = count
    (tmp_path / "x.yaml").write_text(file(server, {"cookies": "keep"}, requests=4, num=2))
    assert run("run", "x.yaml", "-q").ran
    assert sorted(seen) == [0, 0, 1, 1, 2, 2, 3, 3]
    seen.clear()
    (tmp_path / "y.yaml").write_text(file(server, {}, requests=3))
    assert run("run", "y.yaml", "-q").ran
    assert seen == [0, 0, 0]


def test_what_is_a_success_is_said_by_request_and_told(run, server, tmp_path):
    server.answer = lambda request, connection: answer(b"", status=int(request.line.split()[1][1:]))
    outcomes = {}
    for status in (200, 204, 304, 404, 500):
        done = run("load", f"http://{server.address}/{status}", "-n", 2, "--ok", "2xx, 404", "--json", tmp_path / "x.json", "--no-telemetry", "--db", "none")
        assert done.ran, done
        outcomes[status] = result_of(tmp_path / "x.json")["ledger"]["answered"]
        assert "failures are the statuses 100-199, 300-403, 405-999" in done.out
    assert outcomes == {200: 2, 204: 2, 304: 0, 404: 2, 500: 0}
    clients = [{"service": "app", "name": name, "rate": 50, "requests": 2, "request": {"path": "/404", **request}} for name, request in (("a", {"ok": [404]}), ("b", {}))]
    (tmp_path / "x.yaml").write_text(json.dumps({"name": "x", "services": {"app": {"hosts": {server.address: 1}}}, "telemetry": "off", "clients": clients}))
    done = run("run", "x.yaml", "--json", tmp_path / "x.json")
    result = result_of(tmp_path / "x.json")
    assert result["ledger"]["answered"] == 2 and "client local:a: a success is a status of 404" in " ".join(result["notes"]), done
    assert "which statuses are failures differs by client" in done.out


def test_curls_flags(run, server, tmp_path):
    server.answer = lambda request, connection: answer(b"", *([] if "/t" in request.line else ["Location: /t"]), status=200 if "/t" in request.line else 302)
    url = f"http://{server.address}/a"

    def lines(*flags):
        server.requests.clear()
        done = run("load", url, "-n", 1, "-q", "--no-telemetry", "--db", "none", *flags)
        assert done.ran, done
        return [request.line.split()[1] for request in server.requests]
    assert lines() == ["/a"] and lines("-L") == ["/a", "/t"] and lines("-L", "--max-redirs", 0) == ["/a"]
    lines("-u", "me:pass:word", "--compressed")
    assert server.requests[0].all("authorization") == ["Basic bWU6cGFzczp3b3Jk"] and server.requests[0].all("accept-encoding") == ["gzip, deflate, br, zstd"]
    lines("--oauth2-bearer", "abc")
    assert server.requests[0].all("authorization") == ["Bearer abc"]
    for flags, why in ((("--max-redirs", 3), "-L"), (("-L", "--redirects", 3), "--redirects"), (("-L", "--max-redirs", "x"), "--max-redirs"), (("--digest",), "-u"),
                       (("-u", "me"), "password"), (("-u", "a:b", "--oauth2-bearer", "c"), "--oauth2-bearer"), (("--ok", "2y"), "--ok")):
        refused = run("load", url, *flags)
        assert refused.code == 2 and why in refused.err, (flags, refused)


def test_a_secret_is_in_no_result(run, server, tmp_path):
    done = run("load", f"http://{server.address}/", "-n", 1, "-u", "me:hush-hush", "--digest", "--json", tmp_path / "x.json", "--db", tmp_path / "x.sqlite")
    (tmp_path / "x.yaml").write_text(file(server, {"auth": {"digest": ["me", "hush-hush"]}}))
    again = run("run", "x.yaml", "--json", tmp_path / "y.json", "--db", tmp_path / "y.sqlite")
    assert done.ran and again.ran, (done, again)
    for path in ("x.json", "y.json", "x.sqlite", "y.sqlite"):
        assert b"hush-hush" not in (tmp_path / path).read_bytes(), path
