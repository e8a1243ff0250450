#include "service/masked_file.h"

#include <doctest/doctest.h>

namespace galileo::service {
namespace {

constexpr const char* kFile =
    "name: a\nclients:\n  - {headers: {Authorization: Bearer one, X-Api-Key: \"k e y\"}, rate: 1}\n"
    "  - headers:\n      Authorization: two\n      Cookie: |\n        a=1\n        b=2\n"
    "url: http://u:p@host/\n";

Result<std::string> restored_of(const std::string& edited, std::size_t& restored) {
  restored = 0;
  return restore_file(edited, kFile, restored);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("what wasn't touched has its secrets again, whatever else was changed") {
  const MaskedFile masked = mask_file(kFile);
  for (const char* secret : {"one", "k e y", "two", "a=1", "b=2", "u:p"})
    CHECK(masked.text.find(secret) == std::string::npos);
  CHECK(masked.masks == 6);
  std::size_t restored = 0;
  CHECK(*restored_of(masked.text, restored) == kFile);
  CHECK(restored == 6);
  const std::string edited =
      replaced(replaced(masked.text, "rate: 1", "rate: 2"), "name: a", "name: b");
  CHECK(*restored_of(edited, restored) ==
        replaced(replaced(kFile, "rate: 1", "rate: 2"), "name: a", "name: b"));
  CHECK(*restored_of("name: c\n", restored) == "name: c\n");
  CHECK(restored == 0);
}

TEST_CASE("a mask that was partly edited, moved or doubled is refused with its line") {
  const std::string masked = mask_file(kFile).text;
  std::size_t restored = 0;
  for (const std::string& edited :
       {replaced(masked, "Authorization: ***", "Authorization: Bearer ***"),
        replaced(masked, "Authorization: ***", "Authorization: ***x"),
        replaced(masked, "Authorization: ***", "Other: ***"), masked + "# ***\n",
        masked + "Authorization: ***\n", replaced(masked, "\"***\"", "\"k***\"")}) {
    CAPTURE(edited);
    const auto whole = restored_of(edited, restored);
    REQUIRE_FALSE(whole.ok());
    CHECK(whole.error().where.find("line ") == 0);
  }
}

TEST_CASE("settings keep what they hid") {
  const std::vector<std::string> settings{"a.token=abc", "seed=1", "h.Authorization=Bearer x"};
  const auto masked = mask_settings(settings);
  CHECK(masked[0].find("abc") == std::string::npos);
  CHECK(masked[1] == "seed=1");
  std::size_t restored = 0;
  CHECK(*restore_settings(masked, settings, restored) == settings);
  CHECK(restored == 2);
  CHECK_FALSE(restore_settings({"a.token=ab***"}, settings, restored).ok());
}

}  // namespace
}  // namespace galileo::service
