"""The telemetry daemons of nodes, under the names of the original ``telemc``: ``TelemetryController`` tells them what to do,
``TelemetrySubscriber`` and the recorders have what they publish. Each takes the caller's redis-py client, with decoded answers.
"""
from __future__ import annotations

from .controller import TelemetryController
from .recorder import TelemetryRecorder
from .telemc import Telemetry, TelemetrySubscriber

name = "telemc"

__all__ = ["Telemetry", "TelemetryController", "TelemetryRecorder", "TelemetrySubscriber"]
