"""Runs a command beside a MariaDB, a MySQL and an InfluxDB of its own. They are named to it in GALILEO_TEST_<DRIVER>, for each
driver of src/store/drivers.def that needs a server: URLs that a database's name goes behind, with blanks between.
GALILEO_TEST_ALL_DRIVERS says that there is one for each. Where MySQL can't be had, that is said and it goes on without.

    tests/support/with_databases.py COMMAND...
"""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

from influxdb_server import InfluxDb  # noqa: E402
from mariadb_server import MariaDb  # noqa: E402
from mysql_server import MySql  # noqa: E402


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="galileo-databases-")))
        mariadb = MariaDb(folder / "mariadb")
        stack.callback(mariadb.stop)
        influxdb = InfluxDb(folder / "influxdb")
        stack.callback(influxdb.stop)
        env = {**os.environ, "GALILEO_TEST_MYSQL": mariadb.url(""), "GALILEO_TEST_INFLUXDB": influxdb.url,
               "GALILEO_TEST_MIXED": f"mixed:{mariadb.url('')}", "GALILEO_TEST_ALL_DRIVERS": "1"}
        try:
            # Whatever of MySQL is in the mirror today: that it doesn't start is no fault of what is tested.
            mysql = MySql(folder / "mysql")
            stack.callback(mysql.stop)
            env["GALILEO_TEST_MYSQL"] += f" {mysql.url('')}"
        except (OSError, subprocess.SubprocessError, LookupError, AssertionError) as error:
            print(f"skipped: MySQL can't be had or started: {str(error)[-300:]}".replace("\n", " "), flush=True)
        return subprocess.run(sys.argv[1:], env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
