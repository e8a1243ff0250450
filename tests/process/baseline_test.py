"""A baseline in a file: bundled, compared, and refused where host, version, load or verdict forbid it."""
import json
import re
import shutil
import subprocess

import pytest
from conftest import SLOWER, accepts, free_port, wait_for


@pytest.fixture(scope="module")
def recorded(galileo, tmp_path_factory):
    """A folder with two runs of the same load in one database, and the first one's bundle."""
    folder = tmp_path_factory.mktemp("recorded")

    def call(*words):
        return subprocess.run([galileo, *words], cwd=folder, capture_output=True, text=True, timeout=60 * SLOWER)
    port = free_port()
    target = subprocess.Popen([galileo, "target", "--listen", f"127.0.0.1:{port}", "--delay", "2ms"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: accepts(port), "the target to listen")
        for _ in range(2):
            done = call("load", f"http://127.0.0.1:{port}/", "-r", "200", "-n", "600", "--seed", "3", "-q")
            assert done.returncode in (0, 90), done.stderr
    finally:
        target.kill()
        target.wait()
    assert call("exp", "bundle", "last~1", "-o", "b/base.json").returncode == 1, "the folder isn't there"
    (folder / "b").mkdir()
    done = call("exp", "bundle", "last~1", "-o", "b/base.json")
    assert done.returncode == 0 and "wrote b/base.json" in done.stderr
    return folder


@pytest.fixture
def two(recorded, tmp_path):
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    return tmp_path / "b/base.json"


def change(path, **facts):
    bundle = json.loads(path.read_text())
    metadata = json.loads(bundle["metadata"])
    for key, value in facts.items():
        if key in ("verdict", "version"):
            where = {"verdict": (metadata["verdict"], "value"), "version": (metadata["provenance"], "galileo_version")}[key]
            where[0][where[1]] = value
        else:
            metadata["provenance"]["host"][key] = value
    bundle["metadata"] = json.dumps(metadata)
    path.write_text(json.dumps(bundle))


def test_a_bundle_stands_for_its_experiment(run, two):
    assert two.stat().st_size < 600_000
    flags = ("--force",) if run("exp", "compare", "last~1", "last").code == 95 else ()  # a busy machine's verdict
    of_file, of_database = (run("exp", "compare", base, "last", "--json", *flags) for base in ("b/base.json", "last~1"))
    assert of_file.code == of_database.code and of_file.code in (0, 93)
    assert json.loads(of_file.out)["others"] == json.loads(of_database.out)["others"]
    text = run("exp", "compare", "b/base.json", "last", *flags).out
    assert re.search(r"noise, within which 95 of 100 pairs without a change lie: .*p50 ±\d", text), text
    # Two bundles need no database, and a folder without one.
    assert run("exp", "bundle", "last", "-o", "other.json").code == 0
    assert run("exp", "compare", "b/base.json", "other.json", "--db", "none/there.sqlite", *flags).code == of_file.code
    assert run("exp", "bundle", "last", "-o", "-").out == (two.parent.parent / "other.json").read_text()


@pytest.mark.parametrize("facts, said", [
    ({"hostname": "another-vm"}, "the host isn't the same: another-vm, and "),
    ({"cpu_model": "Other 9000"}, "its processor isn't the same: Other 9000, and "),
    ({"cpus": "96"}, "the number of its cores isn't the same: 96, and "),
    ({"version": "0.0.1"}, "galileo's version isn't the same: 0.0.1, and "),
    ({"verdict": "INVALID"}, " is INVALID"),
])
def test_what_isnt_comparable_has_a_code_of_its_own_and_says_what_to_do(run, two, facts, said):
    change(two, **facts)
    refused = run("exp", "compare", "b/base.json", "last")
    assert refused.code == 95 and refused.out == "", refused
    assert "not comparable: " in refused.err and said in refused.err
    assert "run both sides of the same load in one job" in refused.err and "galileo exp compare last~1 last" in refused.err
    forced = run("exp", "compare", "b/base.json", "last", "--force")
    assert forced.code in (0, 93) and said in forced.err


def test_what_is_no_bundle_says_so(run, two, tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "cut.json").write_text(two.read_text()[:-200])
    (tmp_path / "odd.json").write_text(two.read_text().replace(r'\"host\":', r'\"host\":5,\"was\":'))
    for word, code, said in (("a.json", 1, "a.json: it is another kind of file"), ("cut.json", 1, "cut.json: it is cut, or no JSON"),
                             ("odd.json", 1, "odd.json: its metadata can't be read whole"),
                             ("none.json", 1, "none.json"), ("b/base.json,b/base.json", 2, "named twice"), ("b", 2, "there is no experiment 'b'")):
        refused = run("exp", "compare", word, "last")
        assert refused.code == code and said in refused.err, refused
