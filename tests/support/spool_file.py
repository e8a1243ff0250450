"""A spool read from docs/wire/spool.md alone, as a check on the program's own reader."""
import struct

HEADER = b"GALSPOOL" + struct.pack("<II", 1, 0)
EXPERIMENT, END, NODE_INFO, NAME, TRACE, SAMPLE, EVENT = range(1, 8)


def _table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


TABLE = list(_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def records(path):
    """(type, payload) of all records up to the end, or to the first that isn't whole."""
    data = path.read_bytes()
    if not data.startswith(HEADER):
        return
    at, found = len(HEADER), []
    while at + 9 <= len(data):
        size, sum_, type_ = struct.unpack_from("<IIB", data, at)
        payload = data[at + 9:at + 9 + size]
        if size == 0 or len(payload) < size:
            break
        found.append((type_, payload, sum_))
        at += 9 + size
    # Of the last one only: that is where a killed process may have left a piece.
    if found and crc32c(bytes([found[-1][0]]) + found[-1][1]) != found[-1][2]:
        found.pop()
    for type_, payload, _ in found:
        yield type_, payload


def text_of(payload, at=0):
    size, = struct.unpack_from("<I", payload, at)
    return payload[at + 4:at + 4 + size].decode()


def request_ids(path):
    """Of all its traces, in order."""
    names, ids = {}, []
    for type_, payload in records(path):
        if type_ == NAME:
            producer, number = struct.unpack_from("<HI", payload)
            names[producer, number] = text_of(payload, 6)
        elif type_ == TRACE:
            producer, prefix, number = struct.unpack_from("<H2x4x4xI16xQ", payload)
            ids.append(f"{names[producer, prefix]}:{number}")
    return ids


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(data)) + data


class Writer:
    """A spool as another writer would make it; names are told as they come."""

    def __init__(self, experiment_id, created=1_795_500_000_000_000_000):
        self.data, self.names = bytearray(HEADER), {"": 0}
        self.created = created
        self.about = (experiment_id, "odd", "me")
        self.record(EXPERIMENT, self.experiment("RUNNING", -1))

    def experiment(self, status, end):
        return b"".join(map(text, (*self.about, status))) + struct.pack("<qqq", self.created, self.created, end) + text("")

    def record(self, type_, payload):
        self.data += struct.pack("<IIB", len(payload), crc32c(bytes([type_]) + payload), type_) + payload

    def number(self, name):
        if name not in self.names:
            self.names[name] = len(self.names)
            self.record(NAME, struct.pack("<HI", 0, self.names[name]) + text(name))
        return self.names[name]

    def trace(self, number, client, service, server, phase, headers, response):
        ids = [self.number(name) for name in (client, "abcdef0123", service, server, phase)]
        times = [self.created + 1000 * i for i in range(5)]
        self.record(TRACE, struct.pack("<HBBi5IIQ5q2Q", 0, 0, 0, 200, *ids, len(headers.encode()), number, *times, 80, 2)
                    + headers.encode() + (response if isinstance(response, bytes) else response.encode()))

    def sample(self, value, node, metric, subsystem):
        self.record(SAMPLE, struct.pack("<qd", self.created, value) + text(node) + text(metric) + text(subsystem))

    def event(self, name, value):
        self.record(EVENT, struct.pack("<q", self.created) + text(name) + text(value))

    def node_info(self, node, key, value):
        self.record(NODE_INFO, text(node) + text(key) + text(value))

    def write(self, path):
        self.record(END, self.experiment("FINISHED", self.created + 10**9))
        path.write_bytes(self.data)
