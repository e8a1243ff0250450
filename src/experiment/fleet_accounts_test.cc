// Whatever has become of a worker, the ledger of the whole run balances, and what they can't know
// stands in them as lost.
#include "experiment/fleet_accounts.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::experiment;

namespace {

load::Ledger answered(std::uint64_t requests) {
  load::Ledger ledger;
  wire::Trace trace;
  trace.status = 200;
  for (std::uint64_t i = 0; i < requests; ++i) ledger.count(trace);
  return ledger;
}

// One that has made `made` traces of `intended` requests, of which `arrived` have come.
WorkerAccount ours(std::uint64_t intended, std::uint64_t made, std::uint64_t arrived) {
  WorkerAccount worker;
  worker.is_ours = true;
  worker.report.intended = intended;
  worker.report.sent = worker.report.answered = worker.report.traces_made = made;
  worker.report.in_flight = intended - made;
  worker.received = answered(arrived);
  return worker;
}

// As a run ends them: what has arrived is stored.
load::Ledger ended(const FleetAccounts& accounts) {
  load::Ledger ledger = ledger_of(accounts);
  ledger.traces_stored = ledger.traces_made - ledger.traces_lost;
  return ledger;
}

}  // namespace

TEST_CASE("what would be lost with a run is known by reports or by traces, whichever say more") {
  CHECK(begun_of({}) == load::Begun{});
  CHECK(begun_of({{"w1", ours(0, 0, 30)}}) == load::Begun{30, 30});  // before its first report
  CHECK(begun_of({{"w1", ours(50, 40, 30)}, {"w2", ours(7, 7, 9)}}) == load::Begun{59, 59});
}

TEST_CASE("workers that have said everything") {
  const load::Ledger ledger = ended({{"w1", ours(600, 600, 600)}, {"w2", ours(40, 40, 40)}});
  CHECK(ledger.imbalance() == "");
  CHECK(ledger.intended == 640);
  CHECK(ledger.answered == 640);
  CHECK(ledger.traces_lost == 0);
}

TEST_CASE("a trace that a worker has made and that didn't arrive is lost") {
  const load::Ledger ledger = ended({{"w1", ours(600, 600, 590)}});
  CHECK(ledger.imbalance() == "");
  CHECK(ledger.answered == 600);
  CHECK(ledger.traces_lost == 10);
}

TEST_CASE("a worker that can't be asked any more, with requests in flight when it last could") {
  const load::Ledger ledger = ended({{"w1", ours(600, 580, 580)}});
  CHECK(ledger.imbalance() == "");
  CHECK(ledger.in_flight_at_end == 20);
  CHECK(ledger.traces_lost == 20);
}

TEST_CASE("a worker that has died") {
  WorkerAccount dead = ours(150, 140, 132);
  dead.is_dead = true;

  SUBCASE("before all its traces had arrived") {
    const FleetAccounts accounts{{"w1", ours(600, 600, 600)}, {"w2", dead}};
    const load::Ledger ledger = ended(accounts);
    CHECK(ledger.imbalance() == "");
    CHECK(ledger.intended == 750);
    CHECK(ledger.answered == 732);
    CHECK(ledger.in_flight_at_end == 18);
    CHECK(ledger.traces_lost == 18);
    CHECK(doubts_of(accounts) ==
          std::vector<std::string>{
              "worker w2 died: 132 of its traces arrived, of 18 requests nobody knows"});
  }
  SUBCASE("after more had arrived than it had said") {
    dead.received = answered(160);
    const load::Ledger ledger = ended({{"w2", dead}});
    CHECK(ledger.imbalance() == "");
    CHECK(ledger.intended == 160);
    CHECK(ledger.traces_lost == 0);
  }
}

TEST_CASE("of a worker of the old system its clients say how many requests there were") {
  WorkerAccount old;
  old.requests_told = 100;
  old.received = answered(97);
  const load::Ledger ledger = ended({{"old", old}});
  CHECK(ledger.imbalance() == "");
  CHECK(ledger.intended == 100);
  CHECK(ledger.answered == 97);
  CHECK(ledger.in_flight_at_end == 3);
  CHECK(ledger.traces_lost == 3);
}

TEST_CASE("what is offered is what became due, however long the answers take") {
  using std::chrono::seconds;
  WorkerAccount worker;
  wire::RunReport report;
  report.number = 1;
  report.at = Wall{seconds{100}};
  report.intended = 50;
  report.offered_last = 50;
  take_report(worker, report);
  CHECK(live_of({{"w1", worker}}).offered_rps == 50);
  report.number = 3;
  report.at += seconds{2};
  report.intended = 250;
  report.offered_last = 0;  // no request is over yet
  take_report(worker, report);
  CHECK(live_of({{"w1", worker}, {"w2", worker}}).offered_rps == 200);
  wire::RunReport late = report;
  late.number = 2;
  late.intended = 1;
  take_report(worker, late);
  CHECK(worker.report.intended == 250);
}
