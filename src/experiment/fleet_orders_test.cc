// What the workers of a fleet are told is what one machine would do.
#include "experiment/fleet_orders.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "load/arrival.h"
#include "load/request_parameters.h"
#include "load/schedule.h"
#include "plan/fields.h"
#include "plan/file.h"

using namespace galileo;
using namespace galileo::experiment;

TEST_CASE("clients with a rate are due on a fleet when they are on one machine, none together") {
  plan::Plan plan;
  plan.seed = 7;
  load::ClientSpec spec;
  spec.count = 4;
  spec.arrival.kind = "constant_rate";
  spec.arrival.parameters = {25};
  spec.requests = 10;
  const plan::Phase phase{"main", {spec}, {}, {}};
  for (std::uint32_t i = 0; i < spec.count; ++i) {
    const wire::WorkloadOrder order = order_of(spec, phase, "w:s:0", plan, i, i, spec.count, false);
    auto arrival = load::make_arrival({order.arrival, order.parameters, {}, order.process});
    REQUIRE(arrival.ok());
    (*arrival)->set_ahead(order.ahead);
    load::Schedule theirs(std::move(*arrival), Random(order.seed, order.stream), order.duration,
                          order.requests);
    auto ours = load::Schedule::make(spec, plan.seed, i, {}, {}, load::interleaved(i, spec.count));
    REQUIRE(ours.ok());
    const auto first = theirs.next();
    CHECK(first->at == std::chrono::milliseconds{10} * (i + 1));
    CHECK(ours->next()->at == first->at);
    for (int n = 1; n < 10; ++n) CHECK(theirs.next()->at == ours->next()->at);
    CHECK_FALSE(theirs.next());
  }
}

namespace {

constexpr const char* kFile = R"(
name: x
services: {{s: {{hosts: {{"h:80": 1}}{}}}}}
clients: [{{service: s, rate: 10, requests: 1}}]
limits: {{{}}}
)";

Result<plan::Plan> fleet_plan(const std::string& limits, const std::string& service = {}) {
  plan::FileOptions options;
  options.on_fleet = true;
  return plan::parse_plan(fmt::format(kFile, service, limits), "x.yaml", options);
}

// All that a worker is told of a client.
std::string told(const plan::Plan& plan) {
  const load::ClientSpec& spec = plan.phases.front().clients.front();
  wire::StartWorkloads start;
  start.orders.push_back(order_of(spec, plan.phases.front(), "w:s:0", plan, 0, 0, 1, false));
  return request_parameters(spec.request, plan.limits) + encode(start);
}

}  // namespace

TEST_CASE("each limit of a file reaches the workers, is kept by the controller, or is refused") {
  struct Row {
    const char* value;
    const char* told;  // null: refused; empty: the controller's own affair
  };
  const std::map<std::string, Row> rows{
      {"threads", {"2", nullptr}},
      {"connections", {"5", nullptr}},
      {"address_family", {"ipv4", nullptr}},
      {"grace", {"1s", ""}},  // it ends what is under way by then: Worker.stop_run
      {"connect_timeout", {"3s", R"("connect_timeout_ns":3000000000)"}},
      {"request_timeout", {"4s", R"("timeout": 4.0)"}},
      {"body_max", {"1KiB", R"("body_max":1024)"}},
      {"head_max", {"2KiB", R"("head_max":2048)"}},
      {"redirects", {"3", R"("redirects":3)"}},
      {"fail_on", {"500-599", R"("fail_on":"500-599")"}},
      {"keep_headers", {"true", R"("keep_headers":true)"}},
      {"keep_response", {"1KiB", R"("keep_response":1024)"}},
      {"keep_only_failed", {"true", R"("keep_only_failed":true)"}},
  };
  for (const std::string& key : keys_of(plan::MapKind::limits)) {
    CAPTURE(key);
    REQUIRE(rows.contains(key));
    const Row& row = rows.at(key);
    const auto plan = fleet_plan(key + ": " + row.value);
    if (!row.told) {
      REQUIRE_FALSE(plan.ok());
      CHECK(plan.error().to_text().find("x.yaml:5:") != std::string::npos);
      CHECK(plan.error().to_text().find("limits." + key + " is each worker's own on a fleet; ") !=
            std::string::npos);
      CHECK(plan::parse_plan(fmt::format(kFile, "", key + ": " + row.value), "x.yaml", {}).ok());
      continue;
    }
    REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
    CAPTURE(told(*plan));
    CHECK(told(*plan).find(row.told) != std::string::npos);
    if (*row.told) CHECK(told(*fleet_plan("")).find(row.told) == std::string::npos);
  }
}

TEST_CASE("a request of a file arrives at a worker as it was written") {
  load::Request request;
  request.method = "POST";
  request.path = "/%7Ea/../b?c[]=%";
  request.headers = {{"X", "\xc3\xbc"}};
  request.body = "text";
  request.has_body = true;
  request.digest = load::DigestUser{"u", "p", true};
  request.keep_cookies = true;
  request.ok = *wire::StatusSet::parse("2xx, 404");
  request.timeout = std::chrono::seconds{3};
  request.redirects_max = 30;
  const auto read = load::parse_request_parameters(request_parameters(request, {}));
  REQUIRE_MESSAGE(read.ok(), read.error().to_text());
  CHECK(*read == request);
}

TEST_CASE("what a file doesn't say of its limits is said to workers all the same") {
  const std::string nothing = told(*fleet_plan(""));
  for (const char* part :
       {R"("timeout": 30.0)", R"("allow_redirects": false)", R"("redirects":0)",
        R"("connect_timeout_ns":10000000000)", R"("body_max":1073741824)", R"("head_max":65536)",
        R"("fail_on":"400-999")", R"("keep_headers":false)", R"("keep_response":0)"}) {
    CAPTURE(part);
    CAPTURE(nothing);
    CHECK(nothing.find(part) != std::string::npos);
  }
}

TEST_CASE(
    "a bus in the file is a fleet too, and a choice of hosts that workers don't make is refused") {
  const std::string bus = "\nbus: redis://127.0.0.1:1\n";
  CHECK_FALSE(plan::parse_plan(fmt::format(kFile, "", "threads: 1") + bus, "x.yaml", {}).ok());
  CHECK(fleet_plan("", ", balancer: wrr").ok());
  const auto refused = fleet_plan("", ", balancer: random");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().to_text().find("services.s.balancer is each worker's own") !=
        std::string::npos);
}

TEST_CASE("a router that a worker doesn't have is refused, with what to start it with") {
  struct Row {
    const char* router;
    const char* static_host;
    std::map<std::string, std::string> labels;
    const char* refused;  // in the error; empty: fine
  };
  const std::string type = "galileo_router_type";
  const std::string to = "galileo_router_static_host";
  const std::vector<Row> rows{
      {"SymmetryHostRouter", "", {}, ""},
      {"SymmetryHostRouter", "", {{type, "SymmetryServiceRouter"}}, ""},  // the file says nothing
      {"SymmetryServiceRouter", "", {{type, "CachingSymmetryServiceRouter"}}, ""},
      {"SymmetryServiceRouter", "", {}, "start it with galileo_router_type=SymmetryServiceRouter"},
      {"StaticRouter", "http://a", {{type, "StaticRouter"}, {to, "http://a"}}, ""},
      {"StaticRouter", "http://a", {{type, "StaticRouter"}}, "galileo_router_static_host=http://a"},
  };
  for (const Row& row : rows) {
    load::ServiceSpec service;
    service.name = "s";
    service.router = row.router;
    service.static_host = row.static_host;
    const auto checked = check_routers({service}, "w1", row.labels);
    CHECK(checked.ok() == (*row.refused == 0));
    if (checked.ok()) continue;
    CHECK(checked.error().to_text().find(row.refused) != std::string::npos);
    CHECK(checked.error().to_text().find("worker w1") != std::string::npos);
  }
}

TEST_CASE("an old worker follows no redirects or 30, and other numbers are refused") {
  plan::Plan plan = *fleet_plan("");
  const plan::Phase& phase = plan.phases.front();
  for (const std::uint32_t redirects : {0u, 3u, 30u}) {
    plan.limits.redirects_max = redirects;
    const auto order = old_order_of(phase.clients.front(), phase, "old:s:0", plan, false);
    CHECK(order.ok() == (redirects != 3));
    if (!order.ok()) CHECK(order.error().to_text().find("limits.redirects") != std::string::npos);
  }
}

TEST_CASE("a rate that changes reaches the workers of ours, and old ones refuse it") {
  constexpr const char* kChanging = R"(
name: x
services: {{s: {{hosts: {{"h:80": 1}}}}}}
clients: [{{service: s, name: web, rate: 10, duration: 20s, start_after: {}}}]
events: [{{{}, client: web, rate: 50}}]
)";
  plan::FileOptions options;
  options.on_fleet = true;
  const auto plan_of = [&](const char* start_after, const char* when) {
    return plan::parse_plan(fmt::format(kChanging, start_after, when), "x.yaml", options);
  };
  const auto plan = plan_of("2s", "at: 5s");
  REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
  const load::ClientSpec& web = plan->phases[0].clients[0];
  const wire::WorkloadOrder order = order_of(web, plan->phases[0], "w:s:0", *plan, 0, 0, 1, false);
  REQUIRE(order.changes.size() == 1);
  CHECK(order.changes[0].at == std::chrono::seconds{3});  // since its own start
  CHECK(order.changes[0].arrival == "constant_rate");
  for (const char* when : {"at: 5s", "when: \"failed > 5\""}) {
    const auto old = plan_of("0s", when);
    REQUIRE_MESSAGE(old.ok(), old.error().to_text());
    const auto refused =
        old_order_of(old->phases[0].clients[0], old->phases[0], "w:s:0", *old, false);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().to_text().find("a rate that changes") != std::string::npos);
  }
}

TEST_CASE("how HTTP is spoken reaches the workers as it was said") {
  for (const load::HttpSettings& settings :
       {load::HttpSettings{}, load::HttpSettings{2, false, 7, 3, true},
        load::HttpSettings{1, true, 0, 0, false}}) {
    load::Request request;
    request.http = settings;
    const auto read = load::parse_request_parameters(request_parameters(request, {}));
    REQUIRE(read.ok());
    CHECK(read->http == settings);
  }
}
