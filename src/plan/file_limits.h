// What the generator may use, as an experiment file says it: `limits`. A part of file.cc. One
// thread.
#pragma once

#include "load/workload.h"
#include "plan/fields.h"

namespace galileo::plan {

// The map `limits`; what isn't in it is as load::Limits has it. Problems are added.
load::Limits read_limits(Problems& problems, const wire::YamlNode& node);

}  // namespace galileo::plan
