"""A bus over Redis, by a client of the package redis with decoded answers."""
import inspect
import logging
import threading
import time
import typing
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from ..core import Empty, EventBus, Queue, RpcRequest, RpcResponse, StubMethod
from ..exceptions import NoSuchRemoteError, RemoteInvocationError
from ..typing import deep_from_dict, dumps, fullname, load_class, loads

logger = logging.getLogger(__name__)

PREFIX = "__eventbus:global:"
_ANSWER_EXPIRES_S = 300
_LISTEN_S = 0.1


class RedisConfig:
    """What pymq.init() takes: makes a bus over ``rds``."""

    def __init__(self, rds: Any = None, dispatcher: Any = None) -> None:
        self.rds, self.dispatcher = rds, dispatcher

    def __call__(self) -> "RedisEventBus":
        return RedisEventBus(rds=self.rds, dispatcher=self.dispatcher)


def _argument_type(callback: Callable[..., Any]) -> Any:
    """The class that its first argument is annotated with, or None."""
    try:
        hints = typing.get_type_hints(callback)
        names = [name for name in inspect.signature(callback).parameters]
    except (NameError, TypeError, ValueError):
        return None
    return hints.get(names[0]) if names else None


class RedisQueue(Queue):
    def __init__(self, rds: Any, name: str, key: str) -> None:
        self._rds, self.name, self._key = rds, name, key

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not block:
            item = self._rds.rpop(self._key)
        else:
            # In slices: an interrupt, or a server that goes away, is noticed.
            deadline = None if timeout is None else time.monotonic() + timeout
            item = None
            while item is None:
                left = 1.0 if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    break
                popped = self._rds.brpop(self._key, max(0.01, min(1, left)))
                item = popped[1] if popped else None
        if item is None:
            raise Empty
        return loads(item)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._rds.lpush(self._key, dumps(item))

    def qsize(self) -> int:
        return int(self._rds.llen(self._key))

    def free(self) -> None:
        self._rds.delete(self._key)


class RedisStubMethod(StubMethod):
    def __init__(self, rds: Any, fn: str, timeout: float | None, multi: bool) -> None:
        self._rds, self._fn, self._timeout, self._multi = rds, fn, timeout, multi

    def rpc(self, *args: Any, **kwargs: Any) -> Any:
        """The answers as RpcResponse, one or a list."""
        request = RpcRequest(self._fn, f"__rpc_{uuid.uuid4()}", args, kwargs)
        reached = self._rds.publish(PREFIX + self._fn, dumps(request))
        if not reached:
            if self._multi:
                return []
            raise NoSuchRemoteError(f"nobody serves {self._fn}")
        answers = RedisQueue(self._rds, self._fn, PREFIX + request.response_channel)
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        found = []
        try:
            for _ in range(reached if self._multi else 1):
                try:
                    answer = answers.get(timeout=None if deadline is None else max(0.01, deadline - time.monotonic()))
                except Empty:
                    answer = RpcResponse(self._fn, [f"no answer within {self._timeout} s"], "TimeoutError", True)
                found.append(answer if isinstance(answer, RpcResponse) else deep_from_dict(answer, RpcResponse))
        finally:
            self._rds.delete(PREFIX + request.response_channel)
        return found if self._multi else found[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result; of ``multi`` a list of them, exceptions among them. Raises what the function raised as
        RemoteInvocationError."""
        answers = self.rpc(*args, **kwargs)
        if self._multi:
            return [self._result(answer) for answer in answers]
        result = self._result(answers)
        if isinstance(result, Exception):
            raise result
        return result

    @staticmethod
    def _result(answer: RpcResponse) -> Any:
        kind = load_class(answer.result_type) if answer.result_type else None
        if not answer.error:
            return deep_from_dict(answer.result, kind) if kind not in (list, dict, None) else answer.result
        parts = answer.result if isinstance(answer.result, list) else [answer.result]
        if kind is TimeoutError:
            return TimeoutError(*parts)
        return RemoteInvocationError(answer.result_type, *parts)


class RedisEventBus(EventBus):
    """Listens on one connection, and calls on one thread, in the order in which things come."""

    def __init__(self, namespace: str = "global", rds: Any = None, dispatcher: Any = None) -> None:
        if rds is None:
            from importlib import import_module

            rds = import_module("redis").Redis(decode_responses=True)
        self.rds = rds
        self._pubsub = rds.pubsub(ignore_subscribe_messages=True)
        self._lock = threading.RLock()
        self._subscribers: dict[tuple[str, bool], list[Callable[..., Any]]] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._dispatcher = dispatcher or ThreadPoolExecutor(1, thread_name_prefix="pymq")
        self._closed = threading.Event()

    def run(self) -> None:
        while not self._closed.is_set():
            if not self._pubsub.subscribed:
                self._closed.wait(_LISTEN_S)
                continue
            try:
                message = self._pubsub.get_message(timeout=_LISTEN_S)
            except Exception as error:  # the server is away: redis-py subscribes again when it is back
                if not self._closed.is_set():
                    logger.warning("the bus is away: %s", error)
                self._closed.wait(1)
                continue
            if message is not None and message["type"] in ("message", "pmessage"):
                self._dispatch(message)

    def _dispatch(self, message: dict[str, Any]) -> None:
        channel = message["channel"].removeprefix(PREFIX)
        key = (message["pattern"].removeprefix(PREFIX), True) if message["type"] == "pmessage" else (channel, False)
        with self._lock:
            callbacks, function = list(self._subscribers.get(key, ())), self._functions.get(channel)
        for callback in callbacks:
            self._dispatcher.submit(self._call, callback, message["data"])
        if function is not None and not key[1]:
            self._dispatcher.submit(self._serve, channel, function, message["data"])

    @staticmethod
    def _call(callback: Callable[..., Any], text: str) -> None:
        try:
            callback(loads(text, _argument_type(callback)))
        except Exception:
            logger.exception("a subscriber of %s failed", fullname(callback))

    def _serve(self, channel: str, function: Callable[..., Any], text: str) -> None:
        request = loads(text, RpcRequest)
        try:
            hints = typing.get_type_hints(function)
            names = list(inspect.signature(function).parameters)
            given = [deep_from_dict(value, hints.get(name)) for name, value in zip(names, request.args or ())]
            result = function(*given, **(request.kwargs or {}))
            answer = RpcResponse(channel, result, fullname(result) if result is not None else None)
        except Exception as error:
            answer = RpcResponse(channel, list(error.args), fullname(error), True)
        key = PREFIX + request.response_channel
        with self.rds.pipeline() as pipeline:
            pipeline.lpush(key, dumps(answer))
            pipeline.expire(key, _ANSWER_EXPIRES_S)
            pipeline.execute()

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            try:
                self._pubsub.close()
            except Exception as error:
                logger.debug("the bus couldn't be left: %s", error)
        self._dispatcher.shutdown(wait=False)

    def publish(self, event: Any, channel: str | None = None) -> Any:
        return self.rds.publish(PREFIX + (channel or fullname(event)), dumps(event))

    def subscribe(self, callback: Callable[..., Any], channel: str | None = None, pattern: bool = False) -> None:
        key = (channel or self._channel_of(callback), pattern)
        with self._lock:
            callbacks = self._subscribers.setdefault(key, [])
            if callback not in callbacks:
                callbacks.append(callback)
            (self._pubsub.psubscribe if pattern else self._pubsub.subscribe)(PREFIX + key[0])

    def unsubscribe(self, callback: Callable[..., Any], channel: str | None = None, pattern: bool = False) -> None:
        key = (channel or self._channel_of(callback), pattern)
        with self._lock:
            callbacks = self._subscribers.get(key, [])
            if callback in callbacks:
                callbacks.remove(callback)
            if not callbacks:
                self._subscribers.pop(key, None)
                if key[1] or key[0] not in self._functions:
                    (self._pubsub.punsubscribe if pattern else self._pubsub.unsubscribe)(PREFIX + key[0])

    @staticmethod
    def _channel_of(callback: Callable[..., Any]) -> str:
        kind = _argument_type(callback)
        if kind is None:
            raise ValueError(f"{fullname(callback)} doesn't say what it takes: annotate its argument, or name the channel")
        return fullname(kind)

    def queue(self, name: str) -> RedisQueue:
        return RedisQueue(self.rds, name, PREFIX + name)

    def stub(self, fn: Callable[..., Any] | str, timeout: float | None = None, multi: bool = False) -> RedisStubMethod:
        return RedisStubMethod(self.rds, fn if isinstance(fn, str) else fullname(fn), timeout, multi)

    def expose(self, fn: Callable[..., Any], channel: str | None = None) -> None:
        name = channel or fullname(fn)
        with self._lock:
            if name in self._functions:
                raise ValueError(f"{name} is exposed already")
            self._functions[name] = fn
            self._pubsub.subscribe(PREFIX + name)

    def unexpose(self, fn: Callable[..., Any] | str) -> None:
        with self._lock:
            for name in [name for name, function in self._functions.items() if function is fn or name == fn]:
                del self._functions[name]
                if (name, False) not in self._subscribers:
                    self._pubsub.unsubscribe(PREFIX + name)
