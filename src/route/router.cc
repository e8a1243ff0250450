#include "route/router.h"

#include <fmt/format.h>

#include "base/text.h"

namespace galileo::route {

std::vector<std::string> Router::destinations(const std::vector<Host>& hosts) const {
  std::vector<std::string> names;
  for (const Host& host : hosts) names.push_back(host.name);
  return names;
}

const std::vector<RouterRow>& router_rows() {
  static const std::vector<RouterRow> rows{
#define ROUTER(name, maker, reads_static_host, text) \
  {#name, reads_static_host, text, &make_##maker},
#include "route/routers.def"
#undef ROUTER
  };
  return rows;
}

std::vector<std::string> router_names() {
  std::vector<std::string> names;
  for (const RouterRow& row : router_rows()) names.emplace_back(row.name);
  return names;
}

Result<const RouterRow*> router_named(std::string_view name) {
  for (const RouterRow& row : router_rows()) {
    if (row.name == name) return &row;
  }
  return Error{ErrorCode::kUsage,
               fmt::format("unknown router '{}'", name),
               {},
               {},
               hint_for_unknown(name, router_names())};
}

Result<std::unique_ptr<Router>> make_router(std::string_view name, const RouterSpec& spec) {
  return TRY(router_named(name))->make(spec);
}

}  // namespace galileo::route
