"""A spool read from docs/spool_format.md alone, as a check on the program's own reader."""
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
