// Whether the ledger of a result balances. Pure.
#pragma once

#include <string>

#include "analysis/result.h"

namespace galileo::analysis {

// What is wrong with it; empty: it balances. A run that was cut off and a database of the old
// system left none: a ledger made of rows alone holds by itself and tells nothing of what isn't
// there.
std::string imbalance_of(const RunResult& result);

}  // namespace galileo::analysis
