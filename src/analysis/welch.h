// Is a difference more than chance? Welch's test of two means, and Holm's correction where several
// are tested at once. Pure functions.
#pragma once

#include <cstddef>
#include <vector>

namespace galileo::analysis {

// A mean, and how far it may be from the true one.
struct Estimate {
  double mean = 0;
  double error = 0;    // standard error of the mean
  double freedom = 0;  // degrees of freedom that the error has; infinite: it is known
};

// The estimate from values that are independent of each other, two or more.
Estimate estimate(const std::vector<double>& values);

// The same with a second source of error, which is independent of the first: errors add as squares,
// freedoms as Welch and Satterthwaite have it.
Estimate with_error(const Estimate& of, double error, double freedom);

// How often chance alone would make the mean of `b` exceed that of `a` by as much or more, 0 to 1.
double chance_of(const Estimate& a, const Estimate& b);

// The share of Student's distribution with that many degrees of freedom that lies above `t`.
double student_above(double t, double freedom);

// Which of these may be taken as shown, so that with probability 1 - `level` none of them is chance
// (Holm 1979): the smallest must be below level / n, the next below level / (n - 1), ...
std::vector<bool> shown_by_holm(const std::vector<double>& chances, double level);

}  // namespace galileo::analysis
