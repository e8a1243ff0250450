// Where the applications of a run are: processes of this machine (on_processes.h). The run starts
// them before its first phase and stops them after its last, whatever happened. Lives on the run's
// thread; blocking, with deadlines.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"

namespace galileo::experiment {

class Platform {
 public:
  virtual ~Platform() = default;

  // Where what applications print is kept, each in <name>.log. Before the first start().
  virtual void keep_logs_in(const std::string& folder) = 0;

  // Starts it and waits until it is ready. An Error where it can't be started, ends, or isn't ready
  // in time; it says where its output is. `interrupted` is asked while it waits.
  virtual Result<void> start(const plan::Application& application,
                             const std::function<bool()>& interrupted) = 0;

  // The application's process on this machine, to be watched there; 0: it has none.
  virtual pid_t pid(const std::string& name) const = 0;

  // Applications that have ended although nobody stopped them: "name (exit status 1)".
  virtual std::vector<std::string> ended() = 0;

  // All of them, in reverse order. Nothing where none was started.
  virtual void stop() = 0;
};

}  // namespace galileo::experiment
