// Is the result to be trusted? VALID, SUSPECT or INVALID, with the reasons in numbers
// (docs/reference/verdict.md gives the rules and why). Pure function.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/own_share.h"
#include "analysis/summary.h"
#include "load/ledger.h"

namespace galileo::analysis {

enum class VerdictValue : unsigned char { kValid, kSuspect, kInvalid };

struct Verdict {
  VerdictValue value = VerdictValue::kValid;
  std::vector<std::string> reasons;
};

// What the judge sees beside the summary.
struct Evidence {
  load::Ledger ledger;            // the loops' own, with what became of the traces
  double busiest_loop_share = 0;  // CPU of the busiest loop's thread over the run's time, 0 to 1
  bool interrupted = false;       // the user ended the run
  std::string broken_off = {};    // why it ended before its last phase; empty: it didn't
  std::vector<std::string> doubts = {};  // what the load's source knows against the result
  // What the generator saw of itself, or the workers of a fleet; nothing: no worker tells.
  std::optional<GeneratorState> generator = {};
  bool some_dont_tell = false;  // workers; of them the scheduling delays are known
};

Verdict judge(const Summary& summary, const Evidence& evidence);

// "VALID", "SUSPECT", "INVALID".
const char* verdict_name(VerdictValue value);

}  // namespace galileo::analysis
