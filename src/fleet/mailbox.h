// Messages of a subscription, brought from the bus's desk to the thread that waits for them. What
// comes while nobody waits is kept; nothing is bounded but by `keep`, which runs at the bus's desk
// and lets only those through that concern the owner.
//
// Made, waited on and destroyed on one control thread; `bus` outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.h"
#include "net/loop.h"

namespace galileo::fleet {

class Mailbox {
 public:
  using Keep = std::function<bool(std::string_view channel, std::string_view message)>;
  using Take = std::function<void(const std::string& channel, const std::string& message)>;

  // `keep` is called at the bus's desk (empty: all are kept), `take` within wait().
  Mailbox(Keep keep, Take take);
  ~Mailbox();

  // What is published on the channels from when this returns is heard. Called once.
  Result<void> open(bus::Bus& bus, const std::vector<std::string>& channels);

  // Takes what has come; where nothing has, waits for the first message up to so long. May return
  // early without any.
  void wait(Duration at_most);

 private:
  void end_wait();

  const Keep keep_;
  const Take take_;
  bool ending_ = false;
  net::Loop loop_;  // run by whoever waits
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace galileo::fleet
