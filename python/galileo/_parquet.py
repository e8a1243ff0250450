"""Exported folders of Parquet tables, for the program, which reads those of CSV: by pyarrow, column by column."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from .errors import CorruptError, UsageError

_TABLES = ("traces", "telemetry", "events", "nodeinfo")


@contextmanager
def readable(url: str) -> Iterator[str]:
    """The database as it is named; of a folder of Parquet tables another one with the same rows, which is there as long as the block
    lasts."""
    described = _described(url)
    if described is None or described.get("format") != "parquet":
        yield url
        return
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="galileo-")
    try:
        for table in _TABLES:
            source = os.path.join(url, f"{table}.parquet")
            try:
                _as_csv(source, os.path.join(folder, f"{table}.csv"))
            except UsageError:
                raise
            except (OSError, ValueError) as error:  # pyarrow's are of these
                raise CorruptError(f"can't read the export, {source}: {error}", "can't read the export", source, str(error)) from None
        # As it stands, but for the word: numbers of the metadata keep their digits.
        with open(os.path.join(url, "experiment.json"), encoding="utf-8") as file:
            text = file.read().replace('"format": "parquet"', '"format": "csv"', 1)
        with open(os.path.join(folder, "experiment.json"), "w", encoding="utf-8") as file:
            file.write(text)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _described(url: str) -> dict[str, Any] | None:
    try:
        with open(os.path.join(url, "experiment.json"), encoding="utf-8") as file:
            told = json.load(file)
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _as_csv(source: str, target: str) -> None:
    try:
        arrow, compute, csv, parquet = (import_module(name) for name in ("pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet"))
    except ImportError:
        raise UsageError(f"can't read the export, {source}: Parquet needs the package pyarrow; pip install pyarrow, or export as csv or jsonl",
                         "can't read the export", source, "Parquet needs the package pyarrow", "pip install pyarrow, or export as csv or jsonl") from None
    whole: Any = arrow.decimal128(19, 0)
    billionth: Any = arrow.scalar(import_module("decimal").Decimal("1E-9"), arrow.decimal128(9, 9))

    def seconds(column: Any) -> Any:
        """Decimals: a double would round nanoseconds."""
        if not arrow.types.is_timestamp(column.type):
            return column
        return compute.multiply(column.cast(arrow.int64()).cast(whole), billionth)

    with parquet.ParquetFile(source) as file, open(target, "wb") as out:
        names = file.schema_arrow.names
        out.write((",".join(names) + "\n").encode())
        for batch in file.iter_batches():
            columns = [seconds(column) for column in batch.columns]
            csv.write_csv(arrow.Table.from_arrays(columns, names=names), out, csv.WriteOptions(include_header=False))
