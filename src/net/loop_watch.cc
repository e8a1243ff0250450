#include "net/loop_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

namespace galileo::net {
namespace {

constexpr Duration kEvery = std::chrono::milliseconds{50};
// Less may be an interrupt, or a kernel that is busy.
constexpr Duration kStandstill = std::chrono::milliseconds{20};

}  // namespace

// "ran waited timeslices", in ns.
std::optional<ThreadTimes> parse_schedstat(std::string_view text) {
  std::int64_t ran = 0;
  std::int64_t waited = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto first = std::from_chars(begin, end, ran);
  if (first.ec != std::errc{} || first.ptr == end) return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, waited);
  if (second.ec != std::errc{}) return std::nullopt;
  return ThreadTimes{Duration{ran}, Duration{waited}};
}

void StandstillFinder::look(Time due, Time now, const ThreadTimes& times) {
  if (last_) {
    const Duration late = now - due;
    const Duration known = (times.ran - last_->ran) + (times.waited - last_->waited);
    if (late >= kStandstill && known < late / 2) {
      stood_still_ += late - known;
      ++standstills_;
    }
  }
  last_ = times;
}

LoopWatch::LoopWatch(Loop& loop) : loop_(loop), timer_([this](Time now) { look(now); }) {
  fd_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  began_ = read().value_or(ThreadTimes{});
  loop_.timers().set(timer_, loop_.clock().now() + kEvery);
}

LoopWatch::~LoopWatch() {
  loop_.timers().cancel(timer_);
  if (fd_ >= 0) close(fd_);
}

std::optional<ThreadTimes> LoopWatch::read() const {
  char text[96];
  const ssize_t size = fd_ >= 0 ? pread(fd_, text, sizeof text, 0) : -1;
  if (size <= 0) return std::nullopt;
  return parse_schedstat(std::string_view(text, static_cast<std::size_t>(size)));
}

Duration LoopWatch::waited() const {
  const auto times = read();
  return times ? times->waited - began_.waited : Duration{0};
}

void LoopWatch::look(Time now) {
  // Without the kernel's figures a late timer may have any reason.
  if (const auto times = read()) finder_.look(timer_.due(), now, *times);
  loop_.timers().set(timer_, now + kEvery);
}

}  // namespace galileo::net
