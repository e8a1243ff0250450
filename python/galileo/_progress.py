"""How far a run is, shown where it can be shown over and over: one display in a notebook, one line in a terminal."""
from __future__ import annotations

import html
import sys
from importlib import import_module
from typing import Any


class Progress:
    """Shows nothing: a pipe, a file, or nobody who wants to see."""

    def show(self, text: str) -> None:
        """The newest state, as one line."""

    def end(self, text: str) -> None:
        """The last line, which stays."""


class _Notebook(Progress):
    def __init__(self) -> None:
        # IPython may not be there for a type checker.
        display: Any = import_module("IPython.display").display
        self._handle: Any = display({"text/plain": "…"}, raw=True, display_id=True)
        self._shown = ""

    def show(self, text: str) -> None:
        if self._handle is not None and text != self._shown:
            self._shown = text
            self._handle.update({"text/plain": text, "text/html": f"<code>{html.escape(text)}</code>"}, raw=True)

    end = show


class _Terminal(Progress):
    def __init__(self) -> None:
        self._width = 0

    def show(self, text: str) -> None:
        line = text[:_columns() - 1]
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def end(self, text: str) -> None:
        self.show(text)
        sys.stderr.write("\n")
        sys.stderr.flush()


def progress(wanted: bool) -> Progress:
    if wanted and _is_notebook():
        return _Notebook()
    if wanted and sys.stderr is not None and sys.stderr.isatty():
        return _Terminal()
    return Progress()


def _is_notebook() -> bool:
    """Whether cells' displays can be updated; IPython isn't imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def _columns() -> int:
    import shutil

    return max(20, shutil.get_terminal_size().columns)


def plain(text: str) -> str:
    """What names from outside could do to a terminal is made visible."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def seconds(given: float) -> str:
    """As people read a time."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if given * factor >= 1:
            return f"{given * factor:.3g} {unit}"
    return f"{given * 1e6:.3g} us"
