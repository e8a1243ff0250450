#include "commands/exp_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "analysis/stored_result.h"
#include "base/output.h"
#include "base/text.h"
#include "commands/exit_codes.h"
#include "commands/exp_common.h"
#include "commands/long_work.h"
#include "commands/run_options.h"
#include "store/copy.h"
#include "tables/export_folder.h"
#include "tables/import.h"

namespace galileo::commands {
namespace {

Result<std::vector<wire::Experiment>> chosen(store::Store& source,
                                             const std::vector<std::string>& ids) {
  if (ids.empty()) return tables::whole_experiments(source);
  std::vector<wire::Experiment> found;
  for (const std::string& id : ids) {
    wire::Experiment experiment = TRY(find_experiment(source, id));
    const bool twice = std::any_of(found.begin(), found.end(),
                                   [&](const auto& one) { return one.id == experiment.id; });
    if (!twice) found.push_back(std::move(experiment));
  }
  return found;
}

}  // namespace

Result<int> import_experiments(const ImportFlags& flags) {
  std::error_code ignored;
  const auto source =
      TRY(std::filesystem::is_directory(flags.source, ignored) ? tables::open_export(flags.source)
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
  std::optional<LongWork> work;
  int code = kFine;
  std::optional<Error> unread;
  tables::ImportOptions options;
  options.name = flags.name;
  options.replace = flags.replace;
  options.on_begin = [&](std::uint64_t rows) { work.emplace("exp import").expect(rows); };
  options.go_on = [&](std::uint64_t rows) { return work->go_on(rows); };
  options.on_copied = [&](const wire::Experiment& experiment, const store::CopyCounts& copied) {
    print_talk(fmt::format("galileo exp: imported {}: {} traces, {} values, {} events\n",
                           experiment.id, format_count(copied.traces), format_count(copied.samples),
                           format_count(copied.events)));
    const auto metadata = source->metadata(experiment.id);
    if (metadata.ok())
      code = std::max(
          code, tell_missing(experiment.id, analysis::traces_missing(*metadata, copied.traces)));
    else if (!unread)
      unread = metadata.error();
    if (copied.infinite_left_out > 0)
      print_talk(fmt::format("galileo exp: {} infinite values were left out: {} has none\n",
                             format_count(copied.infinite_left_out), target->where()));
  };
  const std::uint64_t rows =
      TRY(tables::import_experiments(*source, *target, experiments, options));
  work->ended(rows);
  if (unread) return *unread;
  return code;
}

}  // namespace galileo::commands
