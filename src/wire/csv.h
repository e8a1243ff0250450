// Comma-separated values (RFC 4180). Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace galileo::wire {

// One line with its end; fields are quoted where they must be.
std::string csv_line(const std::vector<std::string>& fields);

// The fields of one line (without its end); quotes are taken off, a doubled quote is one.
std::vector<std::string> parse_csv_line(std::string_view line);

}  // namespace galileo::wire
