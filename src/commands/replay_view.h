// A replay as text: what would be sent, and what of the log wouldn't. Credentials aren't shown.
// Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "load/replay.h"

namespace galileo::commands {

using CountedNames = std::vector<std::pair<std::string, std::uint64_t>>;

// The most frequent ones first.
CountedNames replay_methods(const load::RequestList& list);
// The same of "GET /path", without queries; at most `most` of them.
CountedNames replay_paths(const load::RequestList& list, std::size_t most);

// `columns`: of the chart of its rate.
std::string replay_text(const std::string& name, const load::Replay& replay,
                        const load::ReplayOptions& options, std::size_t columns);

}  // namespace galileo::commands
