// What is said of a profile, where it can be told by hand, and of what chance makes.
#include "load/profile_figures.h"

#include <doctest/doctest.h>

#include "base/random.h"

namespace galileo::load {
namespace {

using Gaps = std::vector<double>;

}  // namespace

TEST_CASE("even gaps vary nowhere, and windows that are too few tell nothing") {
  const ProfileFigures figures = figures_of_profile(Gaps(200, 0.5));
  CHECK(figures.count == 200);
  CHECK(figures.length_s == 100);
  CHECK(figures.rps == 2);
  CHECK(figures.gap_min_s == 0.5);
  CHECK(figures.gap_max_s == 0.5);
  CHECK(figures.gap_variation == 0);
  CHECK(figures.dispersion[0] == 0);
  CHECK(figures.dispersion[1] == 0);
  CHECK_FALSE(figures.dispersion[2].has_value());
}

TEST_CASE("bursts are told by the windows that see them") {
  // Ten at once, every ten seconds: in windows of a second one of ten has ten requests.
  Gaps gaps;
  for (int burst = 0; burst < 60; ++burst) {
    gaps.push_back(10);
    gaps.insert(gaps.end(), 9, 0.0);
  }
  const ProfileFigures figures = figures_of_profile(gaps);
  CHECK(figures.length_s == 600);
  CHECK(figures.gap_variation == doctest::Approx(3));
  // Mean 1, variance (60 * 81 + 540 * 1) / 599.
  CHECK(*figures.dispersion[0] == doctest::Approx(5400.0 / 599));
  CHECK(figures.dispersion[1] == 0);
  CHECK(figures.dispersion[2] == 0);
}

TEST_CASE("where chance has its way, the figures are about 1") {
  Random random(3);
  Gaps gaps(200'000);
  for (double& gap : gaps) gap = random.expovariate(20);
  const ProfileFigures figures = figures_of_profile(gaps);
  CHECK(*figures.rps == doctest::Approx(20).epsilon(0.01));
  CHECK(*figures.gap_variation == doctest::Approx(1).epsilon(0.02));
  CHECK(*figures.dispersion[0] == doctest::Approx(1).epsilon(0.05));
  CHECK(*figures.dispersion[1] == doctest::Approx(1).epsilon(0.15));
  CHECK(*figures.dispersion[2] == doctest::Approx(1).epsilon(0.35));
}

TEST_CASE("a profile without length, or beyond all times, has figures all the same") {
  const ProfileFigures at_once = figures_of_profile(Gaps(5, 0.0));
  CHECK(at_once.count == 5);
  CHECK_FALSE(at_once.rps.has_value());
  CHECK_FALSE(at_once.gap_variation.has_value());
  CHECK_FALSE(at_once.dispersion[0].has_value());
  CHECK(rates_of_profile(Gaps(5, 0.0), 10).empty());
  const ProfileFigures far = figures_of_profile(Gaps{1, 1e300, 1});
  CHECK(far.length_s == 1e300);
  CHECK(rates_of_profile(Gaps{1, 1e300, 1}, 2) == Gaps{0, 2});
  CHECK(figures_of_profile({}).count == 0);
}

TEST_CASE("rates over time add up to the requests") {
  Gaps gaps(100, 0.1);
  gaps.insert(gaps.end(), 10, 1.0);
  CHECK(rates_of_profile(gaps, 4) == Gaps{10, 10, 1, 1});
  CHECK(rates_of_profile(gaps, 1) == Gaps{5.5});
}

}  // namespace galileo::load
