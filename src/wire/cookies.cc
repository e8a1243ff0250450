#include "wire/cookies.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"

namespace galileo::wire {
namespace {

// A Max-Age of more digits is for ever.
constexpr std::size_t kMaxAgeDigits = 9;

bool is_address(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_below(std::string_view host, std::string_view domain) {
  return host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.' && !is_address(host);
}

// RFC 6265, 5.1.4.
std::string default_path(std::string_view path) {
  const std::size_t slash = path.substr(0, path.find('?')).rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

bool path_matches(std::string_view path, std::string_view cookie_path) {
  path = path.substr(0, path.find('?'));
  if (!path.starts_with(cookie_path)) return false;
  return path.size() == cookie_path.size() || cookie_path.back() == '/' ||
         path[cookie_path.size()] == '/';
}

// "name" and "value" of "name=value", without the blanks around them.
std::pair<std::string_view, std::string_view> split_pair(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {trim(text), {}};
  return {trim(text.substr(0, equals)), trim(text.substr(equals + 1))};
}

// Calls f for each part between semicolons.
template <class F>
void each_part(std::string_view text, F&& f) {
  while (true) {
    const std::size_t end = std::min(text.find(';'), text.size());
    f(text.substr(0, end));
    if (end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

// Digits at the beginning, no more than `most` of them.
std::optional<int> leading_number(std::string_view text, std::size_t fewest, std::size_t most) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits < fewest || digits > most) return std::nullopt;
  return static_cast<int>(*parse_integer(text.substr(0, digits)));
}

std::optional<std::chrono::seconds> time_of_day(std::string_view token) {
  std::array<int, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = leading_number(token, 1, 2);
    if (!number) return std::nullopt;
    parts[i] = *number;
    const std::size_t digits = std::min(token.find_first_not_of("0123456789"), token.size());
    token.remove_prefix(digits);
    if (i == 2) break;
    if (!token.starts_with(':')) return std::nullopt;
    token.remove_prefix(1);
  }
  if (parts[0] > 23 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
  return std::chrono::hours{parts[0]} + std::chrono::minutes{parts[1]} +
         std::chrono::seconds{parts[2]};
}

std::optional<unsigned> month_named(std::string_view token) {
  constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
  if (token.size() < 3) return std::nullopt;
  const std::size_t at = kMonths.find(to_lower(token.substr(0, 3)));
  if (at == std::string_view::npos || at % 3 != 0) return std::nullopt;
  return static_cast<unsigned>(at / 3 + 1);
}

// Whether `read` is what a part of the date lacked.
template <class Part>
bool fills(std::optional<Part>& part, const std::optional<Part>& read) {
  if (part || !read) return false;
  part = read;
  return true;
}

}  // namespace

std::optional<Wall> parse_cookie_date(std::string_view text) {
  constexpr std::string_view kDelimiters = " \t,-;/()";
  std::optional<std::chrono::seconds> time;
  std::optional<int> day;
  std::optional<unsigned> month;
  std::optional<int> year;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kDelimiters), text.size());
    const std::string_view token = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (token.empty()) continue;
    if (fills(time, time_of_day(token)) || fills(day, leading_number(token, 1, 2)) ||
        fills(month, month_named(token)))
      continue;
    fills(year, leading_number(token, 2, 4));
  }
  if (!time || !day || !month || !year) return std::nullopt;
  if (*year < 70) *year += 2000;
  if (*year < 100) *year += 1900;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{*month},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  // What Wall can't say is as good as its ends.
  const int years = std::clamp(*year, 1700, 2200);
  if (years != *year)
    return Wall{std::chrono::sys_days{std::chrono::year{years} / std::chrono::January / 1}
                    .time_since_epoch()};
  return Wall{std::chrono::sys_days{date}.time_since_epoch() + *time};
}

bool CookieJar::read_domain(std::string_view attribute, Cookie& cookie) {
  if (attribute.starts_with('.')) attribute.remove_prefix(1);
  const std::string domain = to_lower(attribute);
  if (domain.empty()) return true;
  if (domain == cookie.domain) {
    cookie.host_only = is_address(domain);
    return true;
  }
  // Nobody's cookies are for all of "com".
  if (!is_below(cookie.domain, domain) || domain.find('.') == std::string::npos) return false;
  cookie.domain = domain;
  cookie.host_only = false;
  return true;
}

void CookieJar::take(std::string_view set_cookie, const Uri& from, Wall now) {
  if (std::any_of(set_cookie.begin(), set_cookie.end(), [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
      }))
    return;
  Cookie cookie;
  cookie.domain = to_lower(from.host);
  cookie.path = default_path(from.path);
  const std::string_view pair = set_cookie.substr(0, set_cookie.find(';'));
  const auto [name, value] = split_pair(pair);
  if (name.empty() || pair.find('=') == std::string_view::npos ||
      name.size() + value.size() > kCookieSizeMax)
    return;
  cookie.name = name;
  cookie.value = value;
  bool fits = true;
  bool has_max_age = false;
  set_cookie.remove_prefix(pair.size());
  each_part(set_cookie, [&](std::string_view part) {
    const auto [key, said] = split_pair(part);
    const std::string attribute = to_lower(key);
    if (attribute == "domain") fits = fits && read_domain(said, cookie);
    if (attribute == "secure") cookie.secure = true;
    if (attribute == "path")
      cookie.path = said.starts_with('/') ? std::string(said) : default_path(from.path);
    if (attribute == "max-age") {
      const bool negative = said.starts_with('-');
      const std::string_view digits = said.substr(negative ? 1 : 0);
      if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
        return;
      has_max_age = true;
      const auto seconds = leading_number(digits, 1, kMaxAgeDigits);
      const bool at_once = negative || digits.find_first_not_of('0') == std::string_view::npos;
      cookie.expires = at_once ? now : seconds ? now + std::chrono::seconds{*seconds} : Wall::max();
    }
    if (attribute == "expires" && !has_max_age) {
      if (const auto at = parse_cookie_date(said)) cookie.expires = *at;
    }
  });
  const bool expired = cookie.expires <= now;
  if (!fits || (cookie.secure && from.scheme != "https")) return;
  const auto same = std::find_if(cookies_.begin(), cookies_.end(), [&](const Cookie& other) {
    return other.name == cookie.name && other.domain == cookie.domain && other.path == cookie.path;
  });
  if (same != cookies_.end()) {
    if (expired)
      cookies_.erase(same);
    else
      *same = std::move(cookie);
  } else if (!expired && cookies_.size() < kCookiesMax) {
    cookies_.push_back(std::move(cookie));
  }
}

void CookieJar::forget_expired(Wall now) {
  std::erase_if(cookies_, [&](const Cookie& cookie) { return cookie.expires <= now; });
}

std::string CookieJar::header_for(const Uri& to, std::string_view given) const {
  const std::string host = to_lower(to.host);
  std::vector<const Cookie*> sent;
  for (const Cookie& cookie : cookies_) {
    const bool of_host =
        cookie.domain == host || (!cookie.host_only && is_below(host, cookie.domain));
    const bool fits = of_host && path_matches(to.path, cookie.path);
    if (fits && (!cookie.secure || to.scheme == "https")) sent.push_back(&cookie);
  }
  // Cookies of equally long paths keep the jar's order, in which the pointers rise.
  std::sort(sent.begin(), sent.end(), [](const Cookie* a, const Cookie* b) {
    const bool same = a->path.size() == b->path.size();
    return same ? a < b : a->path.size() > b->path.size();
  });
  std::string header;
  const auto add = [&](std::string_view pair) {
    if (!header.empty()) header += "; ";
    header += pair;
  };
  each_part(given, [&](std::string_view part) {
    const std::string_view name = split_pair(part).first;
    const bool anew = std::any_of(sent.begin(), sent.end(),
                                  [&](const Cookie* cookie) { return cookie->name == name; });
    if (!trim(part).empty() && !anew) add(trim(part));
  });
  for (const Cookie* cookie : sent) add(cookie->name + "=" + cookie->value);
  return header;
}

}  // namespace galileo::wire
