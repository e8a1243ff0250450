// When the requests of a client are due, as an experiment file says it: `arrival`, `rate` or
// `closed_loop`. A part of file.cc. One thread.
#pragma once

#include "load/workload.h"
#include "plan/fields.h"
#include "plan/file.h"

namespace galileo::plan {

// Fills the client's pace from its fields; without any of the three keys it sends as fast as it
// can. Problems are added.
void read_pace(const Fields& fields, const FileOptions& options, load::ClientSpec& client);

// What a client's pace changes to, from `arrival` or `rate`; no list, nor as fast as possible.
// Problems are added.
load::ArrivalSpec read_changed_arrival(const Fields& fields);

}  // namespace galileo::plan
