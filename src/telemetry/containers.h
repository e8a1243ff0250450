// The containers of this machine, as the kernel's control groups show them: of Docker, Podman and
// containerd, in whatever slice they are, without root as well, and of Kubernetes' pods under
// containerd, cri-o, Docker or k3s; cgroup v1, v2 and both beside each other; cgroup drivers
// cgroupfs and systemd. Where inotify works the folders are looked through only when one of them
// has changed. Lives on the thread of its Sampler.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {

struct Container {
  enum class Kind : std::uint8_t { kDocker, kKubernetes };  // all but pods are as Docker's
  Kind kind = Kind::kDocker;
  std::string id;      // 64 hex digits
  std::string folder;  // below the root of each hierarchy, without a slash at its start
  // One that is started again may have the same folder's name.
  std::optional<Identity> identity = {};

  bool operator==(const Container&) const = default;
};

// Where the controllers are; empty: this machine hasn't got that one.
struct Hierarchies {
  bool v2 = false;        // then all of them are the same
  std::string cpu;        // what was used
  std::string bandwidth;  // what was held back
  std::string memory;
  std::string blkio;
};
Hierarchies find_hierarchies(const std::string& sys);

// The container id in the name of a control group's folder: "docker-<id>.scope",
// "libpod-<id>.scope", "nerdctl-<id>.scope", "cri-containerd-<id>.scope", "crio-<id>.scope",
// "<pod>.slice:cri-containerd:<id>", "libpod-<id>", "<id>". Empty where it is none.
std::string_view container_id(std::string_view folder_name);

class ContainerFinder {
 public:
  // Containers beyond the machine's `containers_max` are left out, and what lies in folders beyond
  // ten times as many.
  explicit ContainerFinder(const Machine& machine);
  ~ContainerFinder();
  ContainerFinder(const ContainerFinder&) = delete;
  ContainerFinder& operator=(const ContainerFinder&) = delete;

  // Looks whether something has changed, at most once for each `now`.
  void update(Time now);
  const std::vector<Container>& containers() const { return containers_; }
  // Changes with containers().
  std::uint64_t generation() const { return generation_; }
  const Hierarchies& hierarchies() const { return hierarchies_; }
  std::size_t left_out() const { return left_out_; }

 private:
  bool changed();
  void scan();
  void look_through(const std::string& folder, bool in_kubernetes, int depth,
                    std::vector<Container>& found);
  void watch(const std::string& folder);

  const Hierarchies hierarchies_;
  const std::size_t containers_max_;
  const std::string root_;   // of the hierarchy that is looked through
  const std::string below_;  // what stands before each folder there: empty, or "a/b/"
  std::vector<Container> containers_;
  std::uint64_t generation_ = 0;
  std::size_t left_out_ = 0;
  std::size_t folders_ = 0;  // looked through in this scan
  Time updated_ = kNever;
  Time scanned_ = kNever;
  int inotify_ = -1;
  bool all_watched_ = false;            // no folder went without a watch
  std::map<std::string, int> watches_;  // by folder
};

}  // namespace galileo::telemetry
