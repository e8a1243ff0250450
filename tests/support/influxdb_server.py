"""An InfluxDB 2.7 of a test's own: on a free port of the loopback, everything in a scratch folder."""
import functools
import json
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from conftest import ROOT, free_port
from server_process import ServerProcess

ORGANISATION, TOKEN = "lab", "only-for-tests"
START_SECONDS = 60
BUILD_SECONDS = 2400


@functools.cache
def influxd():
    """The program; the first time on a machine it is built, which takes minutes."""
    built = subprocess.run([ROOT / "tests/influxd/build.sh"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_SECONDS)
    assert built.returncode == 0, built.stderr
    return built.stdout.strip()


class InfluxDb(ServerProcess):
    """Set up with one organisation and an operator's token."""

    def __init__(self, folder, *more):
        self.folder, self.more, self.port = Path(folder), more, free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = open(self.folder / "influxd.log", "ab")
        self.start()
        made = self.json("setup", {"username": "galileo", "password": "only for tests", "org": ORGANISATION, "bucket": "first", "token": TOKEN}, token=None)
        self.organisation_id = made["org"]["id"]

    @property
    def url(self):
        return f"influxdb://:{TOKEN}@127.0.0.1:{self.port}/{ORGANISATION}"

    def start(self):
        self.process = subprocess.Popen(
            [influxd(), "--bolt-path", self.folder / "influxd.bolt", "--engine-path", self.folder / "engine", "--sqlite-path", self.folder / "influxd.sqlite",
             "--http-bind-address", f"127.0.0.1:{self.port}", "--reporting-disabled", "--log-level", "error", *self.more],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_healthy():
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "influxd.log").read_text()[-3000:]
            time.sleep(0.05)

    def is_healthy(self):
        try:
            with urlopen(f"{self.address}/health", timeout=5) as answer:
                return json.load(answer)["status"] == "pass"
        except (URLError, OSError, HTTPError):
            return False

    def request(self, method, path, body=None, token=TOKEN, **headers):
        """The answer's bytes; `path` is behind /api/v2/."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if token:
            headers["Authorization"] = f"Token {token}"
        with urlopen(Request(f"{self.address}/api/v2/{path}", data, headers, method=method), timeout=60) as answer:
            return answer.read()

    def json(self, path, body=None, method=None, token=TOKEN):
        return json.loads(self.request(method or ("GET" if body is None else "POST"), path, body, token, **{"Content-Type": "application/json"}) or b"null")

    def write(self, bucket, lines, precision="ns"):
        self.request("POST", "write?" + urlencode({"org": ORGANISATION, "bucket": bucket, "precision": precision}), lines.encode())

    def flux(self, query):
        """Lines of CSV, as the server writes them."""
        answer = self.request("POST", f"query?org={quote(ORGANISATION)}", query.encode(), **{"Content-Type": "application/vnd.flux", "Accept": "application/csv"})
        return answer.decode().replace("\r\n", "\n")

    def token(self, *permissions):
        """Of (action, type) pairs: one that may do no more than these."""
        wanted = [{"action": action, "resource": {"type": kind, "orgID": self.organisation_id}} for action, kind in permissions]
        return self.json("authorizations", {"orgID": self.organisation_id, "permissions": wanted})["token"]

    def buckets(self):
        return {bucket["name"]: bucket for bucket in self.json("buckets?limit=100")["buckets"]}

    def request_ids(self, bucket):
        """Of the bucket's traces as the server itself has them, by Flux: we read by other means."""
        lines = self.flux(f'from(bucket: "{bucket}") |> range(start: 1970-01-01T00:00:00Z, stop: 2200-01-01T00:00:00Z) '
                          '|> filter(fn: (r) => r._measurement == "traces" and r._field == "request_id") |> keep(columns: ["_value"])').splitlines()
        return [line.split(",")[-1] for line in lines if ":" in line]
