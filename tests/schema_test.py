"""schema/experiment.schema.json against the tables that the experiment file's reader is made from, and the
files that we show to people. tests/process/schema_agreement_test.py holds it to the program itself."""
import re
import sys

import jsonschema
import pytest
from experiment_schema import ROOT, SCHEMA, definition, problems, table

pytestmark = pytest.mark.quick

KEYS = {name: keys for name, *keys in table("plan/file_keys.def", "KEYS")}
# A rate has the parameters of every shape, too.
SHAPE_KEYS = re.findall(r'\{"(\w+)"', (ROOT / "src/load/shapes.def").read_text())
KEYS["rate"] += dict.fromkeys(SHAPE_KEYS)
# Name -> the fewest and the most parameters.
ARRIVALS = {name: (int(fewest), int(most)) for name, _, fewest, most, *_ in table("load/arrivals.def", "ARRIVAL")}
DISTRIBUTIONS = {name: (int(count), int(count)) for name, _, count, *_ in table("load/distributions.def", "DISTRIBUTION")}
CLIENT = 'name: x\nservices: {{a: {{hosts: {{"127.0.0.1:1": 1}}}}}}\nclients: [{{service: a, {}}}]\n'


def names(path, macro):
    return [row[0] for row in table(path, macro)]


def words(schema):
    """The words that a key may be, besides an environment variable."""
    return next(one["enum"] for one in schema["anyOf"] if "enum" in one)


def maps(schema):
    """Every map with known keys in the schema, and the keys that are described in it."""
    if isinstance(schema, list):
        for one in schema:
            yield from maps(one)
    elif isinstance(schema, dict):
        if "additionalProperties" in schema and "properties" in schema:
            yield schema
        for one in schema.values():
            yield from maps(one)


def test_python_knows_its_keys_as_types():
    """`make tables` mends it."""
    sys.path.append(str(ROOT / "scripts"))
    import python_keys

    assert (ROOT / "python/galileo/keys.py").read_text() == python_keys.module(SCHEMA)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_reference_leads_somewhere_and_every_definition_is_used():
    found = set(re.findall(r'"#/\$defs/(\w+)"', (ROOT / "schema/experiment.schema.json").read_text()))
    assert found == set(SCHEMA["$defs"])


@pytest.mark.parametrize("name", KEYS)
def test_a_map_has_the_keys_that_the_reader_knows(name):
    assert list(definition(name)["properties"]) == KEYS[name]
    assert definition(name)["additionalProperties"] is False


def test_the_schema_knows_no_map_that_the_reader_does_not():
    assert len(list(maps(SCHEMA))) == len(KEYS)


@pytest.mark.parametrize("name", KEYS)
def test_each_key_says_what_it_is(name):
    for key, schema in definition(name)["properties"].items():
        assert 0 < len(schema.get("description", "")) <= 140, key


@pytest.mark.parametrize("name, key, known", [
    ("service", "router", names("route/routers.def", "ROUTER")),
    ("service", "balancer", names("route/policies.def", "POLICY")),
    ("arrival", "distribution", [*ARRIVALS, *DISTRIBUTIONS]),
], ids=["router", "balancer", "distribution"])
def test_the_words_of_a_key_are_those_of_its_table(name, key, known):
    assert words(definition(name)["properties"][key]) == known


def test_the_instruments_are_those_of_their_table():
    assert words(SCHEMA["$defs"]["instrument"]) == names("telemetry/instruments.def", "INSTRUMENT")


@pytest.mark.parametrize("name", [*ARRIVALS, *DISTRIBUTIONS])
def test_an_arrival_takes_as_many_parameters_as_its_table_says(name):
    fewest, most = {**ARRIVALS, **DISTRIBUTIONS}[name]
    recorded = ", list: [1]" if name == "prerecorded" else ""  # whose parameters are ignored
    for count in (0, 1, 2, 3, 4, 5, 6, 7, most, most + 1):
        fits = fewest <= count <= most or bool(recorded)
        parameters = ", ".join(["1"] * count)
        text = CLIENT.format(f"arrival: {{distribution: {name}, parameters: [{parameters}]{recorded}}}")
        assert (problems(text) == []) == fits, (count, problems(text))
        if not recorded:
            assert (problems(CLIENT.format(f'arrival: "{name}({parameters})"')) == []) == fits, count


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/experiment.yaml")), ids=lambda path: path.parent.name)
def test_an_example_keeps_the_schema(path):
    assert problems(path.read_text()) == []


def test_the_readme_s_files_keep_the_schema():
    section = (ROOT / "docs/tutorial/tour.md").read_text().split("## The experiment file")[1].split("\n## ")[0]
    whole = re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    of_a_client = re.findall(r"`((?:rate|arrival|closed_loop): [^`]+)`", section)
    assert whole and len(of_a_client) >= 4
    for text in [*whole, *(CLIENT.format(part) for part in of_a_client)]:
        assert problems(text) == [], text


def test_an_example_tells_the_editor_where_the_schema_is():
    path = ROOT / "examples/hello/experiment.yaml"
    where = re.search(r"^# yaml-language-server: \$schema=(\S+)$", path.read_text(), re.MULTILINE)
    assert (path.parent / where[1]).resolve() == ROOT / "schema/experiment.schema.json"
