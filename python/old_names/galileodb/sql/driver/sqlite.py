"""SQLite."""
from __future__ import annotations

from typing import Any

from ..adapter import SqlAdapter


class SqliteAdapter(SqlAdapter):
    """An SQLite file."""

    def __init__(self, database: str) -> None:
        self.path = database
        self.url = f"sqlite:{database}"

    @property
    def connection(self) -> Any:
        import sqlite3

        return sqlite3.connect(self.path)
