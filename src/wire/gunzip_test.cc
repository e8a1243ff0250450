// Files as gzip makes them, whole and damaged. zlib's own compressor stays where it is spoken to;
// these bytes are gzip's.
#include "wire/gunzip.h"

#include <doctest/doctest.h>

#include <string>

namespace galileo::wire {
namespace {

using namespace std::string_literals;

// printf hello | gzip -n
const std::string kHello =
    "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0"s;

std::string read(std::string_view bytes, std::size_t piece = std::string_view::npos) {
  Gunzip gunzip;
  std::string text;
  while (!bytes.empty()) {
    const auto fed = gunzip.feed(bytes.substr(0, piece), [&](std::string_view plain) {
      text += plain;
      return Result<void>();
    });
    if (!fed.ok()) return text + "!" + fed.error().why;
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  const auto finished = gunzip.finish();
  return finished.ok() ? text : text + "!" + finished.error().why;
}

}  // namespace

TEST_CASE("members behind each other are one file, in pieces of any size") {
  CHECK(Gunzip::is_gzip(kHello));
  for (std::size_t piece = 1; piece < 2 * kHello.size(); ++piece) {
    CHECK(read(kHello, piece) == "hello");
    CHECK(read(kHello + kHello, piece) == "hellohello");
    CHECK(read(kHello + "\0\0\0"s, piece) == "hello");
  }
}

TEST_CASE("what is cut or damaged is said, behind what it held") {
  for (std::size_t size = 1; size < kHello.size(); ++size)
    CHECK(read(kHello.substr(0, size)).ends_with("!its gzip is cut off"));
  std::string wrong = kHello;
  wrong[18] ^= 1;  // the checksum
  CHECK(read(wrong).ends_with("!its gzip is damaged"));
  CHECK(read(kHello + "what").ends_with("!its gzip is damaged"));
}

}  // namespace galileo::wire
