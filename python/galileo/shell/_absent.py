"""What stands in the place of a name that a session hasn't got."""
from __future__ import annotations

from typing import Any

from ..errors import NotHereError


class Absent:
    """What ``rds`` and ``eventbus`` are where there is no Redis: false, and whatever is asked of it says what has one."""

    def __init__(self, name: str, why: str, hint: str) -> None:
        self._name, self._why, self._hint = name, why, hint

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"no {self._name}: {self._why}; {self._hint}"

    def __getattr__(self, asked: str) -> Any:
        if asked.startswith("_"):  # notebooks and pickles look whether an object knows how to show itself
            raise AttributeError(asked)
        raise NotHereError(f"there is {self!r}", f"there is no {self._name}", "", self._why, self._hint)


def absent(name: str, standalone: bool) -> Absent:
    if standalone:
        return Absent(name, "a standalone session has no Redis", "galileo shell --bus redis://HOST:PORT is one that has")
    return Absent(name, "the package redis isn't installed", "pip install redis")
