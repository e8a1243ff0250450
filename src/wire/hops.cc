#include "wire/hops.h"

#include <algorithm>
#include <span>

#include "wire/http1.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kStamp = "x-forwarded-host-";

void skip_blanks(std::string_view& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  text.remove_prefix(std::min(first, text.size()));
}

bool take(std::string_view& text, char c) {
  skip_blanks(text);
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// A text between quotes, as it stands: one with escapes is none that we look for. False: it has no
// end.
bool take_text(std::string_view& text, std::string_view& inside) {
  if (!take(text, '"')) return false;
  // Hardly any has a sign that is escaped.
  std::size_t end = text.find('"');
  const std::string_view plain = text.substr(0, std::min(end, text.size()));
  if (const std::size_t escape = plain.find('\\'); escape != std::string_view::npos) {
    end = escape;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  }
  if (end >= text.size()) return false;
  inside = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

// What isn't a text; headers are.
bool skip_value(std::string_view& text) {
  const std::size_t end = text.find_first_of(",}[{\"");
  if (end == std::string_view::npos || (text[end] != ',' && text[end] != '}')) return false;
  text.remove_prefix(end);
  return true;
}

// Headers that came several times are joined by commas, the first hop's first.
std::string_view first_of(std::string_view list) {
  return list.substr(0, list.find(','));
}

std::string_view last_of(std::string_view list) {
  const std::size_t comma = list.rfind(',');
  if (comma != std::string_view::npos) list.remove_prefix(comma + 1);
  skip_blanks(list);
  return list;
}

Wall time_of(std::string_view value) {
  return parse_unix_time(first_of(value)).value_or(kNoWall);
}

bool is(std::string_view name, std::string_view wanted) {
  return name.size() == wanted.size() && http1::equals_ignoring_case(name, wanted);
}

void take_header(Hops& hops, std::string_view& forwarded, std::string_view name,
                 std::string_view value) {
  // Most headers are sorted out by their first letters.
  if (name.size() < 5 || (name[0] | 0x20) != 'x' || name[1] != '-') return;
  if (is(name, "x-final-host")) {
    hops.final_hosts = value;
    hops.final_host = last_of(value);
  } else if (is(name, "x-forwarded-for")) {
    forwarded = value;
  } else if (is(name, "x-start")) {
    hops.start = time_of(value);
  } else if (is(name, "x-end")) {
    hops.end = time_of(value);
  } else if (name.size() > kStamp.size() && is(name.substr(0, kStamp.size()), kStamp)) {
    const Wall at = time_of(value);
    if (at == kNoWall || hops.count == Hops::kGatewaysMax) return;
    hops.gateways[hops.count++] = {name.substr(kStamp.size()), at};
  }
}

// By the list of who forwarded it, where that names each of them: their clocks may differ. Else by
// their times.
void put_in_order(Hops& hops, std::string_view forwarded) {
  const std::span<GatewayStamp> found(hops.gateways.data(), hops.count);
  std::array<GatewayStamp, Hops::kGatewaysMax> ordered{};
  std::size_t count = 0;
  while (!forwarded.empty() && count < found.size()) {
    std::string_view name = first_of(forwarded);
    forwarded.remove_prefix(std::min(name.size() + 1, forwarded.size()));
    skip_blanks(name);
    const auto hop = std::find_if(found.begin(), found.end(),
                                  [&](const GatewayStamp& one) { return is(one.node, name); });
    if (hop == found.end()) break;
    const bool is_again = std::any_of(ordered.begin(), ordered.begin() + count,
                                      [&](const GatewayStamp& one) { return is(one.node, name); });
    if (!is_again) ordered[count++] = {name, hop->at};
  }
  if (count == found.size())
    hops.gateways = ordered;
  else
    std::sort(found.begin(), found.end(),
              [](const GatewayStamp& a, const GatewayStamp& b) { return a.at < b.at; });
}

}  // namespace

Hops parse_hops(std::string_view headers) {
  Hops hops;
  std::string_view forwarded;
  if (!take(headers, '{')) return hops;
  std::string_view name;
  std::string_view value;
  while (take_text(headers, name) && take(headers, ':')) {
    skip_blanks(headers);
    if (headers.starts_with('"')) {
      if (!take_text(headers, value)) break;
      take_header(hops, forwarded, name, value);
    } else if (!skip_value(headers)) {
      break;
    }
    if (!take(headers, ',')) break;
  }
  put_in_order(hops, forwarded);
  return hops;
}

}  // namespace galileo::wire
