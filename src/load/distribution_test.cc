#include "load/distribution.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace galileo::load {
namespace {

TEST_CASE("a distribution is told by its name and parameters") {
  const auto expovariate = parse_distribution("expovariate(100)");
  REQUIRE(expovariate.ok());
  CHECK(expovariate->kind == DistributionKind::expovariate);
  CHECK(expovariate->p[0] == 100);
  const auto log = parse_distribution(" lognormvariate ( -6.9 , .3e0 ) ");
  REQUIRE(log.ok());
  CHECK(log->kind == DistributionKind::lognormvariate);
  CHECK(log->p[0] == -6.9);
  CHECK(log->p[1] == 0.3);
}

TEST_CASE("a call of any name is taken apart, with and without arguments") {
  const auto call = parse_call("sine(100, 60)");
  REQUIRE(call.ok());
  CHECK(call->name == "sine");
  CHECK(call->arguments == std::vector{100.0, 60.0});
  CHECK(parse_call("constant()")->arguments.empty());
}

TEST_CASE("what is no call is refused") {
  for (const char* text : {"", "(", ")", "expovariate", "expovariate(", "expovariate(1", "(1)",
                           "expovariate(1,)", "expovariate(,1)", "expovariate(a)",
                           "expovariate(1))", "expovariate(nan)", "expovariate(1 2)"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_call(text).ok());
    CHECK_FALSE(parse_distribution(text).ok());
  }
}

TEST_CASE("the table names all eleven with their parameters") {
  CHECK(distribution_names().size() == 11);
  for (const std::string& name : distribution_names()) {
    CAPTURE(name);
    CHECK_FALSE(distribution_parameters(name).empty());
  }
  CHECK(distribution_parameters("constant").empty());
}

// Compared with the mean of draws, those below 0 taken as 0.
TEST_CASE("the mean wait is the mean of what is waited") {
  for (const char* text : {"uniform(1, 3)", "uniform(-1, 3)", "uniform(3, -1)", "uniform(-3, -1)",
                           "triangular(1, 4, 2)", "triangular(-1, 4, 2)", "triangular(-3, -1, -2)",
                           "normalvariate(1, 0.1)", "normalvariate(-1, 2)", "normalvariate(1, 0)",
                           "gauss(-1, 0)", "lognormvariate(-2, 0.5)", "expovariate(5)",
                           "vonmisesvariate(0, 4)", "vonmisesvariate(3, 0)", "gammavariate(0.5, 3)",
                           "betavariate(2, 5)", "paretovariate(4)", "weibullvariate(2, 0.8)"}) {
    CAPTURE(text);
    const auto distribution = parse_distribution(text);
    REQUIRE(distribution.ok());
    Random random(99);
    double sum = 0;
    for (int i = 0; i < 50'000; ++i) sum += std::max(distribution->draw(random), 0.0);
    CHECK(distribution->mean_wait() == doctest::Approx(sum / 50'000).epsilon(0.025));
  }
  CHECK(std::isinf(parse_distribution("paretovariate(1)")->mean_wait()));
}

}  // namespace
}  // namespace galileo::load
