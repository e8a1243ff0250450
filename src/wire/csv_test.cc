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

TEST_CASE("lines that come in pieces are the lines of the whole text") {
  const std::string text = "a,\"b\nc\",\"say \"\"hi\"\"\"\r\n\n,\nlast, x";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CsvReader reader;
    std::vector<std::vector<std::string>> lines;
    const auto collect = [&] {
      while (reader.next()) lines.emplace_back(reader.fields().begin(), reader.fields().end());
    };
    for (std::size_t at = 0; at < text.size(); at += piece) {
      reader.take(std::string_view(text).substr(at, piece));
      collect();
    }
    CHECK(reader.waiting() == 7);
    reader.finish();
    collect();
    CHECK(lines == std::vector<std::vector<std::string>>{
                       {"a", "b\nc", "say \"hi\""}, {""}, {"", ""}, {"last", " x"}});
  }
}
