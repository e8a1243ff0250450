// Does a plan have what a threshold names? Asked before anything starts, so that nobody waits an
// hour for a result that a misspelt name keeps from being judged. Pure function.
#pragma once

#include "analysis/thresholds.h"
#include "plan/plan.h"

namespace galileo::plan {

// The Error suggests the nearest name. What can't be known before the run (a scraped page's
// metrics, devices, containers, servers that redirects lead to) is let through: if it isn't there,
// the threshold isn't decidable.
Result<void> check_threshold(const analysis::Threshold& threshold, const Plan& plan);

// Reads it and checks both.
Result<void> check_threshold(std::string_view expression, const Plan& plan);

}  // namespace galileo::plan
