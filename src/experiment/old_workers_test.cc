// What the old system's workers are told and say in a run, and their traces among those of ours.
#include "experiment/old_workers.h"

#include <doctest/doctest.h>

#include "bus/in_process.h"

using namespace galileo;
using namespace galileo::experiment;

namespace {

OldOrder order(const std::string& client, std::optional<Duration> duration = {}) {
  OldOrder order;
  order.command.client_id = client;
  order.duration = duration;
  return order;
}

std::string done(const std::string& client) {
  wire::WorkloadDoneEvent event;
  event.client_id = client;
  return encode(event);
}

}  // namespace

TEST_CASE("a phase is done when its clients have said so, whatever others say") {
  const auto bus = bus::make_in_process();
  net::Loop control;
  int told = 0;
  OldWorkers workers(*bus, control, [&] { ++told; }, [](const Error&) {});
  CHECK(workers.done());
  workers.order({order("old:app:1"), order("old:app:2")});
  const auto says = [&](const std::string& message) {
    workers.take_done(message);
    control.run_pending();
  };
  says(done("ours:app:1"));
  says("no JSON");
  CHECK((told == 0 && !workers.done()));
  says(done("old:app:2"));
  says(done("old:app:2"));
  CHECK((told == 1 && !workers.done()));
  says(done("old:app:1"));
  CHECK((told == 2 && workers.done()));
  workers.order({order("old:app:3")});  // the next phase
  says(done("old:app:1"));
  CHECK_FALSE(workers.done());
  workers.wait_no_more();
  CHECK(workers.done());
}

TEST_CASE("old workers' clients are stopped, with a duration or without, and not waited for") {
  const auto bus = bus::make_in_process();
  net::Loop control;
  int told = 0;
  OldWorkers workers(*bus, control, [&] { ++told; }, [](const Error&) {});
  workers.order({order("old:app:1", std::chrono::seconds{5}), order("old:app:2")});
  workers.begin_at(control.clock().now() + std::chrono::hours{1});
  workers.stop_sending();
  CHECK((told == 1 && workers.done()));
}

TEST_CASE("the end of a phase that was done early doesn't stop the next one's clients") {
  const auto bus = bus::make_in_process();
  net::Loop control;
  OldWorkers workers(*bus, control, [] {}, [](const Error&) {});
  workers.order({order("old:app:1", std::chrono::hours{1})});
  workers.begin_at(control.clock().now());
  control.timers().run_due(control.clock().now());
  REQUIRE(control.timers().size() == 1);
  workers.order({order("old:app:2", std::chrono::hours{2})});
  CHECK(control.timers().size() == 0);
}

TEST_CASE("an old worker's trace gets what it can't say, and keeps what the run says") {
  constexpr OldPhase kPhase{1, 2, Wall{std::chrono::seconds{100}}};
  load::Limits limits;
  wire::Trace trace;
  trace.status = 200;
  trace.created = Wall{std::chrono::seconds{100}};
  trace.failure = wire::Failure::status;  // of an answer it is judged anew
  trace.headers = "{}";
  trace.response = "text";
  trace.empty_response = true;

  wire::Trace ours = as_of_ours(trace, kPhase, limits);
  CHECK(ours.phase == 1);
  CHECK(ours.failure == wire::Failure::none);
  CHECK((ours.headers.empty() && ours.response.empty() && !ours.empty_response));

  trace.created -= Duration{1};
  CHECK(as_of_ours(trace, kPhase, limits).phase == 2);

  limits.keep_headers = true;
  limits.keep_response = 2;
  ours = as_of_ours(trace, kPhase, limits);
  CHECK((ours.headers == "{}" && ours.response == "te" && ours.empty_response));

  for (const auto& [fails, status, failure] :
       {std::tuple{"400-599", 404, wire::Failure::status}, {"500", 404, wire::Failure::none}}) {
    limits.fail_on = *wire::StatusSet::parse(fails);
    trace.status = status;
    CHECK(as_of_ours(trace, kPhase, limits).failure == failure);
  }
  trace.status = -1;  // without an answer what it says holds
  trace.failure = wire::Failure::timeout;
  CHECK(as_of_ours(trace, kPhase, limits).failure == wire::Failure::timeout);
}
