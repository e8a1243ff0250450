"""The wheels themselves: that their names are true, that they need nothing but a C library and a Python, and that they work
where nothing else is."""
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import debian_root
import galileo
import mysql_server
import pytest
import python_environment
from conftest import free_port, make_database, target
from python_package import AUDITED_WITH
from redis_server import Redis

PACKAGE = Path(galileo.__file__).parent
WHEELS = Path(sys.prefix).parent / "wheels"
# What every Linux with this C library has.
OF_THE_MACHINE = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2", "ld-linux-x86-64.so.2",
                  "ld-linux-aarch64.so.1"}
READ = """
import sys
from galileo import frames
print(frames.open(sys.argv[1]).traces("last", to="arrow").rows)
"""


def wheel(kind):
    found = list(WHEELS.glob(f"*-{kind}-*.whl"))
    if not found:
        pytest.skip((WHEELS / "without").read_text().strip() if (WHEELS / "without").exists() else f"there are no wheels in {WHEELS}")
    return found[0]


def test_the_wheel_for_newer_pythons_uses_the_stable_interface_alone():
    python, why_not = python_environment.find("abi3audit-python", "what looks at the stable interface", AUDITED_WITH)
    if why_not:
        pytest.skip(why_not)
    done = subprocess.run([python, "-m", "abi3audit", "--strict", "--report", wheel("cp312-abi3")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    audited = [one["result"] for one in next(iter(json.loads(done.stdout)["specs"].values()))["wheel"]]
    assert audited and all(one["is_abi3"] and one["is_abi3_baseline_compatible"] for one in audited), audited


@pytest.mark.parametrize("version", python_environment.newer() or [(3, 12)], ids=lambda version: ".".join(map(str, version)))
def test_the_wheel_for_newer_pythons_reads_there(version, tmp_path):
    made = wheel("cp312-abi3")
    newer = python_environment.newer()[version]
    subprocess.run([newer, "-m", "venv", "--without-pip", tmp_path / "lab"], check=True, timeout=120)
    python = tmp_path / "lab/bin/python"
    subprocess.run([newer, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", made],
                   check=True, timeout=120)
    done = subprocess.run([python, "-c", READ, make_database(tmp_path / "old.sqlite")], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("21\n", "")


WORKS = """
import sys, galileo
from galileo import errors, frames
from galileo.shell import shell
import galileodb.model, galileojp, pymq, requestgen
at = "127.0.0.1:" + sys.argv[1]
made = galileo.Experiment(name="x", applications=[{"name": "t", "command": ["galileo", "target", "--listen", at], "ready": at}], services={"t": {"hosts": [at]}},
                          clients=[{"service": "t", "rate": 100, "requests": 50}])
result = made.run(db="/tmp/x.sqlite")
names = shell.init(standalone=True)
print(".".join(map(str, sys.version_info[:2])), result.traces(to="arrow").rows, len(names["g"].workers()))
names["g"].ctrl.close()
try:
    frames.open("/tmp/x.sqlite").traces("no", to="arrow")
except errors.NotFoundError as error:
    print(error.what)
"""


@pytest.mark.parametrize("version", debian_root.NEWEST)
def test_the_wheel_for_newer_pythons_works_on_the_newest(version, tmp_path):
    """Those of Debian's next, where nothing else is; runs, frames, the shell and the old names, without a warning."""
    made = wheel("cp312-abi3")
    root, why_not = debian_root.newest_root()
    if why_not:
        pytest.skip(why_not)
    # As pip there would choose it, by its name.
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target", tmp_path / "lab",
                    "--python-version", version, "--implementation", "cp", "--abi", "abi3", "--only-binary=:all:",
                    "--platform", re.search(r"manylinux_2_\d+_\w+(?=\.whl)", made.name)[0], made], check=True, timeout=120)
    done = debian_root.run(root, tmp_path, f"python{version}", "-W", "error", "-c", WORKS, free_port(), PYTHONPATH="/mnt/lab:/mnt/lab/galileo_old_names", HOME="/tmp",
                           PYTHONDONTWRITEBYTECODE="1")
    assert (done.stdout, done.stderr) == (f"{version} 50 1\nthere is no experiment 'no'\n", "")


def test_what_the_program_needs_comes_along():
    carried = {path.name for path in (PACKAGE / "lib").iterdir()}
    for path in [PACKAGE / "bin/galileo", *(PACKAGE / "lib").glob("**/*.so*")]:
        said = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True, check=True).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", said))
        assert needed <= carried | OF_THE_MACHINE, path
    loaded = subprocess.run(["ldd", PACKAGE / "bin/galileo"], capture_output=True, text=True, check=True).stdout
    for name, where in re.findall(r"(\S+) => (\S+)", loaded):
        assert name in OF_THE_MACHINE or Path(where).resolve().parent == PACKAGE / "lib", loaded
    assert {"caching_sha2_password.so", "client_ed25519.so", "sha256_password.so"} <= {path.name for path in (PACKAGE / "lib/mariadb").iterdir()}


def test_the_licences_of_what_comes_along_do_too():
    """By the packages of Debian's that it is of; each says something, and texts that Debian keeps apart are there too."""
    licences = {path.name: path.locate().read_text(errors="replace") for path in importlib.metadata.files("galileo-lab") if "licenses" in path.parts}
    for name in ("LICENSE", "libssl3.txt", "libmariadb3.txt", "libnl-3-200.txt", "libstdc++6.txt", "nlohmann-json3-dev.txt", "nanobind.txt", "uplot.txt",
                 "LGPL-2.1.txt", "GPL-3.txt"):
        assert "opyright" in licences[name], name
    assert len(licences) >= len(list((PACKAGE / "lib").glob("lib*")))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """call(words…) runs a command in an empty Debian in which the package is installed; its folder /mnt is `call.folder`."""
    root, why_not = debian_root.root()
    if why_not:
        pytest.skip(why_not)
    made = wheel("cp311-cp311")
    folder = tmp_path_factory.mktemp("empty")
    shutil.copy(made, folder)

    def call(*words, **more):
        return debian_root.run(root, folder, *words, **more)

    assert call("sh", "-c", "command -v gcc cc c++ cmake; ls /usr/lib/*/ | grep -E 'libfmt|libmariadb|libspdlog|libyaml-cpp|libhiredis|libnl-genl'").stdout == ""
    for command in (["python3", "-m", "venv", "/mnt/lab"],
                    ["/mnt/lab/bin/pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", f"/mnt/{made.name}"]):
        done = call(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    call.folder = folder
    call.program = "/mnt/lab/lib/python3.11/site-packages/galileo/bin/galileo"
    call.python = "/mnt/lab/bin/python"
    return call


def test_in_an_empty_debian_it_measures_and_reads(empty):
    with target() as url:
        done = empty(empty.program, "load", f"{url}/", "-n", 40, "-q", "--db", "/mnt/run.sqlite")
    assert done.returncode == 0, done.stdout + done.stderr
    done = empty(empty.python, "-c", READ, "/mnt/run.sqlite")
    assert (done.stdout, done.stderr) == ("40\n", "")


@pytest.fixture
def certificates(empty):
    """An authority (ca.pem) and a server's certificate by it, in the folder /mnt."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=empty.folder, check=True, capture_output=True, timeout=60)
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(*new, "-x509", "-subj", "/CN=lab", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (empty.folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")
    return empty.folder


def test_in_an_empty_debian_the_bus_is_reached_over_tls(empty, certificates, tmp_path):
    port = free_port()
    server = Redis(tmp_path, free_port(), more=["--tls-port", port, "--tls-cert-file", certificates / "server.pem", "--tls-key-file", certificates / "server.key",
                                                "--tls-ca-cert-file", certificates / "ca.pem", "--tls-auth-clients", "no"])
    try:
        words = [empty.program, "rtbl", "ls", "--json", "--bus", f"rediss://127.0.0.1:{port}"]
        told, found, strange = (empty(*words, SSL_CERT_FILE="/mnt/ca.pem"), empty(*words, authorities=certificates / "ca.pem"), empty(*words))
    finally:
        server.kill()
        server.log.close()
    assert (told.returncode, told.stdout) == (0, "[]\n"), told
    assert (found.returncode, found.stdout) == (0, "[]\n"), found
    assert strange.returncode != 0 and "certificate" in strange.stderr, strange


def test_in_an_empty_debian_users_log_in_by_caching_sha2_password_and_over_tls(empty, certificates, tmp_path):
    try:
        mysql_server.mysql_root()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"MySQL can't be had: {error}")
    server = mysql_server.MySql(tmp_path)
    try:
        plain = server.database()
        with target() as url:
            done = empty(empty.program, "load", f"{url}/", "-n", 40, "-q", "--db", plain, "--spool", "/mnt/spool")
        assert done.returncode == 0, done.stdout + done.stderr
        assert empty(empty.python, "-c", READ, plain).stdout == "40\n"
        server.sql(f"SET GLOBAL ssl_ca = '{certificates}/ca.pem'; SET GLOBAL ssl_cert = '{certificates}/server.pem'; "
                   f"SET GLOBAL ssl_key = '{certificates}/server.key'; ALTER INSTANCE RELOAD TLS; ALTER USER '{mysql_server.USER}'@'%' REQUIRE SSL")
        secret = f"{plain}?tls=yes"
        told = empty(empty.python, "-c", READ, secret, SSL_CERT_FILE="/mnt/ca.pem")
        found = empty(empty.python, "-c", READ, secret, authorities=certificates / "ca.pem")
        strange = empty(empty.python, "-c", READ, secret)
    finally:
        server.stop()
    assert (told.stdout, found.stdout) == ("40\n", "40\n"), (told, found)
    assert "certificate" in strange.stderr, strange
