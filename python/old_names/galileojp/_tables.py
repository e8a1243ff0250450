"""What `galileo.frames` reads, in the columns and kinds of the original: upper case as its SQL tables have them, lower case
with times and numbers as text as its InfluxDB has them."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from galileo import errors, frames

if TYPE_CHECKING:
    import numpy
    import pandas

_NS = 1_000_000_000
#: Old name: ours.
_SQL = {
    "nodeinfo": {"EXP_ID": "exp_id", "NODE": "node", "INFO_KEY": "key", "INFO_VALUE": "value"},
    "telemetry": {"EXP_ID": "exp_id", "TIMESTAMP": "time", "METRIC": "metric", "SUBSYSTEM": "subsystem", "NODE": "node", "VALUE": "value"},
    "events": {"EXP_ID": "exp_id", "TIMESTAMP": "time", "NAME": "name", "VALUE": "value"},
    "traces": {"REQUEST_ID": "request_id", "CLIENT": "client", "SERVICE": "service", "CREATED": "created", "SENT": "sent", "DONE": "done",
               "STATUS": "status", "RESPONSE": "response", "HEADERS": "headers", "SERVER": "server", "EXP_ID": "exp_id"},
}
_INFLUX = {
    "telemetry": {"value": "value", "ts": "time", "exp_id": "exp_id", "node": "node", "metric": "metric", "subsystem": "subsystem"},
    "events": {"value": "value", "ts": "time", "name": "name", "exp_id": "exp_id"},
    "traces": {"value": "request_id", "client": "client", "service": "service", "created": "created", "sent": "sent", "done": "done",
               "status": "status", "server": "server", "exp_id": "exp_id", "response": "response", "headers": "headers"},
}
_READ = {"nodeinfo": "nodes"}


def read(database: frames.Database, table: str, ids: tuple[str, ...], columns: list[str]) -> pandas.DataFrame | None:
    """Of those experiments that are there; None where none is."""
    call = getattr(database, _READ.get(table, table))
    try:
        return call(*ids, columns=columns)  # type: ignore[no-any-return]
    except errors.NotFoundError:
        there = set(database.experiments().exp_id)
        found = [one for one in ids if one in there]
        return call(*found, columns=columns) if found else None


def seconds(times: pandas.Series[Any], absent: float = -1.0) -> Any:
    """Times as the doubles that the database has; ``absent`` where there is none."""
    import numpy

    ns = times.to_numpy(dtype="datetime64[ns]").view("int64")
    whole = ns // _NS  # whole seconds apart: a double of all nanoseconds is off by some hundred
    values = whole + (ns - whole * _NS) / _NS
    missing = ns == numpy.iinfo("int64").min
    return numpy.where(missing, absent, values) if missing.any() else values


def index_of(values: Any, name: str) -> pandas.DatetimeIndex:
    """As pandas 1.5 makes times of one double after the other: what is left of the nanosecond is cut off. Without a zone."""
    import numpy
    import pandas

    whole = numpy.floor(values)
    ns = whole.astype("int64") * _NS + (numpy.round(values - whole, 9) * _NS).astype("int64")
    return pandas.DatetimeIndex(ns.view("datetime64[ns]"), name=name)


def texts_of(values: Any) -> numpy.ndarray[Any, Any]:
    """Doubles as Python writes them."""
    import numpy

    texts = numpy.empty(len(values), dtype=object)
    texts[:] = list(map(repr, values.tolist()))
    return texts


def frame(data: dict[str, Any], index: Any = None) -> pandas.DataFrame:
    """A frame whose texts are Python's objects, on every pandas: newer ones make a kind of their own of them."""
    import pandas

    made = pandas.DataFrame({name: as_object(values) for name, values in data.items()}, copy=False)
    if index is not None:
        made.index = index
    return made


def times_of(values: Any, **options: Any) -> Any:
    """Texts of ISO 8601 as times, with and without a fraction: newer pandas take one form for all unless told otherwise."""
    import pandas

    if not pandas.__version__.startswith("1."):
        options["format"] = "ISO8601"
    return pandas.to_datetime(values, **options)


def as_object(values: Any, index: Any = None) -> Any:
    """A series of objects where the values are an array of them, else the values."""
    import numpy
    import pandas

    if isinstance(values, numpy.ndarray) and values.dtype == object:
        return pandas.Series(values, dtype=object, index=index)
    return values


def rows_of(rows: list[Any], names: list[str]) -> dict[str, Any]:
    """Columns of rows: texts and what isn't there as objects, numbers as numbers."""
    import numpy

    columns = zip(*rows) if rows else [() for _ in names]
    data: dict[str, Any] = {}
    for name, values in zip(names, columns):
        is_number = bool(values) and all(isinstance(one, (int, float)) for one in values)
        data[name] = numpy.array(values) if is_number else numpy.fromiter(values, dtype=object, count=len(values))
    return data


def objects(column: pandas.Series[Any], absent: Any = None) -> Any:
    """Texts as Python's objects; ``absent`` where there is none."""
    import numpy
    import pandas

    if isinstance(column.dtype, pandas.CategoricalDtype):
        texts = numpy.empty(len(column.cat.categories) + 1, dtype=object)
        texts[:-1], texts[-1] = column.cat.categories, absent
        return texts[column.cat.codes.to_numpy()]
    values = column.to_numpy(dtype=object)
    if absent is not None or column.dtype != object:  # of an object column it is None already
        missing = column.isna().to_numpy()
        if missing.any():
            values = numpy.where(missing, absent, values)
    return values


def sql(database: frames.Database, table: str, ids: tuple[str, ...]) -> pandas.DataFrame:
    """As the SQL tables have it; of traces the index is SENT, else TIMESTAMP."""
    import pandas

    names = _SQL[table]
    found = read(database, table, ids, list(names.values()))
    stamp = {"traces": "SENT", "nodeinfo": None}.get(table, "TIMESTAMP")
    if found is None or found.empty:
        empty = pandas.DataFrame({name: pandas.Series(dtype=object) for name in names})
        return empty if stamp is None else empty.set_index(pandas.DatetimeIndex([], dtype="datetime64[ns]", name=stamp))
    data: dict[str, Any] = {}
    for old, ours in names.items():
        kind = found[ours].dtype
        if isinstance(kind, pandas.DatetimeTZDtype):
            data[old] = seconds(found[ours])
        elif kind.kind in "if":
            data[old] = found[ours].astype("int64" if kind.kind == "i" else "float64").to_numpy()
        else:
            data[old] = objects(found[ours])
    made = frame(data)
    if stamp is not None:
        made.index = pandas.DatetimeIndex(pandas.to_datetime(made[stamp], unit="s"), name=stamp)
    return made


def influx(database: frames.Database, table: str, ids: tuple[str, ...]) -> pandas.DataFrame:
    """As the original's InfluxDB has it. ValueError where there is nothing; NotFoundError where no experiment is."""
    found = getattr(database, table)(*ids, columns=list(_INFLUX[table].values()))
    if table == "events":  # one without a value never came to be there
        found = found[found["value"].notna()]
    if found.empty:
        raise ValueError("Empty dataframes")
    return _as_influx(found, table)


def influx_telemetry(database: frames.Database, exp_id: str, metric: str) -> pandas.DataFrame:
    """Of one metric, by time; without a row where there is none."""
    found = database.telemetry(exp_id, columns=list(_INFLUX["telemetry"].values()))
    return _as_influx(found[(found["metric"] == metric).to_numpy()].sort_values("time", kind="stable"), "telemetry")


def _as_influx(found: pandas.DataFrame, table: str) -> pandas.DataFrame:
    import numpy
    import pandas

    data: dict[str, Any] = {}
    stamps = None
    for old, ours in _INFLUX[table].items():
        kind = found[ours].dtype
        if isinstance(kind, pandas.DatetimeTZDtype):
            values = seconds(found[ours])
            if old in ("ts", "sent"):
                stamps = index_of(values, old)
            data[old] = texts_of(values)
        elif kind.kind == "i":
            data[old] = found[ours].astype(str).to_numpy(dtype=object)
        elif kind.kind == "f":
            data[old] = found[ours].to_numpy()
        else:
            data[old] = objects(found[ours], numpy.nan)
    return frame(data, stamps)


def experiments(database: frames.Database) -> pandas.DataFrame:
    import pandas

    found = database.experiments()
    data: dict[str, Any] = {"EXP_ID": objects(found["exp_id"]), "NAME": objects(found["name"]), "CREATOR": objects(found["creator"])}
    for old, ours in (("START", "start"), ("END", "end"), ("CREATED", "created")):
        data[old] = pandas.Series(seconds(found[ours])).mask(found[ours].isna().reset_index(drop=True))
    data["STATUS"] = objects(found["status"])
    data["metadata"] = objects(found["metadata"], "{}")
    return frame(data)


def metadata(database: frames.Database) -> pandas.DataFrame:
    import pandas

    found = database.experiments()
    found = found[found["metadata"].notna()]
    return frame({"EXP_ID": objects(found["exp_id"]), "DATA": objects(found["metadata"])})
