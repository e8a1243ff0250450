// Thresholds that end a run: when, why, and what is told of all of them in the end.
#include "experiment/abort_watch.h"

#include <doctest/doctest.h>

#include "analysis/measured_fixture.h"

using namespace galileo;
using namespace galileo::experiment;
using analysis::Measurements;
using std::chrono::milliseconds;

namespace {

constexpr Time kBegun{std::chrono::seconds{100}};

// 400 requests in 40 s: a p95 is told of 200 at least.
plan::Plan plan_with(std::vector<plan::PlannedThreshold> thresholds) {
  load::ClientSpec client;
  client.service = "s";
  client.name = "s:client0";
  client.arrival = {"constant_rate", {10}, {}, "static"};
  client.duration = std::chrono::seconds{40};
  plan::Plan plan;
  plan.phases = {{"main", {client}, {}, {}}};
  plan.thresholds = std::move(thresholds);
  return plan;
}

struct Watched {
  explicit Watched(const plan::Plan& plan) : watch(plan) {}
  bool look(Duration since = milliseconds{0}) {
    return watch.look(kBegun + since, run.summary, run.telemetry);
  }
  void add(int count, int ms, wire::Failure failure = wire::Failure::none) {
    for (int i = 0; i < count; ++i) run.add(milliseconds{100 * made++}, milliseconds{ms}, failure);
  }

  AbortWatch watch;
  Measurements run;
  int made = 0;
};

}  // namespace

TEST_CASE("only thresholds that are to end a run do") {
  Watched w(plan_with({{"failed == 0"}, {"answered > 0"}}));
  CHECK_FALSE(w.watch.is_needed());
  w.add(1, 5, wire::Failure::timeout);
  CHECK_FALSE(w.look());
  CHECK(w.watch.why().empty());
  const auto results = w.watch.judge(w.run.summary, w.run.telemetry);
  REQUIRE(results.size() == 2);
  CHECK_FALSE(results[0].passed);
  CHECK(results[0].proof.empty());
}

TEST_CASE("the first that can't be met ends it, and isn't met in the end whatever came") {
  Watched w(plan_with({{"sent > 0"}, {"p95(latency) < 50ms", true}, {"failed == 0", true}}));
  REQUIRE(w.watch.is_needed());
  w.add(20, 80);
  CHECK_FALSE(w.look());
  w.add(1, 80);  // more than 5 % of four hundred
  REQUIRE(w.look());
  CHECK(w.watch.expression() == "p95(latency) < 50ms");
  const std::string why = w.watch.why();
  CAPTURE(why);
  CHECK(why.find("the threshold 'p95(latency) < 50ms' ended the run: 21 of at most 40") == 0);
  CHECK(why.find("21 didn't keep to 50.0ms, and at most 20 may") != std::string::npos);
  // What was under way fails too, and makes no other threshold the one that ended it.
  w.add(1, 5, wire::Failure::timeout);
  CHECK(w.look());
  CHECK(w.watch.expression() == "p95(latency) < 50ms");
  w.add(1000, 1);
  const auto results = w.watch.judge(w.run.summary, w.run.telemetry);
  REQUIRE(results.size() == 3);
  CHECK(results[0].passed);
  CHECK_FALSE(results[1].passed);
  CHECK(w.watch.why().find(results[1].proof) != std::string::npos);
  CHECK_FALSE(results[2].passed);
  CHECK(results[2].proof.empty());
}

TEST_CASE("for: 1s ends it once it was crossed for a second on end, not before") {
  const plan::PlannedThreshold mean{"mean(latency) < 20ms", true, milliseconds{1000}};
  plan::Plan plan = plan_with({mean});
  plan.phases[0].clients[0].closed_loop = true;
  Watched w(plan);
  CHECK_FALSE(w.look(milliseconds{0}));  // nothing has come, which is no crossing
  CHECK_FALSE(w.look(milliseconds{5000}));
  w.add(2, 50);
  CHECK_FALSE(w.look(milliseconds{5250}));
  CHECK_FALSE(w.look(milliseconds{6000}));
  w.add(20, 1);  // met again: it begins anew
  CHECK_FALSE(w.look(milliseconds{6200}));
  w.add(20, 100);
  CHECK_FALSE(w.look(milliseconds{6300}));
  CHECK_FALSE(w.look(milliseconds{7299}));
  REQUIRE(w.look(milliseconds{7300}));
  CHECK(w.watch.why().find("ended the run: it was crossed for 1.00s on end, and is ") !=
        std::string::npos);
}

TEST_CASE("a rate that was changed by hand proves nothing by the plan's number any more") {
  Watched w(plan_with({{"p95(latency) < 50ms", true}}));
  w.watch.forget_rates();
  w.add(60, 80);
  CHECK_FALSE(w.look());
  // What was counted does.
  Watched counted(plan_with({{"failed == 0", true}}));
  counted.watch.forget_rates();
  counted.add(1, 5, wire::Failure::timeout);
  CHECK(counted.look());
}
