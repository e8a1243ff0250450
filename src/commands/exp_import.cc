#include "commands/exp_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/output.h"
#include "base/text.h"
#include "commands/exit_codes.h"
#include "commands/exp_common.h"
#include "commands/export_folder.h"
#include "commands/long_work.h"
#include "commands/run_options.h"
#include "experiment/stored_result.h"
#include "store/copy.h"

namespace galileo::commands {
namespace {

Result<std::vector<wire::Experiment>> chosen(store::Store& source,
                                             const std::vector<std::string>& ids) {
  std::vector<wire::Experiment> found;
  if (ids.empty()) {
    // What another import has left in part is no experiment.
    for (wire::Experiment& experiment : TRY(source.experiments())) {
      if (experiment.status != store::kImporting) found.push_back(std::move(experiment));
    }
  }
  for (const std::string& id : ids) {
    wire::Experiment experiment = TRY(find_experiment(source, id));
    const bool twice = std::any_of(found.begin(), found.end(),
                                   [&](const auto& one) { return one.id == experiment.id; });
    if (!twice) found.push_back(std::move(experiment));
  }
  return found;
}

// Before the first is copied: a typing error, or one that is there already, copies nothing.
Result<void> check_room(store::Store& target, const std::vector<wire::Experiment>& experiments) {
  for (const wire::Experiment& experiment : experiments) {
    const auto there = TRY(target.experiment(experiment.id));
    if (there && there->status != store::kImporting)
      return Error{ErrorCode::kUsage, fmt::format("can't import experiment {}", experiment.id),
                   target.where(), "the database has an experiment of that id already",
                   "--replace removes it first, or name another database with --db"};
  }
  return {};
}

}  // namespace

Result<int> import_experiments(const ImportFlags& flags) {
  std::error_code ignored;
  const auto source =
      TRY(std::filesystem::is_directory(flags.source, ignored) ? open_export(flags.source)
                                                               : open_database(flags.source));
  const auto experiments = TRY(chosen(*source, flags.ids));
  if (experiments.empty())
    return Error{ErrorCode::kNotFound,
                 "there is nothing to import",
                 source->where(),
                 "it holds no experiment",
                 {}};
  if (!flags.name.empty() && experiments.size() > 1)
    return Error{ErrorCode::kUsage,
                 "can't name the copy",
                 {},
                 fmt::format("{} experiments would be imported", experiments.size()),
                 "name one of them behind the source"};
  const auto target =
      TRY(store::open_store(TRY(whole_database(flags.database)), store::OpenMode::kCreate));
  if (!flags.replace) TRY(check_room(*target, experiments));
  LongWork work("exp import");
  std::uint64_t rows_before = 0;
  std::uint64_t rows_expected = 0;
  for (const wire::Experiment& experiment : experiments) {
    const store::Counts counts = TRY(source->counts(experiment.id));
    rows_expected += counts.traces + counts.telemetry + counts.events;
  }
  work.expect(rows_expected);
  int code = kFine;
  for (const wire::Experiment& experiment : experiments) {
    store::CopyOptions options;
    options.name = flags.name;
    options.replace = flags.replace;
    options.go_on = [&](const store::CopyCounts& counts) {
      return work.go_on(rows_before + counts.rows());
    };
    const auto copied = TRY(store::copy_experiment(*source, *target, experiment, options));
    rows_before += copied.rows();
    work.ended(rows_before);
    print_talk(fmt::format("galileo exp: imported {}: {} traces, {} values, {} events\n",
                           experiment.id, format_count(copied.traces), format_count(copied.samples),
                           format_count(copied.events)));
    code = std::max(code, tell_missing(experiment.id,
                                       experiment::traces_missing(
                                           TRY(source->metadata(experiment.id)), copied.traces)));
    if (copied.infinite_left_out > 0)
      print_talk(fmt::format("galileo exp: {} infinite values were left out: {} has none\n",
                             format_count(copied.infinite_left_out), target->where()));
  }
  return code;
}

}  // namespace galileo::commands
