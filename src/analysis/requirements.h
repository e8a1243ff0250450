// What a pipeline asks of a run, each met or not: its verdict, its books, its end, its database,
// and each threshold. Documents for pipelines (analysis/junit.h, analysis/markdown.h) are made of
// it, and so is the line that a script looks for. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "analysis/result.h"

namespace galileo::analysis {

struct Requirement {
  std::string name;
  std::string text;  // what was found, in words
  bool met = false;
};

// Those that aren't met first.
std::vector<Requirement> requirements_of(const RunResult& result);

// "PASSED: VALID, 3 of 3 thresholds held, exit code 0", or "FAILED: ...": the last line that a run
// prints on stdout. It passed where the exit code is 0.
std::string verdict_line(const RunResult& result, int exit_code);

}  // namespace galileo::analysis
