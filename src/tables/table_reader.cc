#include "tables/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "tables/table_writer.h"
#include "wire/csv.h"

namespace galileo::tables {
namespace {

using Json = nlohmann::json;

// A file's characters one after another, and the line that they are in.
class Characters {
 public:
  explicit Characters(std::unique_ptr<File> file) : file_(std::move(file)) {}

  // -1 at the end.
  Result<int> next() {
    const int c = TRY(peek());
    if (c < 0) return c;
    ++at_;
    line_ += c == '\n';
    return c;
  }
  Result<int> peek() {
    if (at_ == size_) {
      size_ = TRY(file_->read_at(offset_, buffer_.data(), buffer_.size()));
      offset_ += size_;
      at_ = 0;
      if (size_ == 0) return -1;
    }
    return static_cast<unsigned char>(buffer_[at_]);
  }
  std::uint64_t line() const { return line_; }
  const std::string& path() const { return file_->path(); }

 private:
  const std::unique_ptr<File> file_;
  std::string buffer_ = std::string(std::size_t{256} << 10, '\0');
  std::size_t size_ = 0;
  std::size_t at_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t line_ = 1;
};

Error wrong(const std::string& place, std::string why) {
  return {ErrorCode::kCorrupt, "can't read the table", place, std::move(why),
          "export the experiment again"};
}

// Longer than any row that a table of ours has.
constexpr std::size_t kRowMax = std::size_t{256} << 20;

class CsvReader final : public TableReader {
 public:
  explicit CsvReader(std::unique_ptr<File> file) : file_(std::move(file)) {}

  Result<void> open(const std::vector<WantedColumn>& columns) {
    if (!TRY(record())) return wrong(file_->path(), "it is empty");
    const auto& names = lines_.fields();
    for (const WantedColumn& column : columns) {
      const auto found = std::find(names.begin(), names.end(), column.name);
      if (found == names.end() && !column.may_lack)
        return wrong(place(), fmt::format("it has no column {}", column.name));
      places_.push_back(static_cast<std::size_t>(found - names.begin()));
    }
    width_ = names.size();
    return {};
  }
  Result<bool> next(std::vector<Field>& fields) override {
    if (!TRY(record())) return false;
    const auto& all = lines_.fields();
    if (all.size() != width_)
      return wrong(place(), fmt::format("{} fields instead of {}", all.size(), width_));
    fields.clear();
    // A field without quotes and without characters is null, and so is one of no column.
    for (const std::size_t i : places_)
      fields.push_back(i == width_ || (all[i].empty() && !lines_.in_quotes(i))
                           ? Field()
                           : Field(with_formula(std::string(all[i]))));
    return true;
  }
  std::string place() const override { return fmt::format("{}:{}", file_->path(), lines_.line()); }

 private:
  // The next record that isn't an empty line; false at the end.
  Result<bool> record() {
    while (true) {
      if (!lines_.next()) {
        if (ended_) return false;
        TRY(read_on());
        continue;
      }
      if (lines_.fault()) return wrong(place(), lines_.fault());
      const bool blank =
          lines_.fields().size() == 1 && lines_.fields()[0].empty() && !lines_.in_quotes(0);
      if (!blank || width_ == 1) return true;
    }
  }
  Result<void> read_on() {
    const std::size_t size = TRY(file_->read_at(offset_, buffer_.data(), buffer_.size()));
    offset_ += size;
    lines_.take(std::string_view(buffer_).substr(0, size));
    ended_ = size == 0;
    if (ended_) lines_.finish();
    if (lines_.waiting() > kRowMax)
      return wrong(place(), fmt::format("the row after it has over {} bytes", kRowMax));
    return {};
  }

  const std::unique_ptr<File> file_;
  std::string buffer_ = std::string(std::size_t{256} << 10, '\0');
  std::uint64_t offset_ = 0;
  bool ended_ = false;
  wire::CsvReader lines_;
  std::vector<std::size_t> places_;
  std::size_t width_ = 0;
};

class JsonLinesReader final : public TableReader {
 public:
  JsonLinesReader(std::unique_ptr<File> file, const std::vector<WantedColumn>& columns)
      : characters_(std::move(file)), columns_(columns) {}

  Result<bool> next(std::vector<Field>& fields) override {
    std::string line;
    while (trim(line).empty()) {
      began_ = characters_.line();
      if (TRY(characters_.peek()) < 0) return false;
      line.clear();
      for (int c = TRY(characters_.next()); c >= 0 && c != '\n'; c = TRY(characters_.next()))
        line += static_cast<char>(c);
      if (began_ == 1) line = wire::after_byte_order_mark(line);
    }
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object()) return wrong(place(), "the line isn't a JSON object");
    fields.clear();
    for (const auto& [column, may_lack] : columns_) {
      const auto found = row.find(column);
      if (found == row.end() && !may_lack)
        return wrong(place(), fmt::format("it has no column {}", column));
      if (found == row.end())
        fields.emplace_back();
      else if (found->is_null())
        fields.push_back(infinite(row, column));
      else if (found->is_string())
        fields.emplace_back(found->get<std::string>());
      else
        fields.emplace_back(found->dump());
    }
    return true;
  }
  std::string place() const override { return fmt::format("{}:{}", characters_.path(), began_); }

 private:
  // What a null stands for where JSON has no number.
  static Field infinite(const Json& row, const std::string& column) {
    const auto found = row.find(column + kInfinite);
    return found != row.end() && found->is_string() ? Field(found->get<std::string>()) : Field();
  }

  Characters characters_;
  const std::vector<WantedColumn> columns_;
  std::uint64_t began_ = 1;
};

}  // namespace

Result<std::unique_ptr<TableReader>> read_csv(const std::string& path,
                                              const std::vector<WantedColumn>& columns) {
  auto reader = std::make_unique<CsvReader>(TRY(open_file(path, FileMode::kRead)));
  TRY(reader->open(columns));
  return std::unique_ptr<TableReader>(std::move(reader));
}

Result<std::unique_ptr<TableReader>> read_json_lines(const std::string& path,
                                                     const std::vector<WantedColumn>& columns) {
  return std::unique_ptr<TableReader>(
      std::make_unique<JsonLinesReader>(TRY(open_file(path, FileMode::kRead)), columns));
}

}  // namespace galileo::tables
