// Lines of any bytes: no crash, what was written is what is read, and a text that comes in pieces
// has the lines that it has as a whole.
#include "wire/csv.h"

#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"

namespace {

using Lines = std::vector<std::vector<std::string>>;

// In pieces of that size.
Lines lines_of(std::string_view text, std::size_t piece) {
  Lines lines;
  galileo::wire::CsvReader reader;
  const auto collect = [&] {
    while (reader.next()) lines.emplace_back(reader.fields().begin(), reader.fields().end());
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    reader.take(text.substr(at, piece));
    collect();
  }
  reader.finish();
  collect();
  ENSURE(reader.waiting() == 0);
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Lines whole = lines_of(text, text.size() + 1);
  for (const std::size_t piece : {1U, 2U, 7U}) ENSURE(lines_of(text, piece) == whole);
  for (const std::vector<std::string>& fields : whole) {
    const std::string line = galileo::wire::csv_line(fields);
    ENSURE(lines_of(line + line, 3) == (Lines{fields, fields}));
    for (const std::string& field : fields) {
      // A heading is never a number.
      ENSURE(!galileo::wire::is_heading(field) || !galileo::wire::number_in_field(field).ok());
    }
  }
  return 0;
}
