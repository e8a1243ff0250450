#include "wire/statuses.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

TEST_CASE("sets of statuses are read as people write them, and written so that they are read") {
  const std::pair<const char*, const char*> cases[] = {
      {"400-599", "400-599"},
      {"500", "500"},
      {" 404 ,500 - 599 ", "404, 500-599"},
      {"none", "none"},
      {"NONE", "none"},
      {"401,400,402", "400-402"},
      {"100-999", "100-999"},
      {"500-599,404", "404, 500-599"},
      {"2xx, 304,4XX", "200-299, 304, 400-499"},
      {"9xx", "900-999"},
  };
  for (const auto& [written, kept] : cases) {
    CAPTURE(written);
    const auto set = StatusSet::parse(written);
    REQUIRE(set.ok());
    CHECK(set->to_text() == kept);
    CHECK(*StatusSet::parse(set->to_text()) == *set);
  }
  CHECK(StatusSet::parse("2xx, 404")->others().to_text() == "100-199, 300-403, 405-999");
  CHECK(StatusSet().others().to_text() == "100-999");
  const StatusSet set = *StatusSet::parse("404, 500-599");
  for (const int status : {404, 500, 599}) CHECK(set.contains(status));
  for (const int status : {-1, 0, 200, 403, 405, 499, 600, 1000, 100'000})
    CHECK_FALSE(set.contains(status));
}

TEST_CASE("what is no set of statuses is refused with the mend") {
  for (const char* bad : {"",     ",",    "400-",    "-500",     "500-400",  "4x",       "0xx",
                          "4xX4", "xxx",  "2xx-3xx", "4x4",      "400-599,", "99",       "1000",
                          "0500", "+500", "400 500", "400..599", "all",      "none, 500"}) {
    CAPTURE(bad);
    const auto set = StatusSet::parse(bad);
    REQUIRE_FALSE(set.ok());
    CHECK(set.error().hint == "write 400-599, or 404, 5xx, or none");
  }
}

TEST_CASE("answers that aren't followed are no failures, errors are") {
  for (const int status : {200, 204, 299, 300, 301, 302, 304, 399})
    CHECK_FALSE(failing_by_default().contains(status));
  for (const int status : {400, 404, 429, 500, 503, 599, 999})
    CHECK(failing_by_default().contains(status));
}

}  // namespace
}  // namespace galileo::wire
