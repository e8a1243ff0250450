#include "load/recorded_secrets.h"

#include <algorithm>

#include "base/secrets.h"
#include "base/text.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

constexpr std::string_view kWholeNames[] = {"sig", "auth", "pwd", "pass", "sid", "jwt"};
constexpr std::string_view kPathSession = ";jsessionid=";

bool is_secret_parameter(std::string_view encoded) {
  const std::string name = to_lower(wire::decode_percent(encoded));
  if (is_secret_name(name) || name.find("signature") != std::string::npos ||
      name.find("session") != std::string::npos)
    return true;
  return std::find(std::begin(kWholeNames), std::end(kWholeNames), name) != std::end(kWholeNames);
}

// "a=1&token=x&b=2" without its secrets, or with *** for each.
std::string without_secret_pairs(std::string_view pairs, bool mask, std::uint64_t& found) {
  std::string kept;
  bool first = true;
  for (const std::string_view pair : split(pairs, '&')) {
    const std::string_view name = pair.substr(0, pair.find('='));
    const bool is_secret = name.size() < pair.size() && is_secret_parameter(name);
    found += is_secret ? 1 : 0;
    if (is_secret && !mask) continue;
    if (!std::exchange(first, false)) kept += '&';
    kept += is_secret ? std::string(name) + "=***" : std::string(pair);
  }
  return kept;
}

// Of a path or a URL; where nothing is found it is as it was, byte for byte.
std::string without_secrets(std::string_view url, bool mask, std::uint64_t& found) {
  const std::size_t query = std::min(url.find('?'), url.size());
  std::string kept(url.substr(0, query));
  if (const std::size_t at = to_lower(kept).find(kPathSession); at != std::string::npos) {
    ++found;
    const std::size_t value = at + kPathSession.size();
    const std::size_t end = std::min(kept.find_first_of(";/", value), kept.size());
    if (mask)
      kept.replace(value, end - value, "***");
    else
      kept.erase(at, end - at);
  }
  if (query == url.size()) return kept;
  std::uint64_t of_query = 0;
  const std::string pairs = without_secret_pairs(url.substr(query + 1), mask, of_query);
  if (of_query == 0) return kept.append(url.substr(query));
  found += of_query;
  return pairs.empty() ? kept : kept + "?" + pairs;
}

bool is_form(const wire::RecordedRequest& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
    return wire::http1::equals_ignoring_case(header.first, "content-type") &&
           to_lower(header.second).starts_with("application/x-www-form-urlencoded");
  });
}

}  // namespace

std::uint64_t drop_recorded_secrets(wire::RecordedRequest& request) {
  std::uint64_t found = std::erase_if(
      request.headers, [](const auto& header) { return is_secret_name(header.first); });
  request.target = without_secrets(request.target, false, found);
  for (auto& [name, value] : request.headers) {
    if (wire::http1::equals_ignoring_case(name, "referer"))
      value = without_secrets(value, false, found);
  }
  if (!request.has_body || !is_form(request)) return found;
  std::uint64_t of_body = 0;
  const std::string body = without_secret_pairs(request.body, false, of_body);
  if (of_body > 0) request.body = body;
  return found + of_body;
}

std::string masked_target(std::string_view target) {
  std::uint64_t found = 0;
  return without_secrets(target, true, found);
}

}  // namespace galileo::load
