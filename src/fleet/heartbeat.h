// Whether a worker lives, as its heartbeat tells, and names for messages. Functions over a Bus; any
// thread but its desk.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "wire/fleet_api.h"

namespace galileo::fleet {

// Nothing: an old worker, or one that has been silent for 2.5 s. An Error is the bus's; what can't
// be read counts as a heartbeat without a boot's name.
Result<std::optional<wire::Heartbeat>> heartbeat_of(bus::Bus& bus, const std::string& worker);

// "a, b, c" or "a, b, c and 97 more".
std::string name_some(const std::vector<std::string>& names);

}  // namespace galileo::fleet
