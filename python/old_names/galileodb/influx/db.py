"""InfluxDB v2, in both layouts."""
from __future__ import annotations

from typing import Any

from galileo._old_names import not_kept

from ..db import ExperimentDatabase


class InfluxExperimentDatabase(ExperimentDatabase):
    """Experiments in InfluxDB, a bucket each."""

    def __init__(self, url: str, org_name: str = "galileo", org_id: str = "org-id") -> None:
        super().__init__(url)
        self.org_name, self.org_id = org_name, org_id

    @property
    def client(self) -> Any:
        raise not_kept("client", "gateways have raw_influxdb_query(flux); the package influxdb-client has a client of its own")
