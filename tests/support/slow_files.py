"""A file system whose files answer when the test says so, as one of a machine that has gone or a sensor behind a slow bus: the
kernel's own FUSE, spoken to without a library."""
import ctypes
import os
import struct
import threading

LOOKUP, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, DESTROY = 1, 3, 14, 15, 17, 18, 25, 26, 27, 38
MNT_DETACH = 2


class SlowFiles:
    """Mounted at `folder` with one file "value". Its reads wait while `held`; those that wait are `waiting`."""
    def __init__(self, folder, text):
        self.folder, self.text, self.held, self.waiting, self.stopped = str(folder), text.encode(), True, [], False
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.fd},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        if self.libc.mount(b"galileo-test", self.folder.encode(), b"fuse", 0, options.encode()) != 0:
            number = ctypes.get_errno()
            os.close(self.fd)
            raise OSError(number, os.strerror(number))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.stopped:
            try:
                request = os.read(self.fd, 1 << 18)
            except OSError:
                return
            _, operation, unique, node = struct.unpack_from("<IIQQ", request)
            self.answer(operation, unique, node, request[40:])

    def answer(self, operation, unique, node, body):
        if operation == INIT:
            self.send(unique, struct.pack("<IIIIHHIIHHIIII", 7, 31, 65536, 0, 12, 9, 65536, 1, 1, 0, 0, 0, 0, 0) + bytes(16))
        elif operation == LOOKUP:
            if body.rstrip(b"\0") == b"value":
                self.send(unique, struct.pack("<QQQQII", 2, 1, 0, 0, 0, 0) + self.attributes(2))
            else:
                self.send(unique, error=-2)
        elif operation == GETATTR:
            self.send(unique, struct.pack("<QII", 0, 0, 0) + self.attributes(node))
        elif operation in (OPEN, OPENDIR):
            self.send(unique, struct.pack("<QII", 1, 1, 0))  # each read comes to us
        elif operation == READ and self.held:
            self.waiting.append(unique)
        elif operation == READ:
            offset, = struct.unpack_from("<Q", body, 8)
            self.send(unique, self.text[offset:])
        elif operation in (RELEASE, FLUSH, STATFS):
            self.send(unique, bytes(80) if operation == STATFS else b"")
        elif operation not in (2, 36, DESTROY):  # forget, interrupt: nobody waits for an answer
            self.send(unique, error=-38)

    def attributes(self, node):
        mode = 0o40755 if node == 1 else 0o100644
        return struct.pack("<QQQQQQIIIIIIIIII", node, len(self.text), 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def send(self, unique, payload=b"", error=0):
        try:
            os.write(self.fd, struct.pack("<IiQ", 16 + len(payload), error, unique) + payload)
        except OSError:
            pass  # who asked has gone

    def release(self):
        self.held = False
        for unique in self.waiting:
            self.send(unique, self.text)
        self.waiting.clear()

    def stop(self):
        self.stopped = True
        self.libc.umount2(self.folder.encode(), MNT_DETACH)
        self.release()
        os.close(self.fd)
