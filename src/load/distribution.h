// A distribution by its name, as experiment files and flags give it. Plain value; draws come from
// the Random that is passed in.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace galileo::load {

enum class DistributionKind : unsigned char {
#define DISTRIBUTION(name, parameters, count, condition, words) name,
#include "load/distributions.def"
#undef DISTRIBUTION
};

struct Distribution {
  DistributionKind kind{};
  std::array<double, 3> p{};

  double draw(Random& random) const;
  // The mean of its draws as times to wait, that is with those below 0 taken as 0. Infinite for a
  // pareto of alpha <= 1. Where there is no closed form, the mean of many draws.
  double mean_wait() const;
};

// The names of all distributions, in the table's order.
const std::vector<std::string>& distribution_names();

// "mu, sigma": the parameters of that distribution; empty where there is none of that name.
std::string_view distribution_parameters(std::string_view name);

// Checks name, number and range of the parameters.
Result<Distribution> make_distribution(std::string_view name,
                                       const std::vector<double>& parameters);

// "expovariate(100)", "lognormvariate(-6.9, 0.3)".
struct Call {
  std::string name;
  std::vector<double> arguments;
};
Result<Call> parse_call(std::string_view text);
Result<Distribution> parse_distribution(std::string_view text);

}  // namespace galileo::load
