#include "tables/table_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/text.h"

namespace galileo::tables {
namespace {

// What both text formats are: lines in a file, written in large pieces so that its size doesn't
// matter.
class LineWriter : public TableWriter {
 public:
  Result<void> begin_table(const TableSchema& table, const std::string& path) override {
    table_ = &table;
    failure_.reset();
    column_ = 0;
    size_ = 0;
    lines_.clear();
    file_ = TRY(open_file(path, FileMode::kCreate));
    begin_file(table);
    return {};
  }
  void time(Wall value, NoTime none) override {
    if (value == kNoWall && none == NoTime::kNull)
      null();
    else
      number(to_unix_seconds(value));
  }
  void end_row() override {
    end_line();
    column_ = 0;
    if (lines_.size() > kPiece) flush();
  }
  Result<void> end_table() override {
    flush();
    if (!failure_) {
      const auto synced = file_->sync();
      if (!synced.ok()) failure_ = synced.error();
    }
    file_.reset();
    if (failure_) return *failure_;
    return {};
  }

 protected:
  virtual void begin_file(const TableSchema&) {}
  virtual void end_line() = 0;

  const TableSchema* table_ = nullptr;
  std::size_t column_ = 0;
  std::string lines_;

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;

  void flush() {
    if (!failure_) {
      const auto written = file_->write_at(size_, lines_);
      if (!written.ok()) failure_ = written.error();
      size_ += lines_.size();
    }
    lines_.clear();
  }

  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;
  std::optional<Error> failure_;
};

// With decimals or an exponent: a reader that guesses types by the first rows would take a column
// of whole numbers for integers, and fail at the first that isn't one.
void put_number(std::string& line, double value) {
  const std::size_t begin = line.size();
  fmt::format_to(std::back_inserter(line), "{}", value);
  if (std::isfinite(value) && line.find_first_of(".e", begin) == std::string::npos) line += ".0";
}

// A text that begins with any number of ', and then like a formula.
bool is_formula(std::string_view text) {
  const std::size_t first = text.find_first_not_of('\'');
  return first != std::string_view::npos &&
         std::string_view("=+-@\t\r").find(text[first]) != std::string_view::npos;
}

class CsvWriter final : public LineWriter {
 public:
  std::string suffix() const override { return "csv"; }
  void null() override { next(); }
  void text(std::string_view value) override {
    next();
    const std::string safe = is_formula(value) ? without_formula(value) : std::string();
    if (!safe.empty()) value = safe;
    if (!value.empty() && value.find_first_of(",\"\r\n") == std::string_view::npos) {
      lines_ += value;
      return;
    }
    lines_ += '"';
    for (const char c : value) {
      if (c == '"') lines_ += '"';
      lines_ += c;
    }
    lines_ += '"';
  }
  void integer(std::int64_t value) override {
    next();
    fmt::format_to(std::back_inserter(lines_), "{}", value);
  }
  void number(double value) override {
    next();
    put_number(lines_, value);
  }

 private:
  void begin_file(const TableSchema& table) override {
    for (const Column& column : table.columns) text(column.name);
    end_row();
  }
  void end_line() override { lines_ += "\r\n"; }
  void next() {
    if (column_++ > 0) lines_ += ',';
  }
};

class JsonLinesWriter final : public LineWriter {
 public:
  std::string suffix() const override { return "jsonl"; }
  void null() override {
    next();
    lines_ += "null";
  }
  void text(std::string_view value) override {
    next();
    lines_ += nlohmann::json(value).dump();
  }
  void integer(std::int64_t value) override {
    next();
    fmt::format_to(std::back_inserter(lines_), "{}", value);
  }
  void number(double value) override {
    const bool finite = std::isfinite(value);
    const Column& column = table_->columns[column_];
    next();
    if (finite)
      put_number(lines_, value);
    else
      lines_ += "null";
    if (column.type != ColumnType::kDouble) return;  // the others are never infinite
    // In each row: a reader that knows the columns by the first rows must find it there.
    fmt::format_to(std::back_inserter(lines_), ",\"{}{}\":", column.name, kInfinite);
    lines_ += finite ? "null" : fmt::format("\"{}\"", value);
  }

 private:
  void end_line() override { lines_ += "}\n"; }
  void next() {
    fmt::format_to(std::back_inserter(lines_), "{}\"{}\":", column_ == 0 ? "{" : ",",
                   table_->columns[column_].name);
    ++column_;
  }
};

}  // namespace

std::string without_formula(std::string_view text) {
  std::string safe(text);
  if (is_formula(text) && !parse_number(text)) safe.insert(0, 1, '\'');
  return safe;
}

std::string with_formula(std::string text) {
  if (text.starts_with('\'') && is_formula(text)) text.erase(0, 1);
  return text;
}

std::unique_ptr<TableWriter> csv_writer() {
  return std::make_unique<CsvWriter>();
}
std::unique_ptr<TableWriter> json_lines_writer() {
  return std::make_unique<JsonLinesWriter>();
}

}  // namespace galileo::tables
