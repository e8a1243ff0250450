"""The calls that a cluster's gateways share: pods, weights and rates out of events and telemetry.

Stamps named "rel s" are seconds since the experiment's START; an index is moved so that START is 1970-01-01."""
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from galileo import errors
from galileo._old_names import differs

from . import _tables, cluster
from .frames import ExperimentFrameGateway

if TYPE_CHECKING:
    import pandas

STATES = ("create", "pending", "running", "shutdown", "delete")
_REPLICAS = ("ts podUid replica_id name hostIP podIP startTime image container_id namespace nodeName cpu_request "
             "mem_request state zone cluster fn pod_type replica_type").split()


class ByExample(ExperimentFrameGateway):
    """Experiments by their ids and by what their metadata are like."""

    @staticmethod
    def _params(text: Any) -> Dict[str, Any]:
        """Metadata as the gateway's experiments have them."""
        return json.loads(text)  # type: ignore[no-any-return]

    def get_experiment(self, exp_id: str) -> pandas.DataFrame:
        """Its row of ``experiments()``; none where it isn't there."""
        found = self.experiments()
        return found[found["EXP_ID"] == exp_id]

    def get_exp_params(self, exp_id: str) -> Dict[str, Any]:
        """Its metadata. ValueError where it isn't there."""
        found = self.get_experiment(exp_id)
        if found.empty:
            raise ValueError(f"No experiment found with id: {exp_id}")
        return self._params(found["metadata"].iloc[0])

    def exps_by_example(self, example: Dict[str, Any], experiments: pandas.DataFrame) -> pandas.DataFrame:
        """Those rows whose metadata agree with the example wherever they have its keys; lists agree as sets."""
        return experiments[[agrees(example, self._params(text)) for text in experiments["metadata"]]]

    def item_equal(self, example: Any, item: Any) -> bool:
        return agrees(example, item)


class ClusterFrames(ByExample):
    """What is asked of an experiment on a cluster. ``clusters`` says which cluster each zone is; without it a zone is one."""

    deployment_pattern: str
    clusters: Optional[Mapping[str, str]] = None

    def _events(self, exp_id: str, names: Sequence[str]) -> pandas.DataFrame:
        """Of these names, by time: ``ts`` (unix seconds) ``name value exp_id``."""
        raise NotImplementedError

    def _metric(self, exp_id: str, metric: str) -> pandas.DataFrame:
        """Its rows by time: ``value ts exp_id node metric subsystem``, the index their time."""
        raise NotImplementedError

    # --- experiments

    def _span(self, exp_id: str) -> tuple[float, float]:
        """START, and END (NaN while it runs). ValueError where it isn't there or hasn't begun."""
        found = self.get_experiment(exp_id)
        if found.empty:
            raise ValueError(f"No experiment found with id: {exp_id}")
        start, end = float(found["START"].iloc[0]), float(found["END"].iloc[0])
        if start != start:
            raise ValueError(f"the experiment {exp_id} hasn't begun: it has no START")
        return start, end

    def normalize_index(self, idx: Any, exp_id: str) -> Any:
        """Moved so that START, to the microsecond, is 1970-01-01."""
        return moved(idx, self._span(exp_id)[0])

    # --- zones and nodes

    def convert_cluster(self, zone: Optional[str]) -> str:
        """The zone's cluster: by ``clusters``, N/A where that doesn't have it; without that the zone itself."""
        if zone is None or zone != zone:
            return "N/A"
        if self.clusters is not None:
            return self.clusters.get(zone, "N/A")
        differs("convert_cluster gives the zone itself, where the original package names the clusters of its authors' test bed: "
                "set the gateway's `clusters`, as in {'zone-a': 'IoT-Box', 'zone-b': 'Cloudlet', 'zone-c': 'Cloud'}")
        return zone

    def find_zone_for_client(self, client: str) -> str:
        """The zone of ``gateway-<zone>``."""
        return client[len("gateway-"):]

    def get_clusters(self, exp_id: str) -> List[str]:
        """Those that have nodes."""
        return list(dict.fromkeys(node.cluster for node in self.get_nodes_by_name(exp_id).values() if node.cluster is not None))

    def get_nodes_by_name(self, exp_id: str) -> Dict[str, cluster.KubernetesFunctionNode]:
        """Nodes as their info tells; empty where there is none. What isn't told is None."""
        nodes = {}
        for name, info in self.nodeinfo(exp_id).groupby("NODE", sort=False):
            told = dict(zip(info["INFO_KEY"], info["INFO_VALUE"]))
            labels, allocatable = _object(told.get("labels")), _object(told.get("allocatable"))
            if allocatable.get("cpu") == "1":
                allocatable["cpu"] = "1000m"
            zone = labels.get(cluster.ZONE_LABEL)
            nodes[str(name)] = cluster.KubernetesFunctionNode(
                name=str(name), arch=told.get("arch"), cpus=told.get("cpus"), ram=told.get("ram"), netspeed=told.get("netspeed"),
                labels=labels,
                allocatable=allocatable, cluster=self.convert_cluster(zone), state=cluster.NodeState.READY, zone=zone,
                boot=told.get("boot"),
                net=told.get("net"), disk=told.get("disk"))
        return nodes

    def build_node_service(self, exp_id: str) -> cluster.NodeService[cluster.KubernetesFunctionNode]:
        nodes = self.get_nodes_by_name(exp_id)
        return cluster.NodeService(list(dict.fromkeys(str(node.cluster) for node in nodes.values())), nodes.values())

    # --- pods

    def _raw_replicas(self, exp_id: str, state: Optional[str]) -> pandas.DataFrame:
        """Events of pods, state by state: ``ts`` (unix seconds) ``name value exp_id state``."""
        import pandas

        states = STATES if state is None else (state,)
        events = self._events(exp_id, [f"pod/{one}" for one in states])
        events["state"] = events["name"].str.slice(len("pod/"))
        order = pandas.Categorical(events["state"], categories=list(states))
        return events.iloc[order.codes.argsort(kind="stable")].reset_index(drop=True)

    def parse_container_request(self, container_requests: Dict[str, str]) -> Dict[str, int]:
        """``cpu`` in thousandths of a core, ``memory`` in bytes."""
        return cluster.requests_of({"resource_requests": container_requests})

    def build_deployment_service(self, exp_id: str) -> cluster.FunctionDeploymentService[cluster.KubernetesFunctionDeployment]:
        """The functions whose pods have run."""
        found = {}
        for pod in cluster.pods_of(self._raw_replicas(exp_id, "running")["value"]):
            if pod is not None and (function := cluster.function_of(pod, self.deployment_pattern)):
                found[function] = cluster.deployment_of(pod, function, self.deployment_pattern)
        return cluster.FunctionDeploymentService(found.values())

    def get_replicas(self, exp_id: str, state: Optional[str] = "running", deployment_service: Any = None,
                     node_service: Any = None) -> pandas.DataFrame:
        """Events of the functions' pods, by ``ts`` (rel s): ``ts podUid replica_id name hostIP podIP startTime image container_id namespace
        nodeName cpu_request`` (thousandths of a core) ``mem_request`` (bytes) ``state zone cluster fn pod_type replica_type``. Pods that
        are still pending are left out. Empty where there are none."""
        import pandas

        start, _ = self._span(exp_id)
        events = self._raw_replicas(exp_id, state)
        nodes = node_service or self.build_node_service(exp_id)
        rows = []
        for stamp, kind, pod in zip(events["ts"], events["state"], cluster.pods_of(events["value"])):
            if pod is None or pod.get("status") == "Pending" or not cluster.function_of(pod, self.deployment_pattern):
                continue
            node = nodes.find(pod.get("nodeName") or "")
            one = cluster.replica_of(pod, None, node)
            zone = one.labels.get(cluster.ZONE_LABEL) or (node.labels.get(cluster.ZONE_LABEL) if node else None) or "N/A"
            asked = one.container.get_resource_requirements() if one.container else {"cpu": 0, "memory": 0}
            kind_of_pod = one.labels.get(cluster.POD_TYPE_LABEL, "N/A")
            rows.append((stamp - start, one.replica_id, one.replica_id, one.pod_name, one.host_ip, one.ip, one.start_time, one.image
                         or "NA",
                         one.container_id, one.namespace, one.node_name, asked["cpu"], asked["memory"], kind, zone,
                         self.convert_cluster(zone),
                         one.labels.get(cluster.FUNCTION_LABEL, "N/A"), kind_of_pod, kind_of_pod))
        made = _tables.frame(_tables.rows_of(rows, _REPLICAS))
        if made.empty:
            made = made.astype({"ts": "float64", "cpu_request": "int64", "mem_request": "int64"})
        return made.sort_values(by="ts", kind="stable")

    def _replicas_by(self, exp_id: str, key: str) -> Dict[str, cluster.KubernetesFunctionReplica]:
        deployments, nodes = self.build_deployment_service(exp_id), self.build_node_service(exp_id)
        found = {}
        for pod in cluster.pods_of(self._raw_replicas(exp_id, "running")["value"]):
            if pod is not None and (function := cluster.function_of(pod, self.deployment_pattern)):
                one = cluster.replica_of(pod, deployments.get_by_name(function), nodes.find(pod.get("nodeName") or ""))
                if name := getattr(one, key):
                    found[name] = one
        return found

    def get_replica_by_ip(self, exp_id: str) -> Dict[str, cluster.KubernetesFunctionReplica]:
        """The pods that have run; of one address the last."""
        return self._replicas_by(exp_id, "ip")

    def get_replica_by_container_id(self, exp_id: str) -> Dict[str, cluster.KubernetesFunctionReplica]:
        return self._replicas_by(exp_id, "container_id")

    def get_replicas_with_shutdown(self, exp_id: str) -> pandas.DataFrame:
        """Those that have run, and ``shutdown_ts`` (rel s): END where it wasn't shut down."""
        start, end = self._span(exp_id)
        running, gone = self.get_replicas(exp_id, "running"), self.get_replicas(exp_id, "shutdown")
        ends = gone.drop_duplicates("podUid").set_index("podUid")["ts"]
        running["shutdown_ts"] = running["podUid"].map(ends).fillna(end - start).astype("float64")
        return running

    def get_gateways_replicas(self, exp_id: str, gw: Any = None) -> pandas.DataFrame:
        found = self.get_replicas(exp_id)
        return found[found["pod_type"] == "api-gateway"]

    def get_running_replicas(self, exp_id: str, deployments: Sequence[Any], now: float, gw: Any = None) -> Dict[str, pandas.DataFrame]:
        """Of each function those that run at ``now`` (rel s)."""
        found = self.get_replicas_with_shutdown(exp_id)
        found = found[(found["ts"] < now) & (found["shutdown_ts"] > now)]
        return {one.fn.name: found[found["fn"] == one.fn.name] for one in deployments}

    def get_replicas_by_deployments(self, exp_id: str, deployments: Sequence[Any]) -> Dict[str, pandas.DataFrame]:
        found = self.get_replicas(exp_id)
        return {one.fn.name: found[found["fn"] == one.fn.name] for one in deployments}

    def get_replica_schedule_statistics(self, exp_id: str, fn: str, clusters: Optional[List[str]] = None,
                                        per_second: bool = True) -> pandas.DataFrame:
        """How many pods whose image contains ``fn`` ran: ``ts`` (a time from 1970-01-01 on) ``total cluster cluster_total exp_id``; a row
        of
        each cluster at the start and at END, one for each pod that came or went, and with ``per_second`` one of each cluster each
        second."""
        start, end = self._span(exp_id)
        changes = concat([self.get_replicas(exp_id, "running"), self.get_replicas(exp_id, "delete")])
        changes = changes[changes["image"].str.contains(fn, regex=False)].sort_values("ts", kind="stable")
        last = end - start if end == end else float(changes["ts"].max()) if len(changes) else 0.0
        return schedule_statistics(changes, clusters or self.get_clusters(exp_id), last, per_second, exp_id)

    def get_pod_schedules_statistics(self, exp_id: str, deployment_pattern: str = "busy",
                                     clusters: Optional[List[str]] = None) -> pandas.DataFrame:
        """``get_replica_schedule_statistics`` without the seconds between."""
        return self.get_replica_schedule_statistics(exp_id, deployment_pattern, clusters, per_second=False)

    # --- weights

    def get_weight_updates(self, exp_id: str) -> pandas.DataFrame:
        """What gateways were told: ``ts`` (unix seconds) ``fn zone cluster ip weight``, a row a target, the index from START on."""
        import pandas

        rows = []
        for text in self._events(exp_id, ["weight_update"])["value"]:
            told = json.loads(text)
            weights = told["weights"]
            rows += [(told["ts"], told["fn"], told["zone"], self.convert_cluster(told["zone"]), ip, weight)
                     for ip, weight in zip(weights["ips"], weights["weights"])]
        made = _tables.frame(_tables.rows_of(rows, ["ts", "fn", "zone", "cluster", "ip", "weight"]))
        times = pandas.DatetimeIndex(pandas.to_datetime(made["ts"].astype(float), unit="s"), name="ts")
        made.index = self.normalize_index(times, exp_id)
        return made

    # --- rates

    def get_cpu_container(self, exp_id: str, container_id: str, absolute: bool = True) -> Optional[pandas.DataFrame]:
        """What a container used: its rows of ``kubernetes_cgrp_cpu`` and ``value_ms milli_cores percentage`` (100: a core)
        ``percentage_relative`` (100: its node). None where the container or its node isn't known."""
        return self._cpu(exp_id, [container_id]).get(container_id)

    def _cpu(self, exp_id: str, container_ids: Sequence[str]) -> Dict[str, pandas.DataFrame]:
        """By container; each table is read once."""
        nodes, node_of = self.get_nodes_by_name(exp_id), {}
        for pod in cluster.pods_of(self._raw_replicas(exp_id, "running")["value"]):
            for one in (pod.get("containers") or {}).values() if pod else ():
                node_of[cluster.container_id_of(one)] = pod["nodeName"] if pod else None
        rows = self._metric(exp_id, "kubernetes_cgrp_cpu")
        start, _ = self._span(exp_id)
        found = {}
        for container_id in dict.fromkeys(container_ids):
            node, mine = nodes.get(node_of.get(container_id) or ""), rows[rows["subsystem"] == container_id].copy()
            if node is None or mine.empty:
                continue
            mine["value_ms"] = mine["value"] / 1e6
            mine["milli_cores"] = rate(mine["value_ms"], mine["ts"])
            mine["percentage"] = mine["milli_cores"] / 10
            mine["percentage_relative"] = mine["percentage"] / float(node.cpus) if node.cpus else float("nan")
            mine.index = moved(mine.index, start)
            found[container_id] = mine
        return found

    def get_cpu(self, exp_id: str, replicas: pandas.DataFrame, gw: Any = None) -> pandas.DataFrame:
        """``get_cpu_container`` of each of these replicas, ``ts`` as rel s. ValueError where none is known."""
        start, _ = self._span(exp_id)
        found = concat(list(self._cpu(exp_id, list(replicas["container_id"])).values()))
        found["ts"] = found["ts"].astype(float) - start
        return found

    def get_cpu_containers_by_name(self, exp_id: str, container_pattern: str, absolute: bool = True) -> pandas.DataFrame:
        """Of the pods whose name has this pattern (a regular expression), and ``zone cluster name id image cpu_request mem_request_mb``."""
        pods = self.get_replicas(exp_id)
        pods = pods[pods["name"].str.contains(container_pattern)]
        by_container, parts = self._cpu(exp_id, list(pods["container_id"])), []
        for pod in pods.itertuples():
            part = by_container.get(pod.container_id)
            if part is not None:
                parts.append(part.assign(zone=pod.zone, cluster=pod.cluster, id=pod.container_id, image=pod.image,
                                         cpu_request=pod.cpu_request,
                                         mem_request_mb=pod.mem_request / 1_000_000, name=pod.name))
        return concat(parts)

    def _rate(self, exp_id: str, container_id: str, metric: str, name: str) -> Optional[pandas.DataFrame]:
        start, _ = self._span(exp_id)
        rows = self._metric(exp_id, metric)
        mine = rows[rows["subsystem"] == container_id].copy()
        if mine.empty:
            return None
        mine[name] = rate(mine["value"], mine["ts"]) / 1000
        mine["ts"] = mine["ts"].astype(float) - start
        mine.index = moved(mine.index, start)
        return mine

    def get_blkio_rate_container(self, exp_id: str, container_id: str) -> Optional[pandas.DataFrame]:
        """Its rows of ``kubernetes_cgrp_blkio``, ``ts`` as rel s, and ``blkio_rate`` in kB/s (1000 bytes). None where there are none."""
        return self._rate(exp_id, container_id, "kubernetes_cgrp_blkio", "blkio_rate")

    def get_network_rate_container(self, exp_id: str, container_id: str) -> Optional[pandas.DataFrame]:
        """Its rows of ``kubernetes_cgrp_net``, ``ts`` as rel s, and ``net_rate`` in kB/s (1000 bytes). None where there are none."""
        return self._rate(exp_id, container_id, "kubernetes_cgrp_net", "net_rate")

    def preprocessed_telemetry(self, exp_id: str) -> pandas.DataFrame:
        """All telemetry, index and ``ts`` from START on, memory of containers in MB (1e6 bytes)."""
        found = self.telemetry(exp_id).copy()
        found.index = self.normalize_index(found.index, exp_id)
        found["ts"] = found.index.asi8 / 1e9
        memory = found["metric"].isin(("kubernetes_cgrp_memory", "docker_cgrp_memory"))
        found.loc[memory, "value"] = found.loc[memory, "value"] / 1e6
        return found

    # --- traces

    def _with_destinations(self, traces: pandas.DataFrame, exp_id: str) -> pandas.DataFrame:
        """Which pod answered, where it did: N/A where that isn't known, or the status isn't 200. Into the frame itself, whose
        ``final_server`` is a category."""
        import numpy

        pods, nodes = self.get_replica_by_ip(exp_id), self.get_nodes_by_name(exp_id)
        hosts = traces["final_server"].cat.categories
        columns = {name: numpy.full(len(hosts) + 1, "N/A", dtype=object) for name in (
            "final_ip", "final_port", "final_server", "pod_name", "pod_image", "function", "dest_zone", "dest_cluster")}
        for place, host in enumerate(hosts):
            ip, _, port = str(host).rpartition(",")[2].strip().rpartition(":")
            pod = pods.get(ip)
            if pod is None:
                continue
            node = nodes.get(pod.node_name or "")
            zone = pod.labels.get(cluster.ZONE_LABEL) or (node.cluster if node else None) or "N/A"
            for name, value in zip(columns, (ip, port, pod.node_name, pod.pod_name, pod.image or "NA",
                                             pod.labels.get(cluster.FUNCTION_LABEL, "N/A"),
                                             zone, self.convert_cluster(zone))):
                columns[name][place] = value
        places = numpy.where(traces["status"].to_numpy() == 200, traces["final_server"].cat.codes.to_numpy(), -1)  # the last: N/A
        for name, values in columns.items():
            traces[name] = _tables.as_object(values[places], traces.index)
        return traces


def agrees(example: Any, item: Any) -> bool:
    """Wherever ``item`` has the example's keys; lists as sets. An empty dict agrees with nothing."""
    if isinstance(item, list):
        return _as_set(example) == _as_set(item)
    if isinstance(item, dict):
        return bool(item) and all(agrees(value, item[key]) for key, value in example.items() if item.get(key) is not None)
    return bool(item == example)


def moved(index: Any, start: float) -> Any:
    import pandas

    return index - pandas.Timedelta(round(start * 1e6), "us")


def rate(values: pandas.Series[Any], stamps: pandas.Series[Any]) -> pandas.Series[Any]:
    """By each interval, a second; NaN for the first, and where the time stands."""
    passed = stamps.astype(float).diff()
    return values.diff() / passed.where(passed > 0)


def concat(parts: List[Any]) -> pandas.DataFrame:
    import pandas

    if not parts:
        raise errors.NotFoundError("there is nothing of that kind")
    made: pandas.DataFrame = pandas.concat(parts)
    return made


def schedule_statistics(changes: pandas.DataFrame, clusters: List[str], last: float, per_second: bool, exp_id: str) -> pandas.DataFrame:
    """Steps: ``changes`` has ``ts state cluster``, by time."""
    import numpy
    import pandas

    stamps, more = changes["ts"].to_numpy(dtype="float64"), numpy.where(changes["state"] == "running", 1, -1)
    total = numpy.concatenate([[0], numpy.cumsum(more)])
    grid = numpy.arange(1, numpy.ceil(last)) if per_second else numpy.empty(0)
    parts = []
    for name in clusters:
        mine = (changes["cluster"] == name).to_numpy()
        own = numpy.concatenate([[0], numpy.cumsum(numpy.where(mine, more, 0))])
        at = numpy.concatenate([[0.0], grid, [last]])
        upto = numpy.searchsorted(stamps, at, side="right")
        upto[0] = 0
        own_rows = numpy.flatnonzero(mine)
        parts.append(pandas.DataFrame({
            "ts": numpy.concatenate([at, stamps[own_rows]]), "total": numpy.concatenate([total[upto], total[own_rows + 1]]),
            "cluster": name,
            "cluster_total": numpy.concatenate([own[upto], own[own_rows + 1]]),
            "order": numpy.concatenate([upto, own_rows + 1]), "end": numpy.concatenate([numpy.arange(len(at)) == len(at) - 1,
                                                                                        numpy.zeros(len(own_rows), bool)])}))
    made = pandas.concat(parts, ignore_index=True).sort_values(["end", "ts", "order"], kind="stable", ignore_index=True)
    made["ts"] = pandas.to_datetime(numpy.rint(made["ts"].to_numpy() * 1e6).astype("int64"), unit="us")
    made["exp_id"] = exp_id
    return made[["ts", "total", "cluster", "cluster_total", "exp_id"]]


def _object(text: Any) -> Dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _as_set(values: Any) -> set[str]:
    """Also of what has no hash: by its JSON."""
    return {json.dumps(one, sort_keys=True) for one in values} if isinstance(values, (list, tuple, set)) else {json.dumps(values)}
