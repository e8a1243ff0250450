"""What an experiment file's keys take, as types: ``galileo.Experiment(clients=[...])`` is checked by them, and whoever makes its
parts one by one annotates these::

    from galileo import keys

    client: keys.Client = {"service": "hello", "rate": 100, "duration": timedelta(seconds=10)}

Made of schema/experiment.schema.json by ``make tables``. At run time they are plain dicts, and the program says what is wrong."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Protocol, Required, TypedDict, Union

#: a text; numbers and paths become one
Text = Union[str, float, "os.PathLike[str]"]
#: seconds, 1.5s, 250ms, 1h30m
Duration = Union[float, str, timedelta]
#: 100, 10k, 1.5M
Count = Union[int, str]
#: a number, or a text that is one
Number = Union[float, str]
Boolean = Union[bool, Literal["yes", "no", "on", "off", "true", "false"]]


class Array(Protocol):
    """numpy's."""

    def tolist(self) -> Any: ...


Instrument = Literal["cpu", "freq", "procs", "ram", "load", "net", "disk", "tx_bitrate", "rx_bitrate", "signal", "gpu_freq", "gpu_util",
                     "gpu_power", "gpu_memory", "gpu_temperature", "psi_cpu", "psi_memory", "psi_io", "thermal", "energy", "power", "file",
                     "scrape", "command", "process", "docker_cgrp_cpu", "docker_cgrp_blkio", "docker_cgrp_memory", "docker_cgrp_net",
                     "kubernetes_cgrp_cpu", "kubernetes_cgrp_blkio", "kubernetes_cgrp_memory", "kubernetes_cgrp_net",
                     "kubernetes_cgrp_nr_throttled", "docker_cgrp_nr_throttled", "docker_cgrp_throttled", "docker_cgrp_faults",
                     "docker_cgrp_major_faults", "docker_cgrp_psi_cpu", "docker_cgrp_psi_memory", "docker_cgrp_psi_io",
                     "kubernetes_cgrp_throttled", "kubernetes_cgrp_faults", "kubernetes_cgrp_major_faults", "kubernetes_cgrp_psi_cpu",
                     "kubernetes_cgrp_psi_memory", "kubernetes_cgrp_psi_io"]


class Application(TypedDict, total=False):
    """A program that is started before and stopped after, here or as pods."""

    #: what telemetry, reports and its log file call it
    name: Required[Text]
    #: it is pods of a cluster; instead of command
    kubernetes: Pods
    #: the program and its arguments: a list, or one text split at its blanks; no shell
    command: Text | Sequence[Text]
    #: environment variables beside Galileo's own
    environment: Mapping[str, Text | None] | None
    #: where it is started; Galileo's own folder where not given
    directory: Text | None
    #: it is ready when this answers: host:port takes a connection, or an http:// URL answers
    ready: str
    #: how long it may take to be ready; 30s where not given
    ready_timeout: Duration | None
    #: how long it may take to stop before it is killed; 10s where not given
    stop_timeout: Duration | None


class Beside(TypedDict, total=False):
    """A program that stands beside the applications and is no target of requests."""

    #: what its log file is called; beside where not given
    name: Text
    #: as of an application; its environment has the bus (galileo_redis_*); with pods etcd_host, etcd_port, galileo_zones,
    #: galileo_experiment too
    command: Required[Text | Sequence[Text]]
    #: as of an application
    environment: Mapping[str, Text | None] | None
    #: as of an application
    directory: Text | None
    #: as of an application
    ready: str
    #: as of an application
    ready_timeout: Duration | None
    #: as of an application
    stop_timeout: Duration | None


class Pods(TypedDict, total=False):
    """The pods of an application."""

    #: of its container
    image: Text | None
    #: manifests of the cluster make its pods, by their label; then pods says how many at least, and port
    from_manifests: Boolean | None
    #: how many, for a scheduler to place, or nodes and how many on each; 1 where not given
    pods: Count | Mapping[str, Count] | None
    #: whose gateway knows them; their node's where not given, so that pods which a scheduler places need it
    zone: Text | None
    #: where it takes requests; 8080 where not given
    port: Count | None
    #: the program; the image's where not given
    command: Sequence[Text] | Text | None
    #: its arguments; the image's where not given
    arguments: Sequence[Text] | Text | None
    #: environment variables; API_GATEWAY, the address of its zone's gateway, is there too
    environment: Mapping[str, Text | None] | None
    #: resources that it requests: {cpu: 500m, memory: 250M}
    requests: Mapping[str, Text | None] | None
    #: resources that it may take
    limits: Mapping[str, Text | None] | None
    #: more of Kubernetes' Container, as it is: probes, securityContext, volumeMounts
    container: Mapping[str, Any] | None
    #: more of Kubernetes' PodSpec, as it is: affinity, tolerations, schedulerName, nodeSelector
    spec: Mapping[str, Any] | None
    #: a Deployment makes and keeps them; no where not given
    deployment: Boolean | None
    #: a HorizontalPodAutoscaler over its Deployment
    autoscale: Autoscale | None


class Autoscale(TypedDict, total=False):
    """How many pods there may be, and what decides."""

    #: fewest pods; 1 where not given
    min: Count | None
    #: most pods
    max: Required[Count]
    #: percent of the requested CPU that it aims at; 80 where neither this nor other metrics are given
    cpu: Count | None
    #: more of Kubernetes' HorizontalPodAutoscalerSpec (autoscaling/v2), as it is: behavior, metrics
    spec: Mapping[str, Any] | None


class Cluster(TypedDict, total=False):
    """The cluster that the pods are on."""

    #: a file; as kubectl finds it where not given
    kubeconfig: Text | None
    #: of the kubeconfig; its current one where not given
    context: Text | None
    #: where the pods are; the context's where not given
    namespace: Text | None
    #: host:port of the gateways' etcd; etcd_host and etcd_port where not given
    etcd: Sequence[Text] | Text | None
    #: what a pod that is no more does to the run once requests are sent; end where not given, record with autoscalers, beside or faults
    on_pod_failure: Literal["end", "record"] | None
    #: how long a pod may find no node before the run is given up; 30s where not given
    unschedulable_within: Duration | None
    #: how long pods stay when the run has failed, to be looked at, at most a week; not at all where not given
    keep: Duration | None
    #: how Galileo writes the gateways' weights: as pods come and go, at start and end, or not; follow where not given
    weights: Literal["follow", "once", "none"] | None
    #: files and folders of Kubernetes' own manifests, made before the applications' pods and gone after them
    manifests: Sequence[Text] | Text | None


class Service(TypedDict, total=False):
    """Where requests go, and how they are spread."""

    #: host:port or https://host:port and its weight, or a list of hosts with equal weights, or one host
    hosts: Mapping[str, Number] | Sequence[str] | str | None
    #: how a request becomes a URL; SymmetryHostRouter where not given
    router: Literal["SymmetryHostRouter", "CachingSymmetryHostRouter", "SymmetryServiceRouter", "CachingSymmetryServiceRouter",
                    "StaticRouter", "DebugRouter"]
    #: which host gets the next request; wrr where not given
    balancer: Literal["wrr", "random", "fixed", "least_request", "p2c", "ewma", "ring_hash"]
    #: of StaticRouter: http://host:port or https://host:port, where everything is sent
    static_host: str


class Phase(TypedDict, total=False):
    """One of several parts of the run, one after another."""

    #: what thresholds and reports call it
    name: Required[Text]
    #: it ends then; without it, when its clients are done
    duration: Duration | None
    #: who sends requests in it
    clients: Required[Sequence[Client]]
    #: what is done while it goes on
    events: Sequence[Event] | None


#: What is done once while a phase goes on.
Event = TypedDict("Event", {
    #: that long after the phase has begun
    "at": "Duration | None",
    #: instead of at: the first moment at which this holds of what was measured so far
    "when": "str",
    #: the event of that name is recorded
    "event": "Text",
    #: the event's value
    "value": "Text | None",
    #: instead of event: a client of the phase, whose rate changes
    "client": "Text",
    #: when its requests are due from then on; no list and no profile
    "arrival": "str | Arrival | None",
    #: of client, instead of arrival: requests a second from then on, or a shape; of netem: at most so many bits, as 10mbit
    "rate": "Number | Rate | str | None",
    #: instead of event: an application whose Deployment, its own or of manifests, gets `replicas` pods
    "scale": "Text | None",
    #: of scale: how many
    "replicas": "Count | None",
    #: instead of event: an application, whose first pod by name is deleted
    "delete_pod": "Text | None",
    #: instead of event: a node that gets no new pods; undone in the end
    "cordon": "Text | None",
    #: instead of event: a node that gets pods again; undone in the end
    "uncordon": "Text | None",
    #: instead of event: an application, whose targets get other weights at the gateways
    "weights": "Text | None",
    #: of weights: at the gateway of that zone; all where not given
    "zone": "Text | None",
    #: of weights: pods, nodes (all pods there) or other zones (their gateways), each with its weight
    "to": "Mapping[str, int]",
    #: instead of event: an application or one pod of it, whose limits change while it runs
    "resize": "Text | None",
    #: of resize: the limit of CPU, as 500m; of stress: how many cores
    "cpu": "Number | None",
    #: of resize: the limit of memory, as 64Mi; of stress: how much is taken
    "memory": "Number | None",
    #: instead of event: an application or one pod of it, whose packets meet what stands here
    "netem": "Text | None",
    #: of netem: so late does each packet go out
    "delay": "Duration | None",
    #: of netem: so far from the delay, either way
    "jitter": "Duration | None",
    #: of netem: how many packets are lost, as 5%
    "loss": "str | None",
    #: instead of event: a node, of which something is taken up
    "stress": "Text | None",
    #: of weights, resize, netem and stress: undone then; at the end of the run where not given
    "for": "Duration | None",
}, total=False)


class Client(TypedDict, total=False):
    """A group of equal clients. Without arrival, rate and closed_loop it sends as fast as it can."""

    #: a name of services
    service: Text
    #: instead of service: an application that is pods, asked through the gateway of `zone`
    application: Text
    #: where its worker is, by the label galileo_zone, and whose gateway it asks
    zone: Text
    #: what traces call it; its service's name where not given
    name: Text | None
    #: so many equal clients, each with a schedule of its own (those of a rate lie evenly between each other); 1 where not given
    num: Count | None
    #: what is sent; GET / where not given. Of an app: what is of all of its requests
    request: Request | None
    #: client app that makes the requests: its name, or its folder beside this file (with a slash; not on a fleet)
    app: Text
    #: what the app is given, as context.parameters
    parameters: Mapping[str, Any] | None
    #: the rows whose columns stand in templates of its request: {{row.COLUMN}}
    data: Data | None
    #: in place of request: a scenario, requests in turn; rate and requests count scenarios then
    steps: Sequence[Step] | None
    #: what its answers must be: status 200, body has ok, login: json /ok is true
    checks: Sequence[str | Mapping[str, Any]] | None
    #: when requests are due: distribution(parameters), or a map; instead of rate and closed_loop
    arrival: str | Arrival | None
    #: requests a second, or a shape; instead of arrival and closed_loop
    rate: Number | Rate | None
    #: each connection sends again as soon as it is answered; instead of arrival and rate
    closed_loop: ClosedLoop | None
    #: a recorded log, whose requests are sent at their times; instead of arrival, rate and closed_loop
    replay: str | Replay | None
    #: a file of requests as vegeta has them, sent in turn; beside this file
    targets: Text | None
    #: so many requests a client; 0: without end
    requests: Count | None
    #: no request is due after that
    duration: Duration | None
    #: it begins that long after its phase
    start_after: Duration | None
    #: its requests before that are left out of the statistics
    warmup: Duration | None
    #: on a fleet: labels that the worker which runs it must have
    worker_labels: Mapping[str, Text | None] | None
    #: the same for this client: yes, no, or which share is marked as sampled
    traceparent: Text | None


class Request(TypedDict, total=False):
    """As the keyword arguments of Python's requests library."""

    #: get where not given
    method: Text | None
    #: / where not given; may hold a query
    path: Text | None
    #: the query: a map (a list repeats its key), a list of pairs, or a text
    params: Text | Mapping[str, Text | Sequence[Text | None] | None] | Sequence[Sequence[Text | Sequence[Text | None] | None]] | None
    #: names and values; or a list of pairs, in which a name may be there several times
    headers: Mapping[str, Text | None] | Sequence[Sequence[Text | None]] | None
    #: the body: a text as it is, or a form; wins over json
    data: Text | Mapping[str, Text | Sequence[Text | None] | None] | Sequence[Sequence[Text | Sequence[Text | None] | None]] | None
    #: the body: any value, sent as JSON
    json: Any
    #: [user, password], sent as Basic; or {digest: [user, password]}, or {bearer: token}
    auth: Sequence[Text] | Auth | None
    #: names and values; or keep: those that answers set are kept by client
    cookies: Mapping[str, Text | None] | str | None
    #: for the whole answer; limits.request_timeout where not given
    timeout: Duration | None
    #: true: 30 at most are followed; limits.redirects where not given
    allow_redirects: Boolean | None
    #: https: no takes any certificate; a file or folder of authorities (PEM); the system's where not given
    verify: Text | None
    #: https: our certificate (PEM), with its key in it or as [certificate, key]
    cert: Text | Sequence[Text | None] | None
    #: https: what else is to be said of it
    tls: Tls | None
    #: HTTP/2, and how connections are used
    http: Http | None
    #: multipart/form-data: names and texts, or [file name, text, content type]; fields of data stand before them
    files: Mapping[str, Any] | Sequence[Any] | None
    #: yes: compressed answers are asked for, and unpacked before anything looks at them
    compressed: Boolean | None
    #: answers that are a success: 2xx, or [200-299, 304, 404]; those not in limits.fail_on where not given
    ok: int | str | Sequence[int | str] | None


class Step(TypedDict, total=False):
    """One request of a scenario."""

    #: what traces and the summary call it; step 1, step 2 where not given
    name: Text | None
    #: what is sent, with {{value.NAME}} of earlier answers; GET / where not given
    request: Request | None
    #: values of its answer by name: json /pointer, regex id=([0-9]+), header Location, status
    take: Mapping[str, str] | None
    #: what its answer must be
    checks: Sequence[str | Mapping[str, Any]] | None
    #: time behind its answer before the next step: 2s, or seconds drawn, uniform(1, 3)
    think: Text | None


class Data(TypedDict, total=False):
    """Rows that requests are made of."""

    #: a CSV file whose first line names its columns; relative to the experiment file
    file: Required[Text]
    #: which row is next; sequential where not given; once: each for one request, then the client's load ends
    order: Literal["sequential", "random", "once"] | None
    #: of rows in sequence, behind the last one: repeat (where not given) or stop
    at_end: Literal["repeat", "stop"] | None


class Auth(TypedDict, total=False):
    """Who asks: a digest's user, or a bearer's token."""

    #: [user, password]: what a server's challenge is answered with (RFC 7616)
    digest: Sequence[Text]
    #: a token, sent as Bearer
    bearer: Text | None
    #: of a digest, yes: a client's requests use the nonce of those before
    keep: Boolean | None


class Tls(TypedDict, total=False):
    """How TLS is spoken with hosts of https."""

    #: of TLS that is spoken: 1.2 or 1.3; 1.2 where not given
    min_version: Literal["1.2", "1.3"] | float | None
    #: no: each connection agrees anew; yes where not given, what earlier ones agreed on is used again
    resume: Boolean | None
    #: file (PEM) of revoked certificates, a list of each authority on the way; not looked at where not given
    crl: str | None


class Http(TypedDict, total=False):
    """How HTTP is spoken, and over which connections."""

    #: 2: HTTP/2 where a host of https agrees to it; 1.1 where not given
    version: Literal["1.1", "2"] | float | None
    #: yes: HTTP/2 and nothing else, without TLS too
    prior_knowledge: Boolean | None
    #: HTTP/2: requests on a connection at once; in a closed loop 1 where not given, else as the server allows
    streams: Count | None
    #: to a host, at most; of HTTP/2 they share the load; as many as it takes where not given
    connections: Count | None
    #: no: a connection of its own for each request
    keepalive: Boolean | None


class Arrival(TypedDict, total=False):
    """When requests are due: a distribution with its parameters, a list, or a profile."""

    #: an arrival, or a distribution of the seconds between requests
    distribution: Literal["constant", "prerecorded", "constant_rate", "sine", "random_walk", "ramp", "steps", "uniform", "triangular",
                          "normalvariate", "gauss", "lognormvariate", "expovariate", "vonmisesvariate", "gammavariate", "betavariate",
                          "paretovariate", "weibullvariate"]
    #: of the distribution, as Python's random has them
    parameters: Sequence[Number] | Array | Number
    #: seconds between requests, sent again exactly so
    list: Sequence[Number] | Array | Number
    #: a file of seconds between requests: one a line, a CSV, JSON, a pickle of the old system; beside this file
    profile: Text | None
    #: of a profile that is a CSV: its heading, of JSON lines the key; the first one where not given
    column: Text | None


#: A rate that changes over time.
Rate = TypedDict("Rate", {
    #: constant (rps), sine (max_rps, period), random_walk (mu, sigma, max, min, step), ramp (from, to, seconds) or steps (steps)
    "shape": 'Literal["constant", "sine", "random_walk", "ramp", "steps"]',
    #: how requests lie within the rate: static (even, where not given) or exponential (as chance has it)
    "process": 'Literal["static", "exponential"]',
    #: of constant: the rate
    "rps": "Number | None",
    #: of sine: it swings between 0 and this
    "max_rps": "Number | None",
    #: of sine: the time of one swing
    "period": "Duration | None",
    #: of random_walk: the mean of the first step
    "mu": "Number | None",
    #: of random_walk: how far a step goes
    "sigma": "Number | None",
    #: of random_walk: never above
    "max": "Number | None",
    #: of random_walk: never below; 0 where not given
    "min": "Number | None",
    #: of random_walk: the time of a step; 1s where not given
    "step": "Duration | None",
    #: of ramp: the rate at the start
    "from": "Number | None",
    #: of ramp: the rate at the end, and after it
    "to": "Number | None",
    #: of ramp: from one to the other
    "seconds": "Duration | None",
    #: of steps: one rate after the other; then it ends
    "steps": "Sequence[RateStep]",
}, total=False)


RateStep = TypedDict("RateStep", {
    #: requests a second
    "rps": "Required[Number]",
    #: so long
    "for": "Required[Duration]",
}, total=False)


class ClosedLoop(TypedDict, total=False):
    #: a client; 1 where not given
    connections: Count | None


class Replay(TypedDict, total=False):
    """A recorded log, sent again."""

    #: the log, plain or gzipped; beside this file
    file: Required[Text]
    #: what the log is; seen from its beginning where not given
    format: Literal["lines", "otlp", "json", "har", "gor", "envoy", "haproxy", "access"]
    #: that many times as fast, 0.1 to 100
    speed: Text | None
    #: that share of its requests, drawn by the seed: 0.1, 10%
    share: Text | None
    #: so many copies of it over each other, shifted by the seed
    copies: Count | None
    #: whether its times are requests' start or end; as its format has it where not given
    times: Literal["start", "end"]
    #: where the log has what its format has elsewhere
    fields: LogFields | None
    #: only requests to that host; * all; of a HAR the first one's where not given
    host: Text | None
    #: of traces: clients' spans too
    client_spans: Boolean | None
    #: where a method needs a body and the log has none: empty, skip (the request), @FILE or the text itself
    body: Text | None
    #: send recorded credentials
    keep_secrets: Boolean | None
    #: send the header Host that was recorded
    keep_host: Boolean | None


class LogFields(TypedDict, total=False):
    #: the key of a JSON log; a.b is b of the object a
    time: Text | None
    #: the same
    method: Text | None
    #: the same
    target: Text | None
    #: how long a request took: a key, a name as in rt=0.1, or +1 behind the format's own; a unit as in rt:ms
    took: Text | None


class Otlp(TypedDict, total=False):
    #: the collector's URL, without the paths; env: what OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS say
    endpoint: Required[Text]
    #: headers of each message, as the collector's key; they are kept nowhere
    headers: Mapping[str, Text | None] | None
    #: this share of the requests, by their trace ids: yes, no, 10%; that of traceparent where not given, or all
    spans: Text | None
    #: counts and histograms each 10 s; yes where not given
    metrics: Boolean | None


class Limits(TypedDict, total=False):
    #: event loops; 0: one where at most 500 requests a second are planned, else one a core; not on a fleet
    threads: Count | None
    #: open at once; beyond it requests wait, and the wait counts as latency; not on a fleet
    connections: Count | None
    #: for a connection; 10s where not given
    connect_timeout: Duration | None
    #: for a whole answer; 30s where not given
    request_timeout: Duration | None
    #: waits so long for answers after the last request; 30s where not given
    grace: Duration | None
    #: bytes of an answer's body; 1GiB where not given
    body_max: Count | None
    #: bytes of an answer's headers; 64KiB where not given
    head_max: Count | None
    #: of hosts that have both; any where not given; not on a fleet
    address_family: Literal["any", "ipv4", "ipv6"]
    #: followed at most; 0 where not given
    redirects: Count | None
    #: answers that count as failures: 400-599, or [404, 500-599], or none; 400-999 where not given
    fail_on: int | str | Sequence[int | str]
    #: keep the answers' headers in the traces
    keep_headers: Boolean | None
    #: keep so many bytes of each answer's body in the traces; 0 where not given
    keep_response: Count | None
    #: yes: headers and bodies are kept of failed requests only
    keep_only_failed: Boolean | None


class Telemetry(TypedDict, total=False):
    #: how often everything is sampled, from 10ms up; 500ms where not given
    period: Duration | None
    #: which; all where not given
    instruments: Sequence[Instrument] | Instrument | None
    #: names of applications, or running processes {name, pid}
    processes: Sequence[Text | Process] | None
    #: names, and paths of files that begin with a number: file/<name>
    files: Mapping[str, Text] | None
    #: names, and URLs of pages in Prometheus' text format, read each second: scrape/<name>/<metric>
    scrape: Mapping[str, str] | None
    #: which metrics of the pages, as http_*; all where not given
    scrape_metrics: Sequence[Text | None] | Text | None
    #: names, and what a shell runs each 5 s; it prints a number, or lines of a name and a number
    commands: Mapping[str, Text] | None
    #: on a bus: the nodes whose daemons are unpaused, recorded and paused again; all where not given
    nodes: Sequence[Text | None] | Text | None


class Process(TypedDict, total=False):
    """A running process to watch, with its children."""

    #: what telemetry calls it
    name: Required[Text]
    #: its process id; instead of pid_file
    pid: Count
    #: a file that holds its process id in its first line; instead of pid
    pid_file: Text


#: A threshold that may end the run.
Aborting = TypedDict("Aborting", {
    #: the threshold
    "expression": "Required[str]",
    #: ends the run as soon as it can't be met any more, whatever follows; a threshold without it ends nothing
    "abort": "Boolean | None",
    #: ends the run also once it was crossed for so long on end; needed where nobody knows how many requests there will be
    "for": "Duration | None",
}, total=False)


class File(TypedDict, total=False):
    """All of an experiment file."""

    #: of the experiment
    name: Text
    #: who made it; $USER where not given
    creator: Text | None
    #: of all randomness: the same seed sends at the same times
    seed: Count | None
    #: programs that are started before and stopped after
    applications: Sequence[Application] | None
    #: names, and where their requests go
    services: Mapping[str, Service]
    #: who sends requests; instead of phases
    clients: Sequence[Client]
    #: what is done while requests are sent; with phases it stands in them
    events: Sequence[Event] | None
    #: parts of the run, one after another; instead of clients
    phases: Sequence[Phase]
    #: requests due before that are left out of the statistics
    warmup: Duration | None
    #: what the generator may use, and how long it waits
    limits: Limits | None
    #: what is sampled; on or off as a whole
    telemetry: Telemetry | Boolean | None
    #: what the run must keep to; exit code 99 where it doesn't
    thresholds: Sequence[str | Aborting] | None
    #: URL of the bus whose workers run it: redis://host:port; without it this machine does
    bus: Text | None
    #: any map, kept with the experiment's metadata as it is; its keys may not be the result's
    metadata: Mapping[str, Any] | None
    #: the cluster, where an application is pods
    kubernetes: Cluster | None
    #: controllers under test: programs that are started when all applications are ready, and end before them
    beside: Sequence[Beside] | None
    #: requests say which distributed trace they belong to (W3C): yes, or which share is marked as sampled: 10%
    traceparent: Text | None
    #: an OpenTelemetry collector that is told of the run: its URL (http://127.0.0.1:4318), env, or a map
    otlp: Otlp | str | None
