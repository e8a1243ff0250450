// What handlers of the API get and give, apart from how it travels. Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "wire/http1.h"

namespace galileo::service {

// What somebody may do; each has what stands before it.
enum class Scope : unsigned char { kNone, kRead, kRun, kAdmin };

// Who asks, by what the door has found out.
struct Caller {
  Scope scope = Scope::kNone;
  std::string name;  // of the login; empty: there is none
  std::string via;   // "loopback", "token", "cookie"; empty: not let in
  std::string key;   // what limits are counted by, and by which a login is found to be revoked
  Wall expires = kNoWall;  // of the login; kNoWall: it doesn't
};

struct RestRequest {
  std::string method;                  // HEAD comes as GET
  std::vector<std::string> arguments;  // parts of the path that stand for something, decoded
  std::string body;
  // Of the versioned API: the query's parameters, decoded, each once, and these headers.
  std::vector<std::pair<std::string, std::string>> query = {};
  std::string content_type = {};
  std::string if_match = {};
  std::string if_none_match = {};
  std::string idempotency_key = {};
  Caller caller = {};

  // The parameter's value; empty where it isn't given.
  std::string_view parameter(std::string_view name) const;
};

struct RestAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  wire::http1::Headers headers = {};
  // A file that is sent in place of `body`, piece by piece, and removed then with its folder.
  std::string file = {};
};

// "read", "run", "admin".
std::string_view scope_name(Scope scope);

// The old API's form of what went wrong: {"title", "description"}.
RestAnswer problem(int status, std::string_view title, std::string_view description = {});

// The parts of `path`, decoded, that stand where `pattern` has {names}: "/api/apps/{name}". False:
// it doesn't match.
bool match_path(std::string_view pattern, std::string_view path,
                std::vector<std::string>& arguments);

}  // namespace galileo::service
