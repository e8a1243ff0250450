"""The shell's objects: ``init(rds)`` makes them for a bus.

They ask a process of the program (docs/wire/session.md): a call ends at once when it is interrupted, and the next one works.
Attributes and ``dir()`` ask nobody. Errors are those of ``galileo.errors``; any thread may call."""
from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import warnings
import weakref
from importlib import import_module
from typing import Any, Iterable, NamedTuple, Sequence

from .._fleet import Connection, server_of
from .._old_names import differs
from ..errors import GalileoError, NotFoundError, NoWorkerError, UsageError
from ..worker.api import ClientConfig, ClientDescription, ClientInfo
from ._absent import absent
from .printer import Stringer, Table, clean, print_tabular

prompt = "galileo> "

banner = r"""
              ___ __
  ___ ____ _ / (_) /__ ___
 / _ `/ _ `// / / / -_) _ \
 \_, /\_,_//_/_/_/\__/\___/
/___/
"""

usage = Stringer("""the galileo shell is an interactive Python with these names

Commands (type the name):
  usage         this text
  env           the environment's variables
  pwd           the current folder

Functions:
  sleep         waits for some seconds

Objects:
  g             workers and their clients: g.spawn('service').request(n=10).wait()
  show          tables of workers and clients
  exp           an experiment: what is published is recorded from start() to stop()
  rtbl          the routing table: where clients send their requests
  telemd        the telemetry daemons of the nodes
  rds           a client of the Redis server (package redis)
  eventbus      what pymq.init() gave

help(<name>) says more of each.
""")

# How long a table that is named at the prompt may wait for the bus, in seconds.
_SHOWN_WITHIN = 1.0
# atexit's functions are cut short by some: less than they allow.
_EXIT_WAIT = 2.0


def sleep(secs: float) -> None:
    """Waits for that many seconds, or parts of them."""
    time.sleep(secs)


@Stringer
def env() -> dict[str, str]:
    return dict(os.environ)


@Stringer
def pwd() -> str:
    return os.path.abspath(os.curdir)


class RoutingRecord(NamedTuple):
    """Where the requests to a service go: hosts ("host:port") and a weight for each."""

    service: str
    hosts: list[str]
    weights: list[float]


def _config_of(fields: Sequence[Any]) -> ClientConfig:
    return ClientConfig(*fields)


def _description_of(fields: Sequence[Any]) -> ClientDescription:
    return ClientDescription(fields[0], fields[1], _config_of(fields[2]))


class RequestFuture:
    """The end of a workload, to be waited for. ``done``: all clients have sent the last request; ``aborted``: nobody waits any
    more; ``error``: why they never will, as where a worker has died."""

    client_ids: set[str]
    done: bool
    aborted: bool
    error: GalileoError | None

    def __init__(self, ctrl: Connection, client_ids: Iterable[str], number: int) -> None:
        self.ctrl = ctrl
        self.client_ids = set(client_ids)
        self.done = self.aborted = False
        self.error = None
        self.lock = threading.Condition()
        own = weakref.ref(self)

        def over(error: GalileoError | None) -> None:
            future = own()
            if future is not None:
                future._end(error)

        self._forget = weakref.finalize(self, ctrl.forget, number)
        self._forget.atexit = False
        ctrl.watch(number, over)

    def _end(self, error: GalileoError | None) -> None:
        with self.lock:
            self.done, self.error = error is None, error
            self.lock.notify_all()

    def stopped(self) -> bool:
        """It is done, aborted, or will never be done."""
        return self.done or self.aborted or self.error is not None

    def abort(self) -> None:
        """Nobody waits any more; the clients go on."""
        with self.lock:
            self.aborted = True
            self.lock.notify_all()
        self._forget()

    def wait(self, timeout: float | None = None, abort_after_timeout: bool = True) -> None:
        """Until all clients are done or it is aborted, or ``timeout`` seconds, after which it is aborted unless
        ``abort_after_timeout`` is False. Raises UnavailableError with the worker's name where one is lost, and some seconds
        after the bus is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.stopped():
            left = 0.1 if deadline is None else min(0.1, deadline - time.monotonic())
            if left <= 0:
                if abort_after_timeout:
                    self.abort()
                return
            with self.lock:
                if not self.stopped():
                    self.lock.wait(left)
        if self.error is not None and not self.done:
            raise self.error


class ClientGroup:
    """Clients that are commanded together. ``clients``: a ClientDescription each, the newest last; ``cfg``: what add() makes
    more of."""

    clients: list[ClientDescription]
    cfg: ClientConfig | None
    running_request: RequestFuture | None

    def __init__(self, ctrl: Connection, clients: Iterable[ClientDescription], cfg: ClientConfig | None = None) -> None:
        self.ctrl = ctrl
        self.clients = list(clients)
        self.cfg = cfg
        self.running_request = None

    def request(self, n: int | None = None, ia: float | Sequence[Any] | None = None) -> RequestFuture:
        """Has each client send ``n`` requests (None: without end) in place of what it does, with ``ia`` between two of them:
        seconds, or a distribution and its parameters, as ``('expovariate', 50)``; ``('prerecorded',)`` is the client's profile,
        None as fast as possible. What was waited for before is aborted.

        >>> c.request(n=100, ia=0.2).wait()

        Raises UsageError for what can't be meant, UnavailableError where clients can't be reached."""
        if n is None and ia is None:
            raise UsageError("can't send requests without end as fast as possible: give n, ia or both")
        distribution, parameters = "constant", []
        if isinstance(ia, (list, tuple)):
            if not ia:
                raise UsageError("an inter-arrival is a number, or the name of a distribution and its parameters")
            distribution, parameters = str(ia[0]), [] if ia[0] == "prerecorded" else list(ia[1:])
        elif ia is not None:
            parameters = [ia]
        if self.running_request is not None and not self.running_request.stopped():
            self.running_request.abort()
        number = self.ctrl.ask("fleet.request", clients=self.clients, num=n, distribution=distribution, parameters=parameters)
        self.running_request = RequestFuture(self.ctrl, (client.client_id for client in self.clients), number)
        return self.running_request

    def rps(self, n: float) -> None:
        """Has each client send ``n`` requests a second, without end; 0 pauses."""
        if n == 0:
            self.pause()
            return
        if self.running_request is not None and not self.running_request.stopped():
            self.running_request.abort()
        self.ctrl.ask("fleet.rps", clients=self.clients, rate=n)

    def pause(self) -> None:
        """Ends what the clients do; they are there for the next request()."""
        self.ctrl.ask("fleet.pause", clients=self.clients)

    def info(self) -> list[ClientInfo]:
        """How far each client of the group is. Clients that don't answer within 2 s are missing."""
        return [ClientInfo(_description_of(description), requests, failed)
                for description, requests, failed in self.ctrl.ask("fleet.info", clients=self.clients)["clients"]]

    def add(self, n: int = 1) -> ClientGroup:
        """Spawns ``n`` more of the same kind; they are in this group and in the one that it returns. Raises UsageError where the
        kind isn't clear."""
        cfg = self.cfg
        if cfg is None:
            kinds = [client.config for client in self.clients]
            if not kinds or any(kind != kinds[0] for kind in kinds):
                raise UsageError("can't add clients to a group " + ("of several kinds" if kinds else "without clients")
                                 + ": spawn them, then merge the groups")
            cfg = kinds[0]
        new = _spawn(self.ctrl, cfg, n)
        self.clients.extend(new)
        return ClientGroup(self.ctrl, new, cfg)

    def close(self, n: int | None = None) -> list[str]:
        """Closes the last ``n`` clients (None: all), which leave the group; their ids, the last one's first. Of clients whose
        worker doesn't strike them off within 3 s it warns."""
        count = len(self.clients) if n is None else max(0, min(int(n), len(self.clients)))
        print(f"closing {count} clients")
        closing = self.clients[len(self.clients) - count:]
        if closing:
            del self.clients[len(self.clients) - count:]
            try:
                self.ctrl.ask("fleet.close", clients=closing)
            except GalileoError as error:
                warnings.warn(str(error), RuntimeWarning, stacklevel=2)
        return [client.client_id for client in reversed(closing)]

    def __repr__(self) -> str:
        return "\n".join(clean(client.client_id) for client in self.clients) or "empty client group"

    def __add__(self, other: ClientGroup) -> ClientGroup:
        return ClientGroup.merge(self, other) if isinstance(other, ClientGroup) else NotImplemented

    @staticmethod
    def merge(c1: ClientGroup, c2: ClientGroup) -> ClientGroup:
        """The clients of both, none twice. Raises UsageError for groups of two connections."""
        if c1.ctrl is not c2.ctrl:
            raise UsageError("client groups have different controllers")
        known = {client.client_id for client in c1.clients}
        return ClientGroup(c1.ctrl, [*c1.clients, *(client for client in c2.clients if client.client_id not in known)])


def _spawn(ctrl: Connection, cfg: ClientConfig, num: int) -> list[ClientDescription]:
    try:
        made = ctrl.ask("fleet.spawn", num=num, **cfg._asdict())
    except NotFoundError as error:
        raise NoWorkerError(*error.__reduce__()[1]) from None
    return [_description_of(fields) for fields in made]


class Galileo:
    """Workers and their clients."""

    ctrl: Connection

    def __init__(self, ctrl: Connection) -> None:
        self.ctrl = ctrl

    def workers(self) -> set[str]:
        """Names of the workers that are registered."""
        return {worker["name"] for worker in self.ctrl.ask("fleet.workers")}

    def workers_info(self) -> list[tuple[str, dict[str, str]]]:
        """Each with its labels."""
        return [(worker["name"], worker["labels"]) for worker in self.ctrl.ask("fleet.workers")]

    def ping(self) -> list[Any]:
        """Names of the workers that answer; what went wrong at others as errors."""
        from ..errors import from_program

        pinged = self.ctrl.ask("fleet.ping")
        return [*pinged["workers"], *(from_program(error) for error in pinged["failures"])]

    def discover(self) -> int:
        """Forgets the workers and has those that live register again, which it waits for, up to 5 s; how many were told."""
        return int(self.ctrl.ask("fleet.discover")["told"])

    def start_tracing(self) -> int:
        """Has the workers publish traces; how many were told."""
        return int(self.ctrl.ask("fleet.tracing", on=True))

    def stop_tracing(self) -> int:
        """Has them drop traces; how many were told."""
        return int(self.ctrl.ask("fleet.tracing", on=False))

    def clients(self, *client_ids: str) -> ClientGroup:
        """These clients, whoever spawned them, or all. Ids that aren't there are left out."""
        clients = [_description_of(fields) for fields in self.ctrl.ask("fleet.clients")]
        return ClientGroup(self.ctrl, [client for client in clients if not client_ids or client.client_id in client_ids])

    def spawn(self, service: str, num: int = 1, client: str | None = None, parameters: dict[str, Any] | None = None,
              worker_labels: dict[str, str] | None = None) -> ClientGroup:
        """``num`` clients of a service, on the workers that have these labels, each where the fewest are.

        ``parameters``: ``{'method': 'post', 'path': '/', 'kwargs': {'data': 'text'}}``, where ``kwargs`` are those of
        ``requests.request``; GET / without. ``client``: the name of a client app. Raises NoWorkerError where no worker has the
        labels, UnavailableError where one fails."""
        cfg = ClientConfig(service, client, parameters, worker_labels)
        return ClientGroup(self.ctrl, _spawn(self.ctrl, cfg, num), cfg)

    def request(self, service: str, client: str | None = None, parameters: dict[str, Any] | None = None,
                router_type: str = "SymmetryHostRouter", worker_labels: dict[str, str] | None = None) -> Any:
        """One request to a service from this machine, as a client would send it; its answer as ``requests.Response`` (an object
        with the same attributes where the package requests isn't installed). Raises UsageError for a service without a route,
        UnavailableError where no answer comes."""
        from ._once import request

        return request(self.ctrl, service, client, parameters, router_type)


class Show:
    """Tables of what there is."""

    g: Galileo

    def __init__(self, gal: Galileo) -> None:
        self.g = gal

    def workers(self) -> Stringer:
        """Names of the workers, by lines."""
        return Stringer([clean(name) for name in sorted(self.g.workers())] or "no available workers")

    def clients(self) -> None:
        """Prints all clients."""
        print_tabular([client._asdict() for client in self.g.clients().clients])

    def info(self, **exclude: bool) -> None:
        """Prints how far all clients are; ``parameters=False`` leaves that column out."""
        rows = []
        for description, requests, failed in self.g.clients().info():
            config, parameters = description.config, str(description.config.parameters)
            row = {"client id": description.client_id, "worker": description.worker, "service": config.service,
                   "client": config.client or "default", "parameters": parameters if len(parameters) <= 80 else parameters[:75] + " ...}",
                   "requests": requests, "failed": failed}
            rows.append({key: value for key, value in row.items() if exclude.get(key) is not False})
        print_tabular(rows)


class RoutingTableHelper:
    """The routing table: where all clients of a service send their requests. Those that run follow at once."""

    table: Connection

    def __init__(self, table: Connection) -> None:
        self.table = table

    def record(self, service: str) -> RoutingRecord | None:
        """The service's route, or None."""
        route = self.table.ask("routes.get", service=service)
        return None if route is None else RoutingRecord(**route)

    def records(self) -> list[RoutingRecord]:
        """All routes, by service."""
        return self._records()

    def _records(self, within: float | None = None) -> list[RoutingRecord]:
        return [RoutingRecord(**route) for route in self.table.ask("routes", within=within)["routes"]]

    def set(self, service: str, hosts: list[str], weights: list[float] | None = None) -> RoutingRecord:
        """Sets a route, over the one that is there; ``weights`` are 1 each where none are given.

        >>> rtbl.set('service', ['127.0.0.1:8080'], [1])

        Raises UsageError for weights of another number than hosts, negative ones, or no host."""
        record = RoutingRecord(service, hosts, [1] * len(hosts) if weights is None else weights)
        self.table.ask("routes.set", **record._asdict())
        return record

    def update_weights(self, service: str, weights: list[float]) -> RoutingTableHelper:
        """Other weights for the hosts of a service. Raises UsageError where it has no route or another number of hosts."""
        record = self.record(service)
        if record is None:
            raise UsageError(f"there is no route to '{service}'")
        if len(weights) != len(record.hosts):
            raise UsageError("invalid number of weights")
        self.set(service, record.hosts, list(weights))
        return self

    def append(self, service: str, host: str, weight: float = 1) -> RoutingTableHelper | RoutingRecord:
        """One host more for a service; its first makes the route, which is returned then."""
        record = self.record(service)
        if record is None:
            return self.set(service, [host], [weight])
        self.set(service, [*record.hosts, host], [*record.weights, weight])
        return self

    def remove(self, service: str) -> RoutingTableHelper:
        """Removes a service's route."""
        self.table.ask("routes.remove", service=service)
        return self

    def clear(self) -> RoutingTableHelper:
        """Removes all routes."""
        self.table.ask("routes.clear")
        return self

    def print(self) -> None:
        """Prints the table."""
        print(self.__repr__())

    def _table(self) -> Table:
        records = self._records(_SHOWN_WITHIN)
        return Table(("Service", "Hosts", "Weights"),
                     [("" if place else record.service, host, weight)
                      for record in records for place, (host, weight) in enumerate(zip(record.hosts, record.weights))],
                     (-25, 20, 9), [len(record.hosts) for record in records])

    def __repr__(self) -> str:
        """The table, as it is: the shell shows it where ``rtbl`` is typed. Waits for the bus up to a second; never raises."""
        try:
            return str(self._table())
        except Exception as error:
            return f"the routing table can't be read: {error}"

    def _repr_html_(self) -> str | None:
        try:
            return self._table()._repr_html_()
        except Exception:
            return None


class Running(NamedTuple):
    """The experiment that is being recorded."""

    id: str
    name: str
    creator: str


class Experiment:
    """An experiment: what workers, telemetry daemons and ``event()`` publish is recorded from start() to stop(), into the
    database that the environment names. It ends with the interpreter; where that was killed, so do the clients that it has spawned.
    A context manager, too, of one that has failed where an error leaves it:

    >>> with exp:
    ...     g.spawn('service').request(n=100).wait()

    ``experiment``: the one that runs (id, name, creator), or None."""

    experiment: Running | None

    def __init__(self, ctrl: Connection) -> None:
        self.ctrl = ctrl
        self.experiment = None

    def start(self, name: str | None = None, creator: str | None = None, metadata: dict[str, Any] | None = None, force: bool = False,
              db: str | None = None) -> None:
        """Begins to record. ``metadata`` is kept with the experiment, ``db`` names another database; ``force`` ends the experiment
        that runs. Raises UsageError (a ValueError) where one does, and what a database has to say."""
        if self.experiment is not None:
            if not force:
                raise UsageError(f"experiment already running: {self.experiment.id} ({self.experiment.name}); "
                                 "exp.stop() ends it, as start(force=True) does first")
            self.stop()
        if db is not None and ":" not in db and db != "none":
            db = os.path.abspath(db)  # the folder may have been changed since the connection was made
        try:
            begun = self.ctrl.ask("record.start", name=name, creator=creator, metadata=metadata, db=db)
        except KeyboardInterrupt:
            self.ctrl.tell("record.stop", wait_s=0, failed=True)  # it begins all the same, and nobody would end it
            raise
        self.experiment = Running(**begun)
        atexit.register(self._stop_at_exit)
        print("experiment started")

    def stop(self, wait: float = 5, failed: bool = False) -> None:
        """Ends it and waits until all is stored, up to ``wait`` seconds: what isn't in the database then stays in the spool, and the
        next recording stores it. With ``failed`` its STATUS is FAILED, and not FINISHED. Warns, and never raises, where something
        is gone. Nothing where none runs."""
        if self.experiment is None:
            return
        print("waiting for experiment to end...")
        self._stop(wait, failed)
        print("ok")

    def _stop(self, wait: float, failed: bool = False) -> None:
        self.experiment = None
        atexit.unregister(self._stop_at_exit)
        try:
            ended = self.ctrl.ask("record.stop", within=wait + 10, wait_s=wait, failed=failed)
        except GalileoError as error:
            warnings.warn(f"the experiment's end: {error}", RuntimeWarning, stacklevel=3)
            return
        if ended is not None and "problem" in ended:
            warnings.warn(ended["problem"]["text"], RuntimeWarning, stacklevel=3)

    def _stop_at_exit(self) -> None:
        if self.ctrl.is_here():
            self.stop(_EXIT_WAIT)

    def event(self, name: str, value: Any = None) -> None:
        """Tells an event of the experiment, with the time, and prints it."""
        text = None if value is None else str(value)
        self.ctrl.ask("fleet.event", name=name, value=text)
        print(f"{time.time():.3f}: {name}" + (f" = {text}" if text else ""))

    def __enter__(self) -> Experiment:
        if self.experiment is None:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop(failed=kind is not None)


class Telemd:
    """The telemetry daemons of the nodes. ``hosts``: names of nodes; all that listen where none are given."""

    telemd_ctrl: Connection

    def __init__(self, telemd_ctrl: Connection) -> None:
        self.telemd_ctrl = telemd_ctrl

    def start_telemd(self, hosts: list[str] | None = None) -> None:
        """Has them publish."""
        self._tell("unpause", hosts)

    def stop_telemd(self, hosts: list[str] | None = None) -> None:
        """Has them publish nothing."""
        self._tell("pause", hosts)

    def list_telemd_hosts(self) -> list[str]:
        """The nodes whose daemons listen."""
        return list(self.telemd_ctrl.ask("telemetry.nodes"))

    def _tell(self, command: str, hosts: list[str] | None) -> None:
        if isinstance(hosts, str):
            raise TypeError(f"hosts={hosts!r}: a list of names is needed")
        nodes = self.list_telemd_hosts() if hosts is None else list(hosts)
        silent = self.telemd_ctrl.ask("telemetry.tell", nodes=nodes, command=command) if nodes else []
        if silent and hosts is not None:
            differs(f"no telemetry daemon listens for {', '.join(clean(node) for node in silent)}")


is_interactive = sys.__stdin__ is not None and not sys.__stdin__.closed and sys.__stdin__.isatty()


def _event_bus(rds: Any) -> Any:
    """What pymq.init() gives for that client: with the original pymq where it is installed, else with ours."""
    pymq, provider = import_module("pymq"), import_module("pymq.provider.redis")
    return pymq.init(provider.RedisConfig(rds))


def init(rds: Any = None, *, url: str | None = None, standalone: bool = False) -> dict[str, Any]:
    """The shell's objects over a bus: a dict of ``g, show, rtbl, exp, eventbus, telemd, rds``.

    ``rds``: a redis-py client whose server is meant, with decoded answers; it is used for ``eventbus`` and given back. Without it the
    bus is that of ``url`` or of the environment (galileo_redis_host, …), and ``rds`` a client of it where the package redis
    is installed. ``standalone``: no Redis, the bus and a worker are inside the session; then ``rds`` and ``eventbus`` are false, and
    say so when they are used. Raises UnavailableError where nobody is there."""
    if standalone:
        connection = Connection(standalone=True)
    elif rds is not None:
        connection = Connection(server=server_of(rds))
    else:
        connection = Connection(url)
        rds = _client(url)
    g = Galileo(connection)
    return {"g": g, "show": Show(g), "rtbl": RoutingTableHelper(connection), "exp": Experiment(connection),
            "eventbus": absent("eventbus", standalone) if rds is None else _event_bus(rds), "telemd": Telemd(connection),
            "rds": absent("rds", standalone) if rds is None else rds}


def _client(url: str | None) -> Any:
    from ..worker.context import Context

    try:
        if url is None:
            return Context().create_redis()
        import redis

        return redis.Redis.from_url(url, **Context({**os.environ, "galileo_redis_url": url})._redis_keywords())
    except ImportError:
        return None


def init_module(rds: Any = None, name: str | None = None) -> None:
    """init(), with its objects as names of the module ``name`` (None: this one)."""
    module = sys.modules[name or __name__]
    for key, value in init(rds).items():
        setattr(module, key, value)
