#include "apps/settings.h"

#include <fmt/format.h>

#include "base/text.h"

namespace galileo::apps {
namespace {

Error wrong(std::string_view name, const std::string& value, std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, fmt::format("wrong galileo_apps_{}", name), value, std::move(why),
               std::move(hint)};
}

Result<std::uint32_t> whole(std::string_view name, const std::string& value) {
  const auto number = parse_integer(value);
  if (!number || *number < 1 || *number > 1'000'000)
    return wrong(name, value, "it must be a whole number from 1 to 1,000,000", {});
  return static_cast<std::uint32_t>(*number);
}

Result<void> set_one(AppSettings& settings, const std::string& name, const std::string& value) {
  AppLimits& limits = settings.limits;
  if (name == "dir") settings.places.folder = value;
  if (name == "repository") settings.places.repository = value == "none" ? "" : value;
  if (name == "python") settings.python = value;
  if (name == "processes") limits.processes = TRY(whole(name, value));
  if (name == "files") limits.open_files = TRY(whole(name, value));
  if (name == "cpu") limits.cpu_s = TRY(whole(name, value));
  if (name == "memory") {
    const auto bytes = parse_bytes(value);
    if (!bytes.ok()) return wrong(name, value, bytes.error().why, bytes.error().hint);
    limits.memory_bytes = *bytes;
  }
  if (name == "timeout") {
    const auto within = parse_duration(value);
    if (!within.ok()) return wrong(name, value, within.error().why, within.error().hint);
    if (*within <= Duration{0}) return wrong(name, value, "it must be above 0", {});
    limits.answer_within = *within;
  }
  if (name == "network") {
    const std::string word = to_lower(value);
    if (word != "yes" && word != "no" && word != "true" && word != "false")
      return wrong(name, value, "it must be yes or no", {});
    limits.network = word == "yes" || word == "true";
  }
  return {};
}

}  // namespace

Result<AppSettings> read_settings(const Settings& settings) {
  AppSettings read;
  for (const auto& [name, value] : settings) {
    if (!value.empty()) TRY(set_one(read, name, value));
  }
  return read;
}

}  // namespace galileo::apps
