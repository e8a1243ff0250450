"""An HTTP/1.1 server that keeps what it was asked: [(method, target, headers, body)], in order. On a thread. What is below /moved/ it
sends elsewhere, with a cookie."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class RecordingServer:
    def __init__(self):
        self.requests = []
        recorded = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorded.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                moved = self.path.startswith("/moved/")
                self.send_response(302 if moved else 200)
                if moved:
                    self.send_header("Location", "/%7Elanded/../here?to=%7E" + self.path[len("/moved/"):])
                    self.send_header("Set-Cookie", "set=1; Path=/")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok" if self.command != "HEAD" else b"")

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_any

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    recording = RecordingServer()
    yield recording
    recording.stop()
