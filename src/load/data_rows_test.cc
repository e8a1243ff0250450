#include "load/data_rows.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "load/data_use.h"

namespace galileo::load {
namespace {

std::vector<std::string> row_of(const DataRows& rows, std::size_t row) {
  std::vector<std::string> fields;
  std::string scratch;
  for (std::size_t i = 0; i < rows.columns().size(); ++i)
    fields.emplace_back(rows.field(row, i, scratch));
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("rows are as CSV has them: quotes, commas and line ends within them, any line end") {
  const auto rows = DataRows::parse(
      "\xef\xbb\xbfname, \"the text\",n\r\n"
      "a,b,1\n"
      "\"x, y\",\"he said \"\"hi\"\"\",2\r\n"
      "\n"
      "\"two\nlines\",,3",
      "r.csv");
  REQUIRE(rows.ok());
  // A blank before a quote belongs to the name.
  CHECK(rows->columns() == Fields{"name", "\"the text\"", "n"});
  REQUIRE(rows->size() == 3);
  CHECK(row_of(*rows, 0) == Fields{"a", "b", "1"});
  CHECK(row_of(*rows, 1) == Fields{"x, y", "he said \"hi\"", "2"});
  CHECK(row_of(*rows, 2) == Fields{"two\nlines", "", "3"});
  CHECK(rows->column("n").value() == 2);
  CHECK(rows->column("nam").error().hint.find("name") != std::string::npos);
}

TEST_CASE("a file that isn't as it should be says so by its line") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "r.csv:1: a column has no name"},
      {"a,b\n", "r.csv:1: there is no row"},
      {"a,,b\n1,2,3\n", "r.csv:1: a column has no name"},
      {"a,b,a\n1,2,3\n", "r.csv:1: two columns are called 'a'"},
      {"a,b\n1,2\n1,2,3\n", "r.csv:3: the row has 3 fields, the first line names 2"},
      {"a,b\n\"1\n2\",2\n1\n", "r.csv:4: the row has 1 fields, the first line names 2"},
      {"a,b\n1,\"2\n", "r.csv:2: a quote isn't closed"},
      {"a,\"b\n1,2\n", "r.csv:1: a quote isn't closed"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto rows = DataRows::parse(text, "r.csv");
    REQUIRE_FALSE(rows.ok());
    const std::string told = rows.error().to_text();
    CHECK_MESSAGE(told.find(wanted) != std::string::npos, told);
  }
}

TEST_CASE("a million rows take no more than twice their file") {
  std::string text = "user,id\n";
  for (int i = 0; i < 1'000'000; ++i) text += fmt::format("u{},{}\n", i % 10, i % 10);
  const std::size_t size = text.size();
  const auto rows = DataRows::parse(std::move(text), "r.csv");
  REQUIRE(rows.ok());
  CHECK(rows->size() == 1'000'000);
  CHECK(rows->bytes() < 2 * size);
}

TEST_CASE("rows are used in sequence, at random, or each once") {
  const auto picks = [](const DataUse& use, std::uint64_t most) {
    std::vector<std::size_t> rows;
    Random draws(1, 2);
    for (std::uint64_t n = 0; n < most; ++n) {
      std::size_t row = 99;
      if (!use.pick(n, draws, row)) break;
      rows.push_back(row);
    }
    return rows;
  };
  // There is no file to read in a unit test: without one every number is fine.
  const auto none = DataUse::make({});
  REQUIRE(none.ok());
  CHECK(none->name() == "templates");
  CHECK(picks(*none, 3).size() == 3);
  CHECK_FALSE(DataUse::make({{"data.file", "/nowhere/rows.csv"}}).ok());
  using Rows = std::vector<std::size_t>;
  const auto of = [](std::map<std::string, std::string> parameters) {
    return DataUse(DataRows::parse("a\n1\n2\n3\n", "r.csv").value(), parameters);
  };
  CHECK(picks(of({{"data.order", "sequential"}}), 5) == Rows{0, 1, 2, 0, 1});
  CHECK(picks(of({{"data.order", "sequential"}, {"data.at_end", "stop"}}), 5) == Rows{0, 1, 2});
  CHECK(picks(of({{"data.order", "once"}}), 5) == Rows{0, 1, 2});
  const Rows random = picks(of({{"data.order", "random"}}), 1000);
  CHECK(random.size() == 1000);
  for (std::size_t row = 0; row < 3; ++row)
    CHECK(std::count(random.begin(), random.end(), row) > 200);
}

}  // namespace
}  // namespace galileo::load
