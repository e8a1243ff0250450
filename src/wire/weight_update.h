// A function's weights in a zone have changed, as an event on the bus (docs/wire/bus.md, "Events"):
// whoever writes weights says so, and readers of an experiment see who served from when on. Pure
// functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/sample.h"

namespace galileo::wire {

inline constexpr std::string_view kWeightUpdate = "weight_update";

struct WeightUpdate {
  Wall at = kNoWall;
  std::string function;
  std::string zone;
  // "host:port" and its weight; empty: nobody serves it any more.
  std::vector<std::pair<std::string, double>> targets;

  bool operator==(const WeightUpdate&) const = default;
};

// "weight_update" and {"ts": <unix seconds>, "fn": ..., "zone": ..., "weights": {"ips": [...],
// "weights": [...]}}.
Event weight_update_event(const WeightUpdate& update);

// Reads its value, of ours and of others' programs; `at` is the event's own time. An Error
// (kCorrupt) where a part is missing, ips and weights aren't as many, or a weight is no number from
// 0 up.
Result<WeightUpdate> parse_weight_update(const Event& event);

}  // namespace galileo::wire
