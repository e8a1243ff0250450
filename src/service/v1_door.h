// The door of the versioned API: which call a request's head means, who asks, and whether it may.
// What it refuses has its body unread. Lives on the API's loop.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "net/server_connection.h"
#include "service/api_access.h"
#include "service/guard.h"
#include "service/v1_routes.h"

namespace galileo::service {

// A request that may be carried out.
struct V1Call {
  const V1Route* route = nullptr;
  RestRequest request;  // without its body
};

class V1Door {
 public:
  // Both outlive it.
  V1Door(const GuardOptions& guard, ApiAccess& access) : guard_(guard), access_(access) {}

  // By the head. An answer: it may not, and why. Each request counts once against how often one may
  // ask.
  enum class Counts : unsigned char { kNo, kYes };
  std::variant<V1Call, RestAnswer> enter(const net::ServerConnection& connection,
                                         const Visitor& visitor, Time now, Wall wall,
                                         Counts counts);

 private:
  const GuardOptions& guard_;
  ApiAccess& access_;
};

// The query of a target as its parameters, decoded; 400 for one that the route hasn't, that comes
// twice, or that isn't what its schema says.
std::variant<std::vector<std::pair<std::string, std::string>>, RestAnswer> read_query(
    std::string_view target, const V1Route& route);

}  // namespace galileo::service
