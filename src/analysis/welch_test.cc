// Student's distribution, Welch's test and Holm's correction against published values.
#include "analysis/welch.h"

#include <doctest/doctest.h>

#include <limits>

using namespace galileo::analysis;

TEST_CASE("Student's distribution is that of the tables") {
  // Two-sided 5 % points and others, as every table has them.
  CHECK(student_above(12.706, 1) == doctest::Approx(0.025).epsilon(0.001));
  CHECK(student_above(2.262, 9) == doctest::Approx(0.025).epsilon(0.001));
  CHECK(student_above(1.833, 9) == doctest::Approx(0.05).epsilon(0.001));
  CHECK(student_above(2.750, 30) == doctest::Approx(0.005).epsilon(0.001));
  CHECK(student_above(1.960, std::numeric_limits<double>::infinity()) ==
        doctest::Approx(0.025).epsilon(0.001));
  CHECK(student_above(0, 4) == doctest::Approx(0.5));
  CHECK(student_above(-2.262, 9) == doctest::Approx(0.975).epsilon(0.001));
}

TEST_CASE("Welch's test is what its definition gives") {
  // t = 2.0740 with 10.209 degrees of freedom; the density above t, integrated by Simpson's rule.
  const Estimate a = estimate({19.8, 20.4, 19.6, 17.8, 18.5, 18.9, 18.3, 18.9, 19.5, 22.0});
  const Estimate b = estimate({28.2, 26.6, 20.1, 23.3, 25.2, 22.1, 17.7, 27.6, 20.6, 13.7});
  CHECK(chance_of(a, b) == doctest::Approx(0.032140).epsilon(0.001));
  CHECK(chance_of(a, a) == doctest::Approx(0.5));
  CHECK(chance_of({1, 0, 9}, {2, 0, 9}) == 0);
  CHECK(chance_of({1, 0, 9}, {1, 0, 9}) == 1);
}

TEST_CASE("of several figures, Holm's correction takes as shown what one alone would not be") {
  CHECK(shown_by_holm({0.04}, 0.05) == std::vector<bool>{true});
  CHECK(shown_by_holm({0.04, 0.5}, 0.05) == std::vector<bool>{false, false});
  CHECK(shown_by_holm({0.03, 0.01, 0.02}, 0.05) == std::vector<bool>{true, true, true});
  CHECK(shown_by_holm({0.03, 0.01, 0.04}, 0.05) == std::vector<bool>{false, true, false});
  CHECK(shown_by_holm({}, 0.05).empty());
}
