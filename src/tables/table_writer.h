// Tables as files: where the rows of an export go, whatever the format. Values come column by
// column from the left, then end_row(). What fails is kept and told in the end, since a reader's
// callback returns nothing; what is put after a failure is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::tables {

// kSeconds: how long something took; never infinite, as kDouble may be.
enum class ColumnType : std::uint8_t { kText, kTime, kSeconds, kInt32, kInt64, kDouble };

struct Column {
  std::string_view name;
  ColumnType type;
};

struct TableSchema {
  const char* name;  // "traces"
  std::vector<Column> columns;
};

// What stands for a time that there is none of: where the old system has -1, text formats do too.
enum class NoTime : std::uint8_t { kNull, kMinusOne };

// Made by csv_writer() and the like, and used by one thread: begin_table(), rows, end_table() for
// each table, then finish(). A table's file is whole once end_table() is fine; after any Error the
// writer is of no use any more, and what it has made is its caller's to remove.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  // The table's files of a folder end in this: "csv".
  virtual std::string suffix() const = 0;
  // Into the file of that path, which is made.
  virtual Result<void> begin_table(const TableSchema& table, const std::string& path) = 0;
  virtual void null() = 0;
  // UTF-8, which every reader insists on.
  virtual void text(std::string_view value) = 0;
  virtual void time(Wall value, NoTime none) = 0;
  virtual void integer(std::int64_t value) = 0;
  virtual void number(double value) = 0;
  virtual void end_row() = 0;
  virtual Result<void> end_table() = 0;
  // After the last table.
  virtual Result<void> finish() { return {}; }
};

// A spreadsheet takes a cell that begins with one of = + - @ for a formula, and a name from outside
// must not become one: such a text gets a ' in front, and reading takes it away again. Numbers
// stay.
std::string without_formula(std::string_view text);
std::string with_formula(std::string text);

// RFC 4180 with a line of names. Null is nothing between the commas, an empty text is "".
std::unique_ptr<TableWriter> csv_writer();
// An object a line. JSON has no number for an infinity, no spelling of one is read by all readers,
// and a text among numbers is refused by some: it is null, and the next key says "inf" or "-inf",
// which is null for any other number.
constexpr const char* kInfinite = "_INFINITE";  // behind the column's name
std::unique_ptr<TableWriter> json_lines_writer();

}  // namespace galileo::tables
