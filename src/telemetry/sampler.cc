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
    const std::string name(row.name);
    const auto said = options.periods.find(name);
    const Duration period =
        said != options.periods.end() ? said->second : options.period.value_or(row.period);
    // Each of several things that somebody has named is read for itself: none waits for another.
    const auto add_each = [&](auto Machine::* of) {
      for (const auto& one : machine.*of) {
        Machine alone = machine;
        alone.*of = {one};
        sampler->add(row, name + " " + one.name, period, alone);
      }
    };
    if (machine.loop && name == "file")
      add_each(&Machine::files);
    else if (machine.loop && name == "process")
      add_each(&Machine::processes);
    else
      sampler->add(row, name, period, machine);
  }
  return sampler;
}

void Sampler::add(const InstrumentRow& row, const std::string& name, Duration period,
                  const Machine& machine) {
  auto instrument = row.make(machine);
  const bool apart = machine.loop && instrument->may_block();
  Slot& slot = slots_.emplace_back(
      Slot{name, period, nullptr, Readings(sink_, machine.node), nullptr, {}, {}});
  if (apart) {
    if (!apart_) apart_ = std::make_unique<Apart>(*machine.loop, sink_, machine.node, clock_);
    slot.apart = &apart_->add(name, std::move(instrument), slot.counters);
  } else {
    slot.readings.set_clock(&clock_);
    slot.instrument = std::move(instrument);
  }
}

Sampler::Sampler(Sink<wire::Sample>& sink, const Machine& machine, MomentClock clock)
    : sink_(sink),
      clock_(std::move(clock)),
      containers_(std::make_unique<ContainerFinder>(machine)) {}

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
    read(slot);
    const Duration period{
        static_cast<std::int64_t>(static_cast<double>(slot.period.count()) * stretch_)};
    const std::int64_t late = (now - slot.due) / period;
    slot.counters.missed += static_cast<std::uint64_t>(late);
    slot.due += period * (late + 1);
  }
  if (apart_) apart_->begin();
}

void Sampler::read(Slot& slot) {
  if (slot.apart) {
    if (apart_->ask(*slot.apart))
      ++slot.counters.readings;
    else
      ++slot.counters.missed;
    return;
  }
  slot.readings.stamp();
  ++slot.counters.readings;
  if (slot.instrument->read(slot.readings) == ReadOutcome::kFailed) ++slot.counters.failures;
}

}  // namespace galileo::telemetry
