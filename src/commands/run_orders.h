// Orders to a run that a process makes, as others give them over the bus (docs/wire/daemon.md): a
// call of `Run.order:<experiment>`, answered once the run has said what becomes of it. Lives on the
// loop of whoever makes the run; it waits for nothing but the bus.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bus/bus.h"
#include "experiment/run.h"
#include "experiment/steering.h"
#include "net/loop.h"

namespace galileo::commands {

class RunOrders {
 public:
  // What the orders do; called on the loop.
  struct Doing {
    std::function<void(bool now, experiment::Ending)> end;
    std::function<void(const experiment::SteerOrder&, experiment::Steering::Answer)> steer;
  };
  // From when this returns orders are heard. Bus and loop outlive it.
  static Result<std::unique_ptr<RunOrders>> listen(bus::Bus& bus, net::Loop& loop,
                                                   const std::string& experiment, Doing doing);

 private:
  RunOrders(bus::Bus& bus, net::Loop& loop, Doing doing)
      : bus_(bus), loop_(loop), doing_(std::move(doing)) {}
  void take(const std::string& message);
  void answer(const std::string& function, const std::string& channel, const std::string& json);

  bus::Bus& bus_;
  net::Loop& loop_;
  const Doing doing_;
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace galileo::commands
