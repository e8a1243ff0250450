// Messages of workers of ours, of any bytes: refused with a reason or read; what was read is
// written and read again.
#include "wire/fleet_api.h"

#include <cstdint>

#include "base/check.h"

using namespace galileo::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto beat = decode_heartbeat(text); beat.ok())
    ENSURE(decode_heartbeat(encode(*beat)).ok());
  if (const auto start = decode_start_workloads(text); start.ok()) {
    const auto again = decode_start_workloads(encode(*start));
    ENSURE(again.ok() && again->orders.size() == start->orders.size());
  }
  if (const auto change = decode_change_arrivals(text); change.ok()) {
    const auto again = decode_change_arrivals(encode(*change));
    ENSURE(again.ok() && again->client_ids == change->client_ids);
  }
  if (const auto pause = decode_pause_run(text); pause.ok()) {
    const auto again = decode_pause_run(encode(*pause));
    ENSURE(again.ok() && again->client_ids == pause->client_ids && again->part == pause->part);
  }
  if (const auto report = decode_run_report(text); report.ok()) {
    const auto again = decode_run_report(encode(*report));
    ENSURE(again.ok() && again->latency.count() == report->latency.count());
    ENSURE(again->failures == report->failures);
  }
  return 0;
}
