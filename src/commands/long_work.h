// What commands that go through many rows have in common: how far they are is told on stderr once
// it takes more than a second, and Ctrl-C ends them in an orderly way. One at a time; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace galileo::commands {

class LongWork {
 public:
  // From now on SIGINT, SIGTERM and SIGHUP wait to be asked for by go_on().
  explicit LongWork(std::string command);
  ~LongWork();
  LongWork(const LongWork&) = delete;
  LongWork& operator=(const LongWork&) = delete;

  // Called every few thousand rows; false: the user has ended it.
  bool go_on(std::uint64_t rows);

 private:
  const std::string command_;  // "exp export": how lines on stderr begin
  Time told_;
  bool stopped_ = false;
};

}  // namespace galileo::commands
