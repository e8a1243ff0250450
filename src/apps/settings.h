// What says how client apps are found, run and held, by name: as texts, which are what travels from
// the environment (galileo_apps_<name>) to whoever starts one; and read. Values; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "apps/lookup.h"
#include "apps/sandbox.h"
#include "base/result.h"

namespace galileo::apps {

// dir        folder of apps
// repository URL; "none": none is asked
// python     interpreter
// memory     resident bytes of a client's processes ("512MiB")
// processes  of a client
// files      open at once, of each process
// cpu        seconds of each process, none: no limit
// timeout    for the next request; six times as long to load
// network    yes, no
using Settings = std::map<std::string, std::string>;
inline constexpr std::string_view kSettingNames[] = {
    "dir", "repository", "python", "memory", "processes", "files", "cpu", "timeout", "network"};

struct AppSettings {
  AppPlaces places;
  std::string python = "python3";
  AppLimits limits;
};

// What isn't among them holds as it is without. kUsage with the variable's name for what can't be.
Result<AppSettings> read_settings(const Settings& settings);

}  // namespace galileo::apps
