// Any text as an item of the queue, and as what is submitted: no crash; what is read is written and
// read again as the same.
#include "wire/queued_experiment.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto queued = wire::decode_queued_experiment(text);
  if (queued.ok()) {
    const std::string written = wire::encode(*queued);
    const auto again = wire::decode_queued_experiment(written);
    ENSURE(again.ok() && again->plan == queued->plan, written);
  }
  const auto body = wire::parse_json(text);
  if (!body.ok()) return 0;
  const auto submitted = wire::read_submission(*body);
  if (!submitted.ok()) {
    ENSURE(!submitted.error().where.empty() && !submitted.error().why.empty());
    return 0;
  }
  for (const auto& workload : submitted->plan.workloads)
    ENSURE(workload.clients > 0 && workload.ticks.size() >= submitted->plan.ticks_needed());
  return 0;
}
