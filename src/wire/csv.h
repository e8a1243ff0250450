// Comma-separated values (RFC 4180). Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace galileo::wire {

// One line with its end; fields are quoted where they must be.
std::string csv_line(const std::vector<std::string>& fields);

// The fields of one line (without its end); quotes are taken off, a doubled quote is one.
std::vector<std::string> parse_csv_line(std::string_view line);

// Lines as they come, in pieces of any size; each byte is looked at once, and no more is kept than
// a line and a piece. Lines end with "\n" or "\r\n"; those inside of quotes are part of their
// field.
class CsvReader {
 public:
  // More bytes of the text.
  void take(std::string_view bytes);
  // No more will come: what is left is the last line.
  void finish() { finished_ = true; }
  // The next whole line's fields; false where it isn't there yet. An empty line has one empty
  // field. They are valid until the next call of anything.
  bool next();
  const std::vector<std::string_view>& fields() const { return fields_; }
  // Of the line that hasn't ended yet: for a bound on what a stranger may send.
  std::size_t waiting() const { return buffer_.size() - begins_; }

 private:
  void split(std::size_t end);

  std::string buffer_;
  std::size_t begins_ = 0;   // the next line
  std::size_t scanned_ = 0;  // up to here it has no end
  bool quoted_ = false;      // at scanned_
  bool finished_ = false;
  std::vector<std::string_view> fields_;
};

}  // namespace galileo::wire
