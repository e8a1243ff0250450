#include "wire/lease.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::wire;

TEST_CASE("a lease is read as it was written, and its text is the same each time") {
  LeaseText lease;
  lease.claim = 1'796'121'300'123;
  lease.holder = "lab\"host-4711-9f3a12cd";
  lease.kind = "daemon";
  lease.host = "lab\"host";
  lease.pid = 4711;
  lease.since = from_unix_seconds(1796121300.25);
  lease.lasts = std::chrono::milliseconds{1500};
  lease.what = "first";
  const std::string text = encode(lease);
  const auto read = decode_lease(text);
  REQUIRE(read.ok());
  CHECK(encode(*read) == text);
  CHECK(read->claim == lease.claim);
  CHECK(read->holder == lease.holder);
  CHECK(read->lasts == lease.lasts);
}

TEST_CASE("what is no lease is told, and nothing of it is believed") {
  for (const char* text : {"", "{}", "[]", "null", R"({"claim": -1, "holder": "a"})",
                           R"({"claim": 5})", R"({"claim": "5", "holder": "a"})"})
    CHECK(decode_lease(text).error().code == ErrorCode::kCorrupt);
  CHECK(decode_lease(R"({"claim": 5, "holder": "a", "more": [1]})").ok());
}
