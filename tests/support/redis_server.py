"""A Redis server of a test's own, and the few words of its protocol that a foreign peer needs (docs/wire/bus.md)."""
import contextlib
import json
import queue
import shutil
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path


def packed(words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Connection:
    """One connection: command("GET", "key") answers with text, a number, None or a list of these."""

    def __init__(self, port, password=None, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.socket.makefile("rb")
        if password:
            self.command("AUTH", password)

    def send(self, *words):
        self.socket.sendall(packed(words))

    def answer(self):
        kind, rest = (line := self.file.readline())[:1], line[1:-2].decode()
        if not line:
            raise ConnectionError("Redis has closed the connection")
        if kind == b"-":
            raise RuntimeError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self.file.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return None if rest == "-1" else [self.answer() for _ in range(int(rest))]
        return rest

    def command(self, *words):
        self.send(*words)
        return self.answer()

    def all(self, commands):
        """Many commands in one go, and their answers."""
        self.socket.sendall(b"".join(map(packed, commands)))
        return [self.answer() for _ in commands]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Subscriber:
    """Listens from when it is made; messages come as (channel, text), by a queue or a handler."""

    def __init__(self, connection, *channels, handler=None):
        self.messages = queue.Queue()
        self.connection = connection
        self.handler = handler or (lambda channel, text: self.messages.put((channel, text)))
        connection.send("SUBSCRIBE", *channels)
        for _ in channels:
            connection.answer()
        connection.socket.settimeout(None)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                _, channel, text = self.connection.answer()
                self.handler(channel, text)

    def close(self):
        self.connection.close()
        self.thread.join(5)


class Redis:
    """On a free port of the loopback and a Unix socket, nothing kept, everything in a scratch folder."""

    def __init__(self, folder, port, password=None, more=()):
        self.folder, self.port, self.password = Path(folder), port, password
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = str(self.folder / "redis.sock")
        self.url = f"redis://127.0.0.1:{port}"
        self.words = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket", self.socket, "--save", "",
                      "--appendonly", "no", "--dir", self.folder, *more]
        if password:
            self.words += ["--requirepass", password]
        self.log = open(self.folder / "redis.log", "wb")
        self.connections = []
        self.launch()

    def launch(self):
        self.process = subprocess.Popen(list(map(str, self.words)), stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.main = self.connect()
                if self.main.command("PING") == "PONG":
                    break
            except (OSError, RuntimeError):
                assert self.process.poll() is None and time.monotonic() < deadline, \
                    (self.folder / "redis.log").read_text()
                time.sleep(0.02)

    def restart(self, away=0):
        """Kills it, and brings it up again `away` seconds later, with nothing in it."""
        self.kill()
        time.sleep(away)
        self.launch()

    def kill(self):
        """As a machine that fails: at once."""
        self.process.kill()
        self.process.wait()

    def connect(self):
        connection = Connection(self.port, self.password)
        self.connections.append(connection)
        return connection

    def __call__(self, *words):
        return self.main.command(*words)

    def all(self, commands):
        return self.main.all(commands)

    def publish(self, channel, *messages):
        return self.all([("PUBLISH", channel, message) for message in messages])

    def hash(self, key):
        flat = self("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def listen(self, *channels, handler=None):
        return Subscriber(self.connect(), *channels, handler=handler)

    def rpc(self, function, *arguments, timeout=5):
        """The result of a call of docs/wire/bus.md, as an old shell makes it."""
        channel = f"__rpc_{uuid.uuid4()}"
        request = {"__obj": [function, channel, list(arguments), {}], "__type": "pymq.core.RpcRequest"}
        assert self("PUBLISH", EVENT_BUS + function, json.dumps(request)) > 0, f"nobody serves {function}"
        answer = json.loads(self("BRPOP", EVENT_BUS + channel, timeout)[1])["__obj"]
        assert not answer[3], answer
        return answer[1]

    def route(self, service, *hosts):
        """The service's hosts from now on, of equal weight, as an old shell sets them."""
        self.all([("DEL", f"routing:hosts:{service}", f"routing:weights:{service}"), ("SADD", "routing:services", service),
                  ("RPUSH", f"routing:hosts:{service}", *hosts), ("RPUSH", f"routing:weights:{service}", *["1"] * len(hosts)),
                  ("PUBLISH", "routing:updates", service)])

    def ask_once(self, worker, service, parameters=None, between_s=0.01):
        """A new client of the worker is told to send one request."""
        [client] = self.rpc(f"WorkerDaemon.create_client:{worker}", [worker, [service, None, parameters, None], 1])
        command = {"__obj": [client[0], 1, "constant", [between_s]], "__type": API + "SetWorkloadCommand"}
        assert self("PUBLISH", EVENT_BUS + API + "SetWorkloadCommand", json.dumps(command)) > 0

    @property
    def env(self):
        """As workers, recorders and shells of both kinds take it."""
        env = {"galileo_redis_host": "127.0.0.1", "galileo_redis_port": str(self.port)}
        return {**env, "galileo_redis_password": self.password} if self.password else env

    def stop(self):
        for connection in self.connections:
            connection.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def installed():
    return shutil.which("redis-server") is not None


EVENT_BUS = "__eventbus:global:"
API = "galileo.worker.api."


class ForeignWorker:
    """A worker made from docs/wire/bus.md alone: it registers, answers ping and create_client, and no more."""

    def __init__(self, redis, name, labels=None):
        self.name, self.labels, self.made = name, labels or {}, 0
        self.commands = redis.connect()
        handlers = {EVENT_BUS + API + "RegisterWorkerCommand": lambda _: self.register(),
                    EVENT_BUS + "WorkerDaemon.ping": lambda text: self.respond(text, name, "str"),
                    EVENT_BUS + f"WorkerDaemon.create_client:{name}": self.create}
        self.listener = redis.listen(*handlers, handler=lambda channel, text: handlers[channel](text))
        self.register()

    def register(self):
        self.commands.command("SADD", "galileo:workers", self.name)
        for label, value in self.labels.items():
            self.commands.command("HSET", self.name, label, value)
        self.commands.command("PUBLISH", EVENT_BUS + API + "RegisterWorkerEvent",
                              json.dumps({"__obj": [self.name], "__type": API + "RegisterWorkerEvent"}))

    def create(self, text):
        _, config, num = json.loads(text)["__obj"][2][0]
        clients = [[f"{self.name}:{config[0]}:{self.made + i}", self.name, config] for i in range(num)]
        self.made += num
        for client in clients:
            self.commands.command("SADD", f"galileo:worker:{self.name}:clients", client[0])
            self.commands.command("SET", f"galileo:client:{client[0]}", json.dumps(client))
        self.respond(text, clients, "list")

    def respond(self, request, result, kind):
        function, channel, *_ = json.loads(request)["__obj"]
        answer = {"__obj": [function, result, kind, False], "__type": "pymq.core.RpcResponse"}
        self.commands.command("LPUSH", EVENT_BUS + channel, json.dumps(answer))
        self.commands.command("EXPIRE", EVENT_BUS + channel, 300)

    def close(self):
        self.listener.close()
