#include "route/router.h"

#include <fmt/format.h>

#include "base/text.h"
#include "wire/uri.h"

namespace galileo::route {

std::vector<std::string> router_names() {
  return {
#define ROUTER(name, text) #name,
#include "route/routers.def"
#undef ROUTER
  };
}

Result<Router> router_named(std::string_view name) {
  const std::vector<std::string> names = router_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Router>(i);
  }
  return Error{ErrorCode::kUsage,
               fmt::format("unknown router '{}'", name),
               {},
               {},
               hint_for_unknown(name, names)};
}

std::string routed_path(Router router, std::string_view service, std::string_view path) {
  const bool by_service =
      router == Router::SymmetryServiceRouter || router == Router::CachingSymmetryServiceRouter;
  return by_service ? fmt::format("/{}{}", service, path) : std::string(path);
}

Result<StaticHost> parse_static_host(std::string_view url) {
  const wire::Uri uri = TRY(wire::parse_plain_uri(url));
  std::string prefix = uri.path.substr(0, uri.path.find('?'));
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  return StaticHost{uri.host_port(), std::move(prefix)};
}

}  // namespace galileo::route
