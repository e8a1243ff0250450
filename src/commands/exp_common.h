// What the subcommands of `galileo exp` share: how a database is opened, and which experiment is
// meant.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace galileo::commands {

// Opens the database that `where` names, and first takes into it what runs that were cut off have
// left in their spools.
Result<std::unique_ptr<store::Store>> open_database(const std::string& where);

// The experiment that was meant: an id, the beginning of just one, or "last".
Result<wire::Experiment> find_experiment(store::Store& store, const std::string& id);

}  // namespace galileo::commands
