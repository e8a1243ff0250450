"""Arrival profiles in the old system's files: Python pickles of a list of seconds between requests, its numbers floats,
integers or numpy's. They are read as data: whatever else a file names is refused, and nothing of it is run."""
from __future__ import annotations

import pickle
import struct
from numbers import Integral
from typing import Any, BinaryIO, Iterable

from .errors import CorruptError

# numpy's names of kinds, as struct has them.
_CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"}


class _Kind:
    """What numpy calls a dtype: what a number's bytes mean."""

    def __init__(self, name: str, *_: object) -> None:
        self.code, self.order = _CODES[name], "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"numbers of the byte order {order!r}")
        self.order = "=" if order == "|" else order


def _number(kind: _Kind, raw: bytes | str) -> float:
    """One of numpy's; protocols before the third keep its bytes as text."""
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    [value] = struct.unpack(kind.order + kind.code, data)
    return float(value)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy", "dtype"):
            return _Kind
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "scalar":
            return _number
        if (module, name) == ("_codecs", "encode"):  # bytes, where a protocol has none
            return lambda text, *_: text
        raise pickle.UnpicklingError(f"it names {module}.{name}, which a list of numbers doesn't need")


def read(path: str) -> list[float]:
    """The seconds between requests that a profile's file holds.

    Raises OSError, and CorruptError where it is no list of numbers."""
    with open(path, "rb") as file:
        try:
            gaps = _Reader(file).load()
            if not isinstance(gaps, (list, tuple)) or not all(type(gap) in (int, float) for gap in gaps):
                raise pickle.UnpicklingError("it is no list of numbers")
        # What a wrong file makes of the reader has no end of kinds.
        except Exception as error:
            raise CorruptError(f"can't read the profile {path}: {error}; a profile is a pickle of a list of seconds",
                               "can't read the profile", path, str(error), "a profile is a pickle of a list of seconds") from error
    return list(gaps)


def write(file: BinaryIO, gaps: Iterable[float]) -> None:
    """As the old tools write and read them: whole numbers stay such only where all are."""
    gaps = list(gaps)
    kind: type[int] | type[float] = int if all(isinstance(gap, Integral) for gap in gaps) else float
    pickle.dump([kind(gap) for gap in gaps], file)
