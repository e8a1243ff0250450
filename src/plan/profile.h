// Profiles: files of the seconds between requests, from whoever recorded or made them. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::plan {

inline constexpr std::size_t kProfileFileMax = std::size_t{512} << 20;

// The inter-arrivals that a file's bytes hold, each of them from 0 up. What kind of file it is, it
// shows by its beginning:
//   - one number a line, or a column of a CSV; '#' begins a comment. The column is the one whose
//     heading is `column`, or else the first. With `column` the first line holds headings; without
//     it does where each of its fields begins like a word, and several columns must have headings.
//     Every line has the same fields, and every number is checked alike;
//   - JSON: a list of numbers, or an object a line, of which the key `column` is meant, or else the
//     first one;
//   - a pickle of the old system's (wire/pickle.h).
Result<std::vector<double>> parse_profile(std::string_view text, std::string_view column);

}  // namespace galileo::plan
