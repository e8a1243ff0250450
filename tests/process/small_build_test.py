"""A program without the databases of src/store/drivers.def: what telemd and worker need on a small machine. Only the store
room is built anew; the program is linked from it and the other rooms of the build that is tested, by the small build's own
words to the linker."""
import os
import re
import subprocess

import pytest
from conftest import ROOT

PRESET = os.environ.get("GALILEO_PRESET", "release")
LIBRARIES = ("sqlite3", "mariadb")


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def configure(folder, stores):
    # Without the order of libraries that need not be there to make one of them, and file by file: that is asked for below.
    return subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                           f"-DGALILEO_STORES={stores}", "-DCMAKE_OPTIMIZE_DEPENDENCIES=ON", "-DGALILEO_BATCHES=OFF"],
                          capture_output=True, text=True, timeout=120)


def link(folder, program):
    return run(["ninja", "-C", folder, "-t", "commands", program]).splitlines()[-1]


@pytest.mark.skipif(PRESET != "release", reason="one build is linked, and that is the release")
def test_a_program_without_databases_links_needs_no_library_of_theirs_and_says_what_it_lacks(tmp_path):
    done = configure(tmp_path / "build", "")
    assert done.returncode == 0, done.stderr
    run(["cmake", "--build", tmp_path / "build", "--target", "galileo_store", "-j", "2"])
    program = tmp_path / "galileo"
    command = link(tmp_path / "build", "galileo")
    assert not [name for name in LIBRARIES if name in command], command
    command = command.replace("libgalileo_store.a", str(tmp_path / "build/libgalileo_store.a"))
    command = re.sub(r" -o \S+", f" -o {program}", command)
    run(["sh", "-c", command], cwd=ROOT / "build" / PRESET)
    needed = run(["readelf", "-d", program])
    assert "libssl" in needed and not [name for name in LIBRARIES if name in needed], needed
    for name in ("telemd", "worker"):
        assert name in run([program, name, "--help"])
    assert run([program, "help", "databases"]).strip().count("\n") < 3
    for database, told in (("kept.sqlite", "without sqlite"), ("sqlite:kept.sqlite", "without sqlite"), ("mysql://me:secret@127.0.0.1/lab", "without mysql"),
                           ("influxdb://:secret@127.0.0.1/lab", "without influxdb"), ("mixed:mysql:,influxdb:", "without mixed")):
        refused = subprocess.run([program, "exp", "ls", "--db", database], cwd=tmp_path, capture_output=True, text=True, timeout=20)
        assert refused.returncode == 2 and told in refused.stderr and "-DGALILEO_STORES=all" in refused.stderr, refused
        assert "secret" not in refused.stderr
    assert not (tmp_path / "kept.sqlite").exists()


def test_a_build_has_the_databases_that_it_is_told_and_knows_no_others(tmp_path):
    done = configure(tmp_path / "build", "sqlite;mixed")
    assert done.returncode == 0, done.stderr
    command = link(tmp_path / "build", "galileo")
    assert "sqlite3" in command and "mariadb" not in command, command
    sources = run(["ninja", "-C", tmp_path / "build", "-t", "inputs", "libgalileo_store.a"])
    built = set(re.findall(r"/store/(sqlite|mysql|influxdb|mixed)(?:_\w+)?\.cc", sources))
    assert built == {"sqlite", "mixed"}
    unknown = configure(tmp_path / "build", "postgres")
    assert unknown.returncode != 0 and "postgres" in unknown.stderr and "sqlite" in unknown.stderr
