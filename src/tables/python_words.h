// What the Python children of this room say when they fail.
#pragma once

#include <string>

#include "base/result.h"

namespace galileo::tables {

// The last line of what is in the file.
std::string last_line(int fd);

// Gives the Error its mend where that is pyarrow, which the child said by `last`.
bool tell_pyarrow(Error& error, const std::string& python, const std::string& last);

}  // namespace galileo::tables
