// Thresholds beside the plan: names that it doesn't have are found before anything starts.
#include "plan/threshold_check.h"

#include <doctest/doctest.h>

#include <tuple>

using namespace galileo;
using namespace galileo::plan;

namespace {

Error error_of(const Result<void>& checked) {
  REQUIRE_FALSE(checked.ok());
  return checked.error();
}

}  // namespace

TEST_CASE("names that the plan doesn't have are refused before anything starts, with the nearest") {
  Plan plan;
  plan.services.push_back({"shop", {{"10.0.0.1:80", 1}}, "SymmetryHostRouter", "wrr", ""});
  load::ClientSpec client;
  client.service = "shop";
  client.arrival.parameters = {0.1};
  plan.phases = {{"before", {client}, {}, {}}, {"after", {client}, {}, {}}};
  plan.telemetry.applications = {"shop-app"};
  plan.telemetry.pages = {{"metrics", "http://10.0.0.1:9090/metrics"}};
  plan.telemetry.files = {{"room", "/run/room"}};
  const auto check = [&](const char* text) { return check_threshold(text, plan); };
  for (const char* text :
       {"p95(latency{service=shop}) < 5ms", "failed{phase=after} == 0",
        "failed{server=10.0.0.1:80} == 0", "max(cpu) < 90%", "max(process_rss/shop-app) < 1GiB",
        "max(process_rss/galileo) < 1GiB", "max(process_cpu) < 90%", "max(tx/eth0) < 1MB/s",
        "max(scrape/metrics/whatever_there_is) < 5", "max(scrape/metrics) < 5",
        "max(file/room) < 30", "p99(dispatch_error) < 1ms"}) {
    CAPTURE(text);
    const auto checked = check(text);
    CHECK_MESSAGE(checked.ok(), checked.error().to_text());
  }
  const std::vector<std::tuple<const char*, const char*, const char*>> cases{
      {"p95(latency{service=shp}) < 5ms", "no service 'shp'", "did you mean 'shop'?"},
      {"failed{phase=aftr} == 0", "no phase 'aftr'", "did you mean 'after'?"},
      {"failed{phase=warmup} == 0", "the warm-up is left out", ""},
      {"failed{server=10.0.0.1:81} == 0", "no server", "did you mean '10.0.0.1:80'?"},
      {"max(process_rss/shop_app) < 1GiB", "no watched process", "did you mean 'shop-app'?"},
      {"max(scrape/metric/up) < 1", "no scrape 'metric'", "did you mean 'metrics'?"},
      {"max(file/roam) < 1", "no file 'roam'", "did you mean 'room'?"},
      {"max(command/queue) < 1", "no command 'queue'", ""},
      {"max(thermal) < 80°C", "'thermal' isn't read", "add thermal to"},
      {"p95(latncy) < 5ms", "unknown metric", "did you mean 'latency'?"},
  };
  for (const auto& [text, why, hint] : cases) {
    CAPTURE(text);
    const Error error = error_of(check(text));
    CHECK(error.code == ErrorCode::kUsage);
    CHECK_MESSAGE(error.why.find(why) != std::string::npos, error.to_text());
    CHECK_MESSAGE(error.hint.find(hint) != std::string::npos, error.to_text());
  }
  plan.telemetry.instruments = {"thermal"};
  CHECK(check("max(thermal) < 80°C").ok());
  CHECK(error_of(check("max(cpu) < 90%")).why == "'cpu' isn't read");
  CHECK(check("max(process_rss/shop-app) < 1GiB").ok());  // processes are read always
  plan.telemetry.enabled = false;
  CHECK(error_of(check("max(thermal) < 80°C")).why == "'thermal' is telemetry, which is off");
  plan.limits.redirects_max = 1;  // they may lead anywhere
  CHECK(check("failed{server=10.0.0.1:81} == 0").ok());
  for (Phase& phase : plan.phases) phase.clients.front().closed_loop = true;
  CHECK(error_of(check("p99(dispatch_error) < 1ms")).why.find("closed loop") != std::string::npos);
}
