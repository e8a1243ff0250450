// How a client's HTTP is spoken, from its parameters (`http` of docs/wire/workload.md), which
// Python's requests hasn't. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "load/json_value.h"
#include "load/workload.h"

namespace galileo::load {

// What can't be. `key`: which of the settings it is about; empty: all of them.
struct HttpFault {
  std::string key;
  bool of_key = false;  // there is no such setting; then `why` is a whole sentence
  std::string why;      // "must be 1.1 or 2, not '3'"
  std::string hint;
};

// Settings of a map: version, prior_knowledge, streams, connections, keepalive. Where there is a
// fault they aren't to be used.
std::vector<HttpFault> read_http_settings(const JsonValue& value, HttpSettings& settings);

}  // namespace galileo::load
