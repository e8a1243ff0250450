// Lines of any bytes: no crash, and what was written is what is read.
#include "wire/csv.h"

#include <cstdint>
#include <string>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> fields = galileo::wire::parse_csv_line(text);
  std::string line = galileo::wire::csv_line(fields);
  ENSURE(line.size() >= 2);
  line.resize(line.size() - 2);  // its end
  ENSURE(galileo::wire::parse_csv_line(line) == fields);
  return 0;
}
