#include "fleet/mailbox.h"

namespace galileo::fleet {

Mailbox::Mailbox(Keep keep, Take take) : keep_(std::move(keep)), take_(std::move(take)) {}

Mailbox::~Mailbox() {
  subscription_.reset();  // from here on nothing is posted to the loop
}

Result<void> Mailbox::open(bus::Bus& bus, const std::vector<std::string>& channels) {
  subscription_ =
      TRY(bus.subscribe(channels, {}, [this](std::string_view channel, std::string_view message) {
        if (keep_ && !keep_(channel, message)) return;
        loop_.post([this, to = std::string(channel), text = std::string(message)] {
          take_(to, text);
          end_wait();
        });
      }));
  return {};
}

void Mailbox::wait(Duration at_most) {
  ending_ = false;
  net::Timer over([this](Time) { end_wait(); });
  loop_.timers().set(over, loop_.clock().now() + at_most);
  loop_.run();
}

// What has come by then is still taken in this turn of the loop.
void Mailbox::end_wait() {
  if (ending_) return;
  ending_ = true;
  loop_.stop();
}

}  // namespace galileo::fleet
