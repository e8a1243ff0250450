"""Figures of events, and events in other figures."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

import numpy
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from . import _numbers, _pods
from ._figure import largest, legend, line_style, note, plain, since
from ._numbers import NAT, Floats, Start

if TYPE_CHECKING:
    import pandas


def container_names(events: Any) -> dict[str, str]:
    """Of each container's id what its pod is called."""
    return _pods.container_names(_pods.read(rows_of(events)).values())


def rows_of(events: Any) -> list[tuple[Any, int, Any, Any]]:
    """(experiment, nanoseconds, name, value) in the order of time."""
    frame = _numbers.check(events, "events", ("time", "name", "value"))
    at = _numbers.times(frame["time"])
    experiment = frame["exp_id"].astype(object).tolist() if "exp_id" in frame else [""] * len(frame)
    rows = zip(experiment, at.tolist(), frame["name"].astype(object).tolist(), frame["value"].astype(object).tolist())
    return sorted((row for row in rows if row[1] != NAT), key=lambda row: row[1])


def marks(panels: Sequence[Axes], events: Any, zero: Mapping[str, int], span: float) -> None:
    """Lines through all panels, named at the upper one's lower end where they are few enough to be read."""
    seen: list[tuple[float, str]] = []
    for experiment, at, name, value in rows_of(events):
        begun = zero.get(experiment, next(iter(zero.values()), None) if len(zero) == 1 else None)
        if begun is not None and 0 <= (at - begun) / 1e9 <= span:
            seen.append(((at - begun) / 1e9, f"{name} {value}" if isinstance(value, str) and 0 < len(value) <= 24 else str(name)))
    for place, (x, text) in enumerate(seen):
        for axes in panels:
            axes.axvline(x, color="#555555", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
        if len(seen) <= 12:
            panels[0].annotate(plain(text), (x, 0.02), xycoords=panels[0].get_xaxis_transform(), xytext=(-2, 0), textcoords="offset points",
                               rotation=90, ha="right", va="bottom", fontsize=6.5, color="#444444")


def _steps(events: Any, start: Start, end: int | None) -> tuple[list[tuple[Any, int, Any, Any]], Callable[[Any, int], float], float]:
    """The events, what makes seconds of (experiment, nanoseconds), and until when."""
    rows = rows_of(events)
    first: dict[Any, int] = {}
    for experiment, at, _, _ in rows:
        first.setdefault(experiment, at)
    if start is not None:
        first = {experiment: start if isinstance(start, int) else start.get(experiment, at) for experiment, at in first.items()}

    def seconds(experiment: Any, at: int) -> float:
        return max(0.0, (at - first[experiment]) / 1e9)
    last = [seconds(experiment, at if end is None else end) for experiment, at, _, _ in rows]
    return rows, seconds, max(last, default=0.0) or 1.0


def nodes(traces: Any, events: Any) -> pandas.Series[Any]:
    import pandas

    frame = _numbers.check(traces, "traces", ("created", "server"))
    address = frame["server"].astype(object).where(frame["server"].notna(), "")
    final = None
    if "final_host" in frame:
        final = frame["final_host"].astype(object).map(_pods.last_host)
    elif "headers" in frame:
        final = frame["headers"].map(_pods.final_host)
    if final is not None:
        address = final.where(final != "", address)
    at = _numbers.times(frame["created"])
    experiment = frame["exp_id"].astype(object) if "exp_id" in frame else pandas.Series("", index=frame.index)
    found = numpy.full(len(frame), None, dtype=object)
    asked = pandas.DataFrame({"experiment": experiment.to_numpy(), "address": address.to_numpy()})
    places_of: Any = asked.groupby(["experiment", "address"]).indices
    addresses: dict[Any, list[str]] = {}
    for one, where in places_of:
        addresses.setdefault(one, []).append(str(where))
    told = _pods.read(rows_of(events), addresses)
    for (one, where), rows in places_of.items():
        if one in told and (pods := told[one].holders[str(where)]):
            places = numpy.searchsorted([since for since, _ in pods], at[rows], side="right") - 1
            names = numpy.array([pod.node or None for _, pod in pods] + [None], dtype=object)  # the last: nobody had it yet
            found[rows] = names[places]
    return pandas.Series(pandas.Categorical(found), index=frame.index, name="node")


def replicas(axes: Axes, events: Any, by: str, start: Start, end: int | None) -> None:
    if by not in ("function", "node", "zone"):
        raise ValueError(f"by={by!r}: one of 'function', 'node', 'zone'")
    rows, seconds, last = _steps(events, start, end)
    several = len({row[0] for row in rows}) > 1
    changes: dict[str, list[tuple[float, int]]] = {}
    for experiment, pod in ((experiment, pod) for experiment, told in _pods.read(rows).items() for pod in told.pods):
        if not pod.serves:
            continue
        name = getattr(pod, by) or "(none)"
        steps = changes.setdefault(f"{name}, {experiment}" if several else name, [])
        steps.append((seconds(experiment, pod.running), 1))
        if pod.ended != NAT:
            steps.append((max(seconds(experiment, pod.ended), steps[-1][0]), -1))
    handles, names = [], []
    for place, name in enumerate(sorted(changes)):
        steps = sorted(changes[name])
        at = numpy.array([0.0] + [one for one, _ in steps] + [last])
        count = numpy.concatenate(([0], numpy.cumsum([change for _, change in steps])))
        line, = axes.plot(at, numpy.append(count, count[-1]), drawstyle="steps-post", **line_style(place))
        handles.append(line)
        names.append(plain(name))
    legend(axes, handles, names)
    if not changes:
        note(axes, "no event tells of an application's pods")
        axes.set_yticks([])
    else:
        axes.set_ylim(0, axes.get_ylim()[1] * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylabel("replicas that run")
    since(axes, last)


def weights(axes: Axes, events: Any, function: str | None, zone: str | None, start: Start, end: int | None) -> None:
    rows, seconds, last = _steps(events, start, end)
    told = _pods.read(rows)
    found: dict[tuple[Any, str, str], list[tuple[int, dict[str, float]]]] = {}
    for experiment, one in told.items():
        for when, its_function, its_zone, update in one.weights:
            if function in (None, its_function) and zone in (None, its_zone):
                found.setdefault((experiment, its_function, its_zone), []).append((when, update))
    several = [len({key[part] for key in found}) > 1 for part in range(3)]
    # A target is weighed before it serves, so that who had its address last is the one that is meant.
    names_of = {(experiment, where): had[-1][1].name for experiment, one in told.items() for where, had in one.holders.items() if had}
    lines: dict[str, list[tuple[float, float]]] = {}
    for key, updates in found.items():
        targets = dict.fromkeys(target for _, update in updates for target in update)
        of = ", ".join(str(key[part]) for part in (1, 2, 0) if several[part] and key[part])
        for target in targets:
            shown = names_of.get((key[0], target), target)
            points = lines.setdefault(f"{of}: {shown}" if of else shown, [])
            points += [(seconds(key[0], at), update.get(target, numpy.nan)) for at, update in updates]
    order = largest([len(points) for points in lines.values()])
    handles, names = [], []
    for place, name in enumerate(list(lines)[one] for one in order):
        points = sorted(lines[name], key=lambda point: point[0])
        at = numpy.array([x for x, _ in points] + [last])
        value = numpy.array([y for _, y in points] + [points[-1][1]])
        # A step of a line lasts until the next; what ends with "not there" needs its own end.
        at, value = _until(at, value)
        line, = axes.plot(at, value, drawstyle="steps-post", **line_style(place))
        handles.append(line)
        names.append(plain(name))
    if len(lines) > len(order):
        handles.append(Line2D([], [], linestyle="none"))
        names.append(f"{len(lines) - len(order)} more not drawn")
    legend(axes, handles, names)
    if not lines:
        note(axes, "no event tells of weights")
        axes.set_yticks([])
    else:
        axes.set_ylim(0, axes.get_ylim()[1] * 1.08)
    axes.set_ylabel("weight")
    since(axes, last)


def _until(at: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Steps whose last value before a gap is drawn up to the gap."""
    ends = numpy.flatnonzero(numpy.isfinite(value[:-1]) & numpy.isnan(value[1:])) + 1
    return numpy.insert(at, ends, at[ends]), numpy.insert(value, ends, value[ends - 1])
