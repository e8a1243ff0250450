#include "load/checks.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "load/json_at.h"
#include "load/regex.h"

namespace galileo::load {
namespace {

const std::string kBody =
    R"({"ok": true, "n": 1.0, "user": {"name": "ann", "roles": ["a", "b/c"]}, "a/b": null})";
const wire::http1::Headers kHeaders{{"Content-Type", "application/json"}, {"etag", "\"x1\""}};

bool holds(std::string_view text) {
  const auto spec = parse_check(text);
  REQUIRE_MESSAGE(spec.ok(), text, ": ", spec.error().to_text());
  const auto checks = Checks::compile({*spec});
  REQUIRE(checks.ok());
  return checks->holds(0, {201, &kHeaders, &kBody, std::chrono::milliseconds{150}});
}

TEST_CASE("what a check says of an answer is so or not") {
  const std::pair<const char*, bool> cases[] = {
      {"status 201", true},
      {"status 200, 300-399", false},
      {"header ETag", true},
      {"header X-Id", false},
      {"header content-type is application/json", true},
      {"header content-type is json", false},
      {"header content-type has json", true},
      {"header etag matches ^\"x[0-9]\"$", true},
      {"body has \"ok\": true", true},
      {"body has nope", false},
      {"body is nope", false},
      {"body matches \"name\": *\"a.*\"", true},
      {"body matches ^ann", false},
      {"json /ok is true", true},
      {"json /ok is false", false},
      {"json /n is 1", true},
      {"json /user/name is ann", true},
      {"json /user/name is \"ann\"", true},
      {"json /user/name has an", true},
      {"json /user/roles/1 is b/c", true},
      {"json /user/roles/2", false},
      {"json /user/roles/01", false},
      {"json /user/roles is [\"a\",\"b/c\"]", true},
      {"json /a~1b is null", true},
      {"json /a~1b", true},
      {"json /user/nope", false},
      {"json /user/name matches ^a", true},
      {"size > 10", true},
      {"size < 10B", false},
      {"size < 1kB", true},
      {"time < 200ms", true},
      {"time <= 100ms", false},
  };
  for (const auto& [text, wanted] : cases) CHECK_MESSAGE(holds(text) == wanted, text);
}

TEST_CASE("a body that can't be read fails the checks that need it, and no other") {
  const auto checks = Checks::compile(
      {{"a", {"body has x"}}, {"b", {"size >= 0"}}, {"c", {"json "}}, {"d", {"status 200"}}});
  REQUIRE(checks.ok());
  const CheckedAnswer answer{200, &kHeaders, nullptr, {}};
  CHECK_FALSE(checks->holds(0, answer));
  CHECK_FALSE(checks->holds(1, answer));
  CHECK_FALSE(checks->holds(2, answer));
  CHECK(checks->holds(3, answer));
  const std::string no_json = "{\"a\":";
  CHECK_FALSE(checks->holds(2, {200, &kHeaders, &no_json, {}}));
}

TEST_CASE("a check has a name, or is called what it says") {
  CHECK(parse_check("login: status 200")->name == "login");
  CHECK(parse_check("login: status 200")->conditions == std::vector<std::string>{"status 200"});
  CHECK(parse_check("log in: body has a: b")->name == "log in");
  CHECK(parse_check("body has a: b")->name == "body has a: b");
  CHECK(parse_check("status: status 200")->name == "status");
  const auto both = make_check("login", {"status 200", "body has welcome"});
  REQUIRE(both.ok());
  const auto checks = Checks::compile({*both});
  const std::string body = "welcome";
  CHECK(checks->holds(0, {200, nullptr, &body, {}}));
  CHECK_FALSE(checks->holds(0, {201, nullptr, &body, {}}));
}

TEST_CASE("a check that can't be is refused, with what to do") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "a check has no condition"},
      {"login:", "a check has no condition"},
      {"statu 200", "no check is called 'statu'; did you mean 'status'?"},
      {"status", "status"},
      {"status 20", "20"},
      {"header", "'' can't name a header"},
      {"header X-Id iss x", "'iss' isn't is, has or matches"},
      {"body", "'' isn't is, has or matches"},
      {"body has", "nothing stands behind has"},
      {"json a/b", "'a/b' is no JSON pointer; write /a/b"},
      {"body matches (a", "is no regular expression"},
      {"body matches (a)\\1", "\\1 is a back-reference"},
      {"body matches (?=a)b", "it looks around"},
      {"size 10", "'10' is no comparison; write size < 10kB"},
      {"size < x", "x"},
      {"time < 5 apples", "apples"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto spec = parse_check(text);
    REQUIRE_MESSAGE(!spec.ok(), text);
    const std::string told = spec.error().to_text();
    CHECK_MESSAGE(told.find(wanted) != std::string::npos, text, ": ", told);
  }
}

TEST_CASE("an expression that goes back and forth elsewhere reads a large body once") {
  std::string body(std::size_t{32} << 20, 'a');
  CHECK_FALSE(Regex::make(".*x")->matches(body));
  CHECK_FALSE(Regex::make("(a*)*b")->matches(body));
  body += 'x';
  CHECK(Regex::make(".*x")->matches(body));
}

TEST_CASE("a regular expression finds its first group, or all that it matches") {
  CHECK(Regex::make("token=([a-z]+)")->find("x token=abc;").value() == "abc");
  CHECK(Regex::make("[0-9]+")->find("a12b").value() == "12");
  CHECK_FALSE(Regex::make("[0-9]+")->find("ab").has_value());
  CHECK_FALSE(Regex::make("a|(b)")->find("a").has_value());
  CHECK(Regex::make("a.b")->matches("xa\nbx"));
  CHECK(Regex::make("\xc3")->matches("\xff\xc3"));
}

}  // namespace
}  // namespace galileo::load
