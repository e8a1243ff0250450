// Which Kubernetes a server is, and whether it has what is asked of it. Pure functions and values;
// any thread.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::kubernetes {

struct Version {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const Version&) const = default;
};

// The range that the documentation states: what stands in deployment/ fits the schemas of all of
// them, and nothing that a run always does is younger than the first.
inline constexpr Version kOldestVersion{1, 27};
inline constexpr Version kNewestVersion{1, 37};

// What not every version has. A run that asks for it is refused on an older one.
struct Feature {
  const char* what;   // as messages call it
  const char* needs;  // of the API
  Version since;
};
inline constexpr Feature kAutoscaling{"autoscale", "autoscaling/v2", {1, 23}};
inline constexpr Feature kResizing{"resize", "pods/resize", {1, 33}};

// Of a server's gitVersion: "v1.34.4", "v1.30.2+k3s1", "v1.29.3-gke.1282000". An Error (kUsage)
// where it says none.
Result<Version> parse_version(std::string_view git_version);
std::string version_text(const Version& version);  // "1.34"

// An Error (kUsage) where the server is older: of the feature, what it needs, and both versions.
Result<void> require(const Feature& feature, const Version& server);

}  // namespace galileo::kubernetes
