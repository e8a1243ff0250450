// What is done while a phase of an experiment file goes on: its `events`. A part of file.cc. One
// thread.
#pragma once

#include "plan/fields.h"
#include "plan/plan.h"

namespace galileo::plan {

// The list `events` of the file or of a phase, into the actions of `phase` and the changes of its
// clients; the plan is whole but for that. Problems are added.
void read_events(const Fields& fields, const Plan& plan, Phase& phase);

}  // namespace galileo::plan
