"""The parameters of old clients beside Python's requests itself, the version of its time and a new one: both send the rows of
request_rows.py to one recording server, which must have got the same request. Where ours differs, DIFFERENT says why, and a
difference that is none any more fails."""
import contextlib
import json
import queue
import re
import socket
import subprocess
import threading
from pathlib import Path

import python_environment
import pytest
from conftest import SLOWER, wait_for
from raw_server import Request
from redis_server import API, EVENT_BUS
from request_rows import ROWS

pytestmark = pytest.mark.peers
VERSIONS = {"2.28.1": ["requests==2.28.1", "urllib3==1.26.12", "charset-normalizer==2.1.1", "idna==3.4", "certifi"],
            "2.34.2": ["requests==2.34.2", "urllib3==2.8.0", "charset-normalizer==3.5.3", "idna==3.20", "certifi"]}
QUIET_SECONDS = 0.5  # a request that doesn't end is over


class Recorder:
    """Answers whatever comes, and has what came: a request line, headers, a body."""

    def __init__(self):
        self.requests, self.open = queue.Queue(), 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.open += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20 * SLOWER)
            data = b""
            while b"\r\n\r\n" not in data:
                if not (piece := connection.recv(65536)):
                    return
                data += piece
            head, _, data = data.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = [tuple(part.strip(" \t") for part in line.partition(":")[::2]) for line in lines[1:]]
            request = Request(lines[0], headers, b"")
            connection.settimeout(QUIET_SECONDS)
            with contextlib.suppress(TimeoutError):
                self.body(connection, request, data)
            self.requests.put(request)
            status, location = 200, ""
            if moved := re.match(r"\w+ /moved/(\d+)/(\w+)", lines[0]):  # to this host by the same name or by another
                status, location = moved[1], f"Location: http://{dict(here='127.0.0.1', elsewhere='localhost')[moved[2]]}:{self.address.split(':')[1]}/t\r\n"
            elif moved := re.match(r"\w+ /moved/to-(\w+)/x ", lines[0]):  # wherever the row says
                status, location = 302, f"Location: {bytes.fromhex(moved[1]).decode('latin-1').replace('HOST', self.address)}\r\n"
            connection.sendall(f"HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)  # what 2.28.1 sends behind a head without a length is read, so that nothing is reset
            while connection.recv(65536):
                pass

    @staticmethod
    def body(connection, request, data):
        if request.all("transfer-encoding"):
            while not data.endswith(b"0\r\n\r\n"):
                if not (piece := connection.recv(65536)):
                    break
                data += piece
            request.body = data
        else:
            length = int((request.all("content-length") or ["0"])[0])
            while len(data) < length and (piece := connection.recv(65536)):
                data += piece
            request.body = data[:length]

    def take_all(self, parameters):
        """What came of one client's request: one, or two where it was moved."""
        return [self.take() for _ in range(2)] if "/moved/" in parameters.get("path", "/") else self.take()

    def take(self):
        """As what can be compared: the line, the headers by name, the body; its boundary is free."""
        request = self.requests.get(timeout=10 * SLOWER)
        headers, body = {}, request.body.decode("latin-1")
        for name, value in request.headers:
            headers.setdefault(name.lower(), []).append(value)
        boundary = re.match(r"--(\w+?)(--)?\r\n", body)
        for name in ("content-type",) if boundary else ():
            headers[name] = [value.replace(boundary[1], "B") for value in headers[name]]
        body = body.replace(boundary[1], "B") if boundary else body
        if boundary and body:
            headers.pop("content-length")  # it differs as boundaries do; RawServer's reading has held it
        return {"line": request.line, "headers": headers, "body": body}

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture(scope="module")
def recorder():
    made = Recorder()
    yield made
    made.close()


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"requests-{version}")
def theirs(request, recorder):
    """theirs(parameters): what requests of one version sends, or the error that it dies of."""
    python, why_not = python_environment.find(f"requests-{request.param}", "Python's requests", VERSIONS[request.param])
    if why_not:
        pytest.skip(why_not)
    process = subprocess.Popen([python, Path(__file__).parent / "requests_client.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(parameters):
        process.stdin.write(json.dumps({"host": recorder.address, "parameters": parameters}) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            with contextlib.suppress(queue.Empty):  # it may have sent a part
                while True:
                    recorder.requests.get(timeout=0.05)
            return answer["error"]
        return recorder.take_all(parameters)
    ask.version = request.param
    yield ask
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


class Worker:
    """A `galileo worker` on a Redis of its own, which knows one service: the recorder."""

    def __init__(self, galileo, server, folder, address):
        self.server, self.log = server, open(folder / "worker.log", "wb")
        self.process = subprocess.Popen([galileo, "worker", "--name", "w1", "--bus", server.url, "--spool", folder, "--traces", "redis"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for(lambda: server("SISMEMBER", "galileo:workers", "w1"), "the worker to register")
        server.route("app", address)

    def send(self, parameters):
        """One request of a client with these parameters; why there is no such client, or None."""
        try:
            [[client, *_]] = self.server.rpc("WorkerDaemon.create_client:w1", ["w1", ["app", None, parameters, None], 1])
        except AssertionError as refused:
            return str(refused)
        command = json.dumps({"__obj": [client, 1, "constant", [0.001]], "__type": API + "SetWorkloadCommand"})
        assert self.server("PUBLISH", EVENT_BUS + API + "SetWorkloadCommand", command) > 0
        return None

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture(scope="module")
def ours(galileo, recorder, tmp_path_factory):
    """ours(parameters): what our worker sends, or why it refuses them. Asked once a row."""
    import redis_server
    from ports import free_port
    if not redis_server.installed():
        pytest.skip("redis-server isn't installed (scripts/setup.sh test)")
    server = redis_server.Redis(tmp_path_factory.mktemp("redis"), free_port())
    worker = Worker(galileo, server, tmp_path_factory.mktemp("worker"), recorder.address)
    seen = {}

    def ask(parameters):
        key = json.dumps(parameters)
        if key not in seen:
            refused = worker.send(parameters)
            seen[key] = f"refused: {refused}" if refused else recorder.take_all(parameters)
        return seen[key]
    yield ask
    worker.close()
    server.stop()


def comparable(sent):
    """Without what differs in each row: who asks, and that the connection stays, which HTTP/1.1 means anyway."""
    if isinstance(sent, str):
        return "an error"
    if isinstance(sent, list):
        return [comparable(one) for one in sent]
    headers = {name: values for name, values in sent["headers"].items()
               if not (name == "connection" and values == ["keep-alive"] or name == "user-agent" and re.match("galileo$|python-(requests|urllib3)/", values[0]))}
    return {**sent, "headers": headers}


# Rows in which ours differs: a pattern of their names, what ours does there, and why. `only`: from one version alone, since they
# differ from each other.
SENDS, REFUSES = "sends", "refuses"
NUMBERS = "a number|a float|a large float|a small float|a whole float|minus|a huge number"
BEYOND_LATIN_1 = "ř|emoji|all three"
DIFFERENT = [
    (rf"(params|data): alone (true|{NUMBERS})", SENDS, None, "a number has a text"),
    (rf"headers: a value of (true|false|0|{NUMBERS})", SENDS, None, "a number has a text"),
    (rf"cookies: a value of (true|false|0|{NUMBERS})", SENDS, None, "a number has a text"),
    (r"files: a file of (a float|a large float|a small float|a whole float)", SENDS, None, "a number has a text"),
    (rf"(headers|cookies): a value of ({BEYOND_LATIN_1})", SENDS, None, "UTF-8 is better than none"),
    (rf"auth: a password of ({BEYOND_LATIN_1})", SENDS, None, "UTF-8 is better than none"),
    (r"headers: a value of (Latin-1 sign|a tab)|headers: a leading blank", SENDS, None, "a blank at the beginning does no harm"),
    (r"headers: pairs", SENDS, None, "ours: a name may be there several times"),
    (r"timeout: false|all false: one", SENDS, None, "what is false is as good as none"),
    (rf"hooks: (false|true|0|empty|text|{NUMBERS})", SENDS, None, "hooks change nothing"),
    (r"cert: (text|a pair)", SENDS, None, "the service isn't one of https, so that nobody reads it"),
    (r"headers: alone (false|0|empty)|headers: an empty list", {"accept-encoding": ["gzip, deflate"], "accept": ["*/*"]}, None, "false is as good as none"),
    (r"headers: no accept", {"accept": ["*/*"]}, None, "the default stays"),
    (r"params: (of a map in a map|of a list of texts)", REFUSES, None, "nobody means that"),
    (r"data: (a map in a map|a list of texts)", REFUSES, None, "nobody means that"),
    (r"headers: a name of (a blank|an and|a quote|brackets|backslash)", REFUSES, None, "no token, which others read in other ways (RFC 9110, 5.1)"),
    (r"headers: a chunked (body|nothing)", REFUSES, None, "both framings at once smuggle requests"),
    (r"json: of a half character", REFUSES, None, "half of a surrogate pair is no text"),
    (r"moved: (delete|options) 301", SENDS, None, "a body that isn't there any more has the length 0; urllib3 says so of methods that use to have one"),
    (r"data: (a form of null|all null in a form|null in a list)", {"content-length": ["0"], "content-type": ["application/x-www-form-urlencoded"]}, None,
     "an empty body has the length 0; 2.28.1 sends one without any framing, 2.34.2 in chunks"),
    (r"data: a (text of (é|Latin-1 sign)|long text of é)", SENDS, "2.28.1", "text is UTF-8, as in new versions: known-problems, psf/requests#6658"),
    (rf"data: a text of ({BEYOND_LATIN_1})", SENDS, "2.28.1", "2.28.1 refuses what isn't ISO-8859-1"),
    (r"files: a (field|file)'s name of (a tab|backslash)", SENDS, "2.28.1", "urllib3 1.26 escapes them as no browser does, 2 doesn't"),
]


def why_different(name, version):
    """(what ours does, why), for a row that may differ."""
    found = [(does, why) for pattern, does, only, why in DIFFERENT if only in (None, version) and re.fullmatch(pattern, name)]
    assert len(found) < 2, name
    return found[0] if found else None


def test_a_worker_sends_what_requests_sends_for_the_same_parameters(theirs, ours):
    assert len(ROWS) > 800
    wrong = []
    for name, parameters in ROWS.items():
        wanted, got = theirs(parameters), ours(parameters)
        known = why_different(name, theirs.version)
        refused = isinstance(got, str)
        if known is None and comparable(wanted) != comparable(got):
            wrong.append(f"{name}: {parameters}\n  requests {theirs.version}: {str(wanted)[:500]}\n  ours: {str(got)[:500]}")
        elif known and comparable(wanted) == comparable(got):
            wrong.append(f"{name}: no difference any more, which was: {known[1]}")
        elif known and ((known[0] == REFUSES) != refused or isinstance(known[0], dict) and not known[0].items() <= got["headers"].items()):
            wrong.append(f"{name}: it differs in another way than said ({known[1]}): {str(got)[:500]}")
    assert not wrong, f"{len(wrong)} rows:\n" + "\n".join(wrong)


def test_every_difference_is_one_of_a_row():
    for pattern, _, _, _ in DIFFERENT:
        assert any(re.fullmatch(pattern, name) for name in ROWS), pattern


def test_ours_sends_utf8_and_says_its_length_in_bytes(ours):
    for name in ("é", "ř", "emoji", "all three"):
        text = {"é": "é", "ř": "ř", "emoji": "\U0001f600", "all three": "é ř \U0001f600"}[name]
        sent = ours(ROWS[f"data: a text of {name}"])
        assert sent["body"].encode("latin-1") == text.encode() and sent["headers"]["content-length"] == [str(len(text.encode()))]
