#include "base/portable_math.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <numbers>

namespace galileo {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

bool near(double value, double wanted, double scale = 1) {
  return std::abs(value - wanted) <= 4 * kEpsilon * std::max(std::abs(wanted), 1e-300) * scale;
}

TEST_CASE("the logarithm agrees with the C library's over all magnitudes") {
  for (int e = -1074; e <= 1023; ++e) {
    for (const double m : {1.0, 1.1, 1.3, 1.41, 1.42, 1.7, 1.999}) {
      const double x = std::ldexp(m, e);
      if (x == 0) continue;
      CAPTURE(x);
      REQUIRE(near(portable::log(x), std::log(x)));
    }
  }
  CHECK(portable::log(1) == 0);
}

TEST_CASE("the exponential agrees with the C library's, and ends where doubles do") {
  for (double x = -708; x < 709; x += 0.37) {
    CAPTURE(x);
    REQUIRE(near(portable::exp(x), std::exp(x)));
  }
  CHECK(portable::exp(0) == 1);
  CHECK(portable::exp(1000) == std::numeric_limits<double>::infinity());
  CHECK(portable::exp(-1000) == 0);
  CHECK(std::isnan(portable::exp(std::nan(""))));
}

TEST_CASE("sine and cosine agree with the C library's and are exact at quarters") {
  for (double turns = -2; turns < 3; turns += 0.00123) {
    const double angle = 2 * std::numbers::pi * turns;
    CAPTURE(turns);
    // The C library is asked for an angle that was rounded: that counts, too.
    REQUIRE(std::abs(portable::cos_turns(turns) - std::cos(angle)) < 4e-15);
    REQUIRE(std::abs(portable::sin_turns(turns) - std::sin(angle)) < 4e-15);
  }
  CHECK(portable::cos_turns(0) == 1);
  CHECK(portable::cos_turns(0.25) == 0);
  CHECK(portable::cos_turns(0.5) == -1);
  CHECK(portable::sin_turns(0.25) == 1);
  CHECK(portable::sin_turns(0.75) == -1);
}

TEST_CASE("the arc tangent agrees with the C library's") {
  for (double x = 1e-9; x < 1e12; x *= 1.037) {
    CAPTURE(x);
    REQUIRE(near(portable::atan(x), std::atan(x)));
  }
  CHECK(portable::atan(0) == 0);
  CHECK(near(portable::atan(std::numeric_limits<double>::infinity()), std::numbers::pi / 2));
}

TEST_CASE("powers agree with the C library's") {
  for (double x = 1e-12; x < 1e6; x *= 3.7) {
    for (const double y : {-3.0, -0.5, 0.1, 1.0, 2.5}) {
      CAPTURE(x);
      CAPTURE(y);
      REQUIRE(near(portable::pow(x, y), std::pow(x, y), 40));
    }
  }
}

// These bits hold on every machine, whatever its C library: with them, a seed's schedule does.
TEST_CASE("the bits are the same everywhere") {
  std::uint64_t mixed = 0;
  const auto mix = [&mixed](double value) {
    std::uint64_t bits = 0;
    static_assert(sizeof bits == sizeof value);
    std::memcpy(&bits, &value, sizeof bits);
    mixed = mixed * 0x9e3779b97f4a7c15u + bits;
  };
  for (double x = 0.001; x < 700; x *= 1.01) {
    mix(portable::log(x));
    mix(portable::exp(x));
    mix(portable::cos_turns(x));
    mix(portable::atan(x));
  }
  CHECK(mixed == 94147319011545904u);
}

}  // namespace
}  // namespace galileo
