"""The documentation's commands, held against the program: the reference has each option as it is, no page names an option
that there isn't, and what is marked as runnable runs: a block that begins with ```sh run, each in an empty folder that has
the examples, in a network of its own."""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import ROOT, SLOWER
from own_network import network_of_its_own

sys.path.insert(0, str(ROOT / "scripts"))
import reference  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ENDS = {"|", "||", "&", "&&", ";", ">", ">>", "2>", "<", ")"}


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def spoken(line):
    """The words of each `galileo` command in a line of a shell."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        words = line.split()
    for at, word in enumerate(words):
        if word == "galileo" and (at == 0 or words[at - 1] in ENDS or "=" in words[at - 1] or words[at - 1] in ("sudo", "time")):
            said = []
            for one in words[at + 1:]:
                if one in ENDS or one == "--":
                    break
                said.append(one)
            yield said


def unknown(said, known):
    """What a command says that it doesn't know. Values of options may begin with a dash only where they are numbers."""
    if not said or said[0].startswith("-") or said[0] == "help":
        return []
    names = next((" ".join(said[:count]) for count in (3, 2, 1) if " ".join(said[:count]) in known), None)
    if names is None:
        return [said[0]] if re.fullmatch(r"[a-z]+", said[0]) else []
    flags = known[names] | {"-h", "--help"}
    found = []
    for one in said:
        flag = one.split("=")[0]
        if re.fullmatch(r"--[a-zA-Z0-9][\w-]*|-[a-zA-Z]\w*", flag) and flag not in flags and (flag.startswith("--") or flag[:2] not in flags):
            found.append(f"{names} {flag}")
    return found


@pytest.mark.quick
def test_the_reference_is_what_the_program_and_the_schema_say(galileo):
    """`make tables` mends it."""
    told = subprocess.run([sys.executable, ROOT / "scripts/reference.py", "--check", "--program", galileo], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.quick
def test_no_page_names_an_option_that_there_is_not(galileo):
    known = reference.flags(reference.commands(galileo))
    assert "--rate" in known["load"] and "--output" in known["exp report"]
    assert unknown(["load", "http://a/", "--rat", "5"], known) == ["load --rat"] and unknown(["laod"], known) == ["laod"]
    counted, found = 0, []
    for page in PAGES:
        for block in blocks(page, "sh(?: run)?"):
            for line in re.sub(r"\\\n", " ", block).splitlines():
                for said in spoken(re.sub(r"(^|\s)#.*", "", line)):
                    counted += 1
                    found += [f"{page.relative_to(ROOT)}: {one} in: {line.strip()}" for one in unknown(said, known)]
    assert counted > 50
    assert not found, "\n".join(found)


RUNNABLE = [(page.relative_to(ROOT), number) for page in PAGES for number, _ in enumerate(blocks(page, "sh run"))]


@pytest.mark.parametrize(("page", "number"), RUNNABLE, ids=lambda value: str(value))
def test_a_block_that_is_marked_runs_as_it_stands(page, number, galileo, tmp_path):
    """Each line ends well, in the shell's sense: a result may be worth little on a machine that is busy with other tests."""
    before = network_of_its_own()
    if before is None:
        pytest.skip("this machine allows no network of its own (unshare -n), and the page's ports may be taken")
    block = blocks(ROOT / page, "sh run")[number]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/galileo").symlink_to(galileo)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    lines = "".join(f"{line}\nsleep 1\n" if line.split("#")[0].rstrip().endswith("&") else f"{line}\ncode=$?; case $code in 0|90|93|99) ;; *) echo \"ended with $code: \"{shlex.quote(line)} >&2; exit 1;; esac\n"
                    for line in re.sub(r"\\\n *", " ", block).splitlines() if line and not line.startswith("#"))
    process = subprocess.Popen([*before, "bash", "-c", lines], cwd=tmp_path, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"})
    try:
        out, err = process.communicate(timeout=60 * SLOWER)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    assert process.returncode == 0, f"{block}\n--- stdout\n{out[-2000:]}\n--- stderr\n{err[-2000:]}"
