"""Results of the simulator faas-sim in memory."""
from __future__ import annotations

from typing import TYPE_CHECKING, Dict

from galileo import errors

from ._cluster_frames import concat
from .faassim import SimulatorFrames

if TYPE_CHECKING:
    import pandas


class InMemoryFaasSimGateway(SimulatorFrames):
    """exp_dfs: of each experiment its frames by name, as the files are called. They aren't changed."""

    def __init__(self, exp_dfs: Dict[str, Dict[str, pandas.DataFrame]]) -> None:
        self.all_exp_dfs = exp_dfs

    def _table(self, exp_id: str, name: str) -> pandas.DataFrame:
        try:
            found = self.all_exp_dfs[exp_id][name]
        except KeyError:
            raise errors.NotFoundError(f"there is no frame {name!r} of an experiment {exp_id!r}") from None
        return found.reset_index() if "time" == found.index.name and "time" not in found else found

    def experiments(self) -> pandas.DataFrame:
        return concat([self._table(one, "experiment_df") for one in self.all_exp_dfs])
