#include "load/traceparent.h"

#include <doctest/doctest.h>

using namespace galileo;

TEST_CASE("the share of requests that are marked as sampled is a word, a fraction or per cent") {
  const auto share = [](const char* text) {
    const auto read = load::parse_traceparent_share(text);
    REQUIRE(read.ok());
    return *read;
  };
  CHECK(share("yes") == 1.0);
  CHECK(share(" True ") == 1.0);
  CHECK(share("10%") == 0.1);
  CHECK(share("0.25") == 0.25);
  CHECK(share("0") == 0.0);
  CHECK(share("100%") == 1.0);
  CHECK_FALSE(share("no").has_value());
  CHECK_FALSE(share("off").has_value());
  for (const char* text : {"", "%", "ten", "101%", "1.1", "-1", "1e-3", "0x1", "5 %", "nan", "2"}) {
    INFO(text);
    const auto read = load::parse_traceparent_share(text);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().hint == "write yes, no, or which share is marked as sampled: 10%, 0.1");
  }
  CHECK(load::traceparent_text(0.1) == "10%");
  CHECK(load::traceparent_text(std::nullopt) == "no");
}
