// Where a client app comes from: the folder of apps, then the repository, whose archive is unpacked
// into that folder. Blocking; any thread, any number of processes at once.
#pragma once

#include <string>

#include "apps/app.h"
#include "base/result.h"

namespace galileo::apps {

struct AppPlaces {
  std::string folder = "./apps";  // galileo_apps_dir
  // galileo_apps_repository; empty: none is asked.
  std::string repository = "http://localhost:5001";
};

// kNotFound where none has it (with why the repository wasn't asked, if so); kCorrupt for an
// archive that can't be unpacked; kUsage for one that is no app.
Result<App> find_app(const AppPlaces& places, const std::string& name);

// The same where `name_or_path` may be an app's folder: what has a slash in it is one.
Result<App> find_app_or_folder(const AppPlaces& places, const std::string& name_or_path);

}  // namespace galileo::apps
