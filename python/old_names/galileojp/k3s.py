"""Experiments on a Kubernetes cluster: pods, weights, rates and the way of each request."""
from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from . import _tables, cluster
from ._cluster_frames import ClusterFrames, moved
from .frames import MixedExperimentFrameGateway, databases_of_environment, some

if TYPE_CHECKING:
    import pandas

default_milli_cpu_request = cluster.DEFAULT_CPU_REQUEST
default_mem_request = cluster.DEFAULT_MEM_REQUEST


def parse_cpu_millis(cpu: str) -> int:
    """Thousandths of a core of a Kubernetes quantity."""
    return int(cluster.quantity(cpu) * 1000)


def get_zone_from_client(client: str) -> Any:
    """``zone-`` and one more letter in a client's id; NaN where there is none."""
    found = re.search("zone-.", client)
    return found[0] if found else float("nan")


class K3SGateway(MixedExperimentFrameGateway, ClusterFrames):
    """What :class:`MixedExperimentFrameGateway` has, and the calls of a cluster.

    inflxudb, sqldb: as there; deployment_pattern: what stands behind the function in a pod's name; clusters: zones' clusters."""

    def __init__(self, inflxudb: Any, sqldb: Any = None, deployment_pattern: str = "-deployment",
                 clusters: Optional[Mapping[str, str]] = None) -> None:
        super().__init__(inflxudb, sqldb)
        self.deployment_pattern = deployment_pattern
        self.clusters = clusters

    @staticmethod
    def from_env() -> K3SGateway:
        return K3SGateway(*databases_of_environment())

    def _events(self, exp_id: str, names: Sequence[str]) -> pandas.DataFrame:
        import pandas

        found = self._measured.events(exp_id)
        found = found[found["name"].isin(list(names)) & found["value"].notna()]
        return _tables.frame({"ts": _tables.seconds(found["time"]), "name": _tables.objects(found["name"]),
                                 "value": _tables.objects(found["value"]),
                                 "exp_id": _tables.objects(found["exp_id"])})

    def _metric(self, exp_id: str, metric: str) -> pandas.DataFrame:
        return _tables.influx_telemetry(self._measured, exp_id, metric)

    def get_raw_replicas(self, exp_id: str, state: Optional[str] = "running") -> pandas.DataFrame:
        """Events ``pod/<state>``, all five where state is None, in the columns of Flux: ``result table _start _stop _time _value _field
        _measurement exp_id name ts`` and ``state``."""
        import numpy
        import pandas

        found = self._raw_replicas(exp_id, state)
        stamps = found["ts"].to_numpy(dtype="float64")
        milliseconds = numpy.floor(stamps * 1000).astype("int64")
        day = pandas.Timestamp.now(tz="UTC") + pandas.Timedelta(days=1)
        return pandas.DataFrame({
            "result": "_result", "table": numpy.arange(len(found)), "_start": pandas.Timestamp(0, tz="UTC"), "_stop": day,
            "_time": pandas.to_datetime(milliseconds, unit="ms", utc=True), "_value": found["value"], "_field": "value",
            "_measurement": "events",
            "exp_id": found["exp_id"], "name": found["name"], "ts": _tables.texts_of(stamps),
            "state": found["state"]}).set_index(found.groupby("state").cumcount().to_numpy())

    def get_cpu_usage_results(self, exp_id: str) -> pandas.DataFrame:
        """Events ``cpu_usage_pressure``, their JSON in columns, and ``cluster``; the index from START on."""
        import json

        import pandas

        made = pandas.DataFrame([json.loads(text) for text in self._events(exp_id, ["cpu_usage_pressure"])["value"]], columns=None)
        if made.empty:
            return pandas.DataFrame(columns=["ts", "zone", "cluster"])
        if "zone" in made:
            made["cluster"] = made["zone"].map(self.convert_cluster)
        if "ts" in made:
            made.index = self.normalize_index(pandas.DatetimeIndex(pandas.to_datetime(made["ts"].astype(float), unit="s"), name="ts"),
                                              exp_id)
        return made

    def traces(self, *exp_ids: str) -> pandas.DataFrame:
        """Requests that were answered: ``value client service created sent done`` (rel s) ``status server exp_id response headers``, and

        ``rtt`` = done - sent in s; ``final_server``: X-Final-Host, all hops; ``origin_zone origin_cluster`` of the client's id;
        ``latency_gateway``: twice the way to the last gateway, ms; with status 200 ``start end`` (rel s, of X-Start and X-End), ``exec``
        between them in s, ``latency``: all ways, ms; else ``latency`` is ``latency_gateway``. NaN where a header isn't there.

        The index is the time of ``sent`` from START on. ValueError where there are none."""
        import numpy

        made = self._traces(some(exp_ids))
        made["final_server"] = _tables.as_object(_tables.objects(made["final_server"], numpy.nan), made.index)
        return made

    def _traces(self, ids: tuple[str, ...]) -> pandas.DataFrame:
        """Those, with ``final_server`` as a category."""
        import numpy
        import pandas

        names = ["request_id", "client", "service", "created", "sent", "done", "status", "server", "exp_id", "response", "headers",
                 "final_host", "last_hop", "work_start", "work_end"]
        found = self._measured.traces(*ids, columns=names)
        if found.empty:
            raise ValueError("Empty dataframes")
        given = (found["status"] != -1).to_numpy()
        if not given.all():
            found = found[given]
        start = self._starts(found["exp_id"])
        answered = (found["status"] == 200).to_numpy()
        sent = _tables.seconds(found["sent"])
        created, relative, done = _tables.seconds(found["created"]) - start, sent - start, _tables.seconds(found["done"]) - start
        begun, ended = (numpy.where(answered, _tables.seconds(found[name], numpy.nan) - start, numpy.nan) for name in ("work_start",
                                                                                                                       "work_end"))
        gateway = ((_tables.seconds(found["last_hop"], numpy.nan) - start) - relative) * 2 * 1000
        zones = found["client"].cat.categories.map(get_zone_from_client).to_numpy(dtype=object)
        clusters = numpy.array([self.convert_cluster(zone) for zone in zones], dtype=object)
        codes = found["client"].cat.codes.to_numpy()
        micros = numpy.rint(start * 1e6).astype("int64") * 1000
        return _tables.frame({
            "value": _tables.objects(found["request_id"], numpy.nan), "client": _tables.objects(found["client"]),
            "service": _tables.objects(found["service"]), "created": created, "sent": relative, "done": done,
            "status": found["status"].to_numpy().astype("int64"), "server": _tables.objects(found["server"], numpy.nan),
            "exp_id": _tables.objects(found["exp_id"]), "response": _tables.objects(found["response"], numpy.nan),
            "headers": _tables.objects(found["headers"], numpy.nan), "rtt": done - relative,
            "final_server": found["final_host"].reset_index(drop=True).array, "origin_zone": zones[codes],
            "origin_cluster": clusters[codes],
            "latency_gateway": gateway, "start": begun, "end": ended, "exec": ended - begun,
            "latency": numpy.where(answered, ((begun - relative) + (done - ended)) * 1000, gateway)},
            index=pandas.DatetimeIndex((_tables.index_of(sent, "sent").asi8 - micros).view("datetime64[ns]"), name="sent"))

    def _starts(self, ids: Any) -> Any:
        """Of a categorical column of experiments the START of each row's."""
        import numpy

        return numpy.array([self._span(one)[0] for one in ids.cat.categories])[ids.cat.codes.to_numpy()]

    def preprocessed_traces(self, exp_id: str) -> pandas.DataFrame:
        """:meth:`traces`, and ``final_ip final_port final_server`` (the node) ``pod_name pod_image function dest_zone dest_cluster``: N/A
        where that isn't known, or the status isn't 200."""
        return self._with_destinations(self._traces((exp_id,)), exp_id)

    def export(self, exp_id: str, folder_path: str | os.PathLike[str]) -> bool:
        """Writes ``<folder>/<id>/``: ``experiment.csv telemetry.csv traces.csv`` (as :meth:`traces`) ``raw_traces.csv events.csv
        nodeinfo.csv``, the first column the index. False where there is no such experiment; FileExistsError where the folder is there."""
        from ._export import export

        return export(self, MixedExperimentFrameGateway.traces, exp_id, folder_path)
