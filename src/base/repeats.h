// What fails may fail again at once: how long to wait before it is tried again, and how often it is
// told. Passive: they are told the time and do nothing by themselves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "base/time.h"

namespace galileo {

// Pauses between attempts: the first one, then each twice as long as the one before, up to the
// longest.
class Pauses {
 public:
  constexpr Pauses(Duration first, Duration longest)
      : first_(first), longest_(longest), next_(first) {}

  // The next one.
  Duration next() {
    const Duration pause = next_;
    next_ = std::min(next_ * 2, longest_);
    return pause;
  }
  // A little shorter by chance, from half of it, so that many who wait don't come in one moment.
  Duration next(Random& random) {
    const double drawn = static_cast<double>(next().count()) * random.uniform(0.5, 1.0);
    return Duration{static_cast<std::int64_t>(drawn)};
  }
  // It went well: the next one is the first again.
  void begin_anew() { next_ = first_; }

 private:
  Duration first_;
  Duration longest_;
  Duration next_;
};

// A line of the log that may come again and again: the same text once a minute, another one once a
// second, with how many weren't told in between.
class Telling {
 public:
  // How many were left out since the last one that was told; nothing: this one is left out.
  std::optional<std::uint64_t> may(Time now, std::string_view text) {
    const Duration rest = text == text_ ? std::chrono::seconds{60} : std::chrono::seconds{1};
    if (told_ != kNever && now - told_ < rest) {
      ++left_out_;
      return std::nullopt;
    }
    told_ = now;
    text_ = text;
    return std::exchange(left_out_, 0);
  }
  // The trouble is over: what comes next is news.
  void begin_anew() {
    told_ = kNever;
    text_.clear();
  }

 private:
  Time told_ = kNever;
  std::string text_;
  std::uint64_t left_out_ = 0;
};

}  // namespace galileo
