// An organisation of a test's own at the InfluxDB that is named to the tests.
#pragma once

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "store/database_url.h"
#include "store/influxdb_connection.h"
#include "store/store_fixture.h"

namespace galileo::store {

// What the server answers to an order of its API.
inline nlohmann::json influx_order(InfluxConnection& connection, const char* path,
                                   const nlohmann::json& order) {
  InfluxCall call{"POST", path};
  call.body = order.dump();
  call.content_type = "application/json";
  const HttpAnswer answer = must(connection.call(call));
  if (answer.status != 201) FAIL(answer.body);
  return nlohmann::json::parse(answer.body);
}

// The URL of a new organisation with a token of its own; empty where no server is named.
inline std::string new_influx_organisation(const std::string& name) {
  const char* server = std::getenv("GALILEO_TEST_INFLUXDB");
  if (!server) return {};
  DatabaseUrl url = must(parse_database_url(server, ""));
  const auto connection = must(InfluxConnection::open(url));
  const auto id = influx_order(*connection, "/api/v2/orgs", {{"name", name}})["id"];
  auto permissions = nlohmann::json::array();
  for (const char* action : {"read", "write"})
    permissions.push_back({{"action", action}, {"resource", {{"type", "buckets"}, {"orgID", id}}}});
  permissions.push_back(
      {{"action", "read"}, {"resource", {{"type", "orgs"}, {"id", id}, {"orgID", id}}}});
  const auto made = influx_order(*connection, "/api/v2/authorizations",
                                 {{"orgID", id}, {"permissions", permissions}});
  url.password = made["token"].get<std::string>();
  url.path = name;
  return url.whole();
}

}  // namespace galileo::store
