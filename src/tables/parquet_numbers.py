"""Writes the numbers of a Parquet file's column to stdout, as doubles of this machine, for galileo.

parquet_numbers.py FILE COLUMN COUNT; an empty COLUMN means the first one, and of more than COUNT numbers none are written."""
import sys

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    sys.exit(f"no pyarrow: {error}")


def main():
    path, column, most = sys.argv[1:]
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        if file.metadata.num_rows > int(most):
            sys.exit(f"it has {file.metadata.num_rows} rows, more than {most}")
        if not names:
            sys.exit("the file has no columns")
        column = column or names[0]
        if column not in names:
            sys.exit(f"no column is called '{column}'; one of {', '.join(names)}")
        kind = file.schema_arrow.field(column).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            sys.exit(f"the column '{column}' is of {kind}, not of numbers")
        for batch in file.iter_batches(columns=[column]):
            numbers = batch.column(0)
            if numbers.null_count:
                sys.exit(f"the column '{column}' has rows without a number")
            numbers = numbers.cast(pa.float64(), safe=False)
            sys.stdout.buffer.write(memoryview(numbers.buffers()[1])[numbers.offset * 8:(numbers.offset + len(numbers)) * 8])
    sys.stdout.buffer.flush()


try:
    main()
except Exception as error:  # one line, which galileo shows
    sys.exit(f"{type(error).__name__}: {error}".replace("\n", " "))
