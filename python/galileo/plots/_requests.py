"""Figures of requests."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Sequence

import numpy
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..errors import UsageError
from . import _numbers
from ._figure import (COLOURS, DASHES, FAILED, GREY, MANY_POINTS, MARKERS, MOST, largest, legend, line_style, logarithmic, note, number,
                      numbers, plain, since, time_unit)
from ._numbers import NAT, Floats, Integers

_TRACES = ("created", "done", "status")
_AXIS = {"latency": "latency", "service": "service time"}


def _percent(share: float) -> str:
    return f"p{100 * share:g}"


@dataclass
class _Requests:
    """What is drawn of a frame: when each was due, in seconds since its experiment's beginning, and how long it took."""
    at: Floats
    took: Floats
    zero: dict[str, int]
    rows: Integers  # of the frame

    @property
    def span(self) -> float:
        """Until the last request was due; of one at most, a second."""
        return float(self.at.max() if self.at.size else 0.0) or 1.0


def _requests(traces: Any, time: str) -> _Requests:
    frame = _numbers.check(traces, "traces", (*_TRACES, "sent") if time == "service" else _TRACES)
    took = _numbers.durations(frame, time)
    created = _numbers.times(frame["created"])
    zero = _numbers.first_of_each(frame, created)
    rows = numpy.flatnonzero((created != NAT) & ~numpy.isnan(took))
    at = (created - _numbers.beginnings(frame, created, None)) / 1e9
    return _Requests(at[rows], took[rows], zero, rows)


def latency(axes: Axes, traces: Any, quantiles: Sequence[float], interval: float | None, by: Any,
            time: str) -> tuple[float, dict[str, int]]:
    """The span that it shows, and when each experiment began."""
    requests = _requests(traces, time)
    span = requests.span
    answered = numpy.isfinite(requests.took)
    factor, unit = time_unit(requests.took)
    handles: list[Any] = []
    names: list[str] = []
    drawn: list[Floats] = [requests.took[answered] * factor] if by is None else []
    if by is None and requests.at.size:
        _cloud(axes, requests.at[answered], requests.took[answered] * factor, span)
    parts = _numbers.groups(traces, by, "traces")
    codes = parts.codes[requests.rows]
    shown = largest(numpy.bincount(codes, minlength=len(parts.names)))
    fewest = min((int((codes == place).sum()) for place in shown), default=0)
    step = _numbers.checked(interval, _numbers.interval_for(span, fewest, sorted(quantiles)[:2]))
    count = max(1, int(numpy.ceil(span / step - 1e-9)))
    middles = (numpy.arange(count) + 0.5) * step
    for number, place in enumerate(shown):
        of = codes == place
        found = _numbers.by_interval(requests.at[of], requests.took[of], step, count, quantiles)
        for column, share in enumerate(quantiles):
            values = numpy.where(numpy.isinf(found[:, column]), numpy.nan, found[:, column])
            style = ({"color": COLOURS[column % MOST], "linestyle": DASHES[0]} if by is None
                     else {"color": COLOURS[number % MOST], "linestyle": DASHES[(number if len(quantiles) == 1 else column) % MOST]})
            marker = MARKERS[(column if by is None else number) % len(MARKERS)]
            line, = axes.plot(middles, values * factor, marker=marker, zorder=3, **style)
            handles.append(line)
            drawn.append(values * factor)
            few = "" if numpy.isfinite(values).any() else " (too few)"
            names.append(f"{_percent(share)}{few}" if by is None else f"{plain(parts.names[place])}, {_percent(share)}{few}")
    if (others := numpy.count_nonzero(numpy.bincount(codes)) - len(shown)) > 0:
        handles.append(Line2D([], [], linestyle="none"))
        names.append(f"{others} more not drawn")
    if (failed := int((~answered).sum())):
        handles.append(_failures(axes, requests.at[~answered], span))
        names.append(f"failed ({failed:,})")
    if by is None and answered.any():
        handles.append(Line2D([], [], color=GREY, marker=".", linestyle="none"))
        names.append(f"requests ({int(answered.sum()):,})")
    legend(axes, handles, names)
    if answered.any():
        _log_range(axes, numpy.concatenate(drawn), "y")
    if not answered.any() or not axes.get_yscale() == "log":
        why_not = "too few requests in each interval" if answered.any() else "no request was answered"
        note(axes, why_not if requests.at.size else "no requests")
        axes.set_yticks([])
    axes.set_ylabel(f"{_AXIS[time]} ({unit})" + (f"\nquantiles by {step:g} s" if answered.any() else ""))
    since(axes, max(span, count * step))
    return max(span, count * step), requests.zero


def _log_range(axes: Axes, values: Floats, which: str) -> None:
    values = values[numpy.isfinite(values) & (values > 0)]
    if values.size:
        logarithmic(axes, float(values.min()), float(values.max()), which)


def _cloud(axes: Axes, at: Floats, took: Floats, span: float) -> None:
    """Each request; of many, how dense they lie, as one picture of a bounded size."""
    if len(at) <= MANY_POINTS:
        axes.plot(at, took, linestyle="none", marker=".", markersize=2, color=GREY, alpha=0.45, rasterized=True, zorder=1)
        return
    took = numpy.maximum(took, 1e-9)
    low, high = took.min(), max(took.max(), took.min() * 1.001)
    counts, x, y = numpy.histogram2d(at, numpy.log10(took), bins=(240, 120), range=((0, span), (numpy.log10(low), numpy.log10(high))))
    shades = _nothing_is_white(counts.T)
    axes.pcolormesh(x, 10.0 ** y, shades, cmap="Greys", norm=LogNorm(0.3, max(1, counts.max()) * 8), rasterized=True, zorder=1)


def _nothing_is_white(counts: Floats) -> Floats:
    return numpy.where(counts == 0, numpy.nan, counts)


def _failures(axes: Axes, at: Floats, span: float) -> Line2D:
    """Crosses at the top, where no latency is; of many, one for each 150th of the time that has any."""
    shown = at if len(at) <= 150 else (numpy.unique((at / span * 150).astype(int)) + 0.5) * span / 150
    line, = axes.plot(shown, numpy.full(len(shown), 0.985), linestyle="none", marker="x", markersize=4, color=FAILED, clip_on=False,
                      transform=axes.get_xaxis_transform(), zorder=4)
    return line


def cdf(axes: Axes, traces: Any, by: Any, time: str) -> None:
    requests = _requests(traces, time)
    factor, unit = time_unit(requests.took)
    parts = _numbers.groups(traces, by, "traces")
    codes = parts.codes[requests.rows]
    counts = numpy.bincount(codes, minlength=len(parts.names))
    shown = largest(counts, MOST if numpy.count_nonzero(counts) <= MOST else MOST - 1)
    curves = [(plain(parts.names[place]), codes == place, line_style(number)) for number, place in enumerate(shown)]
    if numpy.count_nonzero(counts) > len(shown):
        rest = ~numpy.isin(codes, shown)
        curves.append((f"{numpy.count_nonzero(counts) - len(shown)} others", rest, {"color": GREY, "linestyle": "-"}))
    handles: list[Any] = []
    ends = []
    for _, of, style in curves:
        values, shares = _numbers.cumulative(requests.took[of])
        values = values * factor
        # From 0 %, and at its end to the right as far as the axes go: what wasn't answered then wasn't at all.
        line, = axes.plot(numpy.concatenate((values[:1], values)), numpy.concatenate(([0.0] if len(values) else [], shares)) * 100,
                          drawstyle="steps-post", **style)
        handles.append(line)
        ends.append(values[[0, -1]] if len(values) else values)
    if by is not None or len(curves) > 1:
        answers = ["" if len(end) else ", none answered" for end in ends]
        legend(axes, handles, [f"{name} ({int(of.sum()):,}{told})" for (name, of, _), told in zip(curves, answers)])
    reached = numpy.concatenate(ends) if ends else numpy.empty(0)
    if reached.size:
        _log_range(axes, reached, "x")
        for line, (_, of, style) in zip(handles, curves):
            x, y = numpy.asarray(line.get_xdata()), numpy.asarray(line.get_ydata())
            if len(x):
                axes.plot([x[-1], axes.get_xlim()[1]], [y[-1]] * 2, linewidth=0.8, **style)
    else:
        note(axes, "no request was answered" if requests.at.size else "no requests")
        axes.set_xticks([])
    axes.set_ylim(0, 102)
    axes.set_yticks([0, 25, 50, 75, 90, 100])
    axes.set_ylabel("answered within it (% of all)")
    axes.set_xlabel(f"{_AXIS[time]} ({unit})")


def heatmap(figure: Figure, axes: Axes, traces: Any, interval: float | None, time: str) -> None:
    requests = _requests(traces, time)
    answered = numpy.isfinite(requests.took) & (requests.took > 0)
    factor, unit = time_unit(requests.took)
    at, took = requests.at[answered], requests.took[answered] * factor
    axes.set_ylabel(f"{_AXIS[time]} ({unit})")
    span = requests.span
    fine = 2 * math.sqrt(len(took))  # of few requests every field would have one
    step = _numbers.checked(interval, _numbers.nice(span / min(80, max(10, fine))))
    count = max(1, int(numpy.ceil(span / step - 1e-9)))
    if not took.size:
        note(axes, "no request was answered" if requests.at.size else "no requests")
        axes.set_yticks([])
        since(axes, span)
        return
    low, high = took.min() / 1.02, took.max() * 1.02
    counts, x, y = numpy.histogram2d(at, numpy.log10(took), bins=(count, int(min(60, max(15, fine)))),
                                     range=((0, count * step), (numpy.log10(low), numpy.log10(high))))
    top = counts.max()
    norm = LogNorm(1, top) if top > 20 else None
    mesh = axes.pcolormesh(x, 10.0 ** y, _nothing_is_white(counts.T), cmap="cividis_r", norm=norm, vmin=None if norm else 0,
                           rasterized=True)
    axes.grid(False)
    bar = figure.colorbar(mesh, ax=axes, pad=0.02, aspect=30)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_label(f"requests in {step:g} s")
    bar.ax.minorticks_off()
    numbers(bar.ax)
    if norm is None:
        bar.ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    logarithmic(axes, float(low), float(high))
    if (failed := int((~numpy.isfinite(requests.took)).sum())):
        legend(axes, [_failures(axes, requests.at[~numpy.isfinite(requests.took)], span)], [f"failed ({failed:,})"])
    since(axes, count * step)


def rates(axes: Axes, traces: Any, interval: float | None) -> None:
    frame = _numbers.check(traces, "traces", _TRACES)
    created, done = _numbers.times(frame["created"]), _numbers.times(frame["done"])
    good = _numbers.answered(frame)
    zero = _numbers.beginnings(frame, created, None)
    last = max(created.max(), done.max()) - zero.min() if len(frame) else 0
    span = float(last) / 1e9
    span = span if len(frame) > 1 and span > 0 else 1.0
    if "exp_id" in frame and frame["exp_id"].nunique() > 1:
        raise UsageError("rates are of one experiment", "rates are of one experiment", hint="call it for each, with ax=")
    step = _numbers.checked(interval, _numbers.nice(span / 50))
    count = max(1, int(numpy.ceil(span / step - 1e-9)))
    edges = numpy.arange(count + 1) * step
    # The last interval is as long as what there is of it; a short one, in which one request would be a thousand a second, is of the one before.
    if count > 1 and span - edges[-2] < step / 2:
        count, edges = count - 1, numpy.append(edges[:-2], span)
    widths = numpy.minimum(edges[1:], span) - edges[:-1]
    handles: list[Any] = []
    names: list[str] = []
    rows: list[tuple[str, Integers, Any, dict[str, Any]]] = [
        ("due", created, numpy.ones(len(frame), dtype=bool), {"color": "#000000", "linestyle": (0, (2, 1))}),
            ("answered", done, good, {"color": COLOURS[0]}), ("failed", done, ~good, {"color": FAILED, "linestyle": (0, (6, 1.5, 1, 1.5))})]
    for name, at, of, style in rows:
        known = of & (at != NAT)
        total = int(known.sum())
        if name == "failed" and not of.any():
            continue
        places = numpy.minimum(((at[known] - zero[known]) / 1e9 / step).astype(numpy.int64), count - 1)
        values = numpy.bincount(places[places >= 0], minlength=count) / widths
        handles.append(axes.stairs(values, edges, baseline=None, linewidth=1.4, **style))
        names.append(f"{name} ({total:,})" + (f", {int(of.sum()) - total:,} at no known time" if total < of.sum() else ""))
    if len(frame):
        legend(axes, handles, names)
    else:
        note(axes, "no requests")
    axes.set_ylim(0, None)
    axes.set_ylabel(f"requests a second\nby {step:g} s")
    since(axes, float(edges[-1]))


def comparison(axes: Axes, traces: Any, by: Any, quantiles: Sequence[float], time: str, fit: bool) -> None:
    requests = _requests(traces, time)
    factor, unit = time_unit(requests.took)
    parts = _numbers.groups(traces, by, "traces")
    experiments = _numbers.groups(traces, "exp_id" if "exp_id" in traces else None, "traces")
    codes, runs = parts.codes[requests.rows], experiments.codes[requests.rows]
    rows = len(parts.names)
    offsets = numpy.linspace(-0.22, 0.22, len(quantiles)) if len(quantiles) > 1 else [0.0]
    values: list[float] = []
    several = False
    for place in range(rows):
        of = codes == place
        of_runs = [requests.took[of & (runs == run)] for run in numpy.unique(runs[of])]
        several |= len(of_runs) > 1
        pieces = of_runs if len(of_runs) > 1 else _tenths(requests.at[of], requests.took[of])
        for column, share in enumerate(quantiles):
            figures = numpy.array([_numbers.quantile(one, share) for one in of_runs]) * factor
            whole = float(figures.mean()) if len(figures) else numpy.nan
            small = numpy.array([_numbers.quantile(one, share) for one in pieces]) * factor
            small = small[numpy.isfinite(small)]
            y = place + offsets[column]
            colour = COLOURS[column % MOST]
            marker = MARKERS[column % len(MARKERS)]
            axes.plot(small, numpy.full(len(small), y), linestyle="none", marker=marker, markersize=3.2, markerfacecolor="none",
                      markeredgecolor=colour, markeredgewidth=0.6, alpha=0.75, zorder=2)
            if numpy.isfinite(whole):
                axes.plot([whole], [y], linestyle="none", marker=marker, markersize=7, color=colour, markeredgecolor="white",
                          markeredgewidth=0.6, zorder=3)
                axes.annotate(number(float(f"{whole:.3g}")), (whole, y), xytext=(0, -6), textcoords="offset points", ha="center", va="top",
                              fontsize=6.5, color=colour)
            values += [*small, *([whole] if numpy.isfinite(whole) else [])]
    handles = [Line2D([], [], linestyle="none", marker=MARKERS[column % len(MARKERS)], color=COLOURS[column % MOST], markersize=6)
               for column in range(len(quantiles))]
    names = [_percent(share) for share in quantiles]
    handles.append(Line2D([], [], linestyle="none", marker="o", markersize=3.2, markerfacecolor="none", markeredgecolor=GREY))
    names.append("small: each run" if several else "small: each tenth of the run")
    if values:
        legend(axes, handles, names)
        _log_range(axes, numpy.array(values), "x")
    else:
        note(axes, "too few answers" if rows else "no requests")
        axes.set_xticks([])
    for place in range(1, rows):
        axes.axhline(place - 0.5, color="#dedede", linewidth=0.6, zorder=0)
    axes.set_yticks(range(rows), [plain(name) for name in parts.names])
    axes.set_ylim(max(rows, 1) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"{_AXIS[time]} ({unit})")
    if fit and rows:
        axes.figure.set_size_inches(6.6, 1.0 + 0.62 * rows)  # type: ignore[union-attr]


def _tenths(at: Floats, took: Floats) -> list[Floats]:
    if not at.size:
        return []
    places = numpy.minimum(((at - at.min()) / max(float(numpy.ptp(at)), 1e-9) * 10).astype(int), 9)
    return [took[places == place] for place in range(10)]
