"""Between a program and an API server: passes everything on, counts what changes something, and holds one such request
up, before it reaches the server or before its answer comes back. Plain HTTP towards the program, the test's
certificate towards the server. It may say that the server is of another version, leave requests without an answer, lose
answers, and cut all connections at once."""
import contextlib
import http.client
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class KubeProxy:
    def __init__(self, server, keys, name="admin", version=None, deaf=None):
        """`keys`: the folder of the cluster's certificates. `version`: what it says of the server's. `deaf`: requests whose path ends
        so are never answered, as those that the server would pass on to a kubelet that it can't reach."""
        keys = Path(keys)
        self.target = urlsplit(server)
        self.context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        self.context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
        self.lock = threading.Lock()
        self.changes = []  # "POST /api/v1/namespaces/default/pods", in their order
        self.hold_number, self.hold_before = None, True
        self.held, self.go_on, self.ends = threading.Event(), threading.Event(), threading.Event()
        self.version, self.deaf = version, deaf
        self.unanswered = []
        self.lost = set()  # numbers of changes whose answers never come back: their connection ends
        self.connections = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            log_message = lambda *_: None

            def handle_any(self):
                outer.handle(self)
            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def kubeconfig(self, path):
        path.write_text(f"""apiVersion: v1
kind: Config
current-context: x
clusters: [{{name: c, cluster: {{server: "{self.url}"}}}}]
users: [{{name: u, user: {{}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
""")
        return path

    def hold(self, number, before):
        """The number-th change from now on (from 0): before it reaches the server, which then never gets it, or else before
        its answer comes back."""
        with self.lock:
            self.changes.clear()
            self.hold_number, self.hold_before = number, before
            self.held.clear()
            self.go_on.clear()

    def release(self):
        self.go_on.set()

    def cut(self):
        """All connections of the program's, whatever is under way on them; how many there were."""
        with self.lock:
            open_ones = list(self.connections)
        for connection in open_ones:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return len(open_ones)

    def wait(self, is_before, number):
        """Whether it was held."""
        if number is None or number != self.hold_number or is_before != self.hold_before:
            return False
        self.held.set()
        return self.go_on.wait(120)

    def handle(self, request):
        with self.lock:
            self.connections.add(request.connection)
        try:
            self.pass_on(request)
        finally:
            with self.lock:
                self.connections.discard(request.connection)

    def pass_on(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        number = None
        # A lease that is renewed is no step of its own, and a question about rights changes nothing.
        is_none = request.command == "PATCH" and "/leases/" in request.path or request.path.endswith("/selfsubjectaccessreviews")
        if request.command in CHANGING and not is_none:
            with self.lock:
                number = len(self.changes)
                self.changes.append(f"{request.command} {request.path.split('?')[0]}")
        if self.version and request.path == "/version":
            text = b'{"gitVersion": "%s"}' % self.version.encode()
            request.send_response_only(200)
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)
            return
        if self.deaf and request.path.split("?")[0].endswith(self.deaf):
            self.unanswered.append(request.path)
            self.ends.wait(60)
            request.close_connection = True
            return
        if self.wait(True, number):  # it is lost on its way
            request.close_connection = True
            return
        upstream = http.client.HTTPSConnection(self.target.hostname, self.target.port, context=self.context, timeout=300)
        try:
            upstream.request(request.command, request.path, body or None,
                             {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")})
            answer = upstream.getresponse()
            self.wait(False, number)
            if number in self.lost:
                request.close_connection = True
                return
            request.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    request.send_header(name, value)
            request.send_header("Transfer-Encoding", "chunked")
            request.end_headers()
            while piece := answer.read1(1 << 16):
                request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                request.wfile.flush()
            request.wfile.write(b"0\r\n\r\n")
        except (OSError, ValueError, http.client.HTTPException):  # the program is gone
            request.close_connection = True
        finally:
            upstream.close()

    def stop(self):
        self.hold_number = None
        self.release()
        self.ends.set()
        self.http.shutdown()
        self.http.server_close()
