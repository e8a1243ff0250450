// An experiment's tables as files: traces, telemetry, events, nodeinfo with the database's column
// names, and experiment.json with the rest. All of them, or none under their names.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace galileo::tables {

enum class ExportFormat : std::uint8_t { kCsv, kJsonLines, kParquet };

struct ExportOptions {
  std::string folder;  // made where it is missing
  ExportFormat format = ExportFormat::kCsv;
  std::string python;  // for Parquet
  // Told once before the first row, with how many there are.
  std::function<void(std::uint64_t rows)> on_begin = [](std::uint64_t) {};
  // Asked every few thousand rows, with how many are written; false ends the export (kInterrupted).
  std::function<bool(std::uint64_t rows)> go_on = [](std::uint64_t) { return true; };
};

// The rows that were written. Blocking.
Result<std::uint64_t> export_experiment(store::Store& store, const wire::Experiment& experiment,
                                        const ExportOptions& options);

}  // namespace galileo::tables
