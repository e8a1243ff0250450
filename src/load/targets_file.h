// A file of targets (wire/request_targets.h) with the bodies that it names. Blocking; any thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "load/request_list.h"

namespace galileo::load {

inline constexpr std::size_t kTargetsFileMax = std::size_t{512} << 20;

struct TargetsFile {
  RequestList list;
  // Of their URLs, "http://host:port" without a path, where they name hosts; all name the same one,
  // or none.
  std::string url;
};

// Where the body lies that a target names.
using BodyPlace = std::function<Result<std::string>(const std::string& name)>;

// An Error with the line where a target can't be, names a file that can't be read, or another host
// than those before it.
Result<TargetsFile> read_targets(const std::string& path, const BodyPlace& place);
// Bodies are looked for in `folder`.
Result<TargetsFile> read_targets(const std::string& path, const std::string& folder);

// The bodies that the targets name, by these names, and where they lie in `folder`.
Result<std::map<std::string, std::string>> bodies_of_targets(const std::string& path,
                                                             const std::string& folder);

}  // namespace galileo::load
