"""One connection to a fleet: a process of the program that holds it, and a thread that speaks with that process.

The thread starts with the connection and not before. What a caller waits for can be interrupted at any time: the answer is
then nobody's, and the next call gets its own."""
from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
import weakref
from typing import Any, Callable

from . import _session
from .errors import ForkedError, GalileoError, ProgramError, StoppedError, from_program

_LOOK_S = 0.1


class _Pending:
    __slots__ = ("line", "answer", "over")

    def __init__(self, line: bytes) -> None:
        self.line = line
        self.answer: Any = None
        self.over = threading.Event()


class _Channel:
    """The process and its pipes. Nothing here refers to the Connection, so that one that nobody has any more ends."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.talk = os.memfd_create("galileo-talk")
        self.process = subprocess.Popen([_session.program(), "session"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.talk,
                                        start_new_session=True, bufsize=0, env=_session.environment())
        assert self.process.stdin is not None and self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout
        self.requests: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self.rest = bytearray()
        self.broken: ProgramError | None = None
        # What a number of `fleet.waits` calls when it is over. Changed by one step of the interpreter each: no lock.
        self.watched: dict[int, Callable[[GalileoError | None], None]] = {}
        _channels.add(self)
        self.thread = threading.Thread(target=_serve, args=(self,), name="galileo-session", daemon=True)
        self.thread.start()

    def exchange(self, line: bytes) -> Any:
        """The answer, as it came: {"ok": …} or {"error": …}. Raises ProgramError once the process is gone."""
        if self.broken is None:
            try:
                left = memoryview(line)
                while left:
                    left = left[os.write(self.input.fileno(), left):]
                while b"\n" not in self.rest:
                    part = os.read(self.output.fileno(), 1 << 16)
                    if not part:
                        raise BrokenPipeError
                    self.rest += part
                answer, _, rest = self.rest.partition(b"\n")
                self.rest = bytearray(rest)
                return json.loads(answer)
            except OSError:
                code = self.process.wait()
                words = os.pread(self.talk, 4096, 0).decode(errors="replace").strip()
                end = f"signal {-code}" if code < 0 else f"exit code {code}"
                self.broken = ProgramError(f"the process that held the connection has ended ({end})" + (f": {words}" if words else "")
                                           + "; connect anew", "the process that held the connection has ended", "", words or end, "connect anew")
        raise self.broken

    def look(self) -> None:
        """Asks what became of the waits, and tells those who wait."""
        try:
            answer = self.exchange(b'{"call": "fleet.waits"}\n')
        except ProgramError as error:
            for number in list(self.watched):
                self._tell(number, error)
            return
        for over in answer.get("ok", ()):
            self._tell(over["wait"], from_program(over["error"]) if "error" in over else None)

    def _tell(self, number: int, error: GalileoError | None) -> None:
        told = self.watched.pop(number, None)
        if told is not None:
            told(error)

    def close_pipes(self) -> None:
        for pipe in (self.input, self.output):
            try:
                pipe.close()
            except OSError:
                pass


_channels: weakref.WeakSet[_Channel] = weakref.WeakSet()


def _close_in_child() -> None:
    """A forked child has copies of the pipes: with them open the process wouldn't end with its owner."""
    for channel in list(_channels):
        channel.close_pipes()


_told_of_forks = False


def _tell_of_forks() -> None:
    global _told_of_forks
    if not _told_of_forks:
        _told_of_forks = True
        os.register_at_fork(after_in_child=_close_in_child)


def _serve(channel: _Channel) -> None:
    """The thread: requests in the order in which they come, and between them a look at what is waited for."""
    looked = 0.0
    while True:
        try:
            pending = channel.requests.get(timeout=_LOOK_S if channel.watched else None)
        except queue.Empty:
            pending = _NOTHING
        if pending is None:
            break
        if pending is not _NOTHING:
            try:
                pending.answer = channel.exchange(pending.line)
            except ProgramError as error:
                pending.answer = error
            pending.over.set()
        if channel.watched and time.monotonic() - looked >= _LOOK_S:
            channel.look()
            looked = time.monotonic()
    channel.close_pipes()
    for number in list(channel.watched):
        channel._tell(number, StoppedError("the connection was closed"))
    try:
        channel.process.wait(3)
    except subprocess.TimeoutExpired:
        pass  # it ends by itself, once what it has recorded is stored
    os.close(channel.talk)


_NOTHING = _Pending(b"")


def _close(channel: _Channel) -> None:
    if channel.pid != os.getpid():
        return
    channel.requests.put(None)
    channel.thread.join(3)


class Connection:
    """A bus and who is on it, by a process of the program that ends with this object.

    ``server`` says where the bus is and how to get in (url, user, password, database, ca_file, certificate_file, key_file,
    verify_certificate); without it ``url`` does, as ``--bus`` of the program, and without both the environment
    (galileo_redis_url, galileo_redis_host, …). ``standalone``: none is needed, the process has a bus and a worker of its own.
    Any thread may ask. Raises UnavailableError where nobody is there."""

    where: str
    standalone: bool

    def __init__(self, url: str | None = None, *, server: dict[str, Any] | None = None, standalone: bool = False) -> None:
        _tell_of_forks()
        self._channel = _Channel()
        self._end = weakref.finalize(self, _close, self._channel)
        self.standalone = standalone
        try:
            self.where = self.ask("fleet.connect", url=url, server=server, standalone=standalone)["where"]
        except BaseException:
            self._channel.process.kill()  # it may be waiting for a server
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<galileo connection to {self.where}>"

    def __reduce__(self) -> Any:
        raise TypeError("a connection stays in its process: connect anew in the other one")

    def ask(self, call: str, within: float | None = None, **keys: Any) -> Any:
        """What the call (docs/wire/session.md) gives. ``within`` seconds, or StoppedError. Raises what ``galileo.errors``
        has."""
        pending = self._put(call, keys)
        deadline = None if within is None else time.monotonic() + within
        # In slices: a signal may come to another thread than the one that waits here.
        while not pending.over.wait(_LOOK_S):
            if deadline is not None and time.monotonic() >= deadline:
                raise StoppedError(f"no answer within {within:g} s" if within is not None else "")
            if not self._channel.thread.is_alive() and not pending.over.is_set():
                raise StoppedError("the connection was closed")
        if isinstance(pending.answer, ProgramError):
            raise pending.answer
        if "error" in pending.answer:
            raise from_program(pending.answer["error"])
        return pending.answer["ok"]

    def tell(self, call: str, **keys: Any) -> None:
        """The same, with nobody waiting for what it gives. Never raises: for finalizers."""
        if self.is_here():
            self._put(call, keys)

    def watch(self, number: int, over: Callable[[GalileoError | None], None]) -> None:
        """Calls ``over`` on the connection's thread when the wait of that number is over: with None, or with why it never
        will be."""
        self._channel.watched[number] = over
        self._channel.requests.put(_NOTHING)  # wakes the thread

    def forget(self, number: int) -> None:
        """Nobody waits for that number any more."""
        if self._channel.watched.pop(number, None) is not None:
            self.tell("fleet.forget", wait=number)

    def is_here(self) -> bool:
        """It is open, and of this process."""
        return self._channel.pid == os.getpid() and self._end.alive

    def close(self) -> None:
        """Ends the process; a running experiment ends with it, and so do the clients that it has spawned. Else clients go on. Blocks up
        to 3 s."""
        self._end()

    def _put(self, call: str, keys: dict[str, Any]) -> _Pending:
        if self._channel.pid != os.getpid():
            raise ForkedError("a connection to a fleet isn't there in a forked process: connect anew in it")
        if not self._end.alive:
            raise StoppedError("the connection was closed")
        request = {"call": call, **{key: value for key, value in keys.items() if value is not None}}
        pending = _Pending(json.dumps(request, allow_nan=False, default=_plain).encode() + b"\n")
        self._channel.requests.put(pending)
        return pending


def _plain(value: Any) -> Any:
    """numpy's numbers as Python's."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} can't go to a fleet: {value!r}")


def server_of(rds: Any) -> dict[str, Any]:
    """Where a redis-py client's server is, and how it gets in."""
    pool = rds.connection_pool
    given = pool.connection_kwargs
    server: dict[str, Any] = {"user": given.get("username"), "password": given.get("password"), "database": int(given.get("db") or 0)}
    if given.get("path"):
        server["url"] = f"unix://{given['path']}"
    else:
        host = str(given.get("host") or "localhost")
        secure = any(kind.__name__ == "SSLConnection" for kind in pool.connection_class.__mro__)
        server["url"] = f"{'rediss' if secure else 'redis'}://{f'[{host}]' if ':' in host else host}:{int(given.get('port') or 6379)}"
        if secure:
            server.update(ca_file=given.get("ssl_ca_certs"), certificate_file=given.get("ssl_certfile"), key_file=given.get("ssl_keyfile"),
                          verify_certificate=str(given.get("ssl_cert_reqs", "required")).lower() not in ("none", "0", "verifymode.cert_none"))
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in server.items() if value is not None}
