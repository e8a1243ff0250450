// The services of an experiment file. A part of file.cc. One thread.
#pragma once

#include <string>

#include "load/workload.h"
#include "plan/fields.h"

namespace galileo::plan {

// `name` is the key of the service in `services`, which stands at `name_place`. Problems are added;
// what comes back is used only where there were none.
load::ServiceSpec read_service(Problems& problems, const std::string& name,
                               const wire::YamlPlace& name_place, const wire::YamlNode& node);

}  // namespace galileo::plan
