"""One request from this machine, with its answer as the package requests has it."""
from __future__ import annotations

import datetime
import json
import os
from http import HTTPStatus
from importlib import import_module
from typing import Any

from .. import _session
from .._fleet import Connection
from ..errors import UsageError


class Response:
    """An answer where the package requests isn't installed: its most used attributes, by the same names."""

    status_code: int
    reason: str
    url: str
    headers: dict[str, str]
    content: bytes
    elapsed: datetime.timedelta
    encoding: str

    def __init__(self, status_code: int, url: str, headers: dict[str, str], content: bytes, elapsed: datetime.timedelta) -> None:
        self.status_code, self.url, self.content, self.elapsed = status_code, url, content, elapsed
        self.headers = headers
        self.reason = _reason(status_code)
        _, found, charset = headers.get("Content-Type", headers.get("content-type", "")).partition("charset=")
        self.encoding = charset.split(";")[0].strip("\"' ") if found else "utf-8"

    @property
    def ok(self) -> bool:
        return self.status_code < 400

    @property
    def text(self) -> str:
        try:
            return self.content.decode(self.encoding, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.content)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _url(server: str, path: str) -> str:
    """Hosts of routes have a scheme where it isn't http."""
    return (server if "://" in server else f"http://{server}") + path


def request(connection: Connection, service: str, client: str | None, parameters: dict[str, Any] | None, router: str) -> Any:
    """Sends it by a process of its own, which ends when this is interrupted. ``url`` is what was asked first, also where a redirect was
    followed."""
    order: dict[str, Any] = {"call": "once", "service": service, "router": router, "parameters": parameters, "client": client}
    if router == "StaticRouter":
        order["static_host"] = os.environ.get("galileo_router_static_host", "http://localhost")
    else:
        route = connection.ask("routes.get", service=service)
        if route is None:
            raise UsageError(f"there is no route to '{service}': rtbl.set('{service}', ['host:port'])")
        order.update(hosts=route["hosts"], weights=route["weights"])
    answer = _session.ask({key: value for key, value in order.items() if value is not None})
    headers = {str(key): str(value) for key, value in (answer["headers"] or {}).items()}
    body = answer["body"].encode("latin-1")  # unpacked already
    elapsed = datetime.timedelta(microseconds=(answer["first_byte"] - answer["sent"]) // 1000)
    url = _url(answer["server"], answer["path"])
    try:
        requests: Any = import_module("requests")
    except ImportError:
        return Response(answer["status"], url, headers, body, elapsed)
    response = requests.Response()
    response.status_code, response.url, response.elapsed, response.reason = answer["status"], url, elapsed, _reason(answer["status"])
    response.headers = requests.structures.CaseInsensitiveDict(headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response._content = body
    response.request = requests.Request(answer["method"], url).prepare()
    return response
