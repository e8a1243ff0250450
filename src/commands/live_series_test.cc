#include "commands/live_series.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace galileo;
using namespace galileo::commands;

namespace {

LiveCounts quarter(int requests, Duration latency) {
  LiveCounts counts;
  for (int i = 0; i < requests; ++i) counts.latency.add(latency);
  return counts;
}

}  // namespace

TEST_CASE("quarters become points of a second and of ten, of what was new in each") {
  LiveSeries series;
  std::vector<LivePoint> seconds, tens;
  Wall now{std::chrono::hours{1}};
  for (int i = 1; i <= 44; ++i) {
    now += std::chrono::milliseconds{250};
    const auto n = static_cast<std::uint64_t>(i);
    for (LivePoint& point :
         series.add(quarter(5, std::chrono::milliseconds{i}), {5 * n, 4 * n, n, 3}, now))
      (point.every_s == 1 ? seconds : tens).push_back(std::move(point));
  }
  REQUIRE(seconds.size() == 11);
  REQUIRE(tens.size() == 1);
  CHECK(seconds[10].totals.intended == 20);
  CHECK(seconds[10].totals.failed == 4);
  CHECK(seconds[10].totals.in_flight == 3);
  CHECK(seconds[10].end == now);
  CHECK(seconds[10].counts.latency.count() == 20);
  CHECK(tens[0].totals.answered == 160);
  // Merged histograms, not percentiles of percentiles.
  CHECK(tens[0].counts.latency.max() == std::chrono::milliseconds{40});
  CHECK(series.window().latency.min() == std::chrono::milliseconds{41});
  CHECK(series.total().latency.count() == 220);
  CHECK(series.end(now).size() == 2);  // of ten and of sixty
}

TEST_CASE("a percentile that too few say is null, and kinds of errors are bounded") {
  Histogram few;
  CHECK(latency_json(few)["p50"].is_null());
  CHECK(latency_json(few)["max"].is_null());
  for (int i = 0; i < 200; ++i) few.add(std::chrono::milliseconds{10});
  CHECK(latency_json(few)["p50"].is_number());
  CHECK(latency_json(few)["p90"].is_number());
  CHECK(latency_json(few)["p99"].is_null());
  LiveCounts many, more;
  for (int i = 0; i < 80; ++i) more.errors[std::to_string(i)] = 1;
  many.merge(more);
  CHECK(many.errors.size() <= 51);
  std::uint64_t all = 0;
  for (const auto& [kind, count] : many.errors) all += count;
  CHECK(all == 80);
}
