// What commands that go through many rows have in common: how far they are is told once it takes
// more than a second, where stderr is a terminal, and of those that change something Ctrl-C ends
// them in an orderly way. One at a time; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace galileo::commands {

// How far it is, once a second; and in the end how much it was, where that took so long.
class Progress {
 public:
  // `rows_expected`: 0 where that isn't known.
  explicit Progress(std::string command, std::uint64_t rows_expected = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void expect(std::uint64_t rows) { expected_ = rows; }
  void tell(std::uint64_t rows);
  // How many there were in the end.
  void ended(std::uint64_t rows) { rows_ = rows; }

 private:
  const std::string command_;  // "exp export": how lines on stderr begin
  const bool is_watched_;      // somebody is there to see it
  std::uint64_t expected_;
  std::uint64_t rows_ = 0;
  Time began_;
  Time told_;
};

// "25,000 of 100,000 rows (25 %), about 3.00s left"; without an end where none is known.
std::string progress_text(std::uint64_t rows, std::uint64_t expected, Duration since);

class LongWork {
 public:
  // From now on SIGINT, SIGTERM and SIGHUP wait to be asked for by go_on().
  explicit LongWork(std::string command);
  ~LongWork();
  LongWork(const LongWork&) = delete;
  LongWork& operator=(const LongWork&) = delete;

  void expect(std::uint64_t rows) { progress_.expect(rows); }
  // Called every few thousand rows; false: the user has ended it.
  bool go_on(std::uint64_t rows);
  void ended(std::uint64_t rows) { progress_.ended(rows); }

 private:
  Progress progress_;
  bool stopped_ = false;
};

}  // namespace galileo::commands
