#include "apps/control_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "net/loop.h"

namespace galileo::apps {
namespace {

constexpr std::string_view kNames = "galileo-app-";
constexpr std::size_t kFileMost = std::size_t{4} << 20;
constexpr std::uint32_t kOfAProcess = 10'000;  // that run apps at the same time
constexpr int kEndRounds = 400;
constexpr Duration kEndPause = std::chrono::milliseconds{5};

std::string read_text(const std::string& path) {
  auto text = read_whole_file(path, kFileMost);
  return text.ok() ? std::move(*text) : std::string();
}

// Files of control groups take what is written as a whole, or refuse it.
bool put(const std::string& path, std::string_view value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written =
      ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  ::close(fd);
  return written;
}

bool has_word(std::string_view text, std::string_view word, char separator) {
  const auto words = split(trim(text), separator);
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The number behind a name, a pair a line.
std::uint64_t count_of(std::string_view text, std::string_view name) {
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() != 2 || words[0] != name) continue;
    const auto count = parse_integer(words[1]);
    return count && *count > 0 ? static_cast<std::uint64_t>(*count) : 0;
  }
  return 0;
}

struct Mount {
  std::string_view root;  // what of the hierarchy it shows
  std::string_view point;
  bool is_second = false;
  std::string_view controllers;  // of version 1, with commas
};

// "36 35 98:0 /root /point options - type source options"
std::vector<Mount> mounts_in(std::string_view text) {
  std::vector<Mount> mounts;
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 5 || words.end() - dash < 4) continue;
    const std::string_view type = dash[1];
    if (type != "cgroup" && type != "cgroup2") continue;
    mounts.push_back({words[3], words[4], type == "cgroup2", dash[3]});
  }
  return mounts;
}

// Where a path of the hierarchy is; empty: the mount doesn't show it.
std::string folder_of(const Mount& mount, std::string_view path) {
  std::string_view below = path;
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return {};
    below.remove_prefix(mount.root.size());
    if (!below.empty() && !below.starts_with('/')) return {};
  }
  std::string folder(mount.point);
  if (below.size() > 1) folder += below;
  return folder;
}

// The path that this process has in the hierarchy of that controller; of version 2 it has no name.
std::string_view own_path(std::string_view own, std::string_view controller) {
  for (const std::string_view line : split(own, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : has_word(names, controller, ','))
      return line.substr(second + 1);
  }
  return {};
}

std::string folder_of_controller(const std::vector<Mount>& mounts, std::string_view own,
                                 std::string_view controller) {
  const std::string_view path = own_path(own, controller);
  for (const Mount& mount : mounts) {
    if (path.empty() || mount.is_second || !has_word(mount.controllers, controller, ',')) continue;
    if (std::string folder = folder_of(mount, path); !folder.empty()) return folder;
  }
  return {};
}

// Of a program that was killed, so that it couldn't clean up.
void remove_leftovers(const std::string& folder) {
  DIR* const open = opendir(folder.c_str());
  if (!open) return;
  std::vector<std::string> left;
  while (const dirent* const entry = readdir(open)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(kNames)) continue;
    const auto pid = parse_integer(name.substr(kNames.size(), name.rfind('-') - kNames.size()));
    if (pid && *pid > 0 && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH)
      left.push_back(fmt::format("{}/{}", folder, name));
  }
  closedir(open);
  for (const std::string& group : left) {
    DIR* const inside = opendir(group.c_str());
    if (!inside) continue;
    while (const dirent* const entry = readdir(inside)) {
      if (entry->d_name[0] != '.') ::rmdir(fmt::format("{}/{}", group, entry->d_name).c_str());
    }
    closedir(inside);
    ::rmdir(group.c_str());
  }
}

// True: nothing is in it any more.
bool kill_all_in(const std::string& group) {
  bool empty = true;
  const std::string processes = read_text(group + "/cgroup.procs");
  for (const std::string_view line : split(processes, '\n')) {
    const auto pid = parse_integer(line);
    if (!pid || *pid <= 0) continue;  // 0: of another namespace, which can't be named from here
    empty = false;
    ::kill(static_cast<pid_t>(*pid), SIGKILL);
  }
  return empty;
}

bool gives_both(const std::string& folder) {
  const std::string given = read_text(folder + "/cgroup.subtree_control");
  return has_word(given, "memory", ' ') && has_word(given, "pids", ' ');
}

}  // namespace

std::vector<GroupPlace> group_places(std::string_view mount_text, std::string_view own) {
  std::vector<GroupPlace> places;
  const std::vector<Mount> mounts = mounts_in(mount_text);
  const std::string_view second = own_path(own, {});
  for (const Mount& mount : mounts) {
    if (!mount.is_second || second.empty()) continue;
    const std::string folder = folder_of(mount, second);
    if (folder.empty()) continue;
    places.push_back({folder, folder, true});
    if (folder == mount.point) continue;
    const std::string above = folder.substr(0, folder.rfind('/'));
    places.push_back({above, above, true});
  }
  GroupPlace first{folder_of_controller(mounts, own, "memory"),
                   folder_of_controller(mounts, own, "pids"), false};
  if (!first.memory.empty() && !first.pids.empty()) places.push_back(std::move(first));
  return places;
}

std::unique_ptr<ControlGroups> ControlGroups::make(const Limits& limits, const std::string& proc) {
  const std::string mounts = read_text(proc + "/mountinfo");
  for (GroupPlace& place : group_places(mounts, read_text(proc + "/cgroup"))) {
    if (place.is_second && !gives_both(place.memory)) continue;
    std::unique_ptr<ControlGroups> groups(new ControlGroups(std::move(place), limits));
    if (groups->open()) return groups;
  }
  return nullptr;
}

ControlGroups::~ControlGroups() {
  end_all();
}

bool ControlGroups::open() {
  remove_leftovers(place_.memory);
  if (!place_.is_second) remove_leftovers(place_.pids);
  std::string memory;
  for (std::uint32_t number = 0; number < kOfAProcess; ++number) {
    name_ = fmt::format("{}{}-{}", kNames, getpid(), number);
    memory = fmt::format("{}/{}", place_.memory, name_);
    if (::mkdir(memory.c_str(), 0755) == 0) break;
    if (errno != EEXIST) return false;
  }
  const std::string pids = fmt::format("{}/{}", place_.pids, name_);
  if (place_.is_second) return put(memory + "/cgroup.subtree_control", "+memory +pids");
  return ::mkdir(pids.c_str(), 0755) == 0;
}

std::vector<std::string> ControlGroups::folders(std::uint32_t client) const {
  std::vector<std::string> all{fmt::format("{}/{}/{}", place_.memory, name_, client)};
  if (!place_.is_second) all.push_back(fmt::format("{}/{}/{}", place_.pids, name_, client));
  return all;
}

Result<std::vector<int>> ControlGroups::begin(std::uint32_t client) {
  const std::vector<std::string> groups = folders(client);
  clients_.push_back(client);
  const std::string memory = std::to_string(limits_.memory_bytes);
  const std::string processes = std::to_string(limits_.processes);
  bool held = true;
  for (const std::string& group : groups) held = held && ::mkdir(group.c_str(), 0755) == 0;
  held = held && put(groups.back() + "/pids.max", processes);
  if (place_.is_second) {
    held = held && put(groups[0] + "/memory.max", memory);
    put(groups[0] + "/memory.oom.group", "1");
    put(groups[0] + "/memory.swap.max", "0");
  } else {
    held = held && put(groups[0] + "/memory.limit_in_bytes", memory);
    put(groups[0] + "/memory.memsw.limit_in_bytes", memory);
  }
  std::vector<int> doors;
  for (const std::string& group : groups) {
    if (!held) break;
    const int door = ::open((group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    held = door >= 0;
    if (held) doors.push_back(door);
  }
  if (held) return doors;
  const int error = errno;
  for (const int door : doors) ::close(door);
  return system_error("can't hold a client of an app by a control group", groups[0], error);
}

std::string ControlGroups::trespass(std::uint32_t client) const {
  const std::vector<std::string> groups = folders(client);
  const char* const of_memory = place_.is_second ? "/memory.events" : "/memory.oom_control";
  if (count_of(read_text(groups[0] + of_memory), "oom_kill") > 0)
    return fmt::format("it held more than the {} of memory that may be",
                       format_bytes(static_cast<double>(limits_.memory_bytes)));
  if (count_of(read_text(groups.back() + "/pids.events"), "max") > 0)
    return fmt::format("it had more than the {} processes that may be", limits_.processes);
  return {};
}

void ControlGroups::end(std::uint32_t client) {
  if (std::erase(clients_, client) == 0) return;
  for (std::string& group : folders(client)) {
    kill_all_in(group);
    ended_.push_back(std::move(group));
  }
  sweep();
}

// What was killed is in its group until it is gone.
void ControlGroups::sweep() {
  std::erase_if(ended_, [](const std::string& group) {
    if (::rmdir(group.c_str()) == 0 || errno == ENOENT) return true;
    kill_all_in(group);
    return false;
  });
}

void ControlGroups::end_all() {
  for (const std::uint32_t client : std::vector<std::uint32_t>(clients_)) end(client);
  for (int round = 0; round < kEndRounds && !ended_.empty(); ++round) {
    net::pause_thread(kEndPause);
    sweep();
  }
  ::rmdir(fmt::format("{}/{}", place_.memory, name_).c_str());
  if (!place_.is_second) ::rmdir(fmt::format("{}/{}", place_.pids, name_).c_str());
}

}  // namespace galileo::apps
