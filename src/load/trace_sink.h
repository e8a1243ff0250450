// Where the engine's traces go. One sink an event loop: the ring to the collector in a run, a
// vector in tests. Lives on that loop.
#pragma once

#include <string_view>

#include "base/sink.h"
#include "wire/trace.h"

namespace galileo::load {

class TraceSink : public Sink<wire::Trace> {
 public:
  // The number that traces put here refer to this name by; the same name has the same number. Not
  // for the way of a request: asked once for each client, service and server.
  virtual wire::NameId name(std::string_view text) = 0;
};

}  // namespace galileo::load
