// Parts of the result document (schema/result.schema.json) that are written in more than one file.
// Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "analysis/joined_view.h"
#include "analysis/latencies.h"
#include "analysis/summary.h"

namespace galileo::analysis {

// Count, mean, percentiles, in seconds; null: not known.
nlohmann::ordered_json figures_json(const Times& times);

// `cluster`: nodes, pods, replicas, weights, hops and placement; null where nothing is known of
// any. Of requests, those that `summary` counts and that no pod or node is known of have a row too.
nlohmann::ordered_json cluster_json(const JoinedView& joined, const Summary& summary);

// `events`: what happened when.
nlohmann::ordered_json events_json(const JoinedView& joined, Wall start);

}  // namespace galileo::analysis
