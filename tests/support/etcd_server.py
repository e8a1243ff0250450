"""An etcd of a test's own, and the few words of its JSON gateway that a foreign peer needs."""
import base64
import json
import shutil
import ssl
import subprocess
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from conftest import free_port


def installed():
    return shutil.which("etcd") is not None


def coded(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


class Etcd:
    """On free ports of the loopback, everything in a scratch folder."""

    def __init__(self, folder, *more, tls=None, also=()):
        """`also`: further addresses of this machine that it listens on."""
        self.folder, self.tls, self.token = folder, tls, None
        self.port, self.peer = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        scheme = "https" if tls else "http"
        self.url, peer = f"{scheme}://{self.address}", f"http://127.0.0.1:{self.peer}"
        self.words = ["etcd", "--data-dir", folder / "etcd", "--listen-client-urls", ",".join([self.url, *(f"{scheme}://{address}:{self.port}" for address in also)]), "--advertise-client-urls", self.url,
                      "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}", "--log-level", "error", *more]
        if tls:
            self.words += ["--cert-file", tls["cert"], "--key-file", tls["key"]]
        self.log = open(folder / "etcd.log", "wb")
        self.start()

    def start(self):
        self.process = subprocess.Popen(list(map(str, self.words)), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + 30
        while True:
            try:
                return self("maintenance/status", {})
            except HTTPError as error:
                if error.code in (400, 401, 403):  # it wants a password
                    return None
            except (URLError, OSError):
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "etcd.log").read_text()[-2000:]
            time.sleep(0.05)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __call__(self, path, body):
        request = Request(f"{self.url}/v3/{path}", json.dumps(body).encode(), {"Authorization": self.token} if self.token else {})
        context = None
        if self.tls:
            context = ssl.create_default_context(cafile=self.tls["ca"])
        with urlopen(request, timeout=10, context=context) as answer:
            return json.load(answer)

    def put(self, key, value):
        return self("kv/put", {"key": coded(key), "value": coded(value if isinstance(value, str) else json.dumps(value))})

    def get(self, key):
        return [json.loads(base64.b64decode(kv["value"])) for kv in self("kv/range", {"key": coded(key)}).get("kvs", [])]

    def delete(self, key):
        return self("kv/deleterange", {"key": coded(key)})

    def compact(self):
        revision = self.put("other", "x")["header"]["revision"]
        return self("kv/compaction", {"revision": revision, "physical": True})

    def ask_for_passwords(self, password):
        for path, body in (("auth/user/add", {"name": "root", "password": password}), ("auth/role/add", {"name": "root"}),
                           ("auth/user/grant", {"user": "root", "role": "root"}), ("auth/enable", {})):
            self(path, body)
        self.log_in("root", password)

    def log_in(self, user, password):
        self.token = None
        self.token = self("auth/authenticate", {"name": user, "password": password})["token"]
