#include "wire/env_file.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

Variables read(std::string_view text) {
  auto variables = parse_env_file(text, "x.env");
  REQUIRE_MESSAGE(variables.ok(), variables.error().to_text());
  return *variables;
}

std::string refusal(std::string_view text) {
  const auto variables = parse_env_file(text, "x.env");
  REQUIRE(!variables.ok());
  CHECK(variables.error().code == ErrorCode::kUsage);
  return variables.error().to_text();
}

TEST_CASE("A file with comments, empty lines and values gives the values in their order") {
  CHECK(read("# the database\n\n  a=1\n#b=2\nc=redis://h:1/0?x=y\n") ==
        Variables{{"a", "1"}, {"c", "redis://h:1/0?x=y"}});
  CHECK(read("").empty());
  CHECK(read("a=1") == Variables{{"a", "1"}});
}

TEST_CASE("What editors and shells leave in such files is no part of a value") {
  CHECK(read("\xef\xbb\xbf"
             "a=1\r\nb=2\r\n") == Variables{{"a", "1"}, {"b", "2"}});
  CHECK(read("export a=1 \nexport  b=2\t\n") == Variables{{"a", "1"}, {"b", "2"}});
}

TEST_CASE("A value may be empty, in quotes, and hold signs that shells would take up") {
  CHECK(read("a=\nb=\"\"\nc='one two'\nd=\"it's # so\"") ==
        Variables{{"a", ""}, {"b", ""}, {"c", "one two"}, {"d", "it's # so"}});
  CHECK(read("p=$HOME#x=%y\"z\\n") == Variables{{"p", "$HOME#x=%y\"z\\n"}});
}

TEST_CASE("The same name twice is there twice, for whoever sets the last one") {
  CHECK(read("a=1\na=2") == Variables{{"a", "1"}, {"a", "2"}});
}

TEST_CASE("A line that can't be read is named, and what could be a secret isn't") {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"a=1\nsecret", "x.env:2: there is no ="},
      {"galileo redis=secret", "x.env:1: what stands before = isn't the name"},
      {"=secret", "isn't the name of a variable"},
      {"1a=secret", "isn't the name of a variable"},
      {"a-b=secret", "isn't the name of a variable"},
      {"a =secret", "isn't the name of a variable"},
      {"\xc3\xa4=secret", "isn't the name of a variable"},
      {"a= secret", "a has a blank behind its ="},
      {"a=secret # mine", "a: its value has a blank; put the value into quotes"},
      {"a=\"secret", "a: its quote isn't closed"},
      {"a='secret'x", "a: something stands behind its closing quote"},
      {"a='secret' # mine", "a: something stands behind its closing quote"},
      {"a=\"it's\" \"secret\"", "a: something stands behind its closing quote"},
      {"a=sec\x1b[0mret", "a: its value holds a control character"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    CHECK_MESSAGE(refusal(text).find(why) != std::string::npos, refusal(text));
    CHECK(refusal(text).find("secret") == std::string::npos);
  }
  CHECK(refusal({"a=x\0y", 5}).find("control character") != std::string::npos);
}

}  // namespace
}  // namespace galileo::wire
