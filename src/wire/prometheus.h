// Pages of metrics in Prometheus' text format (also as OpenMetrics has it): one value a line,
// `name{label="value",...} value [time]`, comments after '#'. Read here of others, and written for
// our own pages. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galileo::wire {

struct Metric {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;  // in the page's order
  double value = 0;                                         // may be NaN or infinite
};

// Calls `take` for each value of the page; `metric` is valid during the call. The time that a line
// may carry is left out. An Error (kCorrupt) names the first line that is none of the format; what
// stood before it has been taken.
Result<void> read_metrics(std::string_view page, const std::function<void(const Metric&)>& take);

// The two lines above the values of a metric. `type`: "counter", "gauge" or "histogram".
void append_family(std::string& to, std::string_view name, std::string_view type,
                   std::string_view help);
// A label's value as it stands between quotes.
std::string label_value(std::string_view text);

// Appends one metric of ours with its comments. `type`: "counter" or "gauge".
void append_metric(std::string& to, std::string_view name, std::string_view type,
                   std::string_view help, std::uint64_t value);

}  // namespace galileo::wire
