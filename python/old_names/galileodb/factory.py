"""The database that the environment names: ``galileo_expdb_*``, as docs/how-to/databases.md has them. Nothing is connected to yet."""
from __future__ import annotations

import os
from collections.abc import Mapping

from galileo._old_names import database_of_environment, mysql_options

from .db import ExperimentDatabase
from .influx.db import InfluxExperimentDatabase
from .mixed.db import MixedExperimentDatabase
from .sql.adapter import ExperimentSQLDatabase, SqlAdapter
from .sql.driver.mysql import MysqlAdapter
from .sql.driver.sqlite import SqliteAdapter


def create_experiment_database_from_env(env: Mapping[str, str] = os.environ) -> ExperimentDatabase:
    """By ``galileo_expdb_driver``: sqlite (without one), mysql, influxdb, mixed."""
    return create_experiment_database(env.get("galileo_expdb_driver", "sqlite"), env)


def create_experiment_database(driver: str, env: Mapping[str, str] = os.environ) -> ExperimentDatabase:
    """ValueError for a driver that isn't one."""
    if driver == "influxdb":
        return create_influxdb_from_env(env)
    if driver == "mixed":
        return create_mixeddb_from_env(env)
    if driver not in ("sqlite", "mysql"):
        raise ValueError(f"unknown driver {driver!r}: one of sqlite, mysql, influxdb, mixed")
    return ExperimentSQLDatabase(create_mysql_from_env(env) if driver == "mysql" else create_sqlite_from_env(env))


def create_influxdb_from_env(env: Mapping[str, str] = os.environ) -> InfluxExperimentDatabase:
    return InfluxExperimentDatabase(database_of_environment("influxdb", env), env.get("galileo_expdb_influxdb_org", "galileo"),
                                    env.get("galileo_expdb_influxdb_org_id", "org-id"))


def create_mysql_from_env(env: Mapping[str, str] = os.environ) -> SqlAdapter:
    return MysqlAdapter(**mysql_options(env))


def create_sqlite_from_env(env: Mapping[str, str] = os.environ) -> SqlAdapter:
    return SqliteAdapter(env.get("galileo_expdb_sqlite_path", "galileo.sqlite"))


def create_mixeddb_from_env(env: Mapping[str, str] = os.environ) -> MixedExperimentDatabase:
    return MixedExperimentDatabase(create_influxdb_from_env(env), ExperimentSQLDatabase(create_mysql_from_env(env)))
