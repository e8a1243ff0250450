#include "commands/host_weight.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "net/address.h"

namespace galileo::commands {

Result<route::Host> parse_host_weight(const std::string& word) {
  const std::size_t equals = word.rfind('=');
  const std::string host = word.substr(0, equals);
  const auto weight = equals == std::string::npos ? 1 : parse_number(word.substr(equals + 1));
  const auto wrong = [&](std::string why) {
    return Error{ErrorCode::kUsage,
                 fmt::format("'{}' isn't a host and its weight", word),
                 {},
                 std::move(why),
                 "write it as host:port=weight, or host:port for a weight of 1"};
  };
  if (!weight) return wrong(fmt::format("'{}' isn't a number", word.substr(equals + 1)));
  if (!std::isfinite(*weight) || *weight < 0) return wrong("a weight is a number from 0 up");
  if (const auto place = net::parse_route_host(host); !place.ok())
    return wrong(place.error().to_text());
  return route::Host{host, *weight};
}

}  // namespace galileo::commands
