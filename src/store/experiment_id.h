// What a new experiment is called: "%Y%m%d%H%M-" in local time and 8 hex digits drawn; the old
// system drew 4, of which a busy minute has two alike. Any thread.
#pragma once

#include <string>

#include "base/time.h"
#include "store/store.h"

namespace galileo::store {

std::string make_experiment_id(Wall now);

// One that the store has nothing of; null: any.
Result<std::string> new_experiment_id(Wall now, Store* store);

// Whether it is of that form, the old system's or ours.
bool looks_like_experiment_id(std::string_view text);

}  // namespace galileo::store
