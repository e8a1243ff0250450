#include "wire/csv.h"

#include <doctest/doctest.h>

using namespace galileo::wire;

namespace {

using Lines = std::vector<std::vector<std::string>>;

Lines lines_of(const std::string& text) {
  CsvReader reader;
  reader.take(text);
  reader.finish();
  Lines lines;
  while (reader.next()) lines.emplace_back(reader.fields().begin(), reader.fields().end());
  return lines;
}

std::string why(const std::string& field) {
  const auto number = number_in_field(field);
  return number.ok() ? "" : number.error().why;
}

}  // namespace

TEST_CASE("fields are quoted where they must be, and read back as they were") {
  const std::vector<std::string> fields{"\xEF\xBB\xBFplain", "",           "a,b",
                                        "say \"hi\"",        "two\nlines", " "};
  const std::string line = csv_line(fields);
  CHECK(line == "\"\xEF\xBB\xBFplain\",,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\", \r\n");
  CHECK(lines_of(line) == Lines{fields});
}

TEST_CASE("a line without anything is one empty field") {
  CHECK(lines_of("\n,") == Lines{{""}, {"", ""}});
  CHECK(lines_of("").empty());
}

TEST_CASE("a file that an editor has saved with a byte order mark and CRLF is the same file") {
  const Lines wanted{{"seconds"}, {"0.5"}, {""}};
  for (const std::string text : {"seconds\n0.5\n\n", "seconds\r\n0.5\r\n\r\n"}) {
    CHECK(lines_of(text) == wanted);
    CHECK(lines_of("\xEF\xBB\xBF" + text) == wanted);
  }
  // In pieces of one byte, too; and two bytes of it alone are a text.
  CsvReader reader;
  for (const char c : std::string_view("\xEF\xBB\xBF"
                                       "1\n")) {
    CHECK_FALSE(reader.next());
    reader.take({&c, 1});
  }
  REQUIRE(reader.next());
  CHECK(reader.fields().front() == "1");
  CHECK(lines_of("\xEF\xBB") == Lines{{"\xEF\xBB"}});
}

TEST_CASE("each line knows where it began, and what isn't right in it") {
  CsvReader reader;
  reader.take("a,\"\"\n\n\"x\ny\",b\nc\"d\"\n\"e\"f\n\"g");
  reader.finish();
  const auto next = [&]() -> std::string {
    if (!reader.next()) return "end";
    return std::to_string(reader.line()) + (reader.fault() ? std::string(reader.fault()) : "");
  };
  CHECK(next() == "1");
  CHECK_FALSE(reader.in_quotes(0));
  CHECK(reader.in_quotes(1));
  CHECK(next() == "2");
  CHECK(next() == "3");
  CHECK(next() == "5a quote stands in the middle of a field");
  CHECK(next() == "6something stands behind closing quotes");
  CHECK(next() == "7it ends within quotes");
  CHECK(next() == "end");
}

TEST_CASE("a comment may hold quotes, and a quoted field the comment's sign") {
  CsvReader reader('#');
  reader.take("# don't say \"\n1,\"#2\"#\"\n3");
  reader.finish();
  Lines lines;
  while (reader.next()) lines.emplace_back(reader.fields().begin(), reader.fields().end());
  CHECK(lines == Lines{{""}, {"1", "#2"}, {"3"}});
}

TEST_CASE("a number is the same in every line: decimal, finite, nothing around it") {
  for (const char* field : {"1", "0.5", "-2", "1e-3", " 7 ", ".5"}) CHECK(why(field).empty());
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "there is no number"},
      {"nan", "'nan' isn't a number: a finite one is wanted"},
      {"-Infinity", "'-Infinity' isn't a number: a finite one is wanted"},
      {"1e999", "'1e999' isn't a number"},
      {"0x10", "'0x10' isn't a number: write it in decimal"},
      {"1.5s", "'1.5s' isn't a number: something stands behind it"},
      {"1_000", "'1_000' isn't a number: write it without anything between thousands"},
      {"1 000", "'1 000' isn't a number: write it without anything between thousands"},
      {"0,5",
       "'0,5' isn't a number: write it with a point for the decimals and nothing between "
       "thousands"},
      {"1,234.5",
       "'1,234.5' isn't a number: write it with a point for the decimals and nothing between "
       "thousands"},
      {"+1", "'+1' isn't a number"},
      {"1;2", "'1;2' isn't a number: something stands behind it"},
      {"seconds", "'seconds' isn't a number"}};
  for (const auto& [field, said] : wrong) CHECK(why(field) == said);
}

TEST_CASE("a heading is a word, not whatever can't be read as a number") {
  for (const char* field : {"seconds", " wait (s)", "_x", "\xC3\xA9t\xC3\xA9", "infinite", "n"})
    CHECK(is_heading(field));
  for (const char* field : {"", "nan", "NaN", "-inf", "Infinity", "1.5s", "0x10", "1,5", "-", "#",
                            "null", "\"", ".5", "+1"})
    CHECK_FALSE(is_heading(field));
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

// As in http1_test.cc: looked at anew for each byte it would take many minutes.
TEST_CASE("a long field that comes byte by byte is looked at once" * doctest::timeout(60)) {
  constexpr std::size_t kSize = std::size_t{2} << 20;
  for (const std::string& field :
       {std::string(kSize, 'a'), "\"" + std::string(kSize, '\n') + "\""}) {
    CsvReader reader;
    std::size_t lines = 0;
    for (const char byte : field + "\n") {
      reader.take({&byte, 1});
      lines += reader.next() ? 1 : 0;
    }
    CHECK(lines == 1);
    CHECK(reader.fields().front().size() == kSize);
  }
}
