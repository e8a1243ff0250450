// An experiment that waits in the queue (docs/wire/bus.md): who asked for it, and a load whose rate
// is given tick by tick, as the old REST API takes it and its daemon runs it. Values and pure
// functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/experiment.h"
#include "wire/json.h"
#include "wire/record.h"

namespace galileo::wire {

struct TickWorkload {
  static constexpr std::string_view kType = "galileodb.model.WorkloadConfiguration";
  std::string service;
  std::vector<Number> ticks;  // requests a second of all its clients, interval by interval
  std::uint64_t clients = 3;  // in all, though the record says clients_per_host
  std::string arrival_pattern = "constant";  // nobody reads it
  std::optional<std::string> client;         // name of an app; none: the default request
  std::string parameters;                    // JSON object; empty: null
  bool operator==(const TickWorkload&) const = default;
};

struct TickPlan {
  static constexpr std::string_view kType = "galileodb.model.ExperimentConfiguration";
  Number duration_s{1, true};
  Number interval_s{1, true};
  std::vector<TickWorkload> workloads;
  bool operator==(const TickPlan&) const = default;
  // Of each workload: duration / interval, rounded up.
  std::uint64_t ticks_needed() const;
};

// Ours: a whole experiment file in place of a TickPlan.
struct QueuedFile {
  std::string text;              // YAML
  std::vector<std::string> set;  // "clients[0].requests=100"
  bool operator==(const QueuedFile&) const = default;
};

struct QueuedExperiment {
  static constexpr std::string_view kType = "galileodb.model.QueuedExperiment";
  Experiment experiment;
  TickPlan plan;  // its workloads are empty where there is a file
  std::optional<QueuedFile> file;
};

// What ends a daemon that finds it in the queue.
inline constexpr std::string_view kPoison = "__POISON__";

// As the old API puts it into the list; a file stands beside the record, where the original's
// reader doesn't look: to it the plan has no workloads. The reader takes all forms of records; an
// Error (kCorrupt) names the field. What the experiment leaves out stays empty, and kNoWall.
std::string encode(const QueuedExperiment& queued);
Result<QueuedExperiment> decode_queued_experiment(std::string_view json);

// An experiment as the old API shows it: {"id", "name", "creator", "start", "end", "created",
// "status"}, times in unix seconds or null.
std::string experiment_json(const Experiment& experiment);

// What somebody sends to be queued: {"experiment": {name, creator}, "configuration": {duration,
// interval, workloads: [...]}}, objects by name. `clients_per_host` and `arrival_pattern` may be
// left out. An Error (kUsage) names the field; so does one where there are fewer ticks than the
// duration has intervals, and one that no clients can send.
Result<QueuedExperiment> read_submission(const Json& body);

// "90", "90s", "5m", "1h", "1h30m", or a number, of seconds. kUsage: it isn't one, or is 0.
Result<Number> read_old_duration(const Json& value);

}  // namespace galileo::wire
