"""The HTTP server under our status pages, with clients that send too much, too slowly, or are too many."""
import os
import socket
import threading

import pytest
from conftest import accepts, free_port, wait_for

pytestmark = pytest.mark.quick
GET = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture
def page(start, port):
    """The page of a daemon that waits for its Redis."""
    start("telemd", "--node", "one", "--bus", f"redis://127.0.0.1:{free_port()}", "--status", port,
          env={**os.environ, "telemd_redis_retry_backoff": "100ms"})
    wait_for(lambda: accepts(port), "its page")
    return port


def connected(port):
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.settimeout(20)
    return client


def answer_of(client):
    """All that comes until the server ends its side."""
    text = b""
    while piece := client.recv(65536):
        text += piece
    return text


def test_whoever_sends_too_much_reads_that_it_was_refused(page):
    refused = []

    def send(body):
        with connected(page) as client:
            client.sendall(b"POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n" + body)
            refused.append(answer_of(client)[:12])
    senders = [threading.Thread(target=send, args=(b"x" * 900_000,)) for _ in range(100)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)
    assert refused == [b"HTTP/1.1 413"] * 100, refused  # and no connection reset


@pytest.mark.parametrize("bytes_, status", [
    (b"hello\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 20_000, b"431"),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\nHost: h\n\n", b"400"), (b"GET http://h/healthz HTTP/1.1\r\nHost: h\r\n\r\n", b"400")],
    ids=["no request", "no host", "long head", "two lengths", "bare line ends", "a proxy's target"])
def test_what_is_no_request_is_refused(page, bytes_, status):
    with connected(page) as client:
        client.sendall(bytes_)
        assert answer_of(client).split()[1] == status


def test_a_client_that_waits_for_a_word_before_its_body_gets_it(page):
    with connected(page) as client:
        client.sendall(b"POST /healthz HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ab")
        assert answer_of(client).startswith(b"HTTP/1.1 200")


def test_slow_ones_take_no_others_place_for_long_and_too_many_are_told(page):
    slow = [connected(page) for _ in range(256)]
    try:
        for client in slow:
            client.sendall(b"GET /heal")
        with connected(page) as more:
            told = answer_of(more)
            assert told.startswith(b"HTTP/1.1 503") and b"\r\nRetry-After: 1\r\n" in told
        assert slow[0].recv(100).startswith(b"HTTP/1.1 408")  # after 10 s without a whole head
        for client in slow:
            client.close()
        with connected(page) as after:
            after.sendall(GET)
            assert after.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        for client in slow:
            client.close()
