"""Results of the simulator faas-sim: a folder of CSV files an experiment, or the same frames in memory."""
from __future__ import annotations

import abc
import ast
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from galileo import errors

from . import _tables, cluster
from ._cluster_frames import ByExample, concat, schedule_statistics
from .frames import some

if TYPE_CHECKING:
    import pandas

TYPE_LABEL = "ether.edgerun.io/type"
_STATES = {"deploy": "pending", "startup": "pending", "setup": "pending", "finish": "running", "teardown": "shutdown", "delete": "delete"}
_QUARTER = 900


class SimulatorFrames(ByExample):
    """What is asked of a simulated experiment. Stamps named "rel s" are seconds since its START.

    The simulator writes times without a zone and START as unix seconds: the zone is taken from how far they are apart."""

    @abc.abstractmethod
    def _table(self, exp_id: str, name: str) -> pandas.DataFrame:
        """One of its own; NotFoundError where it isn't there."""

    def metadata(self, exp_id: str | None = None) -> None:
        """None: it is a column of ``experiments()``."""

    def events(self, *exp_ids: str) -> Any:
        """None: a simulation has none."""

    def _several(self, exp_ids: Sequence[str], *names: str) -> pandas.DataFrame:
        return concat([self._table(one, name).assign(exp_id=one) for one in some(tuple(exp_ids)) for name in names])

    def nodeinfo(self, *exp_ids: str) -> pandas.DataFrame:
        """``name arch cpus ram netspeed labels allocatable cluster state exp_id``."""
        return self._several(exp_ids, "nodes")

    def telemetry(self, *exp_ids: str) -> pandas.DataFrame:
        """Utilisation of nodes, then of replicas, as the simulator has it, and ``exp_id``."""
        return self._several(exp_ids, "node_utilization_df", "function_utilization_df")

    def traces(self, *exp_ids: str) -> pandas.DataFrame:
        """Requests as the simulator has them, and ``ts`` (rel s) ``exp_id``; ``time`` is from 1970-01-01 on."""
        import pandas

        parts = []
        for one in some(exp_ids):
            part = self._table(one, "traces_df").assign(exp_id=one)
            part["ts"] = self._relative(one, part["time"])
            parts.append(part.assign(time=pandas.to_datetime(part["ts"], unit="s")))
        return concat(parts)

    @staticmethod
    def _params(text: Any) -> Dict[str, Any]:
        return _object(text)

    def _span(self, exp_id: str) -> tuple[float, float]:
        found = self.get_experiment(exp_id)
        if found.empty:
            raise ValueError(f"No experiment found with id: {exp_id}")
        start, end = (_seconds(found[name].iloc[0]) for name in ("START", "END"))
        return start, end

    def _relative(self, exp_id: str, times: Any) -> Any:
        """Of times without a zone, in s."""
        import pandas

        start = pandas.Timestamp(round(self._span(exp_id)[0] * 1e6), unit="us")

        def since(values: Any) -> Any:
            return (_tables.times_of(values) - start).dt.total_seconds()
        first = since(self._table(exp_id, "schedule_df")["time"]).min()
        zone = round(first / _QUARTER) * _QUARTER if first == first else 0
        return since(times) - zone

    def get_nodes_by_name(self, exp_id: str) -> Dict[str, cluster.FunctionNode]:
        return {row.name: cluster.FunctionNode(
            name=row.name, arch=row.arch, cpus=row.cpus, ram=row.ram, netspeed=row.netspeed, labels=_object(row.labels),
            allocatable=row.allocatable,
            cluster=row.cluster, state=row.state) for row in self._table(exp_id, "nodes").itertuples(index=False)}

    def get_clusters(self, exp_id: str) -> List[str]:
        return [str(one) for one in self._table(exp_id, "nodes")["cluster"].dropna().unique()]

    def map_sim_replica_lifecycle_to_kubernetes(self, sim_state: str) -> str:
        """KeyError for a state that the simulator hasn't."""
        return _STATES[sim_state]

    def map_kubernetes_lifecyle_to_sim(self, kubernetes_state: str) -> Any:
        """The simulator's state, or a list of several."""
        found = [sim for sim, state in _STATES.items() if state == kubernetes_state]
        if not found:
            raise KeyError(kubernetes_state)
        return found if len(found) > 1 else found[0]

    def get_raw_replicas(self, exp_id: str, state: Optional[str] = "running") -> pandas.DataFrame:
        """Rows of the simulator's, ``value`` the state: pending (queued), running, shutdown, delete; all where state is None."""
        queued, lived = self._table(exp_id, "schedule_df"), self._table(exp_id, "replica_deployment_df")
        lived = lived[lived["value"].isin(("finish", "teardown", "delete"))]
        every = concat([queued[queued["value"] == "queue"].assign(value="pending"), lived.assign(value=lived["value"].map(_STATES))])
        return every if state is None else every[every["value"] == state]

    def get_replicas(self, exp_id: str, state: Optional[str] = "running") -> Optional[pandas.DataFrame]:
        """``ts`` (rel s) ``replica_id state startTime image nodeName cluster fn replica_type``, by ts; None where there are none."""
        import pandas

        raw = self.get_raw_replicas(exp_id, state)
        if raw.empty:
            return None
        clusters = self._table(exp_id, "nodes").set_index("name")["cluster"]
        conceived = self._table(exp_id, "function_replicas_df").drop_duplicates("replica_id").set_index("replica_id")
        kinds = conceived["labels"].map(lambda text: _object(text).get(TYPE_LABEL, "N/A"))
        made = pandas.DataFrame({
            "ts": self._relative(exp_id, raw["time"]), "replica_id": raw["replica_id"], "state": raw["value"],
            "startTime": raw["time"].where(raw["value"] != "pending", None), "image": raw["image"], "nodeName": raw["node_name"],
            "cluster": raw["node_name"].map(clusters), "fn": raw["function_name"],
            "replica_type": raw["replica_id"].map(kinds).fillna("N/A")})
        return made.sort_values("ts", kind="stable")

    def get_replicas_with_shutdown(self, exp_id: str) -> pandas.DataFrame:
        """Those that have run, and ``shutdown_ts`` (rel s): END where it wasn't shut down. ValueError where none has run."""
        start, end = self._span(exp_id)
        running, gone = self.get_replicas(exp_id, "running"), self.get_replicas(exp_id, "shutdown")
        if running is None:
            raise ValueError("No running containers found")
        ends = {} if gone is None else dict(zip(gone["replica_id"][::-1], gone["ts"][::-1]))
        running["shutdown_ts"] = running["replica_id"].map(ends).astype("float64").fillna(end - start)
        return running

    def get_gateways_replicas(self, exp_id: str) -> pandas.DataFrame:
        found = self.get_replicas_with_shutdown(exp_id).drop(columns="shutdown_ts")
        return found[found["replica_type"] == "api-gateway"]

    def get_running_replicas(self, exp_id: str, deployments: Sequence[Any], now: float) -> Dict[str, pandas.DataFrame]:
        """Of each function those that run at ``now`` (rel s)."""
        found = self.get_replicas_with_shutdown(exp_id)
        found = found[(found["ts"] < now) & (found["shutdown_ts"] > now)]
        return {one.fn.name: found[found["fn"] == one.fn.name] for one in deployments}

    def get_replica_schedule_statistics(self, exp_id: str, fn: str, clusters: Optional[List[str]] = None,
                                        per_second: bool = True) -> pandas.DataFrame:
        """As of ``K3SGateway``: how many replicas ran whose image contains ``fn``. ValueError where none has run."""
        start, end = self._span(exp_id)
        parts = [self.get_replicas_with_shutdown(exp_id), self.get_replicas(exp_id, "shutdown")]
        changes = concat([one for one in parts if one is not None])
        changes = changes[changes["image"].str.contains(fn, regex=False)].sort_values("ts", kind="stable")
        return schedule_statistics(changes, clusters or self.get_clusters(exp_id), end - start, per_second, exp_id)

    def get_function_images(self, exp_id: str) -> Dict[Tuple[str, str], cluster.FunctionImage]:
        """By function and image."""
        rows = self._table(exp_id, "function_images_df")
        return {(name, image): cluster.FunctionImage(image) for name, image in zip(rows["function_name"], rows["image"])}

    def get_function_containers(self, exp_id: str) -> Dict[Tuple[str, str], cluster.FunctionContainer]:
        """By function and image."""
        return {(row.name, row.image): cluster.FunctionContainer(
            cluster.FunctionImage(row.image),
            cluster.KubernetesResourceConfiguration(cluster.ResourceRequirements(_object(row.resource_requirements))),
            _object(row.labels)) for row in self._table(exp_id, "function_containers_df").itertuples(index=False)}

    def get_functions(self, exp_id: str) -> Dict[str, cluster.Function]:
        images, rows = self.get_function_images(exp_id), self._table(exp_id, "functions_df")
        return {name: cluster.Function(name, [image for (of, _), image in images.items() if of == name], _object(labels))
                for name, labels in zip(rows["name"], rows["labels"])}

    def get_raw_deployments(self, exp_id: str) -> pandas.DataFrame:
        return self._table(exp_id, "function_deployments_df")

    def get_deployments(self, exp_id: str) -> Dict[str, cluster.FunctionDeployment]:
        functions, containers = self.get_functions(exp_id), self.get_function_containers(exp_id)
        return {row.name: cluster.FunctionDeployment(
            functions[row.name], [one for (of, _), one in containers.items() if of == row.name],
            cluster.ScalingConfiguration(row.scale_min, row.scale_max, row.scale_factor, row.scale_zero))
            for row in self.get_raw_deployments(exp_id).itertuples(index=False)}

    def get_conceived_replicas_by_replica_id(self, exp_id: str) -> Dict[str, cluster.FunctionReplica]:
        deployments, containers = self.get_deployments(exp_id), self.get_function_containers(exp_id)
        return {row.replica_id: cluster.FunctionReplica(
            row.replica_id, _object(row.labels), deployments.get(row.name), containers.get((row.name, row.image)), None,
            cluster.FunctionReplicaState.CONCEIVED) for row in self._table(exp_id, "function_replicas_df").itertuples(index=False)}

    def normalize_index(self, idx: Any, exp_id: str) -> Any:
        """Moved so that START, to the microsecond, is 1970-01-01."""
        from ._cluster_frames import moved

        return moved(idx, self._span(exp_id)[0])


class FaasSimGateway(SimulatorFrames):
    """root_dir: where the experiments' folders are, ``<root_dir>/<id>/traces_df.csv`` and so on."""

    def __init__(self, root_dir: str | os.PathLike[str]) -> None:
        self.root_dir = os.fspath(root_dir)

    def __repr__(self) -> str:
        return f"<FaasSimGateway of {self.root_dir}>"

    def _table(self, exp_id: str, name: str) -> pandas.DataFrame:
        import pandas

        path = Path(self.root_dir) / exp_id / f"{name}.csv"
        if exp_id in ("", ".", "..") or os.sep in exp_id or not path.is_file():
            raise errors.NotFoundError(f"there is no {exp_id}/{name}.csv, {self.root_dir}")
        return pandas.read_csv(path)

    def experiments(self) -> pandas.DataFrame:
        """``time EXP_ID START END CREATED STATUS metadata`` of all folders that have an ``experiment_df.csv``, by name."""
        return concat([self._table(path.parent.name, "experiment_df") for path in sorted(Path(self.root_dir).glob("*/experiment_df.csv"))])

    @staticmethod
    def from_env() -> FaasSimGateway:
        """Of the folder that ``galileo_expdb_faas_sim_results_folder`` names, else the current one."""
        from . import env

        env.load()
        return FaasSimGateway(os.environ.get("galileo_expdb_faas_sim_results_folder", os.getcwd()))


def _object(text: Any) -> Dict[str, Any]:
    """A dict as Python writes it, or one already."""
    if isinstance(text, dict):
        return text
    try:
        found = ast.literal_eval(text)
    except (SyntaxError, TypeError, ValueError, MemoryError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: Any) -> float:
    return float(value.timestamp() if hasattr(value, "timestamp") else value)
