"""The two ends of a gateway that is watched: a target that keeps what arrives, and a client that says what it saw."""
import contextlib
import re
import select
import socket
import sys
import time

from conftest import SLOWER, wait_for
from gateway_cases import AGAIN, HALF_CLOSE, OK, PATIENCE, READ, says
from raw_server import RawServer


def chunk_size(message, line):
    digits, semicolon, extension = line.decode("latin-1").rstrip("\r\n").partition(";")
    if semicolon:
        message.framing = f"chunked;{extension} "
    return int(digits, 16)


class Seen:
    """A request as the target got it."""

    def __init__(self, line, file):
        self.line, self.file, self.headers, self.framing, self.body, self.trailers, self.state, self.nth = line, file, [], "", b"", [], "half", 0

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def read_lines(self):
        lines = []
        while (line := self.file.readline()) != b"\r\n":
            if not line:
                raise ConnectionError
            lines.append(line.decode("latin-1").rstrip("\r\n"))
        return lines

    def read_head(self):
        self.headers = [tuple(part.strip(" \t") for part in line.partition(":")[::2]) for line in self.read_lines()]

    def read_body(self, most=sys.maxsize):
        if self.state == "whole":
            return
        if self.all("Transfer-Encoding"):
            self.framing = "chunked "
            while size := chunk_size(self, self.file.readline()):
                self.body += self.file.read(size)
                self.file.readline()
            self.trailers = [line.title() for line in self.read_lines()]
        elif lengths := self.all("Content-Length"):
            while (left := min(int(lengths[0]), most) - len(self.body)) > 0:
                if not (piece := self.file.read1(left)):
                    raise ConnectionError
                self.body += piece
            if len(self.body) == most:
                return
        self.state = "whole"


class Target(RawServer):
    """Keeps what arrives, whole or not, and answers as the case at hand says."""

    def __init__(self):
        self.idle = set()  # connections without a request
        super().__init__()

    def begin(self, case):
        """With no connection that is left of the case before."""
        for connection in list(self.idle):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        wait_for(lambda: not self.idle, "the end of idle connections")
        self.case, self.requests = case, []

    def first_line(self, connection, file):
        self.idle.add(connection)
        try:
            return file.readline()
        finally:
            self.idle.discard(connection)

    def serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as file:
            while line := self.first_line(connection, file):
                request = Seen(line.decode("latin-1").rstrip("\r\n"), file)
                try:
                    if not self.exchange(request, self.case, connection):
                        return
                except (OSError, ValueError):
                    request.state = "cut" if request.state == "half" else request.state
                    return

    def exchange(self, request, case, connection):
        """False: no more of them."""
        if request.line.startswith("GET /again "):
            request.read_head()
            connection.sendall(says(body=b"again"))
            return True
        self.requests.append(request)
        request.nth = len(self.requests)
        request.read_head()
        if not case.early:
            request.read_body()
        answer = case.answer(request, connection) if callable(case.answer) else case.answer or OK
        if answer is None:
            return False
        connection.sendall(answer)
        request.read_body()
        return True

    def got(self, case):
        """When all that is on its way has come."""
        with contextlib.suppress(AssertionError):
            wait_for(lambda: all(request.state != "half" for request in self.requests), "the target", 2)
        return [shown(request, request.line.removesuffix(" HTTP/1.1"), case.sent) for request in self.requests]


class Answer:
    """An answer as the client got it."""

    def __init__(self, line):
        _, status, *reason = line.split(" ", 2)
        self.status, self.reason, self.headers, self.framing, self.body, self.trailers, self.state = int(status), "".join(reason), [], "", b"", [], "whole"

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def read(self, file, to_head):
        try:
            while (line := file.readline()) != b"\r\n":
                if not line:
                    raise ConnectionError
                self.headers.append(tuple(part.strip() for part in line.decode("latin-1").partition(":")[::2]))
            if not to_head and self.status >= 200 and self.status not in (204, 304):
                self.read_body(file)
        except TimeoutError:
            raise
        except (OSError, ValueError):
            self.state = "cut"

    def read_body(self, file):
        if self.all("Transfer-Encoding"):
            self.framing = "chunked "
            while left := chunk_size(self, file.readline()):
                self.body += file.read(left)
                if file.readline() != b"\r\n":
                    raise ConnectionError
            while (line := file.readline()) != b"\r\n":
                if not line:
                    raise ConnectionError
                self.trailers.append(line.decode("latin-1").rstrip().title())
        elif lengths := self.all("Content-Length"):
            while (left := int(lengths[0]) - len(self.body)) > 0:
                if not (piece := file.read1(left)):
                    raise ConnectionError
                self.body += piece
        else:
            self.framing = "until the end "
            while piece := file.read1(65536):
                self.body += piece

    def is_last(self):
        return self.framing == "until the end " or "close" in " ".join(self.all("Connection")).lower()


def shown(message, first, names):
    """A request or an answer as text."""
    words = [first]
    if headers := ", ".join(f"{name}: {value}" for name in names for value in message.all(name)):
        words.append(f"{{{headers}}}")
    words = [re.sub(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "now", word.encode("unicode_escape").decode()) for word in words]
    if message.body and getattr(message, "status", 0) < 400:  # what the three say of their own errors is their own affair
        words.append(message.framing + (repr(message.body)[1:] if len(message.body) < 100 else f"{len(message.body):,} bytes"))
    return " ".join([*words, *(f"+ {line}" for line in message.trailers), *([message.state] if message.state != "whole" else [])])


class Client:
    """Sends the pieces of a case, and says what it saw."""

    def __init__(self, port, case):
        self.case, self.texts, self.finals, self.last, self.tunnels = case, [], 0, None, False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=6 * PATIENCE)
        self.file = self.socket.makefile("rb")

    def talk(self):
        with self.socket, self.file:
            try:
                for piece in self.case.pieces:
                    self.do(piece)
                finals = self.finals + self.case.answers
                while self.finals < finals and self.read():
                    pass
                self.texts.append(self.end())
            except TimeoutError:
                self.texts.append("silence")
        return ", ".join(self.texts)

    def do(self, piece):
        if piece == READ:
            self.read()
        elif piece == HALF_CLOSE:
            self.socket.shutdown(socket.SHUT_WR)
        elif isinstance(piece, int):
            self.texts.append(repr(self.file.read(piece))[1:])
            self.tunnels = True
        elif isinstance(piece, float):
            time.sleep(piece * SLOWER)
        else:
            with contextlib.suppress(ConnectionError):  # who has answered before may have closed
                self.socket.sendall(piece)

    def read(self):
        """False: no more answers."""
        try:
            line = self.file.readline().decode("latin-1").rstrip("\r\n")
        except ConnectionError:
            return False
        if not line.startswith("HTTP/"):
            if line:
                self.texts.append(f"{line!r} without a head")
            return False
        self.last = Answer(line)
        self.last.read(self.file, self.case.text.startswith(b"HEAD "))
        self.finals += self.last.status >= 200
        self.texts.append(shown(self.last, f"{self.last.status} {self.last.reason}" if "reason" in self.case.back else str(self.last.status), self.case.back))
        return True

    def end(self):
        """What becomes of the connection."""
        if self.tunnels:
            return "open"
        if not self.texts or (self.last and self.last.is_last()) or HALF_CLOSE in self.case.pieces:
            return self.closes()
        # Who closes without a word does it now; on a connection that is about to be closed another request could be met by a reset.
        unsaid = " without a word" if self.last and self.last.state == "whole" and b" HTTP/1.0\r\n" not in self.case.text else ""
        if select.select([self.socket], [], [], 0.03 * SLOWER)[0]:
            return self.closes() + unsaid
        line = ""
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(AGAIN)
            line = self.file.readline().decode("latin-1")
        if not line:
            return "closed" + unsaid
        if not line.startswith("HTTP/"):
            return f"then {line[:40]!r}"
        answer = Answer(line)
        answer.read(self.file, False)
        return "open" if answer.body == b"again" else f"then {answer.status}"

    def closes(self):
        try:
            rest = self.file.read()
        except ConnectionError:
            return "reset"
        return f"then {rest[:40]!r}" if rest else "closed" if self.texts else "no answer, closed"
