#!/usr/bin/env python3
"""Writes man pages and completion for bash, zsh and fish, from the program's one table of options as its --help prints it:
what a program doesn't have, as one without databases, isn't in them either.

scripts/manuals.py FOLDER PROGRAM...     PROGRAM may have words before it that run it: qemu-aarch64-static -L SYSROOT galileo

FOLDER is a prefix, as /usr: share/man/man1/*.1, share/bash-completion/completions/galileo, share/zsh/vendor-completions/_galileo,
share/fish/vendor_completions.d/galileo.fish. The same program gives the same bytes: no page has the day on which it was made.
"""
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import reference


@dataclass
class Option:
    flags: list[str]
    takes: str  # what stands behind it, as TEXT=1; nothing: it is a switch
    said: str


@dataclass
class Command:
    words: str  # as "exp ls"
    about: str  # the first paragraph of its help
    rest: str  # examples and the like, as they stand
    usage: str
    options: list[Option] = field(default_factory=list)
    operands: list[tuple[str, str]] = field(default_factory=list)
    below: list[tuple[str, str]] = field(default_factory=list)  # subcommands
    tables: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # what its options may name


def option(spelling, said):
    flags, _, takes = spelling.partition(" ")
    return Option(flags.split(","), re.sub(r" ?(Excludes|Needs): .*", "", takes).strip(), said)


def command(words, head, parts):
    usage = (re.search(r"^Usage: (.*)$", head, re.M) or ["", f"galileo {words}"])[1]
    about, _, rest = re.sub(r"^Usage: .*$", "", head, flags=re.M).strip().partition("\n\n")
    made = Command(words, about, rest.strip(), usage)
    for title, rows in parts.items():
        if title == "Positionals":
            made.operands += rows
        elif title.lower() == "subcommands":
            made.below += rows
        elif rows and all(spelling.startswith("-") for spelling, _ in rows):
            made.options += [option(*row) for row in rows]
        else:
            made.tables[title] = rows
    return made


def commands(program):
    """The commands by their words, those below another behind it; and what the program says of each of the first floor."""
    found = {words: command(words, *row) for words, row in reference.commands(program).items()}
    texts = dict(row for row in reference.rows_of_commands(program))
    return found, texts


# ---- man pages

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def head(name, version):
    return [f'.TH {name.upper()} 1 "" "Galileo {version}" "User Commands"']


def paragraphs(text):
    """Text, and what is indented in it as it stands."""
    lines, verbatim = [], False
    for line in text.split("\n"):
        if line.startswith("  ") and not verbatim:
            lines.append(".PP\n.nf\n.RS 2")
        elif verbatim and not line.startswith("  "):
            lines.append(".RE\n.fi")
        verbatim = line.startswith("  ")
        lines.append((roff(line.strip() if not verbatim else line[2:]) or ".PP"))
    if verbatim:
        lines.append(".RE\n.fi")
    # A paragraph that is begun twice, or before another thing, is none.
    kept = []
    for line in lines:
        if line == ".PP" and (not kept or kept[-1] == ".PP"):
            continue
        if line.startswith(".PP\n") and kept and kept[-1] == ".PP":
            kept.pop()
        kept.append(line)
    while kept and kept[-1] == ".PP":
        kept.pop()
    return kept


def rows_of_options(options):
    lines = []
    for each in options:
        flags = ", ".join(f"\\fB{roff(flag)}\\fR" for flag in each.flags)
        takes = f" \\fI{roff(each.takes)}\\fR" if each.takes else ""
        lines += [".TP", flags + takes, roff(each.said)]
    return lines


def rows_of_names(rows):
    lines = []
    for name, said in rows:
        lines += [".TP", f"\\fB{roff(name)}\\fR", roff(said) or "\\&"]
    return lines


def section(one, title):
    """A command's part of a page."""
    lines = [title, *([f"\\fB{roff(one.usage)}\\fR", ".PP"] if title.startswith(".SS") else []), *paragraphs(one.about)]
    if one.operands:
        lines += rows_of_names(one.operands)
    if one.options:
        lines += rows_of_options(one.options)
    for name, rows in one.tables.items():
        lines += [".PP", roff(name[0].upper() + name[1:]) + ":", *rows_of_names(rows)]
    if one.rest:
        lines += [".PP", *paragraphs(one.rest)]
    return lines


def page(words, found, text, version):
    one = found[words]
    lines = head(f"galileo-{words}", version) + [".SH NAME", f"galileo\\-{words} \\- {roff(text)}", ".SH SYNOPSIS",
                                               f"\\fB{roff(one.usage)}\\fR"]
    lines += [".SH DESCRIPTION", *paragraphs(one.about)]
    if one.operands:
        lines += rows_of_names(one.operands)
    if one.options:
        lines += [".SH OPTIONS", *rows_of_options(one.options)]
    for name, rows in one.tables.items():
        lines += [f'.SH "{roff(name.upper())}"', *rows_of_names(rows)]
    below = [inner for name, inner in found.items() if name.startswith(words + " ")]
    if below:
        lines += [".SH COMMANDS"]
        for inner in below:
            lines += section(inner, f'.SS "galileo {roff(inner.words)}"')
    if one.rest:
        lines += [".SH EXAMPLES", *paragraphs(one.rest)]
    return "\n".join([*lines, ".SH SEE ALSO", ".BR galileo (1)"]) + "\n"


def first_page(texts, version):
    lines = head("galileo", version) + [
        ".SH NAME", "galileo \\- load\\-testing experiments with fine\\-grained telemetry", ".SH SYNOPSIS",
        "\\fBgalileo\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]", ".SH DESCRIPTION",
        "Each command has a page of its own, and says the same with \\fB\\-\\-help\\fR.", ".SH COMMANDS"]
    for name, text in texts.items():
        lines += [".TP", f"\\fBgalileo\\-{name}\\fR(1)", roff(text)]
    return "\n".join(lines) + "\n"


# ---- completion

def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def brief(text):
    """What fits beside a word: without what holds otherwise, and of several sentences the first."""
    return re.sub(r"\s*\[[^\]]*\]$", "", re.split(r"[;:] |\. ", text)[0])


def words_below(found, texts):
    """(a command's words, those that may follow) of all that have some; the program itself first."""
    yield "", [*texts.items(), ("help", "this text, or that of a command"), ("version", "the version")]
    for words, one in found.items():
        if one.below:
            yield words, one.below


def table_of_flags(found):
    """(words, flags that take something, switches)."""
    for words, one in found.items():
        yield (words, [flag for each in one.options if each.takes for flag in each.flags],
               [flag for each in one.options if not each.takes for flag in each.flags])


BASH = """# Completion of galileo for bash; made by scripts/manuals.py of the program's own table of options.
_galileo_below() {
  case $1 in
%s
  esac
}
_galileo_takes() {
  case $1 in
%s
  esac
}
_galileo_switches() {
  case $1 in
%s
  esac
}
_galileo() {
  local current=${COMP_WORDS[COMP_CWORD]} path= word value= at
  for ((at = 1; at < COMP_CWORD; ++at)); do
    word=${COMP_WORDS[at]}
    if [[ $value ]]; then
      # bash makes a word of its own of the = of --flag=value, and of each colon.
      [[ $word == = || $word == : || ${COMP_WORDS[at + 1]} == : ]] || value=
    elif [[ $word == -* ]]; then
      [[ " $(_galileo_takes "$path") " == *" $word "* ]] && value=1
    elif [[ " $(_galileo_below "$path") " == *" $word "* ]]; then
      path="${path:+$path }$word"
    fi
  done
  if [[ ! $value && $current == -* ]]; then
    COMPREPLY=($(compgen -W "$(_galileo_takes "$path") $(_galileo_switches "$path")" -- "$current"))
  elif [[ ! $value && $(_galileo_below "$path") ]]; then
    COMPREPLY=($(compgen -W "$(_galileo_below "$path")" -- "$current"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _galileo galileo
"""


def cases(rows):
    return "\n".join(f"    {quoted(words)}) echo {quoted(' '.join(names))} ;;" for words, names in rows if names)


def bash(found, texts):
    flags = list(table_of_flags(found))
    below = [(words, [name for name, _ in rows]) for words, rows in words_below(found, texts)]
    return BASH % (cases(below), cases((words, takes) for words, takes, _ in flags),
                   cases([("", ["--help", "-h", "--version"]), *((words, switches) for words, _, switches in flags)]))


ZSH = """#compdef galileo
# Completion of galileo for zsh; made by scripts/manuals.py of the program's own table of options.
_galileo() {
  local path_of= word value= at
  local -A below takes
  local -a rows
%s
  for ((at = 2; at < CURRENT; ++at)); do
    word=$words[at]
    if [[ -n $value ]]; then
      value=
    elif [[ $word == -* ]]; then
      [[ " $takes[$path_of:] " == *" $word "* ]] && value=1
    elif [[ " $below[$path_of:] " == *" $word "* ]]; then
      path_of="${path_of:+$path_of }$word"
    fi
  done
  if [[ -n $value ]]; then
    _files
    return
  fi
  if [[ $words[CURRENT] == -* ]]; then
    case $path_of in
%s
    esac
    _describe -o option rows
  elif [[ -n $below[$path_of:] ]]; then
    case $path_of in
%s
    esac
    _describe command rows
  else
    _files
  fi
}
_galileo "$@"
"""


def zsh_rows(rows):
    """name:description, in which a colon of the name's has a backslash."""
    return " ".join(quoted(f"{name.replace(':', chr(92) + ':')}:{brief(said)}") for name, said in rows)


def zsh_table(name, rows):
    return "\n".join([f"  {name}=(", *(f"    {quoted(words + ':')} {quoted(' '.join(names))}" for words, names in rows), "  )"])


def zsh(found, texts):
    below = list(words_below(found, texts))
    # A colon behind the words: the program's own table has a key then too.
    tables = [zsh_table("below", [(words, [name for name, _ in rows]) for words, rows in below]),
              zsh_table("takes", [(words, takes) for words, takes, _ in table_of_flags(found) if takes])]
    options = [f"      {quoted(words)}) rows=({zsh_rows((flag, each.said) for each in one.options for flag in each.flags)}) ;;"
               for words, one in found.items() if one.options]
    options.insert(0, f"      '') rows=({zsh_rows([('--help', 'this text'), ('--version', 'the version')])}) ;;")
    names = [f"      {quoted(words)}) rows=({zsh_rows(rows)}) ;;" for words, rows in below]
    return ZSH % ("\n".join(tables), "\n".join(options), "\n".join(names))


FISH = """# Completion of galileo for fish; made by scripts/manuals.py of the program's own table of options.
function __galileo_path
    set -l path
    set -l value
    for word in (commandline -opc)[2..-1]
        if test -n "$value"
            set value
        else if string match -q -- '-*' $word
            if contains -- $word (__galileo_takes "$path")
                set value 1
            end
        else if contains -- $word (__galileo_below "$path")
            set path (string trim -- "$path $word")
        end
    end
    echo $path
end
function __galileo_at
    test "$(__galileo_path)" = "$argv[1]"
end
function __galileo_below
    switch "$argv[1]"
%s
    end
end
function __galileo_takes
    switch "$argv[1]"
%s
    end
end
"""


def fish_quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_cases(rows):
    return "\n".join(f"        case {fish_quoted(words)}\n            printf '%s\\n' {' '.join(fish_quoted(name) for name in names)}"
                     for words, names in rows if names)


def fish(found, texts):
    below = list(words_below(found, texts))
    lines = [FISH % (fish_cases((words, [name for name, _ in rows]) for words, rows in below),
                     fish_cases((words, takes) for words, takes, _ in table_of_flags(found)))]
    for words, rows in below:
        at = fish_quoted(f"__galileo_at {fish_quoted(words)}")
        lines += [f"complete -c galileo -f -n {at} -a {fish_quoted(name)} -d {fish_quoted(brief(said))}" for name, said in rows]
    for words, one in found.items():
        at = fish_quoted(f"__galileo_at {fish_quoted(words)}")
        for each in one.options:
            spelt = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in each.flags)
            lines.append(f"complete -c galileo -n {at} {spelt}{' -r' if each.takes else ''} -d {fish_quoted(brief(each.said))}")
    return "\n".join(lines) + "\n"


def made(program):
    """Path below the prefix -> text."""
    found, texts = commands(program)
    version = subprocess.run([*program, "--version"], check=True, capture_output=True, text=True, timeout=60).stdout.split()[-1]
    files = {"share/man/man1/galileo.1": first_page(texts, version)}
    for words in found:
        if " " not in words:
            files[f"share/man/man1/galileo-{words}.1"] = page(words, found, texts[words], version)
    files["share/bash-completion/completions/galileo"] = bash(found, texts)
    files["share/zsh/vendor-completions/_galileo"] = zsh(found, texts)
    files["share/fish/vendor_completions.d/galileo.fish"] = fish(found, texts)
    return files


def main():
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    for name, text in made(sys.argv[2:]).items():
        path = Path(sys.argv[1]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
