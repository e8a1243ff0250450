#include "service/guard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "net/address.h"
#include "wire/http1.h"

namespace galileo::service {
namespace {

using wire::http1::equals_ignoring_case;

// "name", "name:port" or "[address]:port" without its port.
std::string host_name(std::string_view host) {
  const auto parsed = net::parse_host_port(host, 80);
  return parsed.ok() ? parsed->host : std::string();
}

// The page that sends it is one of ours: "http://localhost:5001" beside "Host: localhost:5001".
bool is_own_origin(const Visitor& visitor) {
  const std::size_t slashes = visitor.origin.find("://");
  return slashes != std::string::npos &&
         equals_ignoring_case(std::string_view(visitor.origin).substr(slashes + 3), visitor.host);
}

}  // namespace

bool is_own_host(const GuardOptions& options, std::string_view host) {
  const std::string name = host_name(host);
  if (name.empty()) return false;
  // An address can't be bound to another machine's name.
  if (net::literal_address(name, 80).ok() || equals_ignoring_case(name, "localhost")) return true;
  return std::any_of(options.allowed_hosts.begin(), options.allowed_hosts.end(),
                     [&](const std::string& own) { return equals_ignoring_case(own, name); });
}

bool is_from_foreign_page(const Visitor& visitor) {
  return (!visitor.origin.empty() && !is_own_origin(visitor)) ||
         (!visitor.fetch_site.empty() && visitor.fetch_site != "same-origin" &&
          visitor.fetch_site != "none");
}

bool has_type(std::string_view given, std::string_view wanted) {
  return equals_ignoring_case(trim(given.substr(0, given.find(';'))), wanted);
}

Result<LegacyAccess> parse_legacy_access(std::string_view text) {
  if (text == "loopback") return LegacyAccess::kLoopback;
  if (text == "open") return LegacyAccess::kOpen;
  if (text == "off") return LegacyAccess::kOff;
  if (text == "token") return LegacyAccess::kToken;
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' doesn't say who may use the old API", text),
               {},
               {},
               "loopback, token, open or off"};
}

std::optional<RestAnswer> refusal_of(const GuardOptions& options, const Visitor& visitor,
                                     std::string_view content_type) {
  if (options.legacy == LegacyAccess::kOff)
    return problem(403, "the old API is off", "galileo_api_legacy=loopback allows it from here");
  if (options.legacy == LegacyAccess::kOpen) return std::nullopt;
  if (options.legacy == LegacyAccess::kLoopback && !visitor.is_here())
    return problem(403, "the old API is for this machine alone",
                   visitor.is_forwarded
                       ? "a proxy's requests may be anybody's; galileo_api_legacy=open allows all"
                       : "galileo_api_legacy=open allows all that reach it");
  if (!is_own_host(options, visitor.host))
    return problem(403, "the host asked for isn't this machine",
                   fmt::format("{} isn't among the allowed hosts; --allowed-host adds it",
                               visitor.host.empty() ? "none" : visitor.host));
  if (!visitor.writes) return std::nullopt;
  if (is_from_foreign_page(visitor))
    return problem(403, "a page of somebody else sent it",
                   visitor.origin.empty() ? "Sec-Fetch-Site says so"
                                          : fmt::format("its origin is {}", visitor.origin));
  if (!content_type.empty() && !has_type(visitor.content_type, content_type))
    return problem(415, "a body of another type is expected",
                   fmt::format("Content-Type: {}", content_type));
  return std::nullopt;
}

}  // namespace galileo::service
