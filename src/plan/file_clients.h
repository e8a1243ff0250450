// The clients of an experiment file. A part of file.cc. One thread.
#pragma once

#include <string>
#include <vector>

#include "load/workload.h"
#include "plan/fields.h"
#include "plan/file.h"

namespace galileo::plan {

// The list `clients` of the file or of a phase; each is of one of these services. No two clients of
// one phase have the same name: what isn't named is named after its service, and numbered where
// that name is taken. Problems are added; what comes back is used only where there were none.
std::vector<load::ClientSpec> read_clients(const Fields& phase,
                                           const std::vector<load::ServiceSpec>& services,
                                           const FileOptions& options);

}  // namespace galileo::plan
