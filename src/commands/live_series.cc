#include "commands/live_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kKindsMax = 50;  // further ones are counted together
constexpr std::uint64_t kQuartersInSecond = 4;

// Known where at least ten values are beyond it.
Json quantile(const Histogram& of, double share) {
  const double beyond = static_cast<double>(of.count()) * (1 - share);
  return beyond >= 10 || (share <= 0.5 && of.count() > 0) ? Json(to_seconds(of.percentile(share)))
                                                          : Json(nullptr);
}

Json largest(const Histogram& of) {
  return of.count() > 0 ? Json(to_seconds(of.max())) : Json(nullptr);
}

std::string kind_of(const wire::Trace& trace, const wire::Names& names) {
  if (trace.failure == wire::Failure::status) return fmt::format("status {}", trace.status);
  return std::string(wire::failure_name(trace, names));
}

}  // namespace

void LiveCounts::add(const wire::Trace& trace, const wire::Names& names) {
  std::string kind = kind_of(trace, names);
  if (!kind.empty()) {
    if (errors.size() >= kKindsMax && !errors.contains(kind)) kind = "others";
    ++errors[kind];
  }
  if (wire::failure_group(trace.failure) == wire::FailureGroup::not_sent) return;
  if (trace.done != kNoWall && trace.created != kNoWall) latency.add(trace.done - trace.created);
  if (trace.dispatched != kNoWall && trace.created != kNoWall)
    lateness.add(trace.dispatched - trace.created);
}

void LiveCounts::merge(const LiveCounts& other) {
  latency.merge(other.latency);
  lateness.merge(other.lateness);
  for (const auto& [kind, count] : other.errors) {
    const bool fits = errors.size() < kKindsMax || errors.contains(kind);
    errors[fits ? kind : "others"] += count;
  }
}

std::vector<LivePoint> LiveSeries::add(const LiveCounts& quarter, const LiveTotals& totals,
                                       Wall now) {
  last_[quarters_++ % last_.size()] = quarter;
  total_.merge(quarter);
  totals_ = totals;
  std::vector<LivePoint> points;
  for (Series& series : series_) {
    series.counts.merge(quarter);
    const auto every = static_cast<std::uint64_t>(series.every_s) * kQuartersInSecond;
    if (++series.quarters < every) continue;
    points.push_back(point_of(series, now));
  }
  return points;
}

std::vector<LivePoint> LiveSeries::end(Wall now) {
  std::vector<LivePoint> points;
  for (Series& series : series_) {
    if (series.quarters > 0) points.push_back(point_of(series, now));
  }
  return points;
}

LiveSeries::Series LiveSeries::series_of(int every_s) {
  Series series;
  series.every_s = every_s;
  return series;
}

LivePoint LiveSeries::point_of(Series& series, Wall now) {
  const auto since = [](std::uint64_t all, std::uint64_t before) {
    return all - std::min(all, before);
  };
  LivePoint point{series.every_s,
                  now,
                  {since(totals_.intended, series.before.intended),
                   since(totals_.answered, series.before.answered),
                   since(totals_.failed, series.before.failed), totals_.in_flight},
                  std::exchange(series.counts, LiveCounts())};
  series.before = totals_;
  series.quarters = 0;
  return point;
}

LiveCounts LiveSeries::window() const {
  LiveCounts window;
  for (const LiveCounts& quarter : last_) window.merge(quarter);
  return window;
}

Json latency_json(const Histogram& latency) {
  return {{"count", latency.count()},       {"p50", quantile(latency, 0.5)},
          {"p90", quantile(latency, 0.9)},  {"p95", quantile(latency, 0.95)},
          {"p99", quantile(latency, 0.99)}, {"p999", quantile(latency, 0.999)},
          {"max", largest(latency)}};
}

Json lateness_json(const Histogram& lateness) {
  return {{"count", lateness.count()},
          {"p50", quantile(lateness, 0.5)},
          {"p99", quantile(lateness, 0.99)},
          {"max", largest(lateness)}};
}

Json errors_json(const std::map<std::string, std::uint64_t>& errors) {
  Json json = Json::object();
  for (const auto& [kind, count] : errors) json[kind] = count;
  return json;
}

}  // namespace galileo::commands
