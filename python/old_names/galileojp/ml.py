"""Power from telemetry."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Optional

from .munger import to_metric_table_series

if TYPE_CHECKING:
    import pandas


def train_rf_power_estimator(telem: pandas.DataFrame, node: str, window: str = "1s", metrics: Optional[Iterable[str]] = None) -> Any:
    """A random forest (scikit-learn's RandomForestRegressor, 100 trees, no deeper than 50, seed 0) that tells the metric ``watt`` from the
    others.

    Arguments as of :func:`galileojp.munger.to_metric_table_series`. ValueError where no window has all metrics."""
    from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped,unused-ignore]

    table = to_metric_table_series(telem, node, window=window, metrics=metrics)
    if "watt" not in table:
        raise ValueError("the metric 'watt' is needed")
    table = table.dropna()
    if table.empty:
        raise ValueError("Empty data frame")
    forest = RandomForestRegressor(n_estimators=100, max_depth=50, random_state=0)
    return forest.fit(table.drop(columns="watt").to_numpy(), table["watt"].to_numpy())
