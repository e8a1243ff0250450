"""Redirects beside curl and Python's requests: each follows the same answers, and the servers must have seen the same.
Where the two differ, a row says whom we follow."""
import json
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest
from conftest import result_of, strip_colour
from raw_server import RawServer

# One request a line: what requests makes of it, in an interpreter that has the package.
REQUESTS = """
import json, sys, requests
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = requests.request(timeout=20, allow_redirects=True, **asked).status_code
    except requests.RequestException as error:
        answer = type(error).__name__
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="module")
def requests():
    for interpreter in dict.fromkeys([sys.executable, shutil.which("python3")]):
        if subprocess.run([interpreter, "-c", "import requests"], capture_output=True).returncode == 0:
            break
    else:
        yield None
        return
    process = subprocess.Popen([interpreter, "-c", REQUESTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(**asked):
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())
    yield ask
    process.stdin.close()
    process.wait(20)


class Servers:
    """Two servers that answer a path as they are told, and else 200."""

    def __init__(self):
        self.answers = {}
        self.all = {name: RawServer(self.answer) for name in "AB"}
        self.ports = {name: server.address.split(":")[1] for name, server in self.all.items()}
        self.order = []

    def answer(self, request, connection):
        port = str(connection.getsockname()[1])
        self.order.append((next(name for name, own in self.ports.items() if own == port), request))
        status, headers = self.answers.get(request.line.split()[1].split("?")[0], (200, []))
        lines = [f"HTTP/1.1 {status} X", "Content-Length: 0", *headers, "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def fill(self, value):
        """{A}, {B}: the ports."""
        if isinstance(value, str):
            return value.replace("{A}", self.ports["A"]).replace("{B}", self.ports["B"])
        if isinstance(value, dict):
            return {key: self.fill(one) for key, one in value.items()}
        return [self.fill(one) for one in value] if isinstance(value, (list, tuple)) else value

    def take(self):
        """What was seen, as far as it must be the same."""
        seen = []
        for name, request in self.order:
            method, target, _ = request.line.split()
            kept = {}
            for key, value in request.headers:
                key = key.lower()
                if key == "cookie":
                    kept[key] = sorted(value.split("; "))
                elif key.startswith(("x-", "content-", "host", "authorization")):
                    kept[key] = value
            if kept.get("content-length") == "0" and method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
                del kept["content-length"]  # said by some, and the same as not
            target = re.sub("%..", lambda escape: escape[0].upper(), target)
            seen.append((name, method, target, kept, request.body))
        self.order.clear()
        return seen

    def close(self):
        for server in self.all.values():
            server.close()


@pytest.fixture(scope="module")
def servers():
    made = Servers()
    yield made
    made.close()


def moved(location, *more, status=302):
    return status, [f"Location: {location}", *more]


BOTH, CURL, ONLY_REQUESTS = ("curl", "requests"), ("curl",), ("requests",)
OTHER_PORT, OTHER_HOST = "http://127.0.0.1:{B}/t", "http://localhost:{A}/t"
SECRETS = {"Authorization": "Basic xx", "X-Key": "k"}


def row(answers, like=BOTH, method="GET", headers={}, body=None, start="http://127.0.0.1:{A}/a/s", curl=()):
    return pytest.param(answers, like, method, headers, body, start, curl)


def first(location, *more, status=302):
    return {"/a/s": moved(location, *more, status=status)}


ROWS = {
    # Where it leads.
    "a path": row(first("/t")), "a relative path": row(first("t")), "up": row(first("../x/./y/../z")),
    "up too far": row(first("../../../t?q=../r")), "a query": row(first("?q=1")), "the host alone": row(first("//127.0.0.1:{B}/t")),
    "a fragment": row(first("/t#frag")), "all of it": row(first("http://127.0.0.1:{A}/t?x=1")), "letters beyond ASCII": row(first("/\xc3\xbc")),
    "a blank": row(first("/a b")), "another port": row(first(OTHER_PORT)), "a name that wasn't known": row(first(OTHER_HOST)),
    "no path": row(first("http://127.0.0.1:{B}")),
    "a query and no path": row(first("http://127.0.0.1:{B}?x=1")), "an empty location": row(first("")),
    "a choice isn't followed": row(first("/t", status=300), ONLY_REQUESTS), "what wasn't modified isn't": row(first("/t", status=304), ONLY_REQUESTS),
    # What is sent on to whom.
    "credentials to the same host": row(first("/t"), headers=SECRETS), "not to another port": row(first(OTHER_PORT), headers=SECRETS),
    "not to another name": row(first(OTHER_HOST), headers=SECRETS),
    "nor after a way round": row({**first(OTHER_PORT), "/t": moved("http://127.0.0.1:{A}/u")}, ONLY_REQUESTS, headers=SECRETS),
    "a cookie to the same host": row(first("/t"), CURL, headers={"Cookie": "c=1"}), "a cookie not to another port": row(first(OTHER_PORT), headers={"Cookie": "c=1"}),
    "who asks by the URL": row({**first("/t"), "/t": moved("http://127.0.0.1:{B}/u")}, start="http://m%40e:p%3Aw@127.0.0.1:{A}/a/s"),
    "who asks by the location": row(first("http://u:p@127.0.0.1:{A}/t"), CURL), "not elsewhere by the location": row(first("http://u:p@127.0.0.1:{B}/t")),
    "a host of one's own": row(first("/t"), headers={"Host": "example"}),
    "a host of one's own not elsewhere": row({**first(OTHER_HOST)}, CURL, headers={"Host": "example"}),
    # Cookies of the chain.
    "a cookie that is set": row(first("/a/t", "Set-Cookie: k=v", "Set-Cookie: l=w; path=/")), "for another path": row(first("/t", "Set-Cookie: k=v", "Set-Cookie: l=w; path=/b")),
    "for TLS": row(first("/t", "Set-Cookie: k=v; path=/; Secure"), ONLY_REQUESTS), "also at another port": row(first(OTHER_PORT, "Set-Cookie: k=v; path=/")),
    "not for another host": row(first(OTHER_HOST, "Set-Cookie: k=v; path=/")), "not of another domain": row(first("/t", "Set-Cookie: k=v; path=/; domain=example.org")),
    "taken away again": row({**first("/t", "Set-Cookie: k=v; path=/", "Set-Cookie: l=w; path=/"), "/t": moved("/u", "Set-Cookie: k=; path=/; Max-Age=0", "Set-Cookie: l=; path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Set-Cookie: m=x")}),
    # For ever.
    "a circle": row({"/a/s": moved("/a/s")}), "two in a circle": row({**first(OTHER_PORT), "/t": moved("http://127.0.0.1:{A}/a/s")}),
    # What becomes of method and body; curl's own type of a body is taken away.
    **{f"POST {status}": row(first("/t", status=status), BOTH, "POST", body="body", curl=("-H", "Content-Type:")) for status in (301, 302, 303, 307, 308)},
    **{f"{method} {status}": row(first("/t", status=status), ONLY_REQUESTS, method, {"Content-Type": "text/x"}, None if method in ("GET", "HEAD") else "body")
       for status in (301, 302, 303, 307, 308) for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")},
}


@pytest.mark.parametrize("answers, like, method, headers, body, start, curl", ROWS.values(), ids=ROWS.keys())
def test_a_redirect_is_followed_as_others_follow_it(run, servers, requests, answers, like, method, headers, body, start, curl):
    servers.answers, start = servers.fill(answers), servers.fill(start)
    servers.take()
    lines = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    data = ["-b", body] if body else []
    done = run("load", start, "-n", "1", "-r", "1k", "-m", method, "--redirects", "30", "-q", "--db", "none", "--no-telemetry", *lines, *data)
    assert done.ran, done
    ours = servers.take()
    if "curl" in like:
        how = ["-I"] if method == "HEAD" else ["-d", body] if body else []
        subprocess.run(["curl", "-gsL", "-b", "", "--max-redirs", "30", "-o", "/dev/null", *how, *curl, *lines, start], timeout=30)
        assert ours == servers.take(), "as curl"
    if "requests" in like and requests:
        requests(method=method, url=start, headers=headers, data=body)
        assert ours == servers.take(), "as requests"


def test_what_cant_be_followed_is_a_failure_with_a_name_of_its_own(run, servers, tmp_path):
    """A circle, another scheme, nobody's name: sent, failed, and the books balance. A redirect that isn't asked for is an answer."""
    servers.answers = {"/circle": moved("/circle"), "/scheme": moved("ftp://127.0.0.1/"), "/nobody": moved("http://no-such-host.invalid/"),
                       "/nothing": moved("http:t"), "/one": moved("/two")}
    for path, flags, failed in (("circle", ["--redirects", "30"], {"too_many_redirects": 2}), ("scheme", ["--redirects", "1"], {"bad_redirect": 2}),
                                ("nobody", ["--redirects", "1"], {"bad_redirect": 2}), ("nothing", ["--redirects", "1"], {"bad_redirect": 2}),
                                ("one", [], {}), ("one", ["--redirects", "1"], {})):
        url = f"http://127.0.0.1:{servers.ports['A']}/{path}"
        done = run("load", url, "-n", "2", "-r", "100", *flags, "--json", "r.json", "-q", "--db", "none", timeout=60)
        ledger = result_of(tmp_path / "r.json")["ledger"]
        assert (ledger["sent"], ledger["failed"], ledger["balanced"]) == (2, failed, True), (path, done)
    servers.take()


def test_an_answer_that_isnt_followed_is_no_failure_and_what_is_one_is_told(run, servers, tmp_path):
    """302 and 304 are answers, 404 isn't; --fail-on says otherwise, the summary says which, and the experiment keeps it."""
    servers.answers = {"/moved": moved("/x"), "/same": (304, []), "/gone": (404, []), "/empty": (204, [])}
    cases = [("moved", [], True, "2 with status 302 are answers; failures are the statuses 400-999"),
             ("same", [], True, "2 with status 304 are answers; failures are the statuses 400-999"),
             ("gone", [], False, "of these with status 404"),
             ("gone", ["--fail-on", "500-599"], True, "2 with status 404 are answers; failures are the statuses 500-599"),
             ("moved", ["--fail-on", "300-999"], False, "failures are the statuses 300-999"),
             ("empty", ["--fail-on", "204, 500-599"], False, "of these with status 204"),
             ("gone", ["--fail-on", "none"], True, "failures are the statuses none")]
    for path, flags, answered, told in cases:
        url = f"http://127.0.0.1:{servers.ports['A']}/{path}"
        done = run("load", url, "-n", "2", "-r", "100", *flags, "--json", "r.json", "-q")
        result = result_of(tmp_path / "r.json")
        assert result["ledger"]["answered"] == (2 if answered else 0), (path, flags, done)
        assert result["fail_on"] == (flags[1] if flags else "400-999")
        assert told in strip_colour(done.out), done
        shown = json.loads(run("exp", "show", "last", "--json").out)
        assert shown["ledger"]["answered"] == result["ledger"]["answered"], (path, flags)
        assert shown["fail_on"] == result["fail_on"]
    failures = sqlite3.connect(tmp_path / "galileo.sqlite").execute("SELECT STATUS, ERROR, count(*) FROM traces GROUP BY 1, 2").fetchall()
    assert (302, "status", 2) in failures and any(row[:1] == (302,) and not row[1] for row in failures), failures
    servers.take()


@pytest.mark.parametrize("text", ["4x", "400-", "99", "599-500", "500,"])
def test_statuses_that_are_none_are_refused_before_anything_is_sent(run, text):
    done = run("load", "http://127.0.0.1:1/", "--fail-on", text)
    assert done.code == 2 and "--fail-on" in done.err and "write 400-599" in done.err, done
