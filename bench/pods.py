"""What an experiment on Kubernetes adds to what its API server takes anyway. `pods`: a hundred pods planned, made until they are
ready, and removed, beside the same pods by `kubectl apply` and `kubectl delete`. `idle_pods`: what a run, the pod adapter and a fault
agent cost while nothing happens. The control plane is that of tests/cluster (it takes root), without a node of its own: a hundred
pods on two cores would measure containerd. kwok's pretended nodes take each pod through its phases as fast as the API server does;
what it takes is in both."""
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time

from tools import GALILEO, ROOT, SCRATCH, redis, start, stop, table, until

sys.path.extend([str(ROOT / "tests/support"), str(ROOT / "tests/cluster"), str(ROOT / "tests")])

COUNT, NODES = 100, 4
LABEL = "ether.edgerun.io/function"
USER = "bench"  # whose requests the API server counts apart
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {part: {"cpu": "64", "memory": "256Gi", "pods": "500"} for part in ("capacity", "allocatable")}}
# As kwok's own, but that a container has an id: one without has no container, and takes no requests.
STAGES = """apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: .status.podIP, operator: DoesNotExist}
  next:
    statusTemplate: |
      {{ $now := Now | Quote }}
      {{ $uid := .metadata.uid }}
      phase: Running
      startTime: {{ $now }}
      hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
      podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ $now }}}
      - {type: ContainersReady, status: "True", lastTransitionTime: {{ $now }}}
      - {type: Ready, status: "True", lastTransitionTime: {{ $now }}}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        imageID: "pretended"
        containerID: "containerd://{{ $uid }}"
        ready: true
        started: true
        restartCount: 0
        state: {running: {startedAt: {{ $now }}}}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-delete}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: Exists}
  next:
    finalizers: {empty: true}
    delete: true
"""
# Requests of one user, by the queue that they have for themselves.
COUNTED = [
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": USER},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
     "subjects": [{"kind": "User", "name": USER, "apiGroup": "rbac.authorization.k8s.io"}]},
    {"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": USER},
     "spec": {"matchingPrecedence": 2, "priorityLevelConfiguration": {"name": "workload-high"}, "distinguisherMethod": {"type": "ByUser"},
              "rules": [{"subjects": [{"kind": "User", "user": {"name": USER}}],
                         "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}],
                         "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}]}}]


def node(number):
    made = json.loads(json.dumps(NODE))
    made["metadata"] |= {"name": f"node{number}", "labels": {"kubernetes.io/hostname": f"node{number}", "ether.edgerun.io/zone": "main"}}
    return made


def pod(name, labels, number=1):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": {
        "nodeSelector": {"kubernetes.io/hostname": f"node{number}"}, "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "app:1", "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}}}]}}


def cpu_s(pid):
    """User and system time of a process that runs, of threads that have ended too, in seconds."""
    return time.clock_gettime(~pid << 3 | 2)  # its CPU-time clock, as clock_getcpuclockid() has it


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
        until(lambda: len(getattr(self, what)) >= COUNT, f"{COUNT} pods to be {what}: {len(getattr(self, what))} are", seconds)

    def close(self):
        self.process.kill()
        self.process.wait()

    def figures(self):
        """From the first that came to the last that was ready; and from the first that was told to go to the last that had gone."""
        return {"made": max(self.ready.values()) - min(self.came.values()),
                "removed": max(self.gone.values()) - min([*self.going.values(), *self.gone.values()])}


@contextlib.contextmanager
def laboratory(nodes):
    """A control plane with pretended nodes, a gateway's pod, what answers at its address, and etcd."""
    import cluster as kubernetes
    from etcd_server import Etcd
    if reason := kubernetes.why_not():
        raise SystemExit(f"bench: {reason}")
    built = subprocess.run([ROOT / "tests/cluster/tool.sh", "kwok"], stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise SystemExit("bench: kwok can't be built; see above")
    with kubernetes.Cluster(nodes=0) as cluster:
        cluster.certify(USER, f"/CN={USER}")
        objects = [*COUNTED, *(node(number) for number in range(1, nodes + 1))]
        cluster.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
        (SCRATCH / "stages.yaml").write_text(STAGES)
        cluster.start("kwok", [built.stdout.strip().splitlines()[-1], "--kubeconfig", cluster.folder / "admin.kubeconfig",
                               "--config", SCRATCH / "stages.yaml", "--node-lease-duration-seconds=40",
                               "--manage-all-nodes=true", "--cidr=127.44.0.0/16", "--node-ip=127.0.0.1"])
        is_ready = lambda one: any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"].get("conditions", []))
        cluster.wait_for("kwok", lambda: all(map(is_ready, cluster.get("nodes")["items"])), "its nodes", 60)
        gateway = pod("gateway", {"type": "api-gateway", "ether.edgerun.io/zone": "main"})
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


def of_server(cluster):
    """CPU seconds that the API server and its etcd have used."""
    return sum(cpu_s(cluster.processes[name].pid) for name in ("apiserver", "etcd"))


def used_by(command, environment):
    """Runs it to its end: (status, what it said, CPU seconds)."""
    with open(SCRATCH / "said", "w+b") as said:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=SCRATCH, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, (SCRATCH / "said").read_text(errors="replace"), usage.ru_utime + usage.ru_stime


def by_kubectl(cluster, name):
    watch = Watch(cluster, name)
    path = SCRATCH / f"{name}.yaml"
    path.write_text("\n---\n".join(json.dumps(pod(f"{name}-{number}", {LABEL: name, "ether.edgerun.io/zone": "main", "type": "fn"}, 1 + number % NODES))
                                   for number in range(COUNT)))
    server = of_server(cluster)
    kubectl = cluster.bin / "kubectl"
    status, said, made = used_by([kubectl, "apply", "-f", path], cluster.environment())
    assert status == 0, said
    watch.wait("ready")
    status, said, removed = used_by([kubectl, "delete", "pods", "-l", f"{LABEL}={name}", "--wait=true"], cluster.environment())
    assert status == 0, said
    watch.wait("gone")
    watch.close()
    return watch.figures() | {"cpu": made + removed, "server": of_server(cluster) - server}


def experiment(etcd, name, each, **client):
    path = SCRATCH / f"{name}.json"
    path.write_text(json.dumps({
        "name": name, "seed": 7, "kubernetes": {"etcd": [etcd.address]},
        "applications": [{"name": name, "kubernetes": {"image": "app:1", "pods": each, "requests": {"cpu": "100m", "memory": "32Mi"},
                                                       "spec": {"terminationGracePeriodSeconds": 1}}}],
        "clients": [{"application": name, "zone": "main", **client}]}))
    return path


def ours(cluster, etcd, name):
    path = experiment(etcd, name, {f"node{number}": COUNT // NODES for number in range(1, NODES + 1)}, rate=20, duration="500ms")
    began = time.monotonic()
    status, said, _ = used_by([GALILEO, "run", path, "--dry-run"], cluster.environment())
    planned = time.monotonic() - began
    if status != 0:
        raise SystemExit(f"bench: galileo run --dry-run\n{said}")
    watch = Watch(cluster, name)
    server = of_server(cluster)
    status, said, cpu = used_by([GALILEO, "run", path, "-q", "--db", "none"], cluster.environment())
    over = time.monotonic()
    if status not in (0, 90):
        raise SystemExit(f"bench: galileo run\n{said}")
    watch.wait("gone")
    watch.close()
    # Beside the pods: logs before them, the claim after them.
    return {"planned": planned, **watch.figures(), "to the end": over - min([*watch.going.values(), *watch.gone.values()]),
            "cpu": cpu, "server": of_server(cluster) - server}


def pods(quick):
    rounds = 2 if quick else 7
    figures = {"kubectl": [], "galileo": []}
    with laboratory(NODES) as (cluster, etcd):
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
            ("removed, and the run's claim, until the process had ended", spread("galileo", "to the end"), "–", "kubectl's + 1 s"),
            ("CPU of the program, all in all", spread("galileo", "cpu"), spread("kubectl", "cpu"), ""),
            ("CPU of the API server and its etcd, all in all", spread("galileo", "server"), spread("kubectl", "server"), "")]
    missed = [what for what, is_met in bars if not is_met]
    return f"{COUNT} pods", (
        f"The control plane of tests/cluster, {NODES} pretended nodes (kwok 0.7), {rounds} rounds, each of both; seconds, median (least–most), as one watch saw it. "
        f"A run of galileo's also looks at what is there, claims, and sends ten requests. Not met: {', '.join(missed) or 'none'}.\n\n"
        + table(["what", "galileo", "kubectl", "bar"], rows))


class Counts:
    """What one process and its server do in a time."""

    def __init__(self, cluster, pid):
        self.cluster, self.pid = cluster, pid

    def requests(self):
        text = self.cluster.kubectl("get", "--raw", "/metrics")
        found = re.findall(rf'^apiserver_flowcontrol_dispatched_requests_total\{{.*flow_schema="{USER}".*\}} (\S+)$', text, re.M)
        return sum(map(float, found))

    def row(self, name, seconds):
        requests, cpu, began = self.requests(), cpu_s(self.pid), time.monotonic()
        time.sleep(seconds)
        lasted, cpu = time.monotonic() - began, cpu_s(self.pid) - cpu
        return name, f"{(self.requests() - requests) / lasted:.2f}", f"{100 * cpu / lasted:.3f}"


def a_run(cluster, etcd, name, each, seconds):
    """One that sends a request each ten seconds, so that all its cost is its watching."""
    path = experiment(etcd, name, each, rate=0.1, duration=f"{int(seconds) + 20}s")
    return start([GALILEO, "run", path, "-q", "--db", "none"], 1, cwd=SCRATCH, stdout=subprocess.DEVNULL, stderr=open(SCRATCH / f"{name}.log", "wb"),
                 env=cluster.environment() | {"KUBECONFIG": str(cluster.folder / f"{USER}.kubeconfig")})


def idle(quick):
    seconds = 20 if quick else 60
    rows = []
    with laboratory(40) as (cluster, etcd), redis() as (port, _):
        mine = cluster.environment() | {"KUBECONFIG": str(cluster.folder / f"{USER}.kubeconfig")}
        bus = f"redis://127.0.0.1:{port}"
        address = cluster.get("pod/gateway")["status"]["podIP"]
        runs = [(f"run, {COUNT} pods on 4 nodes", {f"node{n}": 25 for n in range(1, 5)}), ("run, 40 pods on 40 nodes", {f"node{n}": 1 for n in range(1, 41)})]
        for number, (name, each) in enumerate(runs):
            process = a_run(cluster, etcd, f"idle{number}", each, seconds)
            selector = f"{LABEL}=idle{number}"
            until(lambda: len(cluster.get("pods", "-l", selector)["items"]) == sum(each.values()), "its pods")
            cluster.kubectl("wait", "--for=condition=Ready", "pod", "-l", selector, "--timeout=60s")
            time.sleep(5)
            rows.append(Counts(cluster, process.pid).row(name, seconds))
            process.terminate()
            process.wait(120)  # it takes its pods away; killed amid that, it would leave them to the adapter
        path = SCRATCH / "without.json"
        path.write_text(json.dumps({"name": "without", "services": {"s": {"hosts": {f"{address}:8080": 1}}},
                                    "clients": [{"service": "s", "request": {"method": "get", "path": "/"}, "rate": 0.1, "duration": f"{seconds + 20}s"}]}))
        process = start([GALILEO, "run", path, "-q", "--db", "none"], 1, cwd=SCRATCH, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(5)
        rows.append(Counts(cluster, process.pid).row("the same run, without a cluster", seconds))
        stop(process)
        for name, command in (("adapter, 40 nodes", ["adapter", "--bus", bus]),
                              ("fault agent", ["chaos", "--node", "node1", "--bus", bus, "--state", SCRATCH / "chaos"])):
            process = start([GALILEO, *command], 1, cwd=SCRATCH, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=mine)
            time.sleep(8)
            rows.append(Counts(cluster, process.pid).row(name, seconds))
            stop(process)
    return "A cluster, while nothing happens", (
        f"Over {seconds} s, on the control plane of tests/cluster with 40 pretended nodes. A run sends a request each ten seconds and reads its machine each second, "
        "with and without a cluster.\n\n" + table(["process", "requests a second to the API server", "% of a core"], rows))
