// What a new experiment is called: "%Y%m%d%H%M-" in local time and 4 hex digits drawn, as the old
// system has it. Any thread.
#pragma once

#include <string>

#include "base/time.h"

namespace galileo::store {

std::string make_experiment_id(Wall now);

}  // namespace galileo::store
