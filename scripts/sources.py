"""What a source file is made of: for stamps that say that nothing of it has changed. Only the standard library."""
import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@functools.cache
def text_of(path):
    return path.read_bytes()


@functools.cache
def included(path):
    """The headers of ours that a file names."""
    names = re.findall(rb'^#include "([^"]+)"', text_of(path), re.M)
    return [header for name in names if (header := ROOT / "src" / name.decode()).exists()]


def made_of(path, linked=False):
    """A file and all headers of ours that it includes; `linked`: and the sources that stand beside these."""
    seen, left = set(), [path]
    while left:
        if (one := left.pop()) not in seen:
            seen.add(one)
            left += included(one)
            if linked and one.suffix == ".h" and (source := one.with_suffix(".cc")).exists():
                left.append(source)
    return sorted(seen)


def add_to(what, parts):
    """Names and texts, into a hash."""
    for part in parts:
        what.update(str(part.relative_to(ROOT)).encode() + b"\0" + text_of(part) + b"\0")
