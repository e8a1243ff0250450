#include "load/data_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "wire/csv.h"

namespace galileo::load {
namespace {

Error faulty(const std::string& where, std::uint64_t line, std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "can't make requests of these rows",
               fmt::format("{}:{}", where, line), std::move(why), std::move(hint)};
}

// Goes over a text field by field. A field in quotes may have commas, line ends and doubled quotes.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // The next field, with its quotes; ends_row() says whether it was its row's last.
  std::string_view field() {
    const std::size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '"') skip_quoted();
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') ++at_;
    std::string_view field = text_.substr(begin, at_ - begin);
    ends_row_ = at_ == text_.size() || text_[at_] == '\n';
    if (ends_row_ && field.ends_with('\r')) field.remove_suffix(1);
    if (at_ < text_.size()) ++at_;
    return field;
  }
  bool ends_row() const { return ends_row_; }
  bool at_end() const { return at_ == text_.size(); }
  bool unclosed() const { return unclosed_; }
  std::size_t at() const { return at_; }
  // Line ends that were passed within quotes, since it was last asked.
  std::uint64_t take_lines() { return std::exchange(lines_, 0); }

 private:
  // To behind the quote that closes the field.
  void skip_quoted() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++lines_;
      if (text_[at_] != '"') continue;
      if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') {
        ++at_;
        return;
      }
      ++at_;
    }
    unclosed_ = true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t lines_ = 0;
  bool ends_row_ = false;
  bool unclosed_ = false;
};

// A field as it is meant.
std::string_view plain(std::string_view field, std::string& scratch) {
  if (!field.starts_with('"') || field.size() < 2) return field;
  field.remove_prefix(1);
  if (field.ends_with('"')) field.remove_suffix(1);
  if (field.find('"') == std::string_view::npos) return field;
  scratch.clear();
  for (std::size_t i = 0; i < field.size(); ++i) {
    scratch += field[i];
    if (field[i] == '"' && i + 1 < field.size() && field[i + 1] == '"') ++i;
  }
  return scratch;
}

Result<std::vector<std::string>> read_columns(Scanner& scanner, const std::string& where) {
  std::vector<std::string> columns;
  do {
    std::string scratch;
    columns.emplace_back(trim(plain(scanner.field(), scratch)));
    const std::string& name = columns.back();
    if (scanner.unclosed()) return faulty(where, 1, "a quote isn't closed");
    if (name.empty())
      return faulty(where, 1, "a column has no name", "name each in the first line");
    if (std::count(columns.begin(), columns.end(), name) > 1)
      return faulty(where, 1, fmt::format("two columns are called '{}'", name));
  } while (!scanner.ends_row());
  return columns;
}

}  // namespace

Result<std::vector<std::string>> columns_of(std::string_view beginning, const std::string& where) {
  Scanner scanner(wire::after_byte_order_mark(beginning));
  return read_columns(scanner, where);
}

Result<DataRows> DataRows::read(const std::string& path) {
  return parse(TRY(read_whole_file(path, kDataMax)), path);
}

Result<DataRows> DataRows::parse(std::string text, const std::string& where) {
  DataRows rows;
  rows.text_ = std::move(text);
  const std::string_view whole = rows.text_;
  const std::string_view after = wire::after_byte_order_mark(whole);
  const std::size_t mark = whole.size() - after.size();
  Scanner scanner(after);
  rows.columns_ = TRY(read_columns(scanner, where));
  std::uint64_t line = 2 + scanner.take_lines();
  // Counted first, so that the list is made once, as large as it must be.
  rows.begins_.reserve(static_cast<std::size_t>(std::count(after.begin(), after.end(), '\n')));
  while (!scanner.at_end()) {
    const std::size_t begin = scanner.at();
    std::size_t fields = 0;
    std::size_t length = 0;
    do {
      length = scanner.field().size();
      ++fields;
    } while (!scanner.ends_row());
    if (scanner.unclosed()) return faulty(where, line, "a quote isn't closed");
    const bool empty = fields == 1 && length == 0;
    if (!empty && fields != rows.columns_.size())
      return faulty(where, line,
                    fmt::format("the row has {} fields, the first line names {}", fields,
                                rows.columns_.size()),
                    "put a field with a comma in double quotes");
    if (!empty) rows.begins_.push_back(static_cast<std::uint32_t>(mark + begin));
    line += 1 + scanner.take_lines();
  }
  if (rows.begins_.empty())
    return faulty(where, 1, "there is no row", "the first line names the columns, rows follow");
  return rows;
}

Result<std::size_t> DataRows::column(const std::string& name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found != columns_.end()) return static_cast<std::size_t>(found - columns_.begin());
  return Error{ErrorCode::kUsage,
               {},
               {},
               fmt::format("no column is called '{}'", name),
               hint_for_unknown(name, columns_)};
}

std::string_view DataRows::field(std::size_t row, std::size_t column, std::string& scratch) const {
  Scanner scanner(std::string_view(text_).substr(begins_[row]));
  for (std::size_t i = 0; i < column; ++i) scanner.field();
  return plain(scanner.field(), scratch);
}

}  // namespace galileo::load
