// The end of a run as text for a person: verdict first, then thresholds, latencies, rates,
// failures, the ledger, the generator itself, and where all of it is. Pure function.
#pragma once

#include <string>

#include "analysis/result.h"

namespace galileo::analysis {

std::string summary_text(const RunResult& result, const Summary& summary, const JoinedView& joined,
                         bool colour);

}  // namespace galileo::analysis
