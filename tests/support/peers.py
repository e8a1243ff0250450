"""Servers that misbehave on purpose, each in a thread of the test, on a free loopback port."""
import contextlib
import socket
import threading
import time

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_request(connection):
    """The head of one request; None where the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    return data


@contextlib.contextmanager
def serve(handler):
    """handler(connection, number) is called for each connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.settimeout(0.1)
    over = threading.Event()
    threads = []

    def handle(connection, number):
        with connection:
            connection.settimeout(20)
            try:
                handler(connection, number)
            except OSError:
                pass

    def accept():
        number = 0
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=handle, args=(connection, number), daemon=True)
            thread.start()
            threads.append(thread)
            number += 1

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        acceptor.join()
        listener.close()


def answering(answer, close=False):
    """Answers every request with the same bytes."""
    def handler(connection, _):
        while read_request(connection) is not None:
            connection.sendall(answer)
            if close:
                return
    return handler


def closing(connection, _):
    read_request(connection)


def resetting(connection, _):
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def stalling(connection, _):
    while read_request(connection) is not None:
        pass


def endless_headers(connection, _):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for i in range(20000):
        connection.sendall(b"X-Header-%d: %s\r\n" % (i, b"x" * 100))


def endless_body(connection, _):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        connection.sendall(b"x" * 65536)
