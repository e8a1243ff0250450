#include "analysis/balance.h"

namespace galileo::analysis {

std::string imbalance_of(const RunResult& result) {
  if (result.provenance.version.empty())
    return "the run left no books: what isn't here nobody knows";
  return result.ledger.imbalance();
}

}  // namespace galileo::analysis
