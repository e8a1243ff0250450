#include "experiment/on_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/file.h"
#include "base/own_path.h"
#include "base/text.h"
#include "net/blocking_http.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::experiment {
namespace {

constexpr Duration kProbeEvery = std::chrono::milliseconds{20};
constexpr std::chrono::seconds kProbeTimeout{1};

std::string status_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

bool accepts(const net::Address& address) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool connected = connect(fd, address.raw(), address.size) == 0;
  if (!connected && errno == EINPROGRESS) {
    constexpr std::chrono::milliseconds kAtMost = kProbeTimeout;
    pollfd waiting{fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    connected = poll(&waiting, 1, static_cast<int>(kAtMost.count())) == 1 &&
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  close(fd);
  return connected;
}

// A GET there has an answer below 500; its body may go on for ever.
bool answers(const net::Address& address, const wire::Uri& uri) {
  net::HttpPeer::Options peer{uri.host_port()};
  peer.address = address;
  peer.connect_timeout = kProbeTimeout;
  const auto http = net::BlockingHttp::make(peer);
  if (!http.ok()) return false;
  net::BlockingHttp::Request get{wire::http1::serialize_request(
      "GET", uri.path, wire::host_header(uri.host_port()), {}, nullptr, true)};
  get.within = 2 * kProbeTimeout;  // with the connecting
  get.head_only = true;
  const auto answer = (*http)->call(std::move(get));
  return answer.ok() && answer->status < 500;
}

// "host:port" accepts, or the URL answers.
bool is_ready(const std::string& ready) {
  const bool is_url = ready.find("://") != std::string::npos;
  const auto uri = is_url ? wire::parse_plain_uri(ready) : Result<wire::Uri>(wire::Uri{});
  if (!uri.ok()) return false;
  const auto addresses = net::resolve(is_url ? uri->host_port() : ready, 0);
  if (!addresses.ok()) return false;
  return std::any_of(addresses->begin(), addresses->end(), [&](const net::Address& address) {
    return is_url ? answers(address, *uri) : accepts(address);
  });
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& environment,
                         const std::string& directory, int log_fd, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before we asked to die with it
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int ours : {SIGPIPE, SIGXFSZ}) std::signal(ours, SIG_DFL);  // hold_standard_files()
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, 0);
  if (log_fd >= 0) {
    dup2(log_fd, 1);
    dup2(log_fd, 2);
  } else {
    dup2(2, 1);
  }
  if (!directory.empty() && chdir(directory.c_str()) != 0) _exit(126);
  execvpe(argv[0], argv.data(), environment.data());
  _exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment_of(const plan::Application& application) {
  std::vector<std::string> texts;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view name =
        std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    bool replaced = false;
    for (const auto& [key, value] : application.environment) replaced = replaced || key == name;
    if (!replaced) texts.emplace_back(*entry);
  }
  for (const auto& [key, value] : application.environment)
    texts.push_back(fmt::format("{}={}", key, value));
  return texts;
}

// The last lines of an application's output, for the error that says it ended.
std::string tail_of(const std::string& path) {
  const auto text = read_whole_file(path, std::size_t{1} << 20);
  if (!text.ok()) return {};
  const std::string_view trimmed = trim(*text);
  const std::size_t line = trimmed.rfind('\n');
  return std::string(line == std::string_view::npos ? trimmed : trimmed.substr(line + 1));
}

}  // namespace

Result<void> Processes::start_first() {
  for (const plan::Application& application : context_->plan.applications) {
    if (application.pods || application.is_beside) continue;
    TRY(start_one(application));
  }
  return {};
}

Result<void> Processes::start_beside(const Variables& more) {
  for (plan::Application application : context_->plan.applications) {
    if (!application.is_beside) continue;
    auto& said = application.environment;  // by the plan, which holds
    for (const Variables* variables : {&more, &shared_}) {
      for (const auto& [name, value] : *variables) {
        const bool is_said = std::any_of(said.begin(), said.end(),
                                         [&](const auto& one) { return one.first == name; });
        if (!is_said) said.emplace_back(name, value);
      }
    }
    TRY(start_one(application));
  }
  return {};
}

Result<void> Processes::start_one(const plan::Application& application) {
  if (!application.ready.empty() && is_ready(application.ready))
    return Error{ErrorCode::kUsage, fmt::format("can't start application '{}'", application.name),
                 application.ready, "something answers there already",
                 "stop it (ss -ltnp), or give the application another port"};
  Running running;
  running.application = application;
  TRY(make_folders(context_->log_folder));
  running.log_path = fmt::format("{}/{}.log", context_->log_folder, application.name);
  const int log_fd =
      open(running.log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  std::vector<std::string> words = application.command;
  if (words.front() == "galileo") words.front() = own_path();
  std::vector<std::string> variables = environment_of(application);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> environment = pointers(variables);
  const pid_t parent = getpid();
  running.pid = fork();
  if (running.pid == 0) become(argv, environment, application.directory, log_fd, parent);
  if (log_fd >= 0) close(log_fd);
  if (running.pid < 0)
    return system_error(fmt::format("can't start application '{}'", application.name), {}, errno);
  setpgid(running.pid, running.pid);
  running_.push_back(running);
  TRY(wait_ready(running_.back()));
  context_->tell("application/start", application.name);
  return {};
}

Result<void> Processes::wait_ready(Running& running) {
  const plan::Application& application = running.application;
  const net::RealClock clock;
  const Time deadline = clock.now() + application.ready_timeout;
  // Without an address to ask, one look: it must not have ended at once.
  const std::string what = fmt::format("application '{}'", application.name);
  while (true) {
    net::pause_thread(kProbeEvery);
    if (reap(running, false)) {
      const std::string last = tail_of(running.log_path);
      const std::string reason =
          WIFEXITED(running.status) && WEXITSTATUS(running.status) == 127
              ? fmt::format("there is no program '{}'", application.command[0])
              : status_text(running.status);
      return Error{ErrorCode::kUnavailable, what + " ended before it was ready", running.log_path,
                   last.empty() ? reason : fmt::format("{} ({})", reason, last),
                   "check its command and its output"};
    }
    if (application.ready.empty() || is_ready(application.ready)) return {};
    if (context_->interrupted())
      return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
    if (clock.now() >= deadline)
      return Error{
          ErrorCode::kUnavailable, what + " isn't ready", application.ready,
          fmt::format("nothing answered within {}", format_duration(application.ready_timeout)),
          "check its command, or give it a longer ready_timeout"};
  }
}

pid_t Processes::pid(const std::string& name) const {
  for (const Running& running : running_) {
    if (running.application.name == name && !running.reaped) return running.pid;
  }
  return 0;
}

bool Processes::reap(Running& running, bool block) {
  if (running.reaped) return true;
  if (waitpid(running.pid, &running.status, block ? 0 : WNOHANG) == running.pid)
    running.reaped = true;
  return running.reaped;
}

std::vector<std::string> Processes::ended() {
  std::vector<std::string> names;
  for (Running& running : running_) {
    if (reap(running, false))
      names.push_back(
          fmt::format("{} ({})", running.application.name, status_text(running.status)));
  }
  return names;
}

void Processes::stop_all() {
  const net::RealClock clock;
  for (auto running = running_.rbegin(); running != running_.rend(); ++running) {
    if (!reap(*running, false)) {
      kill(-running->pid, SIGTERM);
      const Time deadline = clock.now() + running->application.stop_timeout;
      while (!reap(*running, false) && clock.now() < deadline)
        net::pause_thread(std::chrono::milliseconds{5});
    }
    // Also what it has left behind in its group.
    kill(-running->pid, SIGKILL);
    reap(*running, true);
  }
  running_.clear();
}

}  // namespace galileo::experiment
