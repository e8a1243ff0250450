// In what a set of our pods, as a cluster stores it, differs from what deployment/kubernetes has:
// somebody edited it, a tool put something into it, or it is of another release. The files are a
// part of the program. What is everybody's own matter isn't compared: names, images, values of
// variables, selectors, tolerations, requests and limits of memory. Values; any thread.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace galileo::experiment {

struct Deviations {
  std::vector<std::string> lacks;    // without which it doesn't work: "the mount /sys_host"
  std::vector<std::string> differs;  // that it may do, or has, beyond ours: "privileged: true"
};

class ShippedSpecs {
 public:
  ShippedSpecs();
  ~ShippedSpecs();

  // Whether it makes workers, gateways, telemetry daemons or others of ours: by its name, or that
  // of its first container, since zones have sets of their own.
  bool has(const nlohmann::json& set) const;
  // Nothing where it is none of ours.
  Deviations deviations(const nlohmann::json& set) const;
  // The release that the files are of: the tag of their images.
  std::string release() const;

 private:
  const nlohmann::json* like(const nlohmann::json& set) const;

  std::unique_ptr<const std::vector<nlohmann::json>> sets_;
};

}  // namespace galileo::experiment
