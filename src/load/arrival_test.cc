#include "load/arrival.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

namespace galileo::load {
namespace {

constexpr double kPi = std::numbers::pi;

ArrivalSpec spec_of(std::string kind, std::vector<double> parameters,
                    std::string process = "static") {
  ArrivalSpec spec;
  spec.kind = std::move(kind);
  spec.parameters = std::move(parameters);
  spec.process = std::move(process);
  return spec;
}

std::unique_ptr<Arrival> made(const ArrivalSpec& spec) {
  auto arrival = make_arrival(spec);
  REQUIRE_MESSAGE(arrival.ok(), arrival.error().to_text());
  return std::move(*arrival);
}

// The first due times, in seconds, at most `count`.
std::vector<double> due_s(const ArrivalSpec& spec, std::size_t count, std::uint64_t seed = 1) {
  const auto arrival = made(spec);
  Random random(seed);
  std::vector<double> times;
  while (times.size() < count) {
    const auto due = arrival->next(random);
    if (!due) break;
    times.push_back(to_seconds(*due));
  }
  REQUIRE(std::is_sorted(times.begin(), times.end()));
  return times;
}

// One request of each kind and process that can be.
std::vector<ArrivalSpec> one_of_each() {
  std::vector<ArrivalSpec> specs{
      spec_of("constant", {0.01}),
      spec_of("uniform", {0, 0.02}),
      spec_of("triangular", {0, 0.02, 0.01}),
      spec_of("normalvariate", {0.01, 0.02}),
      spec_of("gauss", {0.01, 0.001}),
      spec_of("lognormvariate", {-5, 0.5}),
      spec_of("expovariate", {100}),
      spec_of("vonmisesvariate", {0.01, 5}),
      spec_of("gammavariate", {0.5, 0.02}),
      spec_of("betavariate", {1, 99}),
      spec_of("paretovariate", {3}),
      spec_of("weibullvariate", {0.01, 0.9}),
  };
  specs.push_back(spec_of("prerecorded", {}));
  for (int i = 0; i < 20'000; ++i) specs.back().recorded_s.push_back(0.0011 * (i % 20));
  for (const char* process : {"static", "exponential"}) {
    specs.push_back(spec_of("constant_rate", {100}, process));
    specs.push_back(spec_of("sine", {200, 7}, process));
    specs.push_back(spec_of("random_walk", {100, 1, 150, 50}, process));
    specs.push_back(spec_of("ramp", {0, 200, 60}, process));
    specs.push_back(spec_of("steps", {50, 30, 0, 10, 150, 60}, process));
  }
  return specs;
}

TEST_CASE("every row of the table, and every distribution, makes an arrival") {
  const auto specs = one_of_each();
  for (const ArrivalRow& row : arrival_rows()) {
    CAPTURE(row.name);
    CHECK_FALSE(row.text.empty());
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const ArrivalSpec& s) { return s.kind == row.name; });
    REQUIRE(spec != specs.end());
    CHECK(due_s(*spec, 10).size() == 10);
  }
}

TEST_CASE("the first request goes out one inter-arrival after the start") {
  CHECK(due_s(spec_of("constant", {0.5}), 3) == std::vector{0.5, 1.0, 1.5});
  CHECK(due_s(spec_of("constant_rate", {2}), 3) == std::vector{0.5, 1.0, 1.5});
  CHECK(due_s(spec_of("uniform", {0.25, 0.25}), 3) == std::vector{0.25, 0.5, 0.75});
  ArrivalSpec recorded = spec_of("prerecorded", {});
  recorded.recorded_s = {0.5, 0, 1, -3};
  CHECK(due_s(recorded, 10) == std::vector{0.5, 0.5, 1.5, 1.5});
}

// Neither period nor rate divide the second: a rounding that adds up would show.
TEST_CASE("millions of requests at 3,000/s end within a microsecond of the ideal") {
  constexpr int kCount = 2'000'000;
  ArrivalSpec recorded = spec_of("prerecorded", {});
  recorded.recorded_s.assign(kCount, 1.0 / 3000);
  for (const ArrivalSpec& spec :
       {spec_of("constant", {1.0 / 3000}), spec_of("constant_rate", {3000}), recorded,
        spec_of("steps", {3000, 1000})}) {
    CAPTURE(spec.kind);
    const auto arrival = made(spec);
    Random random(1);
    Duration last{0};
    for (int i = 0; i < kCount; ++i) last = *arrival->next(random);
    CHECK(std::abs(to_seconds(last) - kCount / 3000.0) < 1e-6);
  }
}

TEST_CASE("a draw of 0 or less goes at once") {
  const auto times = due_s(spec_of("normalvariate", {0, 1}), 10'000);
  REQUIRE(times.size() == 10'000);
  int at_once = times[0] == 0;
  for (std::size_t i = 1; i < times.size(); ++i) at_once += times[i] == times[i - 1];
  CHECK(std::abs(at_once - 5000) < 250);
}

struct Shape {
  ArrivalSpec spec;
  std::function<double(double)> rate;
};

// The integral of `rate`, by Simpson's rule in small steps that end at each of `times`.
std::vector<double> integrals(const std::function<double(double)>& rate,
                              const std::vector<double>& times) {
  std::vector<double> sums;
  double sum = 0;
  double from = 0;
  for (const double to : times) {
    const double step = (to - from) / 64;
    for (int i = 0; i < 64; ++i) {
      const double t = from + step * i;
      sum += step / 6 * (rate(t) + 4 * rate(t + step / 2) + rate(t + step));
    }
    from = to;
    sums.push_back(sum);
  }
  return sums;
}

std::vector<Shape> smooth_shapes(const std::string& process) {
  return {
      {spec_of("constant_rate", {37}, process), [](double) { return 37.0; }},
      {spec_of("sine", {200, 10}, process),
       [](double t) { return (std::sin(2 * kPi * t / 10) + 1) / 2 * 200; }},
      {spec_of("sine", {3, 86'400}, process),
       [](double t) { return (std::sin(2 * kPi * t / 86'400) + 1) / 2 * 3; }},
      {spec_of("ramp", {0, 100, 50}, process), [](double t) { return std::min(2 * t, 100.0); }},
      {spec_of("ramp", {100, 20, 10}, process),
       [](double t) { return std::max(100 - 8 * t, 20.0); }},
      {spec_of("ramp", {50, 50, 10}, process), [](double) { return 50.0; }},
  };
}

TEST_CASE("an even process sends each time that the rate's integral reaches a whole number") {
  for (const Shape& shape : smooth_shapes("static")) {
    CAPTURE(shape.spec.kind);
    const auto sums = integrals(shape.rate, due_s(shape.spec, 5000));
    REQUIRE(sums.size() == 5000);
    double worst = 0;
    for (std::size_t i = 0; i < sums.size(); ++i)
      worst = std::max(worst, std::abs(sums[i] - static_cast<double>(i + 1)));
    CHECK(worst < 1e-4);
  }
}

// Kolmogorov's and Smirnov's distance of the integral's increments from the unit exponential.
TEST_CASE("an exponential process is a Poisson process of the rate") {
  for (const Shape& shape : smooth_shapes("exponential")) {
    CAPTURE(shape.spec.kind);
    auto sums = integrals(shape.rate, due_s(shape.spec, 20'000));
    REQUIRE(sums.size() == 20'000);
    for (std::size_t i = sums.size() - 1; i > 0; --i) sums[i] -= sums[i - 1];
    std::sort(sums.begin(), sums.end());
    double distance = 0;
    for (std::size_t i = 0; i < sums.size(); ++i)
      distance =
          std::max(distance, std::abs(1 - std::exp(-sums[i]) - static_cast<double>(i) / 20'000));
    CHECK(distance < 0.0138);
  }
}

TEST_CASE("a sine of any period and rate has its requests, through every trough") {
  for (const double period_s : {1e-4, 1.0, 60.0, 86'400.0}) {
    for (const double max_rps : {0.01, 100.0, 50'000.0}) {
      CAPTURE(period_s);
      CAPTURE(max_rps);
      const auto times = due_s(spec_of("sine", {max_rps, period_s}), 20'000);
      REQUIRE(times.size() == 20'000);
      // As far from the even schedule of the mean rate as half a swing at most.
      const double even_s = 20'000 / (max_rps / 2);
      CHECK(std::abs(times.back() - even_s) <= period_s / kPi + 1e-6 * even_s);
    }
  }
}

TEST_CASE("steps send each rate for its time, wait through a rate of 0, and end") {
  CHECK(due_s(spec_of("steps", {2, 1, 0, 5, 4, 1}), 100) ==
        std::vector{0.5, 1.0, 6.25, 6.5, 6.75, 7.0});
  CHECK(due_s(spec_of("steps", {0, 3600, 1, 2}), 100) == std::vector{3601.0, 3602.0});
  // What one step leaves unfinished, the next one finishes.
  CHECK(due_s(spec_of("steps", {0.5, 1, 1, 1}), 100) == std::vector{1.5});
  for (const double rps : {0.1, 0.3, 0.7, 2.3, 1e3 / 3, 3000.0}) {
    CAPTURE(rps);
    CHECK(due_s(spec_of("steps", {rps, 30, rps, 30}), 1'000'000).size() ==
          static_cast<std::size_t>(rps * 60 + 1e-6));
  }
  // In doubles, 21 / 0.7 is a little above 30: the last request is due at the end all the same.
  CHECK(due_s(spec_of("steps", {0.7, 30}), 100).size() == 21);
}

TEST_CASE("a ramp holds the rate that it reached, and one down to 0 ends") {
  const auto up = due_s(spec_of("ramp", {0, 10, 2}), 30);
  CHECK(up[9] == doctest::Approx(2.0));
  CHECK(up[29] == doctest::Approx(4.0));
  const auto down = due_s(spec_of("ramp", {10, 0, 2}), 100);
  REQUIRE(down.size() == 10);
  CHECK(down.back() == doctest::Approx(2.0));
}

// The walk is walked again here, from its rule.
TEST_CASE("a random walk moves its mean only while it is within the bounds") {
  const ArrivalSpec spec = spec_of("random_walk", {40, 30, 100, 10, 0.5});
  const auto times = due_s(spec, 2000, 7);
  Random random(7);
  double mu = 40;
  double sum = 0;
  std::vector<double> wanted;
  for (double begins_s = 0; wanted.size() < times.size(); begins_s += 0.5) {
    const double drawn = random.normalvariate(mu, 30);
    const double rate = drawn < 10 ? 10 : drawn > 100 ? 100 : drawn;
    if (rate == drawn) mu = drawn;
    while (static_cast<double>(wanted.size() + 1) < sum + rate * 0.5)
      wanted.push_back(begins_s + (static_cast<double>(wanted.size() + 1) - sum) / rate);
    sum += rate * 0.5;
  }
  for (std::size_t i = 0; i < times.size(); ++i) REQUIRE(times[i] == doctest::Approx(wanted[i]));
}

TEST_CASE("a random walk that stays at 0 ends instead of searching for ever") {
  CHECK(due_s(spec_of("random_walk", {-50, 0.1, 1, 0}), 5).empty());
}

TEST_CASE("how many requests to expect is how many there are") {
  for (const ArrivalSpec& spec : one_of_each()) {
    CAPTURE(spec.kind);
    CAPTURE(spec.process);
    // So long that a thousand requests are due, or more.
    const double mean_wait_s = 50 / expected_requests(spec, seconds(50));
    const double length_s = std::max(50.0, 1000 * mean_wait_s);
    const double expected = expected_requests(spec, seconds(length_s));
    const auto enough = static_cast<std::size_t>(expected * 1.5);
    double count = 0;
    constexpr int kRuns = 10;
    for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
      const auto times = due_s(spec, enough, seed);
      REQUIRE((times.size() < enough || times.back() > length_s));
      count += static_cast<double>(std::upper_bound(times.begin(), times.end(), length_s) -
                                   times.begin());
    }
    CHECK(expected == doctest::Approx(count / kRuns).epsilon(0.03));
  }
}

TEST_CASE("how many requests to expect is exact where no chance is involved") {
  CHECK(expected_requests(spec_of("constant", {1.0 / 3000}), seconds(10)) == 30'000);
  CHECK(expected_requests(spec_of("constant_rate", {3000}), seconds(10)) == 30'000);
  CHECK(expected_requests(spec_of("ramp", {0, 50'000, 600}), seconds(600)) == 15'000'000);
  CHECK(expected_requests(spec_of("sine", {100, 10}), seconds(30)) == 1500);
  CHECK(expected_requests(spec_of("steps", {10, 10, 20, 10}), seconds(15)) == 200);
  CHECK(expected_requests(spec_of("steps", {10, 10, 20, 10}), seconds(3600)) == 300);
  CHECK(expected_requests(spec_of("expovariate", {50}), seconds(10)) == doctest::Approx(500));
  CHECK(std::isinf(expected_requests(spec_of("constant", {}), seconds(10))));
  CHECK(expected_requests(spec_of("nothing", {}), seconds(10)) == 0);
}

TEST_CASE("as fast as possible is what has no time between requests") {
  CHECK(unpaced(spec_of("constant", {})));
  CHECK(unpaced(spec_of("constant", {0})));
  CHECK(unpaced(spec_of("constant", {-1})));
  CHECK(unpaced(spec_of("constant", {1e-12})));
  CHECK(unpaced(spec_of("uniform", {0, 0})));
  CHECK(unpaced(spec_of("normalvariate", {-1, 0})));
  CHECK(unpaced(spec_of("lognormvariate", {-1000, 1})));
  CHECK_FALSE(unpaced(spec_of("constant", {1e-6})));
  CHECK_FALSE(unpaced(spec_of("normalvariate", {0, 1})));
  for (const ArrivalSpec& spec : one_of_each()) CHECK_FALSE(unpaced(spec));
}

TEST_CASE("waits beyond all time end the sequence") {
  CHECK(due_s(spec_of("constant", {1e10}), 5).empty());
  CHECK(due_s(spec_of("constant_rate", {1e-12}), 5).empty());
  CHECK(due_s(spec_of("expovariate", {1e-15}), 5).empty());
  CHECK(due_s(spec_of("lognormvariate", {800, 0}), 5).empty());
  CHECK(due_s(spec_of("paretovariate", {1e-6}), 5).empty());
  // A width that is no double gives draws that are no numbers.
  CHECK(due_s(spec_of("uniform", {-1e308, 1e308}), 100).size() < 100);
  ArrivalSpec recorded = spec_of("prerecorded", {});
  recorded.recorded_s = {1, 1e300, 1};
  CHECK(due_s(recorded, 5) == std::vector{1.0});
}

TEST_CASE("parameters that can't be are refused with the reason and the mend") {
  struct Bad {
    ArrivalSpec spec;
    std::string text;
  };
  const double nan = std::nan("");
  const std::string rates = "rates go from 0 to 1e9 requests a second";
  const std::vector<Bad> cases{
      {spec_of("expovariat", {1}),
       "unknown distribution 'expovariat'; did you mean 'expovariate'?"},
      {spec_of("randomwalk", {1}),
       "unknown distribution 'randomwalk'; did you mean 'random_walk'?"},
      {spec_of("expovariate", {}),
       "expovariate takes 1 parameter, not 0; write it as expovariate(lambd)"},
      {spec_of("expovariate", {1, 2}),
       "expovariate takes 1 parameter, not 2; write it as expovariate(lambd)"},
      {spec_of("expovariate", {0}), "expovariate(0) has no such distribution; it needs lambd > 0"},
      {spec_of("gammavariate", {0, 1}),
       "gammavariate(0, 1) has no such distribution; it needs alpha > 0 and beta > 0"},
      {spec_of("triangular", {3, 1, 2}),
       "triangular(3, 1, 2) has no such distribution; it needs low <= mode <= high"},
      {spec_of("normalvariate", {0, -1}),
       "normalvariate(0, -1) has no such distribution; it needs sigma >= 0"},
      {spec_of("expovariate", {nan}), "expovariate has a parameter that isn't finite"},
      {spec_of("constant", {1, 2}), "constant can't have 2 parameters; it takes (seconds)"},
      {spec_of("constant_rate", {-5}), "constant_rate can't have a rate of -5; " + rates},
      {spec_of("constant_rate", {1e12}),
       "constant_rate can't have a rate of 1000000000000; " + rates},
      {spec_of("constant_rate", {0}), "a rate of 0 sends nothing; give a rate above 0"},
      {spec_of("sine", {10}), "sine can't have 1 parameters; it takes (max_rps, period_s)"},
      {spec_of("sine", {10, 0}),
       "sine(10, 0) sends nothing; give max_rps and period_s above 0 (a period of 1e-6 s at "
       "least)"},
      {spec_of("ramp", {0, 0, 5}),
       "ramp(0, 0, 5) sends nothing; it takes (from_rps, to_rps, seconds): one rate above 0, "
       "seconds above 0"},
      {spec_of("ramp", {10, -1, 5}), "ramp can't have a rate of -1; " + rates},
      {spec_of("steps", {10, 1, 5}),
       "steps has a rate without its seconds; it takes (rps, seconds, ...)"},
      {spec_of("steps", {10, -1}),
       "steps can't have a rate of 10 for -1 s; seconds must be above 0"},
      {spec_of("steps", {0, 5}), "steps(0, 5) sends nothing; give at least one rate above 0"},
      {spec_of("random_walk", {1, 1, 5, 9}),
       "random_walk(1, 1, 5, 9) has no such walk; it takes (mu, sigma, max, min, step_s) with "
       "sigma >= 0, max >= min, max > 0 and step_s >= 0.001"},
      {spec_of("sine", {10, 1}, "poisson"),
       "unknown process 'poisson'; use one of: static, exponential"},
      {spec_of("prerecorded", {}),
       "prerecorded has no inter-arrivals; give a profile file or a list"},
  };
  for (const Bad& bad : cases) {
    const auto arrival = make_arrival(bad.spec);
    CAPTURE(bad.text);
    REQUIRE_FALSE(arrival.ok());
    CHECK(arrival.error().to_text() == bad.text);
    CHECK(arrival.error().code == ErrorCode::kUsage);
  }
  ArrivalSpec recorded = spec_of("prerecorded", {});
  recorded.recorded_s = {1, nan};
  CHECK(make_arrival(recorded).error().to_text() ==
        "inter-arrival 2 of the list isn't finite; a list holds seconds");
}

}  // namespace
}  // namespace galileo::load
