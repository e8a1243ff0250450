// What commands of somebody's own print: the only instrument that starts a program, and only where
// it is told which.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "base/log.h"
#include "base/spawn.h"
#include "net/loop.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

constexpr std::size_t kOutputMax = std::size_t{64} << 10;

// A shell with a command, in a process group of its own; what it prints, until it ends. Lives on
// its loop.
class Shell final : private net::IoHandler {
 public:
  Shell(net::Loop& loop, std::function<void()> on_end) : loop_(loop), on_end_(std::move(on_end)) {}
  ~Shell() { end(); }

  bool runs() const { return pid_ > 0; }
  const std::string& output() const { return output_; }
  bool printed_too_much() const { return output_.size() > kOutputMax; }
  int status() const { return status_; }  // as waitpid() has it

  // 0, or the errno of why it can't be started.
  int start(const std::string& command);
  // Kills it and all that it has started, without on_end.
  void end();

 private:
  void on_io(std::uint32_t events) override;
  void read_output();
  void close_all();
  void wait_for_killed();

  net::Loop& loop_;
  const std::function<void()> on_end_;
  pid_t pid_ = 0;
  int pid_fd_ = -1;
  int pipe_ = -1;
  int status_ = 0;
  // Killed, and not gone yet: one that waits for a machine that doesn't answer goes when it does.
  std::vector<pid_t> killed_;
  std::string output_;
};

int Shell::start(const std::string& command) {
  wait_for_killed();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  pipe_ = ends[0];
  fcntl(pipe_, F_SETFL, O_NONBLOCK);
  output_.clear();
  int error = spawn({"/bin/sh", "-c", command}, {-1, ends[1], -1}, pid_);
  ::close(ends[1]);
  if (error == 0) {
    pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0U));
    if (pid_fd_ < 0) error = errno;
  }
  if (error == 0 &&
      (!loop_.watch_listener(pid_fd_, *this).ok() || !loop_.watch_listener(pipe_, *this).ok()))
    error = EMFILE;
  if (error != 0) end();
  return error;
}

void Shell::on_io(std::uint32_t /*events*/) {
  read_output();
  if (printed_too_much()) {
    end();
    on_end_();
    return;
  }
  if (waitpid(pid_, &status_, WNOHANG) != pid_) return;
  // What it has left behind may hold the pipe open for ever.
  kill(-pid_, SIGKILL);
  read_output();
  close_all();
  on_end_();
}

void Shell::read_output() {
  char buffer[4096];
  while (!printed_too_much()) {
    const ssize_t size = ::read(pipe_, buffer, sizeof buffer);
    if (size > 0) {
      output_.append(buffer, static_cast<std::size_t>(size));
      continue;
    }
    // At its end it would be readable for ever; the process' end is still to come.
    if (size == 0) loop_.unwatch(pipe_, *this);
    return;
  }
}

void Shell::end() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);  // where it hadn't a group yet
    killed_.push_back(pid_);
    wait_for_killed();
  }
  close_all();
}

void Shell::wait_for_killed() {
  std::erase_if(killed_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}

void Shell::close_all() {
  pid_ = 0;
  for (int* fd : {&pid_fd_, &pipe_}) {
    if (*fd < 0) continue;
    loop_.unwatch(*fd, *this);
    ::close(*fd);
    *fd = -1;
  }
}

class Command final : public Instrument {
 public:
  explicit Command(const Machine& machine) {
    if (!machine.loop) return;
    for (const WatchedCommand& watched : machine.commands)
      commands_.push_back(std::make_unique<One>(*this, *machine.loop, watched));
  }

  ReadOutcome read(Readings& readings) override {
    readings_ = &readings;
    bool failed = false;
    for (const auto& one : commands_) {
      if (one->shell.runs()) {
        one->shell.end();
        one->tell("it takes longer than its period");
      }
      if (const int error = one->shell.start(one->watched.command))
        one->tell(system_error("it can't be started", {}, error).to_text());
      failed = failed || !one->trouble.empty();
    }
    if (commands_.empty()) return ReadOutcome::kNoData;
    return failed ? ReadOutcome::kFailed : ReadOutcome::kRead;
  }

 private:
  struct One {
    One(Command& of, net::Loop& loop, const WatchedCommand& what)
        : watched(what), shell(loop, [this, &of] { of.ended(*this); }) {}

    // The first time, and when it is over. Empty: nothing is wrong.
    void tell(std::string why) {
      if (why.empty() != trouble.empty())
        log(why.empty() ? LogLevel::kInfo : LogLevel::kWarning,
            why.empty() ? "a command gives values again" : "a command gives no values",
            {{"command", watched.name}, {"runs", watched.command}, {"why", why}});
      trouble = std::move(why);
    }

    const WatchedCommand watched;
    Shell shell;
    std::string trouble;  // why the last run gave nothing; empty: it did
  };

  void ended(One& one) {
    const int status = one.shell.status();
    if (one.shell.printed_too_much())
      one.tell(fmt::format("it prints more than {} KiB", kOutputMax >> 10));
    else if (WIFSIGNALED(status))
      one.tell(fmt::format("signal {} ended it", WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
      one.tell(fmt::format("it ended with {}", WEXITSTATUS(status)));
    else
      one.tell(take(one));
  }

  // Why not; empty: there were values.
  std::string take(const One& one) {
    readings_->stamp();
    std::string_view text = one.shell.output();
    std::size_t values = 0;
    while (!text.empty()) {
      const std::string_view line = take_line(text);
      std::string_view rest = line;
      const std::string_view first = take_word(rest);
      if (first.empty()) continue;
      const std::string_view second = take_word(rest);
      const auto value = to_number(second.empty() ? first : second);
      if (!value)
        return fmt::format("it prints '{}', neither a number nor a name and a number",
                           line.substr(0, 60));
      readings_->put("command",
                     second.empty() ? one_word(one.watched.name)
                                    : fmt::format("{}/{}", one_word(one.watched.name), first),
                     *value);
      ++values;
    }
    return values > 0 ? std::string() : "it prints nothing";
  }

  std::vector<std::unique_ptr<One>> commands_;
  Readings* readings_ = nullptr;
};

}  // namespace

std::unique_ptr<Instrument> make_command(const Machine& machine) {
  return std::make_unique<Command>(machine);
}

}  // namespace galileo::telemetry
