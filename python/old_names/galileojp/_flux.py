"""A query in Flux, and its answer as a frame."""
from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import Request, urlopen

from galileo import errors

from ._tables import times_of

if TYPE_CHECKING:
    import pandas

_ANNOTATIONS = ("#datatype", "#group", "#default")


def query_frame(url: str, query: str) -> pandas.DataFrame:
    """Times have the zone UTC. Always one frame, whatever tables the answer has; without a row where nothing was found."""
    parts = urlsplit(url)
    if parts.scheme != "influxdb":
        raise errors.UsageError(f"{parts.scheme or 'this database'} takes no Flux: an InfluxDB is needed")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    where = parts.netloc.rpartition("@")[2]
    address = f"{'https' if options.get('tls') == 'yes' else 'http'}://{where}/api/v2/query?org={quote(unquote(parts.path.lstrip('/')))}"
    headers = {"Content-Type": "application/vnd.flux", "Accept": "application/csv", "Accept-Encoding": "identity"}
    if token := unquote(parts.password or parts.username or ""):
        headers["Authorization"] = f"Token {token}"
    ask = Request(address, _asked(query), {**headers, "Content-Type": "application/json"}, method="POST")
    try:
        with urlopen(ask, timeout=float(options.get("timeout_ms", "10000")) / 1000) as answer:
            return frame_of(answer.read().decode("utf-8"))
    except HTTPError as error:
        words = error.read(4096).decode("utf-8", "replace").strip()
        kind = errors.NotFoundError if error.code == 404 else errors.UsageError if error.code == 400 else errors.UnavailableError
        raise kind(f"the query fails, {where}, {error.code}: {words}", "the query fails", where, words) from None
    except (URLError, OSError) as error:
        raise errors.UnavailableError(f"the query can't be asked, {where}, {error}", "the query can't be asked", where,
                                      str(error)) from None


def _asked(query: str) -> bytes:
    import json

    return json.dumps({"query": query, "type": "flux",
                       "dialect": {"header": True, "delimiter": ",", "annotations": ["datatype", "group", "default"]}}).encode()


def frame_of(text: str) -> pandas.DataFrame:
    """Annotated CSV: tables apart by empty lines, each headed by its types, groups and defaults."""
    import pandas

    tables = [_table(part) for part in text.replace("\r\n", "\n").split("\n\n#") if part.strip()]
    return pandas.concat(tables, ignore_index=True) if tables else pandas.DataFrame()


def _table(part: str) -> pandas.DataFrame:
    import pandas

    part = part if part.startswith("#") else "#" + part
    heads: dict[str, list[str]] = {}
    rest = part
    while rest.startswith(_ANNOTATIONS):
        line, _, rest = rest.partition("\n")
        name, _, values = line.partition(",")
        heads[name] = next(pandas.read_csv(io.StringIO(values + "\n"), header=None, dtype=str,
                                           keep_default_na=False).itertuples(index=False))
    rows = pandas.read_csv(io.StringIO(rest), dtype=str, keep_default_na=False)
    if "error" in rows.columns and "reference" in rows.columns:
        raise errors.UsageError(f"the query fails: {rows['error'].iloc[0]}")
    rows = rows.drop(columns=rows.columns[0])  # an empty one, below the annotations' names
    for name, kind, default in zip(rows.columns, heads["#datatype"], heads["#default"]):
        rows[name] = _typed(rows[name], kind, default)
    return rows


def _typed(column: Any, kind: str, default: str) -> Any:
    import pandas

    if default:
        column = column.mask(column == "", default)
    if kind == "double":
        return pandas.to_numeric(column.replace({"+Inf": "inf", "-Inf": "-inf"}))
    if kind in ("long", "unsignedLong"):
        return pandas.to_numeric(column)
    if kind.startswith("dateTime"):
        return times_of(column, utc=True)
    if kind == "boolean":
        return column == "true"
    return column.astype(object)
