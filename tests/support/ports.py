"""Free loopback ports, that no other tests take meanwhile."""
import contextlib
import functools
import itertools
import random
import socket


@functools.cache
def port_block():
    """A thousand ports, round and round, that no other tests of this machine take meanwhile: whoever holds a socket of
    that name has them. Below those that the system gives to connections."""
    for first in random.sample(range(12_000, 32_000, 1000), 20):
        held = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            held.bind(f"\0galileo-test-ports-{first}")
            return held, itertools.cycle(range(first, first + 1000))
        held.close()
    raise OSError("twenty tests run beside this one, and hold all ports")


def free_port():
    _, ports = port_block()
    for port in itertools.islice(ports, 1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")
