#include "base/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

using namespace galileo;

TEST_CASE("percentiles are within the grain's error of the sorted values") {
  Random random(3);
  for (const auto& [grain, error] :
       {std::pair(Histogram::Grain::kFine, 0.01), std::pair(Histogram::Grain::kCoarse, 0.04)}) {
    Histogram histogram(grain);
    std::vector<double> values;
    for (int i = 0; i < 20'000; ++i) {
      const double ns = std::floor(random.lognormvariate(13, 2));
      values.push_back(ns);
      histogram.add(Duration{static_cast<std::int64_t>(ns)});
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(share * 20'000))) - 1;
      const auto found = static_cast<double>(histogram.percentile(share).count());
      CHECK(std::abs(found - values[rank]) <= error * values[rank] + 1);
    }
    CHECK(static_cast<double>(histogram.min().count()) == values.front());
    CHECK(static_cast<double>(histogram.max().count()) == values.back());
  }
}

TEST_CASE("merging is the same as adding all to one") {
  Histogram one;
  Histogram other;
  Histogram both;
  for (std::int64_t i = 1; i < 1000; ++i) {
    (i % 3 ? one : other).add(Duration{i * i});
    both.add(Duration{i * i});
  }
  one.merge(other);
  CHECK(one.count() == both.count());
  CHECK(one.mean() == both.mean());
  CHECK(one.min() == both.min());
  CHECK(one.max() == both.max());
  for (const double share : {0.1, 0.5, 0.99})
    CHECK(one.percentile(share) == both.percentile(share));
  CHECK(one.stddev_s() == doctest::Approx(both.stddev_s()));
}

TEST_CASE("an empty histogram is all zeros, and clearing keeps the grain") {
  Histogram histogram(Histogram::Grain::kCoarse);
  CHECK(histogram.count() == 0);
  CHECK(histogram.percentile(0.5) == Duration{0});
  CHECK(histogram.mean() == Duration{0});
  histogram.add(Duration{-5});
  CHECK(histogram.max() == Duration{0});
  histogram.clear();
  Histogram coarse(Histogram::Grain::kCoarse);
  coarse.merge(histogram);
  CHECK(coarse.count() == 0);
}

TEST_CASE("buckets meet without gaps up to the longest time there is") {
  Histogram histogram;
  for (int bit = 0; bit < 63; ++bit) {
    for (const std::int64_t off : {-1, 0, 1}) {
      histogram.clear();
      const Duration value{(std::int64_t{1} << bit) + off};
      histogram.add(value);
      histogram.each([&](Duration lower, Duration upper, std::uint64_t count) {
        CHECK(count == 1);
        CHECK(lower <= std::max(value, Duration{0}));
        CHECK((upper > value || bit == 62));
      });
    }
  }
}

TEST_CASE("percentiles of the longest times there are lie between them") {
  Histogram histogram;
  histogram.add(Duration::max() - Duration{1});
  histogram.add(Duration::max());
  CHECK(histogram.percentile(0.5) >= Duration::max() - Duration{1});
  histogram.add(Duration{std::int64_t{1} << 62}, 2);
  CHECK(histogram.percentile(0.25) >= Duration{std::int64_t{1} << 62});
  CHECK(histogram.percentile(0.25) < Duration{(std::int64_t{1} << 62) + (std::int64_t{1} << 55)});
}

TEST_CASE("a histogram made of another one's state is equal to it") {
  Histogram histogram(Histogram::Grain::kCoarse);
  CHECK(Histogram::of_state(histogram.state()) == histogram);
  histogram.add(Duration{12'345}, 3);
  histogram.add(Duration{99});
  CHECK(Histogram::of_state(histogram.state()) == histogram);
  Histogram::State state = histogram.state();
  state.min = Duration{100'000};
  CHECK_FALSE(Histogram::of_state(state));
  CHECK_FALSE(Histogram::of_state({Histogram::Grain::kFine, {0}, {}, {}, 0, 0}));
}
