"""What the headers of an answer tell of its way: which gateway took it when, which target had it, and how long that one worked."""
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy


class Hops(NamedTuple):
    """Arrays, a value a trace; NaN where a header isn't there. Stamps are unix seconds."""
    final_host: numpy.ndarray[Any, Any]
    forwarded_at: numpy.ndarray[Any, Any]
    start: numpy.ndarray[Any, Any]
    end: numpy.ndarray[Any, Any]


def hops_of(headers: Any) -> Hops:
    """headers: JSON texts, or what isn't a text where there are none. Each distinct text is read once."""
    import numpy
    import pandas

    places, distinct = pandas.factorize(pandas.Series(headers, dtype=object))  # -1: no text
    hosts = numpy.empty(len(distinct) + 1, dtype=object)
    stamps = numpy.full((3, len(distinct) + 1), numpy.nan)
    hosts[-1] = numpy.nan
    for place, text in enumerate(distinct):
        hosts[place], *stamps[:, place] = _hops(text)
    return Hops(hosts[places], stamps[0][places], stamps[1][places], stamps[2][places])


def _hops(text: str) -> tuple[Any, float, float, float]:
    try:
        found = json.loads(text)
        by_name = {name.lower(): value for name, value in found.items()}
    except (TypeError, ValueError, AttributeError):
        by_name = {}
    gateway = str(by_name.get("x-forwarded-for", "")).rpartition(",")[2].strip().lower()
    return (by_name.get("x-final-host", float("nan")), _stamp(by_name.get(f"x-forwarded-host-{gateway}")), _stamp(by_name.get("x-start")),
            _stamp(by_name.get("x-end")))


def _stamp(value: Any) -> float:
    """The last of several."""
    try:
        return float(str(value).rpartition(",")[2])
    except ValueError:
        return float("nan")


def zone_of(client: str) -> Any:
    """``zone-`` and one more letter in a client's id; NaN where there is none."""
    import re

    found = re.search("zone-.", client)
    return found[0] if found else float("nan")
