#include "base/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

namespace galileo {
namespace {

constexpr std::size_t kDraws = 100'000;
constexpr double kPi = std::numbers::pi;

using Draw = std::function<double(Random&)>;
using Cdf = std::function<double(double)>;

struct Case {
  std::string name;
  Draw draw;
  Cdf cdf;
  double mean;
  double variance;
};

double normal_cdf(double x, double mu, double sigma) {
  return 0.5 * std::erfc((mu - x) / (sigma * std::numbers::sqrt2));
}

// The share of gamma(alpha, scale 1) below x, by the power series of the incomplete gamma function.
double gamma_cdf(double x, double alpha) {
  if (x <= 0) return 0;
  double term = std::exp(alpha * std::log(x) - x - std::lgamma(alpha + 1));
  double sum = 0;
  for (int n = 1; n < 1000 && term > 1e-15 * sum; ++n) {
    sum += term;
    term *= x / (alpha + n);
  }
  return std::min(sum, 1.0);
}

// Its density summed up by Simpson's rule; from 0, as the draws lie in [0, 2 pi).
Cdf von_mises_cdf(double mu, double kappa) {
  constexpr std::size_t kSteps = 20'000;
  const double step = 2 * kPi / kSteps;
  std::vector<double> sums{0};
  const auto density = [=](double x) { return std::exp(kappa * (std::cos(x - mu) - 1)); };
  for (std::size_t i = 0; i < kSteps; ++i) {
    const double x = step * static_cast<double>(i);
    sums.push_back(sums.back() + density(x) + 4 * density(x + step / 2) + density(x + step));
  }
  for (double& sum : sums) sum /= sums.back();
  return [sums, step](double x) {
    const auto at = static_cast<std::size_t>(std::clamp(x / step, 0.0, 1.0 * kSteps));
    return sums[at];
  };
}

// Mean, variance and the largest distance of the distributions (Kolmogorov and Smirnov) of 100,000
// draws. The distance of good draws is above 0.0062 once in a thousand times; the seed is fixed.
void check_draws(const Case& wanted) {
  CAPTURE(wanted.name);
  Random random(20261124);
  std::vector<double> draws;
  double sum = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    draws.push_back(wanted.draw(random));
    sum += draws.back();
  }
  REQUIRE(std::all_of(draws.begin(), draws.end(), [](double x) { return std::isfinite(x); }));
  const double n = kDraws;
  const double mean = sum / n;
  double squares = 0;
  for (const double draw : draws) squares += (draw - mean) * (draw - mean);
  CHECK(std::abs(mean - wanted.mean) <= 4.5 * std::sqrt(wanted.variance / n) + 1e-12);
  CHECK(squares / n == doctest::Approx(wanted.variance).epsilon(0.05));
  std::sort(draws.begin(), draws.end());
  double distance = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    const double share = wanted.cdf(draws[i]);
    distance = std::max(
        {distance, share - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - share});
  }
  CHECK(distance < 0.0062);
}

// From an implementation of the published algorithms in another language.
TEST_CASE("the bits are those of xoshiro256++ seeded by splitmix64") {
  Random random(7);
  CHECK(random.bits() == 1835516448301742393u);
  CHECK(random.bits() == 6630646935619971442u);
  Random other(7, 3);
  CHECK(other.bits() == 11806653654406178811u);
  CHECK(other.bits() == 4379145976061718832u);
}

TEST_CASE("streams of one seed have nothing in common") {
  Random one(7, 1);
  Random other(7, 2);
  int equal_bits = 0;
  for (int i = 0; i < 1000; ++i) equal_bits += __builtin_popcountll(~(one.bits() ^ other.bits()));
  CHECK(std::abs(equal_bits - 32'000) < 500);  // 4 standard deviations
}

TEST_CASE("below() gives each number equally often") {
  Random random(1);
  std::vector<int> seen(7);
  for (int i = 0; i < 70'000; ++i) ++seen[random.below(7)];
  for (const int count : seen) CHECK(std::abs(count - 10'000) < 400);
  CHECK(random.below(1) == 0);
  CHECK(random.below(std::uint64_t{1} << 63) < std::uint64_t{1} << 63);
}

TEST_CASE("uniform and triangular draws have the shape they should") {
  check_draws(
      {"unit", [](Random& r) { return r.unit(); }, [](double x) { return x; }, 0.5, 1.0 / 12});
  check_draws({"uniform(2, 5)", [](Random& r) { return r.uniform(2, 5); },
               [](double x) { return (x - 2) / 3; }, 3.5, 9.0 / 12});
  check_draws({"uniform(1, -1)", [](Random& r) { return r.uniform(1, -1); },
               [](double x) { return (x + 1) / 2; }, 0, 4.0 / 12});
  check_draws({"triangular(0, 4, 1)", [](Random& r) { return r.triangular(0, 4, 1); },
               [](double x) { return x < 1 ? x * x / 4 : 1 - (4 - x) * (4 - x) / 12; }, 5.0 / 3,
               13.0 / 18});
  check_draws({"triangular(0, 2, 2)", [](Random& r) { return r.triangular(0, 2, 2); },
               [](double x) { return x * x / 4; }, 4.0 / 3, 4.0 / 18});
  Random random(1);
  CHECK(random.triangular(3, 3, 3) == 3);
}

TEST_CASE("normal and lognormal draws have the shape they should") {
  check_draws({"normalvariate(1, 2)", [](Random& r) { return r.normalvariate(1, 2); },
               [](double x) { return normal_cdf(x, 1, 2); }, 1, 4});
  check_draws({"gauss(-5, 0.1)", [](Random& r) { return r.gauss(-5, 0.1); },
               [](double x) { return normal_cdf(x, -5, 0.1); }, -5, 0.01});
  for (const double sigma : {0.1, 0.3, 1.0}) {
    const double mean = std::exp(-2 + sigma * sigma / 2);
    check_draws({"lognormvariate", [=](Random& r) { return r.lognormvariate(-2, sigma); },
                 [=](double x) { return normal_cdf(std::log(x), -2, sigma); }, mean,
                 mean * mean * (std::exp(sigma * sigma) - 1)});
  }
}

TEST_CASE("negative draws of normalvariate are kept") {
  Random random(3);
  int negative = 0;
  for (int i = 0; i < 1000; ++i) negative += random.normalvariate(0, 1) < 0;
  CHECK(std::abs(negative - 500) < 65);
  CHECK(random.normalvariate(-1, 0) == -1);
}

TEST_CASE("exponential, pareto and weibull draws have the shape they should") {
  for (const double lambda : {0.01, 1.0, 500.0})
    check_draws({"expovariate", [=](Random& r) { return r.expovariate(lambda); },
                 [=](double x) { return 1 - std::exp(-lambda * x); }, 1 / lambda,
                 1 / (lambda * lambda)});
  // Its variance needs alpha > 2, and draws enough to show it, far more.
  for (const double alpha : {6.0, 9.0})
    check_draws({"paretovariate", [=](Random& r) { return r.paretovariate(alpha); },
                 [=](double x) { return 1 - std::pow(x, -alpha); }, alpha / (alpha - 1),
                 alpha / ((alpha - 1) * (alpha - 1) * (alpha - 2))});
  for (const double shape : {0.7, 1.0, 3.0}) {
    const double mean = 2 * std::tgamma(1 + 1 / shape);
    check_draws({"weibullvariate(2, shape)", [=](Random& r) { return r.weibullvariate(2, shape); },
                 [=](double x) { return 1 - std::exp(-std::pow(x / 2, shape)); }, mean,
                 4 * std::tgamma(1 + 2 / shape) - mean * mean});
  }
}

TEST_CASE("gamma draws have the shape they should, for an alpha below, at and above 1") {
  for (const double alpha : {0.2, 0.5, 0.99, 1.0, 2.5, 40.0})
    check_draws({"gammavariate(alpha, 3)", [=](Random& r) { return r.gammavariate(alpha, 3); },
                 [=](double x) { return gamma_cdf(x / 3, alpha); }, 3 * alpha, 9 * alpha});
}

TEST_CASE("beta draws have the shape they should") {
  check_draws({"betavariate(2, 3)", [](Random& r) { return r.betavariate(2, 3); },
               [](double x) { return x * x * (6 - 8 * x + 3 * x * x); }, 0.4, 0.04});
  check_draws({"betavariate(0.5, 0.5)", [](Random& r) { return r.betavariate(0.5, 0.5); },
               [](double x) { return 2 / kPi * std::asin(std::sqrt(x)); }, 0.5, 0.125});
  check_draws({"betavariate(5, 1)", [](Random& r) { return r.betavariate(5, 1); },
               [](double x) { return std::pow(x, 5); }, 5.0 / 6, 5.0 / 252});
}

TEST_CASE("von Mises draws have the shape they should, from no direction at all to a narrow one") {
  const double uniform_variance = kPi * kPi / 3;
  for (const double kappa : {0.0, 1e-7})
    check_draws({"vonmisesvariate(1, ~0)", [=](Random& r) { return r.vonmisesvariate(1, kappa); },
                 [](double x) { return x / (2 * kPi); }, kPi, uniform_variance});
  // About pi nothing is folded over, so that mean and variance can be told: 1/kappa and a little.
  check_draws({"vonmisesvariate(pi, 1e-3)", [](Random& r) { return r.vonmisesvariate(kPi, 1e-3); },
               von_mises_cdf(kPi, 1e-3), kPi, uniform_variance});
  check_draws({"vonmisesvariate(pi, 50)", [](Random& r) { return r.vonmisesvariate(kPi, 50); },
               von_mises_cdf(kPi, 50), kPi, 1 / 49.5});
  check_draws({"vonmisesvariate(pi, 1e8)", [](Random& r) { return r.vonmisesvariate(kPi, 1e8); },
               [](double x) { return normal_cdf(x, kPi, 1e-4); }, kPi, 1e-8});
}

TEST_CASE("von Mises draws end and stay within the circle for any kappa and mu") {
  Random random(5);
  for (const double kappa : {1e-5, 0.1, 3.0, 1e3, 1e10, 1e16, 1e100, 1e300}) {
    for (const double mu : {0.0, 1.0, -3.0, 100.0}) {
      for (int i = 0; i < 100; ++i) {
        const double draw = random.vonmisesvariate(mu, kappa);
        REQUIRE(draw >= 0);
        REQUIRE(draw <= 2 * kPi);
      }
    }
  }
}

TEST_CASE("extreme parameters give no draw that isn't a number, and no endless search") {
  Random random(5);
  for (const double size : {1e-300, 1e-10, 1e10, 1e300}) {
    CAPTURE(size);
    for (int i = 0; i < 100; ++i) {
      REQUIRE_FALSE(std::isnan(random.gammavariate(size, 1)));
      REQUIRE_FALSE(std::isnan(random.betavariate(size, 1)));
      REQUIRE_FALSE(std::isnan(random.betavariate(1, size)));
      REQUIRE_FALSE(std::isnan(random.paretovariate(size)));
      REQUIRE_FALSE(std::isnan(random.weibullvariate(1, size)));
      REQUIRE_FALSE(std::isnan(random.expovariate(size)));
      REQUIRE_FALSE(std::isnan(random.lognormvariate(size, size)));
    }
  }
}

}  // namespace
}  // namespace galileo
