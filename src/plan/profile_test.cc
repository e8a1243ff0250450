// Profiles as people save them: by what rule the first line is told apart, and that numbers are
// checked alike in every line.
#include "plan/profile.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace galileo;
using namespace galileo::plan;

namespace {

using Values = std::vector<double>;

Values values(const std::string& text, const std::string& column = {}) {
  const auto profile = parse_profile(text, column);
  return profile.ok() ? *profile : Values{-1};
}

std::string wrong(const std::string& text, const std::string& column = {}) {
  const auto profile = parse_profile(text, column);
  if (profile.ok()) return "read";
  const Error& error = profile.error();
  return error.where + (error.where.empty() ? "" : ": ") + error.why;
}

}  // namespace

TEST_CASE("a byte order mark, CRLF, blank lines and comments don't cost a profile a value") {
  const Values wanted{0.5, 0.25, 1};
  CHECK(values("0.5\n0.25\n1") == wanted);
  CHECK(values("\xEF\xBB\xBF"
               "0.5\r\n0.25\r\n1\r\n\r\n") == wanted);
  CHECK(values("\xEF\xBB\xBFseconds\r\n0.5\r\n0.25\r\n1\r\n", "seconds") == wanted);
  CHECK(values("# \"waits\n\nwait\n0.5 # first\n\n0.25\n1\n\n") == wanted);
  CHECK(values("\"the wait, in s\"\n0.5\n0.25\n1\n") == wanted);
  CHECK(values("at,wait\n7,0.5\n8,0.25\n9,1\n", "wait") == wanted);
  CHECK(values("wait,at\n0.5,7\n0.25,8\n1,9\n") == wanted);
}

TEST_CASE("the first line of a profile is checked as every other") {
  const std::vector<std::pair<std::string, std::string>> numbers{
      {"nan", "'nan' isn't a number: a finite one is wanted"},
      {"inf", "'inf' isn't a number: a finite one is wanted"},
      {"0x10", "'0x10' isn't a number: write it in decimal"},
      {"1.5s", "'1.5s' isn't a number: something stands behind it"},
      {"1_000", "'1_000' isn't a number: write it without anything between thousands"},
      {"1e999", "'1e999' isn't a number"},
      {"-1", "'-1' isn't a time between requests"}};
  for (const auto& [number, why] : numbers) {
    CAPTURE(number);
    CHECK(wrong(number + "\n1\n1\n") == "line 1: " + why);
    CHECK(wrong("1\n1\n" + number + "\n") == "line 3: " + why);
    CHECK(wrong("wait\n" + number + "\n") == "line 2: " + why);
  }
  // What isn't the first line is no heading.
  CHECK(wrong("1\nwait\n") == "line 2: 'wait' isn't a number");
}

TEST_CASE("decimal commas and thousands' separators make no other numbers") {
  CHECK(wrong("0,5\n0,25\n") == "line 1: there are 2 columns without headings");
  CHECK(wrong("wait\n0,5\n") == "line 2: 2 fields instead of 1");
  CHECK(wrong("1\n1,234.5\n") == "line 2: 2 fields instead of 1");
  CHECK(wrong("\"0,5\"\n") ==
        "line 1: '0,5' isn't a number: write it with a point for the decimals and nothing between "
        "thousands");
  CHECK(wrong("0.5;1\n") == "line 1: '0.5;1' isn't a number: something stands behind it");
  CHECK(wrong("a,b\n1\n") == "line 2: 1 fields instead of 2");
}

TEST_CASE("what can't be a profile is said where it stands") {
  CHECK(wrong("") == "the profile has no numbers");
  CHECK(wrong("wait\n") == "the profile has no numbers");
  CHECK(wrong("a,b\n1,2\n", "c") == "line 1: no column is called 'c'");
  CHECK(wrong("a,a\n1,2\n", "a") == "line 1: two columns are called 'a'");
  CHECK(wrong("1\n\"2\n3\n") == "line 2: it ends within quotes");
  CHECK(wrong(std::string("\xFF\xFE"
                          "1\0\n\0",
                          6)) == "the profile is in UTF-16");
}

TEST_CASE("lists and lines of JSON, and pickles of the old system, are profiles too") {
  using namespace std::string_literals;
  const Values wanted{0.5, 0.25, 1};
  CHECK(values("[0.5, 0.25,1]\n") == wanted);
  CHECK(values(" [\r\n 0.5,\n 25e-2, 1 ]") == wanted);
  CHECK(values("{\"seconds\": 0.5}\n{\"seconds\":0.25}\r\n\n{\"seconds\": 1}") == wanted);
  CHECK(values("\xEF\xBB\xBF{\"at\": 7, \"wait\": 0.5}\n{\"wait\": 0.25}\n{\"wait\": 1}", "wait") ==
        wanted);
  CHECK(values("(lp0\nF0.5\naF0.25\naI1\na."s) == wanted);
  CHECK(values("\x80\3]q\0(G?\340\0\0\0\0\0\0G?\320\0\0\0\0\0\0K\1e."s) == wanted);
}

TEST_CASE("what is wrong with a list, a line of JSON or a pickle is said where it is") {
  using namespace std::string_literals;
  CHECK(wrong("[1, 2") == "the profile begins like a JSON list and isn't one");
  CHECK(wrong("[1][2]") == "the profile begins like a JSON list and isn't one");
  CHECK(wrong("[]") == "the profile has no numbers");
  CHECK(wrong("[1, \"2\"]") == "entry 2: '\"2\"' isn't a number");
  CHECK(wrong("[1, NaN]") == "entry 2: 'NaN' isn't a number: a finite one is wanted");
  CHECK(wrong("[1, -2]") == "entry 2: '-2' isn't a time between requests");
  CHECK(wrong("[1]", "a") == "the profile is a list, without a column 'a'");
  CHECK(wrong("{\"a\": 1}\n{\"a\": \"1\"}") == "line 2: it has a text instead of a number");
  CHECK(wrong("{\"a\": 1}\n{}") == "line 2: it isn't a JSON object with a number");
  CHECK(wrong("{\"a\": 1}", "b") == "line 1: no key is called 'b'");
  CHECK(wrong("{\"a\": 1") == "line 1: it isn't JSON at byte 8");
  CHECK(wrong("(lp0\nF-0.5\na."s) == "entry 1: '-0.5' isn't a time between requests");
  CHECK(wrong("(lp0\ncos\nsystem\n."s) == "byte 5: it names os.system");
  CHECK(wrong("(lp0\n."s) == "the profile has no numbers");
  CHECK(wrong("]."s, "a") == "the profile is a list, without a column 'a'");
  CHECK(wrong("PAR1\0\0"s) == "the profile is a Parquet file");
}
