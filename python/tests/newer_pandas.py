"""Runs the cells of a notebook of the old form with the pandas of this environment; says as JSON which lines fail, with what, and whether they fail
so on plain frames of equal content too.

    newer_pandas.py NOTEBOOK
"""
import json
import sys
import warnings

import pandas


def plain(value):
    """The same content in a frame that only pandas has made."""
    if not isinstance(value, pandas.DataFrame):
        return value
    times = isinstance(value.index, pandas.DatetimeIndex)
    index = pandas.DatetimeIndex(list(value.index), name=value.index.name) if times else pandas.Index(list(value.index), name=value.index.name)
    return pandas.DataFrame({name: pandas.Series(list(column), index=index, dtype=column.dtype) for name, column in value.items()}, index=index)


def fails(code, names):
    """What it raises, by its kind and first line; None where it runs."""
    try:
        exec(code, names)  # noqa: S102
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return None


def main():
    warnings.simplefilter("ignore")
    names, found = {}, []
    with open(sys.argv[1]) as file:
        cells = ["".join(cell["source"]) for cell in json.load(file)["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        before = dict(names)
        error = fails(cell, names)
        if error is not None:
            found.append({"line": cell.splitlines()[-1], "error": error,
                          "plain": fails(cell, {name: plain(value) for name, value in before.items()})})
    print(json.dumps({"pandas": pandas.__version__, "cells": len(cells), "failed": found}))


if __name__ == "__main__":
    main()
