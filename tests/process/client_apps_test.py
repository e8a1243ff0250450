"""Client apps as files: `galileo app ls | deploy | rm | new --client`, the folder of apps and a repository as the old one."""
import json
import os
import zipfile

import pytest
from app_repository import AppRepository

GENERATOR = "def next_request():\n    return 'get', '/', None\n"


@pytest.fixture
def repository(tmp_path):
    server = AppRepository(tmp_path / "store")
    yield server
    server.stop()


def write_app(folder, name, **more):
    folder.mkdir(parents=True)
    (folder / "manifest.yml").write_text(f"name: {name}\n")
    (folder / "generator.py").write_text(GENERATOR)
    for path, text in more.items():
        (folder / path).write_text(text)
    return folder


@pytest.mark.quick
def test_an_app_is_made_deployed_listed_and_removed(run, tmp_path):
    made = run("app", "new", "my uploads", "--client", "--path", "mine")
    assert made.code == 0 and made.out.split("\n")[:2] == ["mine/my uploads/manifest.yml", "mine/my uploads/generator.py"], made
    compile((tmp_path / "mine/my uploads/generator.py").read_text(), "generator.py", "exec")
    again = run("app", "new", "my uploads", "--client", "--path", "mine")
    assert again.code == 2 and "is there already" in again.err, again
    assert run("app", "ls").out == ""
    assert run("app", "deploy", "mine/my uploads").code == 0
    assert (tmp_path / "apps/my uploads/generator.py").read_text() == (tmp_path / "mine/my uploads/generator.py").read_text()
    # Another version takes its place, and what was only in the old one is gone.
    (tmp_path / "apps/my uploads/old").write_text("")
    assert run("app", "deploy", "--path", "mine/my uploads").code == 0
    assert sorted(os.listdir(tmp_path / "apps/my uploads")) == ["generator.py", "manifest.yml"]
    listed = run("app", "ls", "--json")
    assert json.loads(listed.out) == [{"name": "my uploads", "folder": "my uploads", "path": str(tmp_path / "apps/my uploads")}], listed
    assert "my uploads" in run("app", "ls").out
    assert run("app", "rm", "my uploads").code == 0
    assert os.listdir(tmp_path / "apps") == []
    gone = run("app", "rm", "my uploads")
    assert gone.code != 0 and "there is no client app 'my uploads'" in gone.err, gone


@pytest.mark.quick
@pytest.mark.parametrize("by", ["--repository", "galileo_apps_repository", "galileo_api_url"])
def test_a_repository_takes_lists_and_removes_apps(run, tmp_path, repository, by):
    write_app(tmp_path / "resnet", "resnet", data="x" * 10000)
    url = repository.url + ("/api" if by == "galileo_api_url" else "")
    flags, env = (["--repository", url], None) if by == "--repository" else ([], {by: url})
    assert run("app", "deploy", "resnet", *flags, env=env).code == 0
    with zipfile.ZipFile(tmp_path / "store/resnet.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["data", "generator.py", "manifest.yml"]
        assert archive.read("data") == b"x" * 10000
    assert not (tmp_path / "apps").exists()
    assert "resnet\trepository" in run("app", "ls", *flags, env=env).out
    assert run("app", "rm", "resnet", *flags, env=env).code == 0
    assert os.listdir(tmp_path / "store") == []
    gone = run("app", "rm", "resnet", *flags, env=env)
    assert gone.code != 0 and "there is no client app 'resnet'" in gone.err, gone


@pytest.mark.quick
def test_a_zip_made_elsewhere_is_deployed_and_a_wrong_one_isnt(run, tmp_path):
    with zipfile.ZipFile(tmp_path / "good.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.yml", "name: good\n")
        archive.writestr("generator.py", GENERATOR)
    assert run("app", "deploy", "good.zip").code == 0
    assert (tmp_path / "apps/good/generator.py").read_text() == GENERATOR
    for name, files, why in [("out", {"manifest.yml": "name: out\n", "../../evil": "x"}, "'..'"),
                             ("inner", {"inner/manifest.yml": "name: inner\n"}, "this is no app"),
                             ("up", {"manifest.yml": "name: ../up\n"}, "no client app is called"),
                             ("none", {"manifest.yml": "title: none\n"}, "it has no name")]:
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        done = run("app", "deploy", f"{name}.zip")
        assert done.code != 0 and why in done.err, done
    (tmp_path / "text.zip").write_text("hello")
    done = run("app", "deploy", "text.zip")
    assert done.code != 0 and "neither zip nor tar" in done.err, done
    assert os.listdir(tmp_path / "apps") == ["good"] and not (tmp_path / "evil").exists()


@pytest.mark.quick
def test_a_folder_that_is_no_app_is_neither_deployed_nor_removed(run, tmp_path):
    (tmp_path / "apps/photos").mkdir(parents=True)
    (tmp_path / "apps/photos/a.jpg").write_text("x")
    for arguments, why in [(["deploy", "apps/photos"], "it has no manifest.yml"), (["deploy", "nowhere"], "nowhere"), (["deploy"], "neither a folder nor a zip"),
                           (["rm", "photos"], "it has no manifest.yml"), (["rm", "../apps"], "no client app is called")]:
        done = run("app", *arguments)
        assert done.code != 0 and why in done.err, done
    assert (tmp_path / "apps/photos/a.jpg").exists()


@pytest.mark.quick
def test_a_repository_that_isnt_there_is_told(run, tmp_path, port):
    write_app(tmp_path / "a", "a")
    for arguments in (["ls"], ["deploy", "a"], ["rm", "a"]):
        done = run("app", *arguments, "--repository", f"http://127.0.0.1:{port}")
        assert done.code != 0 and "can't reach the app repository" in done.err and str(port) in done.err, done
