// The nodes that publish telemetry on a bus, ours and of the old system: who they are, and what
// they are told. Blocking; any thread but the bus's desk. Errors are the bus's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bus/bus.h"
#include "wire/sample.h"

namespace galileo::fleet {

// Those that listen for commands now.
Result<std::vector<std::string>> telemetry_nodes(bus::Bus& bus);

// What is kept of these nodes; of all that something is kept of, where none is named.
Result<std::vector<wire::NodeInfo>> node_infos(bus::Bus& bus,
                                               const std::vector<std::string>& nodes = {});

// Tells each of them `command` ("pause", "unpause", "info"); those that nobody listened for.
Result<std::vector<std::string>> tell_nodes(bus::Bus& bus, const std::vector<std::string>& nodes,
                                            std::string_view command);

}  // namespace galileo::fleet
