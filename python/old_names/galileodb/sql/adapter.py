"""SQL databases: an adapter for each server, and the experiments in them."""
from __future__ import annotations

from typing import Any

from galileo._old_names import not_kept

from ..db import ExperimentDatabase


class SqlAdapter:
    """A database by its URL. ``connection`` opens one by Python's own drivers, for queries of your own."""

    placeholder = "?"
    url: str

    @property
    def connection(self) -> Any:
        """A new connection of the DBAPI, to be closed by who asks."""
        raise NotImplementedError

    def open(self) -> None:
        """Nothing: each call opens for itself."""

    def close(self) -> None:
        """Nothing is left open."""

    def fetchall(self, sql: str, *parameters: Any) -> Any:
        """All rows of a query of your own."""
        from contextlib import closing

        with closing(self.connection) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql, *parameters)
            return cursor.fetchall()

    def fetchone(self, sql: str, *parameters: Any) -> Any:
        """The first row of a query of your own, or None."""
        rows = self.fetchall(sql, *parameters)
        return rows[0] if rows else None

    def insert_one(self, table: str, data: Any) -> None:
        raise not_kept("insert_one", "a run and `galileo recorder` write the database")

    def insert_many(self, table: str, keys: Any, data: Any) -> None:
        raise not_kept("insert_many", "a run and `galileo recorder` write the database")

    def update_by_id(self, table: str, identity: Any, data: Any) -> None:
        raise not_kept("update_by_id", "a run and `galileo recorder` write the database")


class ExperimentSQLDatabase(ExperimentDatabase):
    """Experiments in an SQL database."""

    def __init__(self, db: SqlAdapter) -> None:
        super().__init__(db.url)
        self.db = db
