"""Digest authentication: MD5 beside Apache, which has no other, and the other forms beside a server of the test's own. Each request is
two on the wire and one trace; with a kept nonce only the first is."""
import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from conftest import accepts, free_port, wait_for
from raw_server import RawServer

APACHE, MODULES = shutil.which("apache2", path="/usr/sbin:/usr/bin"), Path("/usr/lib/apache2/modules")
CONFIG = """
ServerRoot {folder}
PidFile {folder}/pid
Listen 127.0.0.1:{port}
ServerName localhost
DocumentRoot {folder}
ErrorLog {folder}/errors
LogFormat "%s %r" short
CustomLog {folder}/log short
Mutex file:{folder}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authn_file_module {modules}/mod_authn_file.so
LoadModule auth_digest_module {modules}/mod_auth_digest.so
<Directory {folder}>
AuthType Digest
AuthName "a realm"
AuthUserFile {folder}/users
AuthDigestQop {qop}
AuthDigestNonceLifetime {lifetime}
Require valid-user
</Directory>
"""


def hashed(text, algorithm="md5"):
    return hashlib.new(algorithm, text.encode()).hexdigest()


@pytest.fixture
def apache(tmp_path_factory):
    """apache(qop=..., lifetime=...): an Apache with one user, anna, whose password is a secret; its address and the folder."""
    if not APACHE or not (MODULES / "mod_auth_digest.so").exists():
        pytest.skip("apache2 isn't installed (scripts/setup.sh test)")
    started = []

    def call(qop="auth", lifetime=300):
        folder, port = tmp_path_factory.mktemp("apache"), free_port()
        folder.chmod(0o755)
        (folder / "conf").write_text(CONFIG.format(folder=folder, port=port, modules=MODULES, qop=qop, lifetime=lifetime))
        (folder / "users").write_text(f"anna:a realm:{hashed('anna:a realm:a secret')}\n")
        (folder / "a.txt").write_text("there")
        started.append(subprocess.Popen([APACHE, "-f", folder / "conf", "-X"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(folder / "said", "wb")))
        wait_for(lambda: accepts(port) or started[-1].poll() is not None, "Apache to listen")
        assert started[-1].poll() is None, (folder / "said").read_text()
        return f"http://127.0.0.1:{port}/a.txt", folder
    yield call
    for process in started:
        process.terminate()
        process.wait(20)


def statuses(folder):
    return [line.split()[0] for line in (folder / "log").read_text().splitlines()]


def traces(database):
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT status, request_bytes, response_bytes FROM traces ORDER BY created").fetchall()


def test_apache_lets_in_who_answers_its_challenge(run, apache, tmp_path):
    url, folder = apache()
    done = run("load", url, "-n", 3, "-u", "anna:a secret", "--digest", "--db", tmp_path / "x.sqlite", "--no-telemetry")
    assert done.ran, done
    assert statuses(folder) == ["401", "200"] * 3
    kept = traces(tmp_path / "x.sqlite")
    assert [status for status, _, _ in kept] == [200] * 3
    log = (folder / "log").read_text()
    assert log.count("GET /a.txt HTTP/1.1") == 6
    assert all(request > 400 and response > 500 for _, request, response in kept), kept  # of both messages
    refused = run("load", url, "-n", 1, "-u", "anna:wrong", "--digest", "--db", tmp_path / "y.sqlite", "--no-telemetry")
    assert statuses(folder)[6:] == ["401", "401"] and [row[0] for row in traces(tmp_path / "y.sqlite")] == [401], refused
    assert "a secret" not in json.dumps(done.out) + done.err


FILE = """name: digest
services: {{app: {{hosts: {{"{host}": 1}}}}}}
clients: [{{service: app, num: {num}, closed_loop: {{connections: 1}}, requests: {requests}, request: {{path: /a.txt, auth: {{digest: [anna, a secret], keep: {keep}}}}}}}]
telemetry: off
"""


def test_a_kept_nonce_is_used_by_client(run, apache, tmp_path):
    url, folder = apache()
    (tmp_path / "x.yaml").write_text(FILE.format(host=url.split("/")[2], num=2, requests=5, keep="true"))
    done = run("run", "x.yaml", "--db", tmp_path / "x.sqlite")
    assert done.ran, done
    assert sorted(statuses(folder)) == ["200"] * 10 + ["401"] * 2
    assert [row[0] for row in traces(tmp_path / "x.sqlite")] == [200] * 10


class Guarded:
    """A server that lets in who answers its challenge as RFC 7616 has it."""

    def __init__(self, algorithm="SHA-256", qop="auth,auth-int", lives=10**9, more=""):
        self.algorithm, self.qop, self.lives, self.more, self.nonces, self.statuses, self.counts = algorithm, qop, lives, more, {}, [], []
        self.server = RawServer(self.answer)

    def answer(self, request, connection):
        header = (request.all("authorization") or [""])[0]
        given = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', header)}
        stale = bool(given) and self.nonces.get(given["nonce"], 0) >= self.lives
        if given and given["nonce"] in self.nonces and not stale and self.right(request, given):
            self.nonces[given["nonce"]] += 1
            self.statuses.append(200)
            return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        nonce = f"n{len(self.nonces)}"
        self.nonces[nonce] = 0
        self.statuses.append(401)
        challenge = f'Digest realm="r", nonce="{nonce}", opaque="o\\"p", algorithm={self.algorithm}' + (f', qop="{self.qop}"' if self.qop else "")
        return f"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: {challenge}{', stale=true' if stale else ''}\r\nContent-Length: 0\r\n\r\n".encode()

    def right(self, request, given):
        one = lambda text: hashed(text, "md5" if self.algorithm.startswith("MD5") else "sha256")
        method, target, _ = request.line.split()
        who = one("anna:r:a secret")
        if self.algorithm.endswith("-sess"):
            who = one(f"{who}:{given['nonce']}:{given['cnonce']}")
        what = one(f"{method}:{target}" + (":" + one(request.body.decode()) if given.get("qop") == "auth-int" else ""))
        if not self.qop:
            return given["response"] == one(f"{who}:{given['nonce']}:{what}")
        self.counts.append(int(given["nc"], 16))
        assert given["uri"] == target and given["username"] == "anna"
        return given["response"] == one(f"{who}:{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}:{what}")


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
@pytest.mark.parametrize("qop", ["auth,auth-int", "auth-int", "auth", ""])
def test_each_form_is_answered(run, tmp_path, algorithm, qop):
    guarded = Guarded(algorithm, qop)
    done = run("load", f"http://{guarded.server.address}/a?b=c%7E", "-n", 1, "-b", "the body", "-u", "anna:a secret", "--digest", "-q", "--no-telemetry", "--db", tmp_path / "x.sqlite")
    assert done.ran and guarded.statuses == [401, 200], (done, guarded.statuses)
    assert [row[0] for row in traces(tmp_path / "x.sqlite")] == [200]
    guarded.server.close()


def test_a_nonce_that_is_stale_is_replaced_and_the_count_begins_anew(run, tmp_path):
    guarded = Guarded(lives=3)
    (tmp_path / "x.yaml").write_text(FILE.format(host=guarded.server.address, num=1, requests=8, keep="yes"))
    done = run("run", "x.yaml", "-q", "--db", tmp_path / "x.sqlite")
    assert done.ran and guarded.statuses == [401, 200, 200, 200] * 2 + [401, 200, 200], (done, guarded.statuses)
    assert guarded.counts == [1, 2, 3, 1, 2, 3, 1, 2]
    guarded.server.close()
