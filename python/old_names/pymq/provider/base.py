"""Names that scripts import from here."""
from ..exceptions import NoSuchRemoteError, RemoteInvocationError, RpcException

__all__ = ["NoSuchRemoteError", "RemoteInvocationError", "RpcException"]
