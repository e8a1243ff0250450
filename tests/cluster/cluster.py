"""A whole Kubernetes on this machine, with real pods: etcd, API server, controllers and scheduler in one network
namespace, and nodes in namespaces of their own (network, processes, mounts, name), each with a kubelet, containerd and
kube-proxy. It needs root. Nothing outlives the process that made it: its parts are killed with it, and what a killed
one has left of names and folders is cleared away by the next. Two at a time take a place each (place.sh).

    this machine 10.87.0.254 --- bridge in <glk0> 10.87.0.1 (API server, port 6443) --- node i 10.87.0.1<i>
    pods of node i: 10.245.<i>.0/24; services: 10.97.0.0/16; no way out of the machine
"""
import base64
import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import image
from outside import outside

HERE = Path(__file__).resolve().parent
CGROUPS = Path("/sys/fs/cgroup")
API = "https://10.87.0.1:6443"
OUTSIDE = "10.87.0.254"  # this machine, as nodes and pods see it
PAUSE, BUSYBOX = "galileo.test/pause:1", "galileo.test/busybox:1"
SYSCTLS = ("vm.overcommit_memory", "kernel.panic", "kernel.panic_on_oops")  # the kubelet sets them for the whole machine
NEEDED = ("containerd", "runc", "nft", "conntrack", "ip", "openssl", "curl", "nsenter", "unshare")


def why_not():
    """Why this machine can't have a cluster; None if it can."""
    if os.getuid() != 0:
        return "a cluster takes root"
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        return f"{', '.join(missing)} isn't installed (scripts/setup.sh test)"
    if not (CGROUPS / "memory/cgroup.procs").exists() or not (CGROUPS / "cpuset/cgroup.procs").exists():
        return "the nodes' kubelets are set up for cgroup v1, which isn't mounted here"
    try:
        probe = CGROUPS / "memory/glk-probe"
        probe.mkdir(exist_ok=True)
        probe.rmdir()
    except OSError as error:
        return f"no control group can be made here: {error}"
    if subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True).returncode != 0:
        return "no namespaces can be made here"
    return None


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def in_network(number, *command):
    # Not `ip netns exec`, which mounts a /sys of its own.
    return ["nsenter", f"--net=/run/netns/glk{number}", *map(str, command)]


def do(*command, check=True, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"cluster: {' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_until(condition, what, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"cluster: {what() if callable(what) else what}: not within {seconds} s")
        time.sleep(0.1)


class KeptSettings:
    """Settings of the whole machine, which kubelets change: as they were before the first cluster, once the last one is gone."""

    def __init__(self):
        self.file = open("/run/galileo-cluster-settings", "a+")
        if self.alone():
            self.file.truncate(0)
            self.file.write("".join(f"{name}={do('sysctl', '-n', name).strip()}\n" for name in SYSCTLS))
            self.file.flush()
        fcntl.flock(self.file, fcntl.LOCK_SH)

    def alone(self):
        """No other cluster's process has them."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def put_back(self):
        if self.alone():
            self.file.seek(0)
            for line in self.file.read().splitlines():
                do("sysctl", "-qw", line, check=False)
        self.file.close()


class Cluster:
    def __init__(self, nodes=1, names=False, metrics=False):
        """`names`: with a DNS, so that pods find Services by their names. `metrics`: with a metrics API, so that autoscalers
        know what pods use."""
        self.nodes, self.names, self.metrics = nodes, names, metrics
        self.processes = {}
        self.lock = open(Path(tempfile.gettempdir()) / "galileo-cluster.lock", "w")
        self.bin = None
        self.folder = None

    def __enter__(self):
        fcntl.flock(self.lock, fcntl.LOCK_EX)  # names and addresses are fixed: one cluster in a place
        if other := os.environ.get("GALILEO_TEST_KUBERNETES"):  # of other.sh
            self.bin = Path(other)
        else:
            built = subprocess.run(outside(HERE / "build.sh"), stdout=subprocess.PIPE, text=True)
            if built.returncode != 0:
                raise RuntimeError("cluster: Kubernetes can't be built; see above")
            self.bin = Path(built.stdout.strip().splitlines()[-1])
        self.clear()
        self.folder = Path(tempfile.mkdtemp(prefix="galileo-cluster-"))
        self.settings = KeptSettings()
        try:
            self.make_networks()
            self.make_keys()
            self.start_control_plane()
            if self.names:
                self.start_names()
            self.make_images()
            for number in range(1, self.nodes + 1):
                self.start_node(number)
            for number in range(1, self.nodes + 1):
                self.wait_for_node(number)
            wait_until(lambda: self.try_kubectl("get", "serviceaccount", "default"), "the default service account", 30)
            if self.metrics:
                self.start_metrics()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name, process in reversed(self.processes.items()):
            if name.startswith("node"):
                process.kill()  # `unshare --kill-child`: all of the node goes with it
            else:
                process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
            if process.poll() is None:
                process.kill()
                process.wait()
        self.settings.put_back()
        self.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.close()

    @staticmethod
    def clear():
        """Names that a cluster leaves: its networks and control groups, and folders of those that were killed."""
        for number in range(10):
            if Path(f"/run/netns/glk{number}").exists():
                do("ip", "netns", "del", f"glk{number}", check=False)
        do("ip", "link", "del", "glkh0", check=False)

        def groups():
            return [group for group in CGROUPS.glob("*/glk") if group.is_dir()]

        def remove_groups():
            for group in groups():
                for folder, _, _ in os.walk(group, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(folder)
            return not groups()
        wait_until(remove_groups, lambda: f"the end of what runs in {groups()}", 10)
        for old in Path(tempfile.gettempdir()).glob("galileo-cluster-*"):
            shutil.rmtree(old, ignore_errors=True)

    # -- what tests use

    def kubectl(self, *arguments, text=None):
        return do(self.bin / "kubectl", *arguments, input=text, env=self.environment())

    def try_kubectl(self, *arguments):
        return subprocess.run([str(self.bin / "kubectl"), *arguments], capture_output=True, env=self.environment()).returncode == 0

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def environment(self):
        return {**os.environ, "KUBECONFIG": str(self.folder / "admin.kubeconfig")}

    def in_node(self, number, *command):
        """A command line that runs `command` within a node."""
        unshare = self.processes[f"node{number}"].pid
        first = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()[0]
        return ["nsenter", "-t", first, "-m", "-p", "-n", "-u", "--", *map(str, command)]

    def load(self, archive):
        """Puts an image archive onto every node."""
        for number in range(1, self.nodes + 1):
            do(*self.in_node(number, "ctr", "-n", "k8s.io", "images", "import", archive))

    # -- how it is made

    def start(self, name, command, network=0):
        log = open(self.folder / f"{name}.log", "wb")
        self.processes[name] = subprocess.Popen(
            in_network(network, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=die_with_parent, cwd=self.folder)
        log.close()

    def log_end(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")[-1500:]

    def wait_for(self, name, condition, what, seconds):
        """Ends early, with the end of its log, when the part `name` ends."""
        def there():
            if self.processes[name].poll() is not None:
                raise RuntimeError(f"cluster: {name} has ended while it was to be waited for {what}:\n{self.log_end(name)}")
            return condition()
        wait_until(there, lambda: f"{what}\n{self.log_end(name)}", seconds)

    def make_networks(self):
        do("ip", "netns", "add", "glk0")
        for command in ("ip link set lo up", "ip link add br0 type bridge", "ip addr add 10.87.0.1/24 dev br0",
                        "ip link set br0 up", "sysctl -qw net.ipv4.ip_forward=1"):
            do(*in_network(0, *command.split()))
        do(*"ip link add glkh0 type veth peer name host netns glk0".split())
        do(*in_network(0, *"ip link set host master br0 up".split()))
        do("ip", "addr", "add", f"{OUTSIDE}/24", "dev", "glkh0")
        do(*"ip link set glkh0 up".split())
        do(*"ip route add 10.245.0.0/16 via 10.87.0.1".split())
        for number in range(1, self.nodes + 1):
            do("ip", "netns", "add", f"glk{number}")
            do(*in_network(number, *"ip link set lo up".split()))
            do(*in_network(0, *f"ip link add n{number} type veth peer name eth0 netns glk{number}".split()))
            do(*in_network(0, *f"ip link set n{number} master br0 up".split()))
            for command in (f"ip addr add 10.87.0.1{number}/24 dev eth0", "ip link set eth0 up",
                            "ip route add default via 10.87.0.1", "sysctl -qw net.ipv4.ip_forward=1"):
                do(*in_network(number, *command.split()))
            do(*in_network(0, *f"ip route add 10.245.{number}.0/24 via 10.87.0.1{number}".split()))

    def make_keys(self):
        self.keys = self.folder / "keys"
        self.keys.mkdir()

        def key(name):
            do("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.keys / f"{name}.key")
        key("ca")
        do("openssl", "req", "-x509", "-new", "-key", self.keys / "ca.key", "-days", 2, "-subj", "/CN=test", "-out", self.keys / "ca.crt",
           "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,digitalSignature")
        key("accounts")
        names = ["DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc"]
        self.certify("api", "/CN=kube-apiserver", ",".join(["IP:127.0.0.1", "IP:10.87.0.1", "IP:10.97.0.1", *names]))
        self.certify("admin", "/O=system:masters/CN=admin")
        self.certify("controllers", "/CN=system:kube-controller-manager")
        self.certify("scheduler", "/CN=system:kube-scheduler")
        self.certify("proxy", "/CN=system:kube-proxy")
        self.certify("front-proxy", "/CN=front-proxy")
        self.certify("metrics", "/O=system:masters/CN=metrics-server", "DNS:metrics-server.kube-system.svc")
        for number in range(1, self.nodes + 1):
            self.certify(f"node{number}", f"/O=system:nodes/CN=system:node:node{number}", f"IP:10.87.0.1{number},DNS:node{number}")

    def certify(self, name, subject, names=None):
        """A certificate of the cluster's authority, and a kubeconfig that shows it."""
        path = lambda ending: self.keys / f"{name}.{ending}"
        do("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
           "-keyout", path("key"), "-out", path("csr"))
        extensions = ["extendedKeyUsage=clientAuth,serverAuth"] + ([f"subjectAltName={names}"] if names else [])
        path("ext").write_text("\n".join(extensions))
        do("openssl", "x509", "-req", "-in", path("csr"), "-CA", self.keys / "ca.crt", "-CAkey", self.keys / "ca.key",
           "-CAcreateserial", "-days", 2, "-out", path("crt"), "-extfile", path("ext"))
        self.write_json(f"{name}.kubeconfig", {
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": API, "certificate-authority": str(self.keys / "ca.crt")}}],
            "users": [{"name": "u", "user": {"client-certificate": str(path("crt")), "client-key": str(path("key"))}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]})

    def write_json(self, name, value):
        (self.folder / name).write_text(json.dumps(value, indent=1))
        return self.folder / name

    def start_control_plane(self):
        keys, config = self.keys, lambda name: self.folder / f"{name}.kubeconfig"
        etcd, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
        self.start("etcd", [self.bin / "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn",
                            "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", peer,
                            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"])
        self.start("apiserver", [
            self.bin / "kube-apiserver", f"--etcd-servers={etcd}", "--bind-address=10.87.0.1", "--advertise-address=10.87.0.1",
            "--secure-port=6443", f"--tls-cert-file={keys}/api.crt", f"--tls-private-key-file={keys}/api.key",
            f"--client-ca-file={keys}/ca.crt", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
            f"--service-account-key-file={keys}/accounts.key", f"--service-account-signing-key-file={keys}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.97.0.0/16",
            f"--kubelet-client-certificate={keys}/admin.crt", f"--kubelet-client-key={keys}/admin.key",
            "--kubelet-preferred-address-types=InternalIP", f"--requestheader-client-ca-file={keys}/ca.crt",
            "--requestheader-allowed-names=front-proxy", "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={keys}/front-proxy.crt", f"--proxy-client-key-file={keys}/front-proxy.key",
            "--enable-aggregator-routing=true"])
        self.wait_for("apiserver", lambda: self.try_kubectl("get", "--raw", "/readyz"), "the API server", 60)
        # Their own limits on requests would make a start of four seconds one of nine.
        self.start("controllers", [
            self.bin / "kube-controller-manager", f"--kubeconfig={config('controllers')}", "--bind-address=127.0.0.1",
            f"--authentication-kubeconfig={config('controllers')}", f"--authorization-kubeconfig={config('controllers')}",
            f"--service-account-private-key-file={keys}/accounts.key", f"--root-ca-file={keys}/ca.crt",
            "--use-service-account-credentials=true", "--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000",
            "--horizontal-pod-autoscaler-sync-period=5s"])
        # Two schedulers in one program: the usual one, and one that fills a node before it takes the next.
        self.write_json("scheduler.json", {
            "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "leaderElection": {"leaderElect": False},
            "clientConnection": {"kubeconfig": str(config("scheduler"))}, "profiles": [{"schedulerName": "default-scheduler"}, {
                "schedulerName": "packing", "plugins": {"score": {
                    "disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit", "weight": 1}]}},
                "pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {
                    "type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]}}}]}]})
        self.start("scheduler", [
            self.bin / "kube-scheduler", f"--config={self.folder}/scheduler.json", "--bind-address=127.0.0.1",
            f"--authentication-kubeconfig={config('scheduler')}", f"--authorization-kubeconfig={config('scheduler')}"])

    def start_metrics(self):
        """metrics-server beside the API server, which passes on to it what is asked of the metrics API."""
        built = subprocess.run(outside(HERE / "tool.sh", "metrics-server"), stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise RuntimeError("cluster: metrics-server can't be built; see above")
        keys, config = self.keys, self.folder / "metrics.kubeconfig"
        self.start("metrics", [
            built.stdout.strip().splitlines()[-1], f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}", "--bind-address=10.87.0.1", "--secure-port=4443", f"--tls-cert-file={keys}/metrics.crt",
            f"--tls-private-key-file={keys}/metrics.key", f"--kubelet-certificate-authority={keys}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP", "--metric-resolution=10s", "--kubelet-request-timeout=8s"])
        name = {"name": "metrics-server", "namespace": "kube-system"}
        ports = [{"name": "https", "port": 443, "targetPort": 4443, "protocol": "TCP"}]
        objects = [
            {"apiVersion": "v1", "kind": "Service", "metadata": name, "spec": {"ports": ports}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
             "metadata": {**name, "labels": {"kubernetes.io/service-name": "metrics-server"}},
             "endpoints": [{"addresses": ["10.87.0.1"], "conditions": {"ready": True}}], "ports": [{"name": "https", "port": 4443, "protocol": "TCP"}]},
            {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
             "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                      "service": name, "caBundle": base64.b64encode((keys / "ca.crt").read_bytes()).decode()}}]
        self.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
        self.wait_for("metrics", lambda: self.try_kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"), "the metrics API", 60)

    def start_names(self):
        """CoreDNS beside the API server, of which it is told; of names outside there are none."""
        (self.folder / "Corefile").write_text(f"""
cluster.local {{
  errors
  kubernetes {{
    kubeconfig {self.folder}/admin.kubeconfig x
  }}
  cache 2
}}
. {{
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
""")
        built = subprocess.run(outside(HERE / "tool.sh", "coredns"), stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise RuntimeError("cluster: CoreDNS can't be built; see above")
        self.start("names", [built.stdout.strip().splitlines()[-1], "-conf", self.folder / "Corefile"])

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("10.87.0.1", 53)) == 0
        self.wait_for("names", answers, "the DNS", 30)

    def make_images(self):
        (self.folder / "images").mkdir()
        image.pause_image(self.folder / "images/pause.tar", PAUSE)
        (self.folder / "images/pause.bin").unlink()
        image.busybox_image(self.folder / "images/busybox.tar", BUSYBOX)

    @staticmethod
    def cgroup_root(number):
        """Below which the containers of a node are, in each hierarchy."""
        return f"/glk/node{number}"

    def start_node(self, number):
        folder = self.folder / f"node{number}"
        folder.mkdir()
        (folder / "containerd.toml").write_text(f"""version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true  # without the right to lower a score no pod would start
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
""")
        (folder / "10-galileo.conflist").write_text(json.dumps({
            "cniVersion": "0.4.0", "name": "galileo", "plugins": [{
                "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True,
                "ipam": {"type": "host-local", "ranges": [[{"subnet": f"10.245.{number}.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}))
        names = {"clusterDNS": ["10.87.0.1"], "clusterDomain": "cluster.local"} if self.names else {}
        never = {signal_: "0%" for signal_ in ("nodefs.available", "nodefs.inodesFree", "imagefs.available")}
        self.write_json(f"node{number}/kubelet.json", {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": f"{self.keys}/ca.crt"}},
            "authorization": {"mode": "Webhook"}, "address": f"10.87.0.1{number}", "readOnlyPort": 0,
            "tlsCertFile": f"{self.keys}/node{number}.crt", "tlsPrivateKeyFile": f"{self.keys}/node{number}.key",
            "cgroupDriver": "cgroupfs", "cgroupRoot": self.cgroup_root(number), "failCgroupV1": False, "failSwapOn": False,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "evictionHard": {**never, "memory.available": "1Mi"}, "imageGCHighThresholdPercent": 100,
            "nodeStatusUpdateFrequency": "4s", "syncFrequency": "10s", **names})
        self.write_json(f"node{number}/proxy.json", {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
            "clientConnection": {"kubeconfig": f"{self.folder}/proxy.kubeconfig"}, "hostnameOverride": f"node{number}",
            "clusterCIDR": "10.245.0.0/16", "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}})
        self.make_groups(number)
        self.start(f"node{number}", ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--propagation", "private",
                                     "bash", HERE / "node.sh", number, self.folder, self.bin,
                                     # What pods use is looked at each 10 s else, as often as it is asked for.
                                     *(["--housekeeping-interval=2s"] if self.metrics else [])], network=number)

    def make_groups(self, number):
        # The kubelet finds its root in every hierarchy, or doesn't start; a new cpuset has no core.
        for hierarchy in CGROUPS.iterdir():
            if not (hierarchy / "cgroup.procs").exists():
                continue
            parent = hierarchy
            for name in self.cgroup_root(number).strip("/").split("/"):
                group = parent / name
                group.mkdir(exist_ok=True)
                for file in ("cpuset.cpus", "cpuset.mems"):
                    if (group / file).exists() and not (group / file).read_text().strip():
                        (group / file).write_text((parent / file).read_text())
                parent = group

    def wait_for_node(self, number):
        def ready():
            try:
                node = self.get(f"node/node{number}")
            except RuntimeError:
                return False
            return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        self.wait_for(f"node{number}", ready, f"node{number} to be ready", 120)
