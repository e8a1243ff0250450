"""schema/experiment.schema.json as an editor applies it: YAML 1.2 in, problems out. No program needed."""
import json
import re
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / "schema/experiment.schema.json").read_text())


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema: `on` and `1:30` are texts, which PyYAML's own 1.1 takes for other things."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
        ("merge", r"<<", ["<"])):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), first)
CoreLoader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


def problems(text):
    """What the schema finds wrong with an experiment file's text, each with its place."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(yaml.load(text, CoreLoader))]


def definition(map_name):
    """The schema of a map of src/plan/file_keys.def."""
    return SCHEMA if map_name == "file" else SCHEMA["$defs"][map_name]


def table(path, macro):
    """The rows of a .def table, each a list of its arguments as written."""
    text = re.sub(r"^//.*$", "", (ROOT / "src" / path).read_text(), flags=re.MULTILINE)
    rows = re.findall(rf"^{macro}\((.*?)\)$", text, re.MULTILINE | re.DOTALL)
    return [[part.strip().strip('"') for part in re.findall(r'(?:"[^"]*"|[^",])+', row)] for row in rows]
