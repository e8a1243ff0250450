"""What goes wrong with calls."""


class RpcException(Exception):
    """A call failed."""


class RemoteInvocationError(RpcException):
    """The function that was called raised something."""


class NoSuchRemoteError(RpcException):
    """Nobody serves the function."""
