// Whether a loop runs when it should: how long its thread waited for a core, and when it stood
// still though nothing else had the core (the process was stopped, or the machine suspended). A
// timer on the loop looks a few times a second, which costs nothing that could be measured. Made,
// used and destroyed on the loop.
#pragma once

#include <optional>
#include <string_view>

#include "net/loop.h"

namespace galileo::net {

// CPU time that a thread has used, and has waited for while others had the core.
struct ThreadTimes {
  Duration ran{0};
  Duration waited{0};
};

// Reads the text of /proc/<pid>/schedstat; nothing where it is none.
std::optional<ThreadTimes> parse_schedstat(std::string_view text);

// What a timer that came late says, from one look to the next. Values in, values out.
class StandstillFinder {
 public:
  // A look that was due and came then; `times`: of the loop's thread, so far.
  void look(Time due, Time now, const ThreadTimes& times);

  Duration stood_still() const { return stood_still_; }  // together, as far as looks see it
  unsigned standstills() const { return standstills_; }

 private:
  std::optional<ThreadTimes> last_;
  Duration stood_still_{0};
  unsigned standstills_ = 0;
};

class LoopWatch {
 public:
  explicit LoopWatch(Loop& loop);
  ~LoopWatch();

  Duration waited() const;  // for a core, since it was made
  Duration stood_still() const { return finder_.stood_still(); }
  unsigned standstills() const { return finder_.standstills(); }

 private:
  void look(Time now);
  std::optional<ThreadTimes> read() const;

  Loop& loop_;
  int fd_ = -1;
  ThreadTimes began_;
  StandstillFinder finder_;
  Timer timer_;
};

}  // namespace galileo::net
