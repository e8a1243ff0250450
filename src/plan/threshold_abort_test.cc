// How many requests a plan makes at most, and which thresholds can end a run before its end.
#include "plan/threshold_abort.h"

#include <doctest/doctest.h>

#include <tuple>

using namespace galileo;
using namespace galileo::plan;

namespace {

load::ClientSpec paced(const char* service, double rps, std::uint32_t count = 1) {
  load::ClientSpec client;
  client.service = service;
  client.name = std::string(service) + ":client0";
  client.count = count;
  client.arrival = {"constant_rate", {rps}, {}, "static"};
  client.duration = std::chrono::seconds{10};
  return client;
}

// Two services in two phases: 10/s and, of two clients, 20/s, for 10 s each.
Plan two_phases() {
  Plan plan;
  plan.phases = {{"before", {paced("a", 10)}, {}, {}}, {"after", {paced("b", 20, 2)}, {}, {}}};
  return plan;
}

analysis::Threshold threshold_of(const char* text) {
  auto threshold = analysis::parse_threshold(text);
  REQUIRE_MESSAGE(threshold.ok(), threshold.error().to_text());
  return std::move(*threshold);
}

std::optional<std::uint64_t> most_requests(const Plan& plan, const char* text = "failed == 0",
                                           CountBy by = CountBy::kSchedule) {
  return at_most(plan, threshold_of(text), by).requests;
}

std::string refusal(const Plan& plan, const char* text, std::optional<Duration> lasting = {}) {
  const auto checked = check_abort(threshold_of(text), {text, true, lasting}, plan);
  return checked.ok() ? "" : checked.error().to_text();
}

}  // namespace

TEST_CASE("how many requests there are at most, of all, a service or a phase") {
  Plan plan = two_phases();
  // Each schedule may begin with one more than its rate says, and never has fewer.
  const auto lies = [&](const char* text, std::uint64_t least, std::uint64_t most) {
    const std::uint64_t requests = most_requests(plan, text).value_or(0);
    CAPTURE(requests);
    return requests >= least && requests <= most;
  };
  CHECK(lies("failed{service=a} == 0", 100, 102));
  CHECK(lies("failed{phase=after} == 0", 400, 404));
  CHECK(lies("failed == 0", 500, 506));
  CHECK(lies("failed{worker=w} == 0", 500, 506));
  plan.phases[1].clients[0].requests = 7;
  CHECK(lies("failed{service=b} == 0", 14, 14));
  CHECK(lies("failed == 0", 114, 116));
  plan.phases[1].clients[0].request.steps.resize(3);
  CHECK(lies("failed{service=b} == 0", 42, 42));
}

TEST_CASE("where nobody knows, nothing is said") {
  const auto is_known = [](auto&& change) {
    Plan plan = two_phases();
    change(plan.phases[1].clients[0]);
    return most_requests(plan).has_value();
  };
  using Client = load::ClientSpec;
  CHECK(is_known([](Client&) {}));
  CHECK_FALSE(is_known([](Client& one) { one.closed_loop = true; }));
  CHECK_FALSE(is_known([](Client& one) { one.arrival.process = "exponential"; }));
  CHECK_FALSE(is_known([](Client& one) { one.arrival = {"expovariate", {5}, {}, "static"}; }));
  CHECK_FALSE(is_known([](Client& one) { one.arrival = {"constant", {}, {}, "static"}; }));
  CHECK_FALSE(is_known([](Client& one) { one.duration.reset(); }));
  CHECK_FALSE(is_known([](Client& one) { one.request.source.kind = "app"; }));
  CHECK_FALSE(is_known([](Client& one) { one.requests = std::uint64_t{1} << 60; }));
  CHECK_FALSE(is_known([](Client& one) {
    one.changes = {{std::chrono::seconds{5}, {"expovariate", {5}, {}, "static"}}};
  }));
  // A number is one, whatever chance does between.
  CHECK(is_known([](Client& one) {
    one.closed_loop = true;
    one.requests = 5;
  }));
  Plan plan = two_phases();
  Action when;
  when.condition = "failed > 5";
  when.what = Action::ChangeArrival{"b:client0", {"constant_rate", {500}, {}, "static"}};
  plan.phases[1].actions.push_back(when);
  CHECK_FALSE(most_requests(plan).has_value());
  CHECK(most_requests(plan, "failed{service=a} == 0").has_value());
}

TEST_CASE("once rates were changed by hand a number counts, and no schedule") {
  Plan plan = two_phases();
  const auto by_number = [&](const char* text) {
    return most_requests(plan, text, CountBy::kNumber);
  };
  CHECK_FALSE(by_number("failed == 0").has_value());
  plan.phases[0].clients[0].requests = 50;
  CHECK_FALSE(by_number("failed == 0").has_value());
  CHECK(by_number("failed{service=a} == 0").value_or(0) == 50);
}

TEST_CASE("checks of one name are counted in the request and its steps") {
  Plan plan = two_phases();
  plan.phases[0].clients[0].request.checks = {{"login", {}}, {"fast", {}}};
  plan.phases[1].clients[0].request.steps.resize(2);
  for (load::Step& step : plan.phases[1].clients[0].request.steps)
    step.request.checks = {{"login", {}}};
  CHECK(at_most(plan, threshold_of("checks > 0.9")).checks == 2);
  CHECK(at_most(plan, threshold_of("checks(login) > 0.9")).checks == 2);
  CHECK(at_most(plan, threshold_of("checks(fast) > 0.9")).checks == 1);
}

TEST_CASE("what can't be decided before the end is refused, with what to write") {
  Plan known = two_phases();
  Plan unknown = two_phases();
  unknown.phases[0].clients[0].closed_loop = true;
  constexpr std::chrono::seconds kSome{30};
  const std::vector<std::tuple<const Plan*, const char*, bool, const char*>> rows{
      {&known, "p95(latency) < 50ms", false, ""},
      {&unknown, "p95(latency) < 50ms", false, "how many requests there will be isn't known"},
      {&unknown, "p95(latency) < 50ms", true, ""},
      {&unknown, "failed == 0", false, ""},  // by the first one, whatever follows
      {&unknown, "max(latency) < 1s", false, ""},
      {&known, "achieved > 5", false, "what follows can always make up for it"},
      {&known, "achieved > 5", true, ""},
      {&known, "in_flight == 0", true, "known when the run has ended"},
      {&known, "checks > 0.9", false, ""},
      {&unknown, "checks > 0.9", true, "give the clients requests: N"},
      {&known, "checks < 0.9", true, "known when the run has ended"},
  };
  for (const auto& [plan, text, has_for, why] : rows) {
    CAPTURE(text);
    CAPTURE(has_for);
    const std::string said =
        refusal(*plan, text, has_for ? std::optional<Duration>(kSome) : std::nullopt);
    CAPTURE(said);
    CHECK(said.empty() == std::string(why).empty());
    CHECK(said.find(why) != std::string::npos);
  }
  const auto alone = check_abort(threshold_of("failed == 0"), {"failed == 0", false, kSome}, known);
  REQUIRE_FALSE(alone.ok());
  CHECK(alone.error().hint == "add abort: true");
}
