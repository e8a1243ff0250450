// Made profiles: the old system's rules, number by number where chance has no part.
#include "load/profile_segment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/random.h"

namespace galileo::load {
namespace {

using Gaps = std::vector<double>;

Gaps made(const std::vector<std::string>& texts, std::uint64_t seed = 1) {
  std::vector<ProfileSegment> segments;
  for (const std::string& text : texts) {
    auto segment = parse_profile_segment(text);
    REQUIRE_MESSAGE(segment.ok(), segment.error().to_text());
    segments.push_back(*segment);
  }
  auto gaps = make_profile(segments, seed);
  REQUIRE_MESSAGE(gaps.ok(), gaps.error().to_text());
  return *gaps;
}

double sum(const Gaps& gaps) {
  return std::accumulate(gaps.begin(), gaps.end(), 0.0);
}

}  // namespace

TEST_CASE("all gaps that begin before the end are there, so that their sum is no less") {
  CHECK(made({"constant(2) for 2s"}) == Gaps{0.5, 0.5, 0.5, 0.5});
  CHECK(made({"constant(2) for 1.75s"}) == Gaps{0.5, 0.5, 0.5, 0.5});
  CHECK(made({"constant(2) for 1ms"}) == Gaps{0.5});
}

TEST_CASE("a sine is looked at when each gap begins, and starts in its middle") {
  const Gaps gaps = made({"sine(100, 7) for 60s"});
  double at = 0;
  for (const double gap : gaps) {
    REQUIRE(at < 60);
    const double rate = (std::sin(2 * std::numbers::pi * at / 7) + 1) / 2 * 100;
    REQUIRE(gap == doctest::Approx(1 / rate).epsilon(1e-9));
    at += gap;
  }
  CHECK(at >= 60);
  CHECK(gaps.front() == 1.0 / 50);
}

TEST_CASE("even gaps are as long as max says at most, also where the rate is 0") {
  CHECK(made({"constant(2) for 2s max 400ms"}) == Gaps(5, 0.4));
  CHECK(made({"constant(0) for 3s max 1s"}) == Gaps{1, 1, 1});
  CHECK_FALSE(make_profile({*parse_profile_segment("constant(0) for 3s")}, 1).ok());
  // A walk that is below its least is at it.
  CHECK(made({"random_walk(-5, 0, 10) for 2s max 1s"}) == Gaps{1, 1});
}

TEST_CASE(
    "exponential gaps are draws with the rate, a second where that is 0, scaled and bounded") {
  CHECK(made({"constant(0) for 3s exponential"}) == Gaps{1, 1, 1});
  CHECK(made({"constant(0) for 3s exponential scale 2"}) == Gaps{2, 2});
  CHECK(made({"constant(0) for 3s exponential scale 2 max 1500ms"}) == Gaps{1.5, 1.5});
  const Gaps gaps = made({"constant(100) for 1000s exponential"});
  const double mean = sum(gaps) / static_cast<double>(gaps.size());
  CHECK(mean == doctest::Approx(0.01).epsilon(0.01));
  double squares = 0;
  for (const double gap : gaps) squares += (gap - mean) * (gap - mean);
  CHECK(std::sqrt(squares / static_cast<double>(gaps.size())) / mean ==
        doctest::Approx(1).epsilon(0.02));
  const Gaps scaled = made({"constant(100) for 1000s exponential scale 0.5 max 20ms"});
  CHECK(*std::max_element(scaled.begin(), scaled.end()) == 0.02);
  CHECK(scaled.front() == doctest::Approx(gaps.front() / 2));
}

TEST_CASE("a walk moves where it draws, and stays at its bounds") {
  CHECK(made({"random_walk(5, 0, 10) for 1s"}) == Gaps(5, 0.2));
  CHECK(made({"random_walk(50, 0, 10) for 950ms"}) == Gaps(10, 0.1));
  CHECK(made({"random_walk(1, 0, 10, 4) for 1s"}) == Gaps(4, 0.25));
  const Gaps gaps = made({"random_walk(20, 9, 60, 1) for 600s"}, 5);
  Random random(5);
  double mu = 20;
  int at_bounds = 0;
  for (const double gap : gaps) {
    const double drawn = random.normalvariate(mu, 9);
    const bool within = drawn > 1 && drawn < 60;
    if (within) mu = drawn;
    at_bounds += within ? 0 : 1;
    REQUIRE(gap == 1 / std::clamp(drawn, 1.0, 60.0));
  }
  CHECK(at_bounds > 100);
}

TEST_CASE("of several segments the clock runs on, and their gaps follow each other") {
  // The second begins at 1.5 s, though the first one's gaps are 2 s.
  const Gaps gaps = made({"constant(1) for 1500ms", "sine(4, 4) for 100ms"});
  REQUIRE(gaps.size() == 3);
  CHECK(gaps[0] == 1);
  CHECK(gaps[1] == 1);
  CHECK(gaps[2] == doctest::Approx(1 / (2 * (std::sin(0.75 * std::numbers::pi) + 1))));
  CHECK(made({"sine(40, 7) for 30s exponential", "constant(9) for 10s exponential"}, 7) ==
        made({"sine(40, 7) for 30s exponential", "constant(9) for 10s exponential"}, 7));
  CHECK(made({"constant(9) for 10s exponential"}, 7) !=
        made({"constant(9) for 10s exponential"}, 8));
}

TEST_CASE("a segment is written in words, in any order behind its rate") {
  const auto segment =
      parse_profile_segment(" sine( 100, 60 )  max 2s for 1h30m scale 0.5 exponential");
  REQUIRE(segment.ok());
  CHECK(segment->rate == "sine");
  CHECK(segment->parameters == Gaps{100, 60});
  CHECK(segment->exponential);
  CHECK(segment->scale == 0.5);
  CHECK(segment->gap_max_s == 2);
  CHECK(segment->seconds == 5400);
  for (const char* wrong :
       {"", "sine", "sine(1, 2)", "sine for 1s", "sine(1, 2) for", "sine(1, 2) for 0",
        "sine(1, 0) for 1s", "constant(-1) for 1s", "constant(1, 2) for 1s",
        "random_walk(1, 2) for 1s", "random_walk(1, -2, 3) for 1s",
        "random_walk(1, 2, 3, 4) for 1s", "ramp(1, 2, 3) for 1s", "constant(1) for 1s max 0",
        "constant(1) for 1s exponential scale 0", "constant(1) for 1s often",
        "constant(1) for 1s scale 2", "constant(2e9) for 1s"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_profile_segment(wrong).ok());
  }
  CHECK(profile_rate_rows().size() == 3);
}

}  // namespace galileo::load
