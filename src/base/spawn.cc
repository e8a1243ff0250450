#include "base/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string_view>

namespace galileo {
namespace {

void add(posix_spawn_file_actions_t& actions, int from, int to) {
  if (from >= 0)
    posix_spawn_file_actions_adddup2(&actions, from, to);
  else
    posix_spawn_file_actions_addopen(&actions, to, "/dev/null",
                                     to == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
}

// Ours, but for those that are given.
std::vector<char*> environment_with(std::vector<std::string>& variables) {
  std::vector<char*> all;
  for (char** one = environ; one && *one; ++one) {
    const std::string_view text(*one);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    const bool given = std::any_of(variables.begin(), variables.end(),
                                   [&](const auto& own) { return own.starts_with(name); });
    if (!given) all.push_back(*one);
  }
  for (std::string& own : variables) all.push_back(own.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

int spawn(std::vector<std::string> words, const StandardFiles& files, pid_t& pid,
          std::vector<std::string> variables) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  add(actions, files.input, STDIN_FILENO);
  add(actions, files.output, STDOUT_FILENO);
  add(actions, files.errors, STDERR_FILENO);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  // But nohup is for all that runs below it.
  struct sigaction hang_up{};
  sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler == SIG_IGN) sigdelset(&all, SIGHUP);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int error = posix_spawnp(&pid, arguments.front(), &actions, &attributes, arguments.data(),
                                 environment_with(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) pid = 0;
  return error;
}

}  // namespace galileo
