// Any text as the telemetry daemon's file: no crash; what is taken is fit to be used.
#include "telemetry/daemon_config.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = telemetry::parse_ini(text, "c.ini");
  if (!file.ok()) {
    ENSURE(!file.error().where.empty() && !file.error().why.empty());
    return 0;
  }
  std::vector<std::string> warnings;
  const auto config = telemetry::daemon_config(
      *file, [](std::string_view) { return std::optional<std::string>(); }, "host", warnings);
  if (!config.ok()) {
    ENSURE(!config.error().where.empty(), config.error().to_text());
    return 0;
  }
  ENSURE(!config->node.empty() && config->node.find('/') == std::string::npos, config->node);
  for (const auto& [instrument, period] : config->periods)
    ENSURE(period >= std::chrono::milliseconds{10}, instrument);
  return 0;
}
