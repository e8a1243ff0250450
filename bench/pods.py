"""What an experiment on Kubernetes adds to what its API server takes anyway: a hundred pods planned, made until they are ready,
and removed, beside the same pods by `kubectl apply` and `kubectl delete`. The control plane is that of tests/cluster (it takes
root), without a node of its own: a hundred pods on two cores would measure containerd. kwok's pretended nodes take each pod
through its phases as fast as the API server does; what it takes is in both."""
import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time

from tools import GALILEO, ROOT, SCRATCH, table

sys.path.extend([str(ROOT / "tests/support"), str(ROOT / "tests/cluster"), str(ROOT / "tests")])

COUNT, NODES = 100, 4
# Pretended containers have no ids, which is what makes a pod without a probe one that serves.
PROBE = {"readinessProbe": {"tcpSocket": {"port": 8080}}}
LABEL = "ether.edgerun.io/function"
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {part: {"cpu": "64", "memory": "256Gi", "pods": "500"} for part in ("capacity", "allocatable")}}


def node(number):
    made = json.loads(json.dumps(NODE))
    made["metadata"] |= {"name": f"node{number}", "labels": {"kubernetes.io/hostname": f"node{number}", "ether.edgerun.io/zone": "main"}}
    return made


def pod(name, labels, number=1):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": {
        "nodeSelector": {"kubernetes.io/hostname": f"node{number}"}, "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "app:1", **PROBE, "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}}}]}}


class Watch:
    """When each pod of a function came, was ready, was told to go, and had gone."""

    def __init__(self, cluster, function):
        self.came, self.ready, self.going, self.gone = {}, {}, {}, {}
        path = '{.type} {.object.metadata.name} {.object.status.conditions[?(@.type=="Ready")].status} {.object.metadata.deletionTimestamp}{"\\n"}'
        self.process = subprocess.Popen([cluster.bin / "kubectl", "get", "pods", "-l", f"{LABEL}={function}", "-w", "--output-watch-events", "-o", f"jsonpath={path}"],
                                        stdout=subprocess.PIPE, text=True, env=cluster.environment())
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            now, (what, name, ready, going) = time.monotonic(), line.rstrip("\n").split(" ")
            self.came.setdefault(name, now)
            if ready == "True":
                self.ready.setdefault(name, now)
            if going:
                self.going.setdefault(name, now)
            if what == "DELETED":
                self.gone[name] = now

    def wait(self, what, seconds=120):
        deadline = time.monotonic() + seconds
        while len(getattr(self, what)) < COUNT:
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: {len(getattr(self, what))} of {COUNT} pods are {what} after {seconds} s")
            time.sleep(0.005)

    def close(self):
        self.process.kill()
        self.process.wait()

    def figures(self):
        """From the first that came to the last that was ready; and from the first that was told to go to the last that had gone."""
        return {"made": max(self.ready.values()) - min(self.came.values()),
                "removed": max(self.gone.values()) - min([*self.going.values(), *self.gone.values()])}


@contextlib.contextmanager
def laboratory():
    """A control plane with pretended nodes, a gateway's pod, what answers at its address, and etcd."""
    import cluster as kubernetes
    from etcd_server import Etcd
    if reason := kubernetes.why_not():
        raise SystemExit(f"bench: {reason}")
    built = subprocess.run([ROOT / "tests/cluster/tool.sh", "kwok"], stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise SystemExit("bench: kwok can't be built; see above")
    with kubernetes.Cluster(nodes=0) as cluster:
        gateway = pod("gateway", {"type": "api-gateway", "ether.edgerun.io/zone": "main"})
        objects = [node(number) for number in range(1, NODES + 1)]
        cluster.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
        cluster.start("kwok", [built.stdout.strip().splitlines()[-1], "--kubeconfig", cluster.folder / "admin.kubeconfig",
                               "--manage-all-nodes=true", "--cidr=127.44.0.0/16", "--node-ip=127.0.0.1"])
        cluster.wait_for("kwok", lambda: cluster.try_kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=1s"), "its nodes", 60)
        cluster.kubectl("create", "-f", "-", text=json.dumps(gateway))
        cluster.kubectl("wait", "--for=condition=Ready", "pod/gateway", "--timeout=60s")
        address = cluster.get("pod/gateway")["status"]["podIP"]
        answers = subprocess.Popen([GALILEO, "target", "--listen", f"{address}:8080"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folder = SCRATCH / "etcd"
        folder.mkdir(exist_ok=True)
        etcd = Etcd(folder)
        try:
            yield cluster, etcd
        finally:
            etcd.stop()
            answers.kill()
            answers.wait()


def by_kubectl(cluster, name):
    watch = Watch(cluster, name)
    objects = [pod(f"{name}-{number}", {LABEL: name, "ether.edgerun.io/zone": "main", "type": "fn"}, 1 + number % NODES) for number in range(COUNT)]
    cluster.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
    watch.wait("ready")
    cluster.kubectl("delete", "pods", "-l", f"{LABEL}={name}", "--wait=true")
    watch.wait("gone")
    watch.close()
    return watch.figures()


def experiment(etcd, name):
    each = {f"node{number}": COUNT // NODES for number in range(1, NODES + 1)}
    path = SCRATCH / f"{name}.json"
    path.write_text(json.dumps({
        "name": name, "seed": 7, "kubernetes": {"etcd": [etcd.address]},
        "applications": [{"name": name, "kubernetes": {"image": "app:1", "pods": each, "requests": {"cpu": "100m", "memory": "32Mi"},
                                                       "container": PROBE, "spec": {"terminationGracePeriodSeconds": 1}}}],
        "clients": [{"application": name, "zone": "main", "rate": 20, "duration": "500ms"}]}))
    return path


def ours(cluster, etcd, name):
    path = experiment(etcd, name)
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": SCRATCH, "env": cluster.environment()}
    began = time.monotonic()
    done = subprocess.run([GALILEO, "run", path, "--dry-run"], **quiet)
    planned = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"bench: galileo run --dry-run\n{done.stdout}")
    watch = Watch(cluster, name)
    done = subprocess.run([GALILEO, "run", path, "-q", "--db", "none"], **quiet)
    over = time.monotonic()
    if done.returncode not in (0, 90):
        raise SystemExit(f"bench: galileo run\n{done.stdout}")
    watch.wait("gone")
    watch.close()
    # Beside the pods: logs before them, the claim after them.
    return {"planned": planned, **watch.figures(), "to the end": over - min([*watch.going.values(), *watch.gone.values()])}


def pods(quick):
    rounds = 2 if quick else 7
    figures = {"kubectl": [], "galileo": []}
    with laboratory() as (cluster, etcd):
        for number in range(rounds):
            figures["kubectl"].append(by_kubectl(cluster, f"k{number}"))
            figures["galileo"].append(ours(cluster, etcd, f"g{number}"))
    median = lambda who, what: statistics.median(one[what] for one in figures[who])
    spread = lambda who, what: f"{median(who, what):.2f} ({min(one[what] for one in figures[who]):.2f}–{max(one[what] for one in figures[who]):.2f})"
    bars = [("planned", median("galileo", "planned") <= 1), ("made", median("galileo", "made") <= 1.1 * median("kubectl", "made")),
            ("removed", median("galileo", "to the end") <= median("kubectl", "removed") + 1)]
    rows = [("planned: `run --dry-run`, each object checked by the server", spread("galileo", "planned"), "–", "1 s"),
            ("made: from the first that came to the last that was ready", spread("galileo", "made"), spread("kubectl", "made"), "kubectl's + 10 %"),
            ("removed: from the first that was told to go to the last that had gone", spread("galileo", "removed"), spread("kubectl", "removed"), ""),
            ("removed, and the run's claim, until the process had ended", spread("galileo", "to the end"), "–", "kubectl's + 1 s")]
    missed = [what for what, is_met in bars if not is_met]
    return f"{COUNT} pods", (
        f"The control plane of tests/cluster, {NODES} pretended nodes (kwok 0.7), {rounds} rounds, each of both; seconds, median (least–most), as one watch saw it. "
        f"Not met: {', '.join(missed) or 'none'}.\n\n" + table(["what", "galileo", "kubectl", "bar"], rows))
