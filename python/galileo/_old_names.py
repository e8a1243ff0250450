"""What the packages under the original system's names share: differences told once, and databases as they name them."""
from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from .errors import NotKeptError, OldNameWarning

_OURS = ("galileo", "galileodb", "galileoexperiments", "galileojp", "pymq", "requestgen", "telemc")
_told: set[str] = set()


def differs(text: str) -> None:
    """Tells where a result isn't the original's, once in a process; the warning names the line that called one of our packages."""
    if text not in _told:
        _told.add(text)
        level, frame = 1, sys._getframe()
        while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _OURS:
            level, frame = level + 1, frame.f_back
        warnings.warn(text, OldNameWarning, stacklevel=level)


def not_kept(name: str, instead: str) -> NotKeptError:
    return NotKeptError(f"{name} isn't kept; {instead}", f"{name} isn't kept", hint=instead)


def load_dotenv() -> None:
    """``$HOME/.galileojp`` into the environment: NAME=VALUE a line; what is set already stays."""
    path = os.path.expanduser("~/.galileojp")
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return
    for line in lines:
        name, equals, value = line.strip().partition("=")
        name = name.removeprefix("export ").strip()
        if equals and name and not name.startswith("#"):
            os.environ.setdefault(name, _value(value.strip()))


def _value(text: str) -> str:
    for quotes in ("'", '"'):
        if text.startswith(quotes) and quotes in text[1:]:
            return text[1:].partition(quotes)[0]
    return text.partition(" #")[0].rstrip()


def database_of_environment(driver: str | None = None, env: Mapping[str, str] = os.environ) -> str:
    """The URL of the database that ``galileo_expdb_*`` name."""
    driver = driver or env.get("galileo_expdb_driver", "sqlite")
    if driver == "sqlite":
        return "sqlite:" + env.get("galileo_expdb_sqlite_path", "galileo.sqlite")
    if driver == "mysql":
        options = mysql_options(env)
        return f"mysql://{_user(options['user'], options['password'])}{options['host']}:{options['port']}/{quote(options['db'], safe='')}"
    if driver == "influxdb":
        server = urlsplit(env.get("galileo_expdb_influxdb_url", "http://localhost:8086"))
        more = [f"{option}={quote(env[variable], safe='')}" for option, variable in
                (("org_id", "galileo_expdb_influxdb_org_id"), ("timeout_ms", "galileo_expdb_influxdb_timeout")) if env.get(variable)]
        if server.scheme == "https":
            more.append("tls=yes")
        where = server.netloc if server.port else f"{server.netloc}:{443 if server.scheme == 'https' else 80}"
        return (f"influxdb://{_user('', _secret(env, 'galileo_expdb_influxdb_token'))}{where}/"
                f"{quote(env.get('galileo_expdb_influxdb_org', 'galileo'), safe='')}{'?' + '&'.join(more) if more else ''}")
    if driver == "mixed":
        return f"mixed:{database_of_environment('mysql', env)},{database_of_environment('influxdb', env)}"
    raise ValueError(f"unknown driver {driver!r}: one of sqlite, mysql, influxdb, mixed")


def mysql_options(env: Mapping[str, str]) -> dict[str, str]:
    """``host port user password db``."""
    return {"host": env.get("galileo_expdb_mysql_host", "localhost"), "port": env.get("galileo_expdb_mysql_port", "3307"),
            "user": env.get("galileo_expdb_mysql_user", "user"), "password": _secret(env, "galileo_expdb_mysql_password"),
            "db": env.get("galileo_expdb_mysql_db", "db")}


def _secret(env: Mapping[str, str], name: str) -> str:
    if not env.get(name) and env.get(name + "_FILE"):
        with open(env[name + "_FILE"], encoding="utf-8") as file:
            return file.read().strip()
    return env.get(name, "")


def _user(name: str, password: str) -> str:
    if not name and not password:
        return ""
    return quote(name, safe="") + (":" + quote(password, safe="") if password else "") + "@"


def url_of(database: Any) -> str:
    """The URL of what stands for a database: a URL, a path, ``galileo.frames.Database``, an object of ``galileodb``, ours or the
    original's."""
    from .frames import Database

    if isinstance(database, (str, os.PathLike)):
        return os.fspath(database)
    if isinstance(database, Database):
        return database._url
    if isinstance(getattr(database, "url", None), str):
        return str(database.url)
    if hasattr(database, "client") and hasattr(database, "org_name"):  # the original's InfluxDB
        return database_of_environment("influxdb", {
            "galileo_expdb_influxdb_url": database.client.url, "galileo_expdb_influxdb_token": database.client.token,
            "galileo_expdb_influxdb_org": database.org_name})
    adapter = getattr(database, "db", database)
    options = getattr(adapter, "connect_kwargs", None)
    if isinstance(options, dict) and "host" in options:  # the original's MySQL
        return database_of_environment("mysql", {f"galileo_expdb_mysql_{name}": str(value) for name, value in options.items()})
    arguments = getattr(adapter, "connect_args", None)
    if arguments:  # the original's SQLite
        return f"sqlite:{arguments[0]}"
    raise TypeError(f"{database!r} stands for no database: a URL, a path or an object of galileodb is needed")
