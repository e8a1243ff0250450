"""What is drawn, as arrays: exact, from every row, by numpy. Times are nanoseconds since 1970, those of no time are NAT."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Sequence, Union

import numpy
from numpy.typing import NDArray

from ..errors import UsageError
from ..frames import _nanoseconds

if TYPE_CHECKING:
    import pandas

Floats = NDArray[numpy.float64]
Integers = NDArray[numpy.int64]

NAT = numpy.iinfo(numpy.int64).min
FEW = 10  # values past a quantile, below which it isn't known (docs/reference/glossary.md)


def check(frame: Any, name: str, columns: Iterable[str]) -> pandas.DataFrame:
    """A pandas frame with these columns, or an exception that says what is missing."""
    import pandas

    if not isinstance(frame, pandas.DataFrame):
        raise TypeError(f"{name}: a pandas frame of galileo.frames is needed, not {type(frame).__name__}")
    missing = [column for column in columns if column not in frame]
    if missing:
        raise UsageError(f"{name} has no {', '.join(missing)}: it has {', '.join(map(str, frame)) or 'no columns'}",
                         f"{name} has no {', '.join(missing)}", hint="read the frame by galileo.frames with these columns")
    return frame


def times(column: Any) -> Integers:
    """Nanoseconds since 1970."""
    return column.to_numpy(dtype="datetime64[ns]").view("int64")  # type: ignore[no-any-return]


@dataclass
class Groups:
    """Rows by name: `codes` has each row's place in `names`."""
    codes: Integers
    names: list[str]

    def rows(self, place: int) -> Integers:
        return numpy.flatnonzero(self.codes == place)


def groups(frame: pandas.DataFrame, by: Any, what: str) -> Groups:
    """By a column, or by a series as long as the frame. In the order of its categories, else sorted; rows without a value are one too."""
    import pandas

    if by is None:
        return Groups(numpy.zeros(len(frame), dtype=numpy.int64), ["all"])
    column = check(frame, what, [by])[by] if isinstance(by, str) else by
    if not isinstance(column, pandas.Series):
        column = pandas.Series(column)
    if len(column) != len(frame):
        raise UsageError(f"by= has {len(column)} values, {what} {len(frame)} rows", "by= doesn't fit",
                         hint="give a column's name or a value for each row")
    if isinstance(column.dtype, pandas.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy().astype(numpy.int64), list(column.cat.categories)
    else:
        found, index = pandas.factorize(column, sort=True)
        codes, values = found.astype(numpy.int64), list(index)
    if (codes < 0).any():
        codes = numpy.where(codes < 0, len(values), codes)
        values.append("(none)")
    used = numpy.flatnonzero(numpy.bincount(codes, minlength=len(values)))
    place = numpy.zeros(len(values) + 1, dtype=numpy.int64)
    place[used] = numpy.arange(len(used))
    return Groups(place[codes], [str(values[one]) for one in used])


Start = Union[None, int, Mapping[str, int]]


def start_of(given: Any) -> Start:
    """A moment, or one for each experiment, as nanoseconds."""
    if isinstance(given, Mapping):
        return {str(experiment): _nanoseconds(moment) for experiment, moment in given.items()}
    return moment(given)


def moment(given: Any) -> int | None:
    return None if given is None else _nanoseconds(given)


def beginnings(frame: pandas.DataFrame, at: Integers, start: Start) -> Integers:
    """Of each row, from when its time counts: from `start`, else from the first time of its experiment."""
    if isinstance(start, int):
        return numpy.full(len(at), start, dtype=numpy.int64)
    zero = numpy.zeros(len(at), dtype=numpy.int64)
    experiments = groups(frame, "exp_id" if "exp_id" in frame else None, "the frame")
    for place, name in enumerate(experiments.names):
        rows = experiments.rows(place)
        known = at[rows][at[rows] != NAT]
        first = int(known.min()) if known.size else 0
        zero[rows] = start.get(name, first) if start is not None else first
    return zero


def first_of_each(frame: pandas.DataFrame, at: Integers) -> dict[str, int]:
    experiments = groups(frame, "exp_id" if "exp_id" in frame else None, "the frame")
    zero = beginnings(frame, at, None)
    return {name: int(zero[experiments.rows(place)[0]]) for place, name in enumerate(experiments.names)}


def answered(traces: pandas.DataFrame) -> NDArray[numpy.bool_]:
    """A complete answer came whose status is no failure: by what the run said; where it said nothing, as in old databases, by 400."""
    status: Integers = traces["status"].to_numpy()
    good: NDArray[numpy.bool_] = status > 0
    if "error" in traces and "intended" in traces:
        told = traces["intended"].notna().to_numpy()
        return numpy.asarray(good & numpy.where(told, traces["error"].isna().to_numpy(), status < 400))
    if "error" in traces:
        good &= traces["error"].isna().to_numpy()
    return good & (status < 400)


def durations(traces: pandas.DataFrame, time: str) -> Floats:
    """Seconds; infinite where no good answer came, NaN where there is nothing to measure (service time of what wasn't sent)."""
    if time not in ("latency", "service"):
        raise ValueError(f"time={time!r}: one of 'latency' (since it was due), 'service' (since it was sent)")
    begun = times(traces["created" if time == "latency" else "sent"])
    done = times(traces["done"])
    took = numpy.where((done != NAT) & (begun != NAT), (done - begun) / 1e9, numpy.inf)
    took[~answered(traces)] = numpy.inf
    took[begun == NAT] = numpy.nan
    return took


def is_known(count: int, quantile: float) -> bool:
    """Whether ten values lie past it; below the median, ten up to it."""
    rank = _rank(count, quantile) + 1
    return (rank if quantile < 0.5 else count - rank) >= FEW


def _rank(count: int, quantile: float) -> int:
    return max(0, math.ceil(round(quantile * count, 9)) - 1)


def quantile(values: Floats, share: float) -> float:
    """A value of those, exactly; NaN where too few lie past it."""
    count = len(values)
    if not is_known(count, share):
        return math.nan
    rank = _rank(count, share)
    return float(numpy.partition(values, rank)[rank])


def by_interval(at: Floats, values: Floats, interval: float, count: int, quantiles: Sequence[float]) -> Floats:
    """Of each interval (a row) each quantile (a column), exactly; NaN where too few values lie past it."""
    places = numpy.minimum((at / interval).astype(numpy.int64), count - 1)
    order = numpy.lexsort((values, places))
    ordered = values[order]
    edges = numpy.searchsorted(places[order], numpy.arange(count + 1))
    found = numpy.full((count, len(quantiles)), numpy.nan)
    for place in range(count):
        here = int(edges[place + 1] - edges[place])
        for column, share in enumerate(quantiles):
            if is_known(here, share):
                found[place, column] = ordered[edges[place] + _rank(here, share)]
    return found


def nice(seconds: float) -> float:
    """1, 2 or 5 times a power of ten, not below that."""
    power = 10.0 ** math.floor(math.log10(seconds))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= seconds * (1 - 1e-9))


def interval_for(span: float, count: int, quantiles: Sequence[float]) -> float:
    """Of a hundred intervals or fewer, down to five, where that is needed for the quantiles to be known in most of them."""
    wanted = max((FEW / max(min(share, 1 - share), 1e-6) for share in quantiles), default=1.0) * 1.3
    return nice(span / min(100.0, max(5.0, count / wanted)))


def checked(interval: float | None, otherwise: float) -> float:
    if interval is not None and not interval > 0:
        raise ValueError(f"interval={interval!r}: seconds above 0 are needed")
    return otherwise if interval is None else interval


def cumulative(values: Floats, most: int = 2000) -> tuple[Floats, Floats]:
    """(values, share of all up to each): all of them, or points of the same curve that are dense where it is steep and at its end."""
    ordered = numpy.sort(values)
    count = len(ordered)
    finite = int(numpy.searchsorted(ordered, numpy.inf))
    if count <= most:
        ranks = numpy.arange(finite)
    else:
        tail = count - numpy.unique(numpy.geomspace(1, count, most // 2).astype(numpy.int64))
        ranks = numpy.unique(numpy.concatenate((numpy.linspace(0, count - 1, most // 2).astype(numpy.int64), tail)))
        ranks = numpy.union1d(ranks[ranks < finite], [finite - 1] if finite else [])
    ranks = ranks.astype(numpy.int64)
    return ordered[ranks], (ranks + 1) / count


def _longest(steps: Floats) -> float:
    """Between two readings with none missing. By the mean too: some daemons read twice in a row, then wait."""
    return float(max(5 * numpy.median(steps), 3 * numpy.mean(steps)))


def with_gaps(at: Floats, values: Floats) -> tuple[Floats, Floats]:
    """A series whose line breaks where readings are missing."""
    if len(at) < 3:
        return at, values
    steps = numpy.diff(at)
    holes = numpy.flatnonzero(steps > _longest(steps))
    return numpy.insert(at, holes + 1, at[holes] + steps[holes] / 2), numpy.insert(values, holes + 1, numpy.nan)


def rates(at: Floats, counter: Floats) -> tuple[Floats, Floats]:
    """By how much a counter grew a second: in each interval by its own length, at its end. Unknown where it went back or readings
    are missing."""
    if len(at) < 2:
        return at[:0], counter[:0]
    steps, growth = numpy.diff(at), numpy.diff(counter)
    is_unknown = (steps <= 0) | (growth < 0)
    if len(steps) > 2:
        is_unknown |= steps > _longest(steps)
    return at[1:], numpy.where(is_unknown, numpy.nan, growth / numpy.where(is_unknown, 1, steps))
