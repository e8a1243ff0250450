"""The keys of an experiment file as Python's types, of its schema: what stands in python/galileo/keys.py. scripts/tables.py writes it."""
import json
import keyword
import textwrap

WIDTH = 140  # of the lines

HEAD = '''"""What an experiment file's keys take, as types: ``galileo.Experiment(clients=[...])`` is checked by them, and whoever makes its
parts one by one annotates these::

    from galileo import keys

    client: keys.Client = {"service": "hello", "rate": 100, "duration": timedelta(seconds=10)}

Made of schema/experiment.schema.json by ``make tables``. At run time they are plain dicts, and the program says what is wrong."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Protocol, Required, TypedDict, Union

#: a text; numbers and paths become one
Text = Union[str, float, "os.PathLike[str]"]
#: seconds, 1.5s, 250ms, 1h30m
Duration = Union[float, str, timedelta]
#: 100, 10k, 1.5M
Count = Union[int, str]
#: a number, or a text that is one
Number = Union[float, str]
Boolean = Union[bool, Literal["yes", "no", "on", "off", "true", "false"]]


class Array(Protocol):
    """numpy's."""

    def tolist(self) -> Any: ...


'''
# What the schema calls so has a name here too.
SCALARS = {"text": "Text", "name": "Text", "duration": "Duration", "positive_duration": "Duration", "count": "Count", "size": "Count",
           "number": "Number", "requests_per_second": "Number", "positive_rate": "Number", "boolean": "Boolean", "threshold": "str", "instrument": "Instrument"}
SIMPLE = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"}


def class_name(name):
    return "".join(part.title() for part in name.split("_"))


class Types:
    def __init__(self, schema):
        self.definitions = schema["$defs"]

    def is_map(self, schema):
        """One with keys of its own."""
        return schema.get("type") == "object" and "properties" in schema

    def named(self, name):
        if name in SCALARS:
            nullable = self.is_nullable(self.definitions[name])
            return [SCALARS[name], *(["None"] if nullable else [])]
        definition = self.definitions[name]
        if self.is_map(definition):
            return [class_name(name)]
        if name == "numbers":
            return ["Sequence[Number]", "Array", "Number"]
        return self.kinds(definition)

    def is_nullable(self, schema):
        if "$ref" in schema and "type" not in schema:
            return self.is_nullable(self.definitions[schema["$ref"].rpartition("/")[2]])
        return "null" in schema.get("type", ())

    def is_variable(self, schema):
        """Of the environment, which Python has itself."""
        return schema.get("$ref") == "#/$defs/variable" or schema.get("pattern") == "\\$\\{"

    def at(self, place):
        """What a reference within the document leads to."""
        found = {"$defs": self.definitions}
        for part in place.removeprefix("#/").split("/"):
            found = found[part]
        return found

    def kinds(self, schema):
        """The types whose union a value is of, each once."""
        if "$ref" in schema:
            place = schema["$ref"]
            found = self.named(place.rpartition("/")[2]) if place.count("/") == 2 else self.kinds(self.at(place))
            if "type" in schema and "null" not in schema["type"]:
                found = [one for one in found if one != "None"]
            return found
        if "anyOf" in schema and "type" not in schema:
            found = [kind for one in schema["anyOf"] if not self.is_variable(one) and one.get("const") != "" for kind in self.kinds(one)]
        elif "enum" in schema or "const" in schema:
            words = schema.get("enum", [schema.get("const")])
            found = [f"Literal[{', '.join(json.dumps(one) for one in words if isinstance(one, str))}]"]
            found += sorted({"float" for one in words if isinstance(one, (int, float))})
        elif "type" in schema:
            found = self.of_type(schema)
        else:
            return ["Any"]
        return sorted(dict.fromkeys(found), key=lambda one: one == "None")

    def of_type(self, schema):
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        found = []
        if {"string", "number"} <= set(types):
            found.append("Text" if "boolean" in types else "Number")
            types = [one for one in types if one not in ("string", "number", "boolean")]
        for one in types:
            if one == "array":
                items = schema.get("items", {})
                inner = [kind for part in [*schema.get("prefixItems", ()), *([items] if items or "prefixItems" not in schema else [])] for kind in self.kinds(part)]
                found.append(f"Sequence[{union(inner)}]")
            elif one == "object":
                values = schema.get("additionalProperties")
                found.append(f"Mapping[str, {union(self.kinds(values)) if isinstance(values, dict) else 'Any'}]")
            else:
                found.append(SIMPLE[one])
        return found


def union(kinds):
    kinds = sorted(dict.fromkeys(kinds), key=lambda one: one == "None")
    return "Any" if "Any" in kinds else " | ".join(kinds)


def comment(text, indent="    "):
    return [f"{indent}#: {line}" for line in textwrap.wrap(text, WIDTH - len(indent) - 3)]


def wrapped(line):
    """A line whose words of a Literal are too many for one."""
    if len(line) <= WIDTH:
        return line
    pad = " " * (line.index("Literal[") + len("Literal["))
    return "\n".join(textwrap.wrap(line, WIDTH, subsequent_indent=pad, drop_whitespace=True, break_long_words=False))


def one_map(name, definition, types, required):
    """Lines of a TypedDict; one with a word of Python's own among its keys can't be a class."""
    description = definition.get("description", "")
    keys = {key: (union(types.kinds(one)), types.at(one["$ref"]) if "description" not in one and "$ref" in one else one)
            for key, one in definition["properties"].items()}
    needed = {key: f"Required[{kind}]" if key in required else kind for key, (kind, _) in keys.items()}
    lines = ["", ""]
    if any(keyword.iskeyword(key) for key in keys):
        lines += comment(description, "") + [f"{name} = TypedDict({json.dumps(name)}, {{"]
        for key, (_, schema) in keys.items():
            lines += comment(schema.get("description", "")) + [f"    {json.dumps(key)}: {repr(needed[key]) if chr(34) in needed[key] else json.dumps(needed[key])},"]
        return [*lines, "}, total=False)"]
    lines += [f"class {name}(TypedDict, total=False):"]
    if description:
        lines += [f'    """{description}"""', ""]
    for key, (_, schema) in keys.items():
        lines += comment(schema.get("description", "")) + [wrapped(f"    {key}: {needed[key]}")]
    return lines


def module(schema):
    """The text of python/galileo/keys.py."""
    types = Types(schema)
    lines = [wrapped(f"Instrument = {types.kinds(schema['$defs']['instrument'])[0]}")]
    for name, definition in schema["$defs"].items():
        if types.is_map(definition):
            lines += one_map(class_name(name), definition, types, definition.get("required", ()))
    whole = {"properties": schema["properties"], "description": "All of an experiment file."}
    lines += one_map("File", whole, types, ())  # keywords and a mapping make it together
    return HEAD + "\n".join(lines) + "\n"
