// What a router makes of a host and a path. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::route {

enum class Router : unsigned char {
#define ROUTER(name, text) name,
#include "route/routers.def"
#undef ROUTER
};

// An Error with a hint where there is no router of that name.
Result<Router> router_named(std::string_view name);
std::vector<std::string> router_names();

// The path that the request asks its host for.
std::string routed_path(Router router, std::string_view service, std::string_view path);

// StaticRouter and DebugRouter don't ask the table.
constexpr bool uses_table(Router router) {
  return router != Router::StaticRouter && router != Router::DebugRouter;
}

// "host:port" of "http://host:port", and the path that stands before each request's own.
struct StaticHost {
  std::string host;
  std::string prefix;
};
Result<StaticHost> parse_static_host(std::string_view url);

}  // namespace galileo::route
