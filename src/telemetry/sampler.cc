#include "telemetry/sampler.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::telemetry {
namespace {

constexpr Duration kPeriodLeast = std::chrono::milliseconds{10};

}  // namespace

Result<std::unique_ptr<Sampler>> Sampler::make(const SamplerOptions& options,
                                               Sink<wire::Sample>& sink) {
  if (options.period && *options.period < kPeriodLeast)
    return Error{ErrorCode::kUsage,
                 fmt::format("telemetry can't be read every {}", format_duration(*options.period)),
                 {},
                 {},
                 "give a period from 10ms up"};
  std::unique_ptr<Sampler> sampler(new Sampler(sink, options.machine.node));
  for (const std::string& name : options.instruments) {
    const auto& rows = instrument_rows();
    if (std::none_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; }))
      return Error{ErrorCode::kUsage,
                   fmt::format("unknown instrument '{}'", name),
                   {},
                   {},
                   hint_for_unknown(name, instrument_names())};
  }
  for (const InstrumentRow& row : instrument_rows()) {
    const bool wanted = options.instruments.empty() || row.name == "process" ||
                        std::find(options.instruments.begin(), options.instruments.end(),
                                  row.name) != options.instruments.end();
    if (!wanted) continue;
    Slot slot;
    slot.name = row.name;
    slot.period = options.period.value_or(row.period);
    slot.instrument = row.make(options.machine);
    sampler->slots_.push_back(std::move(slot));
  }
  return sampler;
}

void Sampler::start(Time now) {
  for (Slot& slot : slots_) slot.due = now;
}

Time Sampler::next_due() const {
  Time due = kNever;
  for (const Slot& slot : slots_) due = std::min(due, slot.due);
  return due;
}

void Sampler::run_due(Time now, const std::function<Wall()>& wall) {
  for (Slot& slot : slots_) {
    if (slot.due > now) continue;
    readings_.set_time(wall());
    ++slot.counters.readings;
    if (slot.instrument->read(readings_) == ReadOutcome::kFailed) ++slot.counters.failures;
    const std::int64_t late = (now - slot.due) / slot.period;
    slot.counters.missed += static_cast<std::uint64_t>(late);
    slot.due += slot.period * (late + 1);
  }
}

}  // namespace galileo::telemetry
