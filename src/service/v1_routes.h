// The versioned API's calls, all of them in one table: what serves them, what they may be given and
// what they answer. Routing, checks and the document at /api/v1/openapi.json are made of it.
// Constants; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "service/rest_message.h"

namespace galileo::service {

class V1Api;

struct V1Parameter {
  enum class In : unsigned char { kPath, kQuery, kHeader };
  In in = In::kQuery;
  std::string_view name;
  std::string_view schema;  // JSON
  std::string_view text;
  bool is_required = false;
};

struct V1Route {
  // What the loop does itself: it knows logins and streams.
  enum class OnLoop : unsigned char { kNo, kWho, kLogIn, kLogOut, kDocument, kIndex, kStream };

  std::string_view method;
  std::string_view pattern;
  std::string_view id;  // a name of the operation
  std::string_view summary;
  Scope scope = Scope::kRead;  // kNone: anybody
  RestAnswer (V1Api::*handler)(const RestRequest&) = nullptr;
  OnLoop on_loop = OnLoop::kNo;
  int status = 200;              // where all is well
  std::string_view answer = {};  // a name of v1_schemas.json; empty: no JSON
  std::vector<std::string_view> answer_types = {"application/json"};
  std::string_view body = {};  // a name of v1_schemas.json; empty: it has none
  std::vector<std::string_view> body_types = {};
  std::vector<V1Parameter> parameters = {};  // beside those of the path
  std::vector<int> refusals = {};            // beside those that any may have
  bool is_alone = false;                     // one at a time: it looks, then changes
};

inline constexpr std::uint64_t kV1BodyMax = std::uint64_t{4} << 20;
inline constexpr std::string_view kV1Prefix = "/api/v1";

const std::vector<V1Route>& v1_routes();

// What things look like: an object of JSON Schemas (2020-12) by name.
std::string_view v1_schemas();

// OpenAPI 3.1, of the table.
std::string openapi_json(std::string_view version);

}  // namespace galileo::service
