"""A cluster's API server for tests: requests over one kept connection, faster than kubectl, and a wire to it that can be cut."""
import contextlib
import http.client
import json
import socket
import ssl
import struct
import threading
import time


class ClusterApi:
    def __init__(self, cluster):
        context = ssl.create_default_context(cafile=str(cluster.keys / "ca.crt"))
        context.load_cert_chain(cluster.keys / "admin.crt", cluster.keys / "admin.key")
        self.connection = http.client.HTTPSConnection("10.87.0.1", 6443, context=context, timeout=60)
        self.used = time.monotonic()

    def __call__(self, method, path, body=None):
        """The answer's JSON; a refusal is an error."""
        content = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        if time.monotonic() - self.used > 30:  # the server ends one that was idle for 90 s; the next request makes a new one
            self.connection.close()
        self.connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": content})
        answer = self.connection.getresponse()
        text = answer.read()
        self.used = time.monotonic()
        assert answer.status < 300, (method, path, answer.status, text[:1000])
        return json.loads(text)

    def close(self):
        self.connection.close()


class Wire:
    """Between a client and a server: every connection goes through here, until it is cut (reset, as a balancer does).
    `judge(data)` sees what the client sends: "before" cuts instead of passing it on, "after" once the server has it."""

    def __init__(self, port, to):
        self.to, self.pairs, self.judge = to, [], lambda data: None
        self.listener = socket.create_server(("127.0.0.1", port))
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                try:
                    far = socket.create_connection(self.to, timeout=5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                with self.lock:
                    self.pairs.append((near, far))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self.carry, args=((near, far), one, other), daemon=True).start()

    def carry(self, pair, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                said = self.judge(data) if one is pair[0] else None
                if said == "before":
                    self.cut()
                    return
                other.sendall(data)
                if said == "after":
                    threading.Event().wait(0.05)
                    self.cut()
                    return
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """How many connections that were."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RD)
                    end.close()
        return len(pairs)

    def close(self):
        self.listener.close()
        self.cut()
