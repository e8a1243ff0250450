#include "commands/exp_common.h"

#include <fmt/format.h>

#include "base/output.h"
#include "base/text.h"
#include "commands/run_options.h"
#include "store/drain.h"

namespace galileo::commands {

Result<std::unique_ptr<store::Store>> open_database(const std::string& where) {
  auto opened = TRY(store::open_store(TRY(whole_database(where)), store::OpenMode::kExisting));
  for (const store::Recovered& one : store::recover(*opened))
    print_talk(fmt::format("galileo exp: {}\n", store::to_text(one)));
  return opened;
}

Result<wire::Experiment> find_experiment(store::Store& store, const std::string& id) {
  const std::vector<wire::Experiment> all = TRY(store.experiments());
  std::vector<wire::Experiment> fitting;
  std::vector<std::string> ids;
  for (const wire::Experiment& experiment : all) {
    if (experiment.id == id) return experiment;
    if (experiment.id.rfind(id, 0) == 0) fitting.push_back(experiment);
    ids.push_back(experiment.id);
  }
  if (id == "last" && !all.empty()) return all.back();
  if (fitting.size() == 1) return fitting.front();
  const std::string what = fitting.empty()
                               ? fmt::format("there is no experiment '{}'", id)
                               : fmt::format("{} experiments begin with '{}'", fitting.size(), id);
  if (ids.size() > 10) ids.erase(ids.begin(), ids.end() - 10);
  return Error{ErrorCode::kNotFound,
               what,
               store.where(),
               {},
               ids.empty() ? "it holds none" : hint_for_unknown(id, ids)};
}

}  // namespace galileo::commands
