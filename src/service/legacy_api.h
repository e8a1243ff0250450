// The old REST API, call by call (docs/wire/rest.md): what a handler does, and the table of them.
// Blocking, at a desk of its own: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.h"
#include "service/app_shelf.h"
#include "service/rest_message.h"
#include "store/store.h"

namespace galileo::service {

class LegacyApi {
 public:
  LegacyApi(bus::Bus& bus, store::Store& store, AppShelf& shelf)
      : bus_(bus), store_(store), shelf_(shelf) {}

  RestAnswer routes(const RestRequest&);
  RestAnswer workers(const RestRequest&);
  RestAnswer services(const RestRequest&);
  RestAnswer experiments(const RestRequest&);
  RestAnswer queue_experiment(const RestRequest& request);
  RestAnswer experiment(const RestRequest& request);
  RestAnswer remove_experiment(const RestRequest& request);
  RestAnswer apps(const RestRequest&);
  RestAnswer upload_app(const RestRequest& request);
  RestAnswer app(const RestRequest& request);
  RestAnswer remove_app(const RestRequest& request);
  RestAnswer download_app(const RestRequest& request);

 private:
  bus::Bus& bus_;
  store::Store& store_;
  AppShelf& shelf_;
};

struct LegacyRoute {
  std::string_view method;
  std::string_view pattern;
  RestAnswer (LegacyApi::*handler)(const RestRequest&);
  std::string_view body_type = {};  // empty: it has no body
  std::uint64_t body_max = 0;
};
const std::vector<LegacyRoute>& legacy_routes();

}  // namespace galileo::service
