// Thresholds that end a run as soon as they can't be met: how many requests a plan makes at most,
// and whether what a file asks for can be decided. Pure functions.
#pragma once

#include "analysis/out_of_reach.h"
#include "analysis/thresholds.h"
#include "plan/plan.h"

namespace galileo::plan {

// By what the number of requests is told.
enum class CountBy : unsigned char {
  kSchedule,  // a number, or a rate and a duration
  kNumber,    // a number that the file gives: rates were changed by hand
};

// Of the threshold's service, phase or all; nothing where nobody knows: of a duration without a
// number where arrivals are drawn or the loop is closed.
analysis::AtMost at_most(const Plan& plan, const analysis::Threshold& threshold,
                         CountBy by = CountBy::kSchedule);

// kUsage where it could never be decided before the end. Names are check_threshold()'s affair.
Result<void> check_abort(const analysis::Threshold& threshold, const PlannedThreshold& planned,
                         const Plan& plan);

}  // namespace galileo::plan
