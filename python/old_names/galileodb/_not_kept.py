"""What recorded and published is the program's: a module of the original's says so for each name that it had."""
from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from galileo._old_names import not_kept


def names(module: str, had: Collection[str], instead: str) -> Callable[[str], Any]:
    """The module's ``__getattr__``."""
    def get(name: str) -> Any:
        if name in had:
            raise not_kept(f"{module}.{name}", instead)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return get
