// Any bytes as a trace's headers: no crash, and what is found lies within them.
#include "wire/hops.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view headers(reinterpret_cast<const char*>(data), size);
  const wire::Hops hops = wire::parse_hops(headers);
  const auto is_within = [&](std::string_view part) {
    return part.empty() ||
           (part.data() >= headers.data() && part.data() + part.size() <= headers.data() + size);
  };
  ENSURE(hops.count <= wire::Hops::kGatewaysMax && is_within(hops.final_host) &&
         is_within(hops.final_hosts));
  for (std::size_t i = 0; i < hops.count; ++i)
    ENSURE(is_within(hops.gateways[i].node) && hops.gateways[i].at != kNoWall);
  return 0;
}
