// A path up to the first newline, then a query: no crash, and what comes out stands in a request's
// line: ASCII without blanks and controls, with a '/' at its start and no fragment.
#include "wire/requests_url.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

using namespace galileo;

namespace {

void check_target(const std::string& target) {
  ENSURE(target.starts_with('/'), target);
  for (const char c : target) ENSURE(c > ' ' && c < '\x7f' && c != '#', target);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view path = text.substr(0, line);
  const std::string_view query =
      line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  check_target(wire::requests_target(path, query));
  check_target(wire::requests_hop(wire::requests_location(path), wire::written_target(path)));
  const std::string written = wire::written_target(path);
  check_target(written);
  ENSURE(wire::written_target(written) == written, written);
  return 0;
}
