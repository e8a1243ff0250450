"""Container images without a registry or an engine: an archive in Docker's format, with one layer."""
import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOTFS = Path(__file__).resolve().parents[2] / "deployment/image/rootfs.sh"


def libraries_of(program):
    """What the loader would load for it, itself included; nothing for a static one."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", told)]


class Layer:
    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.GNU_FORMAT)
        self.names = set()
        for folder in ("bin", "etc", "proc", "sys", "dev", "tmp"):
            self.folder(folder)

    def folder(self, name):
        if name in ("", ".") or name in self.names:
            return
        self.folder(str(Path(name).parent))
        self.names.add(name)
        entry = tarfile.TarInfo(name)
        entry.type = tarfile.DIRTYPE
        entry.mode = 0o1777 if name == "tmp" else 0o755
        self.tar.addfile(entry)

    def file(self, source, name):
        name = name.strip("/")
        if name in self.names:
            return
        self.folder(str(Path(name).parent))
        self.names.add(name)
        content = Path(source).read_bytes()
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o755
        self.tar.addfile(entry, io.BytesIO(content))

    def program(self, source, name):
        self.file(source, name)
        for library in libraries_of(source):
            self.file(library, str(library))

    def tree(self, root):
        for path in sorted(Path(root).rglob("*")):
            add = self.folder if path.is_dir() else lambda name, path=path: self.file(path, name)
            add(str(path.relative_to(root)))

    def link(self, name, target):
        entry = tarfile.TarInfo(name.strip("/"))
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(entry)

    def whole(self):
        self.tar.close()
        return self.bytes.getvalue()


def write_image(path, name, layer, entrypoint=()):
    """`layer` as the image `name` ("galileo.test/pause:1"), in the archive `path`."""
    content = layer.whole()
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": list(entrypoint), "Env": ["PATH=/bin:/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]},
    }).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        for file, data in ((config_name, config), ("layer.tar", content), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(file)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def pause_image(path, name):
    program = path.with_suffix(".bin")
    subprocess.run(["gcc", "-static", "-Os", "-s", "-o", program, Path(__file__).parent / "pause.c"], check=True)
    layer = Layer()
    layer.program(program, "/pause")
    return write_image(path, name, layer, ["/pause"])


def busybox_image(path, name):
    layer = Layer()
    layer.program("/bin/busybox", "/bin/busybox")
    for applet in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            layer.link(f"/bin/{applet}", "busybox")
    return write_image(path, name, layer)


def programs_image(path, name, *programs):
    """Programs of this machine with their libraries, where they lie here; the user says which is started."""
    layer = Layer()
    for program in programs:
        layer.program(program, str(program))
    return write_image(path, name, layer)


def program_image(path, name, program):
    """The image of deployment/Dockerfile, of a program that is built already."""
    with tempfile.TemporaryDirectory() as root:
        subprocess.run([ROOTFS, program, root], check=True)
        layer = Layer()
        layer.tree(root)
    return write_image(path, name, layer, ["/bin/galileo"])
