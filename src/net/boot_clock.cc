#include "net/boot_clock.h"

namespace galileo::net {

Time BootClock::now() const {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Time{std::chrono::seconds{now.tv_sec} + Duration{now.tv_nsec}};
}

}  // namespace galileo::net
