// Tables as table_writer.h writes them, row by row. Blocking; memory is bounded by one row.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace galileo::tables {

using Field = std::optional<std::string>;  // nothing: null

struct WantedColumn {
  std::string name;
  bool may_lack = false;  // then it is null in each row
};

// A table's file, open as long as the reader is there. An Error names the place, and
// ends the reading.
class TableReader {
 public:
  virtual ~TableReader() = default;
  // The fields of the columns that were asked for, in that order; false at the table's end.
  virtual Result<bool> next(std::vector<Field>& fields) = 0;
  // Where the row stands that was read last: "tables/traces.csv:17", by lines.
  virtual std::string place() const = 0;
};

// Fails where a column isn't there.
Result<std::unique_ptr<TableReader>> read_csv(const std::string& path,
                                              const std::vector<WantedColumn>& columns);
Result<std::unique_ptr<TableReader>> read_json_lines(const std::string& path,
                                                     const std::vector<WantedColumn>& columns);

}  // namespace galileo::tables
