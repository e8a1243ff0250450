"""Man pages and completion, as scripts/manuals.py makes them of the program's own table of options: in the shells themselves."""
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import manuals  # noqa: E402
import reference  # noqa: E402


@pytest.fixture(scope="module")
def found(galileo):
    return manuals.commands([galileo])


@pytest.fixture(scope="module")
def prefix(galileo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("manuals")
    done = subprocess.run([sys.executable, ROOT / "scripts/manuals.py", folder, galileo], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"no {shell} here, whose completion it is")


def of_bash(prefix, *words):
    """What bash offers for the last word."""
    script = ('source "$1"; shift; COMP_WORDS=(galileo "$@"); COMP_CWORD=$#; _galileo 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", prefix / "share/bash-completion/completions/galileo", *words],
                          capture_output=True, text=True, timeout=30, cwd=prefix)
    return done.stdout.split()


def of_fish(prefix, *words):
    line = " ".join(["galileo", *words])
    done = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]',
                           prefix / "share/fish/vendor_completions.d/galileo.fish", line],
                          capture_output=True, text=True, timeout=60, cwd=prefix, env={**os.environ, "HOME": str(prefix)})
    return [one.split("\t")[0] for one in done.stdout.splitlines()]


def of_zsh(prefix, *words):
    """What our function hands over to zsh's own, which picks those that fit the word and shows them."""
    script = ('_describe() { [[ $1 == -o ]] && shift; print -l -- ${(P)2}; }; _files() { print -l -- *(N); }\n'
              'words=(galileo "${@:2}"); CURRENT=$#; source $1')
    done = subprocess.run(["zsh", "-f", "-c", script, "zsh", prefix / "share/zsh/vendor-completions/_galileo", *words],
                          capture_output=True, text=True, timeout=30, cwd=prefix)
    assert done.stderr == ""
    return [one.split(":")[0] for one in done.stdout.splitlines() if one.startswith(words[-1])]


SHELLS = [pytest.param(of_bash, id="bash"), pytest.param(of_fish, id="fish", marks=needs("fish")), pytest.param(of_zsh, id="zsh", marks=needs("zsh"))]


@pytest.mark.parametrize("offered", SHELLS)
def test_each_command_and_those_below_it_are_offered(offered, galileo, prefix, found):
    assert set(offered(prefix, "")) == {row[0] for row in reference.rows_of_commands(galileo)} | {"help", "version"}
    assert offered(prefix, "wor") == ["worker", "workers"]
    for words, one in found[0].items():
        if one.below:
            assert set(offered(prefix, *words.split(), "")) == {name for name, _ in one.below}, words


@pytest.mark.parametrize("offered", SHELLS)
def test_each_option_is_offered_where_it_is_known_and_no_other(offered, prefix, found):
    for words, one in found[0].items():
        flags = {flag for each in one.options for flag in each.flags if flag.startswith("--")}
        assert set(offered(prefix, *words.split(), "--")) == flags, words


@pytest.mark.parametrize("offered", SHELLS)
def test_a_value_that_is_spelt_like_a_command_leads_nowhere(offered, prefix):
    assert "--format" in offered(prefix, "exp", "export", "--")
    assert offered(prefix, "exp", "--env-file", "export", "ex") == ["export"]


@pytest.mark.parametrize("offered", SHELLS)
def test_files_are_offered_where_a_value_stands(offered, prefix):
    (prefix / "lab.sqlite").touch()
    assert offered(prefix, "recorder", "--db", "lab") == ["lab.sqlite"]
    assert offered(prefix, "run", "lab") == ["lab.sqlite"]


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc here, which reads man pages strictly")
def test_man_pages_are_read_without_a_complaint_and_say_every_option(prefix, found):
    pages = sorted((prefix / "share/man/man1").iterdir())
    assert len(pages) == 1 + len(found[1])
    for page in pages:
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, timeout=30)
        # Of a page that is made of a program nobody knows the day, nor needs it.
        assert [line for line in lint.stdout.splitlines() if "missing date" not in line] == []
    for words, one in found[0].items():
        page = prefix / f"share/man/man1/galileo-{words.split()[0]}.1"
        text = subprocess.run(["mandoc", "-T", "ascii", page], capture_output=True, text=True, timeout=30).stdout
        plain = subprocess.run(["col", "-b"], input=text, capture_output=True, text=True, timeout=30).stdout
        for flag in (flag for each in one.options for flag in each.flags):
            assert flag in plain, (words, flag)


def test_the_same_program_gives_the_same_bytes(galileo, prefix):
    for name, text in manuals.made([galileo]).items():
        assert (prefix / name).read_text() == text, name
