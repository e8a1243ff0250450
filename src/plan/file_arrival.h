// When the requests of a client are due, as an experiment file says it: `arrival`, `rate` or
// `closed_loop`. A part of file.cc. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
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

// A profile's text: inter-arrival seconds, one a line, or a column of a CSV; '#' begins a comment.
// The column is the one whose heading is `column`, or else the first. With `column` the first line
// holds headings; without it does where each of its fields begins like a word, and several columns
// must have headings. Every line has the same fields, and every number is checked alike.
Result<std::vector<double>> parse_profile(std::string_view text, std::string_view column);

}  // namespace galileo::plan
