#include "commands/recorder_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"

namespace galileo::commands {
namespace {

using Rows = std::vector<std::pair<const char*, std::uint64_t>>;
Rows rows_of(const fleet::Recorded& recorded) {
  const fleet::RecorderState& state = recorded.state;
  const fleet::IntakeCounts& counts = state.counts;
  return {{"traces", counts.traces},
          {"telemetry", counts.samples},
          {"events", counts.events},
          {"duplicates", counts.duplicates},
          {"missing", counts.missing},
          {"batches", counts.batches},
          {"batches_missing", counts.batches_missing},
          {"malformed", counts.malformed},
          {"dropped", counts.dropped},
          {"lost", state.traces_lost + state.others_lost},
          {"stored", recorded.traces_stored},
          {"bus_breaks", state.bus_breaks}};
}

}  // namespace

std::string progress_line(const fleet::RecorderState& now, const fleet::RecorderState& before) {
  const fleet::IntakeCounts& counts = now.counts;
  std::string line = fmt::format(
      "{} traces (+{}), {} telemetry, {} events; duplicates {}, missing {}, malformed {}, "
      "dropped {}",
      format_count(counts.traces), format_count(counts.traces - before.counts.traces),
      format_count(counts.samples), format_count(counts.events), format_count(counts.duplicates),
      format_count(counts.missing), format_count(counts.malformed), format_count(counts.dropped));
  if (!now.bus_connected) line += "; the bus is away, it is tried again";
  if (!now.spool_error.empty()) line += "; " + now.spool_error;
  return line;
}

std::string recorder_json(const fleet::Recorded& recorded) {
  nlohmann::ordered_json json = {{"id", recorded.experiment.id},
                                 {"name", recorded.experiment.name},
                                 {"creator", recorded.experiment.creator},
                                 {"status", recorded.experiment.status}};
  for (const auto& [name, count] : rows_of(recorded)) json[name] = count;
  json["database"] = recorded.database;
  json["spool"] = recorded.spool;
  json["notes"] = recorded.notes;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string recorder_summary(const fleet::Recorded& recorded) {
  const wire::Experiment& experiment = recorded.experiment;
  std::string text =
      fmt::format("{}  {}, by {}: {}\n", one_line(experiment.id), one_line(experiment.name),
                  one_line(experiment.creator), experiment.status);
  for (const auto& [name, count] : rows_of(recorded))
    text += fmt::format("  {:<15} {:>12}\n", name, format_count(count));
  if (!recorded.database.empty()) text += fmt::format("  database: {}\n", recorded.database);
  if (!recorded.spool.empty()) text += fmt::format("  spool: {}\n", recorded.spool);
  for (const std::string& note : recorded.notes) text += fmt::format("  note: {}\n", note);
  return text;
}

}  // namespace galileo::commands
