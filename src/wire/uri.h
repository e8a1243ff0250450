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
  std::string scheme;  // "http" or "https"
  std::string host;    // as written, escapes undone; IPv6 without its brackets: "fe80::1%eth0"
  std::uint16_t port = 80;
  std::string path = "/";  // with its query, as request_target() makes it
  std::string user_info;   // "user:password" where one of them is given, escapes undone

  std::string host_port() const;  // "host:port", "[::1]:80"
  // As routes name hosts: host_port(), of https with "https://" before it.
  std::string route_host() const;
};

// "http[s]://host[:port][/path][?query]"; without a scheme, http is meant. Blanks around it are
// nothing. An Error for another scheme, a host or port that can't be one, a control character.
Result<Uri> parse_uri(std::string_view text);
// The same where no TLS is spoken: https is an Error, which says so.
Result<Uri> parse_plain_uri(std::string_view text);
Result<Uri> plain(Uri uri);

// A host as routes name it is "host:port", or "https://host:port" where TLS is spoken.
inline constexpr std::string_view kTlsPrefix = "https://";
inline bool speaks_tls(std::string_view route_host) {
  return route_host.starts_with(kTlsPrefix);
}

// Where a reference leads that stands in an answer from `base` (RFC 3986, 5.2): "?a=1", "../x",
// "//host/x", a whole URL. It has user info only where the reference says it, or goes to the same
// host by having none. An Error as parse_uri()'s.
Result<Uri> resolve_reference(const Uri& base, std::string_view reference);

// Why this can't be a host's name or address (IPv6 without brackets); empty: it can.
std::string unfit_host(std::string_view host);

// What the header Host says to a host as routes name it: without the port where that is the
// scheme's own, without an address's zone, which means something on this machine only.
std::string host_header(std::string_view route_host);

// Percent-encodes all but unreserved characters (as a query's names and values need), a blank as
// '+'.
std::string encode_query(std::string_view text);

// Percent-encodes what may not stand in a path with its query, and leaves the rest as it is (what
// is encoded already, too). A fragment is cut off: it is never sent.
std::string encode_path(std::string_view text);

// A path with its query as a request's line has it: encoded, with a '/' at its start, without the
// segments "." and "..".
std::string request_target(std::string_view text);

// Percent-encodes all but unreserved characters: what decode_percent() makes `text` of.
std::string encode_percent(std::string_view text);

// "%41" as the byte that it means; what isn't an escape stays.
std::string decode_percent(std::string_view text);

// Standard base64 with padding.
std::string base64(std::string_view bytes);
// Nothing for what isn't that.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace galileo::wire
