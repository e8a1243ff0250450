// Keys that change a run's load while it is shown in a terminal: p pauses it and lets it go on,
// + and - make its rate a tenth more or less, e ends it. Lives on the run's loop.
#pragma once

#include <termios.h>

#include <functional>
#include <string>

#include "experiment/steering.h"
#include "net/loop.h"

namespace galileo::commands {

class TerminalKeys final : private net::IoHandler {
 public:
  // Why a key changed nothing; on the run's thread.
  using Refused = std::function<void(const std::string& why)>;

  // Takes the keys of the standard input, where that is a terminal which this process has to
  // itself: unread by lines, and not shown. The terminal is given back as it was.
  TerminalKeys(experiment::Stop& stop, experiment::Steering& steering, Refused refused);
  ~TerminalKeys();
  TerminalKeys(const TerminalKeys&) = delete;
  TerminalKeys& operator=(const TerminalKeys&) = delete;

  bool are_taken() const { return taken_; }

 private:
  void on_io(std::uint32_t events) override;
  void press(char key);
  void ask(const experiment::SteerOrder& order);

  net::Loop& loop_;
  experiment::Steering& steering_;
  const Refused refused_;
  termios before_{};
  bool taken_ = false;
  bool paused_ = false;
};

// What they are, for those who look at the run.
inline constexpr const char* kKeysText = "p pause   + - rate   e end   Ctrl-C stop";

}  // namespace galileo::commands
