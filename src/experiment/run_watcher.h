// What a run tells while it goes on: to a terminal, a page, a progress bar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/summary.h"
#include "base/time.h"
#include "wire/experiment.h"
#include "wire/sample.h"

namespace galileo::experiment {

// How far it is.
struct RunState {
  std::string name;
  std::string phase;
  Duration elapsed{0};
  std::optional<std::uint64_t> requests_expected;
  std::optional<Duration> duration_expected;
  analysis::LiveFigures figures;
  std::uint64_t intended = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t not_sent = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t connections = 0;
  double cpu_pct = -1;  // of the machine; -1: not known
  bool stopping = false;
  bool paused = false;  // by hand
  std::string trouble;  // a disk that is full, an application that has ended
};

// How far the database is with what was recorded.
struct Storing {
  Duration waited{0};  // so far
  std::uint64_t traces_stored = 0;
  std::uint64_t traces_made = 0;
  std::string spool;  // where the rest waits
};

// What a run waits for while no requests go out: pods that aren't ready, objects that are to go.
struct Waiting {
  std::string what;              // "pods ready"; empty: nothing any more
  std::size_t done = 0;          // so many of
  std::size_t all = 0;           // 0: of a number that isn't told
  std::string latest;            // how far the first one is, in its own words
  std::optional<Duration> left;  // until it is given up
};

// All calls come on the run's thread, which waits for them: a watcher that takes long holds the run
// up, and one that shows things elsewhere hands them over. It outlives the run. A watcher can't
// fail the run, and ends it by the run's Stop only.
class RunWatcher {
 public:
  virtual ~RunWatcher() = default;

  // It has an id, and is in the spool; once.
  virtual void on_begun(const wire::Experiment&) {}
  // How often on_state() is wanted while requests are sent; nothing: never, and it costs nothing.
  virtual std::optional<Duration> state_every() const { return std::nullopt; }
  virtual void on_state(const RunState&) {}
  // No on_state() comes any more. Once or more often.
  virtual void on_sending_over() {}
  // What is recorded as an event too: "phase/start" and the like.
  virtual void on_event(const wire::Event&) {}
  // Again and again while it waits for what isn't a request.
  virtual void on_waiting(const Waiting&) {}
  // Again and again while the end of the run waits for its database.
  virtual void on_storing(const Storing&) {}
};

}  // namespace galileo::experiment
