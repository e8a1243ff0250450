"""galileo.plots: what a figure shows is what the frames have, and nothing of matplotlib, of its user, or of a cluster is taken for granted."""
import io
import json
import pickle
import time
import warnings

import matplotlib
import matplotlib.figure
import numpy
import pandas
import pytest
from conftest import python
from galileo import errors, frames, plots

START = pandas.Timestamp("2026-11-30T12:00", tz="UTC")
EXP = "202611301200-aaaa"
NS = 1e9


def at(seconds):
    return START + pandas.to_timedelta((numpy.asarray(seconds) * NS).round().astype("int64"), "ns")


def traces(due, took, **columns):
    """As galileo.frames has them; `took` in seconds, NaN: no answer."""
    due, took = numpy.asarray(due, dtype=float), numpy.asarray(took, dtype=float)
    answered = numpy.isfinite(took)
    frame = pandas.DataFrame({"created": at(due), "sent": at(due + 0.001), "done": at(due + numpy.where(answered, took, 0.5)),
                              "intended": at(due), "status": numpy.where(answered, 200, -1).astype("int32"),
                              "error": pandas.Categorical(numpy.where(answered, None, "timeout")),
                              "service": pandas.Categorical(["hello"] * len(due)), "exp_id": pandas.Categorical([EXP] * len(due))})
    return frame.assign(**columns)


def telemetry(rows):
    """Of (seconds, metric, subsystem, node, value)."""
    frame = pandas.DataFrame([(EXP, START + pandas.Timedelta(row[0], "s"), *row[1:]) for row in rows],
                             columns=["exp_id", "time", "metric", "subsystem", "node", "value"])
    frame["time"] = pandas.to_datetime(frame["time"], utc=True)
    return frame.astype({"exp_id": "category", "metric": "category", "subsystem": "category", "node": "category", "value": "float64"})


def events(rows):
    """Of (seconds, name, value); values that aren't texts are told as JSON."""
    frame = pandas.DataFrame([(EXP, START + pandas.Timedelta(when, "s"), name, value if isinstance(value, (str, type(None))) else json.dumps(value))
                              for when, name, value in rows], columns=["exp_id", "time", "name", "value"])
    frame["time"] = pandas.to_datetime(frame["time"], utc=True)
    return frame.astype({"exp_id": "category", "name": "category"})


def pod(uid, function="hello", node="n1", ip="10.0.0.1", labels=None, **more):
    return {"podUid": uid, "name": f"{function}-deployment-{uid}", "nodeName": node, "podIP": ip, "status": "Running",
            "labels": {"ether.edgerun.io/function": function, "ether.edgerun.io/zone": "zone-a", **(labels or {})},
            "containers": {"main": {"id": f"containerd://{uid * 64}", "name": "main"}}, **more}


def weighed(function="hello", **targets):
    ips = [f"{name.replace('_', '.')[1:]}:8080" for name in targets]
    return {"ts": 1, "fn": function, "zone": "zone-a", "weights": {"ips": ips, "weights": list(targets.values())}}


def busy(seed=1, requests=3000, span=30.0):
    random = numpy.random.default_rng(seed)
    due = numpy.sort(random.uniform(0, span, requests))
    due[0] = 0
    return traces(due, random.lognormal(-5, 0.6, requests), service=pandas.Categorical(numpy.where(random.random(requests) < 0.3, "a", "b")))


def lines(axes):
    """By what the legend calls them, without counts."""
    legend = axes.get_legend()
    return dict(zip((text.get_text() for text in legend.get_texts()), legend.legend_handles)) if legend else {}


def drawn(axes, name):
    """The points of the line that the legend calls so; of its colour and dashes."""
    place = [text.get_text() for text in axes.get_legend().get_texts()].index(name)
    handle = axes.get_legend().legend_handles[place]
    found = [line for line in axes.get_lines() if line.get_color() == handle.get_color() and line.get_linewidth() > 1
             and len(line.get_xdata()) and line.get_linestyle() != "None"]
    assert len(found) == 1, (name, found)
    return numpy.asarray(found[0].get_xdata()), numpy.asarray(found[0].get_ydata())


def written(figure):
    """Every text of it that is seen."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text()]


def all_of_them(requests, readings, told):
    return [plots.latency(requests, readings, events=told), plots.latency(requests, by="service", quantiles=[0.5]), plots.cdf(requests, by="service"),
            plots.cdf(requests, time="service"), plots.heatmap(requests), plots.rates(requests), plots.comparison(requests, by="service"),
            plots.comparison(requests), plots.utilisation(readings), plots.utilisation(readings, of="process"),
            plots.utilisation(readings, of="container", events=told), plots.utilisation(readings, "psi_cpu"), plots.replicas(told),
            plots.weights(told)]


SOME = telemetry([(second, "cpu", None, "n1", 10.0 + second) for second in range(30)]
                 + [(second, "psi_cpu", "some", "n1", 250_000.0 * second) for second in range(30)]
                 + [(second, "process_cpu", "app", "n1", 50.0) for second in range(30)]
                 + [(second, "kubernetes_cgrp_cpu", "a" * 64, "n1", 4e8 * second) for second in range(30)])
TOLD = events([(0, "pod/running", pod("a")), (1, "weight_update", weighed(_10_0_0_1=1)), (12, "deploy", "v2"), (30, "end", None)])


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---- a good guest

def test_settings_of_matplotlib_and_filters_of_warnings_are_as_before():
    done = python("""
import sys, warnings, matplotlib, pandas
def settings():  # to compare the parameters themselves would choose a backend
    return [dict(dict.items(one)) for one in (matplotlib.rcParams, matplotlib.rcParamsDefault)]
before, filters = settings(), list(warnings.filters)
from galileo import plots
plots.latency
assert (settings(), warnings.filters) == (before, filters)
import plots_test
filters = list(warnings.filters)
figures = plots_test.all_of_them(plots_test.busy(), plots_test.SOME, plots_test.TOLD)
for figure in figures:
    figure.canvas.draw()
figures[0]._repr_png_()
assert (settings(), warnings.filters) == (before, filters)
assert "matplotlib.pyplot" not in sys.modules
print(len(figures))
""", env={"PYTHONPATH": ":".join(__import__("sys").path)})
    assert (done.stdout, done.stderr) == ("14\n", "")


def test_the_import_brings_neither_matplotlib_nor_pandas():
    done = python("""
import sys
from galileo import plots
dir(plots), plots.latency, repr(plots)
print([name for name in ("matplotlib", "numpy", "pandas") if name in sys.modules])
""")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_many_figures_leave_none_open_and_no_word():
    """pyplot would warn of more than twenty."""
    import matplotlib.pyplot
    before = matplotlib.pyplot.get_fignums()
    kept = [plots.weights(TOLD[:0]) for _ in range(30)]
    assert all(isinstance(figure, matplotlib.figure.Figure) for figure in kept)
    assert matplotlib.pyplot.get_fignums() == before


def test_a_figure_keeps_its_style_when_it_is_drawn_under_another():
    figures, images = [plots.latency(busy(), SOME), plots.latency(busy(), SOME)], [io.BytesIO(), io.BytesIO()]
    figures[0].savefig(images[0], format="png")
    with matplotlib.rc_context({"xtick.labelsize": 20, "ytick.labelsize": 20, "grid.color": "red", "xtick.color": "red", "text.color": "white"}):
        figures[1].savefig(images[1], format="png")
    assert images[0].getvalue() == images[1].getvalue()


def test_a_notebook_shows_a_figure_and_a_copy_of_it():
    figure = plots.cdf(busy())
    image, size = figure._repr_png_()
    assert image.startswith(b"\x89PNG") and size["width"] > size["height"] > 200
    assert pickle.loads(pickle.dumps(figure))._repr_png_()[0].startswith(b"\x89PNG")


def test_given_axes_are_drawn_into_and_their_figure_returned():
    figure = matplotlib.figure.Figure(figsize=(10, 8))
    parts = figure.subplots(4, 2).ravel()
    told = all_axes = [plots.cdf(busy(), ax=parts[0]), plots.heatmap(busy(), ax=parts[1]), plots.rates(busy(), ax=parts[2]),
                       plots.comparison(busy(), ax=parts[3]), plots.utilisation(SOME, ax=parts[4]), plots.latency(busy(), SOME, ax=parts[5:7]),
                       plots.weights(TOLD, ax=parts[7])]
    assert all(one is figure for one in told) and len(all_axes) == 7
    assert tuple(figure.get_size_inches()) == (10, 8)
    assert all(axes.lines or axes.collections or axes.patches for axes in parts)
    part = matplotlib.figure.Figure().subfigures(1, 2)[0]
    assert plots.cdf(busy(), ax=part.subplots()) is part.figure
    with pytest.raises(ValueError, match="2 matplotlib axes"):
        plots.latency(busy(), SOME, ax=parts[0])
    with pytest.raises(ValueError, match="one matplotlib axes is needed"):
        plots.cdf(busy(), ax="here")


# ---- what is drawn

def test_latency_has_exact_quantiles_of_each_interval():
    requests = busy()
    figure = plots.latency(requests, interval=5)
    x, y = drawn(figure.axes[0], "p90")
    due = (requests.created - START).dt.total_seconds()
    took = (requests.done - requests.created).dt.total_seconds() * 1e3
    expected = [numpy.sort(took[due // 5 == part])[int(numpy.ceil(0.9 * (due // 5 == part).sum())) - 1] for part in range(6)]
    assert list(x) == [2.5, 7.5, 12.5, 17.5, 22.5, 27.5]
    assert y == pytest.approx(expected, rel=1e-9)
    assert "latency (ms)\nquantiles by 5 s" in written(figure) and "time since the beginning (s)" in written(figure)
    assert "p99 (too few)" in lines(figure.axes[0])  # 500 an interval: five past it


def test_quantiles_are_those_of_the_program(recorded):
    database, result = recorded
    requests = frames.open(database).traces("last")
    figure = plots.latency(requests, quantiles=[0.5, 0.9], interval=1000)
    for name in ("p50", "p90"):  # the result's are of a histogram with 128 steps an octave
        _, (value,) = drawn(figure.axes[0], name)
        unit = {"s": 1, "ms": 1e3, "µs": 1e6}[figure.axes[0].get_ylabel().partition("(")[2].partition(")")[0]]
        assert value / unit == pytest.approx(result["latency_s"][name], rel=0.016)


def test_requests_without_an_answer_took_longer_than_all():
    requests = traces(numpy.arange(100) / 10, [0.01] * 80 + [numpy.nan] * 20)
    figure = plots.cdf(requests)
    curve = figure.axes[0].get_lines()[0]
    assert curve.get_ydata()[-1] == pytest.approx(80)  # % of all
    upper = plots.latency(requests, quantiles=[0.5, 0.9], interval=100).axes[0]
    assert drawn(upper, "p50")[1] == pytest.approx([10])
    assert "p90 (too few)" in lines(upper) and "failed (20)" in lines(upper)
    crosses = [line for line in upper.get_lines() if line.get_marker() == "x"][0]
    assert numpy.asarray(crosses.get_xdata()) == pytest.approx(numpy.arange(80, 100) / 10)


def test_what_counts_as_a_failure_is_what_the_run_said():
    """An answer 404 that --fail-on lets pass has no error; an old database has no errors at all."""
    requests = traces(numpy.arange(40) / 10, [0.01] * 40)
    requests.loc[:9, "status"] = 404
    assert plots.cdf(requests).axes[0].get_lines()[0].get_ydata()[-1] == pytest.approx(100)
    old = requests.assign(intended=pandas.Series(pandas.NaT, index=requests.index).dt.tz_localize("UTC"))
    assert plots.cdf(old).axes[0].get_lines()[0].get_ydata()[-1] == pytest.approx(75)
    assert plots.cdf(old[["created", "done", "status"]]).axes[0].get_lines()[0].get_ydata()[-1] == pytest.approx(75)


def test_cdf_by_a_column_or_by_what_a_series_says():
    requests = busy()
    axes = plots.cdf(requests, by="service").axes[0]
    counts = requests.service.value_counts()
    assert set(lines(axes)) == {f"a ({counts['a']})", f"b ({counts['b']:,})"}
    x, y = drawn(axes, f"a ({counts['a']})")
    took = numpy.sort((requests.done - requests.created).dt.total_seconds()[requests.service == "a"]) * 1e3
    assert x[1:] == pytest.approx(took) and y[1:] == pytest.approx((numpy.arange(len(took)) + 1) / len(took) * 100)
    named = plots.cdf(requests, by=requests.service.map({"a": "pi-1", "b": "pi-2"})).axes[0]
    assert {name.partition(" ")[0] for name in lines(named)} == {"pi-1", "pi-2"}
    served = plots.cdf(requests, time="service").axes[0]
    assert served.get_xlabel() == "service time (ms)"
    assert numpy.asarray(served.get_lines()[0].get_xdata())[-1] == pytest.approx(((requests.done - requests.sent).dt.total_seconds() * 1e3).max())


def test_of_many_the_largest_are_told_apart_and_the_rest_is_one():
    requests = busy(requests=2000)
    which = numpy.arange(2000) % 40
    which[:800] = numpy.arange(800) % 7
    axes = plots.cdf(requests, by=[f"s{one:02d}" for one in which]).axes[0]
    assert len(lines(axes)) == 8 and [name for name in lines(axes) if name.startswith("33 others")]
    assert "32 more not drawn" in lines(plots.latency(requests, by=[f"s{one:02d}" for one in which], quantiles=[0.5]).axes[0])


def test_a_heatmap_counts_every_answer():
    requests = busy()
    figure = plots.heatmap(requests, interval=10)
    mesh = figure.axes[0].collections[0]
    counts = numpy.nan_to_num(numpy.ma.filled(mesh.get_array(), 0).reshape(60, 3))
    due = (requests.created - START).dt.total_seconds()
    assert counts.sum(axis=0) == pytest.approx(numpy.bincount((due // 10).astype(int)))
    assert "requests in 10 s" in written(figure)


def test_rates_add_up_to_the_requests():
    requests = traces(numpy.arange(100) / 10, [0.01] * 90 + [numpy.nan] * 10)
    axes = plots.rates(requests, interval=2).axes[0]
    assert list(lines(axes)) == ["due (100)", "answered (90)", "failed (10)"]
    due, answered, failed = (patch.get_data() for patch in axes.patches)
    assert due.values[:4] == pytest.approx([10] * 4) and failed.values[:4] == pytest.approx([0] * 4)
    widths = numpy.minimum(numpy.diff(due.edges), 10.4 - due.edges[:-1])  # the last failure is known at 9.9 + 0.5
    assert [(patch.values * widths).sum() for patch in (due, answered, failed)] == pytest.approx([100, 90, 10])


def test_a_last_moment_is_no_rate_of_its_own():
    """One answer a millisecond behind the last interval would be a thousand a second."""
    created = START + pandas.to_timedelta(numpy.append(numpy.arange(200) / 100, 2.0005), "s")
    requests = pandas.DataFrame({"created": created, "sent": created, "done": created + pandas.Timedelta("0.5ms"), "status": 200})
    axes = plots.rates(requests, interval=0.5).axes[0]
    due, answered = (patch.get_data() for patch in axes.patches)
    assert list(due.edges[:-1]) == [0, 0.5, 1, 1.5] and due.edges[-1] == pytest.approx(2.001) and axes.get_xlim()[1] == due.edges[-1]
    for told in (due, answered):
        assert numpy.allclose(told.values[:3], 100) and told.values[3] == pytest.approx(51 / 0.501)
        assert (told.values * numpy.diff(told.edges)).sum() == pytest.approx(201)


def test_a_comparison_of_variants_has_the_mean_of_their_runs_and_each_run():
    runs = [busy(seed, 1500).assign(exp_id=f"run-{seed}") for seed in range(4)]
    requests = pandas.concat(runs, ignore_index=True)
    requests["done"] += pandas.to_timedelta(numpy.where(requests.exp_id >= "run-2", 0.005, 0), "s")
    variant = requests.exp_id.map({"run-0": "old", "run-1": "old", "run-2": "new", "run-3": "new"})
    axes = plots.comparison(requests, by=variant, quantiles=[0.9]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["new", "old"]
    took = (requests.done - requests.created).dt.total_seconds() * 1e3
    p90 = {run: numpy.sort(took[requests.exp_id == run])[1349] for run in ("run-0", "run-1", "run-2", "run-3")}
    large = [line for line in axes.get_lines() if line.get_markersize() == 7]
    small = [line for line in axes.get_lines() if line.get_markersize() < 4 and len(line.get_xdata()) == 2 and line.get_linestyle() == "None"]
    assert [line.get_xdata()[0] for line in large] == pytest.approx([(p90["run-2"] + p90["run-3"]) / 2, (p90["run-0"] + p90["run-1"]) / 2])
    assert sorted(small[0].get_xdata()) == pytest.approx(sorted([p90["run-2"], p90["run-3"]]))
    assert "small: each run" in lines(axes) and "small: each tenth of the run" in lines(plots.comparison(runs[0]).axes[0])


def test_experiments_lie_over_each_other_from_their_beginnings():
    first, second = busy(1), busy(2).assign(exp_id="202611301300-bbbb")
    for column in ("created", "sent", "done"):
        second[column] += pandas.Timedelta("1h")
    both = pandas.concat([first, second], ignore_index=True)
    axes = plots.latency(both, by="exp_id", quantiles=[0.5]).axes[0]
    assert axes.get_xlim()[1] <= 31 and len(lines(axes)) == 2
    later = SOME.assign(exp_id="202611301300-bbbb", time=SOME.time + pandas.Timedelta("1h"))
    together = pandas.concat([SOME.astype({"exp_id": str}), later], ignore_index=True)
    axes = plots.latency(both, together, by="exp_id", quantiles=[0.5]).axes[1]
    assert set(lines(axes)) == {f"n1, {EXP}", "n1, 202611301300-bbbb"}
    assert drawn(axes, "n1, 202611301300-bbbb")[0][-1] == pytest.approx(29, abs=0.1)


# ---- telemetry

def test_a_node_s_cpu_is_all_but_idle_where_that_was_measured():
    rows = [(second, metric, None, node, value) for second in range(5) for metric, node, value in
            (("cpu", "n1", 1.0), ("cpu_busy", "n1", 2.0), ("cpu", "n2", 3.0), ("cpu_busy", "n2", 4.0))]
    axes = plots.utilisation(telemetry(rows)).axes[0]
    assert axes.get_ylabel() == "CPU (% of all cores)" and list(lines(axes)) == ["n1", "n2"]
    assert list(drawn(axes, "n2")[1]) == [4] * 5
    old = plots.utilisation(telemetry([row for row in rows if row[1] == "cpu"])).axes[0]
    assert list(drawn(old, "n2")[1]) == [3] * 5


def test_rates_of_counters_are_by_each_interval_and_unknown_where_nothing_is_known():
    """A changed period, a counter that went back, a gap: each interval by its own length."""
    stamps = [0, 1, 2, 2.5, 3, 3.5, 4.5, 5.5, 30, 31, 32, 33]
    total = [0, 4e8, 8e8, 1e9, 1.2e9, 1.4e9, 1.8e9, 1e8, 9e9, 9.5e9, 1e10, 1.05e10]
    axes = plots.utilisation(telemetry([(when, "kubernetes_cgrp_cpu", "b" * 64, "n1", value) for when, value in zip(stamps, total)]), of="container").axes[0]
    x, y = drawn(axes, "b" * 12)
    assert axes.get_ylabel() == "CPU (% of one core)"
    known = numpy.isfinite(y)
    assert list(x[known]) == [1, 2, 2.5, 3, 3.5, 4.5, 31, 32, 33]
    assert y[known] == pytest.approx([40] * 6 + [50] * 3)
    assert not numpy.isfinite(numpy.interp(15, x, y))  # nothing is drawn through the gap


def test_lines_break_at_gaps():
    axes = plots.utilisation(telemetry([(second, "cpu", None, "n1", 5.0) for second in [*range(10), *range(50, 60)]])).axes[0]
    x, y = drawn(axes, "n1")
    assert numpy.isfinite(y).sum() == 20 and numpy.isnan(y).sum() == 1 and 9 < x[numpy.isnan(y)][0] < 50
    twice = [second + late for second in range(20) for late in (0, 0.04)]  # as an old daemon with two instruments of one name
    y = drawn(plots.utilisation(telemetry([(second, "cpu", None, "n1", 5.0) for second in twice])).axes[0], "n1")[1]
    assert len(y) == 40 and numpy.isfinite(y).all()
    requests = traces([*numpy.linspace(0, 10, 400), *numpy.linspace(50, 60, 400)], [0.01] * 800)
    y = drawn(plots.latency(requests, interval=5).axes[0], "p50")[1]
    assert list(numpy.isfinite(y)) == [True, True] + [False] * 8 + [True] * 2


def test_containers_are_called_as_their_pods_and_runs_of_one_are_one_line():
    rows = [(second, "kubernetes_cgrp_cpu", "a" * 64, "n1", 1e9 * second) for second in range(5)]
    rows += [(second, "kubernetes_cgrp_cpu", "c" * 64, "n1", 1e9 * (second - 6)) for second in range(6, 12)]
    told = events([(0, "pod/running", pod("a")), (6, "container/restart", "{}"),
                   (6, "pod/running", {**pod("a"), "containers": {"main": {"id": f"containerd://{'c' * 64}"}}})])
    axes = plots.utilisation(telemetry(rows), of="container", events=told).axes[0]
    assert list(lines(axes)) == ["hello-deployment-a"]
    _, y = drawn(axes, "hello-deployment-a")
    assert y[numpy.isfinite(y)] == pytest.approx([100] * 9) and numpy.isnan(y).any()
    assert list(lines(plots.utilisation(telemetry(rows), of="container").axes[0])) == ["a" * 12, "c" * 12]


@pytest.mark.parametrize("metric, of, rows, label, value", [
    ("cpu", "process", [("process_cpu", "app", 50.0)], "CPU (% of one core)", 50),
    ("memory", "node", [("ram", None, 1000.0)], "memory (MB)", 1.024),
    ("memory", "process", [("process_rss", "app", 3e6)], "memory (MB)", 3),
    ("memory", "container", [("docker_cgrp_memory", "abababababab", 3e6)], "memory (MB)", 3),
    ("network", "node", [("rx", "eth0", 7.0)], "network (kB/s)", 7),
    ("scrape", "node", [("scrape", "app/up", 1.0)], "scrape", 1),
    ("freq", "node", [("freq", None, 2e6)], "freq (kHz)", 2e6)])
def test_each_metric_has_its_unit(metric, of, rows, label, value):
    axes = plots.utilisation(telemetry([(second, name, part, "n1", reading) for second in range(4) for name, part, reading in rows]), metric, of=of).axes[0]
    assert axes.get_ylabel() == label
    (name,) = lines(axes)
    assert drawn(axes, name)[1] == pytest.approx([value] * 4)


def test_pressure_is_the_share_of_the_time():
    axes = plots.utilisation(SOME, "psi_cpu").axes[0]
    assert axes.get_ylabel() == "psi_cpu (% of the time)" and drawn(axes, "some")[1] == pytest.approx([25] * 29)


def test_telemetry_below_the_latency_has_its_time():
    readings = telemetry([(second - 10, "cpu", None, "n1", 5.0) for second in range(60)])
    figure = plots.latency(busy(), readings, metrics=["cpu", "memory"], events=TOLD)
    upper, cpu, memory = figure.axes
    assert drawn(cpu, "n1")[0][0] == pytest.approx(-10) and cpu.get_xlim() == upper.get_xlim()
    assert "no memory of a node was measured" in written(figure)
    assert "deploy v2" in written(figure)  # a mark
    assert [line.get_xdata()[0] for line in cpu.get_lines() if line.get_xdata()[0] == line.get_xdata()[-1]].count(12) == 1


# ---- events

def test_replicas_are_the_pods_of_applications_that_run():
    told = events([(0, "begin", None), (2, "pod/create", pod("a", ip=None)), (3, "pod/running", pod("a")), (3.5, "pod/running", pod("a")),
                   (5, "pod/running", pod("b", node="n2")), (6, "cluster/part", pod("g", labels={"type": "api-gateway"})),
                   (6, "pod/running", pod("w", function="client")), (8, "pod/shutdown", pod("a")), (9, "pod/delete", pod("a")),
                   (9, "pod/running", "nonsense"), (10, "end", None)])
    axes = plots.replicas(told).axes[0]
    assert list(lines(axes)) == ["hello"]
    x, y = drawn(axes, "hello")
    assert [float(y[numpy.searchsorted(x, when, side="right") - 1]) for when in (1, 4, 6, 8.5, 10)] == [0, 1, 2, 1, 1]
    assert x[-1] == 10 and axes.get_ylabel() == "replicas that run"
    assert list(lines(plots.replicas(told, by="node").axes[0])) == ["n1", "n2"]
    assert plots.replicas(told, end=START + pandas.Timedelta("20s"), start=START).axes[0].get_xlim()[1] == 20


def test_the_node_of_a_request_is_the_pod_s_that_had_the_address_then():
    """An address is used again; a gateway names who answered; some nobody knows."""
    told = events([(0, "pod/running", pod("a", node="n1", ip="10.0.0.1")), (0, "pod/running", pod("c", node="n3", ip="10.0.0.3")),
                   (5, "pod/delete", pod("a", node="n1", ip="10.0.0.1")), (6, "pod/running", pod("b", node="n2", ip="10.0.0.1"))])
    requests = traces([1, 2, 7, 8, 9, 10], [0.01] * 6, server=pandas.Categorical(["10.0.0.1:80", "10.9.9.9:80", "10.0.0.1:80", "10.0.0.3:80", None, "gw:1"]),
                      headers=[None, None, "{}", "nonsense", None, json.dumps({"X-Final-Host": "10.9.9.9:80, 10.0.0.3:8080"})])
    found = plots.nodes(requests, told)
    assert list(found.astype(object).where(found.notna(), None)) == ["n1", None, "n2", "n3", None, "n3"]
    assert list(plots.nodes(requests.drop(columns="headers"), told).cat.categories) == ["n1", "n2", "n3"]
    assert set(lines(plots.cdf(requests, by=found).axes[0])) == {"n1 (1)", "n2 (1)", "n3 (2)", "(none) (2)"}
    read = requests.drop(columns="headers").assign(final_host=pandas.Categorical([None] * 5 + ["10.9.9.9:80, 10.0.0.3:8080"]))
    assert list(plots.nodes(read, told).astype(object).where(found.notna(), None)) == ["n1", None, "n2", "n3", None, "n3"]
    early = plots.nodes(requests.assign(created=requests.created - pandas.Timedelta("1h")), told)
    assert early.isna().all() and plots.nodes(requests[:0], told[:0]).empty


def test_weights_are_as_told_until_a_target_is_no_more():
    told = events([(0, "pod/running", pod("a", ip="10.0.0.1")), (1, "weight_update", weighed(_10_0_0_1=3, _10_0_0_2=1)), (2, "weight_update", "nonsense"),
                   (3, "weight_update", {"fn": "x", "weights": {"ips": ["a"], "weights": []}}), (5, "weight_update", weighed(_10_0_0_1=2)),
                   (10, "end", None)])
    axes = plots.weights(told).axes[0]
    assert list(lines(axes)) == ["hello-deployment-a", "10.0.0.2:8080"]
    x, y = drawn(axes, "10.0.0.2:8080")
    assert list(x[numpy.isfinite(y)]) == [1, 5] and list(y[numpy.isfinite(y)]) == [1, 1]
    x, y = drawn(axes, "hello-deployment-a")
    assert list(zip(x, y)) == [(1, 3), (5, 2), (10, 2)]
    assert "no event tells of weights" in written(plots.weights(told, zone="zone-b"))


def test_pods_on_their_hosts_network_are_told_apart_by_their_ports():
    """A gateway and a telemetry daemon have their node's address; the weight is the gateway's, though the daemon was told of later."""
    def standing(uid, name, port):
        return {**pod(uid, ip="192.168.0.1", labels={"type": "api-gateway"}), "name": name, "hostIP": "192.168.0.1",
                "containers": {"main": {"id": f"containerd://{uid * 64}", "port": port}}}
    told = events([(0, "cluster/part", standing("g", "gateway-a", 8080)), (1, "cluster/part", standing("t", "telemd-a", 9090)),
                   (2, "weight_update", weighed(_192_168_0_1=1)), (10, "end", None)])
    assert list(lines(plots.weights(told).axes[0])) == ["gateway-a"]
    assert "no event tells of an application's pods" in written(plots.replicas(told))


def test_the_original_system_s_cluster_is_drawn(database):
    """Its events have no labels of ours, its traces no errors: nothing fails."""
    db = frames.open(database)
    ids = list(db.experiments().exp_id)
    for figure in all_of_them(db.traces(*ids[:1]), db.telemetry(*ids[:1]), db.events(*ids[:1])):
        figure.canvas.draw()


# ---- few, none, many, and strangers

def test_an_empty_experiment_says_so():
    for figure in all_of_them(busy()[:0], SOME[:0], TOLD[:0]):
        assert any(text.startswith("no ") for text in written(figure)), written(figure)


def test_one_request_is_drawn():
    for figure in all_of_them(busy()[:1], SOME[:1], TOLD[:1]):
        figure.canvas.draw()
    assert plots.cdf(busy()[:1]).axes[0].get_lines()[0].get_ydata()[-1] == 100


def test_of_only_failures_nothing_is_made_up():
    failed = traces(numpy.arange(30) / 10, [numpy.nan] * 30)
    for figure in (plots.latency(failed), plots.cdf(failed), plots.heatmap(failed)):
        assert "no request was answered" in written(figure)
    assert "too few answers" in written(plots.comparison(failed))
    unknown = failed.assign(created=pandas.Series(pandas.NaT, index=failed.index).dt.tz_localize("UTC"))
    assert "no requests" in written(plots.latency(unknown))


def test_a_million_traces_take_bounded_time_and_room():
    requests = 1_000_000
    random = numpy.random.default_rng(1)
    many = traces(numpy.sort(random.uniform(0, 3600, requests)), numpy.where(random.random(requests) < 0.01, numpy.nan, random.lognormal(-5, 0.6, requests)))
    readings = telemetry([(second, "cpu", None, "n1", float(second % 100)) for second in range(0, 3600, 1)])
    for make in (lambda: plots.latency(many, readings), lambda: plots.cdf(many), lambda: plots.heatmap(many)):
        began = time.process_time()
        figure = make()
        saved = io.BytesIO()
        figure.savefig(saved, format="pdf")
        assert time.process_time() - began < 60  # of a second or three
        assert len(saved.getvalue()) < 1_000_000
        assert sum(len(line.get_xdata()) for axes in figure.axes for line in axes.get_lines()) < 20_000


def test_strangers_names_are_only_names():
    requests = busy(requests=600)
    names = ["$\\frac{$", "_hidden", "<b>\n\x1b[31m", "x" * 500, "100 % & {}"]
    requests["service"] = pandas.Categorical.from_codes(numpy.arange(600) % 5, names)
    told = events([(5, "$x^{$", "a\nb"), (6, "_y", None)])
    for figure in (plots.cdf(requests, by="service"), plots.comparison(requests, by="service"), plots.latency(requests, events=told)):
        figure.canvas.draw()
        assert not any(set(text) & set("\x1b") or len(text) > 80 for text in written(figure))
    seen = list(lines(plots.cdf(requests, by="service").axes[0]))
    assert len(seen) == 5 and not any(name.startswith("_") for name in seen)  # which matplotlib would leave out


@pytest.mark.parametrize("call, error, words", [
    (lambda: plots.cdf([1, 2]), TypeError, "a pandas frame of galileo.frames is needed, not list"),
    (lambda: plots.cdf(busy()[["created"]]), errors.UsageError, "traces has no done, status"),
    (lambda: plots.cdf(busy(), by="nosuch"), errors.UsageError, "traces has no nosuch"),
    (lambda: plots.cdf(busy(), by=["a"]), errors.UsageError, "by= has 1 values"),
    (lambda: plots.cdf(busy(), time="whole"), ValueError, "one of 'latency'"),
    (lambda: plots.latency(busy(), interval=0), ValueError, "seconds above 0"),
    (lambda: plots.heatmap(busy(), interval=-1), ValueError, "seconds above 0"),
    (lambda: plots.utilisation(busy()), errors.UsageError, "telemetry has no time"),
    (lambda: plots.utilisation(SOME, of="pod"), ValueError, "one of 'node', 'container', 'process'"),
    (lambda: plots.utilisation(SOME, "network", of="process"), errors.UsageError, "isn't measured"),
    (lambda: plots.replicas(TOLD, by="pod"), ValueError, "one of 'function'"),
    (lambda: plots.rates(pandas.concat([busy(), busy().assign(exp_id="other")])), errors.UsageError, "of one experiment")])
def test_wrong_arguments_are_told(call, error, words):
    with pytest.raises(error, match=words):
        call()
