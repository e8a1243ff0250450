// The clients of an experiment file. A part of file.cc. One thread.
#pragma once

#include <string>
#include <vector>

#include "load/workload.h"
#include "plan/fields.h"
#include "plan/file.h"
#include "plan/plan.h"

namespace galileo::plan {

// The list `clients` of the file or of a phase; each is of one of the plan's services, or of one of
// its applications that are pods, whose service is added to the plan. No two clients of one phase
// have the same name: what isn't named is named after its service, and numbered where that name is
// taken. Problems are added; what comes back is used only where there were none.
std::vector<load::ClientSpec> read_clients(const Fields& phase, Plan& plan,
                                           const FileOptions& options);

}  // namespace galileo::plan
