"""``galileo shell``: an interactive Python, or a script, with the shell's objects."""
from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import Any

from ..errors import GalileoError


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="galileo shell", description="An interactive Python with objects that command a fleet; the bus is "
                                     "the environment's (galileo_redis_url, galileo_redis_host, …).")
    parser.add_argument("--source", metavar="FILE", help="run that script with the shell's names, and exit")
    parser.add_argument("--standalone", action="store_true", help="no bus is needed: one of this process alone, with a worker")
    return parser.parse_args(words)


def _script(path: str, names: dict[str, Any]) -> None:
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    sys.argv = [path]
    exec(code, names)


def _interactive(names: dict[str, Any], banner: str) -> None:
    try:
        ipython, prompts = import_module("IPython"), import_module("IPython.terminal.prompts")
    except ImportError:
        import code

        sys.ps1 = str(names.pop("__prompt__"))
        code.interact(banner, local=names, exitmsg="")
        return
    shown = str(names.pop("__prompt__"))

    token = prompts.Token
    base: Any = prompts.Prompts

    class Prompt(base):  # type: ignore[misc]
        def in_prompt_tokens(self) -> list[tuple[Any, str]]:
            return [(token.Prompt, shown)]

        def out_prompt_tokens(self) -> list[tuple[Any, str]]:
            return []

    config = import_module("traitlets.config").Config()
    config.TerminalInteractiveShell.prompts_class = Prompt
    config.TerminalInteractiveShell.banner1 = banner + "\n"
    ipython.start_ipython(argv=[], user_ns=names, config=config)


def main(words: list[str] | None = None) -> int:
    """Runs it; the exit code."""
    from . import shell

    arguments = _arguments(words)
    try:
        names: dict[str, Any] = shell.init(url=os.environ.pop("galileo_shell_bus", None), standalone=arguments.standalone)
    except GalileoError as error:
        print(f"galileo shell: {error}", file=sys.stderr)
        if not arguments.standalone:
            print("galileo shell: --standalone needs no bus", file=sys.stderr)
        return 92
    names.update(usage=shell.usage, env=shell.env, pwd=shell.pwd, sleep=shell.sleep, __name__="__main__")
    try:
        if arguments.source:
            _script(arguments.source, names)
        elif not shell.is_interactive:
            exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)
        else:
            _interactive({**names, "__prompt__": shell.prompt},
                         shell.banner + f"{names['g'].ctrl.where}; type `usage` for what there is\n")
    except OSError as error:
        if arguments.source and error.filename == arguments.source:
            print(f"galileo shell: can't read {arguments.source}: {os.strerror(error.errno or 0)}", file=sys.stderr)
            return 2
        raise
    finally:
        names["exp"].stop() if names["exp"].experiment is not None else None
        names["g"].ctrl.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
