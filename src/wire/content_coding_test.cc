#include "wire/content_coding.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace galileo::wire {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

constexpr std::string_view kText = R"({"user": "anna", "users": ["anna", "bob", "anna"]})";
constexpr std::string_view kBare =
    "ab562a2d4e2d52b252504acccb4b54d25100f38b8102d17091a4fc241005e6c6d60200";
constexpr std::string_view kGzip =
    "1f8b0800000000000203ab562a2d4e2d52b252504acccb4b54d25100f38b8102d17091a4fc241005e6c6d60200e604"
    "76b932000000";
constexpr std::string_view kGzipInBrotli =
    "0b1a801f8b0800000000000203ab562a2d4e2d52b252504acccb4b54d25100f38b8102d17091a4fc241005e6c6d602"
    "00e60476b93200000003";

struct Packed {
  const char* coding;
  std::string hex;
};
const std::vector<Packed> kPacked{
    {"gzip", std::string(kGzip)},
    {"x-GZIP", std::string(kGzip)},
    {"deflate", "789c" + std::string(kBare) + "7ffc0edf"},
    {"deflate", std::string(kBare)},
    {"br",
     "1b31000004fe6747faf738a0485b50f382f076b001070e81b52d32080c1b701064c122e7714078b8a899c2c40e57d"
     "8"
     "de9e647e"},
    {"zstd",
     "28b52ffd0458450100e87b2275736572223a2022616e6e61222c2073223a205b626f62222c5d7d030044655db3f4b"
     "9"
     "e61273d3ca6d"},
    {"gzip, br", std::string(kGzipInBrotli)},
    {" identity , gzip,,br ", std::string(kGzipInBrotli)},
};

// 20,000,000 zeros in 39 bytes of brotli, and 645 of zstd in 73 of zstd.
constexpr std::string_view kBrotliBomb =
    "cbffff3f002400e2b14072effff8ffff078004401c1680eefd5ffeb3c400900088c302d0258901";
constexpr std::string_view kZstdBomb =
    "28b52ffd0458dd0100a40228b52ffd04585400001000000100fbff39c00202001000440000000100fdffcd0b100368"
    "090021f750d90400446125c00aea068bf2eb53ae0911f22b7c";

TEST_CASE("a body of each coding is what it was before") {
  for (const Packed& packed : kPacked) {
    CAPTURE(packed.coding);
    const auto body = decode_whole(packed.coding, from_hex(packed.hex), kText.size());
    REQUIRE_MESSAGE(body.ok(), body.error().to_text());
    CHECK(*body == kText);
  }
}

TEST_CASE("nothing is made of a body that no coding is named for") {
  for (const char* none : {"", "identity", " Identity , ", ","}) {
    CAPTURE(none);
    CHECK_FALSE(is_encoded(none));
    CHECK(*decode_whole(none, from_hex(kGzip), 100) == from_hex(kGzip));
    CHECK_FALSE(decode_whole(none, from_hex(kGzip), 10).ok());
  }
  CHECK(is_encoded("gzip"));
}

TEST_CASE("of a body that is longer than was asked for the beginning is there") {
  for (const Packed& packed : kPacked) {
    CAPTURE(packed.coding);
    std::string into = "from before";
    CHECK(decode_content(packed.coding, from_hex(packed.hex), kText.size() - 1, into) ==
          DecodingEnd::kFull);
    CHECK(into == kText.substr(0, kText.size() - 1));
    CHECK(decode_content(packed.coding, from_hex(packed.hex), 0, into) != DecodingEnd::kWhole);
    CHECK(into.empty());
  }
}

TEST_CASE("a body that is cut gives what it holds, and isn't whole") {
  for (const Packed& packed : kPacked) {
    const std::string bytes = from_hex(packed.hex);
    for (std::size_t size = 1; size + 1 < bytes.size(); ++size) {
      CAPTURE(packed.coding);
      CAPTURE(size);
      std::string into;
      const DecodingEnd end = decode_content(packed.coding, bytes.substr(0, size), 1000, into);
      CHECK(end == DecodingEnd::kCut);
      CHECK(kText.starts_with(into));
    }
  }
}

TEST_CASE("an empty body is one, as of an answer to HEAD") {
  for (const Packed& packed : kPacked) CHECK(decode_whole(packed.coding, "", 10)->empty());
}

TEST_CASE("members and frames that follow each other are one body") {
  const std::string gzip = from_hex(kGzip);
  CHECK(*decode_whole("gzip", gzip + gzip, 1000) == std::string(kText) + std::string(kText));
  const std::string zstd = from_hex(kPacked[5].hex);
  CHECK(*decode_whole("zstd", zstd + zstd, 1000) == std::string(kText) + std::string(kText));
  CHECK(*decode_whole("gzip", gzip + std::string(7, '\0'), 1000) == kText);
}

TEST_CASE("a bomb costs no more than its bound") {
  for (const std::size_t most : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}}) {
    for (const auto& [coding, hex] :
         {std::pair{"br", kBrotliBomb}, std::pair{"zstd, zstd", kZstdBomb}}) {
      CAPTURE(coding);
      std::string into;
      const DecodingEnd end = decode_content(coding, from_hex(hex), most, into);
      CHECK(end != DecodingEnd::kWhole);
      CHECK(into.size() <= most);
      CHECK(into.capacity() <= 4 * (most + 20'000));
    }
  }
  const auto refused = decode_whole("br", from_hex(kBrotliBomb), 1 << 20);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().why == "it is longer than 1.0 MiB when it is unpacked");
  CHECK(decode_whole("br", from_hex(kBrotliBomb), 20'000'000)->size() == 20'000'000);
}

TEST_CASE("what isn't what its header says is told") {
  for (const char* coding : {"gzip", "br", "zstd"}) {
    CAPTURE(coding);
    const auto refused = decode_whole(coding, "<html>no, it isn't</html>", 1000);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().why == "it isn't " + std::string(coding) + ", though it says so");
  }
  CHECK_FALSE(decode_whole("deflate", "\xff\xff\xff", 1000).ok());
  std::string wrong = from_hex(kGzip);
  wrong[wrong.size() - 6] ^= 1;  // its sum
  CHECK_FALSE(decode_whole("gzip", wrong, 1000).ok());
}

TEST_CASE("codings that nobody knows, and too many in each other, are told and not tried") {
  std::string into = "from before";
  for (const char* coding :
       {"compress", "gzip, exi", "gzip;q=1", "gzip,gzip,gzip,gzip,gzip,gzip"}) {
    CAPTURE(coding);
    CHECK(decode_content(coding, from_hex(kGzip), 100, into) == DecodingEnd::kUnknown);
    CHECK(into.empty());
  }
  CHECK(decode_whole("compress", "x", 10).error().why == "its coding 'compress' isn't known here");
}

}  // namespace
}  // namespace galileo::wire
