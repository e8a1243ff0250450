"""A profiling experiment, whole, on our worker: one script, by the original experiment library and by ours under its name."""
import json
import random
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import etcd_server
import pytest
import yaml
from conftest import SLOWER, wait_for
from originals import EXPERIMENTS, EXPERIMENTS_NEED, background, bus, our_worker, python_with, traces  # noqa: F401
from our_python import our_python

pytestmark = pytest.mark.peers


class Kubernetes:
    """As much of an API server as the library asks for: pods that run at once, and a deployment of the pod adapter, which
    says something on the bus for as long as it is there. (Pods on a whole cluster are tests/cluster's.)"""

    def __init__(self, bus):
        self.pods, self.adapter, self.asked = {}, threading.Event(), []
        self.deployment, self.made = None, []
        self.bus = bus.connect()
        kubernetes = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or "null")
                text = json.dumps(kubernetes.answer(self.command, self.path.split("?")[0], body)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            do_GET = do_POST = do_DELETE = respond

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.server.serve_forever, daemon=True), threading.Thread(target=self.adapt, daemon=True)]
        for thread in self.threads:
            thread.start()

    def answer(self, method, path, body):
        *_, kind = path.rsplit("/namespaces/default/", 1)
        self.asked.append(f"{method} {kind}")
        if kind.startswith("deployments"):
            if method == "GET":
                return {"kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {}, "items": [self.deployment] if self.adapter.is_set() else []}
            if method == "POST":
                self.deployment = body
            self.adapter.set() if method == "POST" else self.adapter.clear()
            return body if method == "POST" else {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        if method == "POST":
            name = body["metadata"]["name"]
            self.pods[name] = {**body, "metadata": {**body["metadata"], "uid": f"uid-{name}"}, "status": {
                "phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}}
            self.made.append(body)
            return self.pods[name]
        if method == "DELETE":
            return self.pods.pop(kind.removeprefix("pods/"))
        return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(self.pods.values())}

    def adapt(self):
        while not self.over.wait(0.2):
            if self.adapter.is_set():
                self.bus.command("PUBLISH", "galileo/events", "1795528849.0480211 pod/running {}")

    def config(self, path):
        name = {"name": "k", "context": {"cluster": "k", "user": "k"}}
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "k", "contexts": [name], "users": [{"name": "k", "user": {}}],
            "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{self.server.server_port}"}}]}))
        return str(path)

    def stop(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        for thread in self.threads:
            thread.join(5)


@pytest.fixture
def kubernetes(bus):
    server = Kubernetes(bus)
    yield server
    server.stop()


@pytest.fixture
def etcd(tmp_path):
    if not etcd_server.installed():
        pytest.skip("etcd isn't installed (scripts/setup.sh test)")
    server = etcd_server.Etcd(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def gateway_host(start):
    """The library sends everything to port 8080: an address of the loopback where that is free."""
    host = f"127.{random.randrange(10, 250)}.{random.randrange(250)}.{random.randrange(1, 250)}"
    process = start("target", "--listen", f"{host}:8080", "--size", "200k")
    assert "listening" in process.stderr.readline()
    return host


@pytest.fixture(params=["the original", "ours"])
def library_python(request, galileo):
    """(python that has the library, its environment)"""
    return our_python(galileo) if request.param == "ours" else (python_with(EXPERIMENTS, EXPERIMENTS_NEED), {})


def test_a_profile_experiment_runs_to_its_end_on_our_worker(library_python, our_worker, gateway_host, kubernetes, etcd,
                                                            bus, background, traces, tmp_path):
    python, env = library_python
    worker = our_worker("zone-a-worker", galileo_zone="zone-a")
    database = tmp_path / "old.sqlite"
    profiles = [[0.05, 0, 0.1, 0.02], [0.01, 0.3]]  # a gap of 0 becomes 1e-11 there
    library = background("library", [python, __file__.replace("_test.py", ".py"), gateway_host, "zone-a", *map(json.dumps, profiles)], {
        **bus.env, **env, "KUBECONFIG": kubernetes.config(tmp_path / "kubeconfig"), "etcd_host": "127.0.0.1", "etcd_port": str(etcd.port),
        "galileo_expdb_driver": "sqlite", "galileo_expdb_sqlite_path": str(database)})
    wait_for(lambda: library.poll() is not None, lambda: f"the experiment to end:\n{library.log.read_text()}\n{worker.log.read_text()}", 90)
    log = library.log.read_text()
    assert library.returncode == 0 and "ERROR" not in log and "Traceback" not in log, log
    # All of both profiles, each client its own, with whole bodies; then everything is put away.
    all_traces = traces.wait(6)
    by_client = {client: sorted(trace["created"] for trace in all_traces if trace["client"] == client) for client in {trace["client"] for trace in all_traces}}
    assert {client: len(times) for client, times in by_client.items()} == {"zone-a-worker:pythonpi-zone-a:0": 4, "zone-a-worker:pythonpi-zone-a:1": 2}
    assert {(trace["status"], trace["server"], len(trace["response"])) for trace in all_traces} == {(200, f"{gateway_host}:8080", 200_000)}
    assert all(b - a == pytest.approx(gap, abs=0.03 * SLOWER) for client, profile in zip(sorted(by_client), profiles)
               for a, b, gap in zip(by_client[client], by_client[client][1:], profile[1:]))
    assert all('"X-Start": "' in trace["headers"] and '"X-End": "' in trace["headers"] for trace in all_traces)
    assert bus("SMEMBERS", "galileo:worker:zone-a-worker:clients") == [] and bus("SMEMBERS", "routing:services") == []
    assert kubernetes.pods == {} and not kubernetes.adapter.is_set() and "POST deployments" in kubernetes.asked
    kept = sqlite3.connect(database)
    [[name, creator, status]] = kept.execute("SELECT NAME, CREATOR, STATUS FROM experiments").fetchall()
    assert name.startswith("pythonpi-") and (creator, status) == ("peers", "FINISHED")
    [[metadata]] = kept.execute("SELECT DATA FROM metadata").fetchall()
    assert json.loads(metadata)["exp"] == {"requests": {"profiles": ["profile-0.pkl", "profile-1.pkl"], "n_clients": 2, "no_pods": 1},
                                           "host": "node-1", "zone": "zone-a", "app_name": "pythonpi", "app_container_image": "pythonpi:1"}
    [pod] = kubernetes.made
    assert pod["metadata"]["labels"].items() >= {"ether.edgerun.io/function": "pythonpi", "ether.edgerun.io/zone": "zone-a"}.items()
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "node-1"}
    adapter = kubernetes.deployment["spec"]["template"]["spec"]
    assert kubernetes.deployment["metadata"] == {"name": "telemd-kubernetes-adapter"} and adapter["nodeSelector"] == {"kubernetes.io/hostname": "master"}
    assert adapter["containers"][0]["envFrom"] == [{"configMapRef": {"name": "telemd-kubernetes-adapter-config"}}]
