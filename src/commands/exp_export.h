// An experiment's tables as files: traces, telemetry, events, nodeinfo, as CSV (RFC 4180) or JSON
// lines, with the database's column names.
#pragma once

#include <string>

#include "base/result.h"
#include "store/store.h"

namespace galileo::commands {

Result<void> export_experiment(store::Store& store, const std::string& id,
                               const std::string& folder, bool json_lines);

}  // namespace galileo::commands
