"""Our Debian package: made twice, and installed in a Debian 12 that has nothing but what it depends on."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from debian_root import root_of

# What is written to the root goes to a folder of the test's own; the experiment's application is the program itself.
ENTER = """set -e
root=$1 over=$2; shift 2
mount --make-rprivate /
mkdir -p "$over/upper" "$over/work" "$over/all"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$over/upper,workdir=$over/work" "$over/all"
mount -t proc proc "$over/all/proc"
mount --rbind /dev "$over/all/dev"
ip link set lo up
exec chroot "$over/all" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -ec "$1"
"""


def pack(galileo, output):
    done = subprocess.run([sys.executable, ROOT / "scripts/package.py", "--program", galileo, "--output", output],
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def package(galileo, tmp_path_factory):
    if not shutil.which("dpkg-deb"):
        pytest.skip("no dpkg-deb here, which makes packages of Debian's")
    return pack(galileo, tmp_path_factory.mktemp("package"))


def sums(package):
    folder = os.path.dirname(package)
    with open(f"{folder}/SHA256SUMS") as file:
        return {name: digest for digest, name in (line.split() for line in file)}


def material(package):
    with open(package.removesuffix(".deb") + ".cdx.json") as file:
        return json.load(file)


def test_the_same_commit_gives_the_same_bytes(galileo, package, tmp_path):
    again = pack(galileo, tmp_path / "again")
    assert sums(again) == sums(package)
    for name, digest in sums(again).items():
        assert hashlib.sha256((tmp_path / "again" / name).read_bytes()).hexdigest() == digest


def test_each_file_is_the_systems_and_of_the_commits_time(package):
    commit = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%cd", "--date=format:%Y-%m-%d %H:%M"],
                            capture_output=True, text=True, check=True).stdout.strip() if "SOURCE_DATE_EPOCH" not in os.environ else None
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout.splitlines()
    names = [line.split()[5] for line in listed]
    assert names == sorted(names)
    assert all(line.split()[1] == "root/root" for line in listed)
    assert commit is None or {" ".join(line.split()[3:5]) for line in listed} == {commit}
    assert {"./usr/bin/galileo", "./usr/lib/systemd/system/galileo-telemd.service", "./usr/share/man/man1/galileo-run.1.gz",
            "./usr/share/bash-completion/completions/galileo"} <= set(names)


def test_what_it_is_made_of_names_each_library_with_its_version(package):
    document = material(package)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])
    names = {one["name"]: one["version"] for one in document["components"]}
    assert all(names.values())
    assert {"libc6", "libstdc++6", "libfmt9", "nlohmann-json3-dev"} <= set(names)


@pytest.mark.skipif(not shutil.which("dpkg-shlibdeps"), reason="no dpkg-shlibdeps here, Debian's own reader of what a program needs")
def test_what_it_depends_on_is_what_debians_own_tool_says(galileo, package, tmp_path):
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/control").write_text("Source: galileo\n")
    theirs = subprocess.run(["dpkg-shlibdeps", "-O", galileo], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True).stdout
    ours = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True).stdout
    assert set(ours.strip().split(", ")) == set(theirs.strip().removeprefix("shlibs:Depends=").split(", "))


def test_a_program_whose_libraries_no_package_has_is_not_packed(galileo, package, tmp_path):
    # As one is that was built against something of one's own: a library's name that Debian doesn't know, of the same length.
    strange = tmp_path / "galileo"
    with open(galileo, "rb") as file:
        content = file.read()
    assert b"libfmt.so.9\0" in content
    strange.write_bytes(content.replace(b"libfmt.so.9\0", b"libfnt.so.9\0"))
    strange.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1]); import package; package.packages_of(sys.argv[2], None)",
                           ROOT / "scripts", strange], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"no Debian package says that it has libfnt.so.9, which {strange} needs" in done.stderr


def test_it_installs_in_a_fresh_debian_and_runs_the_quick_start(package, tmp_path):
    needed = sorted(one["name"] for one in material(package)["components"] if one["properties"][0]["value"] == "at run time")
    name = f"debian-12-package-{hashlib.sha256(' '.join(needed).encode()).hexdigest()[:12]}"
    root, why = root_of(name, "bookworm", ",".join(needed))
    if root is None:
        pytest.skip(why)
    over = tmp_path / "over"
    (over / "upper/mnt").mkdir(parents=True)
    shutil.copy(package, over / "upper/mnt/galileo.deb")
    script = """dpkg -i /mnt/galileo.deb
cd /root
galileo --version
galileo run /usr/share/doc/galileo/examples/hello/experiment.yaml --set 'clients[0].requests=500' --report hello.html || echo "code $?"
galileo exp report last --output last.html
ls -l hello.html last.html galileo.sqlite
dpkg --verify galileo
dpkg -r galileo
test ! -e /usr/bin/galileo
echo all of it"""
    done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", ENTER, "sh", str(root), str(over), script],
                          capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and done.stdout.endswith("all of it\n"), done.stdout + done.stderr
    # A machine that is busy makes a truthful result INVALID or crosses a threshold: that is no fault of the package.
    assert set(re.findall(r"^code (\d+)$", done.stdout, re.M)) <= {"90", "99"}, done.stdout
    assert "ledger intended 1,500 = sent 1,500 + not sent 0" in done.stdout and "traces 1,500 = stored 1,500" in done.stdout, done.stdout
