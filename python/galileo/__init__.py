"""Galileo: distributed load-testing experiments with fine-grained telemetry.

``galileo.Experiment`` is run, here, on a fleet or on Kubernetes; ``galileo.frames`` has what experiments recorded as frames,
``galileo.plots`` draws them; ``galileo.errors`` has what goes wrong. Importing it starts no thread and no process, and changes
nothing of the interpreter.
"""
from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from .errors import GalileoError

if _TYPE_CHECKING:
    from . import errors, experiment, frames, keys, plots
    from ._session import program
    from .experiment import Experiment, Result, Run, attach, load, runs

__all__ = ["Experiment", "GalileoError", "Result", "Run", "attach", "errors", "experiment", "frames", "keys", "load", "plots", "program", "runs"]
_OF_EXPERIMENT = ("Experiment", "Result", "Run", "attach", "load", "runs")


def __getattr__(name: str) -> _Any:
    if name in ("frames", "errors", "experiment", "keys", "plots"):
        return _import_module(f".{name}", __name__)
    if name in _OF_EXPERIMENT:
        return getattr(_import_module(".experiment", __name__), name)
    if name == "program":
        return _import_module("._session", __name__).program
    if name == "__version__":
        from importlib.metadata import version

        return version("galileo-lab")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def _tell_of_strangers() -> None:
    """Another distribution that calls itself galileo writes over our files, and takes them along when it goes."""
    from pathlib import Path

    here = Path(__file__).parent.parent
    for record in here.glob("*galileo*.dist-info/RECORD"):
        if record.parent.name.startswith("galileo_lab-"):
            continue
        try:
            owns = "galileo/__init__.py," in record.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if owns:
            import warnings

            name = record.parent.name.partition("-")[0].replace("_", "-")
            warnings.warn(f"the distribution {name} has files of the package galileo too: "
                          f"pip uninstall {name}, then install galileo-lab anew", stacklevel=3)


_tell_of_strangers()
