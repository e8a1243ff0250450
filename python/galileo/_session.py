"""Requests to the program. It is a process of its own, ended when its caller is interrupted or gone: it has its own locks
on a database's file, and nothing of it is in this interpreter."""
from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from .errors import ProgramError, from_program

VARIABLE = "galileo_program"
_LOOK_MS = 100


def program() -> str:
    """The path of the program: ``galileo_program`` of the environment, else the one of this package."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else Path(__file__).parent / "bin" / "galileo"
    if not os.access(path, os.X_OK):
        raise ProgramError(f"can't start the program, {path}: it isn't there or no program; "
                           f"install the package anew, or name another with {VARIABLE}",
                           "can't start the program", str(path))
    return str(path)


def environment() -> dict[str, str]:
    """The program's: this process's, and for generators of client apps, which import what is installed here, this interpreter."""
    return {"galileo_apps_python": sys.executable, **os.environ} if sys.executable else dict(os.environ)


def run() -> NoReturn:
    """The command ``galileo`` that an installation has: the program, in this process's place."""
    os.execv(program(), ["galileo", *sys.argv[1:]])


def ask(request: dict[str, Any], descriptor: int | None = None) -> Any:
    """The program's answer to a request; ``descriptor`` is of a file that the request names.

    Raises what ``galileo.errors`` has. KeyboardInterrupt and any other exception end the program first. Blocking; any
    thread."""
    talk = os.memfd_create("galileo-talk")  # a file: nobody has to read it while the answer is waited for
    try:
        process = subprocess.Popen([program(), "session"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=talk,
                                   pass_fds=() if descriptor is None else (descriptor,), start_new_session=True, env=environment())
        try:
            line = _answer(process, json.dumps(request).encode() + b"\n")
        except BaseException:
            process.kill()
            raise
        finally:
            _close(process)
            process.wait()
        if not line.endswith(b"\n"):
            raise _no_answer(process, os.pread(talk, 4096, 0).decode(errors="replace").strip())
    finally:
        os.close(talk)
    answer = json.loads(line)
    if "error" in answer:
        raise from_program(answer["error"])
    return answer["ok"]


def _answer(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(request)
        process.stdin.flush()
    except BrokenPipeError:
        return b""
    # A read would go on after a signal whose handler asks for that, as polars' one does; poll() never does.
    readable = select.poll()
    readable.register(process.stdout, select.POLLIN)
    line = bytearray()
    while not line.endswith(b"\n"):
        while not readable.poll(_LOOK_MS):
            pass
        part = os.read(process.stdout.fileno(), 1 << 16)
        if not part:
            break
        line += part
    return bytes(line)


def _close(process: subprocess.Popen[bytes]) -> None:
    """The program ends with its input."""
    assert process.stdin is not None and process.stdout is not None
    process.stdout.close()
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass  # what it didn't take went with it


def _no_answer(process: subprocess.Popen[bytes], words: str) -> ProgramError:
    code = process.returncode
    end = f"signal {-code}" if code < 0 else f"exit code {code}"
    return ProgramError(f"the program ended without an answer ({end})" + (f": {words}" if words else ""),
                        "the program ended without an answer", process.args[0] if isinstance(process.args, list) else "", words)
