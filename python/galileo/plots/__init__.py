"""Figures of what experiments have recorded.

::

    from galileo import frames, plots
    db = frames.open("galileo.sqlite")
    plots.latency(db.traces("last"), db.telemetry("last"), events=db.events("last"))
    plots.cdf(db.traces("last~1", "last"), by="exp_id").savefig("cdf.pdf")

Each function takes pandas frames of :mod:`galileo.frames`, whole or filtered, and reads nothing itself; it returns a matplotlib
figure, or draws into the axes that are given as ``ax=`` and returns the figure that they are in. Quantiles are exact, of every
request, and not drawn where fewer than ten requests lie past them. A request without a good answer took longer than any other.
Lines break where nothing was measured. Times count from each experiment's beginning, so experiments of one frame lie over each
other. Figures aren't pyplot's: none stays open, a notebook shows one once, and no setting of matplotlib is changed.

Needs matplotlib (``pip install galileo-lab[plots]``). Raises ``galileo.errors.UsageError`` (a ValueError) for a column that a
frame hasn't got.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Mapping, Sequence, Union

from ..frames import Moment

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["By", "Of", "Span", "cdf", "comparison", "heatmap", "latency", "nodes", "rates", "replicas", "utilisation", "weights"]

#: What rows are told apart by: a column's name, or a value for each row (a pandas series).
By = Union[str, "pandas.Series[Any]", Sequence[Any], None]
#: ``latency``: from when a request was due to its answer; ``service``: from when it was sent.
Span = Literal["latency", "service"]
Of = Literal["node", "container", "process"]


def latency(traces: pandas.DataFrame, telemetry: pandas.DataFrame | None = None, *, metrics: Sequence[str] = ("cpu",), of: Of = "node",
            quantiles: Sequence[float] = (0.5, 0.9, 0.99), interval: float | None = None, by: By = None, time: Span = "latency",
            events: pandas.DataFrame | None = None, ax: Axes | Sequence[Axes] | None = None) -> Figure:
    """Latency over time: each request, and exact quantiles of the requests that became due in each interval; failures at the top.

    telemetry: what is drawn below, a panel for each of ``metrics``, as :func:`utilisation` draws it of ``of``.
    interval: seconds; without it as many intervals as the quantiles can be known of, 12 to 100.
    by: quantiles for each of these, instead of the requests themselves; best of one quantile.
    events: marks, all that are in this frame.
    ax: one, or with telemetry 1 + len(metrics) of them, the upper one first."""
    from . import _events, _figure, _requests, _telemetry

    below = list(metrics) if telemetry is not None else []
    with _figure.styled():
        figure, axes = _figure.panels(ax, [2.9] + [1.4] * len(below))
        span, zero = _requests.latency(axes[0], traces, quantiles, interval, by, time)
        if telemetry is not None:
            for one, metric in zip(axes[1:], below):
                _telemetry.utilisation(one, telemetry, metric, of, None, zero, span)
        if events is not None:
            _events.marks(axes, events, zero, span)
    return figure


def cdf(traces: pandas.DataFrame, *, by: By = None, time: Span = "latency", ax: Axes | None = None) -> Figure:
    """Which share of all requests was answered within which time. A curve ends below 100 % where requests weren't answered.

    by: a curve for each: ``"service"``, ``"client"``, ``"server"``, ``"phase"``, ``"exp_id"``, or what a series says, as
    ``by=traces.server.map({"10.0.0.1:8080": "pi-1", ...})`` or, where pods were told of, ``by=plots.nodes(traces, events)``.
    Beyond eight, those with the fewest requests are one curve."""
    from . import _figure, _requests

    with _figure.styled():
        figure, axes = _figure.panels(ax, [3.2])
        _requests.cdf(axes[0], traces, by, time)
    return figure


def heatmap(traces: pandas.DataFrame, *, interval: float | None = None, time: Span = "latency", ax: Axes | None = None) -> Figure:
    """How many requests took how long, over time: what quantiles hide, as two groups of answers. Answered requests only, said so.

    interval: seconds; without it eighty intervals, or fewer where requests are few."""
    from . import _figure, _requests

    with _figure.styled():
        figure, axes = _figure.panels(ax, [3.0])
        _requests.heatmap(figure, axes[0], traces, interval, time)
    return figure


def rates(traces: pandas.DataFrame, *, interval: float | None = None, ax: Axes | None = None) -> Figure:
    """Requests a second over time: due, well answered, failed, by when each became due, was answered, was known to have failed.

    interval: seconds; without it about fifty intervals."""
    from . import _figure, _requests

    with _figure.styled():
        figure, axes = _figure.panels(ax, [2.6])
        _requests.rates(axes[0], traces, interval)
    return figure


def utilisation(telemetry: pandas.DataFrame, metric: str = "cpu", *, of: Of = "node", events: pandas.DataFrame | None = None,
                start: Moment | Mapping[str, Moment] | None = None, ax: Axes | None = None) -> Figure:
    """A metric over time, a line for each node, container or process.

    metric: ``"cpu"`` (a node's in % of all its cores, others in % of one core), ``"memory"``, ``"network"``, ``"storage"``, of what
    ``of`` says; or a metric by its own name, as ``"psi_cpu"``, then of each node and subsystem. Counters become rates, in each
    interval by its own length; where one went back or readings are missing, nothing is drawn.
    events: give containers the names of their pods.
    start: from when time counts, as of the traces that it is shown with; one for each exp_id, or without it the first reading."""
    from . import _figure, _numbers, _telemetry

    with _figure.styled():
        figure, axes = _figure.panels(ax, [2.6])
        _telemetry.utilisation(axes[0], telemetry, metric, of, events, _numbers.start_of(start), None)
    return figure


def nodes(traces: pandas.DataFrame, events: pandas.DataFrame) -> pandas.Series[Any]:
    """The node of each request, for ``by=``: of the pod that had the server's address when the request became due, by what events
    tell of pods. Behind a gateway the server is in the headers (``X-Final-Host``): read the traces with ``headers`` among their
    columns. Null where no pod is known to have had it."""
    from . import _events

    return _events.nodes(traces, events)


def replicas(events: pandas.DataFrame, *, by: Literal["function", "node", "zone"] = "function", end: Moment | None = None,
             start: Moment | Mapping[str, Moment] | None = None, ax: Axes | None = None) -> Figure:
    """How many pods of applications ran, over time, from what events tell of pods; workers and gateways aren't counted.

    end: until when; without it the last event. start: as of :func:`utilisation`; without it the first event."""
    from . import _events, _figure, _numbers

    with _figure.styled():
        figure, axes = _figure.panels(ax, [2.2])
        _events.replicas(axes[0], events, by, _numbers.start_of(start), _numbers.moment(end))
    return figure


def weights(events: pandas.DataFrame, *, function: str | None = None, zone: str | None = None, end: Moment | None = None,
            start: Moment | Mapping[str, Moment] | None = None, ax: Axes | None = None) -> Figure:
    """The weights of a load balancer's targets over time, as ``weight_update`` events tell them. A line ends where a target is no more.

    function, zone: of these only. Targets are named by their pods where events tell of them."""
    from . import _events, _figure, _numbers

    with _figure.styled():
        figure, axes = _figure.panels(ax, [2.2])
        _events.weights(axes[0], events, function, zone, _numbers.start_of(start), _numbers.moment(end))
    return figure


def comparison(traces: pandas.DataFrame, *, by: By = "exp_id", quantiles: Sequence[float] = (0.5, 0.9, 0.99), time: Span = "latency",
               ax: Axes | None = None) -> Figure:
    """Quantiles of experiments beside each other, and how much they vary by themselves.

    by: what is compared: ``"exp_id"``, or a value for each row, as of several runs of each variant:
    ``by=traces.exp_id.map({"2026…-1": "new", "2026…-2": "new", "2026…-3": "old"})``. Where a variant has several experiments, the
    large mark is the mean of their quantiles and the small ones are theirs; of one experiment, the small ones are of its tenths.
    Whether a difference is more than chance says ``galileo exp compare``."""
    from . import _figure, _requests

    with _figure.styled():
        figure, axes = _figure.panels(ax, [2.4])
        _requests.comparison(axes[0], traces, by, quantiles, time, ax is None)
    return figure
