"""The bus of a process: one at a time, which init() makes and shutdown() closes. What was subscribed or exposed before is so
from then on."""
import logging
import threading
from queue import Empty, Full
from typing import Any, Callable, NamedTuple, Optional

__all__ = ["Empty", "Full"]
logger = logging.getLogger(__name__)


class RpcRequest(NamedTuple):
    """A call, as it is published."""

    fn: str
    response_channel: str
    args: Optional[tuple[Any, ...]] = None
    kwargs: Optional[dict[str, Any]] = None


class RpcResponse(NamedTuple):
    """An answer, as it is pushed."""

    fn: str
    result: Any
    result_type: Optional[str] = None
    error: bool = False


class Queue:
    """A list on the bus that one puts into and another gets from."""

    name: str

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next item; raises Empty where none is there, or comes within ``timeout`` seconds."""
        raise NotImplementedError

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        raise NotImplementedError

    def qsize(self) -> int:
        raise NotImplementedError

    def empty(self) -> bool:
        return self.qsize() == 0

    def put_nowait(self, item: Any) -> None:
        self.put(item, block=False)

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def close(self) -> None:
        """Nothing has to be given back."""

    def free(self) -> None:
        """Nothing has to be given back."""


class Topic:
    """A channel by its name, or all whose names match a pattern."""

    def __init__(self, name: str, is_pattern: bool = False) -> None:
        self.name, self.is_pattern = name, is_pattern

    def publish(self, event: Any) -> int | None:
        """How many got it. Raises ValueError for a pattern."""
        if self.is_pattern:
            raise ValueError("can't publish to a pattern")
        return publish(event, self.name)

    def subscribe(self, callback: Callable[..., Any]) -> None:
        subscribe(callback, self.name, self.is_pattern)


class StubMethod:
    """A function of another process, to be called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def rpc(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


class EventBus:
    """What init() makes."""

    def run(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


_lock = threading.RLock()
_bus: Any = None
_runner: threading.Thread | None = None
_waiting_subscribers: list[tuple[Callable[..., Any], str | None, bool]] = []
_waiting_functions: list[tuple[Callable[..., Any], str | None]] = []


def init(factory: Callable[[], Any], start_bus: bool = True) -> Any:
    """The bus that ``factory`` makes (``RedisConfig(rds)``) is this process's; it listens unless ``start_bus`` is False."""
    global _bus
    with _lock:
        if _bus is not None:
            shutdown()
        _bus = factory()
        if start_bus:
            start()
        for callback, channel, pattern in _waiting_subscribers:
            _bus.subscribe(callback, channel, pattern)
        for function, channel in _waiting_functions:
            _bus.expose(function, channel)
        _waiting_subscribers.clear()
        _waiting_functions.clear()
        return _bus


def start() -> None:
    """Has the bus listen, on a thread of its own."""
    global _runner
    with _lock:
        if _bus is None:
            raise ValueError("there is no bus: pymq.init() comes first")
        if _runner is None:
            _runner = threading.Thread(target=_bus.run, name="pymq", daemon=True)
            _runner.start()


def shutdown() -> None:
    """Closes the bus. Nothing where there is none."""
    global _bus, _runner
    with _lock:
        bus, runner, _bus, _runner = _bus, _runner, None, None
    if bus is not None:
        bus.close()
    if runner is not None and runner is not threading.current_thread():
        runner.join(2)


def _there() -> Any:
    if _bus is None:
        raise ValueError("there is no bus: pymq.init() comes first")
    return _bus


def publish(event: Any, channel: str | None = None) -> int | None:
    """Tells whoever listens to the event's class, or to ``channel``; how many got it. None, and a line in the log, without a bus."""
    if _bus is None:
        logger.error("there is no bus to publish on: pymq.init() comes first")
        return None
    heard: int = _bus.publish(event, channel)
    return heard


def subscribe(callback: Callable[..., Any], channel: str | None = None, pattern: bool = False) -> None:
    """Calls ``callback(event)`` for what is published to ``channel``, or to the class that its argument is annotated with."""
    with _lock:
        if _bus is not None:
            _bus.subscribe(callback, channel, pattern)
        else:
            _waiting_subscribers.append((callback, channel, pattern))


def unsubscribe(callback: Callable[..., Any], channel: str | None = None, pattern: bool = False) -> None:
    with _lock:
        if _bus is not None:
            _bus.unsubscribe(callback, channel, pattern)
        else:
            _waiting_subscribers.remove((callback, channel, pattern))


def _decorator(register: Callable[..., None], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args and callable(args[0]):
        register(*args, **kwargs)
        return args[0]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        register(function, *args, **kwargs)
        return function
    return decorate


def subscriber(*args: Any, **kwargs: Any) -> Any:
    """subscribe() as a decorator, with or without its arguments."""
    return _decorator(subscribe, args, kwargs)


def remote(*args: Any, **kwargs: Any) -> Any:
    """expose() as a decorator, with or without its arguments."""
    return _decorator(expose, args, kwargs)


def queue(name: str) -> Any:
    return _there().queue(name)


def topic(name: str, pattern: bool = False) -> Topic:
    return Topic(name, pattern)


def stub(fn: Callable[..., Any] | str, timeout: float | None = None, multi: bool = False) -> Any:
    """A function of that name, to be called: waits up to ``timeout`` seconds (None: for ever), for all that serve it where
    ``multi`` is True."""
    return _there().stub(fn, timeout, multi)


def expose(fn: Callable[..., Any], channel: str | None = None) -> None:
    """Others may call the function, by its full name or by ``channel``."""
    with _lock:
        if _bus is not None:
            _bus.expose(fn, channel)
        else:
            _waiting_functions.append((fn, channel))


def unexpose(fn: Callable[..., Any] | str) -> None:
    _there().unexpose(fn)
