// Any text as Set-Cookie, and as what a user gave: no crash, and whatever comes out can stand in a
// request's head.
#include "wire/cookies.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const wire::Uri here = *wire::parse_uri("http://www.example.org/a/b");
  wire::CookieJar jar;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    jar.take(rest.substr(0, end), here, Wall{std::chrono::seconds{1'795'000'000}});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const std::string sent = jar.header_for(here, {});
  ENSURE(sent.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, sent);
  ENSURE(sent.size() <= wire::CookieJar::kCookiesMax * (wire::CookieJar::kCookieSizeMax + 3));
  return 0;
}
