// What requests say of distributed traces, as an experiment file has it. A part of file.cc. One
// thread.
#pragma once

#include <optional>

#include "plan/fields.h"

namespace galileo::plan {

// The key `traceparent` of the file or of a client: which share of the requests is marked as
// sampled, where all of them say their trace; none: they say nothing. Problems are added.
std::optional<double> read_traceparent(const Fields& fields);

}  // namespace galileo::plan
