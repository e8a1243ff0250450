// What a run waits for, for people: one line that is drawn over and over in a terminal, or a plain
// line now and then where there is none. Takes what is waited for and the time; says what to print.
#pragma once

#include <string>

#include "base/time.h"
#include "experiment/run_watcher.h"

namespace galileo::commands {

// "3 of 10 pods ready, hello-deployment-node1-0: ContainerCreating, 4m52s left"
std::string waiting_text(const experiment::Waiting& waiting);

class WaitingView {
 public:
  explicit WaitingView(bool draws) : draws_(draws) {}

  // What is to be printed now, with its ends of lines and escape codes; mostly nothing. `width`: of
  // the terminal.
  std::string take(const experiment::Waiting& waiting, Time now, int width);

 private:
  const bool draws_;
  std::string what_;   // is waited for
  std::string shown_;  // the line that was printed last
  Time began_{};       // to be waited for
  Time printed_{};
  bool is_drawn_ = false;
};

}  // namespace galileo::commands
