#include "analysis/welch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace galileo::analysis {
namespace {

// The incomplete beta function's continued fraction, by Lentz's method (Numerical Recipes, 6.4).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto kept_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / kept_from_zero(1 - (a + b) * x / (a + 1));
  double product = d;
  for (int m = 1; m <= 300; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept_from_zero(1 + even * d);
    c = kept_from_zero(1 + even / c);
    product *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept_from_zero(1 + odd * d);
    c = kept_from_zero(1 + odd / c);
    product *= d * c;
    if (std::abs(d * c - 1) < 1e-12) break;
  }
  return product;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

// The part of the summed error's freedom that one source has.
double share_of_freedom(double error, double freedom) {
  return error > 0 ? error * error * error * error / freedom : 0;
}

}  // namespace

Estimate estimate(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (n - 1) / n), n - 1};
}

Estimate with_error(const Estimate& of, double error, double freedom) {
  const double both = std::hypot(of.error, error);
  const double shares = share_of_freedom(of.error, of.freedom) + share_of_freedom(error, freedom);
  return {of.mean, both,
          shares > 0 ? std::pow(both, 4) / shares : std::numeric_limits<double>::infinity()};
}

double student_above(double t, double freedom) {
  if (t < 0) return 1 - student_above(-t, freedom);
  if (!std::isfinite(freedom) || freedom > 1e6) return std::erfc(t / std::sqrt(2.0)) / 2;
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
}

double chance_of(const Estimate& a, const Estimate& b) {
  const Estimate difference = with_error({b.mean - a.mean, b.error, b.freedom}, a.error, a.freedom);
  if (difference.error <= 0) return difference.mean > 0 ? 0 : 1;
  return student_above(difference.mean / difference.error, difference.freedom);
}

std::vector<bool> shown_by_holm(const std::vector<double>& chances, double level) {
  std::vector<std::size_t> order(chances.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return chances[a] < chances[b]; });
  std::vector<bool> shown(chances.size(), false);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (chances[order[i]] > level / static_cast<double>(order.size() - i)) break;
    shown[order[i]] = true;
  }
  return shown;
}

}  // namespace galileo::analysis
