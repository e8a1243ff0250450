// Thresholds that can't be met any more, whatever follows: exactly from the request on that proves
// it, and never before.
#include "analysis/out_of_reach.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "analysis/measured_fixture.h"
#include "base/random.h"

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::milliseconds;

namespace {

std::string reach(const Measurements& run, const char* expression,
                  std::optional<std::uint64_t> most, std::uint64_t checks = 1) {
  const auto threshold = parse_threshold(expression);
  REQUIRE_MESSAGE(threshold.ok(), threshold.error().to_text());
  return out_of_reach(*threshold, run.summary, run.telemetry, {most, checks});
}

void add_many(Measurements& run, int count, int ms, wire::Failure failure = wire::Failure::none) {
  for (int i = 0; i < count; ++i) run.add(milliseconds{i}, milliseconds{ms}, failure);
}

}  // namespace

TEST_CASE("p95 over N requests falls with the first one beyond 5 % of N, and not before") {
  Measurements run;
  add_many(run, 50, 80);
  CHECK(reach(run, "p95(latency) < 50ms", 1000).empty());
  run.add(milliseconds{60}, milliseconds{80});
  const std::string proof = reach(run, "p95(latency) < 50ms", 1000);
  CHECK(proof.find("51 of at most 1,000 requests were over; 51 didn't keep to 50.0ms, and at most "
                   "50 may") == 0);
  CHECK(reach(run, "p95(latency) < 50ms", 1021).empty());
  CHECK(reach(run, "p95(latency) < 50ms", std::nullopt).empty());
  CHECK(reach(run, "p95(latency) < 81ms", 1000).empty());
}

TEST_CASE("what each kind of threshold takes to be out of reach") {
  struct Row {
    const char* expression;
    ProofBy by;
    bool is_out;  // of 60 requests of 100: 40 answered in 20 ms, 20 failed after 30 ms
  };
  using enum ProofBy;
  const std::vector<Row> rows{
      {"failed == 0", kCounts, true},
      {"failed <= 20", kCounts, false},
      {"failed == 21", kCounts, false},
      {"failed < 20", kCounts, true},
      {"failed != 20", kNothing, false},
      {"answered > 80", kRequests, true},
      {"answered >= 80", kRequests, false},
      {"answered{service=s} > 80", kRequests, true},
      {"answered{service=none} > 100", kRequests, true},
      {"answered{service=none} > 99", kRequests, false},
      {"error_rate < 20%", kRequests, true},
      {"error_rate <= 20%", kRequests, false},
      {"error_rate > 60%", kRequests, true},
      {"error_rate > 59%", kRequests, false},
      {"error_rate{phase=main} < 20%", kRequests, true},
      {"max(latency) < 1s", kCounts, true},  // of one without an answer nobody knows how long
      {"max(latency[answered]) < 20ms", kCounts, true},
      {"max(latency[answered]) < 21ms", kCounts, false},
      {"min(latency) > 25ms", kCounts, true},
      {"min(latency) < 10ms", kRequests, false},
      {"p75(latency) < 1s", kRequests, false},
      {"p81(latency) < 1s", kRequests, true},
      {"p51(latency[answered]) > 20s", kRequests, false},
      {"p30(latency[answered]) > 20s", kRequests, true},
      {"mean(latency[answered]) < 9ms", kRequests, true},
      {"mean(latency[answered]) < 11ms", kRequests, false},
      {"mean(latency[answered]) > 1h", kRequests, false},
      {"p95(latency) == 1s", kNothing, false},
      {"achieved > 1000000", kNothing, false},
      {"in_flight == 0", kNothing, false},
      {"max(cpu) < 90%", kCounts, true},
      {"max(cpu{node=b}) < 90%", kCounts, false},
      {"min(cpu) > 60%", kCounts, true},
      {"mean(cpu) < 1%", kNothing, false},
      {"checks > 0.9", kRequests, false},
  };
  Measurements run;
  add_many(run, 40, 20);
  add_many(run, 20, 30, wire::Failure::timeout);
  run.telemetry.add({kMeasuredStart, "a", "cpu_busy", "", 95});
  run.telemetry.add({kMeasuredStart, "b", "cpu_busy", "", 50});
  for (const Row& row : rows) {
    CAPTURE(row.expression);
    const auto threshold = parse_threshold(row.expression);
    REQUIRE(threshold.ok());
    CHECK(proof_of(*threshold) == row.by);
    const std::string proof = reach(run, row.expression, 100);
    CAPTURE(proof);
    CHECK(proof.empty() == !row.is_out);
    if (row.by == kRequests) CHECK(reach(run, row.expression, std::nullopt).empty());
  }
}

TEST_CASE("checks fall by those that are known to have failed, of each that could run") {
  Measurements run;
  for (int i = 0; i < 11; ++i) {
    wire::Trace trace;
    trace.created = trace.done = kMeasuredStart;
    trace.failure = wire::Failure::check;
    Summary::Places places{run.summary.service_place("s"), run.summary.server_place("h"),
                           run.summary.phase_place("main")};
    places.missed_check = run.summary.missed_check_place("login");
    run.summary.add(trace, places);
  }
  CHECK_FALSE(reach(run, "checks > 0.9", 110).empty());
  CHECK(reach(run, "checks >= 0.9", 110).empty());
  CHECK(reach(run, "checks > 0.9", 110, 2).empty());
  CHECK_FALSE(reach(run, "checks(login) > 0.9", 110).empty());
  CHECK(reach(run, "checks(other) > 0.9", 110).empty());
}

TEST_CASE("what is out of reach isn't met in the end, whatever came: 200 runs") {
  Random random(7);
  const auto below = [&](int n) { return static_cast<int>(random.unit() * n); };
  int fell = 0;
  for (int round = 0; round < 200; ++round) {
    Measurements run;
    const int planned = 20 + below(300);
    const int bad_pct = below(12);
    const std::string expression = fmt::format("{}(latency) < 50ms", round % 3 == 0   ? "p90"
                                                                     : round % 3 == 1 ? "p95"
                                                                                      : "mean");
    bool was_out = false;
    for (int i = 0; i < planned; ++i) {
      const bool is_bad = below(100) < bad_pct;
      run.add(milliseconds{i}, milliseconds{is_bad ? 60 + below(500) : 10},
              is_bad && below(2) == 0 ? wire::Failure::timeout : wire::Failure::none);
      if (i % 7 == 0)
        was_out |= !reach(run, expression.c_str(), static_cast<std::uint64_t>(planned)).empty();
    }
    if (!was_out) continue;
    ++fell;
    CHECK_FALSE(run.holds(expression.c_str()));
  }
  CHECK(fell > 15);
}
