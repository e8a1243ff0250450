"""A MariaDB of a test's own: on a free port of the loopback, everything in a scratch folder."""
import itertools
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from conftest import free_port
from server_process import ServerProcess

USER, PASSWORD = "galileo", "only for tests"
START_SECONDS = 60


def program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def installed():
    return program("mariadbd") is not None


class MariaDb(ServerProcess):
    """sql("SELECT 1") answers with rows of texts; database() makes an empty one and answers with its URL."""

    def __init__(self, folder, *more):
        self.folder, self.more, self.port = Path(folder), more, free_port()
        self.socket = self.folder / "mariadb.sock"
        self.numbers = itertools.count(1)
        self.folder.mkdir(parents=True, exist_ok=True)
        # As root it wants to be told; whoever else runs the tests is who it runs as.
        self.user = pwd.getpwuid(os.getuid()).pw_name
        made = subprocess.run([program("mariadb-install-db"), "--no-defaults", f"--datadir={self.folder}/data", f"--user={self.user}",
                               "--auth-root-authentication-method=normal", "--skip-test-db"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120)
        assert made.returncode == 0, made.stdout + made.stderr
        self.log = open(self.folder / "mariadb.log", "ab")
        self.start()
        self.sql(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION")

    def start(self):
        # Small, and as durable as a crash of the process asks for; the disk's own is not what tests are about.
        self.process = subprocess.Popen(
            [program("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.socket}", f"--port={self.port}",
             f"--user={self.user}", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2",
             f"--pid-file={self.folder}/mariadb.pid", *self.more],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while self.ask("SELECT 1").returncode != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "mariadb.log").read_text()[-3000:]
            time.sleep(0.05)

    def ask(self, text, database=""):
        return subprocess.run([program("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch", "--skip-column-names",
                               database, "--execute", text], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    def sql(self, text, database=""):
        done = self.ask(text, database)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def database(self, name=None):
        name = name or f"lab_{next(self.numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name, user=USER, password=PASSWORD):
        return f"mysql://{user}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{name}"
