"""The room kubernetes against a real API server: who we are, what is asked again, watches over cuts, restarts and lost
histories, and quantities as the server writes them. `galileo_ask_kubernetes` (ask_kubernetes.cc) asks; no node is needed."""
import base64
import http.client
import json
import os
import pty
import re
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import cluster as kubernetes
import pytest
from conftest import wait_for

HOST, PORT = "10.87.0.1", 6443
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def cluster():
    if reason := kubernetes.why_not():
        pytest.skip(reason)
    with kubernetes.Cluster(nodes=0) as made:
        yield made


@pytest.fixture(scope="module")
def asker(galileo):
    program = Path(galileo).parent / "galileo_ask_kubernetes"
    assert program.exists(), f"{program} isn't built: cmake --build --preset ... --target galileo_ask_kubernetes"
    return str(program)


class Direct:
    """The API server asked by another client, as the administrator."""

    def __init__(self, cluster):
        context = ssl.create_default_context(cafile=cluster.keys / "ca.crt")
        context.load_cert_chain(cluster.keys / "admin.crt", cluster.keys / "admin.key")
        self.make = lambda: http.client.HTTPSConnection(HOST, PORT, context=context, timeout=30)
        self.connection = self.make()

    def __call__(self, method, path, body=None, kind="application/json"):
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind})
                answer = self.connection.getresponse()
                text = answer.read()
                return answer.status, json.loads(text) if text[:1] == b"{" else text
            except (OSError, http.client.HTTPException):
                self.connection.close()
                self.connection = self.make()
                if attempt == 2:
                    raise

    def put(self, name, **data):
        """A ConfigMap of that name, made or changed; its resourceVersion."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"test": "api"}}, "data": data}
        status, made = self("POST", MAPS, body)
        if status == 409:
            status, made = self("PATCH", f"{MAPS}/{name}", {"data": data}, "application/merge-patch+json")
        assert status in (200, 201), made
        return made["metadata"]["resourceVersion"]

    def remove(self, name):
        assert self("DELETE", f"{MAPS}/{name}")[0] == 200


@pytest.fixture
def direct(cluster):
    made = Direct(cluster)
    yield made
    made("DELETE", f"{MAPS}?labelSelector=test%3Dapi")


class Gate:
    """Between a client and the API server. Connections can be cut, or fall silent without an end; new ones pass, unless it is closed or deaf."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.closed, self.deaf = [], False, False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.closed:
                near.close()
                continue
            try:
                far = socket.create_connection((HOST, PORT))
            except OSError:
                near.close()
                continue
            pair = {"ends": (near, far), "passes": not self.deaf}
            self.pairs.append(pair)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(pair, source, sink), daemon=True).start()

    @staticmethod
    def carry(pair, source, sink):
        try:
            while data := source.recv(65536):
                while not pair["passes"]:
                    time.sleep(0.05)
                sink.sendall(data)
            while not pair["passes"]:
                time.sleep(0.05)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        for pair in self.pairs:
            for end in pair["ends"]:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()
            pair["passes"] = True
        self.pairs = []

    def silence(self):
        for pair in self.pairs:
            pair["passes"] = False

    def close(self):
        self.listener.close()
        self.cut()


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.close()


def config(cluster, path, port=None, user=None, **of_cluster):
    """A kubeconfig of the administrator, or of that user, with all certificates in it."""
    data = lambda name: base64.b64encode((cluster.keys / name).read_bytes()).decode()
    server = f"https://127.0.0.1:{port}" if port else kubernetes.API
    user = user or {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")}
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": data("ca.crt"), **of_cluster}}],
        "users": [{"name": "u", "user": user}]}))
    return path


def ask(asker, where, *words, env=None, timeout=60):
    done = subprocess.run([asker, str(where), *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=timeout, env={**os.environ, **(env or {})})
    assert done.returncode in (0, 1), (done.returncode, done.stdout[-500:], done.stderr[-1000:])
    return done.stdout.strip()


class Running:
    """A `watch` or `keep` and its lines so far."""

    def __init__(self, asker, where, *words, env=None):
        self.process = subprocess.Popen([asker, str(where), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def having(self, start):
        return [line for line in list(self.lines) if line.startswith(start)]

    def wait(self, start, times=1, seconds=60):
        wait_for(lambda: len(self.having(start)) >= times or self.process.poll() is not None,
                 lambda: f"{times} × '{start}', not only {len(self.having(start))}: …{self.lines[-5:]}", seconds)
        assert self.process.poll() is None, (self.lines[-5:], self.process.stderr.read()[-2000:])

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def run(asker):
    running = []

    def call(*words, env=None):
        running.append(Running(asker, *words, env=env))
        return running[-1]
    yield call
    for one in running:
        one.stop()


def test_ten_thousand_random_quantities_are_written_as_the_server_writes_them(cluster, asker):
    said = ask(asker, cluster.folder / "admin.kubeconfig", "quantities", 10_000, time.time_ns() % 1_000_000, timeout=120)
    assert re.fullmatch(r"\d+ equal, 0 not, \d+ refused here", said), said
    assert int(said.split()[0]) >= 10_000


def holds_a_new_key(path):
    try:
        return path.is_file() and path.stat().st_mtime > time.time() - 5 and b"PRIVATE" in path.read_bytes()[:100]
    except OSError:  # another's, which has gone meanwhile
        return False


def test_certificates_in_files_and_in_the_kubeconfig_itself_lead_to_the_server_and_its_clock_is_read(cluster, asker, tmp_path):
    for where in (cluster.folder / "admin.kubeconfig", config(cluster, tmp_path / "embedded")):
        status, date, _ = ask(asker, where, "call", "GET", "/api/v1/namespaces/default").split(" ", 2)
        assert status == "200" and abs(float(date) - time.time()) < 30
    assert not [path for path in Path("/tmp").glob("*") if holds_a_new_key(path)]


def test_another_clusters_server_and_no_server_are_told_from_each_other(cluster, asker, tmp_path):
    kubernetes.do("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other", "-keyout", tmp_path / "k", "-out", tmp_path / "ca")
    other = config(cluster, tmp_path / "other", **{"certificate-authority-data": base64.b64encode((tmp_path / "ca").read_bytes()).decode()})
    said = ask(asker, other, "call", "GET", "/api", "", "3")
    assert said.startswith("no answer from the API server, 10.87.0.1:6443: ") and "certificate verify failed" in said and "tmp" in said
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        said = ask(asker, config(cluster, tmp_path / "gone", closed.getsockname()[1]), "call", "GET", "/api", "", "3")
    assert "Connection refused" in said


def test_what_is_refused_is_told_in_the_servers_words_with_what_to_do(cluster, asker, tmp_path):
    cluster.certify("nobody", "/CN=nobody")
    nobody = cluster.folder / "nobody.kubeconfig"
    said = ask(asker, nobody, "call", "GET", "/api/v1/namespaces/default/pods")
    assert said.startswith("403 ") and 'User "nobody" cannot list resource "pods"' in said and "by a Role and a RoleBinding" in said
    assert ask(asker, nobody, "may", "list", "pods", "default") == "no"
    assert ask(asker, cluster.folder / "admin.kubeconfig", "may", "list", "pods/log", "default") == "yes"
    said = ask(asker, config(cluster, tmp_path / "token", user={"token": "wrong"}), "call", "GET", "/api/v1/namespaces/default/pods")
    assert said.startswith("401 ") and "log in anew" in said and "wrong" not in said


def test_a_list_of_a_thousand_objects_comes_whole_and_takes_little_memory(cluster, asker, direct):
    for number in range(1000):
        direct.put(f"large-{number}", text="x" * 5000)
    said = ask(asker, cluster.folder / "admin.kubeconfig", "list", MAPS)
    count, more = re.fullmatch(r"(\d+) objects, (\d+) KiB more", said).groups()
    assert int(count) >= 1000 and int(more) < 4096, said


def test_each_kind_of_request_does_what_it_says_and_no_more(cluster, asker):
    assert ask(asker, cluster.folder / "admin.kubeconfig", "make", "kinds").splitlines() == [
        "dry run: 201 ", "none yet: 404 NotFound", "create: 201 ", "create again: 409 AlreadyExists", "apply: 200 ",
        "apply another's: 409 Conflict", "merge: 200 ", "replace what changed: 409 Conflict", "remove another: 409 Conflict",
        "remove: 200 ", "remove again: 404 NotFound", "create deployment: 201 ", "scale: 200 ", "replicas 3", "remove deployment: 200"]


def test_a_wait_for_the_server_ends_when_it_is_interrupted(cluster, asker, gate, tmp_path):
    where = config(cluster, tmp_path / "k", gate.port)
    gate.deaf = True
    told = [ask(asker, where, "halt", "/api", 300).split(" ", 1) for _ in range(3)]
    assert all("it was interrupted" in words for _, words in told)
    assert min(int(late) for late, _ in told) <= 100, "late every time"


# -- watches

def test_nothing_is_told_twice_or_missed_over_fifty_cuts_with_a_thousand_objects(cluster, run, direct, gate, tmp_path):
    versions = {(f"cut-{number}", direct.put(f"cut-{number}", n="0")) for number in range(1000)}
    watch = run(config(cluster, tmp_path / "k", gate.port), "watch", MAPS, "test=api")
    watch.wait("synced")
    for number in range(50):
        versions.add((f"cut-{number}", direct.put(f"cut-{number}", n="1")))
        gate.cut()
        versions.add((f"cut-{number + 50}", direct.put(f"cut-{number + 50}", n="1")))
        if number % 10 == 0:
            direct.remove(f"cut-{number + 100}")
    last = direct.put("cut-999", n="last")
    versions.add(("cut-999", last))
    wait_for(lambda: any(line.endswith(f" {last}") for line in list(watch.lines)), "the last change", 60)
    told = [tuple(line.split()[1::2]) for line in watch.having("there")]
    assert len(told) == len(set(told)), "told twice"
    assert set(told) == versions
    assert [line.split()[1] for line in watch.having("gone")] == [f"cut-{number + 100}" for number in range(0, 50, 10)]
    assert len(watch.having("synced")) == 1 and not watch.having("gap"), "listed anew without need"


def test_objects_that_live_for_a_moment_are_all_told_and_so_are_their_ends(cluster, run, direct):
    watch = run(cluster.folder / "admin.kubeconfig", "watch", MAPS, "test=api")
    watch.wait("synced")
    for number in range(100):
        direct.put(f"short-{number}")
        direct.remove(f"short-{number}")
    watch.wait("gone", 100)
    assert {line.split()[1] for line in watch.having("there")} == {f"short-{number}" for number in range(100)}


def test_a_change_after_quiet_and_an_object_of_a_megabyte_are_told_within_a_second(cluster, run, direct):
    watch = run(cluster.folder / "admin.kubeconfig", "watch", MAPS, "test=api")
    watch.wait("synced")
    took = []
    for number in range(3):  # a machine that is busy with other things makes some of them late
        direct.put(f"large-{number}", text="x" * 1_000_000)
        begun = time.monotonic()
        watch.wait(f"there large-{number}")
        took.append(time.monotonic() - begun)
    assert min(took) < 1, took


def restart_api_server(cluster):
    old = cluster.processes["apiserver"]
    old.kill()
    old.wait()
    cluster.start("apiserver", old.args[2:])
    cluster.wait_for("apiserver", lambda: cluster.try_kubectl("get", "--raw", "/readyz"), "the API server again", 60)


def test_a_server_that_restarts_while_the_watch_is_cut_off_leads_to_a_list_that_tells_the_difference(cluster, run, direct, gate, tmp_path):
    """Its history begins with the restart: 410, a gap that is said, and ends that were missed are told without their last state."""
    versions = {name: direct.put(name) for name in ("stays", "goes", "changes")}
    watch = run(config(cluster, tmp_path / "k", gate.port), "watch", MAPS, "test=api")
    watch.wait("synced")
    gone = next(line.split()[2] for line in watch.having("there goes"))
    gate.closed = True
    gate.cut()
    direct.remove("goes")
    direct.put("came-and-went")
    direct.remove("came-and-went")
    versions["changes"], versions["comes"] = direct.put("changes", n="2"), direct.put("comes")
    watch.wait("trouble")
    restart_api_server(cluster)
    gate.closed = False
    watch.wait("synced", 2, 60)
    assert watch.having("gap") and watch.having("well")
    assert watch.having("gone") == [f"gone ? {gone}"]
    assert len(watch.having("there stays")) == 1 and len(watch.having("there changes")) == 2 and len(watch.having("there comes")) == 1
    assert len(watch.having("trouble")) == len(watch.having("well")), watch.lines


def test_a_server_that_restarts_under_requests_is_waited_for(cluster, run):
    kept = run(cluster.folder / "admin.kubeconfig", "keep", "/api/v1/namespaces/default", 50, 100_000)
    kept.wait("200", 5)
    restart_api_server(cluster)
    before = len(kept.having("200"))
    kept.wait("200", before + 5)
    assert [line for line in kept.lines if not line.startswith("200")] == []


def test_a_connection_that_fell_silent_is_left_for_a_new_one_and_the_system_watches_over_idle_ones(cluster, run, gate, tmp_path):
    kept = run(config(cluster, tmp_path / "k", gate.port), "keep", "/api/v1/namespaces/default", 100, 100_000)
    kept.wait("200", 5)
    options = subprocess.run(["ss", "-tno", "dst", f"127.0.0.1:{gate.port}"], capture_output=True, text=True).stdout
    assert "timer:(keepalive," in options, options
    before = len(kept.having("200"))
    gate.silence()
    kept.wait("200", before + 5)
    assert [line for line in kept.lines if not line.startswith("200")] == []


def test_a_watch_that_fell_silent_goes_on_from_its_version(cluster, run, direct, gate, tmp_path):
    watch = run(config(cluster, tmp_path / "k", gate.port), "watch", MAPS, "test=api")
    watch.wait("synced")
    time.sleep(1)
    gate.silence()
    direct.put("unheard")
    watch.wait("there unheard", seconds=120)
    assert len(watch.having("synced")) == 1


def test_a_connection_that_nobody_on_the_way_knows_any_more_is_noticed_within_half_a_minute(cluster, run, direct):
    """Its packets vanish both ways, as after a power cut; nothing ends it but the system's own questions."""
    watch = run(cluster.folder / "admin.kubeconfig", "watch", MAPS, "test=api")
    watch.wait("synced")
    time.sleep(1)
    listed = subprocess.run(["ss", "-tnp", "dst", f"{HOST}:{PORT}"], capture_output=True, text=True).stdout
    ports = [line.split()[3].rsplit(":", 1)[1] for line in listed.splitlines() if f"pid={watch.process.pid}," in line]
    assert ports, listed
    nft = lambda *words: kubernetes.do(*kubernetes.in_network(0, "nft", *words))
    nft("add", "table", "inet", "lost")
    try:
        for chain, side in (("input", "sport"), ("output", "dport")):
            nft("add", "chain", "inet", "lost", chain, f"{{ type filter hook {chain} priority 0; }}")
            nft("add", "rule", "inet", "lost", chain, "tcp", side, f"{{ {', '.join(ports)} }}", "drop")
        begun = time.monotonic()
        direct.put("after-the-loss")
        watch.wait("there after-the-loss", seconds=60)
        assert time.monotonic() - begun <= 40, "half a minute, and what a busy machine adds to it"
    finally:
        nft("delete", "table", "inet", "lost")
    assert len(watch.having("synced")) == 1


# -- who we are

def token_of(cluster, account):
    return cluster.kubectl("create", "token", account, "--duration=10m").strip()


def account_folder(cluster, path):
    path.mkdir()
    shutil.copy(cluster.keys / "ca.crt", path / "ca.crt")
    (path / "namespace").write_text("default")
    return path


IN_POD = {"KUBERNETES_SERVICE_HOST": HOST, "KUBERNETES_SERVICE_PORT": str(PORT)}


def test_a_service_accounts_token_that_ends_is_replaced_by_the_files_new_one(cluster, run, tmp_path):
    folder = account_folder(cluster, tmp_path / "account")
    grant = lambda: cluster.kubectl("create", "serviceaccount", "rotated")
    grant()
    cluster.kubectl("create", "clusterrolebinding", "rotated", "--clusterrole=view", "--serviceaccount=default:rotated")
    (folder / "token").write_text(token_of(cluster, "rotated"))
    kept = run(folder, "keep", MAPS, 200, 100_000, env=IN_POD)
    kept.wait("200", 5)
    cluster.kubectl("delete", "serviceaccount", "rotated")
    kept.wait("401")
    (folder / "token").unlink()  # between two there may be none
    grant()
    time.sleep(1)
    (folder / "token").write_text(token_of(cluster, "rotated") + "\n")
    before = len(kept.having("200"))
    kept.wait("200", before + 5)


def plugin(path, script, mode="Never", **more):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": f"./{path.name}", "interactiveMode": mode, **more}}


def test_a_plugins_token_is_renewed_before_it_ends(cluster, run, tmp_path):
    account_folder(cluster, tmp_path / "unused")
    (tmp_path / "token").write_text(token_of(cluster, "default"))
    script = """echo run >> runs
end=$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%SZ)
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "'$(cat token)'", "expirationTimestamp": "'$end'"}}'"""
    where = config(cluster, tmp_path / "k", user=plugin(tmp_path / "login", f"cd {tmp_path}\n{script}"))
    kept = run(where, "keep", "/api", 100, 100_000)
    wait_for(lambda: (tmp_path / "runs").exists() and len((tmp_path / "runs").read_text().split()) >= 4, "four runs", 60)
    assert set(line.split()[0] for line in kept.lines) == {"200"}
    assert len(kept.lines) > 3 * len((tmp_path / "runs").read_text().split()), "it is kept, not asked for each request"


def test_a_plugin_may_give_a_certificate(cluster, asker, tmp_path):
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {
        "clientCertificateData": (cluster.keys / "admin.crt").read_text(), "clientKeyData": (cluster.keys / "admin.key").read_text()}}
    (tmp_path / "credential").write_text(json.dumps(credential))
    where = config(cluster, tmp_path / "k", user=plugin(tmp_path / "login", f"echo \"$KUBERNETES_EXEC_INFO\" > {tmp_path}/info\ncat {tmp_path}/credential", provideClusterInfo=True))
    assert ask(asker, where, "call", "GET", MAPS).startswith("200 ")
    info = json.loads((tmp_path / "info").read_text())
    assert info["spec"]["interactive"] is False and info["spec"]["cluster"]["server"] == kubernetes.API


def test_a_plugin_that_hangs_is_killed_with_its_children_within_ten_seconds(cluster, asker, tmp_path):
    where = config(cluster, tmp_path / "k", user=plugin(tmp_path / "login", f"sleep 1000 & echo $! > {tmp_path}/child; sleep 1000"))
    begun = time.monotonic()
    said = ask(asker, where, "call", "GET", "/api")
    assert time.monotonic() - begun < 20, "ten seconds, and what a busy machine adds to them"
    assert "no credential from the plugin" in said and "it didn't end within 9" in said, said
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: not Path(f"/proc/{child}").exists() or "zombie" in Path(f"/proc/{child}/status").read_text(), "the child's end")


def test_a_plugin_asks_the_person_at_the_terminal(cluster, asker, tmp_path):
    (tmp_path / "token").write_text(token_of(cluster, "default"))
    script = f"""cd {tmp_path}
echo "a code, please" >&2
read code && echo "$code" > code
echo '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "'$(cat token)'"}}}}'"""
    where = config(cluster, tmp_path / "k", user=plugin(tmp_path / "login", script, "IfAvailable"))
    pid, terminal = pty.fork()  # the program leads a session whose terminal is ours
    if pid == 0:
        os.execv(asker, [asker, str(where), "call", "GET", "/api"])
    shown = b""

    def shows(words):
        nonlocal shown
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the terminal's other end is closed
                return True
        return words in shown
    wait_for(lambda: shows(b"a code, please"), lambda: shown)
    os.write(terminal, b"4711\n")
    wait_for(lambda: shows(b"200 "), lambda: shown)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and (tmp_path / "code").read_text() == "4711\n", shown
    os.close(terminal)


@pytest.mark.parametrize("script, mode, words", [
    ("echo some words >&2; exit 3", "Never", "it ended with exit code 3: some words"),
    ("echo '{}'", "Never", "what it prints is no ExecCredential"),
    ("sleep 1000", "Always", "it wants to ask somebody, and there is no terminal"),
])
def test_a_plugin_that_gives_nothing_is_told_with_why(cluster, asker, tmp_path, script, mode, words):
    said = ask(asker, config(cluster, tmp_path / "k", user=plugin(tmp_path / "login", script, mode)), "call", "GET", "/api")
    assert words in said and str(tmp_path / "k") in said, said


def test_a_plugin_that_isnt_there_is_told_with_how_to_have_it(cluster, asker, tmp_path):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "galileo-no-such-plugin", "interactiveMode": "Never", "installHint": "get it from the lab"}}
    said = ask(asker, config(cluster, tmp_path / "k", user=user), "call", "GET", "/api")
    assert "it can't be started: No such file or directory; get it from the lab" in said, said
