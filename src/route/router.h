// What a router makes of a service, its hosts and a request's path. Plain values that never change;
// any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "route/table.h"

namespace galileo::route {

class Router {
 public:
  virtual ~Router() = default;
  // The path that a request asks its host for.
  virtual std::string path_of(std::string_view path) const { return std::string(path); }
  // Where requests go: the hosts of the table, unless the router knows better.
  virtual std::vector<std::string> destinations(const std::vector<Host>& hosts) const;
  virtual bool uses_table() const { return true; }
  // Nothing is sent: each request has the answer 200 at once.
  virtual bool answers_itself() const { return false; }
  virtual bool service_in_path() const { return false; }
};

// Whose router it is.
struct RouterSpec {
  std::string service;
  std::string static_host;  // a URL; read by the rows that say so
};

#define ROUTER(name, maker, reads_static_host, text) \
  Result<std::unique_ptr<Router>> make_##maker(const RouterSpec& spec);
#include "route/routers.def"
#undef ROUTER

struct RouterRow {
  std::string_view name;
  bool reads_static_host;
  std::string_view text;
  Result<std::unique_ptr<Router>> (*make)(const RouterSpec& spec);
};
const std::vector<RouterRow>& router_rows();
std::vector<std::string> router_names();

// An Error with a hint where there is no router of that name.
Result<const RouterRow*> router_named(std::string_view name);
// Errors: no router of that name, a static host that can't be one.
Result<std::unique_ptr<Router>> make_router(std::string_view name, const RouterSpec& spec);

// "host:port" of "http://host:port", "https://host:port" of the like, and the path that stands
// before each request's own.
struct StaticHost {
  std::string host;
  std::string prefix;
};
Result<StaticHost> parse_static_host(std::string_view url);

}  // namespace galileo::route
