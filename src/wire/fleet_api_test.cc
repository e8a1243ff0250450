#include "wire/fleet_api.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::wire;

TEST_CASE("A heartbeat, a start and a report come back as they were") {
  Heartbeat heartbeat{"w", "0badf00d", "0.1", 42, Wall{Duration{1'700'000'000'123'456'789}}, 7};
  const auto beat = decode_heartbeat(encode(heartbeat));
  REQUIRE(beat.ok());
  CHECK(beat->worker == "w");
  CHECK(beat->at == heartbeat.at);
  CHECK(beat->traces_waiting == 7);

  StartWorkloads start{"202601010000-abcd", "main", heartbeat.at, {}};
  WorkloadOrder order;
  order.client_id = "w:a:0";
  order.arrival = "expovariate";
  order.parameters = {100.5};
  order.changes = {{std::chrono::seconds{1}, "sine", {10, 60}, "exponential"},
                   {std::chrono::seconds{2}, "constant_rate", {7}, {}}};
  order.requests = 10;
  order.duration = std::chrono::seconds{3};
  order.seed = ~std::uint64_t{0};
  order.stream = 5;
  order.ahead = 0.75;
  order.redirects = 0;
  order.connect_timeout = std::chrono::milliseconds{1500};
  order.head_max = 1024;
  order.body_max = std::uint64_t{1} << 50;
  order.keep_headers = false;
  order.keep_response = 7;
  order.keep_only_failed = true;
  start.orders = {order, {}};
  const auto started = decode_start_workloads(encode(start));
  REQUIRE(started.ok());
  REQUIRE(started->orders.size() == 2);
  CHECK(started->orders[0].parameters == order.parameters);
  REQUIRE(started->orders[0].changes.size() == 2);
  CHECK(started->orders[0].changes[0].at == std::chrono::seconds{1});
  CHECK(started->orders[0].changes[0].process == "exponential");
  CHECK(started->orders[0].changes[1].arrival == "constant_rate");
  CHECK(started->orders[0].changes[1].parameters == std::vector<double>{7});
  CHECK(started->orders[1].changes.empty());
  CHECK(started->orders[0].seed == order.seed);
  CHECK(started->orders[0].duration == order.duration);
  CHECK(started->orders[0].ahead == 0.75);
  CHECK(started->orders[0].redirects == order.redirects);
  CHECK(started->orders[0].connect_timeout == order.connect_timeout);
  CHECK(started->orders[0].head_max == order.head_max);
  CHECK(started->orders[0].body_max == order.body_max);
  CHECK(started->orders[0].keep_headers == order.keep_headers);
  CHECK(started->orders[0].keep_response == order.keep_response);
  CHECK(started->orders[0].keep_only_failed == order.keep_only_failed);
  CHECK(started->orders[1].ahead == 0);
  CHECK_FALSE(started->orders[1].redirects);
  CHECK_FALSE(started->orders[1].body_max);
  CHECK_FALSE(started->orders[1].keep_headers);
  CHECK_FALSE(started->orders[1].requests);

  const ChangeArrivals change{start.run, heartbeat.at, {"w:a:0", "w:a:1"}, order.changes[0], {}};
  const auto changed = decode_change_arrivals(encode(change));
  REQUIRE(changed.ok());
  CHECK(changed->run == start.run);
  CHECK(changed->at == heartbeat.at);
  CHECK(changed->client_ids == change.client_ids);
  CHECK(changed->order.arrival == "sine");
  CHECK(changed->order.parameters == order.changes[0].parameters);

  CHECK(changed->part.empty());

  const PauseRun pause{start.run, heartbeat.at, {"w:a:0"}, false, "main (2)"};
  const auto paused = decode_pause_run(encode(pause));
  REQUIRE(paused.ok());
  CHECK(paused->run == start.run);
  CHECK(paused->at == heartbeat.at);
  CHECK(paused->client_ids == pause.client_ids);
  CHECK_FALSE(paused->pauses);
  CHECK(paused->part == "main (2)");

  RunReport report;
  report.run = start.run;
  report.worker = "w";
  report.failures = {{"timeout", 3}};
  report.intended = 12;
  report.latency.add(std::chrono::milliseconds{5}, 9);
  report.latency_last.add(std::chrono::milliseconds{6});
  CHECK_FALSE(decode_run_report(encode(report))->own);
  OwnReport& own = report.own.emplace();
  own.without_own.add(std::chrono::milliseconds{4}, 9);
  own.read_late = std::chrono::milliseconds{7};
  own.connections_max = 5;
  own.throttled_periods = 3;
  own.steal_share = 0.25;
  own.machine_cores = 4;
  own.shares_machine = true;
  own.handshakes_resumed = 6;
  const auto reported = decode_run_report(encode(report));
  REQUIRE(reported.ok());
  CHECK(reported->failures == report.failures);
  CHECK(reported->intended == 12);
  CHECK(reported->latency.count() == 9);
  CHECK(reported->latency.percentile(0.5) == report.latency.percentile(0.5));
  CHECK(reported->latency_last.max() == std::chrono::milliseconds{6});
  REQUIRE(reported->own);
  CHECK(reported->own->without_own == own.without_own);
  CHECK(reported->own->read_late == own.read_late);
  CHECK(reported->own->connections_max == 5);
  CHECK(reported->own->throttled_periods == 3);
  CHECK(reported->own->steal_share == 0.25);
  CHECK(reported->own->machine_cores == 4);
  CHECK(reported->own->shares_machine);
  CHECK(reported->own->handshakes_resumed == 6);
  // Histograms of two grains can't be merged: a report that has one is none.
  RunReport coarse;
  coarse.latency = Histogram{Histogram::Grain::kCoarse};
  coarse.latency.add(std::chrono::milliseconds{5});
  CHECK_FALSE(decode_run_report(encode(coarse)).ok());
  CHECK_FALSE(decode_run_report(R"({"own": 5})").ok());
  CHECK_FALSE(decode_run_report(R"({"own": {"cores": -1}})").ok());
}

TEST_CASE("What is of the wrong type is refused with its field, what isn't known is passed over") {
  for (const auto& [text, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({"worker": 5})", "worker"},
           {R"({"traces_waiting": -1})", "traces_waiting"},
           {R"({"at_ns": "now"})", "at_ns"}}) {
    const auto beat = decode_heartbeat(text);
    REQUIRE_FALSE(beat.ok());
    CHECK(beat.error().where == field);
  }
  CHECK(decode_heartbeat(R"({"worker": "w", "later": [1]})").ok());
  for (const char* text : {"", "[]", "nonsense", "{"}) {
    CHECK_FALSE(decode_heartbeat(text).ok());
    CHECK_FALSE(decode_start_workloads(text).ok());
    CHECK_FALSE(decode_change_arrivals(text).ok());
    CHECK_FALSE(decode_run_report(text).ok());
  }
  CHECK_FALSE(decode_change_arrivals(R"({"clients": [1]})").ok());
  CHECK_FALSE(decode_pause_run(R"({"clients": [1]})").ok());
  CHECK_FALSE(decode_pause_run(R"({"pauses": "yes"})").ok());
  CHECK_FALSE(decode_pause_run("[]").ok());
  CHECK_FALSE(decode_change_arrivals(R"({"change": {"parameters": ["a"]}})").ok());
  CHECK_FALSE(decode_start_workloads(R"({"orders": [{"changes": [1]}]})").ok());
  CHECK_FALSE(decode_start_workloads(R"({"orders": [1]})").ok());
  CHECK_FALSE(decode_start_workloads(R"({"orders": [{"parameters": ["a"]}]})").ok());
  CHECK_FALSE(decode_run_report(R"({"latency": "no histogram"})").ok());
  CHECK_FALSE(decode_run_report(R"({"failures": {"timeout": -3}})").ok());
}

TEST_CASE(
    "a client's place over all workers, and what came of its requests, come back as they were") {
  StartWorkloads start{"r", "main", Wall{Duration{1}}, {}};
  WorkloadOrder order;
  order.client_id = "w:a:0";
  order.index = 2;
  order.of = 3;
  order.own_times = true;
  start.orders = {order, {}};
  const auto read = decode_start_workloads(encode(start));
  REQUIRE_MESSAGE(read.ok(), read.error().to_text());
  CHECK(read->orders[0].index == 2);
  CHECK(read->orders[0].of == 3);
  CHECK(read->orders[0].own_times);
  CHECK(read->orders[1].of == 0);
  CHECK_FALSE(read->orders[1].own_times);
  start.orders[0].index = 3;
  CHECK_FALSE(decode_start_workloads(encode(start)).ok());
  start.orders[0].index = start.orders[0].of = 0;
  CHECK_FALSE(decode_start_workloads(encode(start)).ok());

  RunReport report;
  report.run = "r";
  CHECK(encode(report).find("figures") == std::string::npos);
  report.figures.checks["login"] = {3, 4};
  report.figures.makers["data rows.csv"] = {5, 1, Duration{7}, 2, "why", 1, "all is used"};
  report.figures.first_failures["tls_expired"] = "it has expired";
  CHECK(encode(report).find(R"("figures":{"checks":{"login":[3,4]},"first_failures":)"
                            R"({"tls_expired":"it has expired"},"makers":{"data rows.csv":)"
                            R"({"ended":1,"failed":2,"late":1,"late_most_ns":7,"made":5,)"
                            R"("why_ended":"all is used","why_failed":"why"}}})") !=
        std::string::npos);
  const auto figures = decode_run_report(encode(report));
  REQUIRE_MESSAGE(figures.ok(), figures.error().to_text());
  CHECK(figures->figures.checks.at("login").failed == 4);
  CHECK(figures->figures.makers.at("data rows.csv").late_most == Duration{7});
  CHECK(figures->figures.makers.at("data rows.csv").why_ended == "all is used");
  CHECK(figures->figures.first_failures.at("tls_expired") == "it has expired");
  for (const char* wrong :
       {R"({"figures": {"checks": {"a": [1]}}})", R"({"figures": {"checks": {"a": [1, -1]}}})",
        R"({"figures": {"makers": {"a": 1}}})", R"({"figures": {"first_failures": {"a": 1}}})"})
    CHECK_FALSE(decode_run_report(wrong).ok());
}
