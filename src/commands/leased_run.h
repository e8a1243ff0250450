// A run that a process makes for other programs: what it was asked for, how far it is, and what
// came of it. The run has a thread of its own; what it tells is posted to the owner's loop, where
// all of the rest lives.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "commands/asked_run.h"
#include "commands/run_call.h"
#include "experiment/run_watcher.h"
#include "experiment/steering.h"
#include "experiment/stop.h"
#include "net/desk.h"
#include "wire/experiment.h"

namespace galileo::commands {

class LeasedRun final : private experiment::RunWatcher {
 public:
  // `on_change` runs on the loop each time after there is something new.
  LeasedRun(net::Loop& loop, std::function<void()> on_change);
  // The run is over, or was never begun.
  ~LeasedRun() override;
  LeasedRun(const LeasedRun&) = delete;
  LeasedRun& operator=(const LeasedRun&) = delete;

  // Once; the rest is told. What the terms name outlives the run.
  void begin(AskedRun asked, RunTerms terms = {});
  // Asks it to end: the sending, and what is under way a moment later, once however often that is
  // asked; `now`: all at once, and again, where the database doesn't take the rest.
  void stop(bool now);
  // The same, and what its end is to be called; the last word counts.
  void stop(bool now, experiment::Ending ending);

  // Changes the load of the run under way; `answer` comes on the loop, or not at all where the run
  // ends before.
  void steer(const experiment::SteerOrder& order, experiment::Steering::Answer answer);

  bool is_asked() const { return desk_.is_running(); }
  bool is_stopping() const { return is_stopping_; }
  bool sending_is_over() const { return sending_is_over_; }
  bool is_over() const { return over_.has_value(); }
  // It has an id.
  bool has_begun() const { return !experiment_.id.empty(); }
  const wire::Experiment& experiment() const { return experiment_; }
  // What its end was to be called; once it is over.
  const std::optional<experiment::Ending>& ending() const { return ending_; }
  // Grows with each change.
  std::int64_t number() const { return number_; }
  // How far it is, with the events since the change of that number.
  nlohmann::ordered_json state(std::int64_t since) const;
  // What came of it: the result document and what else a caller of `galileo run` sees. An Error
  // where it couldn't begin, or isn't over.
  Result<nlohmann::ordered_json> result() const;

 private:
  struct Over {
    std::string document;
    int exit_code = 0;
    bool interrupted = false;
    bool stored = true;
    std::optional<Error> problem;
  };
  struct Numbered {
    std::int64_t number = 0;
    wire::Event event;
  };

  static Result<Over> make(const AskedRun& asked, const RunTerms& terms,
                           experiment::RunWatcher& watcher, experiment::Stop& stop);
  void post(std::function<void()> change);
  bool may_tell_again();

  std::optional<Duration> state_every() const override;
  void on_begun(const wire::Experiment& experiment) override;
  void on_state(const experiment::RunState& state) override;
  void on_sending_over() override;
  void on_event(const wire::Event& event) override;
  void on_waiting(const experiment::Waiting& waiting) override;
  void on_storing(const experiment::Storing& storing) override;

  net::Loop& loop_;
  const std::function<void()> on_change_;
  experiment::Stop stop_;
  experiment::Steering steering_{stop_};
  net::Desk desk_;
  // Of the run's thread.
  Time told_{};
  std::optional<experiment::Ending> ending_;
  experiment::RunWatcher* beside_ = nullptr;
  std::string waits_for_;
  // Of the loop's.
  std::int64_t number_ = 0;
  bool is_stopping_ = false;
  bool sending_is_over_ = false;
  wire::Experiment experiment_;
  std::optional<experiment::RunState> state_;
  std::optional<experiment::Waiting> waiting_;
  std::optional<experiment::Storing> storing_;
  std::deque<Numbered> events_;
  std::int64_t events_left_out_ = 0;
  std::optional<Result<Over>> over_;
};

}  // namespace galileo::commands
