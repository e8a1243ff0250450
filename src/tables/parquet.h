// Parquet by Arrow's Python package, since Debian 12 has no Parquet library for C++: a child of
// ours gets the columns as Arrow has them in memory, and writes them (parquet.py).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "tables/table_writer.h"

namespace galileo::tables {

// Starts `python` (a path, or a name in PATH). Fails at once where it or its pyarrow is missing.
Result<std::unique_ptr<TableWriter>> parquet_writer(const std::string& python);

}  // namespace galileo::tables
