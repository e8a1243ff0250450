// The time since the machine was started, its sleep included, which RealClock leaves out: for what
// others count too while this machine sleeps, such as a lease.
#pragma once

#include "net/clock.h"

namespace galileo::net {

class BootClock final : public Clock {
 public:
  Time now() const override;
};

}  // namespace galileo::net
