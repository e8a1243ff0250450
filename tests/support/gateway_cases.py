"""What a client sends through a gateway, what the target answers, and what comes of it, at `galileo gateway`, nginx and HAProxy:
the cases of process/gateway_beside_test.py, which says how they are written."""
import time
from dataclasses import dataclass

from conftest import SLOWER

PATIENCE = SLOWER  # seconds, of all three with slow clients; with slow targets half as much again
READ, HALF_CLOSE = "read", "half-close"  # what a client does between the pieces that it sends
AGAIN = b"GET /function/app/again HTTP/1.1\r\nHost: a\r\n\r\n"  # does the connection take another request?


@dataclass
class Case:
    name: str
    send: object              # bytes, or a list of bytes, seconds to wait, READ (an answer), numbers of bytes to read, HALF_CLOSE
    galileo: str              # what comes of it
    nginx: tuple = ()         # (what comes of it there, why), where that differs
    haproxy: tuple = ()
    both: tuple = ()          # of these two
    answer: object = None     # of the target: bytes, or answer(request, connection) as RawServer takes it; None: 200 with "ok"
    early: bool = False       # the target answers before it has read the body
    sent: tuple = ()          # headers that are looked at, of the requests that the target gets
    back: tuple = ()          # and of the answers that the client gets; "reason": of the status line
    answers: int = 1          # that the client waits for, beside those of READ
    bug: str = ""             # what galileo does instead, still

    @property
    def pieces(self):
        return self.send if isinstance(self.send, list) else [self.send]

    @property
    def text(self):
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes))

    def of(self, name):
        """What comes of it, and why that is otherwise than at galileo's."""
        return {"nginx": self.nginx or self.both, "HAProxy": self.haproxy or self.both}.get(name) or (self.galileo, "")


def ask(path="", *headers, method="GET", version="1.1", host="Host: a", body=b""):
    lines = [f"{method} /function/app{path} HTTP/{version}", *([host] if host else []), *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def post(path="/a", *headers, body=b"hello", method="POST", **more):
    return ask(path, *headers, f"Content-Length: {len(body)}", method=method, body=body, **more)


def chunks(body, *headers, **more):
    return ask("/a", *headers, "Transfer-Encoding: chunked", body=body, method="POST", **more)


def says(*headers, status="200 OK", body=b"ok", length=True, version="1.1"):
    lines = [f"HTTP/{version} {status}", *headers, *([f"Content-Length: {len(body)}"] if length else []), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


OK = says()
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
IN_CHUNKS = says("Transfer-Encoding: chunked", length=False, body=HELLO)
SMUGGLED = ask("/smuggled")
MEGABYTE = b"x" * (1 << 20)
WEBSOCKET = ("Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")


def ends_with(text):
    """The answer, and the end of the connection."""
    return lambda request, connection: connection.sendall(text)


def each(*answers):
    """To the first request, to the second, ...; to more of them the last."""
    def answer(request, connection):
        chosen = answers[min(request.nth, len(answers)) - 1]
        return chosen(request, connection) if callable(chosen) else chosen
    return answer


def stalls(text):
    """Begins its answer, and is silent for longer than anybody waits."""
    def answer(request, connection):
        connection.sendall(text)
        time.sleep(3.5 * PATIENCE)
    return answer


def halfway(request, connection):
    """Answers when the first half of the body is there."""
    request.read_body(100)
    return OK


def late(request, connection):
    time.sleep(0.3 * SLOWER)
    return OK


def shouts(request, connection):
    """Another protocol: what is said comes back in capitals."""
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    while data := connection.recv(65536):
        connection.sendall(data.upper())


def continues(request, connection):
    """Says 100 to who waits for that, as a server has to."""
    if request.all("Expect"):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.read_body()
    return OK


# Why the peers do otherwise, where several cases have the same reason.
RESOLVES = "passes on the path by which it chose, decoded, resolved and encoded anew; ours leaves it as it is"
OLD = "speaks the client's version to the target"
LENGTH = "gives a body that it has whole a length"
NO_TRAILERS = "drops trailers"
BARE_LF = "RFC 9112, 2.2 lets LF alone end a line; who doesn't do so sees other lines, so ours refuses it"
FOLDED = "makes one line of it; RFC 9112, 5.2 allows both"
CONTROL = "lets it through; RFC 9110, 5.5 calls it invalid, and for some programs the value ends there"
IGNORED = "leaves that line out; ours has no two programs see two heads"
NEIGHBOURS = "takes off what it knows by name, not what Connection names (RFC 9110, 7.6.1)"
UNLIMITED = "knows no limit for bodies but by a rule of one's own"
IN_CHUNKS_ALL_THE_SAME = "sends chunks to HTTP/1.0, which knows none"
UNTIL_THE_END = "puts it in chunks, so that the connection stays"
ITS_OWN = "puts its own there, unless proxy_pass_header says otherwise"
SILENT_RETRY = "closes, for the client to ask again, as retry-on doesn't say otherwise"

FINE = "200 'ok', open; target: GET /a"

CASES = {
    "Methods": [
        Case("GET", ask("/a"), FINE),
        Case("HEAD", ask("/a", method="HEAD"), "200 {Content-Length: 5}, open; target: HEAD /a", answer=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
             back=("Content-Length",)),
        Case("POST", post(), "200 'ok', open; target: POST /a {Content-Length: 5} 'hello'", sent=("Content-Type", "Content-Length")),
        Case("PUT", post(method="PUT"), "200 'ok', open; target: PUT /a 'hello'"),
        Case("PATCH", post(method="PATCH"), "200 'ok', open; target: PATCH /a 'hello'"),
        Case("DELETE", ask("/a", method="DELETE"), "200 'ok', open; target: DELETE /a"),
        Case("OPTIONS", ask("/a", method="OPTIONS"), "200 'ok', open; target: OPTIONS /a"),
        Case("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "404, open", nginx=("400, closed", "doesn't know '*'")),
        Case("TRACE", ask("/a", method="TRACE"), "200 'ok', open; target: TRACE /a",
             nginx=("405, closed", "refuses TRACE always; ours leaves it to the target")),
        Case("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "400, closed",
             haproxy=("404, open", "takes it for a request like others, for which there is no rule")),
        Case("a method that nobody knows", ask("/a", method="BREW"), "200 'ok', open; target: BREW /a"),
        Case("a method in small letters", ask("/a", method="get"), "200 'ok', open; target: get /a",
             nginx=("400, closed", "wants capitals; RFC 9110, 9.1 has any token")),
        Case("a method that is no token", ask("/a", method="G(T"), "400, closed"),
    ],
    "Paths": [
        Case("no rest", ask(), "200 'ok', open; target: GET /"),
        Case("a rest of '/'", ask("/"), "200 'ok', open; target: GET /"),
        Case("no rest but a query", ask("?x=1"), "200 'ok', open; target: GET /?x=1"),
        Case("a query with slashes, dots and a second '?'", ask("/a?to=/b//../c?d&e=%2F%20"), "200 'ok', open; target: GET /a?to=/b//../c?d&e=%2F%20"),
        Case("encoded characters", ask("/a%2Fb%20%41"), "200 'ok', open; target: GET /a%2Fb%20%41", nginx=("200 'ok', open; target: GET /a/b%20A", RESOLVES)),
        Case("several slashes", ask("//a//b"), "200 'ok', open; target: GET //a//b", nginx=("200 'ok', open; target: GET /a/b", RESOLVES)),
        Case("dot segments", ask("/a/../b/./c"), "200 'ok', open; target: GET /a/../b/./c", nginx=("200 'ok', open; target: GET /b/c", RESOLVES)),
        Case("dot segments that lead to another function", ask("/../gone"), "200 'ok', open; target: GET /../gone", nginx=("502, open", RESOLVES)),
        Case("the same, encoded", ask("/%2e%2e/gone"), "200 'ok', open; target: GET /%2e%2e/gone", nginx=("502, open", RESOLVES)),
        Case("a fragment", ask("/a#b"), "400, closed", nginx=(FINE, "cuts it off; in a request there can't be one (RFC 9112, 3.2)")),
        Case("bytes beyond ASCII", ask("/\xc3\xa4"), r"200 'ok', open; target: GET /\xc3\xa4",
             haproxy=("400, closed", "has only what RFC 3986 allows; there are clients that send UTF-8")),
        Case("a blank in the path", ask("/a b"), "400, closed"),
        Case("a whole URL", b"GET http://a/function/app/a HTTP/1.1\r\nHost: a\r\n\r\n", "400, closed",
             nginx=(FINE, "takes it, as RFC 9112, 3.2.2 has it; ours has the host said in one place only"),
             haproxy=("200 'ok', open; target: GET http://a/a", "passes it on as it is")),
        Case("a function that isn't there", b"GET /function/other HTTP/1.1\r\nHost: a\r\n\r\n", "404, open"),
        Case("a function that isn't there, and 512 KiB for it", post(body=MEGABYTE[:1 << 19]).replace(b"/app", b"/other"), "404, closed",
             nginx=("404, open", "reads what nobody wants; ours closes, without a reset")),
        Case("a line of 20,000 characters", ask("/" + "a" * 20000), "431, closed", nginx=("414, closed", "counts the line by itself; ours counts the head"),
             haproxy=("400, closed", "has one status for all that is too long")),
    ],
    "Versions and hosts": [
        Case("HTTP/1.0", ask("/a", version="1.0"), "200 'ok', closed; target: GET /a", haproxy=("200 'ok', closed; target: GET /a HTTP/1.0", OLD)),
        Case("HTTP/1.0 with keep-alive", ask("/a", "Connection: keep-alive", version="1.0"), "200 {Connection: keep-alive} 'ok', open; target: GET /a",
             back=("Connection",), haproxy=("200 {Connection: keep-alive} 'ok', open; target: GET /a HTTP/1.0", OLD)),
        Case("HTTP/1.0 without a host", ask("/a", version="1.0", host=None), "200 'ok', closed; target: GET /a {Host: its own}", sent=("Host",),
             nginx=("200 'ok', closed; target: GET /a", "has none to pass on by $http_host; by $host it would be the server's name"),
             haproxy=("200 'ok', closed; target: GET /a HTTP/1.0", OLD)),
        Case("HTTP/1.2", ask("/a", version="1.2"), "400, closed", both=(FINE, "answers as to HTTP/1.1 (RFC 9110, 2.5); ours takes versions that exist")),
        Case("HTTP/2.0", ask("/a", version="2.0"), "400, closed", nginx=("505, closed", "knows a status for that"),
             haproxy=(FINE, "answers as to HTTP/1.1")),
        Case("no version", b"GET /function/app/a\r\n\r\n", "400, closed", nginx=("'ok' without a head, closed; target: GET /a", "speaks HTTP/0.9")),
        Case("a version in small letters", b"GET /function/app/a http/1.1\r\nHost: a\r\n\r\n", "400, closed"),
        Case("TLS", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", "400, closed"),
        Case("a blank line before the request", b"\r\n" + ask("/a"), FINE),
        Case("three blank lines before the request", b"\r\n\r\n\r\n" + ask("/a"), "400, closed",
             both=(FINE, "passes over any number; RFC 9112, 2.2 has one at least")),
        Case("a host in letters of both kinds, with a port", ask("/a", host="Host: ExAmple.ORG:8080"), FINE + " {Host: ExAmple.ORG:8080}", sent=("Host",)),
        Case("no host", ask("/a", host=None), "400, closed", haproxy=(FINE, "leaves that to the target; RFC 9112, 3.2 has every server refuse it")),
        Case("two hosts", ask("/a", "Host: b"), "400, closed"),
        Case("an empty host", ask("/a", host="Host:"), FINE + " {Host: }", sent=("Host",),
             nginx=("400, closed", "wants a name; RFC 9112, 3.2 has it empty for a URI without one")),
        Case("a host that can't be one", ask("/a", host="Host: a b/c"), "400, closed", haproxy=(FINE, "leaves that to the target")),
    ],
    "Headers of requests": [
        Case("between two neighbours", ask("/a", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: trailers", "X: 1"), FINE + " {X: 1}",
             sent=("Keep-Alive", "Proxy-Connection", "TE", "X"),
             nginx=(FINE + " {Proxy-Connection: keep-alive, X: 1}", NEIGHBOURS),
             haproxy=(FINE + " {Keep-Alive: timeout=5, Proxy-Connection: keep-alive, TE: trailers, X: 1}", NEIGHBOURS)),
        Case("named by Connection", ask("/a", "Connection: X-Mine", "X-Mine: 1", "X: 1"), FINE + " {X: 1}", sent=("X-Mine", "X"),
             both=(FINE + " {X-Mine: 1, X: 1}", NEIGHBOURS)),
        Case("Connection names Content-Length", post("/a", "Connection: Content-Length", body=SMUGGLED),
             f"200 'ok', open; target: POST /a {repr(SMUGGLED)[1:]}"),
        Case("Connection names Transfer-Encoding", chunks(HELLO, "Connection: Transfer-Encoding"), "200 'ok', open; target: POST /a chunked 'hello'",
             nginx=("200 'ok', open; target: POST /a 'hello'", LENGTH)),
        Case("Connection names Host", ask("/a", "Connection: Host"), FINE + " {Host: a}", sent=("Host",)),
        Case("Connection: close", ask("/a", "Connection: close"), "200 'ok', closed; target: GET /a", sent=("Connection",)),
        Case("Upgrade, taken", [ask("/a", "Connection: keep-alive, Upgrade", *WEBSOCKET), READ, b"hi", 2],
             "101 {Upgrade: websocket}, 'HI', open; target: GET /a {Upgrade: websocket}", answer=shouts, sent=("Upgrade",), back=("Upgrade",), answers=0),
        Case("Upgrade, not taken", ask("/a", "Connection: Upgrade", *WEBSOCKET), FINE + " {Upgrade: websocket}", sent=("Upgrade",)),
        Case("Upgrade without its Connection", ask("/a", "Upgrade: websocket"), FINE, sent=("Upgrade",),
             both=(FINE + " {Upgrade: websocket}", "doesn't look for it in Connection (RFC 9110, 7.8)")),
        Case("Expect: 100-continue", [ask("/a", "Content-Length: 5", "Expect: 100-continue", method="POST"), READ, b"hello"],
             "100, 200 'ok', open; target: POST /a 'hello'", answer=continues, early=True, sent=("Expect",),
             haproxy=("100, 200 'ok', open; target: POST /a {Expect: 100-continue} 'hello'", "has the target say 100; ours says it when there is a target")),
        Case("Expect: 100-continue of a function that isn't there",
             [ask("/a", "Content-Length: 5", "Expect: 100-continue", method="POST").replace(b"/app", b"/other"), READ, b"hello"], "404, closed", answers=0,
             nginx=("404, open", "reads what nobody wants; ours closes, without a reset")),
        Case("Expect of something else", ask("/a", "Expect: cake"), FINE, sent=("Expect",),
             haproxy=(FINE + " {Expect: cake}", "passes it on, for the target to answer 417")),
        Case("X-Forwarded-For", ask("/a", "X-Forwarded-For: evil", "x-forwarded-for: more"), FINE + " {X-Forwarded-For: gw-main, 127.0.0.1}",
             sent=("X-Forwarded-For",)),
        Case("traceparent and tracestate", ask("/a", "traceparent: 00-0af7651916cd43dd-b7ad6b71-01", "tracestate: a=1", "tracestate: b=2"),
             FINE + " {traceparent: 00-0af7651916cd43dd-b7ad6b71-01, tracestate: a=1, tracestate: b=2}", sent=("traceparent", "tracestate")),
        Case("a name with an underscore", ask("/a", "X_Y: 1"), FINE + " {X_Y: 1}", sent=("X_Y",),
             nginx=(FINE, "drops it, as CGI can't tell it from X-Y (underscores_in_headers)")),
        Case("blanks around a value", ask("/a", "X:  \t1 2\t "), FINE + " {X: 1 2}", sent=("X",)),
        Case("an empty value", ask("/a", "X:"), FINE + " {X: }", sent=("X",)),
        Case("a value beyond ASCII", ask("/a", "X: \xc3\xa4"), FINE + r" {X: \xc3\xa4}", sent=("X",)),
        Case("a folded header", ask("/a", "X: 1", " 2"), "400, closed", sent=("X",), haproxy=(FINE + " {X: 1   2}", FOLDED)),
        Case("lines that end with LF", ask("/a", "X: 1").replace(b"\r", b""), "400, closed", both=(FINE, BARE_LF)),
        Case("a bare CR", ask("/a", "X: 1\r2"), "400, closed"),
        Case("a NUL", ask("/a", "X: 1\x002"), "400, closed", sent=("X",), haproxy=(FINE + r" {X: 1\x002}", CONTROL)),
        Case("a control character", ask("/a", "X: 1\x012"), "400, closed", sent=("X",), both=(FINE + r" {X: 1\x012}", CONTROL)),
        Case("a blank before the colon", ask("/a", "X : 1"), "400, closed"),
        Case("a name that is no token", ask("/a", "X(1): 1"), "400, closed", nginx=(FINE, IGNORED)),
        Case("a header without a colon", ask("/a", "X"), "400, closed", nginx=(FINE, IGNORED)),
        Case("a header without a name", ask("/a", ": 1"), "400, closed"),
        Case("150 headers", ask("/a", *(f"X-{i}: {i}" for i in range(150))), FINE + " {X-149: 149}", sent=("X-149",),
             haproxy=("400, closed", "takes 101 (tune.http.maxhdr); ours counts bytes")),
        Case("a header of 20,000 characters", ask("/a", "X: " + "a" * 20000), "431, closed", both=("400, closed", "doesn't say 431 (RFC 6585)")),
    ],
    "Bodies of requests": [
        Case("a length of 0", post(body=b""), "200 'ok', open; target: POST /a {Content-Length: 0}", sent=("Content-Length",)),
        Case("POST without a body", ask("/a", method="POST"), "200 'ok', open; target: POST /a", sent=("Content-Length",)),
        Case("GET with a body", post(method="GET"), "200 'ok', open; target: GET /a 'hello'"),
        Case("chunks", chunks(HELLO), "200 'ok', open; target: POST /a chunked 'hello'", sent=("Content-Length",),
             nginx=("200 'ok', open; target: POST /a {Content-Length: 5} 'hello'", LENGTH)),
        Case("chunks in pieces", [chunks(b"5\r"), 0.05, b"\nhe", 0.05, b"llo\r\n0\r\n", 0.05, b"\r\n"], "200 'ok', open; target: POST /a chunked 'hello'"),
        Case("chunks with trailers", chunks(HELLO[:-2] + b"X-Sum: 5\r\n\r\n", "Trailer: X-Sum"), "200 'ok', open; target: POST /a chunked 'hello' + X-Sum: 5",
             nginx=("200 'ok', open; target: POST /a 'hello'", NO_TRAILERS)),
        Case("a chunk extension", chunks(b"5;x=1\r\nhello\r\n0\r\n\r\n"), "400, closed",
             nginx=("200 'ok', open; target: POST /a 'hello'", "drops it, as RFC 9112, 7.1.1 has it; ours refuses what has hidden requests in others"),
             haproxy=("200 'ok', open; target: POST /a chunked 'hello'", "drops it too")),
        Case("a chunk size with zeros before", chunks(b"005\r\nhello\r\n0\r\n\r\n"), "200 'ok', open; target: POST /a chunked 'hello'",
             nginx=("200 'ok', open; target: POST /a 'hello'", LENGTH)),
        Case("a chunk size that is none", chunks(b"5x\r\nhello\r\n0\r\n\r\n"), "400, closed"),
        Case("a chunk size with 0x", chunks(b"0x5\r\nhello\r\n0\r\n\r\n"), "400, closed"),
        Case("a chunk size beyond 64 bits", chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), "400, closed"),
        Case("a chunk size that ends with LF", chunks(b"5\nhello\r\n0\r\n\r\n"), "400, closed",
             nginx=("200 'ok', open; target: POST /a 'hello'", BARE_LF), haproxy=("200 'ok', open; target: POST /a chunked 'hello'", BARE_LF)),
        Case("a chunk longer than it says", chunks(b"4\r\nhello\r\n0\r\n\r\n"), "400, closed"),
        Case("the same length twice", post("/a", "Content-Length: 5"), "400, closed", sent=("Content-Length",),
             haproxy=("200 'ok', open; target: POST /a {Content-Length: 5} 'hello'", "makes one of them; RFC 9110, 8.6 allows both")),
        Case("two lengths", post("/a", "Content-Length: 6"), "400, closed"),
        Case("a length with a sign", ask("/a", "Content-Length: +5", method="POST", body=b"hello"), "400, closed"),
        Case("a length and chunks", chunks(HELLO, "Content-Length: 15"), "400, closed", sent=("Content-Length",),
             haproxy=("200 'ok', closed; target: POST /a chunked 'hello'", "goes by the chunks, and closes; RFC 9112, 6.3 allows both")),
        Case("another coding before chunks", ask("/a", "Transfer-Encoding: gzip, chunked", method="POST", body=HELLO), "400, closed",
             nginx=("501, closed", "says what RFC 9112, 6.1 has for codings that it doesn't know"),
             haproxy=("422, closed without a word", "has a status of its own for that")),
        Case("a coding that nearly is", ask("/a", "Transfer-Encoding: xchunked", method="POST", body=HELLO), "400, closed",
             nginx=("501, closed", "says what RFC 9112, 6.1 has for codings that it doesn't know")),
        Case("chunks twice", chunks(HELLO, "Transfer-Encoding: chunked"), "400, closed"),
        Case("chunks in HTTP/1.0", chunks(HELLO, version="1.0"), "400, closed",
             haproxy=("200 'ok', closed; target: POST /a HTTP/1.0 chunked 'hello'", "passes it on; RFC 9112, 6.1 calls the framing faulty")),
        Case("a length beyond the limit", ask("/a", "Content-Length: 2000000", method="POST"), "413, closed",
             haproxy=("504, closed; target: POST /a cut", UNLIMITED)),
        Case("a body beyond the limit that comes all the same", post(body=2 * MEGABYTE), "413, closed",
             haproxy=("200 'ok', open; target: POST /a 2,097,152 bytes", UNLIMITED)),
        Case("chunks beyond the limit", chunks(b"200000\r\n" + 2 * MEGABYTE + b"\r\n0\r\n\r\n"), "413, closed",
             haproxy=("200 'ok', open; target: POST /a chunked 2,097,152 bytes", UNLIMITED)),
        Case("an answer before the body is whole", [ask("/a", "Content-Length: 200", method="POST", body=b"x" * 100), READ, b"x" * 100],
             "200 'ok', closed; target: POST /a 100 bytes cut", answer=halfway, early=True, answers=0,
             nginx=("200 'ok', closed without a word; target: POST /a 100 bytes cut", "doesn't say that it closes"),
             haproxy=("200 'ok', open; target: POST /a 200 bytes", "goes on with the body")),
        Case("a client that goes away within its body", [ask("/a", "Content-Length: 200", method="POST", body=b"hello"), 0.2, HALF_CLOSE],
             "no answer, closed; target: POST /a 'hello' cut"),
        Case("a client that closes its side after the request", [ask("/a"), 0.1, HALF_CLOSE], "200 'ok', closed; target: GET /a", answer=late,
             nginx=("no answer, closed; target: GET /a", "takes it for a client that has gone")),
        Case("three requests without waiting", ask("/1") + post("/2") + ask("/3"),
             "200 'ok', 200 'ok', 200 'ok', open; target: GET /1, POST /2 'hello', GET /3", answers=3),
        Case("a request after Connection: close", ask("/1", "Connection: close") + ask("/2"), "200 'ok', closed; target: GET /1"),
    ],
    "Answers": [
        Case("chunks", ask("/a"), "200 chunked 'hello', open; target: GET /a", answer=IN_CHUNKS),
        Case("chunks with trailers", ask("/a"), "200 chunked 'hello' + X-Sum: 5, open; target: GET /a", answer=IN_CHUNKS[:-2] + b"X-Sum: 5\r\n\r\n",
             nginx=("200 chunked 'hello', open; target: GET /a", NO_TRAILERS)),
        Case("chunks with an extension", ask("/a"), "200 chunked;x=1 'hello', open; target: GET /a", answer=IN_CHUNKS.replace(b"5\r\n", b"5;x=1\r\n"),
             both=("200 chunked 'hello', open; target: GET /a", "drops it; ours passes bodies on as they come")),
        Case("chunks, to HTTP/1.0", ask("/a", version="1.0"), "200 until the end 'hello', closed; target: GET /a", answer=IN_CHUNKS,
             haproxy=("200 chunked 'hello', closed; target: GET /a HTTP/1.0", IN_CHUNKS_ALL_THE_SAME)),
        Case("chunks, to HTTP/1.0 with keep-alive", ask("/a", "Connection: keep-alive", version="1.0"), "200 until the end 'hello', closed; target: GET /a",
             answer=IN_CHUNKS, haproxy=("200 chunked 'hello', open; target: GET /a HTTP/1.0", IN_CHUNKS_ALL_THE_SAME)),
        Case("until the end of the connection", ask("/a"), "200 until the end 'hello', closed; target: GET /a",
             answer=ends_with(says(body=b"hello", length=False)), nginx=("200 chunked 'hello', open; target: GET /a", UNTIL_THE_END)),
        Case("of HTTP/1.0, until the end", ask("/a"), "200 until the end 'hello', closed; target: GET /a",
             answer=ends_with(says(body=b"hello", length=False, version="1.0")), nginx=("200 chunked 'hello', open; target: GET /a", UNTIL_THE_END)),
        Case("of HTTP/1.0 with keep-alive", ask("/a"), FINE, answer=says("Connection: keep-alive", version="1.0")),
        Case("204", ask("/a"), "204, open; target: GET /a", answer=says(status="204 No Content", length=False, body=b"")),
        Case("204 with a length", ask("/a"), "204 {Content-Length: 0}, open; target: GET /a", answer=says(status="204 No Content", body=b""),
             back=("Content-Length",), haproxy=("204, open; target: GET /a", "leaves it out, as RFC 9110, 8.6 has it; it harms nobody")),
        Case("304 with the length of what it spares", ask("/a"), "304 {Content-Length: 5}, open; target: GET /a",
             answer=b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", back=("Content-Length",)),
        Case("to HEAD, with chunks that don't come", ask("/a", method="HEAD"), "200 {Transfer-Encoding: chunked}, open; target: HEAD /a",
             answer=says("Transfer-Encoding: chunked", length=False, body=b""), back=("Transfer-Encoding",),
             nginx=("200, open; target: HEAD /a", "leaves the header out; RFC 9110, 9.3.2 allows both")),
        Case("a reason of its own", ask("/a"), "418 I'm a teapot, open; target: GET /a", answer=says(status="418 I'm a teapot"), back=("reason",)),
        Case("103 before it", ask("/a"), "103 {Link: x}, 200 'ok', open; target: GET /a", answer=b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
             back=("Link",), nginx=("103 {Link: x}, 200 'ok', closed without a word; target: GET /a", "takes it for the answer, and the answer for its body")),
        Case("103 before it, to HTTP/1.0", ask("/a", version="1.0"), "200 'ok', closed; target: GET /a",
             answer=b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, back=("Link",),
             nginx=("103 {Link: x}, 200 'ok', closed; target: GET /a", "takes it for the answer, and the answer for its body"),
             haproxy=("103 {Link: x}, 200 'ok', closed; target: GET /a HTTP/1.0", "passes it on, which RFC 9110, 15.2 forbids")),
        Case("100 unasked", ask("/a"), FINE, answer=b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
             nginx=("100, 200 'ok', closed without a word; target: GET /a", "takes it for the answer, and the answer for its body"),
             haproxy=("100, 200 'ok', open; target: GET /a", "passes it on; ours says 100 itself, where it was asked for")),
        Case("101 unasked", ask("/a"), "502, open; target: GET /a", answer=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
             nginx=("101, closed without a word; target: GET /a", "takes it for the answer, and waits for its body")),
        Case("Date and Server", ask("/a"), "200 {Date: today, Server: mine} 'ok', open; target: GET /a", answer=says("Date: today", "Server: mine"),
             back=("Date", "Server"), nginx=("200 {Date: now, Server: nginx/1.22.1} 'ok', open; target: GET /a", ITS_OWN)),
        Case("without Date and Server", ask("/a"), FINE, back=("Date", "Server"),
             nginx=("200 {Date: now, Server: nginx/1.22.1} 'ok', open; target: GET /a", ITS_OWN)),
        Case("two cookies", ask("/a"), "200 {Set-Cookie: a=1, Set-Cookie: b=2} 'ok', open; target: GET /a", answer=says("Set-Cookie: a=1", "Set-Cookie: b=2"),
             back=("Set-Cookie",)),
        Case("headers between two neighbours", ask("/a"), FINE,
             answer=says("Connection: keep-alive, X-Mine", "X-Mine: 1", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive"),
             back=("X-Mine", "Keep-Alive", "Proxy-Connection"),
             nginx=("200 {X-Mine: 1, Proxy-Connection: keep-alive} 'ok', open; target: GET /a", NEIGHBOURS),
             haproxy=("200 {X-Mine: 1, Keep-Alive: timeout=5, Proxy-Connection: keep-alive} 'ok', open; target: GET /a", NEIGHBOURS)),
        Case("Connection names Content-Length", ask("/a"), "200 {Content-Length: 2} 'ok', open; target: GET /a", answer=says("Connection: Content-Length"),
             back=("Content-Length",)),
        Case("Connection: close, of the target", ask("/a"), FINE, answer=ends_with(says("Connection: close"))),
        Case("more than its length", ask("/a"), FINE, answer=OK + b"more"),
        Case("lines that end with LF", ask("/a"), "502, open; target: GET /a", answer=OK.replace(b"\r", b""), both=(FINE, BARE_LF)),
        Case("a folded header", ask("/a"), "502, open; target: GET /a", answer=says("X: 1", " 2"), back=("X",),
             haproxy=("200 {X: 1   2} 'ok', open; target: GET /a", FOLDED)),
        Case("a NUL in a header", ask("/a"), "502, open; target: GET /a", answer=says("X: 1\x002"), back=("X",),
             haproxy=(r"200 {X: 1\x002} 'ok', open; target: GET /a", CONTROL)),
        Case("a blank before the colon", ask("/a"), "502, open; target: GET /a", answer=says("X : 1")),
        Case("two lengths", ask("/a"), "502, open; target: GET /a", answer=says("Content-Length: 3"), nginx=(FINE, "goes by the last one")),
        Case("a length and chunks", ask("/a"), "502, open; target: GET /a",
             answer=says("Content-Length: 15", "Transfer-Encoding: chunked", length=False, body=HELLO),
             both=("200 chunked 'hello', open; target: GET /a", "goes by the chunks; RFC 9112, 6.3 calls it a sign of an attack")),
        Case("a head of 100 KiB", ask("/a"), "502, open; target: GET /a", answer=says(*(f"X-{i}: {'x' * 1000}" for i in range(100)))),
    ],
    "Targets that fail": [
        Case("refuses the connection", ask().replace(b"/app", b"/gone"), "502, open", haproxy=("503, open", "says 503 where no connection can be had")),
        Case("closes without an answer", ask("/a"), "502, open; target: GET /a", answer=ends_with(b"")),
        Case("closes within the head", ask("/a"), "502, open; target: GET /a", answer=ends_with(OK[:20])),
        Case("answers with what is none", ask("/a"), "502, open; target: GET /a", answer=ends_with(b"hello there\r\n"),
             nginx=("'hello there' without a head, open; target: GET /a", "takes it for HTTP/0.9")),
        Case("is slow", ask("/a"), "504, open; target: GET /a", answer=stalls(b"")),
        Case("is slow, on a connection that was idle", [ask("/1"), READ, ask("/2")], "200 'ok', 504, open; target: GET /1, GET /2",
             answer=each(OK, stalls(b""))),
        Case("is slow within the body", ask("/a"), "200 'he' cut, closed; target: GET /a", answer=stalls(says(body=b"hello")[:-3])),
        Case("closes within the body", ask("/a"), "200 'he' cut, closed; target: GET /a", answer=ends_with(says(body=b"hello")[:-3])),
        Case("closes within the chunks", ask("/a"), "200 chunked 'hello' cut, closed; target: GET /a", answer=ends_with(IN_CHUNKS[:-5])),
        Case("closes within the chunks, to HTTP/1.0", ask("/a", version="1.0"), "200 until the end 'hello', closed; target: GET /a",
             answer=ends_with(IN_CHUNKS[:-5]), haproxy=("200 chunked 'hello' cut, closed; target: GET /a HTTP/1.0", IN_CHUNKS_ALL_THE_SAME)),
        Case("sends a chunk size that is none", ask("/a"), "200 cut, closed; target: GET /a", answer=IN_CHUNKS[:-5] + b"zz\r\n",
             nginx=("no answer, closed; target: GET /a", "closes before its head is out"),
             haproxy=("502, open; target: GET /a", "looks at the body's begin before its head is out")),
        Case("closes an idle connection when a GET comes", [ask("/1"), READ, ask("/2")], "200 'ok', 200 'ok', open; target: GET /1, GET /2, GET /2",
             answer=each(OK, None, OK), haproxy=("200 'ok', closed without a word; target: GET /1, GET /2", SILENT_RETRY)),
        Case("closes an idle connection when a POST comes", [ask("/1"), READ, post("/2")], "200 'ok', 502, open; target: GET /1, POST /2 'hello'",
             answer=each(OK, None, OK), haproxy=("200 'ok', closed without a word; target: GET /1, POST /2 'hello'", SILENT_RETRY)),
        Case("closes an idle connection and then a new one", [ask("/1"), READ, ask("/2"), READ, ask("/3")],
             "200 'ok', 502, 200 'ok', open; target: GET /1, GET /2, GET /2, GET /3", answer=each(OK, None, None, OK),
             haproxy=("200 'ok', closed without a word; target: GET /1, GET /2", SILENT_RETRY)),
    ],
    "Slow clients": [
        Case("without a byte", [], "no answer, closed", haproxy=("408, closed", "says it though nothing was asked (http-ignore-probes)")),
        Case("within the head", ask("/a")[:-10], "408, closed", nginx=("no answer, closed", "closes without a word")),
        Case("within the head of a second request", [ask("/a"), READ, ask("/b")[:-10]], "200 'ok', 408, closed; target: GET /a",
             nginx=("200 'ok', closed without a word; target: GET /a", "closes without a word")),
        Case("within the body", ask("/a", "Content-Length: 10", method="POST", body=b"hello"), "408, closed; target: POST /a 'hello' cut",
             nginx=("no answer, closed; target: POST /a 'hello' cut", "closes without a word"),
             haproxy=("504, closed; target: POST /a 'hello' cut", "waits for the target, which waits for the body")),
        Case("with a body that takes longer than the target may", [ask("/a", "Content-Length: 10", method="POST"), *[0.4, b"xx"] * 5],
             "200 'ok', open; target: POST /a 'xxxxxxxxxx'"),
    ],
}
