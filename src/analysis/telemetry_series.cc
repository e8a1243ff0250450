#include "analysis/telemetry_series.h"

#include <algorithm>

namespace galileo::analysis {

void TelemetrySeries::Figures::merge(const Figures& other) {
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = count == 0 ? other.max : std::max(max, other.max);
  sum += other.sum;
  count += other.count;
}

TelemetrySeries::Figures TelemetrySeries::figures(const Series& series, Wall from) const {
  if (from == kNoWall) return series.whole;
  Figures figures;
  for (std::size_t i = 0; i < series.buckets.size(); ++i) {
    if (start_ + width_ * static_cast<std::int64_t>(i) >= from) figures.merge(series.buckets[i]);
  }
  return figures;
}

void TelemetrySeries::widen() {
  width_ *= 2;
  for (Series& series : series_) {
    std::vector<Bucket> half((series.buckets.size() + 1) / 2);
    for (std::size_t i = 0; i < series.buckets.size(); ++i) {
      half[i / 2].merge(series.buckets[i]);
    }
    series.buckets = std::move(half);
  }
}

void TelemetrySeries::add(const wire::Sample& sample) {
  std::string key = sample.node;
  (key += '/') += sample.metric;
  (key += '/') += sample.subsystem;
  auto found = places_.find(key);
  if (found == places_.end()) {
    if (series_.size() >= kSeriesMax) {
      ++left_out_;
      return;
    }
    found = places_.emplace(std::move(key), series_.size()).first;
    series_.push_back({sample.node, sample.metric, sample.subsystem, {}});
  }
  const Wall at = std::max(sample.at, start_);
  while ((at - start_) / width_ >= static_cast<std::int64_t>(kBucketsMax)) widen();
  Series& series = series_[found->second];
  const auto index = static_cast<std::size_t>((at - start_) / width_);
  if (index >= series.buckets.size()) series.buckets.resize(index + 1);
  series.buckets[index].add(sample.value);
  series.whole.add(sample.value);
}

}  // namespace galileo::analysis
