// A pod, and what is kept of a node, as the old pod adapter writes them: the JSON of Go's
// encoding/json, byte by byte (docs/wire/adapter.md). Readers take the first of `containers`, so
// that the order of keys is a part of it. Pure functions; any thread.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pods/pod.h"

namespace galileo::pods {

// The value of pod/create and its like.
std::string pod_text(const Pod& pod);

// Labels, or an amount of each resource, as of telemd.info:<node>; keys sorted by bytes.
std::string texts_json(const std::map<std::string, std::string>& texts);

// The text as JSON of Go has it, with what HTML could take for its own escaped.
std::string go_json(const nlohmann::ordered_json& json);

}  // namespace galileo::pods
