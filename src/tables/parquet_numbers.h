// A column of numbers of a Parquet file, read by Arrow's Python package (parquet_numbers.py), since
// Debian 12 has no Parquet library for C++. Blocking.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace galileo::tables {

// `python`: a path, or a name in PATH. An empty `column` means the first one. An Error for what is
// null, no number, or of `count_max` numbers more.
Result<std::vector<double>> read_parquet_numbers(const std::string& python, const std::string& path,
                                                 const std::string& column, std::size_t count_max);

}  // namespace galileo::tables
