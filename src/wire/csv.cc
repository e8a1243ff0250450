#include "wire/csv.h"

namespace galileo::wire {

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) line += ',';
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
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

std::vector<std::string> parse_csv_line(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

void CsvReader::take(std::string_view bytes) {
  buffer_.erase(0, begins_);
  scanned_ -= begins_;
  begins_ = 0;
  buffer_ += bytes;
}

bool CsvReader::next() {
  // A doubled quote closes and opens again, so that it needs no care here.
  while (scanned_ < buffer_.size()) {
    const char c = buffer_[scanned_++];
    if (c == '"') quoted_ = !quoted_;
    if (c != '\n' || quoted_) continue;
    split(scanned_ - 1);
    begins_ = scanned_;
    return true;
  }
  if (!finished_ || begins_ == buffer_.size()) return false;
  split(buffer_.size());
  begins_ = buffer_.size();
  return true;
}

// Takes quotes off in place: a field never gets longer by that.
void CsvReader::split(std::size_t end) {
  fields_.clear();
  if (end > begins_ && buffer_[end - 1] == '\r') --end;
  std::size_t read = begins_;
  std::size_t write = begins_;
  std::size_t field = begins_;
  bool quoted = false;
  for (; read < end; ++read) {
    const char c = buffer_[read];
    if (c == '"') {
      const bool doubled = quoted && read + 1 < end && buffer_[read + 1] == '"';
      if (doubled)
        buffer_[write++] = buffer_[read++];
      else
        quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields_.emplace_back(buffer_.data() + field, write - field);
      // Behind the comma in the text, so that no field runs into what isn't read yet.
      field = write = read + 1;
    } else {
      buffer_[write++] = c;
    }
  }
  fields_.emplace_back(buffer_.data() + field, write - field);
}

}  // namespace galileo::wire
