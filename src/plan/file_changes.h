// Events of the experiment file that change a cluster: `scale`, `netem`, `weights` and the others.
#pragma once

#include <string>
#include <vector>

#include "plan/fields.h"
#include "plan/plan.h"

namespace galileo::plan {

// The keys by which such an event is known.
const std::vector<std::string>& cluster_change_keys();

// That of this key, which the event has.
ChangeCluster read_cluster_change(const Fields& fields, const Plan& plan, const std::string& key);

// "10mbit", "500kbit": bits a second, as tc writes them.
Result<std::uint64_t> parse_bit_rate(std::string_view text);

}  // namespace galileo::plan
