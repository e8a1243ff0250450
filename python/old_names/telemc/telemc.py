"""What telemetry daemons publish, as it comes."""
from __future__ import annotations

import threading
from typing import Any, Iterator, NamedTuple

# A subscriber that is closed by another thread sees it at its next look.
_LOOK_S = 0.2


def text(answer: str | bytes) -> str:
    """Of a client with or without decoded answers."""
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer


class Telemetry(NamedTuple):
    """A value as it was published: ``timestamp`` in Unix seconds and ``value``, both texts; ``subsystem`` is a device, a
    container or None."""

    timestamp: str
    value: str
    node: str
    metric: str
    subsystem: str | None = None


class NodeInfo(NamedTuple):
    """What a node says of itself: ``arch``, ``cpus``, ``ram`` (kB), ``boot`` (Unix seconds), ``disk``, ``net``, ``hostname``,
    ``netspeed`` (Mbit/s), all texts."""

    node: str
    data: dict[str, str]


class TelemetrySubscriber:
    """The values on channels of ``pattern``, ``telem/*`` where none is given."""

    def __init__(self, rds: Any, pattern: str | None = None) -> None:
        self.rds = rds
        self.pattern = pattern or "telem/*"
        self.pubsub: Any = None
        self._closed = threading.Event()

    def run(self) -> Iterator[Telemetry]:
        """Each value, until ``close()``. What isn't a value is passed over."""
        with self.rds.pubsub() as self.pubsub:
            self.pubsub.psubscribe(self.pattern)
            while not self._closed.is_set():
                message = self.pubsub.get_message(timeout=_LOOK_S)
                if message and message["type"] == "pmessage":
                    telemetry = _telemetry(text(message["channel"]), text(message["data"]))
                    if telemetry:
                        yield telemetry

    def close(self) -> None:
        """Ends ``run()``; any thread."""
        self._closed.set()


def _telemetry(channel: str, payload: str) -> Telemetry | None:
    _, *place = channel.split("/", maxsplit=3)
    stamp, _, value = payload.partition(" ")
    if len(place) < 2 or not value:
        return None
    return Telemetry(stamp, value, *place)
