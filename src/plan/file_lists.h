// The clients' keys `replay` and `targets`: requests of a list. Part of the experiment file's
// reader (plan/file.h).
#pragma once

#include "load/workload.h"
#include "plan/fields.h"
#include "plan/file.h"

namespace galileo::plan {

// Reads the file that one of them names, as far as the plan needs it, into the client's source and
// arrival. Nothing where neither is there.
void read_listed(const Fields& client_fields, const FileOptions& options, const Plan& plan,
                 load::ClientSpec& client);

}  // namespace galileo::plan
