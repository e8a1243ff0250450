// Which clients' requests are described to workers, and who of these can read that.
#include "experiment/fleet_requests.h"

#include "base/test_fixture.h"
#include "bus/in_process.h"
#include "experiment/fleet_orders.h"
#include "load/request_description.h"

using namespace galileo;
using namespace galileo::experiment;

namespace {

load::ClientSpec client_of(const std::string& kind) {
  load::ClientSpec spec;
  spec.name = "local:app";
  spec.service = "app";
  spec.request.source.kind = kind;
  return spec;
}

fleet::WorkerStatus worker_that_reads(const std::string& name, std::uint32_t version) {
  fleet::WorkerStatus worker;
  worker.name = name;
  worker.heartbeat = wire::Heartbeat{};
  worker.heartbeat->version = "0.1";
  worker.heartbeat->requests = version;
  return worker;
}

}  // namespace

TEST_CASE("an older worker that would get such a client is refused by its name, others aren't") {
  const auto bus = bus::make_in_process();
  plan::Plan plan;
  const std::string run = "run";
  const auto told = [&](const load::ClientSpec& spec,
                        const std::vector<fleet::WorkerStatus>& workers) {
    plan.phases = {{"main", {spec}, {}, {}}};
    FleetRequests requests(*bus, plan, run);
    const auto checked = requests.check(workers);
    return checked.ok() ? std::string() : checked.error().to_text();
  };
  const auto good = worker_that_reads("good", load::kDescriptionVersion);
  auto older = worker_that_reads("older", 0);
  fleet::WorkerStatus old;
  old.name = "old";
  load::ClientSpec spec = client_of("templates");
  CHECK(told(spec, {good}).empty());
  const std::string refused = told(spec, {good, older});
  CHECK(refused.starts_with("worker older doesn't know the templates of client 'app', "));
  CHECK(refused.find(": it is of version 0.1; ") != std::string::npos);
  CHECK(told(spec, {old}).find("it is one of the old system") != std::string::npos);
  CHECK(told(client_of("replay"), {older}).find("the replay of client") != std::string::npos);
  CHECK(told(client_of(""), {good, older, old}).empty());
  load::ClientSpec checked = client_of("");
  checked.request.checks = {{"ok", {"status 200"}}};
  CHECK(told(checked, {older}).find("the checks of client") != std::string::npos);
  // A client that it won't get is none of its business.
  spec.worker_labels = {{"zone", "a"}};
  CHECK(told(spec, {older}).empty());
  older.labels["zone"] = "a";
  CHECK_FALSE(told(spec, {older}).empty());
}

TEST_CASE("an app is described only where more is said than the old wire has") {
  load::ClientSpec spec = client_of("app");
  load::Limits limits;
  CHECK_FALSE(is_described(spec, limits));
  limits.request_timeout = std::chrono::seconds{1};
  CHECK(is_described(spec, limits));
  spec.request.timeout = std::chrono::seconds{5};
  CHECK(is_described(spec, {}));
}

TEST_CASE("each request of a replay is in one client's order, whatever end it has") {
  load::ClientSpec spec = client_of("replay");
  spec.arrival.kind = "prerecorded";
  spec.arrival.recorded_s.assign(10, 0.1);
  plan::Plan plan;
  const plan::Phase phase{"main", {spec}, {}, {}};
  for (const std::optional<std::uint64_t> end :
       {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(7),
        std::optional<std::uint64_t>(99)}) {
    spec.requests = end;
    for (const std::uint32_t of : {1u, 3u, 4u}) {
      std::uint64_t all = 0;
      for (std::uint32_t index = 0; index < of; ++index) {
        const auto order = order_of(spec, phase, "w:s:0", plan, 0, index, of, false);
        CHECK(order.own_times);
        CHECK(order.index == index);
        CHECK(order.of == of);
        all += *order.requests;
      }
      CHECK(all == std::min<std::uint64_t>(end.value_or(10), 10));
    }
  }
}
