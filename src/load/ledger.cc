#include "load/ledger.h"

#include <fmt/format.h>

namespace galileo::load {

using wire::Failure;
using wire::FailureGroup;

void Ledger::count(const wire::Trace& trace) {
  ++traces_made;
  if (trace.retried) ++retried;
  const FailureGroup group = wire::failure_group(trace.failure);
  if (group == FailureGroup::none) ++answered;
  if (group == FailureGroup::unfinished) ++in_flight_at_end;
  if (group != FailureGroup::not_sent) ++sent;
  if (group != FailureGroup::none) ++failures[static_cast<std::size_t>(trace.failure)];
}

void Ledger::add(const Ledger& other) {
  intended += other.intended;
  sent += other.sent;
  answered += other.answered;
  in_flight_at_end += other.in_flight_at_end;
  for (std::size_t i = 0; i < failures.size(); ++i) failures[i] += other.failures[i];
  retried += other.retried;
  traces_made += other.traces_made;
  traces_stored += other.traces_stored;
  traces_spooled += other.traces_spooled;
  traces_lost += other.traces_lost;
}

std::uint64_t Ledger::of_group(FailureGroup group) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    if (wire::failure_group(static_cast<Failure>(i)) == group) sum += failures[i];
  }
  return sum;
}

std::string Ledger::imbalance() const {
  if (intended != sent + not_sent())
    return fmt::format("intended {} is not sent {} + not sent {}", intended, sent, not_sent());
  if (sent != answered + failed() + in_flight_at_end)
    return fmt::format("sent {} is not answered {} + failed {} + in flight {}", sent, answered,
                       failed(), in_flight_at_end);
  if (traces_made != intended)
    return fmt::format("{} traces were made of {} requests", traces_made, intended);
  if (traces_made != traces_stored + traces_spooled + traces_lost)
    return fmt::format("traces made {} are not stored {} + spooled {} + lost {}", traces_made,
                       traces_stored, traces_spooled, traces_lost);
  return {};
}

bool Ledger::unreached() const {
  using wire::Failure;
  return sent > 0 && sent == of(Failure::connect_refused) + of(Failure::connect_timeout) +
                                 of(Failure::connect_failed);
}

}  // namespace galileo::load
