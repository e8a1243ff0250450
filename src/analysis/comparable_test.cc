// Which experiments may be held against each other.
#include "analysis/comparable.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace galileo;
using namespace galileo::analysis;

namespace {

using Json = nlohmann::json;

// A run of 1,000 requests in 10 s, by a plan that may be changed.
ComparedRun run_of(const std::function<void(Json&)>& change = {}, int requests = 1000,
                   Duration apart = std::chrono::milliseconds{10}, bool closed_loop = false) {
  ComparedRun run;
  Json plan = Json::parse(R"({"seed": 1, "services": [{"hosts": {"a:80": 1}}], "warmup_s": 0,
    "phases": [{"name": "main", "duration_s": 10, "clients": [{"name": "c", "num": 1,
      "request": {"method": "GET", "path": "/", "headers": {}},
      "arrival": {"kind": "constant", "parameters": [0.01]}}]}]})");
  if (change) change(plan);
  if (!plan.is_null()) run.result.provenance.plan_json = plan.dump();
  for (int i = 0; i < requests; ++i) {
    wire::NamedTrace trace;
    trace.created = trace.dispatched = trace.sent = Wall{std::chrono::seconds{1000}} + i * apart;
    trace.intended = closed_loop ? kNoWall : trace.created;
    trace.done = trace.created + std::chrono::milliseconds{1};
    trace.status = 200;
    run.batches.add(trace);
  }
  return run;
}

Json& client(Json& plan) {
  return plan["phases"][0]["clients"][0];
}

}  // namespace

TEST_CASE("experiments that asked for different things aren't compared") {
  struct Case {
    const char* reason;  // empty: they are
    std::function<void(Json&)> change;
  };
  const Case cases[]{
      {"", [](Json&) {}},
      {"", [](Json& plan) { plan["seed"] = 2; }},
      {"", [](Json& plan) { plan["services"][0]["hosts"] = {{"b:80", 1}}; }},
      {"the loop", [](Json& plan) { client(plan)["closed_loop"] = {{"connections", 5}}; }},
      {"the rate", [](Json& plan) { client(plan)["arrival"]["parameters"] = {0.02}; }},
      {"the rate", [](Json& plan) { client(plan)["arrival"]["kind"] = "expovariate"; }},
      {"the request", [](Json& plan) { client(plan)["request"]["path"] = "/other"; }},
      {"the request", [](Json& plan) { client(plan)["request"]["method"] = "POST"; }},
      {"the request", [](Json& plan) { client(plan)["request"]["body_bytes"] = 10; }},
      {"the number of clients", [](Json& plan) { client(plan)["num"] = 2; }},
      {"the number of requests", [](Json& plan) { client(plan)["requests"] = 5; }},
      {"the duration", [](Json& plan) { client(plan)["duration_s"] = 5; }},
      {"doesn't last as long", [](Json& plan) { plan["phases"][0]["duration_s"] = 20; }},
      {"the warm-up", [](Json& plan) { plan["warmup_s"] = 1; }},
      {"the rate of phase",
       [](Json& plan) {
         plan["phases"][0]["events"] =
             Json::parse(R"([{"at_s": 5, "client": "c", "arrival": {"kind": "constant"}}])");
       }},
      {"",
       [](Json& plan) {
         plan["phases"][0]["events"] = Json::parse(R"([{"at_s": 5, "event": "deploy"}])");
       }},
      {"phases", [](Json& plan) { plan["phases"].push_back(plan["phases"][0]); }},
      {"kinds of clients",
       [](Json& plan) { plan["phases"][0]["clients"].push_back(client(plan)); }},
  };
  for (const Case& one : cases) {
    CAPTURE(one.reason);
    const auto found = differences(run_of(), run_of(one.change));
    if (*one.reason == 0) {
      CHECK(found.empty());
      continue;
    }
    REQUIRE_FALSE(found.empty());
    CHECK_MESSAGE(found.front().find(one.reason) != std::string::npos, found.front());
  }
}

TEST_CASE("without plans, and of runs that were cut short, what was done tells") {
  const auto no_plan = [](Json& plan) { plan = nullptr; };
  const auto first = [](const ComparedRun& base, const ComparedRun& other) {
    const auto found = differences(base, other);
    return found.empty() ? std::string() : found.front();
  };
  const Duration apart = std::chrono::milliseconds{10};
  CHECK(first(run_of(no_plan), run_of(no_plan)).empty());
  CHECK(first(run_of(no_plan), run_of()).empty());
  CHECK(first(run_of(no_plan), run_of(no_plan, 1000, apart * 2)).find("were offered") !=
        std::string::npos);
  CHECK(first(run_of(no_plan), run_of(no_plan, 1000, apart, true)).find("a closed loop") !=
        std::string::npos);
  CHECK(first(run_of(), run_of({}, 300)).find("lasted") != std::string::npos);
  CHECK(first(run_of(), run_of({}, 0)) == "one has no requests");
  // A closed loop is as fast as it is.
  CHECK(first(run_of(no_plan, 1000, apart, true), run_of(no_plan, 500, apart, true)).empty());
}
