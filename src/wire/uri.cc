#include "wire/uri.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr std::uint16_t kPortDefault = 80;
constexpr std::uint16_t kPortOfTls = 443;
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

// A message is no place for a password.
std::string without_user(std::string_view text) {
  const std::size_t slashes = text.find("//");
  const std::size_t begin = slashes == std::string_view::npos ? 0 : slashes + 2;
  const std::size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  const std::size_t at = text.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) return std::string(text);
  return fmt::format("{}***{}", text.substr(0, begin), text.substr(at));
}

Error no_url(std::string_view text, std::string why) {
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' isn't a URL", without_user(text)),
               {},
               std::move(why),
               "write it as http://host:port/path"};
}

// "[v6]", "[v6%zone]" or "name" taken off `authority`; what is left is "" or ":port".
bool take_host(std::string_view& authority, std::string& host) {
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    // The zone's own percent sign may be escaped (RFC 6874), and often isn't.
    if (const std::size_t zone = host.find("%25"); zone != std::string::npos)
      host.erase(zone + 1, 2);
    return host.find(':') != std::string::npos;
  }
  const std::size_t colon = authority.find(':');
  host = decode_percent(authority.substr(0, colon));
  authority.remove_prefix(std::min(colon, authority.size()));
  return host.find(':') == std::string::npos;
}

// "user:password" or a part of it; one that lacks the colon has no password.
std::string read_user_info(std::string_view text) {
  const std::size_t colon = text.find(':');
  std::string user_info = decode_percent(text.substr(0, colon)) + ":";
  if (colon != std::string_view::npos) user_info += decode_percent(text.substr(colon + 1));
  return user_info == ":" ? std::string() : user_info;
}

// RFC 3986, 5.2.4: of a path that begins with '/'.
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    const bool up = segment == "/..";
    if (up) out.resize(out.empty() ? 0 : out.rfind('/'));
    if (!up && segment != "/.")
      out += segment;
    else if (path.empty())
      out += '/';
  }
  return out;
}

// "http" of "http:...": nothing where the reference begins with no scheme.
std::string_view scheme_of(std::string_view reference) {
  const std::size_t end = reference.find_first_of(":/?#");
  if (end == std::string_view::npos || reference[end] != ':' || end == 0) return {};
  const std::string_view scheme = reference.substr(0, end);
  const auto fits = [](char c) { return (is_unreserved(c) && c != '_' && c != '~') || c == '+'; };
  const bool letter_first = (scheme[0] | 0x20) >= 'a' && (scheme[0] | 0x20) <= 'z';
  return letter_first && std::all_of(scheme.begin(), scheme.end(), fits) ? scheme
                                                                         : std::string_view{};
}

// "0x1f", "010", "8": what an address may be written with.
bool is_number(std::string_view label) {
  const bool hex = label.starts_with("0x") || label.starts_with("0X");
  if (hex) label.remove_prefix(2);
  return std::all_of(label.begin(), label.end(),
                     [&](char c) { return hex ? is_hex(c) : c >= '0' && c <= '9'; }) &&
         (hex || !label.empty());
}

// Why a host of numbers isn't an address. The system's resolver would take many of them for one:
// 8080 for 0.0.31.144, 1.2 for 1.0.0.2, 010.0.0.1 for 8.0.0.1.
std::string unfit_numbers(std::string_view host) {
  const std::vector<std::string_view> labels = split(host, '.');
  if (!std::all_of(labels.begin(), labels.end(), &is_number)) return {};
  if (labels.size() == 1) return "a number alone isn't a host";
  const auto fits = [](std::string_view label) {
    const auto number = parse_integer(label);
    return number && *number <= 255 && (label.size() == 1 || label.front() != '0');
  };
  return labels.size() == 4 && std::all_of(labels.begin(), labels.end(), fits)
             ? ""
             : "an address has four numbers from 0 to 255, as 127.0.0.1";
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

}  // namespace

std::string Uri::host_port() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Uri::route_host() const {
  return scheme == "https" ? std::string(kTlsPrefix) + host_port() : host_port();
}

std::string unfit_host(std::string_view host) {
  constexpr const char* kUnfit = "it has no valid host";
  if (host.empty() || host.size() > kHostMax) return kUnfit;
  if (host.find(':') != std::string_view::npos) {
    const std::size_t zone = host.find('%');
    if (host.substr(0, zone).find_first_not_of("0123456789abcdefABCDEF:.") !=
        std::string_view::npos)
      return kUnfit;
    if (zone == std::string_view::npos) return {};
    host.remove_prefix(zone + 1);
    // "%25" is how the sign before a zone is escaped, so that no zone can begin so.
    if (host.empty() || host.starts_with("25")) return kUnfit;
  }
  if (std::any_of(host.begin(), host.end(),
                  [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return "its host has letters beyond ASCII: write it as DNS has it, xn--...";
  if (!std::all_of(host.begin(), host.end(), &is_unreserved)) return kUnfit;
  return unfit_numbers(host);
}

std::string host_header(std::string_view route_host) {
  const bool tls = speaks_tls(route_host);
  const std::string_view host_port = route_host.substr(tls ? kTlsPrefix.size() : 0);
  const std::uint16_t usual = tls ? kPortOfTls : kPortDefault;
  const std::size_t bracket = host_port.rfind(']');
  const std::size_t colon = host_port.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
  std::string host(host_port.substr(0, has_port ? colon : host_port.size()));
  if (const std::size_t zone = host.find('%'); zone != std::string::npos)
    host.replace(zone, host.size() - zone, "]");
  const auto port = has_port ? parse_integer(host_port.substr(colon + 1)) : std::nullopt;
  return port && *port != usual ? fmt::format("{}:{}", host, *port) : host;
}

Result<Uri> parse_uri(std::string_view text) {
  Uri uri;
  std::string_view rest = trim(text);
  if (std::any_of(rest.begin(), rest.end(), &is_control))
    return no_url(text, "it has a control character");
  const std::size_t scheme_end = rest.find("://");
  uri.scheme = "http";
  const bool has_scheme =
      scheme_end != std::string_view::npos && scheme_end < rest.find_first_of("/?#");
  if (has_scheme) {
    uri.scheme = to_lower(rest.substr(0, scheme_end));
    rest.remove_prefix(scheme_end + 3);
  }
  if (uri.scheme != "http" && uri.scheme != "https")
    return no_url(text, fmt::format("the scheme is '{}'", uri.scheme));
  if (uri.scheme == "https") uri.port = kPortOfTls;
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path_at = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path_at);
  const std::string_view path = rest.substr(path_at);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    uri.user_info = read_user_info(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  if (!take_host(authority, uri.host)) return no_url(text, "it has no valid host");
  if (std::string why = unfit_host(uri.host); !why.empty()) return no_url(text, std::move(why));
  // A port may be left empty (RFC 3986, 3.2.3). Without a scheme it may not: "http:/path" isn't the
  // host http.
  if (!authority.empty() && !(has_scheme && authority == ":")) {
    const auto port = authority.front() == ':' ? parse_integer(authority.substr(1)) : std::nullopt;
    if (!port || *port < 1 || *port > 65535) return no_url(text, "its port isn't from 1 to 65535");
    uri.port = static_cast<std::uint16_t>(*port);
  }
  uri.path = request_target(path);
  return uri;
}

Result<Uri> parse_plain_uri(std::string_view text) {
  return plain(TRY(parse_uri(text)));
}

Result<Uri> plain(Uri uri) {
  if (uri.scheme == "http") return uri;
  return Error{ErrorCode::kUsage,
               fmt::format("can't ask {}://{}{}", uri.scheme, uri.host_port(), uri.path),
               {},
               "https isn't supported here",
               "write it as http://host:port/path, or put a proxy that speaks TLS in between"};
}

Result<Uri> resolve_reference(const Uri& base, std::string_view reference) {
  reference = trim(reference);
  if (const std::string_view scheme = scheme_of(reference); !scheme.empty()) {
    if (!reference.substr(scheme.size()).starts_with("://"))
      return no_url(reference, fmt::format("'{}:' is followed by no host", scheme));
    return parse_uri(reference);
  }
  if (reference.starts_with("//")) return parse_uri(fmt::format("{}:{}", base.scheme, reference));
  if (std::any_of(reference.begin(), reference.end(), &is_control))
    return no_url(reference, "it has a control character");
  reference = reference.substr(0, reference.find('#'));
  Uri uri = base;
  const std::string_view path = std::string_view(base.path).substr(0, base.path.find('?'));
  if (reference.starts_with('/'))
    uri.path = request_target(reference);
  else if (reference.starts_with('?'))
    uri.path = request_target(fmt::format("{}{}", path, reference));
  else if (!reference.empty())
    uri.path = request_target(fmt::format("{}{}", path.substr(0, path.rfind('/') + 1), reference));
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

std::string encode_percent(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c))
      encoded += c;
    else
      encoded += percent(c);
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

std::string request_target(std::string_view text) {
  std::string encoded = encode_path(text);
  if (encoded.empty() || encoded.front() != '/') encoded.insert(0, "/");
  const std::size_t query = std::min(encoded.find('?'), encoded.size());
  return without_dot_segments(std::string_view(encoded).substr(0, query)) + encoded.substr(query);
}

std::string decode_percent(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
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
  // Only whole bytes of the last group count; what is left over is 0.
  if ((group & ((1u << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace galileo::wire
