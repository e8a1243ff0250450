"""Metadata in an SQL database, what was measured in InfluxDB."""
from __future__ import annotations

from ..db import ExperimentDatabase
from ..influx.db import InfluxExperimentDatabase
from ..sql.adapter import ExperimentSQLDatabase


class MixedExperimentDatabase(ExperimentDatabase):
    """Both as one."""

    def __init__(self, influxdb: InfluxExperimentDatabase, sqldb: ExperimentSQLDatabase) -> None:
        super().__init__(f"mixed:{sqldb.url},{influxdb.url}")
        self.influxdb, self.sqldb = influxdb, sqldb
