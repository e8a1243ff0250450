#include "apps/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>

#include "base/text.h"

namespace galileo::apps {
namespace {

constexpr int kRounds = 200;
constexpr std::uint32_t kCountedMost = 100'000;  // a tree that grows while it is counted

std::string text_of(const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[4096];
  for (ssize_t size = 0; (size = read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  close(fd);
  return text;
}

// The names of a folder of /proc that are numbers.
std::vector<pid_t> numbers_in(const std::string& path) {
  std::vector<pid_t> numbers;
  DIR* const folder = opendir(path.c_str());
  if (!folder) return numbers;
  while (const dirent* entry = readdir(folder)) {
    if (const auto number = parse_integer(entry->d_name); number && *number > 0)
      numbers.push_back(static_cast<pid_t>(*number));
  }
  closedir(folder);
  return numbers;
}

std::vector<pid_t> forked_by(pid_t pid) {
  std::vector<pid_t> children;
  const std::string tasks = fmt::format("/proc/{}/task", pid);
  for (const pid_t task : numbers_in(tasks)) {
    const std::string text = text_of(fmt::format("{}/{}/children", tasks, task));
    for (const std::string_view word : split(text, ' ')) {
      if (const auto child = parse_integer(word)) children.push_back(static_cast<pid_t>(*child));
    }
  }
  return children;
}

std::uint64_t resident_of(pid_t pid) {
  static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::string text = text_of(fmt::format("/proc/{}/statm", pid));
  const auto words = split(text, ' ');
  const auto pages = words.size() > 1 ? parse_integer(words[1]) : std::nullopt;
  return pages ? static_cast<std::uint64_t>(*pages) * page : 0;
}

void add_below(pid_t pid, ProcessUse& use) {
  use.resident_bytes += resident_of(pid);
  if (++use.processes >= kCountedMost) return;
  for (const pid_t child : forked_by(pid)) add_below(child, use);
}

// Those of a session that aren't its leader, and live.
std::vector<pid_t> members_of(pid_t session) {
  std::vector<pid_t> members;
  for (const pid_t pid : numbers_in("/proc")) {
    if (pid == session) continue;
    const std::string text = text_of(fmt::format("/proc/{}/stat", pid));
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 2 > text.size()) continue;
    const auto words = split(std::string_view(text).substr(name_end + 2), ' ');
    constexpr std::size_t kState = 0, kSession = 3;
    if (words.size() <= kSession || words[kState] == "Z") continue;
    if (parse_integer(words[kSession]) == session) members.push_back(pid);
  }
  return members;
}

}  // namespace

std::vector<ProcessUse> children_of(pid_t pid) {
  std::vector<ProcessUse> children;
  for (const pid_t child : forked_by(pid)) {
    ProcessUse use;
    use.pid = child;
    add_below(child, use);
    children.push_back(use);
  }
  return children;
}

// The leader goes last: as long as it is there nobody else can be a session of its number.
void kill_session(pid_t pid) {
  for (int round = 0; round < kRounds; ++round) {
    const auto members = members_of(pid);
    if (members.empty()) break;
    for (const pid_t member : members) kill(member, SIGKILL);
  }
  kill(pid, SIGKILL);
}

}  // namespace galileo::apps
