// Times and durations, all in nanoseconds. Two clocks that never mix: Time is monotonic and means
// nothing outside the process; Wall is since the Unix epoch and is what records carry. A process
// reads the wall clock once (WallClock) and adds monotonic progress, so that a stepped clock never
// makes a negative latency. Values; no clock is read here (net/clock.h does).
#pragma once

#include <chrono>
#include <cstdint>

namespace galileo {

using Duration = std::chrono::nanoseconds;

struct MonotonicTimeline {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  static constexpr bool is_steady = true;
};
struct WallTimeline {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  static constexpr bool is_steady = false;
};

using Time = std::chrono::time_point<MonotonicTimeline>;
using Wall = std::chrono::time_point<WallTimeline>;

// Stands for "didn't happen" and "never".
inline constexpr Time kNever = Time::max();
inline constexpr Wall kNoWall = Wall{Duration{-1}};
// How long something took that didn't happen.
inline constexpr Duration kNoDuration{-1};

constexpr Duration seconds(double value) {
  return Duration{static_cast<std::int64_t>(value * 1e9)};
}
constexpr double to_seconds(Duration value) {
  return static_cast<double>(value.count()) * 1e-9;
}
// The nearest nanosecond; kNoDuration below 0 and where a Duration doesn't reach.
constexpr Duration from_seconds(double value) {
  if (!(value >= 0 && value < 9.2e9)) return kNoDuration;
  return Duration{static_cast<std::int64_t>(value * 1e9 + 0.5)};
}

// Seconds since the Unix epoch, as the stored and wire formats have them; -1 for kNoWall. The
// nearest double there is, as of the same time written in decimals: whole seconds and the rest are
// added, since today's nanoseconds don't fit into a double.
constexpr double to_unix_seconds(Wall value) {
  if (value == kNoWall) return -1.0;
  const auto whole = std::chrono::floor<std::chrono::seconds>(value.time_since_epoch());
  return static_cast<double>(whole.count()) + to_seconds(value.time_since_epoch() - whole);
}
// The nearest nanosecond, so that to_unix_seconds() makes the same double of it again; kNoWall
// below 0 and where a Wall doesn't reach.
constexpr Wall from_unix_seconds(double value) {
  if (!(value >= 0 && value < 9.2e9)) return kNoWall;
  const auto whole = static_cast<std::int64_t>(value);
  const double rest_ns = (value - static_cast<double>(whole)) * 1e9;
  return Wall{std::chrono::seconds{whole} + Duration{static_cast<std::int64_t>(rest_ns + 0.5)}};
}

// Ties the two clocks together at one moment, the start of the process or run.
struct WallClock {
  Time monotonic_origin;
  Wall wall_origin;

  Wall wall(Time time) const { return wall_origin + (time - monotonic_origin); }
  Time monotonic(Wall wall) const { return monotonic_origin + (wall - wall_origin); }
};

}  // namespace galileo
