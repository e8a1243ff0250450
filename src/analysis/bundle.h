// What a comparison needs of one run, in one file: a baseline that travels without its database.
// Its metadata with plan, host and verdict, and its requests in stretches of time as histograms: as
// large for a million requests as for a thousand. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "analysis/comparable.h"
#include "base/result.h"

namespace galileo::analysis {

inline constexpr std::size_t kBundleBytesMax = std::size_t{64} << 20;

// One JSON object, and a newline.
std::string bundle_text(const ComparedRun& run);

// kCorrupt: no bundle, one of another version, or one whose parts contradict each other.
Result<ComparedRun> parse_bundle(std::string_view text);

}  // namespace galileo::analysis
