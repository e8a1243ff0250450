"""What is done at the end, whatever happened before."""
from __future__ import annotations

import logging
from types import TracebackType
from typing import Callable

from galileo._old_names import differs

logger = logging.getLogger(__name__)


class Ending:
    """Does all its steps at the end, in the order in which they were added; one that fails keeps none of the others from being
    done. What went wrong first is raised; what went wrong after it is among its notes. ``failed``: something had gone wrong before
    the end."""

    failed: bool

    def __init__(self) -> None:
        self.failed = False
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def then(self, what: str, step: Callable[[], object]) -> None:
        self._steps.append((what, step))

    def __enter__(self) -> Ending:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        first, self.failed = error, error is not None
        for what, step in self._steps:
            logger.info("%s", what)
            try:
                step()
            except Exception as failed:
                if first is None:
                    first = failed
                else:
                    first.add_note(f"then, to {what}: {failed}")
        if isinstance(first, Exception):
            differs("an experiment that fails raises its error; the original library logs it and returns")
        if first is not None and error is None:
            raise first
