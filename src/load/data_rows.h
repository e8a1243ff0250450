// The rows of a CSV file whose columns requests are made of: read once for all loops of a process,
// and kept as the file has them, with four bytes more a row. The first line names the columns.
// Immutable once read; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::load {

// As long as where a row begins has four bytes.
inline constexpr std::size_t kDataMax = (std::size_t{1} << 32) - 1;

class DataRows {
 public:
  // Reads the whole file; blocking. An Error names the line: a row with more or fewer fields than
  // there are columns, a quote that isn't closed, a column without a name or one that is there
  // twice, no row at all.
  static Result<DataRows> read(const std::string& path);
  // The same of a text; `where` is for the messages.
  static Result<DataRows> parse(std::string text, const std::string& where);

  std::size_t size() const { return begins_.size(); }
  const std::vector<std::string>& columns() const { return columns_; }
  // Its place; an Error with a hint where there is none of that name.
  Result<std::size_t> column(const std::string& name) const;
  // A field without its quotes: as the file has it, or in `scratch` where a quote was doubled.
  // Valid until the scratch changes.
  std::string_view field(std::size_t row, std::size_t column, std::string& scratch) const;
  // What the rows take of memory.
  std::size_t bytes() const { return text_.size() + begins_.size() * sizeof(begins_[0]); }

 private:
  std::string text_;
  std::vector<std::uint32_t> begins_;  // of each row
  std::vector<std::string> columns_;
};

// The columns that the beginning of a file names, for who looks before it is read. An Error as
// DataRows' of its first line.
Result<std::vector<std::string>> columns_of(std::string_view beginning, const std::string& where);

}  // namespace galileo::load
