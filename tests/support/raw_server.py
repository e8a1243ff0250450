"""A server that answers bytes with bytes, for what no well-behaved server does."""
import contextlib
import socket
import threading

import peers
from peers import OK


def received(connection):
    if data := connection.recv(65536):
        return data
    raise ConnectionError("the body was cut")


def read_request(connection):
    """The head of the next request and its body; None at the end."""
    data = peers.read_request(connection)
    if data is None:
        return None
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
    value = lambda name: next((text for key, text in headers if key.lower() == name), None)
    if (length := value("content-length")) is not None:
        while len(body) < int(length):
            body += received(connection)
    elif value("transfer-encoding"):
        while not body.endswith(b"0\r\n\r\n"):
            body += received(connection)
    return Request(lines[0], headers, body)


class Request:
    def __init__(self, line, headers, body):
        self.line, self.headers, self.body = line, headers, body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]



class RawServer:
    """`answer(request, connection)` gives the bytes of the answer; None closes the connection."""

    def __init__(self, answer=lambda request, connection: OK):
        self.answer, self.requests, self.connections = answer, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                self.open.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            while (request := read_request(connection)) is not None:
                self.requests.append(request)
                answer = self.answer(request, connection)
                if answer is None:
                    return
                connection.sendall(answer)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # a close alone doesn't wake who accepts
        self.listener.close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
