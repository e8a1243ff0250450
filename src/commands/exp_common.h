// What the subcommands of `galileo exp` share: how a database is opened, and which experiment is
// meant.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analysis/stored_result.h"
#include "base/result.h"
#include "store/store.h"

namespace galileo::commands {

// Opens the database that `where` names, and first takes into it what runs that were cut off have
// left in their spools.
Result<std::unique_ptr<store::Store>> open_database(const std::string& where);

// The experiment that was meant: an id, the beginning of just one, "last", or "last~1" for the one
// before it.
Result<wire::Experiment> find_experiment(store::Store& store, const std::string& id);

// Removes the experiments that were meant, with all that belongs to them, and tells the whole id of
// each. All of them are looked up before the first is removed: a typing error removes nothing. One
// that is named twice goes once.
Result<void> remove_experiments(store::Store& store, const std::vector<std::string>& ids,
                                const std::function<void(const std::string& id)>& on_removed);

// Its result; `command` ("exp show") tells how far it is where that takes long. `on_trace` gets
// each row too.
using OnTrace = std::function<void(const wire::NamedTrace&)>;
Result<std::unique_ptr<analysis::StoredResult>> read_result(store::Store& store,
                                                            const wire::Experiment& experiment,
                                                            const std::string& command,
                                                            const OnTrace& on_trace = {});

// What is named after an experiment where the user names nothing else: its id and `ending`, which
// has to be a file's name and no way to another place.
Result<std::string> name_by_id(const std::string& id, const std::string& ending);

// Tells that so many of an experiment's traces aren't there, where there are any; the exit code.
int tell_missing(const std::string& id, std::uint64_t traces);

}  // namespace galileo::commands
