"""A network of a test's own: what it starts may take any port, as the documentation's lines do."""
import shutil
import subprocess


def network_of_its_own():
    """The words before a command that give it one; None: this machine allows none."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare") and subprocess.run([*words, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0:
            return [*words, "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
    return None
