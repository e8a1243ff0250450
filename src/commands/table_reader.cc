#include "commands/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace galileo::commands {
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

class CsvReader final : public TableReader {
 public:
  explicit CsvReader(std::unique_ptr<File> file) : characters_(std::move(file)) {}

  Result<void> open(const std::vector<std::string>& columns) {
    std::vector<Field> names;
    if (!TRY(record(names))) return wrong(place(), "it is empty");
    for (const std::string& column : columns) {
      const auto found = std::find(names.begin(), names.end(), column);
      if (found == names.end()) return wrong(place(), fmt::format("it has no column {}", column));
      places_.push_back(static_cast<std::size_t>(found - names.begin()));
    }
    width_ = names.size();
    return {};
  }
  Result<bool> next(std::vector<Field>& fields) override {
    if (!TRY(record(all_))) return false;
    if (all_.size() != width_)
      return wrong(place(), fmt::format("{} fields instead of {}", all_.size(), width_));
    fields.clear();
    for (const std::size_t i : places_) fields.push_back(std::move(all_[i]));
    return true;
  }
  std::string place() const override { return fmt::format("{}:{}", characters_.path(), began_); }

 private:
  // One record; a field without quotes and without characters is null.
  Result<bool> record(std::vector<Field>& fields) {
    fields.clear();
    began_ = characters_.line();
    if (TRY(characters_.peek()) < 0) return false;
    while (true) {
      fields.push_back(TRY(field()));
      const int c = TRY(characters_.next());
      if (c == ',') continue;
      if (c == '\r' && TRY(characters_.peek()) == '\n') TRY(characters_.next());
      return true;
    }
  }
  // Up to the comma or the line's end.
  Result<Field> field() {
    if (TRY(characters_.peek()) == '"') return TRY(quoted());
    std::string text;
    for (int c = TRY(characters_.peek()); c >= 0 && c != ',' && c != '\r' && c != '\n';
         c = TRY(characters_.peek())) {
      text += static_cast<char>(c);
      TRY(characters_.next());
    }
    return text.empty() ? Field() : Field(std::move(text));
  }
  Result<Field> quoted() {
    TRY(characters_.next());
    std::string text;
    while (true) {
      const int c = TRY(characters_.next());
      if (c < 0) return wrong(place(), "it ends within quotes");
      if (c != '"') {
        text += static_cast<char>(c);
        continue;
      }
      const int after = TRY(characters_.peek());
      if (after == '"') {
        text += '"';
        TRY(characters_.next());
        continue;
      }
      if (after >= 0 && after != ',' && after != '\r' && after != '\n')
        return wrong(place(), "something stands behind closing quotes");
      return Field(std::move(text));
    }
  }

  Characters characters_;
  std::vector<std::size_t> places_;
  std::vector<Field> all_;
  std::size_t width_ = 0;
  std::uint64_t began_ = 1;
};

class JsonLinesReader final : public TableReader {
 public:
  JsonLinesReader(std::unique_ptr<File> file, const std::vector<std::string>& columns)
      : characters_(std::move(file)), columns_(columns) {}

  Result<bool> next(std::vector<Field>& fields) override {
    began_ = characters_.line();
    if (TRY(characters_.peek()) < 0) return false;
    std::string line;
    for (int c = TRY(characters_.next()); c >= 0 && c != '\n'; c = TRY(characters_.next()))
      line += static_cast<char>(c);
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object()) return wrong(place(), "the line is no JSON object");
    fields.clear();
    for (const std::string& column : columns_) {
      const auto found = row.find(column);
      if (found == row.end()) return wrong(place(), fmt::format("it has no column {}", column));
      if (found->is_null())
        fields.emplace_back();
      else if (found->is_string())
        fields.emplace_back(found->get<std::string>());
      else
        fields.emplace_back(found->dump());
    }
    return true;
  }
  std::string place() const override { return fmt::format("{}:{}", characters_.path(), began_); }

 private:
  Characters characters_;
  const std::vector<std::string> columns_;
  std::uint64_t began_ = 1;
};

}  // namespace

Result<std::unique_ptr<TableReader>> read_csv(const std::string& path,
                                              const std::vector<std::string>& columns) {
  auto reader = std::make_unique<CsvReader>(TRY(open_file(path, FileMode::kRead)));
  TRY(reader->open(columns));
  return std::unique_ptr<TableReader>(std::move(reader));
}

Result<std::unique_ptr<TableReader>> read_json_lines(const std::string& path,
                                                     const std::vector<std::string>& columns) {
  return std::unique_ptr<TableReader>(
      std::make_unique<JsonLinesReader>(TRY(open_file(path, FileMode::kRead)), columns));
}

}  // namespace galileo::commands
