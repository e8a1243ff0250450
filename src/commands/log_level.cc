#include "commands/log_level.h"

#include "commands/options.h"

namespace galileo::commands {

Result<void> set_log_level_by_environment(LogLevel otherwise, std::string_view own) {
  for (const std::string_view name :
       {own, std::string_view("galileo_logging_level"), std::string_view("galileo_log_level")}) {
    const auto value = name.empty() ? std::nullopt : environment(name);
    if (!value || value->empty()) continue;
    auto level = parse_log_level(*value);
    if (!level.ok()) {
      level.error().what = "the log can't have that level";
      level.error().where = name;
      return level.error();
    }
    set_log_level(*level);
    return {};
  }
  set_log_level(otherwise);
  return {};
}

}  // namespace galileo::commands
