"""A small shop: who logs in gets a token, who has one may order, and look at the order."""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USERS = {"ann": "secret, with a comma", "bob": "hunter2", "zoe": 'pass"word'}
orders = {}


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")

    def answer(self, status, value, **headers):
        text = json.dumps(value).encode()
        self.send_response(status)
        for name, header in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, header)
        self.end_headers()
        self.wfile.write(text)

    def user(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer token-of-")

    def do_POST(self):
        body = self.body()
        if self.path == "/login":
            good = USERS.get(body.get("user")) == body.get("password")
            return self.answer(200, {"user": body["user"], "token": "token-of-" + body["user"]}) if good else self.answer(403, {})
        if self.user() not in USERS or not isinstance(body.get("count"), int):
            return self.answer(401, {})
        orders[body["id"]] = body
        self.answer(201, {}, Location="/orders/" + body["id"])

    def do_GET(self):
        order = orders.get(self.path.removeprefix("/orders/"))
        self.answer(200, order) if order and self.user() in USERS else self.answer(404, {})

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
