#include "wire/csv.h"

#include <doctest/doctest.h>

using namespace galileo::wire;

TEST_CASE("fields are quoted where they must be, and read back as they were") {
  const std::vector<std::string> fields{"plain", "", "a,b", "say \"hi\"", "two\nlines", " "};
  CHECK(csv_line(fields) == "plain,,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\", \r\n");
  std::string line = csv_line(fields);
  line.resize(line.size() - 2);
  CHECK(parse_csv_line(line) == fields);
}

TEST_CASE("a line without anything is one empty field") {
  CHECK(parse_csv_line("") == std::vector<std::string>{""});
  CHECK(parse_csv_line(",") == std::vector<std::string>{"", ""});
}
