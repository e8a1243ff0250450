// Profiles as people save them: by what rule the first line is told apart, and that numbers are
// checked alike in every line.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "plan/file_arrival.h"

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
