"""Experiments that ``K3SGateway.export`` has written: the calls of a cluster's gateway over folders of CSV files."""
from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from galileo import errors

from . import _tables
from ._cluster_frames import ClusterFrames
from .frames import some

if TYPE_CHECKING:
    import pandas


class LocalGateway(ClusterFrames):
    """root_folder: where the experiments' folders are; the others as of :class:`galileojp.k3s.K3SGateway`.

    The frames have the columns and kinds that were exported. NotFoundError for an experiment that isn't there."""

    def __init__(self, root_folder: str | os.PathLike[str], deployment_pattern: str = "-deployment",
                 clusters: Optional[Mapping[str, str]] = None) -> None:
        self.root = os.fspath(root_folder)
        self.deployment_pattern = deployment_pattern
        self.clusters = clusters

    def __repr__(self) -> str:
        return f"<LocalGateway of {self.root}>"

    def _read(self, exp_id: str, name: str, **options: Any) -> pandas.DataFrame:
        import pandas

        path = Path(self.root) / exp_id / f"{name}.csv"
        if exp_id in ("", ".", "..") or os.sep in exp_id or not path.is_file():
            raise errors.NotFoundError(f"there is no experiment {exp_id!r}, {self.root}: it has no {exp_id}/{name}.csv")
        # A column of the index's name is there a second time, and called so by pandas.
        found: pandas.DataFrame = pandas.read_csv(path, index_col=0, **options)
        texts = [name for name, kind in found.dtypes.items() if pandas.api.types.is_string_dtype(kind) and kind != object]
        if texts:  # of newer pandas
            found = found.astype(dict.fromkeys(texts, object))
        return found.rename(columns={"ts.1": "ts", "sent.1": "sent"})

    def _several(self, exp_ids: Sequence[str], name: str, stamp: Optional[str] = None, **options: Any) -> pandas.DataFrame:
        import pandas

        found = pandas.concat([self._read(one, name, **options) for one in exp_ids])
        if stamp is not None:
            found.index = pandas.DatetimeIndex(_tables.times_of(found.index), name=stamp).astype("datetime64[ns]")
        return found

    def experiments(self) -> pandas.DataFrame:
        """Of all folders that have an ``experiment.csv``, by name."""
        import pandas

        folders = sorted(path.parent.name for path in Path(self.root).glob("*/experiment.csv"))
        if not folders:
            return pandas.DataFrame(columns=["EXP_ID", "NAME", "CREATOR", "START", "END", "CREATED", "STATUS", "metadata"])
        return pandas.concat([self._read(one, "experiment") for one in folders if not one.startswith(".")], ignore_index=True)

    def metadata(self, exp_id: str | None = None) -> Any:
        import json

        found = self.experiments()
        if exp_id is None:
            return found[["EXP_ID", "metadata"]].rename(columns={"metadata": "DATA"})
        texts = found.loc[found["EXP_ID"] == exp_id, "metadata"]
        return json.loads(texts.iloc[0]) if len(texts) else None

    def nodeinfo(self, *exp_ids: str) -> pandas.DataFrame:
        return self._several(some(exp_ids), "nodeinfo", dtype=object, keep_default_na=False)

    def events(self, *exp_ids: str) -> pandas.DataFrame:
        """``value ts name exp_id``."""
        return self._several(some(exp_ids), "events", "ts", dtype={"ts.1": object, "value": object})

    def telemetry(self, *exp_ids: str) -> pandas.DataFrame:
        """``value ts exp_id node metric subsystem``."""
        return self._several(some(exp_ids), "telemetry", "ts", dtype={"ts.1": object, "subsystem": object, "node": object})

    def traces(self, *exp_ids: str) -> pandas.DataFrame:
        """As ``K3SGateway.traces`` gave them."""
        return self._several(some(exp_ids), "traces", "sent")

    def get_raw_traces(self, *exp_ids: str) -> pandas.DataFrame:
        """All requests, all columns text."""
        return self._several(some(exp_ids), "raw_traces", "sent", dtype=object)

    def preprocessed_traces(self, exp_id: str) -> pandas.DataFrame:
        """As ``K3SGateway.preprocessed_traces``, and ``fet``: ``total_duration`` of an answer that is JSON and has it, else NaN."""
        traces = self.traces(exp_id)
        traces["final_server"] = traces["final_server"].astype("category")
        made = self._with_destinations(traces, exp_id)
        made["fet"] = durations(made["response"] if "response" in made else [None] * len(made))
        return made

    def get_raw_replicas(self, exp_id: str, state: Optional[str] = "running") -> pandas.DataFrame:
        """Events ``pod/<state>``, all five where state is None: ``value ts name exp_id state``."""
        found = self._raw_replicas(exp_id, state)
        return found[["value", "ts", "name", "exp_id", "state"]]

    def _events(self, exp_id: str, names: Sequence[str]) -> pandas.DataFrame:
        found = self.events(exp_id).reset_index(drop=True)
        found = found[found["name"].isin(list(names))].assign(ts=lambda rows: rows["ts"].astype(float))
        return found[["ts", "name", "value", "exp_id"]].sort_values("ts", kind="stable", ignore_index=True)

    def _metric(self, exp_id: str, metric: str) -> pandas.DataFrame:
        found = self.telemetry(exp_id)
        return found[found["metric"] == metric].sort_index(kind="stable")

    def get_events_by_name(self, exp_id: str, name: str) -> pandas.DataFrame:
        found = self.events(exp_id)
        return found[found["name"] == name]

    @staticmethod
    def from_env() -> LocalGateway:
        """Of the folder that ``galileo_expdb_local_folder`` names, else the current one."""
        from . import env

        env.load()
        return LocalGateway(os.environ.get("galileo_expdb_local_folder", os.getcwd()))


def durations(responses: Any) -> Any:
    """``total_duration`` of JSON texts; each distinct text is read once."""
    import json

    import numpy
    import pandas

    def of(text: Any) -> float:
        try:
            return float(json.loads(text)["total_duration"])
        except (TypeError, ValueError, KeyError, IndexError):
            return float("nan")

    places, distinct = pandas.factorize(pandas.Series(responses, dtype=object))
    return numpy.array([*map(of, distinct), numpy.nan])[places]
