#include "base/portable_math.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

// Each function brings its argument near 0, where a short power series is as exact as a double:
// the number of terms is chosen so that the first one left out is below 1e-17 of the result.

namespace galileo::portable {
namespace {

// ln 2 in two parts; the upper has so few bits that its product with an exponent is exact.
constexpr double kLn2High = 0x1.62e42fee00000p-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// c[0] + c[1] x + c[2] x^2 + ...
template <std::size_t N>
double polynomial(const std::array<double, N>& c, double x) {
  double sum = c[N - 1];
  for (std::size_t i = N - 1; i > 0; --i) sum = sum * x + c[i - 1];
  return sum;
}

// 1, 1/3, 1/5, ...
template <std::size_t N>
constexpr std::array<double, N> odd_inverses(double sign) {
  std::array<double, N> c{};
  double factor = 1;
  for (std::size_t i = 0; i < N; ++i, factor *= sign)
    c[i] = factor / (2.0 * static_cast<double>(i) + 1.0);
  return c;
}

// 1 / n! for n = first, first + step, ..., with alternating signs where `sign` is -1.
template <std::size_t N>
constexpr std::array<double, N> inverse_factorials(unsigned first, unsigned step, double sign) {
  std::array<double, N> c{};
  double factorial = 1;  // exact up to 18!
  double factor = 1;
  unsigned n = 0;
  for (std::size_t i = 0; i < N; ++i, factor *= sign) {
    for (; n < first + step * i; ++n) factorial *= n + 1;
    c[i] = factor / factorial;
  }
  return c;
}

constexpr auto kLog = odd_inverses<12>(1);
constexpr auto kAtan = odd_inverses<22>(-1);
constexpr auto kExp = inverse_factorials<15>(0, 1, 1);
constexpr auto kSin = inverse_factorials<9>(1, 2, -1);
constexpr auto kCos = inverse_factorials<9>(0, 2, -1);

}  // namespace

double log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < std::numbers::sqrt2 / 2) {
    m *= 2;
    --exponent;
  }
  // ln m = 2 artanh(s) for s = (m - 1) / (m + 1), at most 0.172.
  const double s = (m - 1) / (m + 1);
  const double e = exponent;
  return e * kLn2High + (2 * s * polynomial(kLog, s * s) + e * kLn2Low);
}

double exp(double x) {
  if (!(x <= 709.78)) return x > 0 ? std::numeric_limits<double>::infinity() : x;
  if (x < -745.2) return 0;
  const double k = std::floor(x / std::numbers::ln2 + 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  return std::ldexp(polynomial(kExp, r), static_cast<int>(k));
}

double pow(double x, double y) {
  return exp(y * log(x));
}

double sin_turns(double turns) {
  return cos_turns(turns - 0.25);
}

double cos_turns(double turns) {
  const double t = turns - std::floor(turns);
  // The nearest quarter, and what is left: at most an eighth of a turn, pi / 4.
  const int quarter = static_cast<int>(std::floor(4 * t + 0.5));
  const double a = 2 * std::numbers::pi * (t - quarter * 0.25);
  const double sine = a * polynomial(kSin, a * a);
  const double cosine = polynomial(kCos, a * a);
  switch (quarter & 3) {
    case 0:
      return cosine;
    case 1:
      return -sine;
    case 2:
      return -cosine;
    default:
      return sine;
  }
}

double atan(double x) {
  constexpr double kEighth = std::numbers::sqrt2 - 1;  // tan(pi / 8)
  if (x > 1) return std::numbers::pi / 2 - atan(1 / x);
  if (x > kEighth) return std::numbers::pi / 4 - atan((1 - x) / (1 + x));
  return x * polynomial(kAtan, x * x);
}

}  // namespace galileo::portable
