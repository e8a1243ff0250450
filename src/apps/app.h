// A client app (docs/how-to/apps.md): a folder with `manifest.yml`, a map with a `name`, and
// `generator.py`, whose next_request() says what its clients send. An app is known by its folder's
// name; lists show the manifest's. Values and blocking reads of small files; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::apps {

struct App {
  std::string name;      // as it is asked for: its folder's
  std::string title;     // the manifest's `name`
  std::string path;      // of its folder, absolute
  std::string manifest;  // all of it, a JSON object
};

inline constexpr std::string_view kManifestFile = "manifest.yml";
inline constexpr std::string_view kGeneratorFile = "generator.py";

// What can be an app's name: a folder's in one part, that doesn't begin with a dot.
Result<void> check_app_name(std::string_view name);

// The manifest as a JSON object, read as YAML 1.1 (as the old system read it), and its name.
Result<App> read_manifest(std::string_view yaml, const std::string& where);

// The app of that folder. Errors: kNotFound without the folder; kUsage for one that is no app.
Result<App> read_app(const std::string& path);

// Those of a folder of apps, by their folders' names; what is no app is left out. A folder that
// isn't there has none.
Result<std::vector<App>> apps_in(const std::string& folder);

}  // namespace galileo::apps
