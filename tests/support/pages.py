"""A web server of a test's own."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Pages:
    """A server whose pages are what a test says: {path: (status, text)}; `asked` counts."""
    def __init__(self):
        self.pages, self.asked = {}, 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.asked += 1
                status, text = owner.pages[self.path]
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
