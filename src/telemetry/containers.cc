#include "telemetry/containers.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "telemetry/files.h"

namespace galileo::telemetry {
namespace {

// Where not every folder is watched they are looked through this often.
constexpr Duration kScanEvery = std::chrono::seconds{1};
// And even where all are: a watch that the kernel dropped must not hide a container for good.
constexpr Duration kScanAnyway = std::chrono::seconds{60};
// user.slice / user-1000.slice / user@1000.service / user.slice / user-libpod_pod_<id>.slice /
// container; and some room, as for a kubelet in a slice of its own.
constexpr int kDepthMax = 9;
constexpr std::size_t kIdDigits = 64;

bool is_id(std::string_view text) {
  return text.size() == kIdDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_folder(const std::string& path) {
  return access((path + "/.").c_str(), F_OK) == 0;
}

std::string first_folder(const std::string& in, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (is_folder(in + "/" + name)) return in + "/" + name;
  }
  return {};
}

// What may hold pods: "kubepods", "kubepods.slice", and "kubelet…" above it where the kubelet has a
// root of its own.
bool is_kubernetes_root(std::string_view name) {
  return name.starts_with("kubepods") || name.starts_with("kubelet");
}

// Whose a container is says its folder's name, or else where it lies.
bool is_of_kubernetes(std::string_view name) {
  return is_kubernetes_root(name) || name.starts_with("cri-containerd-") ||
         name.starts_with("crio-");
}

// "/a/b" as "a/b/".
std::string folder_prefix(std::string_view root) {
  while (!root.empty() && root.front() == '/') root.remove_prefix(1);
  while (!root.empty() && root.back() == '/') root.remove_suffix(1);
  return root.empty() ? std::string() : std::string(root) + "/";
}

}  // namespace

Hierarchies find_hierarchies(const std::string& sys) {
  const std::string root = sys + "/fs/cgroup";
  Hierarchies found;
  if (access((root + "/cgroup.controllers").c_str(), F_OK) == 0) {
    found.v2 = true;
    found.cpu = found.bandwidth = found.memory = found.blkio = root;
    return found;
  }
  found.cpu = first_folder(root, {"cpu,cpuacct", "cpuacct,cpu", "cpuacct"});
  found.bandwidth = first_folder(root, {"cpu,cpuacct", "cpuacct,cpu", "cpu"});
  found.memory = first_folder(root, {"memory"});
  found.blkio = first_folder(root, {"blkio"});
  return found;
}

std::string_view container_id(std::string_view name) {
  if (name.ends_with(".scope")) {
    name.remove_suffix(std::string_view(".scope").size());
    for (const std::string_view prefix :
         {"cri-containerd-", "crio-", "docker-", "libpod-", "nerdctl-"}) {
      if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        return is_id(name) ? name : std::string_view();
      }
    }
    return {};
  }
  if (name.starts_with("libpod-")) name.remove_prefix(std::string_view("libpod-").size());
  const std::size_t colon = name.rfind(':');
  if (colon != std::string_view::npos) name.remove_prefix(colon + 1);
  return is_id(name) ? name : std::string_view();
}

ContainerFinder::ContainerFinder(const Machine& machine)
    : hierarchies_(find_hierarchies(machine.sys)),
      containers_max_(machine.containers_max),
      root_(!hierarchies_.cpu.empty()      ? hierarchies_.cpu
            : !hierarchies_.memory.empty() ? hierarchies_.memory
                                           : hierarchies_.blkio),
      below_(folder_prefix(machine.cgroup_root)),
      inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

ContainerFinder::~ContainerFinder() {
  if (inotify_ >= 0) close(inotify_);
}

void ContainerFinder::update(Time now) {
  if (now == updated_ || root_.empty()) return;
  updated_ = now;
  const bool known = changed();
  const Duration since = scanned_ == kNever ? kScanAnyway : now - scanned_;
  if (!known && since < (all_watched_ ? kScanAnyway : kScanEvery)) return;
  scanned_ = now;
  scan();
}

// Whether a watched folder has had a folder made or removed. What else is said isn't looked at.
bool ContainerFinder::changed() {
  if (inotify_ < 0) return false;
  alignas(inotify_event) char buffer[16 * 1024];
  bool any = false;
  while (read(inotify_, buffer, sizeof buffer) > 0) any = true;
  return any;
}

void ContainerFinder::scan() {
  const std::map<std::string, int> before = std::exchange(watches_, {});
  all_watched_ = true;
  left_out_ = 0;
  folders_ = 0;
  std::vector<Container> found;
  look_through(below_.substr(0, below_.size() - !below_.empty()), false, 1, found);
  std::set<int> in_use;
  for (const auto& [folder, descriptor] : watches_) in_use.insert(descriptor);
  for (const auto& [folder, descriptor] : before) {
    // One whose folder has gone went with it; then this says so, which is no matter.
    if (!in_use.contains(descriptor)) inotify_rm_watch(inotify_, descriptor);
  }
  if (found.size() > containers_max_) {
    left_out_ += found.size() - containers_max_;
    found.resize(containers_max_);
  }
  if (found == containers_) return;
  containers_ = std::move(found);
  ++generation_;
}

// Wherever a container may have been put: Docker's and Podman's --cgroup-parent, a user's own
// slices, a runtime's service.
void ContainerFinder::look_through(const std::string& folder, bool in_kubernetes, int depth,
                                   std::vector<Container>& found) {
  if (++folders_ > 10 * containers_max_) {
    ++left_out_;
    return;
  }
  const std::string path = root_ + "/" + folder;
  watch(path);
  for (const std::string& name : list_folders(path)) {
    const std::string below = folder.empty() ? name : fmt::format("{}/{}", folder, name);
    const bool of_kubernetes = in_kubernetes || is_of_kubernetes(name);
    if (const std::string_view id = container_id(name); !id.empty())
      found.push_back({of_kubernetes ? Container::Kind::kKubernetes : Container::Kind::kDocker,
                       std::string(id), below, identity_of(fmt::format("{}/{}", root_, below))});
    else if (depth < kDepthMax)
      look_through(below, of_kubernetes, depth + 1, found);
  }
}

// Before the folder is read, so that what comes in between is seen the next time. A folder that is
// watched already keeps its descriptor.
void ContainerFinder::watch(const std::string& folder) {
  const int descriptor =
      inotify_ < 0
          ? -1
          : inotify_add_watch(inotify_, folder.c_str(),
                              IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR);
  if (descriptor < 0) all_watched_ = false;
  watches_[folder] = descriptor;
}

}  // namespace galileo::telemetry
