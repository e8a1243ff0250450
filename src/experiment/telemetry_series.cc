#include "experiment/telemetry_series.h"

#include <algorithm>

namespace galileo::experiment {

void TelemetrySeries::widen() {
  width_ *= 2;
  for (Series& series : series_) {
    std::vector<Bucket> half((series.buckets.size() + 1) / 2);
    for (std::size_t i = 0; i < series.buckets.size(); ++i) {
      const Bucket& from = series.buckets[i];
      if (from.count == 0) continue;
      Bucket& into = half[i / 2];
      into.max = into.count == 0 ? from.max : std::max(into.max, from.max);
      into.sum += from.sum;
      into.count += from.count;
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
    series_.push_back({sample.node, sample.metric, sample.subsystem, {}, 0, 0, 0, 0, 0});
  }
  const Wall at = std::max(sample.at, start_);
  while ((at - start_) / width_ >= static_cast<std::int64_t>(kBucketsMax)) widen();
  Series& series = series_[found->second];
  const auto index = static_cast<std::size_t>((at - start_) / width_);
  if (index >= series.buckets.size()) series.buckets.resize(index + 1);
  Bucket& bucket = series.buckets[index];
  bucket.max = bucket.count == 0 ? sample.value : std::max(bucket.max, sample.value);
  bucket.sum += sample.value;
  ++bucket.count;
  series.min = series.count == 0 ? sample.value : std::min(series.min, sample.value);
  series.max = series.count == 0 ? sample.value : std::max(series.max, sample.value);
  series.sum += sample.value;
  series.last = sample.value;
  ++series.count;
}

}  // namespace galileo::experiment
