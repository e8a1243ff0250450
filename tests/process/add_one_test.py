"""What CONTRIBUTING.md promises under "To add one": a file and a line. A copy of the sources gets one more of each kind,
and the files that hold the tables are compiled anew and linked with the libraries that are there: what else knows the
new ones knows them by the tables alone."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import ROOT

BUILD = Path(os.environ.get("GALILEO_BINARY", ROOT / "build/release/galileo")).resolve().parent

INSTRUMENT = """
#include "telemetry/instrument.h"
namespace galileo::telemetry {
namespace {
class Moon final : public Instrument {
 public:
  ReadOutcome read(Readings& readings) override {
    readings.put("moon", "full", 50);
    return ReadOutcome::kRead;
  }
};
}  // namespace
std::unique_ptr<Instrument> make_moon(const Machine&) { return std::make_unique<Moon>(); }
}  // namespace galileo::telemetry
"""
ARRIVAL = """
#include "load/arrival.h"
namespace galileo::load {
Result<std::unique_ptr<Arrival>> make_hourly(const ArrivalSpec& spec) {
  ArrivalSpec even = spec;
  even.parameters[0] *= 3600;
  return make_constant(even);
}
}  // namespace galileo::load
"""
POLICY = """
#include "route/policy.h"
namespace galileo::route {
std::unique_ptr<Policy> make_as_first(const std::vector<Host>& hosts) { return make_fixed(hosts); }
}  // namespace galileo::route
"""
ROUTER = """
#include "route/router.h"
namespace galileo::route {
Result<std::unique_ptr<Router>> make_plain(const RouterSpec&) { return std::make_unique<Router>(); }
}  // namespace galileo::route
"""
DRIVER = """
#include "store/store.h"
namespace galileo::store {
Result<std::unique_ptr<Store>> open_nowhere(const std::string& where, OpenMode) {
  return Error{ErrorCode::kIo, "nothing is kept nowhere", where, {}, {}};
}
}  // namespace galileo::store
"""
COMMAND = """
#include "base/output.h"
#include "commands/commands.h"
namespace galileo::commands {
int hello(const Arguments&) {
  print_data("hello\\n");
  return 0;
}
}  // namespace galileo::commands
"""
METRIC = """
Measured measure_twice_failed(const Threshold&, const Summary& summary) { return number(2 * summary.failed()); }

}  // namespace

const std::vector<ThresholdMetric>&"""

# Of each kind: its table, the line, and the file that CONTRIBUTING.md says (a metric's is a function among the others).
ADDED = [
    ("instruments.def", 'INSTRUMENT(moon, 1000, false, "moon/<phase>:%", "how full the moon is")', "moon.cc", INSTRUMENT),
    ("arrivals.def", 'ARRIVAL(hourly, "hours", 1, 1, "one request each so many hours")', "hourly.cc", ARRIVAL),
    ("shapes.def", 'SHAPE(tide, sine, {"max_rps", kRate, "at high tide"}, {"between_tides", kTime, "from one to the next"})', None, None),
    ("policies.def", 'POLICY(as_first, "the first one")', "as_first.cc", POLICY),
    ("routers.def", 'ROUTER(PlainRouter, plain, false, "http://<host><path>")', "plain.cc", ROUTER),
    ("drivers.def", 'DRIVER(nowhere, "nowhere:", server, "", "nowhere:, which keeps nothing")', "nowhere.cc", DRIVER),
    ("commands.def", 'COMMAND(hello, "says so")', "hello.cc", COMMAND),
    ("threshold_metrics.def", 'METRIC(twice_failed, kCount, false, false, "failed, twice")', None, None),
]

FILE = """
name: x
services:
  a: {router: PlainRouter, balancer: as_first, hosts: {"127.0.0.1:1": 1}}
clients:
  - {service: a, arrival: hourly(2)}
  - {service: a, arrival: {distribution: hourly, parameters: [2]}}
  - {service: a, rate: {shape: tide, max_rps: 5, between_tides: 6h}}
telemetry: {instruments: [moon]}
thresholds: ["twice_failed == 0", "max(moon) < 60%"]
"""


def add_one_of_each(src):
    """The files to compile: the new ones, and those that hold a table that has one more."""
    changed, tables = [], []
    for table, line, file, text in ADDED:
        path = next(src.rglob(table))
        path.write_text(path.read_text() + line + "\n")
        tables.append(f'"{path.relative_to(src)}"')
        if file:
            (path.parent / file).write_text(text)
            changed.append(path.parent / file)
    metrics = next(src.rglob("threshold_metrics.cc"))
    text, count = re.subn(r"}  // namespace\n\nconst std::vector<ThresholdMetric>&", lambda _: METRIC, metrics.read_text(), count=1)
    assert count == 1
    metrics.write_text(text)
    return changed + [path for path in src.rglob("*.cc") if not path.name.endswith("_test.cc")
                      and any(f"#include {table}" in path.read_text() for table in tables)]


def known_commands():
    """By each source how it is compiled, and of those that are compiled in batches (cmake/batches.cmake) in which."""
    commands = {Path(one["file"]): shlex.split(one["command"]) for one in json.loads((BUILD / "compile_commands.json").read_text())}
    batches = {Path(source): batch for batch in commands if batch.parent.name == "Unity"
               for source in re.findall(r'#include "(.+)"', batch.read_text())}
    return commands, batches


def units(paths, src, commands, batches, folder):
    """What to compile for these: (file, how), batches whole and once. A new file is compiled as its neighbours are."""
    found = {}
    for path in paths:
        old = ROOT / "src" / path.relative_to(src)
        if old in batches:
            batch = batches[old]
            copy = folder / f"{batch.parent.parent.stem}-{batch.name}"
            copy.write_text(batch.read_text().replace(str(ROOT / "src"), str(src)))
            found[copy] = commands[batch]
        else:
            near = (one for one in [*commands, *batches] if one.parent == old.parent)
            like = old if old in commands else next(near)
            found[path] = commands[batches.get(like, like)]
    return found


def compiled(path, command, src, folder):
    """Its object."""
    words = [word.replace(str(ROOT / "src"), str(src)) for word in command]
    # Headers that are precompiled are so for the release's optimization only.
    for place in [n for n, word in enumerate(words) if word == "-include" and words[n + 1].endswith("cmake_pch.hxx")]:
        words[place:place + 2] = []
    words = [word for word in words if not re.fullmatch(r"-O\d|-g\d?", word)]
    place = folder / (str(path.relative_to(folder.parent)).replace("/", "-") + ".o")
    words[words.index("-o") + 1] = str(place)
    words[words.index("-c") + 1] = str(path)
    environment = {**os.environ, "CCACHE_BASEDIR": str(folder.parent), "CCACHE_NOHASHDIR": "1"}
    done = subprocess.run([*words, "-O0"], cwd=BUILD, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return str(place)


def without_batches(words, made, folder):
    """The linker's words, with libraries that lack the batches which are among the objects: other files of theirs would come along."""
    for batch in [re.match(r"objects-(galileo_\w+)-(unity_\d+_cxx\.cxx)\.o", Path(one).name) for one in made]:
        if not batch:
            continue
        library = folder / f"lib{batch[1]}.a"
        if not library.exists():
            shutil.copy(BUILD / library.name, library)
        subprocess.run(["ar", "d", library, f"{batch[2]}.o"], check=True)
        words = [str(library) if word == library.name else word for word in words]
    return words


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A copy of what is ours with one more of each kind, and the program that it makes."""
    root = tmp_path_factory.mktemp("one-more")
    for folder in ("src", "docs", "schema"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "python/galileo").mkdir(parents=True)
    shutil.copy(ROOT / "python/galileo/keys.py", root / "python/galileo")
    for page in ROOT.glob("*.md"):
        shutil.copy(page, root / page.name)
    files = add_one_of_each(root / "src")
    objects = root / "objects"
    objects.mkdir()
    todo = units(files, root / "src", *known_commands(), objects)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        made = list(pool.map(lambda one: compiled(*one, root / "src", objects), todo.items()))
    # As the program itself is linked; what is among the objects isn't taken from the libraries.
    link = subprocess.run(["ninja", "-t", "commands", "galileo"], cwd=BUILD, capture_output=True, text=True, check=True)
    words = shlex.split(link.stdout.splitlines()[-1].replace(": && ", "").replace(" && :", ""))
    program = root / "galileo"
    words[words.index("-o") + 1] = str(program)
    words = without_batches(words, made, objects)
    done = subprocess.run([*words[:words.index("-o")], *made, *words[words.index("-o"):]], cwd=BUILD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return root


def ask(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def program(scratch):
    return str(scratch / "galileo")


def test_the_reader_takes_one_of_each(program, galileo, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(FILE)
    taken = ask(program, "run", path, "--dry-run")
    assert taken.returncode == 0, taken.stderr
    assert "sine" in taken.stdout and "hourly" in taken.stdout, taken.stdout
    refused = ask(galileo, "run", path, "--dry-run")  # which has none of them
    assert refused.returncode == 2
    for word in ("PlainRouter", "as_first", "hourly", "tide", "moon", "twice_failed"):
        assert word in refused.stderr, word


def test_a_key_that_is_left_out_is_missed(program, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(FILE.replace(", between_tides: 6h", ""))
    assert "rate.between_tides is missing for the shape tide" in ask(program, "run", path, "--dry-run").stderr


def test_a_command_and_a_database_are_found(program):
    assert ask(program, "hello").stdout == "hello\n"
    listed = ask(program, "exp", "ls", "--db", "nowhere:")
    assert listed.returncode == 1 and "nothing is kept nowhere" in listed.stderr, listed.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--help"], ["hello"]),
    (["load", "--help-arrivals"], ["hourly", "tide", "max_rps, between_tides"]),
    (["load", "--help-thresholds"], ["twice_failed", "moon/<phase> (%)"]),
    (["telemd", "--list"], ["moon/<phase> (%)", "how full the moon is"]),
    (["gateway", "--help"], ["as_first"]),
    (["help", "routers"], ["PlainRouter"]),
    (["help", "databases"], ["nowhere"]),
], ids=lambda one: " ".join(one))
def test_the_help_lists_one_of_each(program, galileo, arguments, words):
    shown, before = ask(program, *arguments), ask(galileo, *arguments)
    assert shown.returncode == before.returncode == 0, shown.stderr
    for word in words:
        assert word in shown.stdout and word not in before.stdout


def test_the_schema_and_the_documentation_get_one_of_each(program, scratch):
    file = yaml.safe_load(FILE)
    path = scratch / "schema/experiment.schema.json"
    assert list(jsonschema.Draft202012Validator(json.loads(path.read_text())).iter_errors(file))
    script = [sys.executable, ROOT / "scripts/tables.py", "--program", program, "--root", scratch]
    assert subprocess.run([*script, "--check"], capture_output=True).returncode == 1
    subprocess.run(script, check=True, capture_output=True)
    assert subprocess.run([*script, "--check"], capture_output=True).returncode == 0
    assert not list(jsonschema.Draft202012Validator(json.loads(path.read_text())).iter_errors(file))
    pages = "".join(page.read_text() for page in (scratch / "docs").rglob("*.md"))
    for word in ("`hello`", "`hourly`", "`tide`", "`as_first`", "`PlainRouter`", "`nowhere`", "`moon`", "`twice_failed`"):
        assert word in pages, word
    keys = (scratch / "python/galileo/keys.py").read_text()
    for word in ('"hourly"', '"tide"', '"as_first"', '"PlainRouter"', '"moon"'):
        assert word in keys, word


def test_what_is_committed_is_what_the_program_says(galileo):
    """The schema, the documentation and Python's types; `make tables` mends them."""
    told = subprocess.run([sys.executable, ROOT / "scripts/tables.py", "--check", "--program", galileo], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout[-3000:]
