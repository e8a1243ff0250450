#include "wire/requests_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"

namespace galileo::wire {
namespace {

// Beside letters, digits and "._-~".
constexpr std::string_view kOfPath = "!$&'()*+,;=:@/";
constexpr std::string_view kOfQuery = "!$&'()*+,;=:@/?";
constexpr std::string_view kOfUrl = "!#$&'()*+,/:;=?@[]~";  // of the last pass but one

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '.' || c == '_' || c == '-' || c == '~';
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return std::nullopt;
}

// The byte of the two digits at the beginning.
std::optional<char> escaped_byte(std::string_view digits) {
  if (digits.size() < 2) return std::nullopt;
  const auto high = hex_digit(digits[0]);
  const auto low = hex_digit(digits[1]);
  if (!high || !low) return std::nullopt;
  return static_cast<char>(*high * 16 + *low);
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

void add_escaped(std::string& out, char c) {
  out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
}

// As urllib3 escapes a part of a URL: its escapes stay where all of its percent signs are some.
std::string escape_part(std::string_view text, std::string_view allowed) {
  bool all_are_escapes = true;
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
    all_are_escapes = all_are_escapes && escaped_byte(text.substr(at + 1));
  std::string out;
  std::size_t digits = 0;  // of an escape that are still to come
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool of_escape = digits > 0;
    if (of_escape) --digits;
    if (c == '%' && escaped_byte(text.substr(i + 1))) digits = 2;
    if (c == '%' ? all_are_escapes : is_unreserved(c) || allowed.find(c) != std::string_view::npos)
      out += of_escape ? upper(c) : c;
    else
      add_escaped(out, c);
  }
  return out;
}

// As urllib3 does it, which has no regard for what is empty between two slashes.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  const bool ends_in_dots = path.ends_with("/.") || path.ends_with("/..");
  const bool begins_with_slash = path.starts_with('/');
  for (std::string_view rest = path;;) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    if (segment != "." && segment != "..")
      kept.push_back(segment);
    else if (segment == ".." && !kept.empty())
      kept.pop_back();
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  if (begins_with_slash && (kept.empty() || !kept.front().empty())) kept.insert(kept.begin(), "");
  if (ends_in_dots) kept.emplace_back("");
  std::string out;
  for (std::size_t i = 0; i < kept.size(); ++i) (out += i > 0 ? "/" : "") += kept[i];
  return out;
}

// The first letter or sign of UTF-8 text, at most four bytes.
std::string_view first_character(std::string_view text) {
  std::size_t size = std::min<std::size_t>(text.size(), 1);
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0u) == 0x80u) ++size;
  return text.substr(0, size);
}

// Escapes of unreserved characters undone; nothing where a percent sign is followed by two letters
// or digits that are no escape.
std::optional<std::string> unreserved_undone(std::string_view url) {
  std::string out;
  const std::size_t first = std::min(url.find('%'), url.size());
  out += url.substr(0, first);
  url.remove_prefix(first);
  while (!url.empty()) {
    const std::size_t end = std::min(url.find('%', 1), url.size());
    const std::string_view part = url.substr(1, end - 1);
    url.remove_prefix(end);
    const std::string_view one = first_character(part);
    const std::string_view two = first_character(part.substr(one.size()));
    const auto is_alphanumeric_too = [](std::string_view character) {
      return character.size() > 1 || (!character.empty() && is_alphanumeric(character[0]));
    };
    const auto byte = escaped_byte(part);
    if (is_alphanumeric_too(one) && is_alphanumeric_too(two) && !byte) return std::nullopt;
    if (byte && is_unreserved(*byte))
      (out += *byte) += part.substr(2);
    else
      (out += '%') += part;
  }
  return out;
}

// As requests quotes a whole URL once more.
std::string requoted(std::string_view url) {
  const auto undone = unreserved_undone(url);
  std::string out;
  for (const char c : undone ? std::string_view(*undone) : url) {
    const bool stays = c == '%' ? undone.has_value()
                                : is_unreserved(c) || kOfUrl.find(c) != std::string_view::npos;
    if (stays)
      out += c;
    else
      add_escaped(out, c);
  }
  return out;
}

// As Python's urljoin resolves a reference that names no host.
std::string joined(std::string_view reference, std::string_view base) {
  const std::size_t mark = std::min(reference.find('?'), reference.size());
  const std::size_t base_mark = std::min(base.find('?'), base.size());
  const std::string_view path = reference.substr(0, mark);
  std::string_view query = reference.substr(mark);
  const std::string_view base_path = base.substr(0, base_mark);
  if (path.empty()) {
    if (query.size() < 2) query = base.substr(base_mark);
    return std::string(base_path).append(query);
  }
  std::vector<std::string_view> segments = split(base_path, '/');
  if (!segments.back().empty()) segments.pop_back();
  const std::vector<std::string_view> own = split(path, '/');
  if (path.front() == '/') {
    segments = own;
  } else {
    segments.insert(segments.end(), own.begin(), own.end());
    // What is empty between two slashes goes.
    const bool is_folder = own.back().empty();
    std::erase(segments, std::string_view());
    segments.insert(segments.begin(), std::string_view());
    if (is_folder) segments.emplace_back();
  }
  std::vector<std::string_view> kept;
  for (const std::string_view segment : segments) {
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (segment != "." && segment != "..") kept.push_back(segment);
  }
  if (segments.back() == "." || segments.back() == "..") kept.emplace_back();
  std::string out;
  for (std::size_t i = 0; i < kept.size(); ++i) (out += i > 0 ? "/" : "") += kept[i];
  if (!out.starts_with('/')) out.insert(0, "/");
  return out.append(query);
}

// As urllib3 escapes path and query when it sends them.
std::string last_pass(std::string_view url) {
  const std::string_view whole = url.substr(0, url.find('#'));
  const std::size_t mark = std::min(whole.find('?'), whole.size());
  std::string target = escape_part(whole.substr(0, mark), kOfPath);
  if (mark + 1 < whole.size()) target += "?" + escape_part(whole.substr(mark + 1), kOfQuery);
  return target;
}

}  // namespace

std::string requests_target(std::string_view path, std::string_view query) {
  path = path.substr(0, path.find('#'));
  const std::size_t mark = std::min(path.find('?'), path.size());
  std::string first = escape_part(without_dots(path.substr(0, mark)), kOfPath);
  if (!first.starts_with('/')) first.insert(0, "/");
  std::string second =
      mark < path.size() ? escape_part(path.substr(mark + 1), kOfQuery) : std::string();
  if (!query.empty()) (second += second.empty() ? "" : "&") += query;
  return last_pass(requoted(second.empty() ? first : first + "?" + second));
}

std::string requests_location(std::string_view location) {
  return requoted(location);
}

std::string requests_hop(std::string_view location, std::string_view base) {
  location = location.substr(0, location.find('#'));
  const std::size_t slashes = location.find("//");
  const bool is_whole =
      slashes == 0 || (slashes != std::string_view::npos && slashes > 0 &&
                       location[slashes - 1] == ':' && location.find_first_of("/?") == slashes);
  if (!is_whole) return last_pass(joined(location, base));
  const std::string_view behind = location.substr(slashes + 2);
  const std::string_view rest = behind.substr(std::min(behind.find_first_of("/?"), behind.size()));
  return last_pass(rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest));
}

std::string written_target(std::string_view text) {
  text = text.substr(0, text.find('#'));
  std::string target = text.starts_with('/') ? "" : "/";
  for (const char c : text) {
    if (c > ' ' && c < '\x7f')
      target += c;
    else
      add_escaped(target, c);
  }
  return target;
}

}  // namespace galileo::wire
