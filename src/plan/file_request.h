// The request of a client in an experiment file: method, path and the keyword arguments of Python's
// requests library, in one map. What they mean is load/request_parameters.h; here they are put as
// the wire has them, and what can't be is led back to its place in the file. A part of file.cc. One
// thread.
#pragma once

#include <string>

#include "load/workload.h"
#include "plan/fields.h"

namespace galileo::plan {

// `node` is the map `request` at `where`. Problems are added; what comes back is used only where
// there were none.
load::Request read_request(Problems& problems, const wire::YamlNode& node,
                           const std::string& where);

// The node as JSON: a scalar that isn't quoted and looks like a number, true, false or null is one.
std::string to_json_text(const wire::YamlNode& node);

}  // namespace galileo::plan
