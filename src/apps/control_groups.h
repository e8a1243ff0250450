// Control groups of a client app's processes: one for each client, in which the kernel itself holds
// memory and number of processes, at once and exactly, where the machine has such groups and lets
// us make some. Version 2 needs a group, ours or the one above it, that gives both controllers to
// those below; version 1 one of each. Where there is none, process_tree.h looks every now and then.
// Files of /sys, but for group_places(); blocking, but short. Lives at its host's desk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::apps {

// Where groups may be made: folders of the two controllers, of version 2 the same one.
struct GroupPlace {
  std::string memory;
  std::string pids;
  bool is_second = false;

  bool operator==(const GroupPlace&) const = default;
};
// In the order in which they are to be tried, by what /proc/self/mountinfo and /proc/self/cgroup
// say.
std::vector<GroupPlace> group_places(std::string_view mounts, std::string_view own);

class ControlGroups {
 public:
  struct Limits {
    std::uint64_t memory_bytes = 0;  // of a client
    std::uint32_t processes = 0;     // likewise
  };
  // Null where none can be made. `proc`: the folder of this process.
  static std::unique_ptr<ControlGroups> make(const Limits& limits,
                                             const std::string& proc = "/proc/self");
  // Ends what is still in them.
  ~ControlGroups();
  ControlGroups(const ControlGroups&) = delete;
  ControlGroups& operator=(const ControlGroups&) = delete;

  // A group for that client: descriptors, the caller's to close; who writes "0" into each is in it.
  Result<std::vector<int>> begin(std::uint32_t client);
  // By what it has gone over its limits, for people; empty: it hasn't.
  std::string trespass(std::uint32_t client) const;
  // Ends all that is in its group.
  void end(std::uint32_t client);
  // Removes the groups that have become empty since they were ended.
  void sweep();

 private:
  ControlGroups(GroupPlace place, const Limits& limits)
      : place_(std::move(place)), limits_(limits) {}
  bool open();
  std::vector<std::string> folders(std::uint32_t client) const;
  void end_all();

  const GroupPlace place_;
  std::string name_;  // of the group that holds all clients'
  const Limits limits_;
  std::vector<std::uint32_t> clients_;
  std::vector<std::string> ended_;  // groups that aren't empty yet
};

}  // namespace galileo::apps
