#include "base/crc32c.h"

#include <doctest/doctest.h>

#include <string>

using namespace galileo;

TEST_CASE("the sums of RFC 3720's examples come out") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
}

TEST_CASE("the processor and the table agree at every length and at every place to go on") {
  std::string bytes;
  for (int i = 0; i < 64; ++i) {
    CAPTURE(i);
    CHECK(crc32c(bytes) == crc32c_portable(bytes));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const std::string_view all = bytes;
      CHECK(crc32c(all.substr(cut), crc32c(all.substr(0, cut))) == crc32c_portable(all));
    }
    bytes += static_cast<char>(i * 37 + 11);
  }
}
