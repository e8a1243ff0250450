"""Waiting for what is said on the bus."""
from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from galileo.errors import UnavailableError

_CHANNEL = "galileo/events"
_WITHIN_S = 120.0
_LOOK_S = 0.2


@contextmanager
def events_of(rds: Any) -> Iterator[Callable[[float], bool]]:
    """A function that waits so many seconds for a message on ``galileo/events``, and says whether one has come; what is said from
    here on counts."""
    with rds.pubsub() as pubsub:
        pubsub.subscribe(_CHANNEL)

        def listens(seconds: float) -> bool:
            deadline = time.monotonic() + seconds
            while (left := deadline - time.monotonic()) > 0:
                message = pubsub.get_message(timeout=min(left, _LOOK_S))
                if message and message["type"] == "message":
                    return True
            return False

        # Redis has the subscription when it says so.
        while (answer := pubsub.get_message(timeout=_WITHIN_S)) and answer["type"] != "subscribe":
            pass
        if not answer:
            raise UnavailableError(f"the bus doesn't take a subscription to {_CHANNEL} within {_WITHIN_S:.0f} s")
        yield listens


def wait_for_galileo_events(rds: Any) -> None:
    """Waits for the next message on ``galileo/events``; UnavailableError after two minutes without one."""
    with events_of(rds) as listens:
        if not listens(_WITHIN_S):
            raise UnavailableError(f"nothing was said on {_CHANNEL} for {_WITHIN_S:.0f} s; does the pod adapter run, and reach the bus?")
