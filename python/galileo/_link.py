"""Connections to a run's process (docs/wire/session.md). One that has begun the run or attached to it owns it for as long as
it is open, so it is kept and never spoken over; what is asked goes over another that lasts as long as the call, and an interrupt
leaves nothing half said."""
from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
import weakref
from typing import Any

from . import _session
from .errors import ForkedError, NotFoundError, ProgramError, from_program

#: How long nobody looks whether a signal has come.
LOOK_MS = 100
_owned: weakref.WeakSet[Link] = weakref.WeakSet()
_hears_of_forks = False


class Silent(Exception):
    """The other end is there and hasn't answered in time; what was asked it has got."""


class Talk:
    """A connection, for requests that are answered one after the other. Closed with its ``with``."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, request: dict[str, Any], within: float | None = None) -> Any:
        """The answer; ``ProgramError`` where the other end is gone, ``Silent`` where it has said nothing ``within`` so many seconds,
        as one that is stopped. Signals are heard of within 100 ms."""
        deadline = None if within is None else time.monotonic() + within
        self._send(json.dumps(request).encode() + b"\n", deadline)
        while b"\n" not in self._rest:
            self._await(select.POLLIN, deadline)
            try:
                part = self._connection.recv(1 << 16)
            except ConnectionResetError:
                part = b""
            if not part:
                raise ProgramError("the run's process ended without an answer", "the run's process ended without an answer")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            raise from_program(answer["error"])
        return answer["ok"]

    def _send(self, line: bytes, deadline: float | None) -> None:
        while line:
            self._await(select.POLLOUT, deadline)
            try:
                line = line[self._connection.send(line, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL):]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                return  # the answer says that there is nobody

    def _await(self, events: int, deadline: float | None) -> None:
        """In slices: a signal may come to another thread than the one that waits here."""
        ready = select.poll()
        ready.register(self._connection, events)
        while True:
            left = LOOK_MS if deadline is None else min(LOOK_MS, int((deadline - time.monotonic()) * 1000) + 1)
            if ready.poll(max(0, left)):
                return
            if deadline is not None and time.monotonic() >= deadline:
                raise Silent


class Link:
    """What owns a run: its process, where this one has started it, and the connection that is kept."""

    def __init__(self, connection: socket.socket, path: str = "", process: subprocess.Popen[bytes] | None = None, talk: int = -1) -> None:
        self.path = path
        self.process = process
        self._connection = connection
        self._talk = talk
        self._of = os.getpid()
        _hear_of_forks()
        _owned.add(self)

    @classmethod
    def begin(cls, request: dict[str, Any]) -> tuple[Link, str]:
        """Starts a process that makes this run; the link, and the run's id."""
        ours, theirs = socket.socketpair()
        talk = -1
        try:
            with theirs:
                talk = os.memfd_create("galileo-talk")
                # A session of its own: Ctrl-C in a terminal is this process's to answer.
                process = subprocess.Popen([_session.program(), "session", "--listen"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL,
                                           stderr=talk, start_new_session=True, env=_session.environment())
            link = cls(ours, process=process, talk=talk)
        except BaseException:
            ours.close()
            if talk >= 0:
                os.close(talk)
            raise
        try:
            begun = Talk(ours).ask({**request, "call": "begin"})
        except BaseException as error:
            if not isinstance(error, Exception):
                process.kill()
            words = link.close()
            if isinstance(error, ProgramError) and words:
                raise ProgramError(f"{error}: {words}", error.what, "", words) from None
            raise
        link.path = begun["socket"]
        return link, begun["id"]

    @classmethod
    def attach(cls, path: str) -> tuple[Link, str]:
        """Owns a run that another process has started; the link, and the run's id."""
        connection = _connect(path)
        try:
            run = Talk(connection).ask({"call": "attach"})
        except BaseException:
            connection.close()
            raise
        return cls(connection, run["socket"] or path), run["id"]

    def check(self) -> None:
        """``ForkedError`` in a process that was forked from the run's owner."""
        if os.getpid() != self._of:
            raise ForkedError(f"this run is the process {self._of}'s, of which this one was forked: galileo.attach(id) makes it this one's too",
                              "this run is another process's", "", f"it is of {self._of}", "galileo.attach(id)")

    def talk(self) -> Talk:
        self.check()
        return Talk(_connect(self.path))

    def words(self) -> str:
        """What the process has said so far."""
        return os.pread(self._talk, 1 << 16, 0).decode(errors="replace").strip() if self._talk >= 0 else ""

    def forget(self) -> None:
        """In a forked process: the run is its parent's, whose end must be seen."""
        self._connection.close()

    def close(self) -> str:
        """Owns the run no more; what its process has said, once it is over where it was this one's. Once."""
        if os.getpid() != self._of or self._connection.fileno() < 0:
            return ""
        self._connection.close()
        if self.process is not None:
            deadline = time.monotonic() + 3
            while self.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
        words = self.words()
        if self._talk >= 0:
            os.close(self._talk)
            self._talk = -1
        return words


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise NotFoundError("the run is over, or its process is gone; what it has recorded is in its database",
                            "there is no such run", path) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _hear_of_forks() -> None:
    global _hears_of_forks
    if not _hears_of_forks:
        _hears_of_forks = True
        os.register_at_fork(after_in_child=_forget_all)


def _forget_all() -> None:
    for link in list(_owned):
        link.forget()
