"""Telemetry as a table: a column a metric."""
from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Optional

from galileo._old_names import differs

if TYPE_CHECKING:
    import pandas


def to_metric_table_series(telem: pandas.DataFrame, node: str, window: str = "1s",
                           metrics: Optional[Iterable[str]] = None) -> pandas.DataFrame:
    """Means of each metric in windows of time.

    telem: as ``SqlExperimentFrameGateway.telemetry`` gives it; node: that one's; window: as pandas has it; metrics: all where None.
    Windows without a value are NaN."""
    import pandas

    differs("to_metric_table_series takes means in windows; "
            "the original package ignores `window` and gives the rows of the first metric's times")
    mine = telem[telem["NODE"] == node]
    wanted = list(metrics) if metrics is not None else list(mine["METRIC"].unique())
    if not wanted:
        raise ValueError(f"there is no telemetry of the node {node!r}")
    columns = {}
    for metric in wanted:
        values = mine.loc[mine["METRIC"] == metric, "VALUE"]
        if values.empty:
            raise ValueError(f"the node {node!r} has no metric {metric!r}")
        columns[metric] = values.sort_index().resample(window).mean()
    return pandas.DataFrame(columns)
