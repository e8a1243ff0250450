#include "wire/histogram.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"

namespace galileo::wire {
namespace {

constexpr auto kFine = Histogram::Grain::kFine;
constexpr auto kCoarse = Histogram::Grain::kCoarse;

Histogram random_one(std::uint64_t seed, Histogram::Grain grain, std::uint64_t values) {
  Random random(seed);
  Histogram histogram(grain);
  for (std::uint64_t i = 0; i < values; ++i)
    histogram.add(Duration{static_cast<std::int64_t>(random.lognormvariate(14, 2))}, 1 + i % 3);
  return histogram;
}

Histogram again(const Histogram& histogram) {
  const Result<Histogram> decoded = decode_histogram(encode_histogram(histogram));
  REQUIRE(decoded.ok());
  return *decoded;
}

TEST_CASE("a histogram is read as it was written, whatever it holds") {
  for (const auto grain : {kFine, kCoarse}) {
    for (const std::uint64_t values : {0u, 1u, 2u, 1000u, 20'000u}) {
      const Histogram histogram = random_one(7, grain, values);
      CHECK(again(histogram) == histogram);
      CHECK(again(histogram).percentile(0.99) == histogram.percentile(0.99));
      CHECK(again(histogram).stddev_s() == histogram.stddev_s());
    }
  }
}

TEST_CASE("the shortest and the longest times are kept, and full buckets") {
  Histogram histogram;
  histogram.add(Duration{0}, std::numeric_limits<std::uint32_t>::max());
  histogram.add(Duration{1});
  histogram.add(Duration::max(), 5);
  CHECK(again(histogram) == histogram);
}

TEST_CASE("merging what was sent is the same as merging what was there") {
  for (const auto grain : {kFine, kCoarse}) {
    for (std::uint64_t seed = 1; seed < 20; ++seed) {
      const Histogram a = random_one(seed, grain, 500);
      const Histogram b = random_one(seed + 100, grain, seed == 19 ? 0 : 300);
      Histogram here = a;
      here.merge(b);
      Histogram sent = again(a);
      sent.merge(again(b));
      CHECK(sent == here);
      CHECK(again(sent) == here);
    }
  }
}

TEST_CASE("the text is what the header says") {
  Histogram histogram;
  CHECK(encode_histogram(histogram) == "h1 7 0 0 0 0");
  histogram.add(Duration{3}, 2);
  histogram.add(Duration{4});
  histogram.add(Duration{9});
  CHECK(encode_histogram(histogram) == "h1 7 3 9 19 115 3:2,1 4:1");
  CHECK(encode_histogram(Histogram{kCoarse}) == "h1 4 0 0 0 0");
  CHECK(encode_histogram(random_one(1, kFine, 1000)).size() < 4000);
}

TEST_CASE("what is no histogram is refused with the reason") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "'' is not a version that is known"},
      {"h2 7 0 0 0 0", "'h2' is not a version that is known"},
      {"h1", "it is cut"},
      {"h1 7 0 0 0", "it is cut"},
      {"h1 5 0 0 0 0", "'5' is not a grain"},
      {"h1 7 -1 0 0 0", "'-1' is not a number of nanoseconds"},
      {"h1 7 0 99999999999999999999 0 0", "'99999999999999999999' is not a number of nanoseconds"},
      {"h1 7 0 0 nan 0", "'nan' is not a sum"},
      {"h1 7 0 0 0 inf", "'inf' is not a sum"},
      {"h1 7 0 0 0 0 ", "'' is not a run of buckets"},
      {"h1 7 0 0 0 0 0", "'0' is not a run of buckets"},
      {"h1 7 0 0 0 0 -1:1", "'-1:1' is not a run of buckets"},
      {"h1 7 0 0 0 0 99999999:1", "'99999999:1' is not a run of buckets"},
      {"h1 7 0 0 0 0 7296:1", "it has more buckets than there are"},
      {"h1 7 0 0 0 0 7295:1,1", "it has more buckets than there are"},
      {"h1 7 0 1 1 1 0:1 0:1", "'0:1' is not a run of buckets"},
      {"h1 7 0 0 0 0 0:0", "'0' is not a bucket's count"},
      {"h1 7 0 0 0 0 0:", "'' is not a bucket's count"},
      {"h1 7 0 0 0 0 0:4294967296", "'4294967296' is not a bucket's count"},
      {"h1 7 3 9 19 115 3:2,1", "its values contradict each other"},
      {"h1 7 2 9 19 115 3:2,1 4:1", "its values contradict each other"},
      {"h1 7 9 3 19 115 3:2,1 4:1", "its values contradict each other"},
      {"h1 7 3 9 1 115 3:2,1 4:1", "its values contradict each other"},
      {"h1 7 3 9 19 1e9 3:2,1 4:1", "its values contradict each other"},
      {"h1 7 0 0 1 0", "its values contradict each other"},
      {"h1 7 0 0 0 0 5:1", "its values contradict each other"},
      {std::string(kHistogramTextMax + 1, ' '), "it has 131073 bytes, more than 131072"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text.substr(0, 60));
    const Result<Histogram> histogram = decode_histogram(text);
    REQUIRE_FALSE(histogram.ok());
    CHECK(histogram.error().why == why);
    CHECK(histogram.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("the largest histogram there can be fits its limit") {
  for (const auto grain : {kFine, kCoarse}) {
    Histogram histogram(grain);
    for (std::int64_t edge = 0; edge >= 0 && edge < std::numeric_limits<std::int64_t>::max() / 2;) {
      histogram.add(Duration{edge}, std::numeric_limits<std::uint32_t>::max());
      edge += 1 + (edge >> static_cast<int>(grain));
    }
    const std::string text = encode_histogram(histogram);
    CHECK(text.size() < kHistogramTextMax);
    CHECK(again(histogram) == histogram);
  }
}

}  // namespace
}  // namespace galileo::wire
