// A profile as text: its figures, and its rate over time as a chart. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "load/profile_figures.h"

namespace galileo::commands {

// How many columns of the chart fit into a terminal of that width.
std::size_t chart_columns(int width);

// `rates`: requests a second in equal parts of its length, a column each.
std::string profile_text(const std::string& name, const load::ProfileFigures& figures,
                         const std::vector<double>& rates);

}  // namespace galileo::commands
