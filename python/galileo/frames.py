"""What experiments have recorded, as frames.

::

    from galileo import frames
    db = frames.open("galileo.sqlite")
    db.experiments()
    traces = db.traces("last", columns=["service", "sent", "done", "status"])

One naming for all databases: small letters, times as ``datetime64[ns, UTC]``, durations as ``timedelta64[ns]``, texts that
repeat as categories, numbers as numbers. Rows are in the order in which they were stored. Every call reads the database anew
and keeps no connection, file or thread.
"""
from __future__ import annotations

import os
import warnings
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Iterable, Literal, Union, overload

from . import _parquet, _session
# At once: a thread that is still loading it when the interpreter ends takes the process along by an abort.
from ._columns import Table

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["Between", "Database", "Kind", "Moment", "open"]

Kind = Literal["pandas", "polars", "arrow"]
#: A time: seconds since 1970, ISO 8601, or a datetime (numpy's and pandas' too); without a zone it is UTC.
Moment = Union[float, int, str, datetime]
#: From, and up to but without; None leaves an end open.
Between = Union[tuple[Union[Moment, None], Union[Moment, None]], None]

_EMPTY: tuple[str, ...] = ()


def open(url: str | os.PathLike[str]) -> Database:
    """The database that ``url`` names: an SQLite file, ``mysql://user:password@host/name``,
    ``influxdb://token@host:port/organisation``, ``mixed:mysql://...,influxdb://...``, a spool file, or the folder of an export.

    Nothing is read yet, so nothing fails here."""
    return Database(url)


class Database:
    """Experiments in a database. Holds its name, and nothing that could be open."""

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self._url = os.fspath(url)

    def __repr__(self) -> str:
        # Without a password: a notebook is shown around.
        scheme, found, rest = self._url.partition("://")
        return f"<galileo database {scheme + found + rest.rpartition('@')[2] if found else self._url}>"

    @overload
    def experiments(self, *, to: Literal["pandas"] = ...) -> pandas.DataFrame: ...
    @overload
    def experiments(self, *, to: Literal["polars"]) -> polars.DataFrame: ...
    @overload
    def experiments(self, *, to: Literal["arrow"]) -> Table: ...

    def experiments(self, *, to: Kind = "pandas") -> Any:
        """All of them, newest last: ``exp_id name creator created start end status metadata`` (JSON text)."""
        return self._frame("experiments", (), to=to)

    @overload
    def traces(self, *ids: str, columns: Iterable[str] | None = ..., service: str | None = ..., between: Between = ...,
               to: Literal["pandas"] = ...) -> pandas.DataFrame: ...
    @overload
    def traces(self, *ids: str, columns: Iterable[str] | None = ..., service: str | None = ..., between: Between = ...,
               to: Literal["polars"]) -> polars.DataFrame: ...
    @overload
    def traces(self, *ids: str, columns: Iterable[str] | None = ..., service: str | None = ..., between: Between = ...,
               to: Literal["arrow"]) -> Table: ...

    def traces(self, *ids: str, columns: Iterable[str] | None = None, service: str | None = None,
               between: Between = None, to: Kind = "pandas") -> Any:
        """Every request of these experiments: ``request_id client service created sent done status server exp_id intended
        dispatched first_byte request_bytes response_bytes error phase handshake step failed_check protocol queued trace_id``, and where
        ``columns`` names them ``headers`` (JSON text), ``response``, and of the headers ``final_host`` (what each gateway passed it on to), ``last_hop`` (when the
        last one took it), ``work_start`` and ``work_end`` (of the application, by its ``X-Start`` and ``X-End``). ``status`` is -1 where no complete answer came; ``error`` says why.
        ``step`` is of a scenario, ``failed_check`` the first check that an answer failed, ``protocol`` "HTTP/2" or null, ``handshake`` the
        time that TLS took, ``queued`` that for which no connection or stream was free.

        ids: at least one; an id, the beginning of just one, ``"last"``, ``"last~1"``.
        columns: those, in that order; what isn't asked for isn't read into memory.
        service: requests to that one only.
        between: (from, to), of ``created``, without ``to`` itself; None leaves an end open.
        to: ``"pandas"``, ``"polars"``, or ``"arrow"``: anything with ``__arrow_c_stream__``."""
        return self._frame("traces", _some(ids), columns, service, between, to)

    @overload
    def telemetry(self, *ids: str, columns: Iterable[str] | None = ..., between: Between = ...,
                  to: Literal["pandas"] = ...) -> pandas.DataFrame: ...
    @overload
    def telemetry(self, *ids: str, columns: Iterable[str] | None = ..., between: Between = ...,
                  to: Literal["polars"]) -> polars.DataFrame: ...
    @overload
    def telemetry(self, *ids: str, columns: Iterable[str] | None = ..., between: Between = ..., to: Literal["arrow"]) -> Table: ...

    def telemetry(self, *ids: str, columns: Iterable[str] | None = None,
                  between: Between = None, to: Kind = "pandas") -> Any:
        """What instruments read: ``exp_id time metric subsystem node value``; arguments as of :meth:`traces`."""
        return self._frame("telemetry", _some(ids), columns, None, between, to)

    @overload
    def events(self, *ids: str, columns: Iterable[str] | None = ..., between: Between = ...,
               to: Literal["pandas"] = ...) -> pandas.DataFrame: ...
    @overload
    def events(self, *ids: str, columns: Iterable[str] | None = ..., between: Between = ...,
               to: Literal["polars"]) -> polars.DataFrame: ...
    @overload
    def events(self, *ids: str, columns: Iterable[str] | None = ..., between: Between = ..., to: Literal["arrow"]) -> Table: ...

    def events(self, *ids: str, columns: Iterable[str] | None = None,
               between: Between = None, to: Kind = "pandas") -> Any:
        """Events: ``exp_id time name value``; arguments as of :meth:`traces`."""
        return self._frame("events", _some(ids), columns, None, between, to)

    @overload
    def nodes(self, *ids: str, columns: Iterable[str] | None = ..., to: Literal["pandas"] = ...) -> pandas.DataFrame: ...
    @overload
    def nodes(self, *ids: str, columns: Iterable[str] | None = ..., to: Literal["polars"]) -> polars.DataFrame: ...
    @overload
    def nodes(self, *ids: str, columns: Iterable[str] | None = ..., to: Literal["arrow"]) -> Table: ...

    def nodes(self, *ids: str, columns: Iterable[str] | None = None, to: Kind = "pandas") -> Any:
        """What is known of each node: ``exp_id node key value``; arguments as of :meth:`traces`."""
        return self._frame("nodes", _some(ids), columns, None, None, to)

    def remove(self, *ids: str) -> list[str]:
        """Removes these experiments, with all that belongs to them; their whole ids. ``ids`` as of :meth:`traces`; nothing is removed
        where one of them isn't there (``NotFoundError``)."""
        removed: list[str] = _session.ask({"call": "experiments.remove", "db": self._url, "ids": list(_some(ids))})["removed"]
        return removed

    def _frame(self, table: str, ids: tuple[str, ...], columns: Iterable[str] | None = None, service: str | None = None,
               between: Between = None, to: Kind = "pandas") -> Any:
        if to not in ("pandas", "polars", "arrow"):
            raise ValueError(f"to={to!r}: one of 'pandas', 'polars', 'arrow'")
        if isinstance(columns, str):
            raise TypeError(f"columns={columns!r}: a list of names is needed")
        request: dict[str, Any] = {"call": "frame", "table": table, "ids": list(ids)}
        if columns is not None:
            request["columns"] = list(columns)
            if not request["columns"]:
                raise ValueError("columns=[]: name at least one, or leave it out for the usual ones")
        if service is not None:
            request["service"] = service
        for end, moment in zip(("from", "to"), between or ()):
            if moment is not None:
                request[end] = _nanoseconds(moment)
        with _parquet.readable(self._url) as url:
            read, names = _read({**request, "db": url})
        if to == "pandas":
            return _to_pandas(read, names)
        if to == "polars":
            import polars

            return polars.DataFrame(read)
        return read


def _some(ids: tuple[str, ...]) -> tuple[str, ...]:
    if not ids:
        raise ValueError("name at least one experiment: an id, the beginning of one, or 'last'")
    for one in ids:
        if not isinstance(one, str):
            raise TypeError(f"{one!r} is no id of an experiment: a text is needed")
    return ids


def _nanoseconds(moment: Moment) -> int:
    """Since 1970."""
    given: Any = moment
    if isinstance(given, str):
        text = given.strip()
        given = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    if type(given).__module__.partition(".")[0] == "numpy":
        if given.dtype.kind == "M":
            return int(given.astype("datetime64[ns]").astype("int64"))
        given = given.item()
    if isinstance(given, datetime):
        if isinstance(getattr(given, "value", None), int):
            return int(given.value)  # type: ignore[attr-defined]  # pandas.Timestamp: to the nanosecond
        since = (given if given.tzinfo else given.replace(tzinfo=timezone.utc)) - datetime(1970, 1, 1, tzinfo=timezone.utc)
        return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
    if isinstance(given, int) and not isinstance(given, bool):
        return given * 1_000_000_000
    if isinstance(given, float):
        whole = int(given // 1)
        return whole * 1_000_000_000 + round((given - whole) * 1e9)
    raise TypeError(f"{moment!r} is no time: seconds since 1970, a text of ISO 8601 or a datetime is needed")


def _read(request: dict[str, Any]) -> tuple[Table, list[dict[str, Any]]]:
    # Of memory, and of nobody else's: it is gone with the last frame that shows it.
    descriptor = os.memfd_create("galileo-frame")
    try:
        told = _session.ask({**request, "descriptor": descriptor}, descriptor)
        if "odd" in told:
            rows, first = told["odd"]["rows"], told["odd"]["first"]
            warnings.warn(f"{rows:,} row{'s have a value' if rows > 1 else ' has a value'} that can't stand in a column, and nothing in its place: "
                          f"{'the first: ' if rows > 1 else ''}{first}", RuntimeWarning, stacklevel=4)
        return Table(descriptor, told), told["columns"]
    finally:
        os.close(descriptor)


def _to_pandas(table: Table, columns: list[dict[str, Any]]) -> pandas.DataFrame:
    """Numbers and times are the mapped memory itself; texts are Python's."""
    import numpy
    import pandas

    def series(place: int, column: dict[str, Any]) -> Any:
        if "texts" in column:
            texts = numpy.empty(table.rows, dtype=object)
            table.texts_into(place, texts)
            return texts
        values = table.values(place)
        if "dictionary" in column:
            texts = numpy.empty(column["dictionary"]["count"], dtype=object)
            table.categories_into(place, texts)
            return pandas.Categorical.from_codes(values, categories=pandas.Index(texts, dtype=object))
        if column["type"].startswith("ts"):
            return pandas.DatetimeIndex(values, tz="UTC", copy=False)  # whole numbers are UTC's; tz_localize would copy
        if column["type"].startswith("tD"):
            return values.view("timedelta64[ns]")
        return values

    return pandas.DataFrame({column["name"]: series(place, column) for place, column in enumerate(columns)}, copy=False)
