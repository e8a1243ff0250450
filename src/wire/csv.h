// Comma-separated values (RFC 4180). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::wire {

// A text without the byte order mark that some editors put before it.
std::string_view after_byte_order_mark(std::string_view text);

// A field as a number: decimal, finite, nothing around it but blanks. The Error's `why` says what
// is wrong with any other, whatever line it is in.
Result<double> number_in_field(std::string_view field);
// Whether a field can be a column's heading: it begins like a word and is no number in anybody's
// spelling (not "nan", "inf" or "1,5").
bool is_heading(std::string_view field);

// One line with its end; fields are quoted where they must be.
std::string csv_line(const std::vector<std::string>& fields);

// Lines as they come, in pieces of any size; each byte is looked at once, and no more is kept than
// a line and a piece. Lines end with "\n" or "\r\n"; those inside of quotes are part of their
// field. A byte order mark before the first one is no part of it. Quotes are taken off, a doubled
// quote is one.
class CsvReader {
 public:
  // `comment`: from that character on, outside of quotes, a line isn't read; 0: there is none.
  explicit CsvReader(char comment = 0) : comment_(comment) {}
  // More bytes of the text.
  void take(std::string_view bytes);
  // No more will come: what is left is the last line.
  void finish() { finished_ = true; }
  // The next whole line's fields; false where it isn't there yet. An empty line has one empty
  // field. They are valid until the next call of anything.
  bool next();
  const std::vector<std::string_view>& fields() const { return fields_; }
  // Whether the field stood in quotes: one that is empty may be a text or nothing.
  bool in_quotes(std::size_t field) const { return in_quotes_[field]; }
  // What isn't as it should be in this line, though it was read somehow; null: nothing.
  const char* fault() const { return fault_; }
  // Where it begins, in lines of the text, from 1.
  std::uint64_t line() const { return line_; }
  // The size of the line that hasn't ended yet: for a bound on what a stranger may send.
  std::size_t waiting() const { return buffer_.size() - begins_; }

 private:
  bool begin();
  void split(std::size_t end);

  std::string buffer_;
  std::size_t begins_ = 0;   // the next line
  std::size_t scanned_ = 0;  // up to here it has no end
  const char comment_;
  bool quoted_ = false;      // at scanned_
  bool in_comment_ = false;  // at scanned_
  bool finished_ = false;
  bool begun_ = false;           // what may stand before the first line has been looked at
  std::uint64_t line_ = 0;       // of the last one that was given
  std::uint64_t line_next_ = 1;  // of the next one
  std::uint64_t line_ends_ = 0;  // since line_next_, up to scanned_
  const char* fault_ = nullptr;
  std::vector<std::string_view> fields_;
  std::vector<bool> in_quotes_;
};

}  // namespace galileo::wire
