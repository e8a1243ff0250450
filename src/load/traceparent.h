// Whether requests say which distributed trace they belong to, as people and the wire say it. Pure
// functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::load {

// Which share of the requests is marked as sampled, where all of them say their trace: "yes" (all),
// "10%", "0.1", "0" (none of them). "no": nothing is said. An Error where it is none of these.
Result<std::optional<double>> parse_traceparent_share(std::string_view text);

// "10%"; "no".
std::string traceparent_text(const std::optional<double>& share);

}  // namespace galileo::load
