"""MariaDB and MySQL."""
from __future__ import annotations

from typing import Any

from galileo import errors
from galileo._old_names import database_of_environment

from ..adapter import SqlAdapter


class MysqlAdapter(SqlAdapter):
    """A database of a server: ``host port user password db``."""

    placeholder = "%s"

    def __init__(self, **options: Any) -> None:
        self.connect_kwargs = options
        self.url = database_of_environment("mysql", {f"galileo_expdb_mysql_{name}": str(value) for name, value in options.items()})

    @property
    def connection(self) -> Any:
        try:
            import pymysql  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            raise errors.UsageError("queries of your own need a driver: pip install pymysql; frames need none (galileo.frames)") from None
        options = {**self.connect_kwargs, "port": int(self.connect_kwargs.get("port", 3306))}
        return pymysql.connect(**options)
