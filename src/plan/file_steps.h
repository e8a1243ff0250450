// Checks of answers, and scenarios of several requests, in an experiment file. A part of
// file_clients.cc. One thread.
#pragma once

#include <vector>

#include "load/workload.h"
#include "plan/fields.h"
#include "plan/file.h"

namespace galileo::plan {

// The list `checks` of a client or step: texts ("login: status 200"), or a name and its conditions.
std::vector<load::CheckSpec> read_checks(const Fields& fields);

// The client's request with its templates and checks, or its steps. `path` is its path where the
// file says none. Problems are added; what comes back is used only where there were none.
load::Request read_requests(const Fields& client, const FileOptions& options,
                            const std::string& path);

}  // namespace galileo::plan
