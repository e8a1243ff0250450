#include "commands/spool_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "commands/options.h"

namespace galileo::commands {
void add_spool_options(CLI::App& app, SpoolFlags& flags, const std::string& stops) {
  app.add_option("--spool-max", flags.max,
                 "how much of its disk the spool may take, as 10GiB or 500MB "
                 "[galileo_spool_max, or as much as there is]");
  app.add_option("--spool-full", flags.full,
                 fmt::format("then: stop ({}), drop-oldest (rows that are in no database yet go, "
                             "and are counted) [galileo_spool_full, or stop]",
                             stops));
}

Result<store::SpoolLimit> spool_limit(const SpoolFlags& flags) {
  store::SpoolLimit limit;
  if (const Said max = said(flags.max, "--spool-max", "galileo_spool_max"); !max.value.empty()) {
    auto bytes = parse_bytes(max.value);
    if (!bytes.ok()) {
      bytes.error().what = "the spool can't have that bound";
      bytes.error().where = max.name;
      return bytes.error();
    }
    if (*bytes < store::kSpoolLimitMin)
      return Error{ErrorCode::kUsage, "the spool can't do with so little", max.name,
                   fmt::format("'{}' is less than {}", max.value,
                               format_bytes(static_cast<double>(store::kSpoolLimitMin))),
                   "give it more, or leave it out: then it takes as much as there is"};
    limit.bytes_max = *bytes;
  }
  const Said full = said(flags.full, "--spool-full", "galileo_spool_full");
  if (full.value == "drop-oldest")
    limit.when_full = store::WhenFull::kDropOldest;
  else if (!full.value.empty() && full.value != "stop")
    return Error{ErrorCode::kUsage,
                 fmt::format("'{}' is nothing that a full spool can do", full.value),
                 full.name,
                 {},
                 hint_for_unknown(full.value, {"stop", "drop-oldest"})};
  return limit;
}

}  // namespace galileo::commands
