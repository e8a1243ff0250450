// An experiment's tables as files: traces, telemetry, events, nodeinfo with the database's column
// names, and experiment.json with the rest. All of them, or none under their names.
#pragma once

#include <string>

#include "base/result.h"
#include "store/store.h"

namespace galileo::commands {

enum class ExportFormat : std::uint8_t { kCsv, kJsonLines, kParquet };

struct ExportOptions {
  std::string folder;  // made where it is missing
  ExportFormat format = ExportFormat::kCsv;
  std::string python;  // for Parquet
};

Result<void> export_experiment(store::Store& store, const wire::Experiment& experiment,
                               const ExportOptions& options);

}  // namespace galileo::commands
