// What counts as a regression between two experiments, and what doesn't.
#include "experiment/compare.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::experiment;

namespace {

constexpr Wall kStart{std::chrono::seconds{1'795'500'000}};

struct Made {
  int requests = 1000;
  Duration latency = std::chrono::milliseconds{10};  // the i-th: up to 2 % more
  Duration apart = std::chrono::milliseconds{1};
  int failures = 0;
  bool closed_loop = false;
};

Summary make(const Made& made) {
  Summary summary(kStart);
  wire::NamedTrace trace;
  for (int i = 0; i < made.requests; ++i) {
    trace.created = trace.dispatched = trace.sent = kStart + i * made.apart;
    trace.intended = made.closed_loop ? kNoWall : trace.created;
    trace.done = trace.created + made.latency + made.latency * (i % 100) / 5000;
    trace.status = i < made.failures ? 503 : 200;
    summary.add(trace);
  }
  return summary;
}

std::vector<std::string> regressed(const Made& base, const Made& other, double tolerance = 0.1) {
  std::vector<std::string> names;
  for (const Compared& row : compare(make(base), make(other), tolerance)) {
    if (row.regressed) names.push_back(row.name);
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the same twice is no regression, nor is what became better") {
  CHECK(regressed({}, {}).empty());
  CHECK(regressed({.failures = 100}, {.latency = std::chrono::milliseconds{5}}).empty());
}

TEST_CASE("latencies longer by more than the tolerance are regressions, shorter ones aren't") {
  CHECK(regressed({}, {.latency = std::chrono::microseconds{10'500}}).empty());
  const Names all{"p50", "p90", "p95", "p99"};
  CHECK(regressed({}, {.latency = std::chrono::microseconds{11'500}}) == all);
  CHECK(regressed({}, {.latency = std::chrono::microseconds{11'500}}, 0.2).empty());
}

TEST_CASE("a few requests prove nothing about a far quantile") {
  const Duration longer = std::chrono::milliseconds{15};
  CHECK(regressed({.requests = 5}, {.requests = 5, .latency = longer}) == Names{"p50"});
  CHECK(regressed({.requests = 20'000}, {.requests = 20'000, .latency = longer}).back() == "p99.9");
}

TEST_CASE("errors are a regression beyond a thousandth of the requests and beyond chance") {
  CHECK(regressed({}, {.failures = 50}) == Names{"errors"});
  CHECK(regressed({}, {.failures = 2}).empty());
  CHECK(regressed({.failures = 50}, {.failures = 55}).empty());
  CHECK(regressed({.requests = 100'000}, {.requests = 100'000, .failures = 90}).empty());
  CHECK(regressed({.requests = 100'000}, {.requests = 100'000, .failures = 200}) ==
        Names{"errors"});
}

TEST_CASE("the rate of answers is judged where the same was asked for") {
  const Duration slower = std::chrono::milliseconds{2};
  CHECK(regressed({}, {.apart = slower}).empty());
  CHECK(regressed({.closed_loop = true}, {.apart = slower, .closed_loop = true}) ==
        Names{"achieved"});
  CHECK(regressed({}, {.apart = slower, .closed_loop = true}).empty());
  CHECK(regressed({}, {.failures = 200}) == Names{"achieved", "errors"});
}

TEST_CASE("an experiment without requests is compared without a claim") {
  CHECK(regressed({.requests = 0}, {}).empty());
  CHECK(regressed({}, {.requests = 0}) == Names{});
}
