// `galileo app ls | deploy | rm` and `app new --client`: client apps in the folder of apps and in a
// repository; and where commands look for them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/settings.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace galileo::commands {

// galileo_apps_dir and galileo_apps_repository, or what holds without them; flags over both.
apps::AppPlaces app_places(const std::string& folder = {}, const std::string& repository = {});

// All of galileo_apps_*, by the names of apps::Settings.
apps::Settings app_settings();

class ClientApps {
 public:
  // Adds the subcommands to `options`.
  explicit ClientApps(CLI::App& options);

  // Whether it was one of them that was asked for; after options were parsed.
  bool asked() const;
  Result<void> run();

 private:
  Result<void> list() const;
  Result<void> deploy() const;
  Result<void> remove() const;

  CLI::App* list_;
  CLI::App* deploy_;
  CLI::App* remove_;
  std::string path_;
  std::string path_flag_;
  std::string name_;
  std::string folder_;
  std::string repository_;
  bool json_ = false;
};

// Writes a client app that can be sent at once, as the folder `path`/`name`; the files' paths.
Result<std::vector<std::string>> make_client_app(const std::string& path, const std::string& name);

}  // namespace galileo::commands
