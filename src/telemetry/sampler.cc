#include "telemetry/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "telemetry/containers.h"

namespace galileo::telemetry {
namespace {

constexpr Duration kPeriodLeast = std::chrono::milliseconds{10};

}  // namespace

Result<std::unique_ptr<Sampler>> Sampler::make(const SamplerOptions& options,
                                               Sink<wire::Sample>& sink, MomentClock clock) {
  if (options.period && *options.period < kPeriodLeast)
    return Error{ErrorCode::kUsage,
                 fmt::format("telemetry can't be read every {}", format_duration(*options.period)),
                 {},
                 {},
                 "give a period from 10ms up"};
  std::unique_ptr<Sampler> sampler(new Sampler(sink, options.machine, std::move(clock)));
  Machine machine = options.machine;
  machine.containers = sampler->containers_.get();
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
    const bool wanted = (options.instruments.empty() && row.by_default) || row.name == "process" ||
                        std::find(options.instruments.begin(), options.instruments.end(),
                                  row.name) != options.instruments.end();
    if (!wanted) continue;
    Slot slot;
    slot.name = row.name;
    const auto period = options.periods.find(slot.name);
    slot.period =
        period != options.periods.end() ? period->second : options.period.value_or(row.period);
    slot.instrument = row.make(machine);
    sampler->slots_.push_back(std::move(slot));
  }
  return sampler;
}

Sampler::Sampler(Sink<wire::Sample>& sink, const Machine& machine, MomentClock clock)
    : clock_(std::move(clock)),
      readings_(sink, machine.node),
      containers_(std::make_unique<ContainerFinder>(machine)) {
  readings_.set_clock(&clock_);
}

Sampler::~Sampler() = default;

void Sampler::start(Time now) {
  for (Slot& slot : slots_) slot.due = now;
}

Time Sampler::next_due() const {
  Time due = kNever;
  for (const Slot& slot : slots_) due = std::min(due, slot.due);
  return due;
}

void Sampler::run_due(Time now) {
  for (Slot& slot : slots_) {
    if (slot.due > now) continue;
    readings_.stamp();
    ++slot.counters.readings;
    if (slot.instrument->read(readings_) == ReadOutcome::kFailed) ++slot.counters.failures;
    const Duration period{
        static_cast<std::int64_t>(static_cast<double>(slot.period.count()) * stretch_)};
    const std::int64_t late = (now - slot.due) / period;
    slot.counters.missed += static_cast<std::uint64_t>(late);
    slot.due += period * (late + 1);
  }
}

}  // namespace galileo::telemetry
