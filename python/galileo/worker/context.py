"""``Context``: what the environment's ``galileo_*`` variables mean, as scripts of the old system ask it."""
from __future__ import annotations

import os
from socket import gethostname
from typing import Any, Mapping


class Context:
    """Makes what the environment (or another mapping, ``env``) describes."""

    env: Mapping[str, str]

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        self.env = env

    def getenv(self, key: str, default: Any = None) -> Any:
        """The variable's value, or ``default``."""
        return self.env.get(key, default)

    def keys(self, prefix: str | None = "galileo_") -> list[str]:
        """Names of variables that begin with ``prefix``; of all, where it is None."""
        return [key for key in self.env if prefix is None or key.startswith(prefix)]

    def items(self, prefix: str | None = "galileo_") -> dict[str, str]:
        """The same with their values."""
        return {key: self.env[key] for key in self.keys(prefix)}

    @property
    def worker_name(self) -> str:
        """galileo_worker_name, or this machine's name."""
        return self.env.get("galileo_worker_name") or gethostname()

    def create_redis(self) -> Any:
        """A redis-py client with decoded answers, by galileo_redis_url, or galileo_redis_host (localhost), _port (6379),
        _user, _password, _db. It isn't connected yet. Needs the package redis."""
        import redis

        url, given = self.env.get("galileo_redis_url"), self._redis_keywords()
        if not url:
            return redis.Redis(host=self.env.get("galileo_redis_host") or "localhost", port=int(self.env.get("galileo_redis_port") or 6379), **given)
        client = redis.Redis.from_url(url, **given)
        # What a variable of its own says goes over the URL, as for the program.
        client.connection_pool.connection_kwargs.update({key: value for key, value in given.items() if key in ("username", "password", "db")})
        return client

    def _redis_keywords(self) -> dict[str, Any]:
        get = self.env.get
        password = get("galileo_redis_password") or None
        file = get("galileo_redis_password_FILE")
        if password is None and file:
            with open(file, encoding="utf-8") as text:
                password = text.read().strip() or None
        given: dict[str, Any] = {"password": password, "username": get("galileo_redis_user") or None, "db": get("galileo_redis_db") or None}
        if (get("galileo_redis_url") or "").startswith("rediss:"):
            given.update(ssl_ca_certs=get("galileo_redis_ca_file"), ssl_certfile=get("galileo_redis_certificate_file"),
                         ssl_keyfile=get("galileo_redis_key_file"))
        given = {key: int(value) if key == "db" else value for key, value in given.items() if value}
        return {**given, "decode_responses": True}

    def create_exp_db(self) -> Any:
        """The experiment database that the environment names, as the old ``galileodb`` has it."""
        from importlib import import_module

        return import_module("galileodb.factory").create_experiment_database_from_env(self.env)
