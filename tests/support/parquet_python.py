"""A Python with pyarrow, which `galileo exp export --format parquet` starts, and with the other packages that people read exports
with."""
import python_environment

NEEDED = ["pyarrow==17.0.0", "numpy<2", "pandas==2.2.3", "polars==1.31.0", "duckdb==1.3.2"]


def find():
    """(path of the Python, None) or (None, why there is none)."""
    return python_environment.find("parquet-python", "pyarrow", NEEDED)
