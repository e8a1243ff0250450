#include "wire/uri.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr std::size_t kHostMax = 253;  // of a DNS name, without the root's dot

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string percent(char c) {
  return fmt::format("%{:02X}", static_cast<unsigned char>(c));
}

Error no_url(std::string_view text, std::string why) {
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' is no URL", text),
               {},
               std::move(why),
               "write it as http://host:port/path"};
}

// Takes "[v6]" or "name" off `authority`; what is left is "" or ":port".
bool take_host(std::string_view& authority, std::string& host) {
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    return !host.empty() && host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
  }
  const std::size_t colon = authority.find(':');
  host = authority.substr(0, colon);
  authority.remove_prefix(std::min(colon, authority.size()));
  for (const char c : host) {
    if (!is_unreserved(c)) return false;
  }
  return !host.empty() && host.size() <= kHostMax;
}

}  // namespace

std::string Uri::host_port() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Uri> parse_uri(std::string_view text) {
  Uri uri;
  std::string_view rest = trim(text);
  const std::size_t scheme_end = rest.find("://");
  uri.scheme = "http";
  const bool has_scheme =
      scheme_end != std::string_view::npos && scheme_end < rest.find_first_of("/?#");
  if (has_scheme) {
    uri.scheme = to_lower(rest.substr(0, scheme_end));
    rest.remove_prefix(scheme_end + 3);
  }
  if (uri.scheme == "https") return no_url(text, "https isn't supported yet");
  if (uri.scheme != "http") return no_url(text, fmt::format("the scheme is '{}'", uri.scheme));
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path_at = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path_at);
  const std::string_view path = rest.substr(path_at);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    uri.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  if (!take_host(authority, uri.host)) return no_url(text, "it has no valid host");
  // A port may be left empty (RFC 3986, 3.2.3). Without a scheme it may not: "http:/path" isn't the
  // host http.
  if (!authority.empty() && !(has_scheme && authority == ":")) {
    const auto port = authority.front() == ':' ? parse_integer(authority.substr(1)) : std::nullopt;
    if (!port || *port < 1 || *port > 65535) return no_url(text, "its port isn't from 1 to 65535");
    uri.port = static_cast<std::uint16_t>(*port);
  }
  uri.path = encode_path(path);
  if (uri.path.empty() || uri.path.front() != '/') uri.path.insert(0, "/");
  return uri;
}

std::string encode_query(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c))
      encoded += c;
    else
      encoded += c == ' ' ? "+" : percent(c);
  }
  return encoded;
}

std::string encode_path(std::string_view text) {
  constexpr std::string_view kAllowed = "!$&'()*+,/:;=?@[]";
  text = text.substr(0, text.find('#'));
  std::string encoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escaped =
        c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]);
    if (is_unreserved(c) || escaped || kAllowed.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += percent(c);
  }
  return encoded;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = digit(c);
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xff);
  }
  // Of the last group only whole bytes count; what is left over is 0.
  if ((group & ((1u << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace galileo::wire
