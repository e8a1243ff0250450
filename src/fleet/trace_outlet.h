// Where a worker's traces go from its spool: to the bus (trace_publisher.cc), into a database
// (trace_drain.cc), or nowhere, they stay in the spool. Started and stopped on the control thread;
// works at a desk of its own.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.h"

namespace galileo::fleet {

class TraceOutlet {
 public:
  virtual ~TraceOutlet() = default;
  virtual void start() = 0;
  // What is in the spool, which is closed by now, goes out for as long as `deadline` allows; the
  // rest stays for the next process. False: something is left.
  virtual bool stop(Duration deadline) = 0;
  virtual std::uint64_t traces_out() const = 0;
  virtual std::uint64_t batches_out() const = 0;  // to the bus
};

}  // namespace galileo::fleet
