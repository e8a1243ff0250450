"""Figures of telemetry."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping

import numpy
from matplotlib.axes import Axes

from ..errors import UsageError
from . import _numbers
from ._events import container_names, rows_of
from ._figure import MANY_POINTS, MARKERS, MOST, legend, line_style, note, numbers, plain, since
from ._numbers import NAT, Floats, Integers, Start

if TYPE_CHECKING:
    import pandas

@dataclass(frozen=True)
class _Metric:
    metrics: tuple[str, ...]  # the first that was recorded
    label: str
    factor: float = 1.0
    is_counter: bool = False
    all_of_them: bool = False  # not the first one, but each


_KNOWN: Mapping[tuple[str, str], _Metric] = {
    ("cpu", "node"): _Metric(("cpu_busy", "cpu"), "CPU (% of all cores)"),
    ("cpu", "process"): _Metric(("process_cpu",), "CPU (% of one core)"),
    ("cpu", "container"): _Metric(("kubernetes_cgrp_cpu", "docker_cgrp_cpu"), "CPU (% of one core)", 1e-7, True, True),
    ("memory", "node"): _Metric(("ram",), "memory (MB)", 1.024e-3),
    ("memory", "process"): _Metric(("process_rss",), "memory (MB)", 1e-6),
    ("memory", "container"): _Metric(("kubernetes_cgrp_memory", "docker_cgrp_memory"), "memory (MB)", 1e-6, False, True),
    ("network", "node"): _Metric(("rx", "tx"), "network (kB/s)", all_of_them=True),
    ("network", "container"): _Metric(("kubernetes_cgrp_net", "docker_cgrp_net"), "network (kB/s)", 1e-3, True, True),
    ("storage", "node"): _Metric(("rd", "wr"), "storage (kB/s)", all_of_them=True),
    ("storage", "process"): _Metric(("process_read", "process_written"), "storage (kB/s)", 1e-3, True, True),
    ("storage", "container"): _Metric(("kubernetes_cgrp_blkio", "docker_cgrp_blkio"), "storage (kB/s)", 1e-3, True, True)}
_CONCEPTS = ("cpu", "memory", "network", "storage")
# docs/how-to/telemetry.md
_UNITS: Mapping[str, tuple[str, float, bool]] = {
    "cpu_busy": ("%", 1, False), "freq": ("kHz", 1, False), "ram": ("kB", 1, False), "tx": ("kB/s", 1, False), "rx": ("kB/s", 1, False),
    "rd": ("kB/s", 1, False), "wr": ("kB/s", 1, False), "process_cpu": ("% of one core", 1, False), "process_rss": ("bytes", 1, False),
    "process_read": ("bytes/s", 1, True), "process_written": ("bytes/s", 1, True), "signal": ("dBm", 1, False), "thermal": ("°C", 1, False),
    "energy": ("W", 1, True), "power": ("mW", 1, False), "gpu_util": ("%", 1, False), "gpu_util_memory": ("%", 1, False),
    "gpu_freq": ("MHz", 1, False),
    "gpu_power": ("mW", 1, False), "gpu_memory": ("bytes", 1, False), "gpu_temperature": ("°C", 1, False),
    "tx_bitrate": ("Mbit/s", 1, False),
    "rx_bitrate": ("Mbit/s", 1, False), "psi_cpu": ("% of the time", 1e-4, True), "psi_memory": ("% of the time", 1e-4, True),
    "psi_io": ("% of the time", 1e-4, True)}
_UNITS_OF_CONTAINERS: Mapping[str, tuple[str, float, bool]] = {
    "cpu": ("% of one core", 1e-7, True), "blkio": ("bytes/s", 1, True), "memory": ("bytes", 1, False), "net": ("bytes/s", 1, True),
    "nr_throttled": ("periods/s", 1, True), "nr_periods": ("periods/s", 1, True), "throttled": ("% of the time", 1e-7, True),
    "faults": ("faults/s", 1, True), "major_faults": ("faults/s", 1, True), "psi_cpu": ("% of the time", 1e-4, True),
    "psi_memory": ("% of the time", 1e-4, True), "psi_io": ("% of the time", 1e-4, True)}


def _metric(metric: str, of: str) -> _Metric:
    if of not in ("node", "container", "process"):
        raise ValueError(f"of={of!r}: one of 'node', 'container', 'process'")
    if (known := _KNOWN.get((metric, of))) is not None:
        return known
    if metric in _CONCEPTS:
        raise UsageError(f"the {metric} of a {of} isn't measured", f"the {metric} of a {of} isn't measured")
    family, _, rest = metric.partition("_cgrp_")
    unit, factor, is_counter = _UNITS_OF_CONTAINERS.get(rest, ("", 1, False)) if rest else _UNITS.get(metric, ("", 1, False))
    return _Metric((metric,), f"{plain(metric)} ({unit})" if unit else plain(metric), factor, is_counter)


def utilisation(axes: Axes, telemetry: Any, metric: str, of: str, events: Any, start: Start, span: float | None) -> None:
    frame = _numbers.check(telemetry, "telemetry", ("time", "metric", "subsystem", "node", "value"))
    known = _metric(metric, of)
    at = _numbers.times(frame["time"])
    zero = _numbers.beginnings(frame, at, start)
    recorded = [one for one in known.metrics if (frame["metric"] == one).any()]
    chosen = numpy.zeros(len(frame), dtype=bool)
    for one in recorded if known.all_of_them else recorded[:1]:
        chosen |= (frame["metric"] == one).to_numpy()
    chosen &= at != NAT
    of_them = frame[chosen]
    series = _series(of_them, (at[chosen] - zero[chosen]) / 1e9, known, _names(of_them, metric, of, events))
    series = [(name, x, y) for name, x, y in series if len(x)]
    means = [float(numpy.nanmean(y)) if numpy.isfinite(y).any() else -1.0 for _, _, y in series]
    order = sorted(sorted(range(len(series)), key=lambda place: -means[place])[:MOST])
    handles: list[Any] = []
    names: list[str] = []
    others = None
    for place, (name, x, y) in enumerate(series):
        x, y = _numbers.with_gaps(x, y)
        # A reading with none beside it has no line.
        is_there = numpy.isfinite(numpy.concatenate(([numpy.nan], y, [numpy.nan])))
        is_alone = is_there[1:-1] & ~is_there[:-2] & ~is_there[2:]
        if place not in order:
            others, = axes.plot(x, y, color="#bbbbbb", linewidth=0.7, rasterized=len(x) > MANY_POINTS, zorder=1)
            continue
        style = line_style(order.index(place))
        alone = {"marker": MARKERS[order.index(place)], "markevery": numpy.flatnonzero(is_alone).tolist()} if is_alone.any() else {}
        line, = axes.plot(x, y, rasterized=len(x) > MANY_POINTS, zorder=2, **alone, **style)
        handles.append(line)
        names.append(plain(name))
    if others is not None:
        handles.append(others)
        names.append(f"{len(series) - len(order)} others")
    legend(axes, handles, names)
    if not series:
        what = "CPU" if metric == "cpu" else plain(metric)
        note(axes, f"no {what} of a {of} was measured" if metric in _CONCEPTS else f"no {what} was measured")
        axes.set_yticks([])
    else:
        drawn = numpy.concatenate([y[numpy.isfinite(y)] for _, _, y in series] + [numpy.zeros(1)])
        if drawn.min() >= 0:
            axes.set_ylim(0, max(axes.get_ylim()[1], drawn.max() * 1.05) if drawn.max() > 0 else 1)
        numbers(axes)
    axes.set_ylabel(known.label)
    reach = max((float(x[-1]) for _, x, _ in series), default=1.0)
    since(axes, span if span is not None else reach)


def _names(frame: pandas.DataFrame, metric: str, of: str, events: Any) -> Any:
    """What each row's series is called."""
    node = frame["node"].astype(object).where(frame["node"].notna(), "(no node)")
    part = frame["subsystem"].astype(object).where(frame["subsystem"].notna(), "")
    if of == "container" and metric in _CONCEPTS:
        told = container_names(events) if events is not None else {}
        named = {text: _container(text, told) for text in part.unique()}
        name = part.map(named)
        if metric == "network":  # below a container's sum are its devices
            name = name.where(~part.str.contains("/"), None)
    elif of == "process" and metric in ("cpu", "memory") or of == "node" and metric in ("cpu", "memory"):
        name = part if of == "process" else node
    else:
        name = (frame["metric"].astype(object) + "/" + part).str.rstrip("/") if frame["metric"].nunique() > 1 else part
        name = name.where(name != "", node)
    if node.nunique() > 1:
        name = name.where(name == node, name + " on " + node) if of != "node" or metric not in ("cpu", "memory") else name
    if "exp_id" in frame and frame["exp_id"].nunique() > 1:
        name = name + ", " + frame["exp_id"].astype(object)
    return name


def _container(text: str, told: Mapping[str, str]) -> str:
    identity, _, rest = text.partition("/")
    known = told.get(identity) or next((pod for one, pod in told.items() if len(identity) >= 12 and one.startswith(identity)), None)
    name = known if known is not None else identity[:12]
    return f"{name}/{rest}" if rest else name


def _series(frame: pandas.DataFrame, at: Floats, known: _Metric, names: Any) -> list[tuple[str, Floats, Floats]]:
    """(name, seconds, values), each in the order of time. Counters of different identity aren't subtracted, whatever they are called."""
    columns = [frame[column] for column in ("exp_id", "node", "metric", "subsystem") if column in frame]
    identity = [column.astype(object).where(column.notna(), "") for column in columns]
    found: dict[str, list[tuple[Floats, Floats]]] = {}
    values = frame["value"].to_numpy(dtype=float)
    told = names.to_numpy()
    if len(frame):
        codes = numpy.zeros(len(frame), dtype=numpy.int64)
        for column in identity:
            code, unique = _factorize(column)
            codes = codes * (len(unique) + 1) + code
        order = numpy.lexsort((at, codes))
        edges = numpy.flatnonzero(numpy.diff(codes[order])) + 1
        for rows in numpy.split(order, edges):
            name = told[rows[0]]
            if name is None or name != name:
                continue
            x, y = at[rows], values[rows]
            if known.is_counter:
                x, y = _numbers.rates(x, y)
            found.setdefault(str(name), []).append((x, y * known.factor))
    series = []
    for name in sorted(found):
        runs = sorted((run for run in found[name] if len(run[0])), key=lambda run: float(run[0][0]))
        if runs:  # the runs of a container, or what else has one name, follow each other
            breaks = [piece for run in runs for piece in (run, (run[0][-1:], numpy.array([numpy.nan])))][:-1]
            series.append((name, numpy.concatenate([x for x, _ in breaks]), numpy.concatenate([y for _, y in breaks])))
    return series


def _factorize(column: Any) -> tuple[Integers, Any]:
    import pandas

    codes, unique = pandas.factorize(column)
    return codes.astype(numpy.int64), unique
