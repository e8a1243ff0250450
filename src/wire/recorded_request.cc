#include "wire/recorded_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

constexpr std::size_t kMethodMax = 32;
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct FaultRow {
  bool is_unread;
  std::string_view text;
};
constexpr std::array kFaults{
    FaultRow{false, "fine"},
#define RECORD_FAULT(name, is_unread, text) FaultRow{is_unread, text},
#include "wire/record_faults.def"
#undef RECORD_FAULT
};

bool is_version(std::string_view text) {
  return text.starts_with("HTTP/") && text.size() >= 6 && text[5] >= '0' && text[5] <= '9' &&
         text.find_first_not_of("0123456789.", 5) == std::string_view::npos;
}

// What a request's first line can't hold in its target.
void append_target(std::string& to, std::string_view target) {
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
      to += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      to += c;
  }
}

std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const std::string_view number = text.substr(0, digits);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size() || number[0] == '-')
    return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take_sign(std::string_view& text, char sign) {
  if (!text.starts_with(sign)) return false;
  text.remove_prefix(1);
  return true;
}

// "10/Oct/2000:13:55:36[.655][ -0700]" as RFC 3339 has it; empty where it isn't that.
std::string rfc3339_of_common(std::string_view text) {
  const auto day = take_number(text, 2);
  if (!day || !take_sign(text, '/') || text.size() < 4) return {};
  const auto* const month = std::find(kMonths.begin(), kMonths.end(), text.substr(0, 3));
  if (month == kMonths.end()) return {};
  text.remove_prefix(3);
  if (!take_sign(text, '/')) return {};
  const auto year = take_number(text, 4);
  if (!year || !take_sign(text, ':')) return {};
  const std::size_t blank = std::min(text.find(' '), text.size());
  std::string zone(text.substr(blank));
  if (zone.size() == 6 && (zone[1] == '+' || zone[1] == '-'))
    zone = zone.substr(1, 3) + ":" + zone.substr(4);
  else if (!trim(zone).empty())
    return {};
  else
    zone = "Z";
  return fmt::format("{:04}-{:02}-{:02}T{}{}", *year, month - kMonths.begin() + 1, *day,
                     text.substr(0, blank), zone);
}

// Since 1970, in the unit that makes a time of our days of it.
LogTime time_of_number(std::string_view text) {
  const std::size_t whole = std::min(text.find('.'), text.size());
  if (whole < 9 || text.find_first_not_of("0123456789.") != std::string_view::npos) return {};
  if (whole <= 10) {
    const auto at = parse_unix_time(text);
    return {at.value_or(kNoWall), whole == text.size()};
  }
  std::int64_t value = 0;
  const std::string_view number = text.substr(0, whole);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size()) return {};
  const std::int64_t unit_ns = whole <= 13 ? 1'000'000 : whole <= 16 ? 1'000 : 1;
  if (value > Duration::max().count() / unit_ns) return {};
  return {Wall{Duration{value * unit_ns}}, false};
}

bool is_of_one_connection(std::string_view name) {
  for (const char* one : {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "te",
                          "trailer", "upgrade", "http2-settings", "content-length", "expect"}) {
    if (http1::equals_ignoring_case(name, one)) return true;
  }
  return false;
}

}  // namespace

std::string_view record_fault_text(RecordFault fault) {
  return kFaults[static_cast<std::size_t>(fault)].text;
}

bool is_unread(RecordFault fault) {
  return kFaults[static_cast<std::size_t>(fault)].is_unread;
}

void RecordedRequest::clear() {
  at = kNoWall;
  mark = TimeMark::kStart;
  whole_second = false;
  took = kNoDuration;
  method.clear();
  target.clear();
  host.clear();
  is_https = false;
  headers.clear();
  body.clear();
  has_body = false;
  had_length = false;
}

RecordFault take_request_line(std::string_view line, RecordedRequest& into) {
  if (line.empty() || line == "-" || line == "<BADREQ>") return RecordFault::no_request;
  const std::size_t first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (method.size() > kMethodMax || !http1::is_token(method)) return RecordFault::no_http;
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || !is_version(line.substr(last + 1)))
    return RecordFault::no_version;
  if (last <= first) return RecordFault::no_path;
  into.method = method;
  return take_target(line.substr(first + 1, last - first - 1), into);
}

RecordFault take_target(std::string_view target, RecordedRequest& into) {
  const std::size_t scheme = target.find("://");
  const bool is_url = !target.starts_with('/') && scheme != std::string_view::npos;
  if (is_url) {
    const std::string name = to_lower(target.substr(0, scheme));
    if (name != "http" && name != "https") return RecordFault::no_http;
    into.is_https = name == "https";
    target.remove_prefix(scheme + 3);
    const std::size_t end = std::min(target.find_first_of("/?#"), target.size());
    std::string_view host = target.substr(0, end);
    host.remove_prefix(std::min(host.rfind('@') + 1, host.size()));
    into.host = host;
    target.remove_prefix(end);
    // A URL's fragment stays with the client.
    target = target.substr(0, target.find('#'));
  }
  into.target.clear();
  if (is_url && !target.starts_with('/')) into.target = "/";
  if (!is_url && !target.starts_with('/')) return RecordFault::no_path;
  append_target(into.target, target);
  return RecordFault::none;
}

void take_header(std::string_view name, std::string_view value, RecordedRequest& into) {
  if (http1::equals_ignoring_case(name, "host") ||
      http1::equals_ignoring_case(name, ":authority")) {
    into.host = value;
    return;
  }
  if (is_of_one_connection(name)) {
    into.had_length |= http1::equals_ignoring_case(name, "content-length") ||
                       http1::equals_ignoring_case(name, "transfer-encoding");
    return;
  }
  if (!http1::is_token(name) || !http1::is_header_value(value)) return;
  into.headers.emplace_back(name, value);
}

LogTime read_log_time(std::string_view text) {
  text = trim(text);
  if (const LogTime at = time_of_number(text); at.at != kNoWall) return at;
  std::string plain = rfc3339_of_common(text);
  if (plain.empty()) plain = text;
  if (plain.size() > 10 && plain[10] == ' ') plain[10] = 'T';
  if (plain.size() > 19) {
    if (plain[19] == ',') plain[19] = '.';
    // "+0100" and " UTC" as others write zones.
    if (plain.ends_with(" UTC")) plain.replace(plain.size() - 4, 4, "Z");
    const std::size_t sign = plain.find_first_of("+-", 19);
    if (sign != std::string::npos && plain.size() - sign == 5) plain.insert(sign + 3, ":");
    if (plain.find_first_of("Zz+-", 19) == std::string::npos) plain += 'Z';
  } else if (plain.size() == 19) {
    plain += 'Z';
  }
  const auto at = parse_rfc3339(plain);
  return at ? LogTime{*at, plain.size() > 19 && plain[19] != '.'} : LogTime{};
}

Duration read_log_duration(std::string_view text, double unit_s) {
  constexpr double kDay_s = 86'400;
  const auto number = parse_number(text);
  if (!number || !(*number >= 0) || *number * unit_s > kDay_s) return kNoDuration;
  return from_seconds(*number * unit_s);
}

}  // namespace galileo::wire
