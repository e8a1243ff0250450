#!/usr/bin/env python3
"""Packs a program of ours for Debian 12: galileo_VERSION_ARCHITECTURE.deb, beside it what it is made of (CycloneDX), and SHA256SUMS.

scripts/package.py --program build/release/galileo --output build/packages [--architecture arm64 --sysroot FOLDER --runner 'qemu-…']

The same commit and program give the same bytes: all times are the commit's (or SOURCE_DATE_EPOCH), all files are root's and in the order
of their names. What a package depends on is read from the program: the libraries that it names, which Debian package has each, and since which version what it uses of it.
"""
import argparse
import gzip
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from urllib.parse import quote

import manuals

ROOT = Path(__file__).resolve().parent.parent
TOOLS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}
# Of these only headers are used: their code is in the program itself.
HEADERS = ["libcli11-dev", "libexpected-dev", "nlohmann-json3-dev"]
POSTINST = """#!/bin/sh
set -e
if [ "$1" = configure ]; then
  if command -v systemd-sysusers >/dev/null; then systemd-sysusers galileo.conf; fi
  # Nothing is started: which parts a machine has is for its owner to say.
  if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
fi
"""
POSTRM = """#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
"""
# A part that runs is asked to end before its program goes; after an upgrade it is started again by the machine's owner.
PRERM = """#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop 'galileo-*.service' || true; fi
"""
ENVIRONMENT = """# Variables of all parts of Galileo on this machine, NAME=VALUE a line; those of one part may stand in its own file beside
# this one, as /etc/galileo/worker.env, and go over these. OPTIONS="--status 127.0.0.1:18081" there says what no variable does.
# systemd reads it as root, and nobody else can.
#galileo_redis_host=controller
#galileo_redis_port=6379
"""


def said(*command):
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True, timeout=120).stdout


def commit_time():
    return int(os.environ.get("SOURCE_DATE_EPOCH") or said("git", "-C", ROOT, "log", "-1", "--format=%ct").strip())


def libraries(program):
    """The names of those that the program is linked with, as libz.so.1."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", said("readelf", "-d", program))


def name_and_version(soname):
    """As shlibs files have them: libz.so.1 is libz 1, libfoo-1.2.so is libfoo 1.2."""
    match = re.fullmatch(r"(.+)\.so\.(.+)", soname) or re.fullmatch(r"(.+)-(\d[^/]*)\.so", soname)
    return (match[1], match[2]) if match else (soname, "")


def rows_of(path):
    """(library, version) -> what depends on it writes, of a file of shlibs; others' rows, as installers', have a kind before them."""
    rows = (line.split(None, 2) for line in path.read_text().splitlines())
    return {(row[0], row[1]): row[2].strip() for row in rows if len(row) == 3 and not row[0].endswith(":")}


def owners_here(program):
    """Library -> the file of shlibs of the package that has what the loader takes on this machine, where several have one of that name."""
    paths = dict(re.findall(r"^\s*(\S+) => (/\S+) \(", said("ldd", program), re.M))
    owners = {}
    for soname, path in paths.items():
        # Debian 12 has one tree under two names, and its packages say either.
        real = os.path.realpath(path)
        for name in (real, real.removeprefix("/usr")):
            done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, timeout=60)
            if done.returncode == 0:
                package = done.stdout.split(": ")[0].split(", ")[0]
                files = [Path("/var/lib/dpkg/info") / f"{one}.shlibs" for one in (package, package.split(":")[0])]
                owners[soname] = next((file for file in files if file.exists()), None)
                break
    return owners


def used_symbols(program):
    """Those that it wants of libraries, as "malloc@GLIBC_2.2.5"; "@Base" where they have no version."""
    found = re.findall(r"\bUND (\S+?)(?:@(\S+))?(?: \(\d+\))?$", said("readelf", "-W", "--dyn-syms", program), re.M)
    return {f"{name}@{version or 'Base'}" for name, version in found}


def later(one, other):
    return one if subprocess.run(["dpkg", "--compare-versions", one, "gt", other], timeout=60).returncode == 0 else other


def by_symbols(path, soname, used):
    """What depends on the library writes who uses these symbols of it: no later version than the one in which the last of them came.
    None where the package doesn't say when its symbols came, or none of them is used."""
    template, least, here = None, "", False
    for line in path.read_text().splitlines() if path.exists() else []:
        if line[:1] not in (" ", "*", "|"):
            here = line.split()[0] == soname
            template = line.split(None, 1)[1] if here else template
        elif here and line.startswith(" ") and (words := line.split())[0] in used:
            # A third word is the number of another template, which a few libraries have.
            least = later(words[1], least) if least else words[1]
    if template is None or not least:
        return None
    return template.replace("#MINVER#", f"(>= {least})")


def packages_of(program, sysroot):
    """Library -> (the package that has it, what depends on it writes: "libc6 (>= 2.34)"). An error where nobody has it."""
    if sysroot:
        files = {key: path for path in sorted((Path(sysroot) / "shlibs").glob("*.shlibs")) for key in rows_of(path)}
        owners = {soname: files.get(name_and_version(soname)) for soname in libraries(program)}
    else:
        owners = owners_here(program)
    needed, used = {}, used_symbols(program)
    for soname in libraries(program):
        path = owners.get(soname)
        depends = path and (by_symbols(path.with_suffix(".symbols"), soname, used) or rows_of(path).get(name_and_version(soname)))
        if not depends:
            sys.exit(f"package: no Debian package says that it has {soname}, which {program} needs; it can't be packed for others")
        needed[soname] = path.stem.split(":")[0], depends
    return needed


def narrowed(rows):
    """Several libraries of one package: the latest version that one of them wants."""
    least = {}
    for row in rows:
        for part in row.split(","):
            name, _, version = part.strip().partition(" ")
            version = version.removeprefix("(>= ").removesuffix(")")
            least[name] = version if not least.get(name) else later(version, least[name]) if version else least[name]
    return [f"{name} (>= {version})" if version else name for name, version in sorted(least.items())]


def version_of(package, sysroot):
    """The version that it was linked with."""
    if sysroot:
        # Files of apt: a colon of the version is written %3a, one of its parts may hold an underscore of its own.
        for line in (Path(sysroot) / "packages").read_text().splitlines():
            name, version, _ = line.split("_", 2)
            if name == package:
                return version.replace("%3a", ":")
        return ""
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}\n", package], capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout else ""


def put(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)


def packed(text):
    """gzipped, without a name and a time."""
    return gzip.compress(text if isinstance(text, bytes) else text.encode(), 9, mtime=0)


def fill(stage, program, options):
    """All but DEBIAN/."""
    (stage / "usr/bin").mkdir(parents=True)
    tool = f"{TOOLS[options.architecture]}-strip"
    subprocess.run([tool if shutil.which(tool) else "strip", "--strip-all", "-o", stage / "usr/bin/galileo", program], check=True, timeout=120)
    (stage / "usr/bin/galileo").chmod(0o755)
    for name, text in manuals.made([*shlex.split(options.runner), str(program)]).items():
        page = name.startswith("share/man/")
        put(stage / "usr" / (name + ".gz" * page), packed(text) if page else text)
    for unit in sorted((ROOT / "deployment/systemd").glob("*.service")):
        put(stage / "usr/lib/systemd/system" / unit.name, unit.read_bytes())
    put(stage / "usr/lib/sysusers.d/galileo.conf", (ROOT / "deployment/systemd/galileo.sysusers").read_bytes())
    put(stage / "etc/galileo/galileo.env", ENVIRONMENT, 0o640)
    put(stage / "usr/share/doc/galileo/copyright", (ROOT / "LICENSE").read_bytes())
    put(stage / "usr/share/doc/galileo/changelog.gz", packed((ROOT / "CHANGELOG.md").read_bytes()))
    for schema in sorted((ROOT / "schema").glob("*.json")):
        put(stage / "usr/share/galileo/schema" / schema.name, schema.read_bytes())
    for name in said("git", "-C", ROOT, "ls-files", "examples").splitlines():
        put(stage / "usr/share/doc/galileo" / name, (ROOT / name).read_bytes(), 0o755 if os.access(ROOT / name, os.X_OK) else 0o644)


def control(stage, version, depends, options):
    files = sorted(path for path in stage.rglob("*") if path.is_file())
    size = sum((path.stat().st_size + 1023) // 1024 for path in files)
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(stage)}" for path in files]
    put(stage / "DEBIAN/md5sums", "\n".join(sums) + "\n")
    put(stage / "DEBIAN/conffiles", "/etc/galileo/galileo.env\n")
    for name, text in (("postinst", POSTINST), ("postrm", POSTRM), ("prerm", PRERM)):
        put(stage / "DEBIAN" / name, text, 0o755)
    put(stage / "DEBIAN/control", "\n".join([
        "Package: galileo", f"Version: {version}", f"Architecture: {options.architecture}", "Maintainer: Galileo <galileo@localhost>",
        "Section: net", "Priority: optional", f"Installed-Size: {size}", f"Depends: {', '.join(depends)}",
        "Recommends: ca-certificates", "Suggests: python3, redis-server, iproute2",
        "Description: load-testing experiments with fine-grained telemetry",
        " Runs experiments of an exact schedule on one machine or a fleet, records each",
        " request and what the machines did meanwhile, and says whether its own figures",
        " may be believed. Has units for systemd for the parts of a laboratory, none of",
        " which is started by itself.", ""]))


def material(version, needed, options):
    """The document of what is in it and what it needs, by CycloneDX 1.5."""
    parts = {package: "required" for package, _ in needed.values()}
    parts |= {package: "in it" for package in HEADERS}
    components = []
    for package in sorted(parts):
        there = version_of(package, options.sysroot)
        if not there:
            sys.exit(f"package: the version of {package} isn't known, so that what the program is made of can't be said")
        reference = f"pkg:deb/debian/{quote(package, safe='')}@{quote(there, safe=':~')}?arch={options.architecture}&distro=bookworm"
        components.append({"type": "library", "bom-ref": reference, "name": package, "version": there, "purl": reference,
                           "properties": [{"name": "galileo:linked", "value": "by headers" if parts[package] == "in it" else "at run time"}]})
    ours = f"pkg:deb/galileo/galileo@{version}?arch={options.architecture}"
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
                "metadata": {"component": {"type": "application", "bom-ref": ours, "name": "galileo", "version": version, "purl": ours,
                                           "licenses": [{"license": {"id": "Apache-2.0"}}]}},
                "components": components,
                "dependencies": [{"ref": ours, "dependsOn": [one["bom-ref"] for one in components]}]}
    # The same document has the same number.
    text = json.dumps(document, sort_keys=True)
    return json.dumps({"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}", **document}, indent=2) + "\n"


def pack(options):
    program, when = Path(options.program).resolve(), commit_time()
    version = said(*shlex.split(options.runner), program, "--version").split()[-1]
    needed = packages_of(program, options.sysroot)
    depends = narrowed(row for _, row in needed.values())
    options.output.mkdir(parents=True, exist_ok=True)
    made = options.output / f"galileo_{version}_{options.architecture}.deb"
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "stage"
        fill(stage, program, options)
        control(stage, version, depends, options)
        for path in [stage, *stage.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (when, when))
        subprocess.run(["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", stage, made], check=True, timeout=300,
                       stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(when)})
    put(made.with_suffix(".cdx.json"), material(version, needed, options))
    there = sorted(path for path in options.output.iterdir() if path.name.startswith("galileo_"))
    put(options.output / "SHA256SUMS", "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in there))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--output", type=Path, default=ROOT / "build/packages")
    parser.add_argument("--architecture", choices=TOOLS, default="amd64")
    parser.add_argument("--sysroot", help="folder whose libraries it was linked with [this machine's]")
    parser.add_argument("--runner", default="", help="what runs it here: 'qemu-aarch64-static -L SYSROOT'")
    print(pack(parser.parse_args()))


if __name__ == "__main__":
    main()
