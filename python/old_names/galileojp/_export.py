"""An experiment as a folder of CSV files, which LocalGateway reads."""
from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .k3s import K3SGateway


def export(gateway: K3SGateway, raw_traces: Any, exp_id: str, folder_path: str | os.PathLike[str]) -> bool:
    found = gateway.get_experiment(exp_id)
    if found.empty:
        return False
    if exp_id in ("", ".", "..") or os.sep in exp_id:
        raise ValueError(f"{exp_id!r} can't be the name of a folder")
    folder = Path(folder_path) / exp_id
    if folder.exists():
        raise FileExistsError(f"{folder} is there already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: what was cut off would be refused the next time, and read as if it were whole.
    making = Path(tempfile.mkdtemp(prefix=f".{exp_id}-", dir=folder.parent))
    try:
        found.to_csv(making / "experiment.csv")
        for name, read in (("telemetry", gateway.telemetry), ("traces", gateway.traces), ("raw_traces", lambda one: raw_traces(gateway,
                                                                                                                               one)),
                           ("events", gateway.events), ("nodeinfo", gateway.nodeinfo)):
            _rows(name, read, exp_id).to_csv(making / f"{name}.csv")
        making.chmod(0o755)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return True


def _rows(name: str, read: Any, exp_id: str) -> Any:
    """Without a row where there is nothing: an experiment without events can be exported too."""
    import pandas

    try:
        return read(exp_id)
    except ValueError as error:
        if str(error) != "Empty dataframes":
            raise
        columns = {"telemetry": ["value", "ts", "exp_id", "node", "metric", "subsystem"], "events": ["value", "ts", "name", "exp_id"]}
        stamp = "ts" if name in columns else "sent"
        return pandas.DataFrame(columns=columns.get(name, ["value", "client", "service", "created", "sent", "done", "status",
                                                           "exp_id"])).rename_axis(stamp)
