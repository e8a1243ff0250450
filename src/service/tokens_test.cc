#include "service/tokens.h"

#include <doctest/doctest.h>

namespace galileo::service {
namespace {

constexpr Wall kToday = Wall{std::chrono::seconds{1'796'000'000}};

TEST_CASE("a file of tokens is read as it was written, and holds no token") {
  ApiToken ann{"ann", Scope::kRun, sha256_of("gal_secret"), kToday, kNoWall};
  ApiToken ci{"ci", Scope::kRead, sha256_of("gal_other"), kToday, kToday + std::chrono::hours{1}};
  const std::string text = tokens_text({ann, ci});
  CHECK(text.find("gal_") == std::string::npos);
  const auto read = parse_tokens(text);
  REQUIRE(read.ok());
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].scope == Scope::kRun);
  CHECK((*read)[1].expires == ci.expires);
  CHECK(find_token(*read, "gal_secret", kToday)->name == "ann");
  CHECK(find_token(*read, "gal_other", kToday)->name == "ci");
  CHECK(find_token(*read, "gal_other", kToday + std::chrono::hours{1}) == nullptr);
  CHECK(find_token(*read, "gal_Secret", kToday) == nullptr);
  CHECK(find_token(*read, "", kToday) == nullptr);
}

TEST_CASE("what is wrong in a file of tokens is said, and nothing of it is taken") {
  for (const char* text : {"", "[]", "{}", R"({"tokens": {}})", R"({"tokens": [1]})",
                           R"({"tokens": [{"name": "a", "scope": "root", "sha256": "00"}]})",
                           R"({"tokens": [{"name": "a/b", "scope": "read", "sha256": "00"}]})",
                           R"({"tokens": [{"name": "a", "scope": "read", "sha256": "ABCD"}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_tokens(text).ok());
  }
}

TEST_CASE("the same number of letters is compared whole") {
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "abcd"));
  CHECK(random_secret() != random_secret());
}

}  // namespace
}  // namespace galileo::service
