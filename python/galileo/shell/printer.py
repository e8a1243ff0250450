"""Tables and texts as the shell shows them, in a terminal and in a notebook."""
from __future__ import annotations

import html
import sys
from importlib import import_module
from typing import Any, Callable, Iterable, Mapping, Sequence


class Stringer:
    """Shows itself as the text of an object, of what a function gives, of a list by lines, or of a dict by lines
    ``key = value``."""

    obj: Any

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    @staticmethod
    def to_string(obj: Any) -> str:
        if isinstance(obj, str):
            return obj
        if isinstance(obj, dict):
            return Stringer.to_string([f"{key} = {value}" for key, value in obj.items()])
        if isinstance(obj, (list, tuple)):
            return "".join(f"{item}\n" for item in obj)
        return Stringer.to_string(obj()) if callable(obj) else str(obj)

    def __str__(self) -> str:
        return Stringer.to_string(self.obj).strip()

    def __repr__(self) -> str:
        return str(self)


def clean(text: object) -> str:
    """Strangers' text on one line, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))


class Table:
    """Rows under headings: lines in a terminal, a table in a notebook. ``widths``: negative ones to the left, as Python's
    ``%`` has them; columns are as wide as what is in them where none are given."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[int] | None = None,
                 groups: Sequence[int] | None = None) -> None:
        self.columns = list(columns)
        self.rows = [[clean(value) for value in row] for row in rows]
        self.widths = list(widths) if widths else [-max([len(name), *(len(row[place]) for row in self.rows)])
                                                   for place, name in enumerate(self.columns)]
        self.groups = groups  # how many rows each, with a line under them; None: all are one

    def __str__(self) -> str:
        line = "+-" + "-+-".join("-" * abs(width) for width in self.widths) + "-+\n"
        shape = "| " + " | ".join(f"%{width}s" for width in self.widths) + " |\n"
        text = line + shape % tuple(self.columns) + line
        at = 0
        for size in self.groups if self.groups is not None else [len(self.rows)]:
            text += "".join(shape % tuple(row) for row in self.rows[at:at + size]) + line
            at += size
        return text

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(value)}</td>" for value in row) + "</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def show(table: Table) -> None:
    """Prints it; in a notebook it is displayed."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and getattr(shell, "kernel", None) is not None:
        import_module("IPython.display").display(table)
    else:
        print(table, end="")


def print_tabular(data: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None, widths: Sequence[int] | None = None,
                  printer: Callable[[str], object] | None = None) -> None:
    """Prints rows as a table; nothing where there are neither rows nor columns."""
    if not data and not columns:
        return
    names = list(columns or data[0])
    table = Table(names, [[row[name] for name in names] for row in data], widths)
    if printer is None:
        show(table)
    else:
        for line in str(table).splitlines():
            printer(line)
