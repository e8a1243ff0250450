// Where the applications of a run are: processes of this machine (on_processes.h), or pods of a
// cluster (on_kubernetes.h). The run starts them before its first phase and stops them after its
// last, whatever happened. Lives on the run's thread; blocking, with deadlines.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/run_watcher.h"
#include "net/loop.h"
#include "plan/plan.h"
#include "wire/sample.h"

namespace galileo::experiment {

class Platform {
 public:
  // What it needs of the run, which outlives it.
  struct Context {
    const plan::Plan& plan;
    const std::string& id;   // the experiment's
    std::string log_folder;  // what applications print goes into <name>.log there
    net::Loop& control;      // the run's own
    // Asked while it waits: the run is to end.
    std::function<bool()> interrupted;
    // Keeps what is known of a node with the experiment, unless that is known; on the run's thread.
    std::function<void(const wire::NodeInfo& info)> know;
    // Puts in an event of the experiment's; on the run's thread.
    std::function<void(const std::string& event, const std::string& value)> tell;
    // Tells what is waited for, again and again; on the run's thread.
    std::function<void(const Waiting& waiting)> wait;
    // The run can't go on, since an application is no more; on the run's thread.
    std::function<void(const Error& why)> end_run;
  };
  virtual ~Platform() = default;

  // What must be there and agreed before anything of the run is made. `context` outlives the run.
  virtual Result<void> prepare(const Context& context) = 0;
  // Starts the plan's applications, one after the other, and waits until they are ready. An Error
  // where one can't be started, ends, or isn't ready in time; it says where its output is.
  virtual Result<void> start() = 0;

  // After start(): where services lead that the plan doesn't say, or says otherwise.
  virtual std::vector<load::ServiceSpec> routes() const { return {}; }

  // Does something to where the applications run, undone by stop(). What was done, as an event's
  // value; empty: it is told once it has taken effect. An Error where it can't be. `change` is the
  // plan's.
  virtual Result<std::string> change(const plan::Action::ChangeCluster& /*change*/) {
    return Error{ErrorCode::kUsage, "there is no cluster to change", {}, {}, {}};
  }

  // Why the run wasn't what was asked for although it came to its end; once it is stopped.
  virtual std::optional<Error> failure() const { return std::nullopt; }

  // The application's process on this machine, to be watched there; 0: it has none.
  virtual pid_t pid(const std::string& name) const = 0;

  // Applications that have ended although nobody stopped them: "name (exit status 1)".
  virtual std::vector<std::string> ended() = 0;

  // Why what the run made may be others' by now, so that it may write nothing there any more; none:
  // it may.
  virtual std::optional<Error> lost() { return std::nullopt; }

  // What it knows against the result, in words; before stop().
  virtual std::vector<std::string> doubts() { return {}; }

  // All of them, in reverse order, after the last request. Nothing where none was started. What is
  // worth a line in the result: what couldn't be stopped.
  virtual std::vector<std::string> stop() = 0;
};

}  // namespace galileo::experiment
