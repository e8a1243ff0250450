"""Arrival profiles from recorded trips: one for each cloudlet, of the seconds between the pickups near it.

    python -m galileo.trips TRIPS.csv TOPOLOGY.csv OUT [--start TIME] [--end TIME]

Importing it needs nothing beyond Python."""
from __future__ import annotations

import argparse
import bisect
import csv
import math
import pickle
import re
from datetime import datetime
from pathlib import Path
from typing import Iterator, NamedTuple

from .errors import CorruptError, UsageError

NEAR_KM = 0.5
FIRST_GAP_S = 11
LEAST_GAP_S = 0.1
_EARTH_KM = 6371.0
_DEGREE_KM = _EARTH_KM * math.pi / 180


class _Cell(NamedTuple):
    latitude: float
    longitude: float
    cloudlet: str


def gaps_of_trips(trips: str, topology: str, start: datetime | None = None, end: datetime | None = None) -> dict[str, list[float]]:
    """Seconds between requests by cloudlet. ``trips`` is a CSV file with the columns ``pickup_datetime, passenger_count,
    pickup_longitude, pickup_latitude``, ``topology`` one with ``lon, lat, cloudlet`` of each cell.

    A trip belongs to the cell nearest to its pickup, if that is within half a kilometre, and is a request for each passenger; those
    from ``start`` to ``end``, both included, count. The first gap is 11 s, and a gap of 0 is 0.1 s. Raises CorruptError with the line of
    what can't be read."""
    cells = sorted(_Cell(_number(row, "lat", place), _number(row, "lon", place), row["cloudlet"]) for place, row in _rows(topology, ("lon", "lat", "cloudlet")))
    latitudes = [cell.latitude for cell in cells]
    pickups: dict[str, list[datetime]] = {}
    for place, row in _rows(trips, ("pickup_datetime", "passenger_count", "pickup_longitude", "pickup_latitude")):
        try:
            at = datetime.fromisoformat(row["pickup_datetime"])
        except ValueError:
            raise _wrong(place, f"'{row['pickup_datetime']}' is no time") from None
        if start is not None and at < start or end is not None and at > end:
            continue
        latitude, longitude = _number(row, "pickup_latitude", place), _number(row, "pickup_longitude", place)
        first = bisect.bisect_left(latitudes, latitude - NEAR_KM / _DEGREE_KM)
        last = bisect.bisect_right(latitudes, latitude + NEAR_KM / _DEGREE_KM)
        near = min(((_kilometres(latitude, longitude, cell), cell.cloudlet) for cell in cells[first:last]), default=None)
        if near is not None and near[0] <= NEAR_KM:
            pickups.setdefault(near[1], []).extend([at] * int(_number(row, "passenger_count", place)))
    return {cloudlet: _gaps(sorted(times)) for cloudlet, times in sorted(pickups.items()) if times}


def save_profiles(gaps: dict[str, list[float]], out: str) -> list[Path]:
    """Writes ``<out>/<cloudlet>_pickups.csv``, a number a line, and ``.pkl`` with the same as a list; the files."""
    for cloudlet in gaps:
        if not re.fullmatch(r"[\w.-]+", cloudlet) or cloudlet.startswith("."):
            raise UsageError(f"a file can't be named after the cloudlet {cloudlet!r}; letters, digits, '-' and '_' can be in its name")
    files = []
    Path(out).mkdir(parents=True, exist_ok=True)
    for cloudlet, numbers in gaps.items():
        files += [Path(out) / f"{cloudlet}_pickups.csv", Path(out) / f"{cloudlet}_pickups.pkl"]
        files[-2].write_text("".join(f"{number}\n" for number in numbers))
        files[-1].write_bytes(pickle.dumps(numbers, 4))
    return files


def _gaps(times: list[datetime]) -> list[float]:
    between = ((after - before).total_seconds() for before, after in zip(times, times[1:]))
    return [FIRST_GAP_S, *(gap or LEAST_GAP_S for gap in between)]


def _kilometres(latitude: float, longitude: float, cell: _Cell) -> float:
    """The way along the earth (haversine)."""
    here, there = math.radians(latitude), math.radians(cell.latitude)
    half = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(math.radians(cell.longitude - longitude) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(half))


def _rows(path: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """(where, what) of each line."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file, skipinitialspace=True, restval="")
        missing = [name for name in columns if name not in (rows.fieldnames or [])]
        if missing:
            raise _wrong(path, f"it has no column {', '.join(missing)}")
        for row in rows:
            yield f"{path}:{rows.line_num}", row


def _number(row: dict[str, str], column: str, place: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _wrong(place, f"'{row[column]}' is no number ({column})")
    return value


def _wrong(place: str, why: str) -> CorruptError:
    return CorruptError(f"can't read {place}: {why}", "can't read trips", place, why)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m galileo.trips", description="Arrival profiles from recorded trips, one for each cloudlet.")
    parser.add_argument("trips", help="CSV: pickup_datetime, passenger_count, pickup_longitude, pickup_latitude")
    parser.add_argument("topology", help="CSV: radio, cell, lon, lat, cloudlet")
    parser.add_argument("out", help="folder of the profiles")
    parser.add_argument("--start", type=datetime.fromisoformat, help="pickups from then on, as 2016-01-01T12:00:00")
    parser.add_argument("--end", type=datetime.fromisoformat, help="pickups until then")
    words = parser.parse_args()
    try:
        for file in save_profiles(gaps_of_trips(words.trips, words.topology, words.start, words.end), words.out):
            print(file)
    except (CorruptError, UsageError, OSError) as error:
        parser.exit(1, f"galileo.trips: {error}\n")


if __name__ == "__main__":
    main()
