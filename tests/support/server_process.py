"""What the tests' database servers have in common: a process in a scratch folder, that a test may take away."""
import fcntl
import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path


def cached_folder(name, fill):
    """A folder of the cache, filled once by fill(folder), whoever else wants it at the same time; what that raises where it can't be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galileo"
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / name
    with open(f"{root}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "whole").exists():
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            fill(root)
            (root / "whole").touch()
    return root


@functools.cache
def debian_program(name):
    """The installed program, or that of Debian's package of its name, unpacked into the cache, so that its service is not installed. An OSError or SubprocessError
    where it can't be had."""
    def unpack(root):
        subprocess.run(["apt-get", "download", "-q", name], cwd=root, check=True, capture_output=True, timeout=300)
        package, = root.glob(f"{name}_*.deb")
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True, capture_output=True, timeout=300)
        package.unlink()
    return shutil.which(name) or str(cached_folder(name, unpack) / "usr/bin" / name)


class ServerProcess:
    """`process` and `log` are set by who starts it."""

    def kill(self):
        """As a machine that fails: at once."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()
