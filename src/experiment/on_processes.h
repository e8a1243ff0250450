// Applications as processes of this machine: started before a run, ready when they answer, stopped
// after it, whatever happened. They die with us (also by kill -9), and each has a process group of
// its own, so that what it starts is stopped with it. Blocking, with deadlines; lives on the
// control thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"

namespace galileo::experiment {

class Processes {
 public:
  // `log_folder`: where each application's output goes, as <name>.log; empty: to our stderr.
  explicit Processes(std::string log_folder) : log_folder_(std::move(log_folder)) {}
  ~Processes() { stop(); }
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // Starts it and waits until it is ready. An Error where it can't be started, ends, or isn't ready
  // in time; it says where its output is. `interrupted` is asked while it waits.
  Result<void> start(const plan::Application& application,
                     const std::function<bool()>& interrupted);

  // The process of that application; 0 where there is none.
  pid_t pid(const std::string& name) const;

  // Applications that have ended although nobody stopped them: "name (exit status 1)".
  std::vector<std::string> ended();

  // SIGTERM to all in reverse order, SIGKILL after each one's time.
  void stop();

 private:
  struct Running {
    plan::Application application;
    pid_t pid = 0;
    std::string log_path;
    bool reaped = false;
    int status = 0;
  };
  Result<void> wait_ready(Running& running, const std::function<bool()>& interrupted);
  static bool reap(Running& running, bool block);

  const std::string log_folder_;
  std::vector<Running> running_;
};

// Where this program is: what "galileo" in a command means.
std::string own_path();

}  // namespace galileo::experiment
