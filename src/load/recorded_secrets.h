// What a recorded request must not carry to another place: credentials, by the names of headers and
// of parameters. What stands in a body that isn't a form nobody can know. Pure functions; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/recorded_request.h"

namespace galileo::load {

// Takes out headers (Authorization, Cookie, X-Api-Key, ...), and the parameters that are
// credentials by their names, of the target, of Referer and of a form's body. How many there were.
std::uint64_t drop_recorded_secrets(wire::RecordedRequest& request);

// The target as it may be shown.
std::string masked_target(std::string_view target);

}  // namespace galileo::load
