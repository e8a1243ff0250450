"""Writes what galileo sends on stdin as Parquet files. A line of JSON says what follows:

{"table": name, "path": file, "columns": [[name, type], ...]}   a file begins
{"rows": n, "sizes": [[...], ...]}                              n rows: the buffers of each column, as Arrow has them
{"end": true}                                                   the file is whole
{"done": true}                                                  all files are

Only galileo's own exports come this way; it takes away what was begun where this ends in an error.
"""
import json
import sys

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    sys.exit(f"no pyarrow: {error}")

TYPES = {"text": pa.string(), "time": pa.timestamp("ns", tz="UTC"), "int32": pa.int32(), "int64": pa.int64(), "double": pa.float64()}


def read(stdin, size):
    data = stdin.read(size)
    if len(data) != size:
        sys.exit("galileo ended in the middle of a table")
    return data


def batch(stdin, head, schema):
    arrays = []
    for kind, sizes in zip(schema.types, head["sizes"]):
        buffers = [pa.py_buffer(read(stdin, size)) for size in sizes]
        if sizes[0] == 0:
            buffers[0] = None  # nothing is null
        arrays.append(pa.Array.from_buffers(kind, head["rows"], buffers))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def main():
    stdin = sys.stdin.buffer
    print("ready", flush=True)
    writer = schema = None
    while True:
        line = stdin.readline()
        if not line:
            sys.exit("galileo ended before the tables were whole")
        head = json.loads(line)
        if "table" in head:
            schema = pa.schema([(name, TYPES[kind]) for name, kind in head["columns"]])
            writer = pq.ParquetWriter(head["path"], schema, compression="zstd")
        elif "rows" in head:
            writer.write_batch(batch(stdin, head, schema))
        elif "end" in head:
            writer.close()
        else:
            return


try:
    main()
except Exception as error:  # one line, which galileo shows
    sys.exit(f"{type(error).__name__}: {error}".replace("\n", " "))
