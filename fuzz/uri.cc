// Any text as a URL, path or query: no crash, and whatever comes out can stand in a request's head
// and means the same when it is read again.
#include "wire/uri.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

using namespace galileo;

namespace {

bool fit_for_a_head(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '#' || c == '"' || c == '<' || c == '>') return false;
  }
  return true;
}

void check_uri(std::string_view text) {
  const Result<wire::Uri> uri = wire::parse_uri(text);
  if (!uri.ok()) {
    ENSURE(!uri.error().why.empty());
    return;
  }
  ENSURE(!uri->host.empty() && uri->port > 0);
  ENSURE(fit_for_a_head(uri->host_port()), uri->host);
  ENSURE(uri->path.front() == '/' && fit_for_a_head(uri->path), uri->path);
  const Result<wire::Uri> again = wire::parse_uri("http://" + uri->host_port() + uri->path);
  ENSURE(again.ok() && again->host == uri->host && again->port == uri->port, uri->host);
  ENSURE(again->path == uri->path, uri->path, again->path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_uri(text);
  if (const auto uri = wire::resolve_reference(*wire::parse_uri("http://h/a/b?c"), text);
      uri.ok()) {
    ENSURE(uri->path.front() == '/' && fit_for_a_head(uri->path), uri->path);
    ENSURE(fit_for_a_head(wire::host_header(uri->host_port())), uri->host);
    ENSURE(wire::request_target(uri->path) == uri->path, uri->path);
  }
  const std::string path = wire::encode_path(text);
  ENSURE(fit_for_a_head(path), path);
  ENSURE(wire::encode_path(path) == path, path);
  const std::string query = wire::encode_query(text);
  ENSURE(query.find_first_of("&=?#/ ") == std::string::npos, query);
  ENSURE(wire::base64(text).size() == (size + 2) / 3 * 4);
  return 0;
}
