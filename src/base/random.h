// The seeded source of all chance in here: a small, fast generator (xoshiro256++) and the eleven
// distributions with the parameters of Python's `random`. The same seed gives the same draws, bit
// for bit, on any machine. Values; not thread-safe, each owner has its own.
//
// Parameters aren't checked here: whoever takes them from people does (load/distribution.h). A draw
// that doesn't fit a double is infinite.
#pragma once

#include <array>
#include <cstdint>

namespace galileo {

class Random {
 public:
  explicit Random(std::uint64_t seed);
  // An independent stream: the same (seed, stream) is always the same sequence.
  Random(std::uint64_t seed, std::uint64_t stream);

  std::uint64_t bits();
  double unit();                             // [0, 1)
  std::uint64_t below(std::uint64_t bound);  // [0, bound), bound > 0

  double uniform(double a, double b);
  double triangular(double low, double high, double mode);
  double normalvariate(double mu, double sigma);
  double gauss(double mu, double sigma);
  double lognormvariate(double mu, double sigma);
  double expovariate(double lambda);
  double vonmisesvariate(double mu, double kappa);
  double gammavariate(double alpha, double beta);  // beta is the scale
  double betavariate(double alpha, double beta);
  double paretovariate(double alpha);
  double weibullvariate(double alpha, double beta);  // alpha the scale, beta the shape

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace galileo
