// The applications of an experiment file, and what of them and their machine is watched. A part of
// file.cc. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "plan/fields.h"
#include "plan/plan.h"

namespace galileo::plan {

using Texts = std::vector<std::pair<std::string, std::string>>;

// A map of names to texts; `unfit` says why a name can't be one, or nothing.
Texts read_texts(const Fields& fields, std::string_view key, std::string_view wanted,
                 const std::function<std::optional<std::string>(const std::string& name)>& unfit);
// `environment`.
Texts read_variables(const Fields& fields);

// The lists `applications` and `beside`. Problems are added; what comes back is used only where
// there were none.
std::vector<Application> read_applications(const Fields& file);

// `telemetry`: a map, or on or off. The applications are those that may be named in `processes`.
Telemetry read_telemetry(const Fields& file, const std::vector<Application>& applications);

// Words as a shell splits them: blanks, quotes, backslashes; nothing is expanded. An Error for a
// quote that isn't closed.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace galileo::plan
