"""A VictoriaMetrics of a test's own: Debian's, unpacked into the cache, so that its service is not installed."""
import json
import subprocess
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from conftest import free_port
from server_process import ServerProcess, debian_program

START_SECONDS = 60


def program():
    return debian_program("victoria-metrics")


class VictoriaMetrics(ServerProcess):
    """url: for --db. values("traces_status"): all values of that name."""

    def __init__(self, folder):
        words, self.port = program(), free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.url = f"influxdb://127.0.0.1:{self.port}/lab?buckets=no"
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.log = open(folder / "victoria-metrics.log", "ab")
        # Times of the tests' rows may be long ago.
        self.process = subprocess.Popen([words, f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=100y",
                                         "-memory.allowedBytes=64MB"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < deadline, (folder / "victoria-metrics.log").read_text()[-3000:]
            time.sleep(0.05)

    def get(self, path):
        with urlopen(self.address + path, timeout=60) as answer:
            return answer.read().decode()

    def answers(self):
        try:
            return self.get("/health") == "OK"
        except OSError:
            return False

    def values(self, name):
        self.get("/internal/force_flush")
        lines = self.get("/api/v1/export?reduce_mem_usage=1&match[]=" + quote('{__name__="' + name + '"}')).splitlines()
        return [value for line in lines for value in json.loads(line)["values"]]
