// What `galileo recorder` says while it records and in the end. Pure functions.
#pragma once

#include <string>

#include "fleet/recorder.h"

namespace galileo::commands {

// "12,345 traces (+1,000), ...": how far it is, and how far since `before`. Without a newline.
std::string progress_line(const fleet::RecorderState& now, const fleet::RecorderState& before);

// What was recorded and where it is, for people, and as a JSON object.
std::string recorder_summary(const fleet::Recorded& recorded);
std::string recorder_json(const fleet::Recorded& recorded);

}  // namespace galileo::commands
