// Applications as processes of this machine: started before a run, ready when they answer, stopped
// after it, whatever happened. They die with us (also by kill -9), and each has a process group of
// its own, so that what it starts is stopped with it. Blocking, with deadlines; lives on the
// control thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "experiment/platform.h"

namespace galileo::experiment {

// Owned by whoever makes the run, and one run's. start() fails where something answers at the
// application's address already, where it ends before it is ready (the Error has its last line),
// or isn't ready in its time; without an address to ask, it must only not end at once.
class Processes final : public Platform {
 public:
  using Variables = std::vector<std::pair<std::string, std::string>>;

  // `shared`: what those beside the others know by their environment, as where the bus is.
  explicit Processes(Variables shared = {}) : shared_(std::move(shared)) {}
  ~Processes() override { stop_all(); }
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  Result<void> prepare(const Context& context) override {
    context_ = &context;
    return {};
  }
  // Those of the plan that aren't pods, then those that stand beside them.
  Result<void> start() override {
    TRY(start_first());
    return start_beside({});
  }
  Result<void> start_first();
  // With these variables in their environment too, where the plan doesn't say it.
  Result<void> start_beside(const Variables& more);
  pid_t pid(const std::string& name) const override;
  std::vector<std::string> ended() override;
  // SIGTERM to each, SIGKILL after its time.
  std::vector<std::string> stop() override {
    stop_all();
    return {};
  }

 private:
  struct Running {
    plan::Application application;
    pid_t pid = 0;
    std::string log_path;
    bool reaped = false;
    int status = 0;
  };
  Result<void> start_one(const plan::Application& application);
  Result<void> wait_ready(Running& running);
  static bool reap(Running& running, bool block);

  void stop_all();

  const Variables shared_;
  const Context* context_ = nullptr;
  std::vector<Running> running_;
};

}  // namespace galileo::experiment
