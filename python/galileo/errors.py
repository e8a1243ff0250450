"""What goes wrong, as exceptions. Each has the words of the program's own error in parts: ``what`` couldn't be done,
``where``, ``why``, and a ``hint`` what to do about it; its text is all of them."""
from __future__ import annotations

from typing import Any, Mapping


class GalileoError(Exception):
    """Any failure of Galileo's."""

    what: str
    where: str
    why: str
    hint: str

    def __init__(self, text: str, what: str = "", where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(text)
        self.what, self.where, self.why, self.hint = what or text, where, why, hint

    def __reduce__(self) -> tuple[type[GalileoError], tuple[str, str, str, str, str]]:
        return type(self), (str(self), self.what, self.where, self.why, self.hint)


class UsageError(GalileoError, ValueError):
    """What was asked for can't be: a column that isn't there, a wrong file."""


class NotFoundError(GalileoError, LookupError):
    """Something named doesn't exist: an experiment, a service."""


class ReadError(GalileoError, OSError):
    """A file or the memory denied what was needed."""


class UnavailableError(GalileoError, ConnectionError):
    """A server or database can't be reached, or not just now."""


class CorruptError(GalileoError):
    """Stored bytes aren't what they must be."""


class StoppedError(GalileoError):
    """It was ended before it was done."""


class ProgramError(GalileoError, RuntimeError):
    """The program can't be found or started, or ended without an answer."""


class NotKeptError(GalileoError, NotImplementedError):
    """What an old name did is done in another way now; the text says in which."""


class NoWorkerError(NotFoundError, IndexError):
    """No worker has the labels that are wanted."""


class NotHereError(UsageError, AttributeError):
    """A name of the shell stands for something that this session hasn't got; the text says what has it."""


class OldNameWarning(UserWarning):
    """A call of an old name gives something else than the original package did; told once for each difference."""


class TimeLimitError(StoppedError, TimeoutError):
    """A time limit of the caller's was reached. ``result`` is that of a run that was stopped by it (``galileo.Result``), of what
    was done until then; None where the run goes on."""

    result: Any

    def __init__(self, text: str, what: str = "", where: str = "", why: str = "", hint: str = "", result: Any = None) -> None:
        super().__init__(text, what, where, why, hint)
        self.result = result

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.what, self.where, self.why, self.hint, self.result)


class ForkedError(GalileoError, RuntimeError):
    """A run or a connection to a fleet was asked in a process that was forked from the one that it belongs to."""


_BY_CODE: Mapping[str, type[GalileoError]] = {
    "usage": UsageError, "not_found": NotFoundError, "io": ReadError, "unavailable": UnavailableError,
    "corrupt": CorruptError, "interrupted": StoppedError}


def from_program(error: Mapping[str, str]) -> GalileoError:
    """The exception for an error as the program tells it."""
    kind = _BY_CODE.get(error.get("code", ""), GalileoError)
    return kind(error.get("text", ""), error.get("what", ""), error.get("where", ""), error.get("why", ""), error.get("hint", ""))
