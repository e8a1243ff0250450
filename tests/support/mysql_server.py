"""A MySQL of a test's own. Debian 12 has none: it comes, with the libraries that it is made for, from Debian's unstable
into the cache, and is started beside what is installed without touching it. Whatever version is there is taken."""
import collections
import functools
import itertools
import lzma
import os
import pwd
import re
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

from conftest import free_port
from mariadb_server import PASSWORD, START_SECONDS, USER, MariaDb
from server_process import cached_folder

MIRROR = "http://deb.debian.org/debian"
# What its scripts want, and no server does.
UNNEEDED = {"perl", "debconf", "debconf-2.0", "libc-bin", "adduser", "lsb-base", "gcc-16-base", "libcrypt1"}


def packages(machine):
    """Of the distribution: by name, what it needs and where it lies; a virtual one under the name of who provides it."""
    with urlopen(f"{MIRROR}/dists/sid/main/binary-{machine}/Packages.xz", timeout=60) as answer:
        text = lzma.decompress(answer.read()).decode()
    found = {}
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.M))
        if "Package" in fields:
            for name in [fields["Package"], *re.findall(r"[\w.+-]+", re.sub(r"\([^)]*\)", "", fields.get("Provides", "")))]:
                if name == fields["Package"] or name not in found:
                    found[name] = fields
    return found


def needed(known, first):
    """That package and all that it needs: its fields by name."""
    chosen, waiting = {}, collections.deque([first])
    while waiting:
        name = waiting.popleft()
        fields = known.get(name)
        if name in UNNEEDED or not fields or fields["Package"] in chosen:
            continue
        chosen[fields["Package"]] = fields
        for group in ", ".join(fields.get(key, "") for key in ("Depends", "Pre-Depends")).split(","):
            if word := re.match(r"\s*([\w.+-]+)", group.split("|")[0]):
                waiting.append(word[1])
    return chosen


@functools.cache
def mysql_root():
    """The folder that it is unpacked in, made once; an OSError where it can't be had."""
    return cached_folder("mysql-sid", unpack)


def unpack(root):
    machine = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    for name, fields in needed(packages(machine), "mysql-server-core").items():
        with urlopen(f"{MIRROR}/{fields['Filename']}", timeout=300) as answer:
            (root / "package.deb").write_bytes(answer.read())
        subprocess.run(["dpkg-deb", "--extract", root / "package.deb", root], check=True, capture_output=True, timeout=300)
    (root / "package.deb").unlink()


class MySql(MariaDb):
    """As mariadb_server.MariaDb, with users that show themselves the way MySQL has it by default (caching_sha2_password)."""

    def __init__(self, folder):
        self.folder, self.port = Path(folder), free_port()
        self.socket = self.folder / "mysql.sock"
        self.numbers = itertools.count(1)
        self.folder.mkdir(parents=True, exist_ok=True)
        root = mysql_root()
        libraries = ":".join(str(path) for path in sorted({path.parent for path in root.rglob("*.so*")}) if "plugin" not in path.parts)
        loader = next(root.rglob("ld-linux*.so*"))
        self.words = [loader, "--library-path", libraries, root / "usr/sbin/mysqld", "--no-defaults", f"--datadir={self.folder}/data", f"--basedir={root}/usr",
                      f"--lc-messages-dir={root}/usr/share/mysql", f"--user={pwd.getpwuid(os.getuid()).pw_name}"]
        made = subprocess.run([*self.words, "--initialize-insecure"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)
        assert made.returncode == 0, made.stdout + made.stderr
        self.log = open(self.folder / "mysql.log", "ab")
        self.start()
        self.sql(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION")

    def start(self):
        self.process = subprocess.Popen(
            [*self.words, f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M",
             "--innodb-flush-log-at-trx-commit=2", "--skip-log-bin", "--mysqlx=OFF", "--secure-file-priv=NULL", f"--pid-file={self.folder}/mysql.pid"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while self.ask("SELECT 1").returncode != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "mysql.log").read_text()[-3000:]
            time.sleep(0.05)
