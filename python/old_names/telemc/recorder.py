"""Threads that do something with each value that telemetry daemons publish."""
from __future__ import annotations

import csv
import threading
from typing import Any, TextIO

from .telemc import Telemetry, TelemetrySubscriber


class TelemetryRecorder(threading.Thread):
    """Calls ``_record`` of its subclass with each value, from ``start()`` to ``stop()``."""

    def __init__(self, rds: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rds = rds
        self._sub = TelemetrySubscriber(rds)

    def stop(self, timeout: float | None = None) -> None:
        """Ends it, and waits for its end, ``timeout`` seconds at most."""
        self.close()
        self.join(timeout=timeout)

    def close(self) -> None:
        self._sub.close()

    def run(self) -> None:
        for telemetry in self._sub.run():
            self._record(telemetry)

    def _record(self, telemetry: Telemetry) -> None:
        raise NotImplementedError("a recorder's subclass says what becomes of a value: _record(telemetry)")


class TelemetryPrinter(TelemetryRecorder):
    """Prints each value."""

    def _record(self, telemetry: Telemetry) -> None:
        print(telemetry)


class TelemetryFileRecorder(TelemetryRecorder):
    """Writes lines of ``timestamp,value,node,metric,subsystem`` to the file ``fpath``, and sees to it that they are there after
    each ``flush_every``."""

    def __init__(self, rds: Any, fpath: str, flush_every: int = 1) -> None:
        super().__init__(rds)
        self.fpath = fpath
        self.flush_every = flush_every
        self.fd: TextIO | None = None
        self.i = 0

    def run(self) -> None:
        with open(self.fpath, "w", newline="") as self.fd:
            super().run()

    def _record(self, telemetry: Telemetry) -> None:
        assert self.fd is not None
        csv.writer(self.fd, lineterminator="\n").writerow("" if part is None else part for part in telemetry)
        self.i = (self.i + 1) % self.flush_every
        if self.i == 0:
            self.fd.flush()
