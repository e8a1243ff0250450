"""clang-tidy over every source under src/, those of tests apart; what hasn't changed since it was found clean costs nothing.

    scripts/lint.py [--jobs N] [FILE]...

A file is known by what it is made of: its own text and that of all headers of ours that it includes, its compile command
(build/debug has them), the checks and clang-tidy itself. A stamp with that name lies beside ccache. Only the standard library.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from sources import ROOT, add_to, made_of

DATABASE = ROOT / "build/debug"
CACHE = Path(os.environ.get("CCACHE_DIR") or Path.home() / ".cache/galileo/ccache").parent / "linted"
TIDY = "clang-tidy-19"
SECONDS = 600
RUNNING = set()


def stamp_of(path, command, checks):
    what = hashlib.sha256(checks + command.replace(str(ROOT), "").encode())
    add_to(what, made_of(path))
    return CACHE / what.hexdigest()[:40]


def check(path, stamp):
    process = subprocess.Popen([TIDY, "-p", str(DATABASE), "--quiet", str(path)], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    RUNNING.add(process)
    try:
        said, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        return f"{said}{path.relative_to(ROOT)}: not over after {SECONDS} s"
    RUNNING.discard(process)
    if process.returncode == 0:
        stamp.touch()
        return None
    return "\n".join(line for line in said.splitlines() if not re.match(r"\d+ warnings? ", line))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*", type=Path, help="all where none is named")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    commands = {Path(entry["file"]): entry["command"] for entry in json.loads((DATABASE / "compile_commands.json").read_text())}
    files = [file.resolve() for file in options.files] or sorted(
        path for path in (ROOT / "src").rglob("*.cc") if not path.name.endswith("_test.cc"))
    checks = (ROOT / ".clang-tidy").read_bytes() + subprocess.check_output([TIDY, "--version"])
    CACHE.mkdir(parents=True, exist_ok=True)
    stamps = {path: stamp_of(path, commands[path], checks) for path in files}
    due = [path for path in files if not stamps[path].exists()]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        try:
            found = [said for said in pool.map(lambda path: check(path, stamps[path]), due) if said]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(RUNNING):
                process.kill()
            raise
    print("\n".join([*found, f"lint: {len(files)} files, {len(due)} of them new or changed, {len(found)} with findings"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
