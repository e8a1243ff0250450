"""Commands to telemetry daemons."""
from __future__ import annotations

from typing import Any

from .telemc import NodeInfo, text

_COMMANDS = "telemcmd/"


class TelemetryController:
    """Knows the daemons on the bus of the redis-py client ``rds``, ours and those of the original system."""

    def __init__(self, rds: Any) -> None:
        self.rds = rds

    def get_nodes(self) -> list[str]:
        """The names of the nodes whose daemons listen to commands."""
        return [text(channel).removeprefix(_COMMANDS) for channel in self.rds.pubsub_channels(_COMMANDS + "*")]

    def get_node_infos(self) -> list[NodeInfo]:
        """What they say of themselves; nodes that say nothing are left out."""
        infos = ((node, self.rds.hgetall(f"telemd.info:{node}")) for node in self.get_nodes())
        return [NodeInfo(node, {text(key): text(value) for key, value in info.items()}) for node, info in infos if info]

    def info(self, host: str) -> None:
        """Has a node say anew what it is."""
        self._tell(host, "info")

    def info_all(self) -> None:
        self._tell_all("info")

    def pause(self, host: str) -> None:
        """Has a node publish no more until it is told to."""
        self._tell(host, "pause")

    def pause_all(self) -> None:
        self._tell_all("pause")

    def unpause(self, host: str) -> None:
        """Has a node publish again."""
        self._tell(host, "unpause")

    def unpause_all(self) -> None:
        self._tell_all("unpause")

    def _tell(self, node: str, command: str) -> None:
        self.rds.publish(_COMMANDS + node, command)

    def _tell_all(self, command: str) -> None:
        for node in self.get_nodes():
            self._tell(node, command)
