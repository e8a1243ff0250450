"""One interface over all databases: experiments and what they recorded, read by ``galileo.frames``."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from galileo import errors, frames
from galileo._old_names import not_kept

from .model import Experiment, ExperimentEvent, NodeInfo, RequestTrace, Telemetry

if TYPE_CHECKING:
    import pandas

_RECORDED = "a run writes its own experiment, and `galileo recorder` what others publish; `galileo exp import` copies"


class ExperimentDatabase:
    """A database by its ``url``. Nothing is open between calls; open() and close() do nothing."""

    url: str

    def __init__(self, url: str) -> None:
        self.url = url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {frames.open(self.url)!r}>"

    def open(self) -> None:
        """Nothing: each call opens for itself."""

    def close(self) -> None:
        """Nothing is left open."""

    def find_all(self) -> List[Experiment]:
        """Newest last."""
        return [self._experiment(row) for row in frames.open(self.url).experiments().itertuples(index=False)]

    def get_experiment(self, exp_id: str) -> Optional[Experiment]:
        return next((one for one in self.find_all() if one.id == exp_id), None)

    def get_running_experiment(self) -> Optional[Experiment]:
        return next((one for one in reversed(self.find_all()) if one.status in ("RUNNING", "IN_PROGRESS")), None)

    def get_metadata(self, exp_id: str) -> Optional[Dict[str, Any]]:
        import json

        found = frames.open(self.url).experiments()
        texts = found.metadata[(found.exp_id == exp_id) & found.metadata.notna()]
        return json.loads(texts.iloc[0]) if len(texts) else None

    def get_traces(self, exp_id: Optional[str] = None) -> List[RequestTrace]:
        """Of one experiment, or of all: an object a request. A frame is quicker: ``galileo.frames``."""
        columns = list(RequestTrace._fields)
        return [RequestTrace(*row) for row in self._rows("traces", columns, exp_id, stamps=("created", "sent", "done"))]

    def get_telemetry(self, exp_id: Optional[str] = None) -> List[Telemetry]:
        columns = ["time", "metric", "node", "value", "exp_id", "subsystem"]
        return [Telemetry(*row) for row in self._rows("telemetry", columns, exp_id, stamps=("time",))]

    def get_events(self, exp_id: Optional[str] = None) -> List[ExperimentEvent]:
        return [ExperimentEvent(*row) for row in self._rows("events", ["exp_id", "time", "name", "value"], exp_id, stamps=("time",))]

    def delete_experiment(self, exp_id: str) -> None:
        """With all that belongs to it. Raises NotFoundError where it isn't there."""
        from galileojp.frames import delete_from

        delete_from(self.url, exp_id)

    def save_experiment(self, experiment: Experiment) -> None:
        raise not_kept("save_experiment", _RECORDED)

    def update_experiment(self, experiment: Experiment) -> None:
        raise not_kept("update_experiment", _RECORDED)

    def finalize_experiment(self, exp: Experiment, status: str) -> None:
        raise not_kept("finalize_experiment", "the run or the recorder ends what it records")

    def save_metadata(self, exp_id: str, data: Dict[str, Any]) -> None:
        raise not_kept("save_metadata", "give it to the run: `metadata:` of the file, or exp.start(metadata=...)")

    def save_traces(self, traces: List[RequestTrace]) -> None:
        raise not_kept("save_traces", _RECORDED)

    def touch_traces(self, experiment: Experiment) -> None:
        raise not_kept("touch_traces", "`galileo exp touch ID` gives an experiment the traces of its time that have none")

    def save_telemetry(self, telemetry: List[Telemetry]) -> None:
        raise not_kept("save_telemetry", _RECORDED)

    def save_event(self, event: ExperimentEvent) -> None:
        raise not_kept("save_event", "publish it: exp.event(name, value) of the shell")

    def save_events(self, events: List[ExperimentEvent]) -> None:
        raise not_kept("save_events", "publish them: exp.event(name, value) of the shell")

    def save_nodeinfos(self, infos: List[NodeInfo]) -> None:
        raise not_kept("save_nodeinfos", _RECORDED)

    @staticmethod
    def _experiment(row: Any) -> Experiment:
        def stamp(time: Any) -> Optional[float]:
            return None if time != time else float(time.value // 1_000_000_000 + time.value % 1_000_000_000 / 1e9)

        return Experiment(row.exp_id, row.name, row.creator, stamp(row.start), stamp(row.end), stamp(row.created), row.status)

    def _rows(self, table: str, columns: List[str], exp_id: Optional[str], stamps: tuple[str, ...]) -> Any:
        """Tuples of the columns, stamps as seconds, what isn't there as None."""
        from galileojp import _tables

        database = frames.open(self.url)
        ids = [exp_id] if exp_id is not None else list(database.experiments().exp_id)
        try:
            found: pandas.DataFrame | None = getattr(database, table)(*ids, columns=columns) if ids else None
        except errors.NotFoundError:
            found = None
        if found is None:
            return []
        return zip(*(_tables.seconds(found[name]).tolist() if name in stamps else _tables.objects(found[name]).tolist()
                     for name in columns))
