#include "commands/settling.h"

#include "base/resident.h"

namespace galileo::commands {
namespace {

constexpr Duration kSettled = std::chrono::seconds{3};

}  // namespace

void run_until_stopped(net::Loop& control, const std::function<bool()>& has_settled) {
  net::Timer settled([&](Time now) {
    if (has_settled())
      give_back_unused_memory();
    else
      control.timers().set(settled, now + kSettled);
  });
  control.timers().set(settled, control.clock().now() + kSettled);
  control.run();
  control.timers().cancel(settled);
}

}  // namespace galileo::commands
