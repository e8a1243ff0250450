// The applications of an experiment file, and what of them and their machine is watched. A part of
// file.cc. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/fields.h"
#include "plan/plan.h"

namespace galileo::plan {

// The list `applications`. Problems are added; what comes back is used only where there were none.
std::vector<Application> read_applications(const Fields& file);

// `telemetry`: a map, or on or off. The applications are those that may be named in `processes`.
Telemetry read_telemetry(const Fields& file, const std::vector<Application>& applications);

// Words as a shell splits them: blanks, quotes, backslashes; nothing is expanded. An Error for a
// quote that isn't closed.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace galileo::plan
