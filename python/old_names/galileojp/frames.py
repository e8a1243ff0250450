"""Gateways: what experiments have recorded, as pandas frames in the original's columns and kinds.

A gateway holds the names of databases and nothing that could be open; each call reads anew, by ``galileo.frames``. What goes
wrong is in ``galileo.errors``; ValueError where no id is given, and where InfluxDB has nothing."""
from __future__ import annotations

import abc
import json
import os
from typing import TYPE_CHECKING, Any

from galileo import _old_names, errors, frames

from . import _tables, env

if TYPE_CHECKING:
    import pandas


def to_idlist(exp_ids: Any) -> str:
    """The ids, quoted and joined by commas."""
    return ", ".join(f'"{one}"' for one in exp_ids)


class ExperimentFrameGateway(abc.ABC):
    """What each gateway has. Frames of several experiments are one frame; ids are given as arguments."""

    def experiments(self) -> pandas.DataFrame:
        """``EXP_ID NAME CREATOR START END CREATED STATUS metadata`` (JSON text), newest last; times are unix seconds."""
        raise NotImplementedError

    def metadata(self, exp_id: str | None = None) -> Any:
        """Of one experiment as a dict, None where there is none; without an id a frame ``EXP_ID DATA``."""
        raise NotImplementedError

    def nodeinfo(self, *exp_ids: str) -> pandas.DataFrame:
        """``EXP_ID NODE INFO_KEY INFO_VALUE``."""
        raise NotImplementedError

    def events(self, *exp_ids: str) -> pandas.DataFrame:
        raise NotImplementedError

    def telemetry(self, *exp_ids: str) -> pandas.DataFrame:
        raise NotImplementedError

    def traces(self, *exp_ids: str) -> pandas.DataFrame:
        raise NotImplementedError

    def delete(self, exp_id: str) -> None:
        raise NotImplementedError

    def export(self, exp_id: str, folder_path: str) -> Any:
        raise NotImplementedError

    @staticmethod
    def from_env() -> ExperimentFrameGateway:
        """The gateway for the database that ``galileo_expdb_driver`` names, in the environment or ``$HOME/.galileojp``."""
        env.load()
        driver = os.environ.get("galileo_expdb_driver", "sqlite")
        return MixedExperimentFrameGateway.from_env() if driver in ("influxdb", "mixed") else SqlExperimentFrameGateway.from_env()


def some(exp_ids: tuple[str, ...]) -> tuple[str, ...]:
    if not exp_ids:
        raise ValueError("name at least one experiment")
    return exp_ids


def metadata_of(database: frames.Database, exp_id: str | None) -> Any:
    found = _tables.metadata(database)
    if exp_id is None:
        return found
    texts = found.DATA[found.EXP_ID == exp_id]
    return json.loads(texts.iloc[0]) if len(texts) else None


def delete_from(url: str, exp_id: str) -> None:
    """Removes an experiment and all that belongs to it. Raises NotFoundError, UnavailableError and what else there is."""
    database = frames.open(url)
    if exp_id not in set(database.experiments().exp_id):  # the whole id, and no beginning of one
        raise errors.NotFoundError(f"there is no experiment {exp_id!r}, {database!r}")
    database.remove(exp_id)


class _OverTables(ExperimentFrameGateway):
    """Experiments, metadata and node info in the columns of the SQL tables, whatever the rest is."""

    _database: frames.Database

    def experiments(self) -> pandas.DataFrame:
        return _tables.experiments(self._database)

    def metadata(self, exp_id: str | None = None) -> Any:
        return metadata_of(self._database, exp_id)

    def nodeinfo(self, *exp_ids: str) -> pandas.DataFrame:
        return _tables.sql(self._database, "nodeinfo", some(exp_ids))


class SqlExperimentFrameGateway(_OverTables):
    """Frames in the columns of the SQL tables: upper case, stamps as seconds, the index a time without zone.

    edb: an object of ``galileodb``, or a URL, a path, a ``galileo.frames.Database``."""

    def __init__(self, edb: Any) -> None:
        self.edb = edb
        self._database = frames.open(_old_names.url_of(edb))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._database!r}>"

    def events(self, *exp_ids: str) -> pandas.DataFrame:
        """``EXP_ID TIMESTAMP NAME VALUE``; empty where there are none."""
        return _tables.sql(self._database, "events", some(exp_ids))

    def telemetry(self, *exp_ids: str) -> pandas.DataFrame:
        """``EXP_ID TIMESTAMP METRIC SUBSYSTEM NODE VALUE``; empty where there is none."""
        return _tables.sql(self._database, "telemetry", some(exp_ids))

    def traces(self, *exp_ids: str) -> pandas.DataFrame:
        """The columns of the table ``traces``, the index SENT; -1.0 where a request wasn't sent or answered. The original has none."""
        return _tables.sql(self._database, "traces", some(exp_ids))

    def delete(self, exp_id: str) -> None:
        delete_from(self._database._url, exp_id)

    @staticmethod
    def from_env() -> SqlExperimentFrameGateway:
        env.load()
        return SqlExperimentFrameGateway(_old_names.database_of_environment())


class MixedExperimentFrameGateway(_OverTables):
    """Frames of what is measured in the columns of the original's InfluxDB: lower case, stamps and numbers of traces as text, the
    index the time of ``ts`` or ``sent``. Experiments, metadata and node info as of the SQL gateway.

    inflxudb: where traces, telemetry and events are; sqldb: where the others are. Each may be any database, also the same."""

    def __init__(self, inflxudb: Any, sqldb: Any = None) -> None:
        self.influxdb = inflxudb
        self.sqldb = inflxudb if sqldb is None else sqldb
        self._measured = frames.open(_old_names.url_of(self.influxdb))
        self._database = frames.open(_old_names.url_of(self.sqldb))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._measured!r} and {self._database!r}>"

    def raw_influxdb_query(self, query: str) -> pandas.DataFrame:
        """What a query in Flux gives, as one frame. By HTTP, to the server of the gateway's InfluxDB."""
        from ._flux import query_frame

        return query_frame(_old_names.url_of(self.influxdb), query)

    def events(self, *exp_ids: str) -> pandas.DataFrame:
        """``value ts name exp_id``; events without a value are left out. ValueError where there are none."""
        return _tables.influx(self._measured, "events", some(exp_ids))

    def telemetry(self, *exp_ids: str) -> pandas.DataFrame:
        """``value ts exp_id node metric subsystem``. ValueError where there is none."""
        return _tables.influx(self._measured, "telemetry", some(exp_ids))

    def traces(self, *exp_ids: str) -> pandas.DataFrame:
        """``value`` (the request's id) ``client service created sent done status server exp_id response headers``, all text; ``sent``
        is -1.0 where a request wasn't. ValueError where there are none."""
        return _tables.influx(self._measured, "traces", some(exp_ids))

    def delete(self, exp_id: str) -> None:
        for url in dict.fromkeys((self._measured._url, self._database._url)):
            delete_from(url, exp_id)

    @staticmethod
    def from_env() -> MixedExperimentFrameGateway:
        return MixedExperimentFrameGateway(*databases_of_environment())


def databases_of_environment() -> tuple[str, str]:
    """Where what is measured is, and where the rest: both in one database where the environment names a driver of one."""
    env.load()
    driver = os.environ.get("galileo_expdb_driver", "mixed")
    if driver != "mixed":
        return (_old_names.database_of_environment(driver),) * 2
    return _old_names.database_of_environment("influxdb"), _old_names.database_of_environment("mysql")
