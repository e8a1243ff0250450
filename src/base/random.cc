#include "base/random.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "base/portable_math.h"

// xoshiro256++ 1.0 of Blackman and Vigna, its state filled by splitmix64 as they advise. The
// distributions are textbook methods on top of it, written here rather than taken from <random>,
// whose draws differ from one standard library to the next; and over base/portable_math.h, whose
// results don't differ from one C library to the next.

namespace galileo {
namespace {

std::uint64_t splitmix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// (0, 1): neither 0 nor 1, so that a logarithm of it is finite and not 0.
double open_unit(Random& random) {
  return (static_cast<double>(random.bits() >> 12) + 0.5) * 0x1.0p-52;
}

}  // namespace

Random::Random(std::uint64_t seed) : Random(seed, 0) {}

Random::Random(std::uint64_t seed, std::uint64_t stream) {
  std::uint64_t mix = stream;
  std::uint64_t state = seed ^ splitmix(mix);
  for (std::uint64_t& word : state_) word = splitmix(state);
}

std::uint64_t Random::bits() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::unit() {
  return static_cast<double>(bits() >> 11) * 0x1.0p-53;
}

std::uint64_t Random::below(std::uint64_t bound) {
  // Draws from the incomplete last round of `bound` are thrown away, so that all are equally
  // likely.
  const std::uint64_t rest = (0 - bound) % bound;
  std::uint64_t draw = bits();
  while (draw < rest) draw = bits();
  return draw % bound;
}

double Random::uniform(double a, double b) {
  return a + (b - a) * unit();
}

double Random::triangular(double low, double high, double mode) {
  if (high == low) return low;
  const double u = unit();
  const double c = (mode - low) / (high - low);
  if (u < c) return low + std::sqrt(u * (high - low) * (mode - low));
  return high - std::sqrt((1 - u) * (high - low) * (high - mode));
}

double Random::normalvariate(double mu, double sigma) {
  // Box and Muller; the second value of the pair isn't kept, so that the draws don't depend on how
  // calls of different kinds are mixed.
  const double radius = std::sqrt(-2.0 * portable::log(open_unit(*this)));
  return mu + sigma * radius * portable::cos_turns(unit());
}

double Random::gauss(double mu, double sigma) {
  return normalvariate(mu, sigma);
}

double Random::lognormvariate(double mu, double sigma) {
  return portable::exp(normalvariate(mu, sigma));
}

double Random::expovariate(double lambda) {
  return -portable::log(open_unit(*this)) / lambda;
}

double Random::vonmisesvariate(double mu, double kappa) {
  // Best and Fisher's rejection from a wrapped Cauchy distribution. With s = 1 / (2 kappa) and
  // r = s + sqrt(1 + s^2), their cosine f of the angle is (1 + r z) / (r + z), and their kappa *
  // (r - f) is r / (r + z). The angle itself is taken by its half, tan^2(angle / 2) =
  // (1 - f) / (1 + f), which keeps its digits where kappa is large and f next to 1.
  const double two_pi = 2.0 * std::numbers::pi;
  if (kappa <= 1e-6) return two_pi * unit();
  const double s = 0.5 / kappa;
  const double root = std::sqrt(1.0 + s * s);
  const double r = s + root;
  const double r_less_one = s + s * s / (1.0 + root);
  double half_turn = 0;  // in units of half a turn: z is cos(pi * half_turn)
  while (true) {
    half_turn = unit();
    const double c = r / (r + portable::cos_turns(half_turn / 2));
    const double u = open_unit(*this);
    if (c * (2.0 - c) > u || portable::log(c / u) + 1.0 >= c) break;
  }
  const double tangent = std::sqrt(r_less_one / (r + 1.0)) * portable::sin_turns(half_turn / 4) /
                         portable::cos_turns(half_turn / 4);
  const double angle = 2.0 * portable::atan(tangent);
  const double turned = unit() < 0.5 ? mu - angle : mu + angle;
  const double wrapped = std::fmod(turned, two_pi);
  return wrapped < 0 ? wrapped + two_pi : wrapped;
}

double Random::gammavariate(double alpha, double beta) {
  // Marsaglia and Tsang; below 1, from alpha + 1 by a power of a uniform draw.
  if (alpha < 1.0) {
    const double larger = gammavariate(alpha + 1.0, 1.0);
    return beta * larger * portable::pow(open_unit(*this), 1.0 / alpha);
  }
  const double d = alpha - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    const double x = normalvariate(0, 1);
    const double root = 1.0 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    const double u = open_unit(*this);
    if (portable::log(u) < 0.5 * x * x + d * (1.0 - v + portable::log(v))) return beta * d * v;
  }
}

double Random::betavariate(double alpha, double beta) {
  const double x = gammavariate(alpha, 1.0);
  if (x == 0) return 0;
  return x / (x + gammavariate(beta, 1.0));
}

double Random::paretovariate(double alpha) {
  return portable::pow(open_unit(*this), -1.0 / alpha);
}

double Random::weibullvariate(double alpha, double beta) {
  return alpha * portable::pow(-portable::log(open_unit(*this)), 1.0 / beta);
}

}  // namespace galileo
