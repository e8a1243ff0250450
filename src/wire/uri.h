// HTTP URLs (RFC 3986): taken apart, and text made fit for them. What comes out of here can be
// written into a request's head as it is: no blank, no control character, nothing beyond ASCII.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::wire {

struct Uri {
  std::string scheme;  // lower case
  std::string host;    // IPv6 without its brackets
  std::uint16_t port = 80;
  std::string path = "/";  // with its query, without its fragment; always starts with '/'
  std::string user_info;   // "user:password" where given

  std::string host_port() const;  // "host:port", "[::1]:80"
};

// "http://host[:port][/path][?query]"; without a scheme, http is meant. An Error for another
// scheme (https too, until there is TLS), a host or port that can't be one.
Result<Uri> parse_uri(std::string_view text);

// Percent-encodes all but unreserved characters (as a query's names and values need), a blank as
// '+'.
std::string encode_query(std::string_view text);

// Percent-encodes what may not stand in a path with its query, and leaves the rest as it is (what
// is encoded already, too). A fragment is cut off: it is never sent.
std::string encode_path(std::string_view text);

// Standard base64 with padding.
std::string base64(std::string_view bytes);
// Nothing for what isn't that.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace galileo::wire
