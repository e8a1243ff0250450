// Shows a run on stderr: lines that are drawn over and over in a terminal, or one a second where
// there is none (live_view.h), and what the end of the run waits for. Lives on the run's thread.
#pragma once

#include <string>
#include <utility>

#include "commands/waiting_view.h"
#include "experiment/run_watcher.h"

namespace galileo::commands {

class TerminalWatcher final : public experiment::RunWatcher {
 public:
  // `quiet`: it shows nothing. `draws`: stderr is a terminal.
  TerminalWatcher(bool quiet, bool draws) : quiet_(quiet), draws_(draws), waiting_(draws) {}

  // A line below what is drawn: which keys there are.
  void offer(std::string keys) { keys_ = std::move(keys); }
  // Why the last key did nothing; empty: it did.
  void say(std::string why) { said_ = std::move(why); }

  std::optional<Duration> state_every() const override;
  void on_state(const experiment::RunState& state) override;
  void on_sending_over() override;
  void on_waiting(const experiment::Waiting& waiting) override;
  void on_storing(const experiment::Storing& storing) override;

 private:
  const bool quiet_;
  const bool draws_;
  std::string keys_;
  std::string said_;
  bool is_drawn_ = false;
  WaitingView waiting_;
  Duration storing_told_{0};  // of the wait, when the last line was
};

}  // namespace galileo::commands
