"""A Prometheus of a test's own: Debian's, unpacked into the cache, so that its service is not installed."""
import json
import subprocess
import time
from urllib.parse import urlencode
from urllib.request import urlopen

from conftest import SLOWER, free_port
from server_process import ServerProcess, debian_program

START_SECONDS = 60


def program():
    return debian_program("prometheus")


class Prometheus(ServerProcess):
    """Scrapes `pages` ({job: port of the loopback}) each second. ask(query, ...): the values of a range, by series."""

    def __init__(self, folder, pages):
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "prometheus.yaml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n" + "".join(
            f"  - {{job_name: {name}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n" for name, port in pages.items()))
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = open(folder / "prometheus.log", "ab")
        self.process = subprocess.Popen([program(), f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS * SLOWER
        while not self.is_ready():
            assert self.process.poll() is None and time.monotonic() < deadline, (folder / "prometheus.log").read_text()[-3000:]
            time.sleep(0.05)

    def is_ready(self):
        try:
            with urlopen(f"{self.address}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, path, **parameters):
        with urlopen(f"{self.address}/api/v1/{path}?{urlencode(parameters)}", timeout=60) as answer:
            return json.load(answer)["data"]

    def ask(self, query, start, end, step="1s"):
        """[(labels, values)]; an HTTPError where the query isn't one."""
        return [(series["metric"], [float(value) for _, value in series["values"]])
                for series in self.get("query_range", query=query, start=start, end=end, step=step)["result"]]
