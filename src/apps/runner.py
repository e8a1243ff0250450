# Runs a client app's generator.py, once for each client, in a process each. Started by Galileo as
# `python3 -u -c`, with the descriptors 3, on which it is told what to do, and 4, a file with the
# app and what its clients are given. This process runs nothing of the app: it forks, tells who has
# ended, and takes all with it when Galileo is gone. docs/wire/apps.md has what is said.
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
import types
from collections.abc import Mapping

try:
    import ctypes
    LIBC = ctypes.CDLL(None)
except (ImportError, OSError):
    LIBC = None

FLUSH_BYTES = 64 * 1024
FLUSH_SECONDS = 0.001
TEXT_MAX = 16 * 1024
JSON_APART = 4096  # bytes from which on a JSON body is carried as it is sent


class Unfit(Exception):
    """What next_request() gave can't be a request."""


class HasBytes(Exception):
    """It can't be JSON as a whole."""


class Ended(BaseException):
    """Nobody listens any more."""


def short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Digest:
    """Requests' object keeps the nonce of its last challenge: one that is given again goes on with it."""
    before = last = None  # of the request before, and of this one

    @classmethod
    def of(cls, value):
        cls.last = value
        return {"digest": names(value), "keep": cls.before is value}


def names(auth):
    return [part.decode("latin-1") if isinstance(part, bytes) else part for part in (auth.username, auth.password)]


def plain(value):
    """What json doesn't know by itself, of libraries that requests would have understood."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # a number of numpy
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "get_dict"):  # cookies of requests
        return value.get_dict()
    kinds = {kind.__name__ for kind in type(value).__mro__}
    if "HTTPDigestAuth" in kinds:
        return Digest.of(value)
    if "HTTPBasicAuth" in kinds and "HTTPProxyAuth" not in kinds:
        return names(value)
    raise Unfit(f"a {type(value).__name__} ({short(value)}) can't be carried")


class Encoder:
    """A request as the parts of a frame."""

    def __init__(self, mark):
        self.mark = mark
        self.blobs = []
        self.json = json.JSONEncoder(ensure_ascii=False, check_circular=True, allow_nan=False, separators=(",", ":"), default=without_bytes)
        self.text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=plain)

    def blob(self, value):
        if not isinstance(value, (bytes, bytearray, memoryview)) and not hasattr(value, "read"):
            return plain(value)
        if hasattr(value, "read"):
            value = value.read()
        if isinstance(value, str):
            value = value.encode()
        self.blobs.append(bytes(value))
        return f"{self.mark}{len(self.blobs) - 1};"

    def encode(self, answer):
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            raise Unfit(f"next_request() gave {short(answer)}, not (method, path, kwargs)")
        method, path, kwargs = answer
        if isinstance(method, bytes):
            method = method.decode()
        if isinstance(path, bytes):
            path = path.decode()
        if not isinstance(method, str) or not isinstance(path, str):
            raise Unfit(f"next_request() gave {short(answer)}: method and path must be texts")
        if not kwargs:
            kwargs = None  # as the original took it
        elif not isinstance(kwargs, Mapping):
            raise Unfit(f"next_request() gave {short(kwargs)} as kwargs, not a dict or None")
        self.blobs.clear()
        Digest.before = Digest.last
        request = {"method": method, "path": path, "kwargs": kwargs}
        try:
            text = self.json.encode(request).encode()
            if len(text) > JSON_APART and kwargs.get("json") is not None and not kwargs.get("data") and not kwargs.get("files"):
                return self.json_apart(request)
            return [text]
        except HasBytes:
            return [self.with_blobs(request).encode(), *self.blobs]
        except (TypeError, ValueError, RecursionError, Unfit) as error:
            raise Unfit(f"next_request(): {self.where(kwargs)}{error}") from None

    def json_apart(self, request):
        """A large JSON body, as a picture in base64 is, costs nothing to read where it is bytes."""
        kwargs = dict(request["kwargs"])
        body = json.dumps(kwargs.pop("json"), allow_nan=False, default=plain)
        headers = kwargs.get("headers") or {}
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        if not any(str(name).lower() == "content-type" for name, _ in pairs):
            pairs.append(("Content-Type", "application/json"))
        kwargs.update(headers=pairs, data=self.blob(body.encode()))
        return [self.json.encode({**request, "kwargs": kwargs}).encode(), *self.blobs]

    def where(self, kwargs):
        """Which of the arguments it is about."""
        for name, value in (kwargs or {}).items():
            try:
                self.json.encode(value).encode()
            except Exception:
                return f"kwargs.{name}: "
        return ""

    def with_blobs(self, request):
        """There are bytes: a body or a file has them as they are, forms and headers as the text that they are."""
        kwargs = {}
        for name, value in request["kwargs"].items():
            try:
                kwargs[name] = json.loads(self.text.encode(self.argument(name, value)))
            except (TypeError, ValueError, RecursionError, Unfit) as error:
                raise Unfit(f"next_request(): kwargs.{name}: {error}") from None
        return self.text.encode({**request, "kwargs": kwargs})

    def argument(self, name, value):
        if name == "files" and value:
            return self.files(value)
        if name == "data" and not isinstance(value, (str, Mapping, list, tuple)):
            return self.blob(value)
        if name in ("data", "params"):
            return decoded(value, "utf-8")
        if name in ("headers", "auth", "cookies"):
            return decoded(value, "latin-1")
        return value

    def files(self, files):
        pairs = list(files.items()) if isinstance(files, Mapping) else list(files)
        made = []
        for name, value in pairs:
            if isinstance(value, (list, tuple)) and len(value) >= 2:
                value = list(value)
                value[1] = value[1] if isinstance(value[1], str) else self.blob(value[1])
            elif not isinstance(value, str) and value is not None:
                # As requests does, a file is called what it is called on the disk.
                called = getattr(value, "name", None)
                blob = self.blob(value)
                value = [os.path.basename(called), blob] if isinstance(called, str) and called[0] + called[-1] != "<>" else blob
            made.append([name, value])
        return made


def without_bytes(value):
    if isinstance(value, (bytes, bytearray, memoryview)) or hasattr(value, "read"):
        raise HasBytes
    return plain(value)


def decoded(value, charset):
    if isinstance(value, (bytes, bytearray)):
        try:
            return bytes(value).decode(charset)
        except UnicodeDecodeError:
            raise Unfit("bytes that aren't UTF-8 can't be carried there") from None
    if isinstance(value, Mapping):
        return {decoded(key, charset): decoded(one, charset) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [decoded(one, charset) for one in value]
    return value


class Client:
    """One client's process: its end of the line, and the generator."""

    def __init__(self, line, config, code):
        self.line = line
        self.config = config
        self.code = code
        self.waiting = []
        self.bytes = 0
        self.wanted = 0
        self.flushed = time.monotonic()

    def put(self, kind, payload):
        self.waiting.append(struct.pack("<IB", len(payload), kind[0]))
        self.waiting.append(payload)
        self.bytes += len(payload)

    def flush(self):
        self.line.sendall(b"".join(self.waiting))
        self.waiting.clear()
        self.bytes = 0
        self.flushed = time.monotonic()

    def wait(self):
        """Until more is wanted, or nobody is there any more."""
        self.flush()
        wish = b""
        while len(wish) < 4:
            piece = self.line.recv(4 - len(wish))
            if not piece:
                raise Ended
            wish += piece
        self.wanted += struct.unpack("<I", wish)[0]

    def load(self):
        name = "galileo.clients." + self.config["name"]
        spec = importlib.util.spec_from_file_location(name, os.path.join(self.config["path"], "generator.py"))
        module = importlib.util.module_from_spec(spec)
        module.context = types.SimpleNamespace(**{key: self.config[key] for key in ("name", "path", "manifest", "parameters")})
        sys.modules[name] = module
        exec(self.code or compiled(spec.origin), module.__dict__)
        make = getattr(module, "next_request", None)
        if not callable(make):
            raise Unfit("generator.py has no function next_request()")
        return make

    def run(self):
        make = self.load()
        mark = os.urandom(16).hex() + ":"
        encoder = Encoder(mark)
        self.put(b"L", mark.encode())
        while True:
            while self.wanted == 0:
                self.wait()
            try:
                answer = make()
            except StopIteration:
                self.put(b"O", b"")
                self.flush()
                return
            parts = encoder.encode(answer)
            payload = struct.pack("<I", len(parts)) + b"".join(struct.pack("<I", len(part)) + part for part in parts)
            self.put(b"R", payload)
            self.wanted -= 1
            if self.bytes >= FLUSH_BYTES or time.monotonic() - self.flushed >= FLUSH_SECONDS:
                self.flush()

    def fail(self, error):
        if isinstance(error, Unfit):
            text, trace = str(error), ""
        else:
            text = "".join(traceback.format_exception_only(type(error), error)).strip()
            frames = error.__traceback__
            while frames is not None and frames.tb_frame.f_code.co_filename == "<string>":
                frames = frames.tb_next
            trace = "".join(traceback.format_exception(type(error), error, frames))
        text = text.encode("utf-8", "replace").decode()[:TEXT_MAX]
        trace = trace.encode("utf-8", "replace").decode()[-TEXT_MAX:]
        self.put(b"E", json.dumps({"text": text, "traceback": trace}).encode())
        self.flush()


def compiled(path):
    with open(path, "rb") as file:
        return compile(file.read(), path, "exec", dont_inherit=True)


def run_client(line, config, code):
    client = Client(line, config, code)
    status = 0
    try:
        client.run()
    except (Ended, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException as error:
        status = 1
        try:
            client.fail(error)
        except OSError:
            pass
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


class Server:
    def __init__(self, config):
        self.control = socket.socket(fileno=3)
        self.config = config
        self.code = None
        self.clients = {}  # by process
        self.pid = os.getpid()
        wake, self.woken = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self.woken, False)
        self.wake = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.woken, warn_on_full_buffer=False)

    def say(self, **words):
        try:
            self.control.send(json.dumps(words).encode())
        except OSError:
            self.end()

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self.clients.pop(pid, None)
            if number is not None:
                code = os.waitstatus_to_exitcode(status)
                self.say(client=number, code=max(code, 0), signal=max(-code, 0))

    def begin(self, number, descriptor, *doors):
        if self.code is None:
            try:
                self.code = compiled(os.path.join(self.config["path"], "generator.py"))
            except Exception:
                pass  # the client tries again, and says so
        pid = os.fork()
        if pid > 0:
            for each in (descriptor, *doors):
                os.close(each)
            self.clients[pid] = number
            return
        if LIBC is not None:
            LIBC.prctl(1, int(signal.SIGKILL), 0, 0, 0)  # when its parent dies
        if os.getppid() != self.pid:
            os._exit(1)
        for door in doors:  # of its control groups
            try:
                os.write(door, b"0")
            except OSError:
                os._exit(1)
            os.close(door)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.control.close()
        os.close(self.wake)
        os.close(self.woken)
        run_client(socket.socket(fileno=descriptor), self.config, self.code)

    def end(self):
        """Galileo is gone: all of this session goes too."""
        for _ in range(0 if self.pid == 1 else 100):  # with the first of a namespace all others go
            others = [pid for pid in session(self.pid) if pid != self.pid]
            for pid in others:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            if not others:
                break
            time.sleep(0.01)
        os._exit(0)

    def serve(self):
        gc.collect()
        gc.freeze()
        while True:
            ready, _, _ = select.select([self.control, self.wake], [], [])
            if self.wake in ready:
                try:
                    os.read(self.wake, 4096)
                except BlockingIOError:
                    pass
            self.reap()
            if self.control not in ready:
                continue
            message, descriptors, _, _ = socket.recv_fds(self.control, 4096, 3)
            if not message:
                self.end()
            order = json.loads(message)
            if order["do"] == "begin":
                self.begin(order["client"], *descriptors)
            elif order["do"] == "end":
                for pid, number in self.clients.items():
                    if number == order["client"]:
                        os.kill(pid, signal.SIGKILL)


def session(pid):
    """The processes of that session."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    words = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(words[3]) == pid and words[0] != b"Z":
                found.append(int(name))
    return found


sys.dont_write_bytecode = True
with open(4, encoding="utf-8") as file:
    CONFIG = json.load(file)
sys.path[0:1] = [CONFIG["path"]]  # in the place of the current folder
Server(CONFIG).serve()
