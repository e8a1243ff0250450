"""``import galileo.shell.script`` puts the shell's objects (``g, show, rtbl, exp, eventbus, telemd, rds``) into the script that
runs: into ``__main__``. The bus is the environment's; an experiment that runs ends with the script."""
from __future__ import annotations

from .shell import sleep

name = "init"

__all__ = ["sleep"]


def _init(module: str) -> None:
    from ..worker.context import Context
    from .shell import init_module

    init_module(Context().create_redis(), name=module)


_init("__main__")
