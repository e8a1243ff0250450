// What handlers of the API get and give, apart from how it travels. Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/http1.h"

namespace galileo::service {

struct RestRequest {
  std::string method;                  // HEAD comes as GET
  std::vector<std::string> arguments;  // parts of the path that stand for something, decoded
  std::string body;
};

struct RestAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  wire::http1::Headers headers = {};
};

// The old API's form of what went wrong: {"title", "description"}.
RestAnswer problem(int status, std::string_view title, std::string_view description = {});

// The parts of `path`, decoded, that stand where `pattern` has {names}: "/api/apps/{name}". False:
// it doesn't match.
bool match_path(std::string_view pattern, std::string_view path,
                std::vector<std::string>& arguments);

}  // namespace galileo::service
