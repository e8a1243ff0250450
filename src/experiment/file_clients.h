// The clients of an experiment file: requests and arrivals. A part of file.cc. One thread.
#pragma once

#include <optional>
#include <string>

#include "experiment/fields.h"
#include "experiment/file.h"
#include "load/workload.h"

namespace galileo::experiment {

// One entry of `clients`. Problems are added; what comes back is used only where there were none.
load::ClientSpec read_client(Problems& problems, const YamlNode& node, const std::string& where,
                             const FileOptions& options);

// A profile's text: inter-arrival seconds, one a line, or the first column of a CSV; '#' begins a
// comment, a first line that is no number is a heading.
Result<std::vector<double>> parse_profile(std::string_view text);

}  // namespace galileo::experiment
