#!/usr/bin/env python3
"""Puts the program's tables (`galileo help --json`, which come from the .def files) into the schema of
experiment files and into the documentation, between marks like <!-- table: policies --> and <!-- end -->,
and the schema's keys into the Python package, as types.

scripts/tables.py            write them (make tables)
scripts/tables.py --check    say what isn't as the program has it, and change nothing
"""
import argparse
import difflib
import json
import re
import subprocess
import sys
from pathlib import Path

import python_keys

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 120  # of the schema's lines

def topics(row):
    return ", ".join(f"`{one['name']}`" + (f" {one['unit']}" if one["unit"] else "") for one in row["units"])


def keys(row):
    return "; ".join(f"`{one['key']}` {one['text']}" + (f" ({one['otherwise']:g})" if "otherwise" in one else "") for one in row["keys"])


# A table of the documentation: the program's table, its columns (heading -> key, or what makes a cell), which rows.
DOCS = {
    "commands": ("commands", {"command": "`name`", "does": "text"}, None),
    "arrivals": ("arrivals", {"arrival": "`name`", "parameters": "parameters", "requests are due": "text"}, None),
    "shapes": ("shapes", {"shape": "`name`", "is": "text", "parameters (where they aren't given)": keys}, None),
    "profile rates": ("profile_rates", {"rate": "`name`", "parameters": "parameters", "is": "text"}, None),
    "log formats": ("log_formats", {"format": "`name`", "is": "text"}, None),
    "routers": ("routers", {"router": "`name`", "URL": "text"}, None),
    "policies": ("policies", {"policy": "`name`", "the request goes to": "text"}, None),
    "databases": ("databases", {"database": "`name`", "`--db`": "text"}, None),
    "instruments": ("instruments", {"instrument": "`name`", "period": "period", "topics after `telem/<node>/`": topics, "says": "text"},
                    lambda row: row["unasked"] == "yes"),
    "instruments that are off": ("instruments", {"instrument": "`name`", "period": "period", "topics": topics, "says": "text"},
                                 lambda row: row["unasked"] == "no"),
    "metrics": ("metrics", {"metric": "`name`", "written": "`form`", "unit": "unit", "is": "text"}, None),
    "failures": ("failures", {"name": "`name`", "counted as": "group", "means": "text"}, None),
}


def markdown(name, tables):
    source, columns, wanted = DOCS[name]
    lines = ["| " + " | ".join(columns) + " |", "| " + " | ".join("---" for _ in columns) + " |"]
    for row in tables[source]:
        if wanted and not wanted(row):
            continue
        cells = []
        for key in columns.values():
            if callable(key):
                cells.append(key(row))
                continue
            text = str(row[key.strip("`")]).replace("|", "\\|")
            cells.append(f"`{text}`" if key.startswith("`") and text else text.replace("<", "\\<"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def with_tables(text, tables):
    """A page with what stands between the marks made anew."""
    def made(match):
        return match[1] + markdown(match[2], tables) + match[3]
    return re.sub(r"(<!-- table: ([\w ]+?) -->\n).*?(<!-- end -->)", made, text, flags=re.DOTALL)


# The schema, as its file is laid out: what fits into a line stands in one.

def layout(value, indent=0, used=0):
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or used + len(line) <= WIDTH:
        return line
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        lines = []
        for key, one in value.items():
            head = f"{pad}{json.dumps(key)}: "
            lines.append(head + layout(one, indent + 1, len(head) + 1))
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    if any(isinstance(one, (dict, list)) for one in value):
        return "[\n" + ",\n".join(pad + layout(one, indent + 1, len(pad) + 1) for one in value) + "\n" + " " * indent + "]"
    lines, line = [], pad
    for i, one in enumerate(value):
        word = json.dumps(one, ensure_ascii=False) + ("," if i < len(value) - 1 else "")
        if line != pad and len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = pad
        line += ("" if line == pad else " ") + word
    return "[\n" + "\n".join([*lines, line]) + "\n" + " " * indent + "]"


NUMBER = r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
ZERO = r"-?(0+\.?0*|\.0+)"
COMPARISON = r"\s*(<=|>=|==|!=|<|>)\s*"
TIMES = "(ns|us|µs|ms|s|m|h)"
VARIABLE = r"|\$\{"


def names(rows):
    return [row["name"] for row in rows]


def by_count(arrivals):
    """(fewest, most) -> names. Of prerecorded the parameters are ignored."""
    groups = {}
    for row in arrivals:
        if row["name"] != "prerecorded":
            groups.setdefault((row["fewest"], row["most"]), []).append(row["name"])
    return groups


def one_or(words):
    return words[0] if len(words) == 1 else "(" + "|".join(words) + ")"


def call_pattern(arrivals):
    """A text like expovariate(100)."""
    parts = []
    for (fewest, most), group in by_count(arrivals).items():
        more = rf"(,\s*{NUMBER}\s*)"
        if most == 1:
            inside = rf"\s*{NUMBER}\s*" if fewest == 1 else rf"(\s*{NUMBER})?\s*"
        else:
            count = f"{fewest - 1}" if fewest == most else f"{fewest - 1},{most - 1}"
            inside = rf"\s*{NUMBER}\s*{more}{{{count}}}"
        parts.append(rf"{one_or(group)}\s*\({inside}\)")
    return rf"^\s*({'|'.join(parts)})\s*$" + VARIABLE


def is_one_of(key, words):
    return {"properties": {key: {"const": words[0]} if len(words) == 1 else {"enum": words}}, "required": [key]}


def parameter_rules(arrivals):
    rules = []
    for (fewest, most), group in by_count(arrivals).items():
        if fewest == 0:
            then = {"properties": {"parameters": {"maxItems": most}}}
        else:
            kind = ["array", "number", "string"] if fewest == 1 else "array"
            then = {"properties": {"parameters": {"type": kind, "minItems": fewest, "maxItems": most}}, "required": ["parameters"]}
        rules.append({"if": is_one_of("distribution", group), "then": then})
    rules.append({"if": is_one_of("distribution", ["prerecorded"]), "then": {"anyOf": [{"required": ["list"]}, {"required": ["profile"]}]}})
    return rules


def shape_key(shapes, key):
    """The schema of a parameter that one shape has, or several."""
    of = [(shape["name"], one) for shape in shapes for one in shape["keys"] if one["key"] == key]
    takes, text = of[0][1]["takes"], of[0][1]["text"]
    if "otherwise" in of[0][1]:
        text += f"; {of[0][1]['otherwise']:g}{'s' if takes == 'time' else ''} where not given"
    text = f"of {', '.join(name for name, _ in of)}: {text}"
    if takes.startswith("list"):
        return {"type": "array", "items": {"$ref": "#/$defs/rate_step"}, "minItems": 1, "description": text}
    kinds = {"rate": "positive_rate", "rate or 0": "requests_per_second", "time": "positive_duration"}
    return {"$ref": f"#/$defs/{kinds[takes]}", "description": text}


def shape_rule(shape):
    return {"required": [one["key"] for one in shape["keys"] if "otherwise" not in one],
            "propertyNames": {"enum": ["shape", "process", *(one["key"] for one in shape["keys"])]}}


def set_shapes(rate, shapes):
    words = [f"{shape['name']} ({', '.join(one['key'] for one in shape['keys'])})" for shape in shapes]
    properties = rate["properties"]
    properties["shape"]["anyOf"][0]["enum"] = names(shapes)
    properties["shape"]["description"] = f"{', '.join(words[:-1])} or {words[-1]}"
    keys = dict.fromkeys(one["key"] for shape in shapes for one in shape["keys"])
    rate["properties"] = {"shape": properties["shape"], "process": properties["process"], **{key: shape_key(shapes, key) for key in keys}}
    constant = next(shape for shape in shapes if shape["name"] == "constant")
    rate["allOf"] = [{"if": {"not": {"required": ["shape"]}}, "then": shape_rule(constant)},
                     *({"if": is_one_of("shape", [shape["name"]]), "then": shape_rule(shape)} for shape in shapes)]


def threshold_pattern(metrics):
    outcome = r"(\s*\[\s*(answered|failed|all)\s*\])?"
    group = r"\s*\{\s*(service|server|phase|worker)\s*=[^}]+\}"

    def of(unit):
        return [row for row in metrics if row["unit"] == unit and row["name"] != "checks"]

    def form(row):
        text = row["name"]
        if row["by_outcome"]:
            text += outcome
        if row["by_group"]:
            text += f"({group})?" + (outcome if row["by_outcome"] else "")
        return text

    limits = {  # unit of the metric -> what may follow the comparison
        "s": rf"({NUMBER}\s*{TIMES}|{ZERO})",
        "": rf"{NUMBER}\s*[kKMG]?",
        "rps": rf"{NUMBER}\s*[kKMG]?(\s*/\s*([0-9.]+\s*)?(ns|us|µs|ms|s|m|h|d))?",
        "share": rf"({NUMBER}\s*%|{ZERO})",
    }
    function = r"(min|mean|max|p(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?))"
    parts = [rf"{function}\s*\(\s*({'|'.join(form(row) for row in of('s'))})\s*\){COMPARISON}{limits['s']}"]
    for unit in ("", "rps", "share"):
        parts.append(one_or([form(row) for row in of(unit)]) + COMPARISON + limits[unit])
    # Of one name or of all, and a share as a number of one too.
    parts.append(rf"checks(\s*\(\s*[^)\s][^)]*\))?{COMPARISON}({limits['share']}|0?\.[0-9]+|1(\.0*)?)")
    parts.append(rf"(min|mean|max)\s*\(\s*(?!({'|'.join(names(metrics))})[/ )])[A-Za-z0-9_.:-][A-Za-z0-9_.:-]*(/[^)\[\]{{}}]*)?(\s*\{{\s*node\s*=[^}}]+\}})?\s*\)"
                 rf"{COMPARISON}{NUMBER}\s*(ns|us|µs|ms|s|m|h|%|[kKMG]|[kMGTKi]*B(/s)?|[kMG]?Hz|[kMG]?bit/s|°?C|m?W|kW|m?J|kJ|dBm)?")
    return rf"^\s*({'|'.join(parts)})\s*$" + VARIABLE


def set_routers(service, routers):
    properties = service["properties"]
    properties["router"]["anyOf"][0]["enum"] = names(routers)
    static = names(row for row in routers if row["reads_static_host"])
    needs_hosts, hosts = service["allOf"]
    needs_hosts["if"] = is_one_of("router", static)
    hosts["if"]["not"]["properties"]["router"]["pattern"] = f"^({'|'.join(row['name'] for row in routers if not row['uses_table'])})$|\\$\\{{"


def with_words(text, tables):
    """The schema with every word that the tables have."""
    schema = json.loads(text)
    defs = schema["$defs"]
    set_routers(defs["service"], tables["routers"])
    defs["service"]["properties"]["balancer"]["anyOf"][0]["enum"] = names(tables["policies"])
    defs["arrival"]["properties"]["distribution"]["anyOf"][0]["enum"] = names(tables["arrivals"])
    defs["arrival"]["allOf"] = parameter_rules(tables["arrivals"])
    defs["client"]["properties"]["arrival"]["anyOf"][0]["pattern"] = call_pattern(tables["arrivals"])
    set_shapes(defs["rate"], tables["shapes"])
    defs["instrument"]["anyOf"][0]["enum"] = names(tables["instruments"])
    defs["threshold"]["pattern"] = threshold_pattern(tables["metrics"])
    return layout(schema) + "\n"


def pages(root):
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def made(root, tables):
    """path -> (as it is, as it should be), of all that has words of the tables."""
    texts = {}
    for path in pages(root):
        text = path.read_text()
        if "<!-- table: " in text:
            texts[path] = (text, with_tables(text, tables))
    schema = root / "schema/experiment.schema.json"
    texts[schema] = (schema.read_text(), with_words(schema.read_text(), tables))
    keys = root / "python/galileo/keys.py"
    texts[keys] = (keys.read_text(), python_keys.module(json.loads(texts[schema][1])))
    return texts


def tables_of(program):
    return json.loads(subprocess.run([program, "help", "--json"], check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--program", default=ROOT / "build/release/galileo")
    parser.add_argument("--root", type=Path, default=ROOT)
    options = parser.parse_args()
    wrong = 0
    for path, (before, after) in made(options.root, tables_of(options.program)).items():
        if before == after:
            continue
        wrong += 1
        if options.check:
            where = str(path.relative_to(options.root))
            sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), where, "by the program's tables"))
        else:
            path.write_text(after)
            print(f"{path.relative_to(options.root)} written")
    if wrong and options.check:
        print("run make tables")
    return 1 if wrong and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
