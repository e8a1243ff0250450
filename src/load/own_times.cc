#include "load/own_times.h"

#include <algorithm>

namespace galileo::load {
namespace {

// Choosing a connection takes less.
constexpr Duration kNoWait = std::chrono::microseconds{20};

}  // namespace

void OwnTimes::add(Duration took, Duration its_sent_late, Duration its_read_late,
                   Duration its_wait) {
  auto part = [left = std::max(took, Duration{0})](Duration of) mutable {
    const Duration taken = std::clamp(of, Duration{0}, left);
    left -= taken;
    return taken;
  };
  const Duration late = part(its_sent_late);
  const Duration unread = part(its_read_late);
  const Duration wait = its_wait > kNoWait ? part(its_wait) : Duration{0};
  latency.add(took);
  without_own.add(took - late - unread);
  without_wait.add(took - late - unread - wait);
  waited += wait > Duration{0};
  sent_late += late;
  read_late += unread;
}

void OwnTimes::add(const OwnTimes& other) {
  latency.merge(other.latency);
  without_own.merge(other.without_own);
  without_wait.merge(other.without_wait);
  waited += other.waited;
  sent_late += other.sent_late;
  read_late += other.read_late;
}

}  // namespace galileo::load
