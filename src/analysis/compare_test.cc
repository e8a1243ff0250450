// What counts as a regression between two experiments, and what doesn't.
#include "analysis/compare.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/random.h"

using namespace galileo;
using namespace galileo::analysis;

namespace {

constexpr Wall kStart{std::chrono::seconds{1'795'500'000}};

struct Made {
  int requests = 2000;
  Duration latency = std::chrono::milliseconds{10};  // the i-th: up to 2 % more
  Duration apart = std::chrono::milliseconds{1};
  int failures = 0;  // spread over the run
  bool closed_loop = false;
  Duration straggler{0};  // how long the last request takes further
  int outage = 0;         // requests in the middle that all fail
};

wire::NamedTrace request(Wall due, Duration took, int status = 200, bool closed_loop = false) {
  wire::NamedTrace trace;
  trace.created = trace.dispatched = trace.sent = due;
  trace.intended = closed_loop ? kNoWall : due;
  trace.done = due + took;
  trace.status = status;
  if (status >= 400) trace.failure = "status";
  return trace;
}

Batches make(const Made& made) {
  Batches run;
  for (int i = 0; i < made.requests; ++i) {
    const bool failed = static_cast<std::int64_t>(i) * made.failures / made.requests !=
                        static_cast<std::int64_t>(i + 1) * made.failures / made.requests;
    const bool out = i >= made.requests / 2 && i < made.requests / 2 + made.outage;
    const Duration further = i + 1 == made.requests ? made.straggler : Duration{0};
    run.add(request(kStart + i * made.apart,
                    made.latency + made.latency * (i % 100) / 5000 + further,
                    failed || out ? 503 : 200, made.closed_loop));
  }
  return run;
}

using Names = std::vector<std::string>;

Names regressed_of(const Side& base, const Side& other, const CompareOptions& options = {}) {
  Names names;
  for (const Compared& row : compare(base, other, options)) {
    if (row.regressed) names.push_back(row.name);
  }
  return names;
}

Names regressed(const Made& base, const Made& other, const CompareOptions& options = {}) {
  const Batches before = make(base);
  const Batches after = make(other);
  return regressed_of(Side{&before}, Side{&after}, options);
}

const Compared& row_of(const std::vector<Compared>& rows, const std::string& name) {
  for (const Compared& row : rows) {
    if (row.name == name) return row;
  }
  FAIL("no row " << name);
  return rows.front();
}

}  // namespace

TEST_CASE("the same twice is no regression, nor is what became better") {
  CHECK(regressed({}, {}).empty());
  CHECK(regressed({.failures = 100}, {.latency = std::chrono::milliseconds{5}}).empty());
}

TEST_CASE("latencies longer by more than the tolerance are regressions, shorter ones aren't") {
  const Names all{"p50", "p90", "p95", "p99"};
  const CompareOptions known{.spread = 0};  // how far runs differ
  CHECK(regressed({}, {.latency = std::chrono::microseconds{10'500}}, known).empty());
  CHECK(regressed({}, {.latency = std::chrono::microseconds{11'500}}, known) == all);
  CHECK(regressed({}, {.latency = std::chrono::microseconds{11'500}}, {0.2, 0}).empty());
}

TEST_CASE("of one run a side, only what runs of the same can't be is called a regression") {
  CHECK(regressed({}, {.latency = std::chrono::microseconds{12'500}}).empty());
  CHECK(regressed({}, {.latency = std::chrono::milliseconds{20}}).size() == 4);
}

TEST_CASE("a few requests prove nothing about a far quantile") {
  const Duration longer = std::chrono::milliseconds{20};
  CHECK(regressed({.requests = 5}, {.requests = 5, .latency = longer}).empty());
  CHECK(regressed({.requests = 300}, {.requests = 300, .latency = longer}) == Names{"p50", "p90"});
  CHECK(regressed({.requests = 20'000}, {.requests = 20'000, .latency = longer}).back() == "p99.9");
  const Batches few = make({.requests = 300});
  CHECK_FALSE(row_of(compare({&few}, {&few}, {}), "p99").base.has_value());
}

TEST_CASE("errors are a regression beyond a thousandth of the requests and beyond chance") {
  CHECK(regressed({}, {.failures = 100}) == Names{"errors"});
  CHECK(regressed({}, {.failures = 2}).empty());
  CHECK(regressed({.failures = 100}, {.failures = 110}).empty());
  CHECK(regressed({.requests = 100'000}, {.requests = 100'000, .failures = 90}).empty());
  CHECK(regressed({.requests = 100'000}, {.requests = 100'000, .failures = 300}) ==
        Names{"errors"});
  // One event is one event, however many requests it took.
  CHECK(regressed({}, {.outage = 100}).empty());
}

TEST_CASE("the rate of answers is judged where the same was asked for") {
  const Duration slower = std::chrono::milliseconds{2};
  CHECK(regressed({}, {.apart = slower}).empty());
  CHECK(regressed({.closed_loop = true}, {.apart = slower, .closed_loop = true}) ==
        Names{"achieved"});
  CHECK(regressed({}, {.apart = slower, .closed_loop = true}).empty());
  const Names failing = regressed({}, {.failures = 1000});
  CHECK(std::find(failing.begin(), failing.end(), "achieved") != failing.end());
}

TEST_CASE("one answer that comes late isn't a rate that fell") {
  const Batches base = make({});
  const Batches other = make({.straggler = std::chrono::seconds{10}});
  const auto rows = compare({&base}, {&other}, {});
  CHECK(*row_of(rows, "achieved").other == doctest::Approx(1000));
  CHECK(regressed_of(Side{&base}, Side{&other}).empty());
}

TEST_CASE("survivors' latencies are never the better ones: what failed took longer than any") {
  // Half of all time out after 5 ms, the rest is quicker than before.
  const Batches base = make({});
  Batches other;
  for (int i = 0; i < 2000; ++i)
    other.add(request(kStart + i * std::chrono::milliseconds{1}, std::chrono::milliseconds{5},
                      i % 10 < 6 ? -1 : 200));
  const auto rows = compare({&base}, {&other}, {});
  CHECK(row_of(rows, "errors").regressed);
  CHECK(row_of(rows, "achieved").regressed);
}

TEST_CASE("an experiment without requests is compared without a claim") {
  CHECK(regressed({.requests = 0}, {}).empty());
  CHECK(regressed({}, {.requests = 0}) == Names{});
}

namespace {

// How often pairs of simulated runs are called a regression, and how often one in p50 or p99.
struct Pairs {
  int all = 0;
  int called = 0;
  double share() const { return static_cast<double>(called) / all; }
};

// Requests that are independent of each other, of a run that is slower or faster than others of
// the same by `spread` (standard deviation).
Batches spread_run(Random& random, double spread, double slower) {
  const double factor = slower * std::exp(spread * random.gauss(0, 1));
  Batches run;
  for (int i = 0; i < 3000; ++i)
    run.add(request(kStart + i * std::chrono::milliseconds{1},
                    seconds(factor * random.lognormvariate(-6, 0.5))));
  return run;
}

// A queue with one server: each waits for those before, so that neighbours are alike.
Batches queue_run(Random& random, double used, double slower) {
  Batches run;
  double at = 0;
  double free_at = 0;
  for (int i = 0; i < 3000; ++i) {
    at += random.expovariate(used * 1000);
    free_at = std::max(at, free_at) + random.expovariate(1000) * slower;
    run.add(request(kStart + seconds(at), seconds(free_at - at)));
  }
  return run;
}

template <class Make>
Pairs pairs(int count, std::size_t runs_a_side, const Make& make_run) {
  Random random(20'261'129);
  Pairs pairs;
  for (int i = 0; i < count; ++i) {
    std::deque<Batches> runs;
    Side base;
    Side other;
    for (std::size_t n = 0; n < runs_a_side; ++n) {
      base.push_back(&runs.emplace_back(make_run(random, false)));
      other.push_back(&runs.emplace_back(make_run(random, true)));
    }
    ++pairs.all;
    pairs.called += !regressed_of(base, other).empty();
  }
  return pairs;
}

}  // namespace

TEST_CASE("runs of the same are seldom called a regression, whatever their spread or queue") {
  for (const double spread : {0.0, 0.03, 0.05, 0.1}) {
    CAPTURE(spread);
    const Pairs same =
        pairs(150, 1, [&](Random& random, bool) { return spread_run(random, spread, 1); });
    CHECK(same.share() <= 0.06);
  }
  for (const double used : {0.5, 0.8, 0.9}) {
    CAPTURE(used);
    const Pairs same =
        pairs(150, 1, [&](Random& random, bool) { return queue_run(random, used, 1); });
    CHECK(same.share() <= 0.06);
  }
  const Pairs several =
      pairs(60, 5, [&](Random& random, bool) { return spread_run(random, 0.2, 1); });
  CHECK(several.share() <= 0.06);
}

TEST_CASE("what became slower by half is found, by several runs a side less than that too") {
  const Pairs half = pairs(
      100, 1, [](Random& random, bool other) { return spread_run(random, 0.03, other ? 1.5 : 1); });
  CHECK(half.share() >= 0.9);
  const Pairs queue = pairs(
      100, 1, [](Random& random, bool other) { return queue_run(random, 0.5, other ? 1.5 : 1); });
  CHECK(queue.share() >= 0.8);
  const Pairs fifth = pairs(
      60, 5, [](Random& random, bool other) { return spread_run(random, 0.03, other ? 1.25 : 1); });
  CHECK(fifth.share() >= 0.8);
}
