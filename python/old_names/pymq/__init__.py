"""What scripts use of pymq beside the shell: events, queues and calls over a bus (Redis), with the wire of docs/wire/bus.md.

The original wins where it is installed: this lies last on the path."""
from .core import (Empty, EventBus, Full, Queue, RpcRequest, RpcResponse, StubMethod, Topic, expose, init, publish, queue, remote, shutdown, start,
                   stub, subscribe, subscriber, topic, unexpose, unsubscribe)
from .exceptions import NoSuchRemoteError, RemoteInvocationError, RpcException

name = "pymq"

__all__ = ["init", "start", "shutdown", "EventBus", "Topic", "topic", "publish", "subscribe", "unsubscribe", "subscriber", "Queue", "Empty", "Full", "queue",
           "stub", "expose", "unexpose", "remote", "RpcResponse", "RpcRequest", "StubMethod", "RpcException", "NoSuchRemoteError",
           "RemoteInvocationError"]
