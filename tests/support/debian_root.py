"""A Debian 12 of a test's own, in which nothing is but what its smallest set and Python's virtual environments need: no compiler,
and no library of ours. And one of Debian's next, with the newest Pythons. Made once, in the cache; commands run in them leave nothing behind."""
import os
import shutil
import subprocess
from pathlib import Path

from outside import outside
from server_process import cached_folder

MIRROR = "http://deb.debian.org/debian"
MAKE_SECONDS = 900
NEWEST = ("3.14", "3.15")
# Its mounts are gone with the command: the folder is /mnt there, what is written elsewhere goes to /tmp, which is memory.
ENTER = """set -e
root=$1 folder=$2 authorities=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount --bind "$folder" "$root/mnt"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
if [ -n "$authorities" ]; then
  mount -t tmpfs tmpfs "$root/usr/lib/ssl"
  mount --bind "$authorities" "$root/etc/ssl/certs/ca-certificates.crt"
fi
mount -o remount,bind,ro "$root"
exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 "$@"
"""


def root():
    """(its folder, None) or (None, why there is none)."""
    return root_of("debian-12-python", "bookworm", "python3-venv,ca-certificates")


def newest_root():
    """The same of Debian 14 as it is being made, which has the Pythons of NEWEST; it may have others some day."""
    return root_of("debian-14-pythons", "forky", ",".join(f"python{version}" for version in NEWEST))


def root_of(name, suite, packages):
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        return None, "a Debian root needs root and debootstrap"
    try:
        return cached_folder(name, lambda folder: make(folder, suite, packages)), None
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"a root of Debian's {suite} can't be made: {error}"


def make(folder, suite, packages):
    # Debian 12's debootstrap doesn't know later suites by their names; all are made as the newest is.
    script = [] if suite == "bookworm" else ["/usr/share/debootstrap/scripts/sid"]
    words = outside("debootstrap", "--variant=minbase", f"--include={packages}", suite, folder, MIRROR, *script)
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=MAKE_SECONDS)
    shutil.rmtree(folder / "var/cache/apt", ignore_errors=True)


def run(root, folder, *command, authorities="", timeout=120, **variables):
    """A command in there, with `folder` as /mnt. `authorities`: the file of certificates that this machine trusts, where OpenSSL
    was made to look elsewhere, as it was for another distribution."""
    words = [*(f"{name}={value}" for name, value in variables.items()), *map(str, command)]
    return subprocess.run(["unshare", "--mount", "sh", "-c", ENTER, "sh", str(root), str(Path(folder)), str(authorities), *words],
                          capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
