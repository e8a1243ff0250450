"""Rows of the experiment database. Times are unix seconds."""
from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Dict, List, NamedTuple, Optional


def generate_experiment_id() -> str:
    """The local time to the minute and eight hex digits: the original's four collide."""
    return f"{datetime.now():%Y%m%d%H%M}-{secrets.token_hex(4)}"


class Experiment:
    """One row of ``experiments``."""

    def __init__(self, id: Optional[str] = None, name: Optional[str] = None, creator: Optional[str] = None, start: Optional[float] = None,
                 end: Optional[float] = None, created: Optional[float] = None, status: Optional[str] = None) -> None:
        self.id, self.name, self.creator = id, name, creator
        self.start, self.end, self.created, self.status = start, end, created, status

    def __repr__(self) -> str:
        return f"Experiment({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Telemetry(NamedTuple):
    timestamp: float
    metric: str
    node: str
    value: float
    exp_id: str
    subsystem: Optional[str] = None


class NodeInfo(NamedTuple):
    node: str
    data: Dict[str, str]
    exp_id: str


class Event(NamedTuple):
    timestamp: float
    name: str
    value: Optional[str] = None


class ExperimentEvent(NamedTuple):
    exp_id: str
    timestamp: float
    name: str
    value: Optional[str] = None


class WorkloadConfiguration(NamedTuple):
    service: str
    ticks: List[int]
    clients_per_host: int
    arrival_pattern: str
    client: Optional[str] = None
    client_parameters: Dict[str, Any] = {}


class ExperimentConfiguration(NamedTuple):
    duration: int
    interval: int
    workloads: List[WorkloadConfiguration]


class QueuedExperiment(NamedTuple):
    experiment: Experiment
    configuration: ExperimentConfiguration


class RequestTrace(NamedTuple):
    request_id: str
    client: str
    service: str
    created: float
    sent: float
    done: float
    status: int = -1
    server: Optional[str] = None
    exp_id: Optional[str] = None
    headers: Optional[str] = None
    response: Optional[str] = None
