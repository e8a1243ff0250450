#include "wire/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error no_number(std::string_view field, std::string_view why) {
  return Error{
      ErrorCode::kUsage,
      {},
      {},
      fmt::format("'{}' isn't a number{}{}", field.substr(0, 40), why.empty() ? "" : ": ", why),
      {}};
}

// "nan", "-inf", "Infinity": numbers to others.
bool names_no_finite_number(std::string_view word) {
  if (!word.empty() && (word.front() == '-' || word.front() == '+')) word.remove_prefix(1);
  const std::string lower = to_lower(word);
  return lower == "nan" || lower == "inf" || lower == "infinity" || lower == "null" ||
         lower == "none";
}

}  // namespace

std::string_view after_byte_order_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

Result<double> number_in_field(std::string_view field) {
  const std::string_view text = trim(field);
  if (const auto value = parse_number(text)) return *value;
  if (text.empty()) return Error{ErrorCode::kUsage, {}, {}, "there is no number", {}};
  if (names_no_finite_number(text)) return no_number(text, "a finite one is wanted");
  const auto only = [&](std::string_view more) {
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_digit(c) || more.find(c) != more.npos; });
  };
  if (only("+-.,eE"))
    return no_number(text, text.find(',') != text.npos
                               ? "write it with a point for the decimals and nothing between "
                                 "thousands"
                               : "");
  if (only("+-.,_' ")) return no_number(text, "write it without anything between thousands");
  if (text.starts_with("0x") || text.starts_with("0X"))
    return no_number(text, "write it in decimal");
  if (is_digit(text.front())) return no_number(text, "something stands behind it");
  return no_number(text, {});
}

bool is_heading(std::string_view field) {
  const std::string_view text = trim(field);
  if (text.empty() || names_no_finite_number(text)) return false;
  const char c = text.front();
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c < 0;
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) line += ',';
    if (field.find_first_of(",\"\r\n") == std::string::npos &&
        !std::string_view(field).starts_with(kByteOrderMark)) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) {
      if (c == '"') line += '"';
      line += c;
    }
    line += '"';
  }
  return line + "\r\n";
}

void CsvReader::take(std::string_view bytes) {
  buffer_.erase(0, begins_);
  scanned_ -= begins_;
  begins_ = 0;
  buffer_ += bytes;
}

// False: what has come so far may be the beginning of a byte order mark.
bool CsvReader::begin() {
  const std::string_view text(buffer_);
  if (!finished_ && text.size() < kByteOrderMark.size() && kByteOrderMark.starts_with(text))
    return false;
  begins_ = scanned_ = text.size() - after_byte_order_mark(text).size();
  return begun_ = true;
}

bool CsvReader::next() {
  if (!begun_ && !begin()) return false;
  // A doubled quote closes and opens again, so that it needs no care here.
  while (scanned_ < buffer_.size()) {
    const char c = buffer_[scanned_++];
    if (comment_ != 0 && c == comment_ && !quoted_) in_comment_ = true;
    if (c == '"' && !in_comment_) quoted_ = !quoted_;
    if (c != '\n') continue;
    ++line_ends_;
    if (quoted_) continue;
    in_comment_ = false;
    split(scanned_ - 1);
    begins_ = scanned_;
    return true;
  }
  if (!finished_ || begins_ == buffer_.size()) return false;
  split(buffer_.size());
  if (quoted_) fault_ = "it ends within quotes";
  begins_ = buffer_.size();
  return true;
}

// Takes quotes off in place: a field never gets longer by that.
void CsvReader::split(std::size_t end) {
  fields_.clear();
  in_quotes_.clear();
  fault_ = nullptr;
  line_ = line_next_;
  line_next_ += line_ends_;
  line_ends_ = 0;
  if (end > begins_ && buffer_[end - 1] == '\r') --end;
  std::size_t read = begins_;
  std::size_t write = begins_;
  std::size_t field = begins_;
  bool quoted = false;
  bool closed = false;  // the field's quotes have been
  in_quotes_.push_back(false);
  for (; read < end; ++read) {
    const char c = buffer_[read];
    if (comment_ != 0 && c == comment_ && !quoted) break;
    if (c == '"') {
      const bool doubled = quoted && read + 1 < end && buffer_[read + 1] == '"';
      if (doubled) {
        buffer_[write++] = buffer_[read++];
        continue;
      }
      if (!quoted && (write != field || closed)) fault_ = "a quote stands in the middle of a field";
      if (!quoted) in_quotes_.back() = true;
      closed = quoted;
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields_.emplace_back(buffer_.data() + field, write - field);
      in_quotes_.push_back(false);
      closed = false;
      // Behind the comma in the text, so that no field runs into what isn't read yet.
      field = write = read + 1;
    } else {
      if (closed && !fault_) fault_ = "something stands behind closing quotes";
      buffer_[write++] = c;
    }
  }
  fields_.emplace_back(buffer_.data() + field, write - field);
}

}  // namespace galileo::wire
