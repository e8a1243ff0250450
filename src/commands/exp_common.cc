#include "commands/exp_common.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/output.h"
#include "base/text.h"
#include "base/utf8.h"
#include "commands/exit_codes.h"
#include "commands/long_work.h"
#include "commands/run_options.h"
#include "store/recover.h"

namespace galileo::commands {

Result<std::unique_ptr<store::Store>> open_database(const std::string& where) {
  auto opened = TRY(store::open_store(TRY(whole_database(where)), store::OpenMode::kExisting));
  Progress progress("exp, recovering what runs left");
  const auto told = [&](const std::string&, std::uint64_t traces) { progress.tell(traces); };
  for (const store::Recovered& one : store::recover(*opened, told))
    print_talk(fmt::format("galileo exp: {}\n", store::to_text(one)));
  return opened;
}

namespace {

// How many there are after the one that "last" or "last~2" names.
std::optional<std::size_t> steps_back(const std::string& id) {
  if (id == "last") return 0;
  if (!id.starts_with("last~")) return std::nullopt;
  const auto count = parse_integer(id.substr(5));
  if (!count || *count < 0) return std::nullopt;
  return static_cast<std::size_t>(*count);
}

}  // namespace

int tell_missing(const std::string& id, std::uint64_t traces) {
  if (traces == 0) return kFine;
  print_talk(fmt::format("galileo exp: {} isn't whole: {} traces that its run left are missing\n",
                         id, format_count(traces)));
  return kUnbalanced;
}

Result<wire::Experiment> find_experiment(store::Store& store, const std::string& id) {
  const std::vector<wire::Experiment> all = TRY(store.experiments());
  if (id.empty())
    return Error{ErrorCode::kUsage,
                 "an empty id names no experiment",
                 store.where(),
                 {},
                 "galileo exp ls lists them"};
  if (const auto back = steps_back(id)) {
    if (*back < all.size()) return all[all.size() - 1 - *back];
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no experiment '{}'", id),
                 store.where(),
                 {},
                 fmt::format("it holds {}", all.size())};
  }
  std::vector<wire::Experiment> fitting;
  std::vector<std::string> ids;
  for (const wire::Experiment& experiment : all) {
    if (experiment.id == id) return experiment;
    if (experiment.id.rfind(id, 0) == 0) fitting.push_back(experiment);
    ids.push_back(experiment.id);
  }
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

Result<void> remove_experiments(store::Store& store, const std::vector<std::string>& ids,
                                const std::function<void(const std::string& id)>& on_removed) {
  std::vector<std::string> found;
  found.reserve(ids.size());
  for (const std::string& id : ids) {
    const wire::Experiment experiment = TRY(find_experiment(store, id));
    if (std::find(found.begin(), found.end(), experiment.id) == found.end())
      found.push_back(experiment.id);
  }
  for (const std::string& id : found) {
    TRY(store.remove(id));
    on_removed(id);
  }
  return {};
}

Result<std::unique_ptr<analysis::StoredResult>> read_result(store::Store& store,
                                                            const wire::Experiment& experiment,
                                                            const std::string& command,
                                                            const OnTrace& on_trace) {
  const store::StoredRows counts = TRY(store.counts(experiment.id));
  Progress progress(command, counts.traces);
  std::uint64_t rows = 0;
  auto result = analysis::load_stored_result(store, experiment, [&](const wire::NamedTrace& one) {
    if (on_trace) on_trace(one);
    if (++rows % 4096 == 0) progress.tell(rows);
  });
  progress.ended(rows);
  return result;
}

Result<std::string> name_by_id(const std::string& id, const std::string& ending) {
  if (id == one_line(id) && id.find('/') == std::string::npos && !id.starts_with('.') &&
      !id.starts_with('-'))
    return id + ending;
  return Error{ErrorCode::kUsage,
               fmt::format("'{}' can't be a file's name", one_line(id)),
               {},
               {},
               "give one by --output"};
}

}  // namespace galileo::commands
