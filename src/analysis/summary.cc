#include "analysis/summary.h"

#include <algorithm>

#include "base/text.h"
#include "wire/trace_fields.h"

namespace galileo::analysis {
namespace {

constexpr Duration kQuarter = std::chrono::milliseconds{250};

void merge(Bucket& into, const Bucket& from) {
  into.offered += from.offered;
  into.sent += from.sent;
  into.achieved += from.achieved;
  into.failed += from.failed;
  into.over += from.over;
  into.latency.merge(from.latency);
  into.dispatch.merge(from.dispatch);
}

Rates rates_over(double span_s, const GroupFigures& group) {
  if (span_s <= 0) return {};
  const auto rate = [&](std::uint64_t count) { return static_cast<double>(count) / span_s; };
  return {span_s, rate(group.intended), rate(group.intended - group.not_sent), rate(group.answered),
          rate(group.failed)};
}

}  // namespace

Rates rates_of(const GroupFigures& group) {
  if (group.intended == 0) return {};
  const double due_s = to_seconds(group.last_due - group.first);
  const auto n = static_cast<double>(group.intended);
  if (group.closed_loop == group.intended)
    return rates_over(due_s + to_seconds(group.latency.mean()), group);
  return rates_over(n > 1 ? due_s * n / (n - 1) : 0, group);
}

void set_times(LiveFigures& figures, const Histogram& latency_last, const Histogram& dispatch_last,
               const Histogram& latency, const Histogram& dispatch) {
  const auto known = [](const Histogram& values, double share) -> std::optional<Duration> {
    const auto bound = times_of(values).percentile(share);
    return bound ? std::optional(bound->value) : std::nullopt;
  };
  figures.p50 = known(latency_last, 0.5);
  figures.p99 = known(latency_last, 0.99);
  const auto p99_so_far = figures.p99 ? std::nullopt : known(latency, 0.99);
  figures.so_far = p99_so_far || (!figures.p50 && known(latency, 0.5));
  if (figures.so_far) {
    figures.p50 = known(latency, 0.5);
    figures.p99 = p99_so_far;
  }
  figures.dispatch_p99 = known(figures.so_far ? dispatch : dispatch_last, 0.99);
}

Summary::Summary(Wall start, Duration width) : start_(start), width_(width) {
  buckets_.reserve(kBucketsMax);
}

std::uint32_t Summary::place(Table& table, std::string_view name, std::size_t most) {
  const auto found = table.places.find(name);
  if (found != table.places.end()) return found->second;
  if (table.rows.size() >= most) {
    if (table.rows.back().name != "(others)") table.rows.back().name = "(others)";
    return static_cast<std::uint32_t>(table.rows.size() - 1);
  }
  const auto made = static_cast<std::uint32_t>(table.rows.size());
  table.rows.emplace_back();
  table.rows.back().name = name;
  table.places.emplace(name, made);
  return made;
}

// There are as many as a plan has checks.
std::uint32_t Summary::missed_check_place(std::string_view name) {
  std::size_t at = 0;
  while (at < missed_checks_.size() && missed_checks_[at].first != name) ++at;
  if (at == missed_checks_.size() && at < kStepsMax) missed_checks_.emplace_back(name, 0);
  return at < missed_checks_.size() ? static_cast<std::uint32_t>(at) : Places::kNone;
}

void Summary::add(const wire::Trace& trace, const Places& places) {
  ledger_.count(trace);
  ++ledger_.intended;
  const wire::FailureGroup group = wire::failure_group(trace.failure);
  const bool answered = group == wire::FailureGroup::none;
  const bool failed = group == wire::FailureGroup::failed;
  add_to_series(trace, answered, failed);
  add_to_live(trace, answered);
  GroupFigures& phase = phases_.rows[places.phase];
  if (phase.name == kWarmup) {
    ++warmup_;
    add_to_group(phase, trace, group);
    return;
  }
  ++counted_;
  closed_loop_ += trace.closed_loop;
  failed_ += failed;
  not_sent_ += group == wire::FailureGroup::not_sent;
  if (trace.status >= 0) ++status_codes_[trace.status];
  bytes_in_ += trace.response_bytes;
  bytes_out_ += trace.request_bytes;
  first_created_ =
      first_created_ == kNoWall ? trace.created : std::min(first_created_, trace.created);
  last_created_ = std::max(last_created_, trace.created);
  last_done_ = std::max(last_done_, trace.done);
  latency_.add(group, trace.done - trace.created);
  if (trace.sent != kNoWall) service_time_.add(group, trace.done - trace.sent);
  if (!trace.closed_loop && trace.dispatched != kNoWall)
    dispatch_.add(trace.dispatched - trace.created);
  add_to_group(services_.rows[places.service], trace, group);
  add_to_group(servers_.rows[places.server], trace, group);
  if (trace.step != 0) add_to_group(steps_.rows[places.step], trace, group);
  if (places.worker != Places::kNone) add_to_group(workers_.rows[places.worker], trace, group);
  if (places.missed_check != Places::kNone) ++missed_checks_[places.missed_check].second;
  add_to_group(phase, trace, group);
}

void Summary::add(const wire::NamedTrace& named) {
  wire::Trace trace;
  wire::copy_values(trace, named);
  trace.failure = wire::guess_failure(named);
  trace.step = named.step.empty() ? 0 : 1;
  add(trace, {service_place(named.service), server_place(named.server), phase_place(named.phase),
              named.step.empty() ? 0 : step_place(named.step)});
}

void Summary::add_to_group(GroupFigures& group, const wire::Trace& trace,
                           wire::FailureGroup became) {
  ++group.intended;
  group.not_sent += became == wire::FailureGroup::not_sent;
  group.answered += became == wire::FailureGroup::none;
  group.failed += became == wire::FailureGroup::failed;
  group.closed_loop += trace.closed_loop;
  group.latency.add(became, trace.done - trace.created);
  group.first = group.first == kNoWall ? trace.created : std::min(group.first, trace.created);
  group.last_due = std::max(group.last_due, trace.created);
  group.last = std::max(group.last, trace.done);
}

// The bucket of that time; the series are made coarser where it lies beyond them.
Bucket* Summary::bucket(Wall at) {
  if (at < start_) at = start_;
  auto index = static_cast<std::size_t>((at - start_) / width_);
  while (index >= kBucketsMax) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (i % 2 == 1)
        merge(buckets_[i / 2], buckets_[i]);
      else if (i > 0)
        buckets_[i / 2] = std::move(buckets_[i]);
    }
    buckets_.resize((buckets_.size() + 1) / 2);
    width_ *= 2;
    index = static_cast<std::size_t>((at - start_) / width_);
  }
  if (index >= buckets_.size()) buckets_.resize(index + 1);
  return &buckets_[index];
}

void Summary::add_to_series(const wire::Trace& trace, bool answered, bool failed) {
  Bucket& due = *bucket(trace.created);
  ++due.offered;
  if (!trace.closed_loop && trace.dispatched != kNoWall)
    due.dispatch.add(trace.dispatched - trace.created);
  if (trace.sent != kNoWall) ++bucket(trace.sent)->sent;
  Bucket& over = *bucket(trace.done);
  if (trace.sent != kNoWall) ++over.over;
  over.failed += failed;
  if (!answered) return;
  ++over.achieved;
  over.latency.add(trace.done - trace.created);
}

Summary::Quarter& Summary::quarter(Wall at) {
  const std::int64_t number = at.time_since_epoch() / kQuarter;
  Quarter& quarter = quarters_[static_cast<std::size_t>(number) % quarters_.size()];
  if (quarter.number != number) {
    // A late trace mustn't clear a newer quarter; its own is over.
    if (number < quarter.number) return late_;
    quarter.number = number;
    quarter.latency.clear();
    quarter.dispatch.clear();
  }
  return quarter;
}

void Summary::add_to_live(const wire::Trace& trace, bool answered) {
  Quarter& over = quarter(trace.done);
  if (!trace.closed_loop && trace.dispatched != kNoWall)
    over.dispatch.add(trace.dispatched - trace.created);
  if (answered) over.latency.add(trace.done - trace.created);
}

LiveFigures Summary::live(Wall now) const {
  const std::int64_t current = now.time_since_epoch() / kQuarter;
  LiveFigures figures;
  Histogram latency{Histogram::Grain::kCoarse};
  Histogram dispatch{Histogram::Grain::kCoarse};
  for (const Quarter& quarter : quarters_) {
    // The four whole quarters before the one under way.
    if (quarter.number < current - 4 || quarter.number >= current) continue;
    latency.merge(quarter.latency);
    dispatch.merge(quarter.dispatch);
  }
  set_times(figures, latency, dispatch, latency_.answered, dispatch_);
  return figures;
}

Duration Summary::due_span() const {
  double span_s = 0;
  for (const GroupFigures& phase : phases_.rows) span_s += rates_of(phase).span_s;
  return seconds(span_s);
}

Rates Summary::rates() const {
  GroupFigures in_spans;
  double span_s = 0;
  for (const GroupFigures& phase : phases_.rows) {
    const double one_s = phase.name == kWarmup ? 0 : rates_of(phase).span_s;
    if (one_s <= 0) continue;
    span_s += one_s;
    in_spans.intended += phase.intended;
    in_spans.not_sent += phase.not_sent;
    in_spans.answered += phase.answered;
    in_spans.failed += phase.failed;
  }
  return rates_over(span_s, in_spans);
}

Duration Summary::tail() const {
  return counted_ > 0 ? std::max(Duration{0}, last_done_ - last_created_) : Duration{0};
}

}  // namespace galileo::analysis
