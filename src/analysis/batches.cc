#include "analysis/batches.h"

#include <algorithm>
#include <utility>

#include "analysis/summary.h"

namespace galileo::analysis {
namespace {

std::int64_t half_of(std::int64_t number) {
  return number >= 0 ? number / 2 : -((1 - number) / 2);
}

}  // namespace

void Slice::add(const Slice& other) {
  latency.answered.merge(other.latency.answered);
  latency.failed.merge(other.latency.failed);
  latency.pending.merge(other.latency.pending);
  closed_loop += other.closed_loop;
}

// Two neighbours become one; the grid stays the same for all runs, so that rows in any order do.
void Batches::merge_pairs() {
  width_ *= 2;
  const std::int64_t begin = half_of(first_slice_);
  std::vector<Slice> merged(
      static_cast<std::size_t>(
          half_of(first_slice_ + static_cast<std::int64_t>(slices_.size()) - 1) - begin) +
      1);
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const std::int64_t number = half_of(first_slice_ + static_cast<std::int64_t>(i));
    merged[static_cast<std::size_t>(number - begin)].add(slices_[i]);
  }
  slices_ = std::move(merged);
  first_slice_ = begin;
}

std::size_t Batches::at(Wall created) {
  const auto number_of = [&] {
    const std::int64_t ns = created.time_since_epoch().count();
    const std::int64_t width = width_.count();
    return ns >= 0 ? ns / width : -((width - 1 - ns) / width);
  };
  if (slices_.empty()) {
    first_slice_ = number_of();
    slices_.resize(1);
  }
  const auto size = [&] { return static_cast<std::int64_t>(slices_.size()); };
  while (std::max(first_slice_ + size() - 1, number_of()) - std::min(first_slice_, number_of()) >=
         static_cast<std::int64_t>(kSlicesMax))
    merge_pairs();
  const std::int64_t number = number_of();
  if (number < first_slice_) {
    const Slice empty;
    slices_.insert(slices_.begin(), static_cast<std::size_t>(first_slice_ - number), empty);
    first_slice_ = number;
  }
  const auto index = static_cast<std::size_t>(number - first_slice_);
  if (index >= slices_.size()) slices_.resize(index + 1);
  return index;
}

void Batches::add(const wire::NamedTrace& trace) {
  if (trace.phase == Summary::kWarmup) return;
  const wire::FailureGroup became = wire::failure_group(wire::guess_failure(trace));
  const bool closed_loop = trace.intended == kNoWall && trace.dispatched != kNoWall;
  for (Slice* slice : {&slices_[at(trace.created)], &whole_}) {
    slice->latency.add(became, trace.done - trace.created);
    slice->closed_loop += closed_loop;
  }
  first_ = first_ == kNoWall ? trace.created : std::min(first_, trace.created);
  last_ = std::max(last_, trace.created);
}

std::optional<Batches> Batches::of_state(State state) {
  Batches made;
  for (const Slice& slice : state.slices) {
    if (slice.closed_loop > slice.count()) return std::nullopt;
    made.whole_.add(slice);
  }
  const bool is_empty = made.whole_.count() == 0;
  const bool has_span = state.first != kNoWall && state.first <= state.last;
  if (is_empty) return state.slices.empty() ? std::optional(Batches()) : std::nullopt;
  // A slice's times lie where its number says, which bounds the width too.
  constexpr std::int64_t kWidthMax = std::int64_t{1} << 55;
  const std::int64_t width = state.width.count();
  if (!has_span || width < 1 || width > kWidthMax || state.slices.size() > kSlicesMax)
    return std::nullopt;
  const auto slices = static_cast<std::int64_t>(state.slices.size());
  const std::int64_t first = state.first.time_since_epoch().count() / width;
  const std::int64_t last = state.last.time_since_epoch().count() / width;
  if (first != state.first_slice || last - first != slices - 1) return std::nullopt;
  made.width_ = state.width;
  made.first_slice_ = state.first_slice;
  made.slices_ = std::move(state.slices);
  made.first_ = state.first;
  made.last_ = state.last;
  return made;
}

double Batches::span_s() const {
  return whole_.count() > 0 ? to_seconds(last_ - first_) : 0;
}

std::vector<Slice> Batches::cut(std::size_t from, std::size_t to) const {
  if (to < from + kBatches) return {};
  std::vector<Slice> batches(kBatches);
  for (std::size_t i = from; i < to; ++i)
    batches[(i - from) * kBatches / (to - from)].add(slices_[i]);
  return batches;
}

std::vector<Slice> Batches::batches() const {
  return cut(0, slices_.size());
}

std::vector<double> Batches::answer_rates() const {
  if (slices_.size() < kBatches + 2) return {};
  const std::size_t whole = slices_.size() - 2;
  std::vector<double> rates;
  std::size_t begin = 0;
  for (const Slice& batch : cut(1, slices_.size() - 1)) {
    // As many slices as cut() gives this batch.
    std::size_t end = begin;
    while (end < whole && end * kBatches / whole == rates.size()) ++end;
    rates.push_back(static_cast<double>(batch.latency.answered.count()) /
                    (to_seconds(width_) * static_cast<double>(end - begin)));
    begin = end;
  }
  return rates;
}

// The time up to when a further request would have been due.
double Batches::rate_of(std::uint64_t count) const {
  const auto n = static_cast<double>(whole_.count());
  return n > 1 && span_s() > 0 ? static_cast<double>(count) * (n - 1) / n / span_s() : 0;
}

double Batches::answer_rate() const {
  return rate_of(whole_.latency.answered.count());
}

double Batches::offered_rate() const {
  return rate_of(whole_.count());
}

}  // namespace galileo::analysis
