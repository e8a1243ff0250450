// Lines of any bytes: no crash, what was written is what is read, and a text that comes in pieces
// has the lines that it has as a whole.
#include "wire/csv.h"

#include <cstdint>
#include <string>

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
  const std::vector<std::string> fields = galileo::wire::parse_csv_line(text);
  std::string line = galileo::wire::csv_line(fields);
  ENSURE(line.size() >= 2);
  ENSURE(lines_of(line + line, 3) == (Lines{fields, fields}));
  line.resize(line.size() - 2);  // its end
  ENSURE(galileo::wire::parse_csv_line(line) == fields);
  const Lines whole = lines_of(text, text.size() + 1);
  for (const std::size_t piece : {1U, 2U, 7U}) ENSURE(lines_of(text, piece) == whole);
  return 0;
}
