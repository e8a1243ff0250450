"""`galileo gateway` with its weights in a real etcd (docs/wire/gateway.md)."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from urllib.error import HTTPError
from urllib.request import urlopen

import etcd_server
import pytest
from conftest import SLOWER, accepts, free_port, wait_for
from gateway_test import Client
from raw_server import RawServer

pytestmark = pytest.mark.sanitize
KEY = "golb/function/main/app"


@pytest.fixture
def etcd(tmp_path_factory):
    """etcd(more words...): a running etcd, stopped with the test."""
    if not etcd_server.installed():
        pytest.skip("etcd-server isn't installed (scripts/setup.sh test)")
    made = []

    def call(*more, tls=None):
        made.append(etcd_server.Etcd(tmp_path_factory.mktemp("etcd"), *more, tls=tls))
        return made[-1]
    yield call
    for server in made:
        server.stop()


@pytest.fixture
def targets():
    made = [RawServer() for _ in range(3)]
    yield made
    for server in made:
        server.close()


class Running:
    def __init__(self, process, port, status, log):
        self.process, self.port, self.status, self.path = process, port, status, log

    def log(self):
        return self.path.read_text()

    def health(self):
        try:
            return urlopen(f"http://127.0.0.1:{self.status}/healthz").read().decode()
        except HTTPError as error:
            return error.read().decode()


@pytest.fixture
def gateway(start, tmp_path):
    """gateway(etcd): started with that etcd, zone main."""
    def call(server, *arguments, zone="main", node="gw", port=None, env=None, endpoints=None):
        port, status = port or free_port(), free_port()
        path = tmp_path / f"gateway-{port}.log"
        with open(path, "w") as log:
            process = start("gateway", "--zone", zone, "--node", node, "--listen", f"127.0.0.1:{port}", *([] if "--threads" in arguments else ["--threads", 1]), "--etcd", endpoints or server.url,
                            "--status", f"127.0.0.1:{status}", *arguments, env={**os.environ, **(env or {})}, log=log)
        wait_for(lambda: (accepts(port) and accepts(status)) or process.poll() is not None, "the gateway")
        assert process.poll() is None, path.read_text()
        return Running(process, port, status, path)
    return call


def value(*pairs):
    return {"ips": [server.address for server, _ in pairs], "weights": [weight for _, weight in pairs]}


def readiness(running):
    try:
        return urlopen(f"http://127.0.0.1:{running.status}/readyz").status
    except HTTPError as error:
        return error.code


def chosen(client, targets, function="app"):
    answer = client.get(f"/function/{function}")
    return next((i for i, target in enumerate(targets) if target.address == answer.one("X-Final-Host")), answer.status)


def soon(condition, what):
    """Within the 100 ms that are promised; more where the machine is slow."""
    began = time.monotonic()
    wait_for(condition, what, 5)
    return time.monotonic() - began


@pytest.mark.quick
def test_weights_are_read_at_the_start_and_followed(etcd, gateway, targets):
    server = etcd()
    a, b, c = targets
    server.put(KEY, value((a, 3), (b, 1)))
    server.put("golb/function/main2/app", value((c, 1)))  # of another zone, whose name begins alike
    server.put("golb/function/main/other", value((c, 1)))
    running = gateway(server)
    client = Client(running)
    wait_for(lambda: chosen(client, targets) != 404, "the weights")
    assert {chosen(client, targets) for _ in range(8)} == {0, 1} and chosen(client, targets, "other") == 2
    soon(lambda: running.health() == "ok\n", "health")
    server.put(KEY, value((c, 1)))
    soon(lambda: chosen(client, targets) == 2, "the new weights")
    server.put("golb/function/main2/app", value((a, 1)))
    server.put("golb/function/mai/app", value((a, 1)))
    server.put("golb/function/main", value((a, 1)))
    server.put("golb/function/main/new", value((b, 1)))
    soon(lambda: chosen(client, targets, "new") == 1, "a new function")
    assert chosen(client, targets) == 2, "other zones' weights are theirs"
    server.delete(KEY)
    soon(lambda: chosen(client, targets) == 404, "the end of the function")
    assert chosen(client, targets, "other") == 2


def test_what_can_t_be_taken_leaves_the_last_good_weights(etcd, gateway, targets):
    server = etcd()
    a, b, c = targets
    server.put(KEY, value((a, 1)))
    server.put("golb/function/main/bad", "no JSON")
    running = gateway(server)
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 0, "the weights")
    assert chosen(client, targets, "bad") == 404
    soon(lambda: "bad: that isn't JSON" in running.health(), "the refusal in the health")
    server.delete("golb/function/main/bad")
    for bad in ("", "[]", '{"ips": ["127.0.0.1:1", "127.0.0.1:2"], "weights": [1]}', '{"ips": ["x"], "weights": [1]}'):
        count = running.log().count("can't be taken")
        server.put(KEY, bad)
        wait_for(lambda: running.log().count("can't be taken") > count, "the refusal")
        assert chosen(client, targets) == 0
    soon(lambda: running.health().startswith("app: "), "the refusal in the health")
    server.put(KEY, value((b, 1)))
    soon(lambda: chosen(client, targets) == 1, "good ones")
    soon(lambda: running.health() == "ok\n", "health")
    server.put(KEY, {"ips": [], "weights": []})
    soon(lambda: chosen(client, targets) == 503, "nobody to serve it")


def test_etcd_may_go_and_come_again_and_nothing_is_missed(etcd, gateway, targets):
    server = etcd()
    a, b, c = targets
    server.put(KEY, value((a, 1)))
    running = gateway(server)
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 0, "the weights")
    server.stop()
    wait_for(lambda: "etcd doesn't answer" in running.log(), "the loss")
    assert chosen(client, targets) == 0, "the last weights stay"
    soon(lambda: server.address in running.health(), "the lost server in the health")
    server.start()
    server.put(KEY, value((b, 1)))
    wait_for(lambda: chosen(client, targets) == 1, "what changed meanwhile", 20)
    wait_for(lambda: running.health() == "ok\n", "health")
    # What changed while nobody watched is compacted away: all is read anew, also what has gone.
    server.put("golb/function/main/gone", value((c, 1)))
    wait_for(lambda: chosen(client, targets, "gone") == 2, "one more function")
    running.process.send_signal(19)  # SIGSTOP
    server.stop()
    server.start()
    server.delete("golb/function/main/gone")
    server.put(KEY, value((c, 1)))
    server.compact()
    running.process.send_signal(18)
    wait_for(lambda: chosen(client, targets) == 2 and chosen(client, targets, "gone") == 404, "the state as it is", 20)


def test_an_etcd_that_was_wiped_is_noticed(etcd, gateway, targets):
    server = etcd()
    a, b, _ = targets
    for _ in range(20):
        server.put(KEY, value((a, 1)))
    running = gateway(server)
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 0, "the weights")
    server.stop()
    shutil.rmtree(server.folder / "etcd")
    server.start()
    wait_for(lambda: "it has lost all it had" in running.health(), "the loss", 20)
    assert chosen(client, targets) == 0, "the last weights stay"
    server.put(KEY, value((b, 1)))
    wait_for(lambda: chosen(client, targets) == 1, "what it has now", 20)
    wait_for(lambda: running.health() == "ok\n", "health")
    # Wiped and filled before anybody looked: there are fewer changes than were known.
    server.stop()
    shutil.rmtree(server.folder / "etcd")
    server.start()
    server.put("golb/function/main/other", value((a, 1)))
    wait_for(lambda: chosen(client, targets) == 404 and chosen(client, targets, "other") == 0, "what it has now", 20)


class Cutter:
    """Stands before etcd and cuts the next exchange of a kind at a step of it, once; what else there is passes."""

    def __init__(self, server):
        self.server, self.rule, self.cuts, self.deaf, self.open = server, None, 0, False, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self, path, step, change):
        """The next exchange at `path`; `change` is called between the step and the cut."""
        self.rule = (path, step, change)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self.server.port)) as there:
            self.open.add((client, there))
            try:
                self.pass_on(client, there)
            finally:
                self.open.discard((client, there))

    def pass_on(self, client, there):
        request = b""
        while not self.is_whole(request):
            piece = client.recv(65536)
            if not piece:
                return
            request += piece
        path, step, change = self.rule or ("none", None, None)
        if not request.startswith(f"POST /v3/{path} ".encode()):
            there.sendall(request)
            return self.pump(there, client)
        self.rule = None
        if step != "asked":
            there.sendall(request)
            self.part_of_answer(client, there, step, change)
        change()
        self.cuts += 1
        client.shutdown(socket.SHUT_RDWR)  # a close alone waits for who reads

    def part_of_answer(self, client, there, step, change):
        """Up to the step, which is a name or a number of messages."""
        answer, messages = b"", 0
        while data := there.recv(65536):
            answer += data
            for line in data.splitlines(keepends=True):
                messages += line.startswith(b'{"result"')
                if isinstance(step, int):
                    client.sendall(line)
                    if messages == step:
                        return None
                    if line.startswith(b'{"result"'):
                        change(messages)  # else there would be no next one
            if messages > 0 and not isinstance(step, int):
                break
        head = answer.index(b"\r\n\r\n") + 4
        end = {"nothing of the answer": 0, "half its head": head // 2, "its head": head, "half its body": (head + len(answer)) // 2, "all but its end": len(answer) - 1}
        return None if isinstance(step, int) else client.sendall(answer[:end[step]])

    @staticmethod
    def is_whole(request):
        head, end, body = request.partition(b"\r\n\r\n")
        return end and len(body) >= int(re.search(rb"(?i)content-length: *(\d+)", head)[1])

    def pump(self, there, client):
        while data := there.recv(65536):
            client.sendall(data)
        if self.deaf:
            time.sleep(60)  # it has ended, and the client isn't told
        client.shutdown(socket.SHUT_RDWR)

    def break_all(self):
        """Ends what there is: of who is deaf, on etcd's side alone."""
        for client, there in list(self.open):
            with contextlib.suppress(OSError):
                (there if self.deaf else client).shutdown(socket.SHUT_RDWR)

    def close(self):
        self.deaf, self.rule = False, None
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.break_all()


ANSWERED = ["asked", "nothing of the answer", "half its head", "its head", "half its body", "all but its end"]
EXCHANGE = [*(("auth/authenticate", step) for step in ANSWERED), *(("kv/range", step) for step in ANSWERED),
            *(("watch", step) for step in ["asked", "nothing of the answer", "its head", "half its body", 1, 2, 3])]


def test_a_watch_that_breaks_between_any_two_messages_misses_nothing(etcd, gateway, targets):
    """Login, reading and watching, each cut at each of its steps, while what etcd holds changes. Meanwhile another gateway's connection ends on the way, and nobody tells it."""
    server = etcd("--bcrypt-cost", "4")
    server.ask_for_passwords("hush")
    server.put(KEY, value((targets[0], 1)))
    cutter, silent = Cutter(server), Cutter(server)
    user = {"env": {"galileo_etcd_user": "root", "galileo_etcd_password": "hush"}}
    client, other = Client(gateway(server, endpoints=cutter.address, **user)), Client(gateway(server, endpoints=silent.address, **user))
    wait_for(lambda: chosen(client, targets) == chosen(other, targets) == 0, "the weights")
    silent.deaf = True
    wait_for(lambda: silent.open, "the other's watch")
    silent.break_all()
    turn = 0

    def change(*_):
        nonlocal turn
        turn += 1
        server.put(KEY, value((targets[turn % 3], 1)))
        if turn % 2:
            server.put("golb/function/main/other", value((targets[turn % 3], 1)))
        else:
            server.delete("golb/function/main/other")

    def is_there():
        return chosen(client, targets) == turn % 3 and chosen(client, targets, "other") == (turn % 3 if turn % 2 else 404)
    for path, step in EXCHANGE:
        before = cutter.cuts
        cutter.cut(path, step, change)
        cutter.break_all()
        wait_for(lambda: cutter.cuts > before, f"a cut of {path} at {step}", 20)
        wait_for(is_there, f"the state after {path} was cut at {step}", 30)
        change()
        wait_for(is_there, f"a change after that, by {path} and {step}", 30)
    wait_for(lambda: chosen(other, targets) == turn % 3, "what the watch doesn't tell of", 40)
    cutter.close()
    silent.close()


def test_zones_share_an_etcd_and_pass_requests_on_to_each_other(etcd, gateway, targets):
    """Three zones whose gateways know each other, as in a federation: each has its own weights, and nothing loops."""
    server = etcd()
    ports = {zone: free_port() for zone in "abc"}
    at = {zone: f"127.0.0.1:{port}" for zone, port in ports.items()}
    known = {"eb_go_lb_gateways": " ".join(at.values())}
    # a serves the function itself and through b and c; b and c would rather send everything round in a circle.
    values = {"a": [(targets[0].address, 1), (at["b"], 1), (at["c"], 1)],
              "b": [(at["c"], 8), (targets[1].address, 1)],
              "c": [(at["a"], 8), (at["b"], 8), (targets[2].address, 1)]}
    for zone, pairs in values.items():
        server.put(f"golb/function/{zone}/app", {"ips": [ip for ip, _ in pairs], "weights": [weight for _, weight in pairs]})
    running = {zone: gateway(server, zone=zone, node=f"gw-{zone}", port=ports[zone], env=known) for zone in "abc"}
    clients = {zone: Client(one) for zone, one in running.items()}
    for zone in "abc":
        wait_for(lambda: clients[zone].get("/function/app").status == 200, f"the weights of {zone}")
    hops = [tuple(clients["a"].get("/function/app/x?y=1").all("X-Forwarded-For")) for _ in range(9)]
    assert sorted(hops) == [("gw-a",)] * 3 + [("gw-a", "gw-b")] * 3 + [("gw-a", "gw-c")] * 3
    ends = [clients["c"].get("/function/app").all("X-Final-Host") for _ in range(17)]
    assert {tuple(end) for end in ends} == {(at["a"], targets[0].address), (at["b"], targets[1].address), (targets[2].address,)}
    assert all(request.line in ("GET /x?y=1 HTTP/1.1", "GET / HTTP/1.1") for target in targets for request in target.requests)
    # One zone's weights change, the others' don't.
    server.put("golb/function/b/app", {"ips": [targets[2].address], "weights": [1]})
    soon(lambda: clients["b"].get("/function/app").all("X-Final-Host") == [targets[2].address], "b's new weights")
    assert sorted(tuple(clients["a"].get("/function/app").all("X-Final-Host")) for _ in range(3)) == sorted(
        [(targets[0].address,), (at["b"], targets[2].address), (at["c"], targets[2].address)])


def test_weights_that_change_all_the_time_fail_no_request(etcd, gateway, targets):
    server = etcd()
    a, b, c = targets
    server.put(KEY, value((a, 1)))
    running = gateway(server, "--threads", 2)
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 0, "the weights")
    stop, statuses = threading.Event(), Counter()

    def ask():
        mine = Client(running)
        while not stop.is_set():
            statuses[mine.get("/function/app").status] += 1
    askers = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for asker in askers:
        asker.start()
    for i in range(300):
        server.put(KEY, [value((a, 1)), value((b, 2), (c, 1)), value((c, 1), (a, 0), (b, 3)), value((b, 1))][i % 4])
    stop.set()
    for asker in askers:
        asker.join(10)
    assert set(statuses) == {200} and statuses[200] > 100
    soon(lambda: chosen(client, targets) == 1, "the last weights")


def test_a_gateway_may_be_there_before_its_etcd(etcd, gateway, targets):
    late = etcd()
    late.stop()
    running = gateway(late)
    client = Client(running)
    assert chosen(client, targets) == 404 and running.health() != "ok\n" and readiness(running) == 503
    late.start()
    late.put(KEY, value((targets[1], 1)))
    wait_for(lambda: chosen(client, targets) == 1, "the weights", 20)
    wait_for(lambda: readiness(running) == 200, "readiness")
    late.stop()
    soon(lambda: running.health() != "ok\n", "the loss in the health")
    assert readiness(running) == 200, "the last weights are as good as any"


def test_of_several_members_any_will_do(etcd, gateway, targets):
    """The first can't be reached, the second is lost on the way."""
    server = etcd()
    server.put(KEY, value((targets[0], 1)))
    running = gateway(server, endpoints=f"127.0.0.1:{free_port()}, {server.address}")
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 0, "the weights")
    server.put(KEY, value((targets[1], 1)))
    soon(lambda: chosen(client, targets) == 1, "the new weights")


def test_a_password_is_shown_and_shown_again(etcd, gateway, targets, tmp_path, run):
    server = etcd("--auth-token-ttl", "2")
    server.put(KEY, value((targets[0], 1)))
    server.ask_for_passwords("s3cret")
    (tmp_path / "password").write_text("s3cret\n")
    env = {"galileo_etcd_user": "root", "galileo_etcd_password_FILE": str(tmp_path / "password")}
    running = gateway(server, env=env)
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 0, "the weights")
    time.sleep(4)  # the token has run out meanwhile
    server.log_in("root", "s3cret")
    server.put(KEY, value((targets[1], 1)))
    wait_for(lambda: chosen(client, targets) == 1, "the new weights")
    done = run("gateway", "weights", "get", "--zone", "main", "--etcd", server.address, "--json", env=env)
    assert json.loads(done.out)[0]["value"]["ips"] == [targets[1].address]
    wrong = gateway(server, env={**env, "galileo_etcd_password_FILE": "", "galileo_etcd_password": "other"})
    wait_for(lambda: "no login" in wrong.log(), "the refusal")
    assert "s3cret" not in running.log() and "other" not in wrong.log().replace("another", "")
    done = run("gateway", "weights", "get", "--zone", "main", "--etcd", server.address)
    assert done.code == 92 and server.address in done.err and "user name" in done.err, done


def certificates(folder):
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-days", 2)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "etcd.key", "-out", "etcd.csr", "-subj", "/CN=etcd")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1")
    openssl("x509", "-req", "-in", "etcd.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "etcd.crt", "-days", 2, "-extfile", "ext")
    return {"ca": str(folder / "ca.crt"), "cert": folder / "etcd.crt", "key": folder / "etcd.key"}


def test_over_tls(etcd, gateway, targets, tmp_path, run):
    tls = certificates(tmp_path)
    server = etcd(tls=tls)
    server.put(KEY, value((targets[2], 1)))
    running = gateway(server, "--etcd-ca", tls["ca"])
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 2, "the weights")
    server.put(KEY, value((targets[0], 1)))
    soon(lambda: chosen(client, targets) == 0, "the new weights")
    stranger = gateway(server)
    wait_for(lambda: "certificate verify failed" in stranger.log(), "the refusal")


def test_weights_are_written_as_the_old_balancer_reads_them(etcd, gateway, targets, run):
    server = etcd()
    names = [target.address for target in targets]
    call = lambda *words: run("gateway", "weights", *words, "--zone", "main", "--etcd", server.address)
    assert call("set", "app", f"{names[0]}=3", names[1]).code == 0
    assert server.get(KEY) == [{"ips": names[:2], "weights": [3, 1]}]
    assert call("set", "other", f"{names[2]}=0.5", "--policy", "p2c").code == 0
    assert server.get("golb/function/main/other") == [{"ips": names[2:], "weights": [0.5], "policy": "p2c"}]
    running = gateway(server)
    client = Client(running)
    wait_for(lambda: chosen(client, targets) == 0, "the weights")
    shown = call("get").out
    assert re.search(rf"^app +{names[0]} +3$", shown, re.M) and re.search(rf"^other +{names[2]} +0.5$", shown, re.M)
    assert [one["function"] for one in json.loads(call("get", "other", "--json").out)] == ["other"]
    assert call("rm", "app").code == 0 and server.get(KEY) == []
    soon(lambda: chosen(client, targets) == 404, "the end of the function")
    missing = call("rm", "app")
    assert missing.code == 2 and "there is no function 'app'" in missing.err
    near = call("get", "othr")
    assert near.code == 2 and "did you mean 'other'?" in near.err
    for words, said in ((("set", "a/b", names[0]), "can't be called 'a/b'"), (("set", "app", "127.0.0.1"), "can't be a target"),
                        (("set", "app", f"{names[0]}=-1"), "a number from 0 up"), (("set", "app", f"{names[0]}=x"), "'x' isn't a number"), (("set", "app", names[0], "--policy", "p2"), "there is no policy 'p2'")):
        wrong = call(*words)
        assert wrong.code == 2 and said in wrong.err, wrong
    # A name for an address, and one that nobody has before it.
    for endpoints in (f"localhost:{server.port}", f"nobody.invalid:1,localhost:{server.port}"):
        assert call("get", "other", "--json").out == run("gateway", "weights", "get", "other", "--json", "--zone", "main", "--etcd", endpoints).out
    named = gateway(server, endpoints=f"localhost:{server.port}")
    wait_for(lambda: chosen(Client(named), targets, "other") == 2, "the weights by a name")
    assert "warning" not in named.log()
    gone = run("gateway", "weights", "get", "--zone", "main", "--etcd", f"127.0.0.1:{free_port()}")
    assert gone.code == 92 and "refused" in gone.err


def test_who_records_hears_of_weights_that_are_written(etcd, redis, run):
    server, bus = etcd(), redis()
    without = {name: value for name, value in os.environ.items() if not name.startswith("galileo_redis")}
    heard = bus.listen("galileo/events")

    def call(*words, code=0, env=None):
        done = run("gateway", "weights", *words, "--zone", "zone-a", "--etcd", server.address, env={**without, **(env or {})})
        assert done.code == code, done
        return done

    def event():
        stamp, name, text = heard.messages.get(timeout=10)[1].split(" ", 2)
        told = json.loads(text)
        assert name == "weight_update" and abs(told.pop("ts") - float(stamp)) < 1e-6 and abs(float(stamp) - time.time()) < 60
        assert list(told) == ["fn", "zone", "weights"]
        return told
    call("set", "app", "10.0.0.1:8080=3", "10.0.0.2:8080=0.5", "--bus", bus.url)
    assert event() == {"fn": "app", "zone": "zone-a", "weights": {"ips": ["10.0.0.1:8080", "10.0.0.2:8080"], "weights": [3, 0.5]}}
    call("rm", "app", env=bus.env)
    assert event() == {"fn": "app", "zone": "zone-a", "weights": {"ips": [], "weights": []}}
    # Nobody is told of what wasn't written, nor where no bus is known.
    call("rm", "app", "--bus", bus.url, code=2)
    call("set", "app", "10.0.0.1:8080")
    # A bus that was named must be there first; one that the environment knows is second to the weights.
    away = f"127.0.0.1:{free_port()}"
    refused = call("set", "app", "10.0.0.9:8080", "--bus", f"redis://{away}", code=92)
    assert away in refused.err and server.get("golb/function/zone-a/app")[0]["ips"] == ["10.0.0.1:8080"]
    told = call("set", "app", "10.0.0.9:8080", env={"galileo_redis_url": f"redis://{away}"})
    assert "the weights are written; no recorder was told" in told.err and away in told.err
    assert server.get("golb/function/zone-a/app")[0]["ips"] == ["10.0.0.9:8080"]
    call("set", "last", "10.0.0.1:8080", "--bus", bus.url)
    assert event()["fn"] == "last", "and of nothing else meanwhile"
