// Where this program is: what "galileo" in a command means, and beside it what its package carries
// along. Any thread.
#pragma once

#include <string>

namespace galileo {

std::string own_path();  // "galileo" where the kernel doesn't say

}  // namespace galileo
