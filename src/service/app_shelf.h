// The API's client apps: a zip each in a folder, `<name>.zip`, named by its manifest. Blocking; for
// one thread at a time, and for any number of processes on the folder.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::service {

class AppShelf {
 public:
  explicit AppShelf(std::string folder) : folder_(std::move(folder)) {}

  struct Shelved {
    std::string name;
    std::string manifest;  // a JSON object
  };
  // By name. A folder that isn't there has none; what is no app's archive is left out.
  Result<std::vector<Shelved>> all();
  // Nothing: there is none of that name.
  Result<std::optional<Shelved>> one(const std::string& name);
  Result<std::optional<std::string>> zip(const std::string& name);
  // In place of one of that name, as a whole. kUsage with the reason for what isn't an app's
  // archive.
  Result<Shelved> put(std::string_view zip);
  // False: there was none.
  Result<bool> remove(const std::string& name);

 private:
  struct Known {
    std::int64_t changed = 0;  // as the file system counts
    std::uint64_t bytes = 0;
    std::optional<Shelved> app;  // none: it isn't one
  };
  std::optional<std::string> path_of(const std::string& name) const;
  Result<std::optional<Shelved>> read(const std::string& path);

  const std::string folder_;
  std::map<std::string, Known> known_;  // so that a list doesn't unpack all of them again
};

}  // namespace galileo::service
