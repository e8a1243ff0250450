// Where runs of this user are found while they go on: a folder that is nobody else's, with a Unix
// socket a run, <experiment id>.sock.
#pragma once

#include <string>

#include "base/result.h"

namespace galileo::commands {

// $XDG_RUNTIME_DIR/galileo, or /tmp/galileo-<uid> where there is no such variable or its folder's
// name is too long for a socket's; made where it isn't there. An Error where it is another user's,
// or others may enter it.
Result<std::string> run_folder();

}  // namespace galileo::commands
