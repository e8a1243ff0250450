"""`galileo app new`: what it makes is examples/extension, under another name."""
import ast
import json
import os
import stat

import pytest
from conftest import ROOT

EXAMPLE = ROOT / "examples/extension"
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", "build"}


def files_of(folder):
    """{path: (bytes, may be run)}"""
    return {str(path.relative_to(folder)): (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR)) for path in sorted(folder.rglob("*"))
            if path.is_file() and not LEFT_OUT & set(path.parts) and not any(part.endswith(".egg-info") for part in path.parts)}


@pytest.mark.quick
def test_the_example_is_what_it_makes_byte_for_byte(run, tmp_path):
    done = run("app", "new", "hello", "--path", "project")
    assert done.code == 0, done
    made = files_of(tmp_path / "project")
    assert made == files_of(EXAMPLE)
    assert sorted(done.out.splitlines()) == sorted(f"project/{path}" for path in made)
    assert made["bin/start-jupyter.sh"][1] and not made["bin/.env"][1]


@pytest.mark.quick
def test_a_second_application_leaves_the_project_as_it_is(run, tmp_path):
    assert run("app", "new", "first").code == 0
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "bin/.env").unlink()
    before = files_of(tmp_path)
    done = run("app", "new", "mobilenet2", "--json")
    assert done.code == 0, done
    made = files_of(tmp_path)
    new = {path: content for path, content in made.items() if path not in before}
    assert sorted(json.loads(done.out)) == sorted(f"./{path}" for path in new)
    assert {path for path in new if "mobilenet2" not in path} == {"bin/.env"}
    assert {path: made[path] for path in before} == before
    for path, (content, _) in new.items():
        assert b"hello" not in content.lower() and b"first" not in content.replace(b"first line", b""), path
        if path.endswith(".py"):
            ast.parse(content)
    assert b"class Mobilenet2Application" in new["galileoexperimentsextensions/mobilenet2/app.py"][0]
    # Its own files are never written over.
    app = tmp_path / "galileoexperimentsextensions/mobilenet2/app.py"
    app.write_text("mine")
    before = files_of(tmp_path)
    done = run("app", "new", "mobilenet2")
    assert done.code == 2 and "'mobilenet2' is there already" in done.err and "nothing was written" in done.err, done
    assert files_of(tmp_path) == before


@pytest.mark.quick
@pytest.mark.parametrize("name", ["", "Hello", "my-app", "my_app", "2fast", "../up", "a/b", "a b", "x" * 41, "class", "hällo", "a\nb"])
def test_a_name_that_can_be_no_module_and_no_path_is_refused(run, tmp_path, name):
    done = run("app", "new", name)
    assert done.code == 2 and "can't be called" in done.err and os.listdir(tmp_path) == [], done


def test_a_folder_that_cant_be_written_to_is_told(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("app", "new", "hello", "--path", "file/below")
    assert done.code == 1 and "file" in done.err, done
