// The hops of a request, as the headers of its answer tell them (docs/wire/gateway.md): which
// gateways took it and when, which host it ended at, and when the application began and ended. Read
// from a trace's headers without a copy: the views point into them. Pure functions; any thread;
// hot: once a trace that has headers.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/time.h"

namespace galileo::wire {

struct GatewayStamp {
  std::string_view node;  // the gateway's; as it calls itself where the answer tells
  Wall at = kNoWall;      // when it took the request, by its clock
};

struct Hops {
  static constexpr std::size_t kGatewaysMax = 8;

  std::array<GatewayStamp, kGatewaysMax> gateways{};  // in the order in which they took it
  std::size_t count = 0;
  std::string_view final_host;   // "host:port"; empty: no gateway says so
  std::string_view final_hosts;  // each gateway's target, as the header has them; the last is it
  Wall start = kNoWall;          // of the application, by its clock
  Wall end = kNoWall;
};

// `headers` is the JSON object of a trace. What can't be read, or isn't of hops, is passed over; of
// a text that is no JSON what stands before the fault counts.
Hops parse_hops(std::string_view headers);

}  // namespace galileo::wire
