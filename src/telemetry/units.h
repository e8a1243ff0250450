// The units of telemetry metrics, by the metric's name. Pure function; any thread.
#pragma once

#include <string>
#include <string_view>

namespace galileo::telemetry {

// "%", "kB", "kB/s", "bytes", "us", ...; empty where a metric has none or isn't known.
std::string unit_of(std::string_view metric);

}  // namespace galileo::telemetry
