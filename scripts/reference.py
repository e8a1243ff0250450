#!/usr/bin/env python3
"""Writes the pages of the reference that are made whole: docs/reference/commands.md has the options of all commands, as
their --help prints them from the program's table of options, docs/reference/file.md each key of the experiment file, from its JSON
schema, with an example that an experiment in examples/ really has.

scripts/reference.py            write them (make tables does)
scripts/reference.py --check    say which aren't as the program and the schema have it, and change nothing
"""
import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
OPTION = re.compile(r"^  (-[^\s].*?|[a-zA-Z.]+ [A-Z]+.*?)(?: {2,}(.*)|$)")


def started(program):
    """The words that start it: a path, or what runs it and its path."""
    return list(program) if isinstance(program, (list, tuple)) else [program]


def help_of(program, words):
    """What a command says of itself, whoever asks: some defaults are in the home folder."""
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": "~"}
    done = subprocess.run([*started(program), *words, "--help"], capture_output=True, text=True, timeout=60, env=environment)
    if done.returncode != 0:
        sys.exit(f"galileo {' '.join(words)} --help: {done.stderr}")
    return re.sub(r"(=[a-z-]+-)[0-9]+(?=\s)", r"\1PID", done.stdout)  # a default that has the process's number


def parts(text):
    """The help's head, and its parts by their headings: [(spelling, what it says)]."""
    head, found, part = [], {}, None
    for line in text.splitlines():
        if re.match(r"^\S.*:$", line) and not line.startswith(("example", "Usage")):
            part = line[:-1]
            found[part] = []
        elif part is None:
            head.append(line)
        elif part.lower() == "subcommands" and re.match(r"^  \S", line):
            name, _, said = line.strip().partition(" ")
            found[part].append((name, said.strip()))
        elif match := OPTION.match(line):
            found[part].append((match[1], (match[2] or "").strip()))
        elif found[part] and line.startswith("    "):
            spelling, said = found[part][-1]
            found[part][-1] = (spelling, f"{said} {line.strip()}".strip())
    return "\n".join(head).strip(), found


def rows_of_commands(program):
    """(a command's name, what it does), in the program's order."""
    done = subprocess.run([*started(program), "help", "--json"], check=True, capture_output=True, text=True, timeout=60)
    return [(row["name"], row["text"]) for row in json.loads(done.stdout)["commands"]]


def commands(program):
    """Words of a command -> its head and parts, subcommands behind the command that has them."""
    found, ahead = {}, [[name] for name, _ in rows_of_commands(program)]
    while ahead:
        words = ahead.pop(0)
        found[" ".join(words)] = parts(help_of(program, words))
        inner = [rows for part, rows in found[" ".join(words)][1].items() if part.lower() == "subcommands"]
        ahead = [[*words, name] for rows in inner for name, _ in rows] + ahead
    return found


def flags(found):
    """Words of a command -> the flags that it knows."""
    return {words: {flag for rows in parts.values() for spelling, _ in rows
                    for flag in re.findall(r"(?<![\w-])--?[a-zA-Z0-9][\w-]*", spelling)} for words, (_, parts) in found.items()}


def cell(text):
    return text.replace("|", "\\|").replace("<", "\\<")


def code(text):
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def page_of_commands(found):
    lines = ["# Commands and their options", "",
             "Made by `make tables` of what each command's `--help` prints. What stands in brackets behind a text holds where the option isn't given; "
             "a name with `_` there is the [variable](tables.md#variables) that says it instead.", ""]
    for words, (head, found_parts) in found.items():
        lines += [f"## galileo {words}", "", "```text", head, "```", ""]
        rows = [(spelling, said) for rows in found_parts.values() for spelling, said in rows if not spelling.startswith("-h,")]
        if rows:
            lines += ["| option | |", "| --- | --- |", *(f"| {code(spelling)} | {cell(said)} |" for spelling, said in rows), ""]
    return "\n".join(lines).rstrip() + "\n"


UNITS = {"duration": "time: `90`, `30s`, `5m`", "positive_duration": "time: `90`, `30s`, `5m`", "size": "bytes: `10MiB`", "requests_per_second": "requests/s: `100`, `10k`",
         "positive_rate": "requests/s: `100`, `10k`", "count": "count", "number": "number", "boolean": "yes or no", "text": "text", "name": "text"}


def referred(schema, defs):
    """What a reference leads to, and its name where that is a definition."""
    steps = schema["$ref"].removeprefix("#/$defs/").split("/")
    at = defs
    for step in steps:
        at = at[step]
    return at, steps[0] if len(steps) == 1 else None


def kind(schema, defs):
    if "$ref" in schema:
        there, name = referred(schema, defs)
        if name is None:
            return kind(there, defs)
        return UNITS.get(name) or (f"[{name}](#{name})" if "properties" in there else name.replace("_", " "))
    if one := [each for each in schema.get("anyOf", schema.get("oneOf", [])) if each.get("type") != "null"]:
        return " or ".join(dict.fromkeys(kind(each, defs) for each in one))
    if "enum" in schema:
        return ", ".join(code(str(one)) for one in schema["enum"])
    types = schema.get("type", "anything")
    types = [types] if isinstance(types, str) else [one for one in types if one != "null"]
    if "array" in types and "items" in schema:
        return "list of " + kind(schema["items"], defs)
    if "object" in types and isinstance(schema.get("additionalProperties"), dict):
        return "map of names to " + kind(schema["additionalProperties"], defs)
    return {"object": "map", "array": "list", "string": "text", "boolean": "yes or no", "integer": "count"}.get(types[0], types[0]) if types else "anything"


def default(description):
    match = re.search(r"([^;,(]+) (?:where|when) (?:it's )?not given", description)
    return match[1].strip() if match else ""


def uses(value, schema, defs, where, found):
    """What the files of examples/ say for each key: (name of the definition, key) -> the shortest value."""
    if "$ref" in schema:
        there, name = referred(schema, defs)
        uses(value, there, defs, name or where, found)
        where = name or where
    for one in schema.get("anyOf", []) + schema.get("oneOf", []):
        uses(value, one, defs, where, found)
    if isinstance(value, dict):
        for key, inner in value.items():
            known = schema.get("properties", {}).get(key)
            if known is not None:
                text = json.dumps(inner, ensure_ascii=False)
                before = found.get((where, key))
                if before is None or (len(text), text) < (len(before), before):
                    found[where, key] = text
            if isinstance(known if known is not None else schema.get("additionalProperties"), dict):
                uses(inner, known if known is not None else schema["additionalProperties"], defs, where, found)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for inner in value:
            uses(inner, schema["items"], defs, where, found)


def page_of_the_file(root):
    schema = json.loads((root / "schema/experiment.schema.json").read_text())
    defs, found = schema["$defs"], {}
    for path in sorted((root / "examples").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if isinstance(document, dict) and "clients" in document or isinstance(document, dict) and "phases" in document:
                uses(document, schema, defs, "", found)
    lines = ["# The experiment file, key by key", "",
             "Made by `make tables` of [the file's JSON schema](../../schema/experiment.schema.json), by which an editor completes and checks the file. An example is a value "
             "that a file in [examples](../../examples) has; where there is none, none of them uses the key. What holds where a key isn't given stands in its row where it is more than \"nothing\".", ""]
    for name, one in [("", schema), *((name, one) for name, one in defs.items() if "properties" in one)]:
        lines += [f"## {name or 'The file'}", ""]
        if one.get("description"):
            lines += [cell(one["description"].rstrip(".")) + ".", ""]
        lines += ["| key | takes | where not given | is | example |", "| --- | --- | --- | --- | --- |"]
        for key, what in one["properties"].items():
            text = what.get("description", "")
            example = found.get((name, key), "")
            example = example if len(example) <= 70 else ""
            must = "must be given" if key in one.get("required", []) else default(text)
            lines.append(f"| `{key}` | {kind(what, defs)} | {cell(must)} | {cell(text)} | {code(example)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def made(root, program):
    return {root / "docs/reference/commands.md": page_of_commands(commands(program)), root / "docs/reference/file.md": page_of_the_file(root)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--program", default=ROOT / "build/release/galileo")
    parser.add_argument("--root", type=Path, default=ROOT)
    options = parser.parse_args()
    wrong = [(path, text) for path, text in made(options.root, options.program).items() if not path.exists() or path.read_text() != text]
    for path, text in wrong:
        if options.check:
            print(f"{path.relative_to(options.root)} isn't as the program and the schema have it: run make tables")
        else:
            path.write_text(text)
            print(f"{path.relative_to(options.root)} written")
    return 1 if wrong and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
