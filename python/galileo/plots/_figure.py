"""Figures as Galileo draws them: made without pyplot, so that none stays open, and styled for as long as they are drawn."""
from __future__ import annotations

import math
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import Any, Iterator, Sequence

import matplotlib
import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure as _Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullFormatter, NullLocator

#: Okabe and Ito's, without the yellow that paper swallows: told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7A5C2E")
#: A line is known by its dashes too, where there is no colour.
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (9, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (3, 3)),
                           (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
GREY = "#8a8a8a"
FAILED = "#B2182B"
MANY_POINTS = 5000
MOST = len(COLOURS)  # lines that can be told apart

STYLE: dict[str, Any] = {
    "axes.axisbelow": True, "axes.edgecolor": "#333333", "axes.facecolor": "white", "axes.grid": True, "axes.labelcolor": "black",
    "axes.labelsize": 9, "axes.linewidth": 0.7, "axes.spines.right": False, "axes.spines.top": False, "axes.titlesize": 9,
    "figure.facecolor": "white", "figure.edgecolor": "white", "font.size": 9, "grid.color": "#dedede", "grid.linewidth": 0.6,
    "legend.fontsize": 8, "legend.frameon": False, "legend.handlelength": 2.2, "legend.labelcolor": "black", "lines.linewidth": 1.4,
    "lines.markersize": 3.5, "pdf.fonttype": 42, "savefig.facecolor": "auto", "text.color": "black", "xtick.color": "#333333",
    "xtick.labelcolor": "black", "xtick.labelsize": 8, "ytick.color": "#333333", "ytick.labelcolor": "black", "ytick.labelsize": 8}
_NOTEBOOK_DPI = 160
_WIDTH = 6.6


class Figure(_Figure):
    """A figure that pyplot doesn't know. A notebook shows it, whatever backend there is; it is drawn in the style in which it was made."""

    def draw(self, renderer: Any) -> None:
        with matplotlib.rc_context(STYLE):  # ticks are made when they are drawn
            super().draw(renderer)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        image = BytesIO()
        self.savefig(image, format="png", dpi=_NOTEBOOK_DPI)
        width, height = self.get_size_inches()
        return image.getvalue(), {"width": int(width * 100), "height": int(height * 100)}


@contextmanager
def styled() -> Iterator[None]:
    with matplotlib.rc_context(STYLE):
        yield


def panels(ax: Any, heights: Sequence[float], share_x: bool = True) -> tuple[_Figure, list[Axes]]:
    """One below the other, of these heights in inches: of a new figure, or those that are given."""
    if ax is None:
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        made = figure.subplots(len(heights), 1, sharex=share_x, squeeze=False, height_ratios=list(heights))
        return figure, list(made[:, 0])
    given = [ax] if isinstance(ax, Axes) else list(numpy.ravel(ax))
    if len(given) != len(heights) or not all(isinstance(one, Axes) for one in given):
        some = "one matplotlib axes" if len(heights) == 1 else f"{len(heights)} matplotlib axes, upper first,"
        raise ValueError(f"ax={ax!r}: {some} are needed" if len(heights) > 1 else f"ax={ax!r}: {some} is needed")
    around: Any = given[0].figure
    return around.figure, given  # of a part of a figure, the whole


def plain(text: object) -> str:
    """A stranger's name as a label: no formula, no control character, not hidden by its first letter, and not endless."""
    shown = "".join(letter if letter.isprintable() else "\N{MIDDLE DOT}" for letter in str(text))
    if len(shown) > 44:
        shown = f"{shown[:28]}\N{HORIZONTAL ELLIPSIS}{shown[-15:]}"
    shown = shown.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def legend(axes: Axes, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Above the axes, where it hides nothing."""
    if not handles:
        return
    fits = sum(len(name) + 8 for name in names) <= 104
    columns = len(names) if fits else max(1, 104 // (max(map(len, names)) + 8))
    axes.legend(handles, names, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=columns, columnspacing=1.4,
                handletextpad=0.5)


def line_style(place: int) -> dict[str, Any]:
    return {"color": COLOURS[place % MOST], "linestyle": DASHES[place % MOST]}


def largest(counts: Any, most: int = MOST) -> list[int]:
    """The places of the largest, in their own order."""
    order = numpy.argsort(-numpy.asarray(counts, dtype=float), kind="stable")[:most]
    return sorted(int(place) for place in order if counts[place] > 0)


def note(axes: Axes, words: str) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=GREY)


def time_unit(values: Any) -> tuple[float, str]:
    """(how many of it a second has, its name), by what is in the middle of the values, in seconds."""
    finite = values[numpy.isfinite(values) & (values > 0)]
    middle = float(numpy.median(finite)) if finite.size else 1e-3
    return (1.0, "s") if middle >= 1 else (1e3, "ms") if middle >= 1e-3 else (1e6, "\N{MICRO SIGN}s")


def number(value: float, _: Any = None) -> str:
    """A large one in full."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def _in_units(unit: float, value: float, _: Any = None) -> str:
    return f"{value / unit:g}"


def logarithmic(axes: Axes, low: float, high: float, which: str = "y") -> None:
    """With numbers that people read: 1, 2, 5, 10, not powers; of a narrow range more of them."""
    low, high = low / 1.15, high * 1.15
    axis = axes.yaxis if which == "y" else axes.xaxis
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    (axes.set_ylim if which == "y" else axes.set_xlim)(low, high)
    decades = math.log10(high / low)
    steps = (1.0,) if decades > 4 else (1.0, 2.0, 5.0) if decades > 0.7 else tuple(float(step) for step in range(1, 10))
    if decades > 0.25:
        axis.set_major_locator(LogLocator(subs=steps, numticks=30))
    else:
        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(number))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def numbers(axes: Axes) -> None:
    """Large ones in full, not as a factor beside the axes."""
    axes.yaxis.set_major_formatter(FuncFormatter(number))


def since(axes: Axes, seconds: float) -> None:
    """The axis of time, for that many seconds: data are in seconds, long ones are told in minutes or hours."""
    unit, name = (1, "s") if seconds < 600 else (60, "min") if seconds < 5 * 3600 else (3600, "h")
    if unit > 1:
        step = next(step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1e9) if seconds / unit / step <= 9)
        axes.xaxis.set_major_locator(MultipleLocator(step * unit))
        axes.xaxis.set_major_formatter(FuncFormatter(partial(_in_units, unit)))
    axes.set_xlim(0, seconds if seconds > 0 else 1)
    if axes.get_subplotspec() is None or axes.get_subplotspec().is_last_row():  # type: ignore[union-attr]
        axes.set_xlabel(f"time since the beginning ({name})")
