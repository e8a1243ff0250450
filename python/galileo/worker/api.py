"""The records of the old system's wire (docs/wire/bus.md), by the names and with the fields and defaults of the old package."""
from __future__ import annotations

from typing import Any, NamedTuple

_SHOWN = 120
_SHOWN_OF_LONG = 105


class RegisterWorkerEvent(NamedTuple):
    name: str


class UnregisterWorkerEvent(NamedTuple):
    name: str


class RegisterWorkerCommand(NamedTuple):
    pass


class StartTracingCommand(NamedTuple):
    pass


class PauseTracingCommand(NamedTuple):
    pass


class ClientConfig(NamedTuple):
    """What clients of a group do: requests to ``service``, by ``parameters`` (docs/wire/workload.md), on workers that have
    these labels."""

    service: str
    client: str | None = None
    parameters: dict[str, Any] | None = None
    worker_labels: dict[str, str] | None = None

    def __repr__(self) -> str:
        parameters = None if self.parameters is None else str(self.parameters)
        if parameters is not None and len(parameters) > _SHOWN:
            parameters = parameters[:_SHOWN_OF_LONG] + " <abbreviated> }"
        return f"ClientConfig(service={self.service}, client={self.client}, parameters={parameters}, worker_labels:{self.worker_labels})"

    def __str__(self) -> str:
        return repr(self)


class ClientDescription(NamedTuple):
    """A client: ``client_id`` is <worker>:<service>:<number>."""

    client_id: str
    worker: str
    config: ClientConfig


class ClientInfo(NamedTuple):
    """How far a client is: its requests, answered or failed, and how many of them failed (status below 0 or from 300)."""

    description: ClientDescription
    requests: int
    failed: int


class CloseClientCommand(NamedTuple):
    client_id: str


class CreateClientCommand(NamedTuple):
    host: str
    config: ClientConfig
    num: int = 1


class StopClientsCommand(NamedTuple):
    client_id: str


class ClientStartedEvent(NamedTuple):
    host: str
    client_id: str


class ClientStoppedEvent(NamedTuple):
    host: str
    client_id: str


class SetWorkloadCommand(NamedTuple):
    client_id: str
    num: int | None = None
    distribution: str = "constant"
    parameters: tuple[Any, ...] | None = None


class StopWorkloadCommand(NamedTuple):
    client_id: str


class WorkloadDoneEvent(NamedTuple):
    client_id: str
