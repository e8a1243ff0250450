// The verdict on the workers of a fleet: what each tells of its own share, over the wire and back.
// Planted disturbances with their reasons, clean runs, and workers that don't tell.
#include <doctest/doctest.h>

#include <functional>

#include "analysis/verdict.h"
#include "experiment/fleet_accounts.h"

using namespace galileo;
using namespace galileo::experiment;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr Duration kDue = std::chrono::seconds{10};

// A worker's part of the run, as it saw it: requests of 5 ms, sent and read in time.
struct Seen {
  Seen() {
    own.connections_max = 10'000;
    own.cores = 2;
    own.machine_cores = 4;
    own.busiest_loop_cpu = kDue / 20;
    own.ran = kDue / 20;
  }
  void add(std::uint64_t count, Duration sent_late = microseconds{40},
           Duration read_late = microseconds{15}, Duration wait = Duration{0}) {
    for (std::uint64_t i = 0; i < count; ++i)
      times.add(milliseconds{5} + sent_late + read_late + wait, sent_late, read_late, wait);
  }
  // As a controller has it in the end.
  WorkerAccount account() {
    wire::RunReport report;
    report.number = 1;
    report.intended = report.sent = report.answered = report.traces_made = times.latency.count();
    report.cpu_s = cpu_s;
    if (tells) {
      own.latency = times.latency;
      own.without_own = times.without_own;
      own.without_wait = times.without_wait;
      own.waited = times.waited;
      own.sent_late = times.sent_late;
      own.read_late = times.read_late;
      report.own = own;
    }
    const auto over_the_wire = wire::decode_run_report(encode(report));
    REQUIRE(over_the_wire.ok());
    WorkerAccount worker;
    worker.is_ours = true;
    take_report(worker, *over_the_wire);
    wire::Trace trace;
    trace.status = 200;
    for (std::uint64_t i = 0; i < report.traces_made; ++i) worker.received.count(trace);
    return worker;
  }

  load::OwnTimes times;
  wire::OwnReport own;
  double cpu_s = 0.5;
  bool tells = true;
};

struct Judged {
  analysis::Verdict verdict;
  std::string reasons;
  analysis::GeneratorUse use;
  std::string notes;
};

// What is judged of workers w1, w2, ...; `dispatched`: how late the traces say they went out.
Judged judged(std::vector<Seen> workers, Duration dispatched = microseconds{40}) {
  FleetAccounts accounts;
  for (std::size_t i = 0; i < workers.size(); ++i)
    accounts["w" + std::to_string(i + 1)] = workers[i].account();
  analysis::Summary summary(Wall{std::chrono::seconds{1000}});
  for (int i = 0; i < 100; ++i) {
    wire::NamedTrace trace;
    trace.created = trace.intended = summary.start() + milliseconds{100} * i;
    trace.dispatched = trace.sent = trace.created + dispatched;
    trace.done = trace.sent + milliseconds{5};
    trace.status = 200;
    summary.add(trace);
  }
  Judged judged;
  judged.use = use_of(accounts, kDue);
  analysis::Evidence evidence;
  evidence.ledger = summary.ledger();
  evidence.busiest_loop_share = judged.use.busiest_loop_share;
  evidence.doubts = doubts_of(accounts);
  evidence.generator = judged.use.state;
  evidence.some_dont_tell = !judged.use.silent.empty();
  evidence.ledger.traces_stored = evidence.ledger.traces_made;
  judged.verdict = judge(summary, evidence);
  for (const std::string& reason : judged.verdict.reasons) judged.reasons += reason + "\n";
  for (const std::string& note : notes_of(accounts)) judged.notes += note + "\n";
  return judged;
}

Seen seen(const std::function<void(Seen&)>& plant) {
  Seen one;
  plant(one);
  return one;
}

const Seen& gentle() {
  static const Seen one = seen([](Seen& worker) { worker.add(5000); });
  return one;
}

}  // namespace

TEST_CASE("a disturbed worker beside one in order: the run isn't valid, and says who and why") {
  struct Row {
    const char* name;
    analysis::VerdictValue verdict;
    std::vector<const char*> reasons;
    std::function<void(Seen&)> plant;
  };
  const std::vector<Row> rows{
      {"stopped for 200 ms, which no percentile shows",
       analysis::VerdictValue::kSuspect,
       {"worker w2 was kept from its work: it stood still for 200ms"},
       [](Seen& worker) {
         worker.add(5000);
         worker.own.stood_still = milliseconds{200};
       }},
      {"stopped for 200 ms, in which requests were due",
       analysis::VerdictValue::kSuspect,
       {"the workers were late, mostly in sending", "p99.9", "worker w2: it stood still for 200ms"},
       [](Seen& worker) {
         worker.add(4950);
         worker.add(50, milliseconds{150});
         worker.own.stood_still = milliseconds{200};
       }},
      {"answers read 50 ms late",
       analysis::VerdictValue::kInvalid,
       {"the workers were late, mostly in reading answers", "p99 ", "why wasn't seen"},
       [](Seen& worker) { worker.add(5000, microseconds{40}, milliseconds{50}); }},
      {"starved of its core",
       analysis::VerdictValue::kSuspect,
       {"worker w2: a loop waited 2.00s for a core (20 % of the run)"},
       [](Seen& worker) {
         worker.add(5000);
         worker.own.waited_for_core = kDue / 5;
       }},
      {"a CPU quota",
       analysis::VerdictValue::kSuspect,
       {"worker w2 was kept from its work: its CPU quota held it back for 1.00s, in 20 periods"},
       [](Seen& worker) {
         worker.add(5000);
         worker.own.throttled = kDue / 10;
         worker.own.throttled_periods = 20;
       }},
      {"a hypervisor",
       analysis::VerdictValue::kSuspect,
       {"worker w2 was kept from its work: a hypervisor gave 10 %"},
       [](Seen& worker) {
         worker.add(5000);
         worker.own.steal_share = 0.1;
       }},
      {"saturated",
       analysis::VerdictValue::kSuspect,
       {"worker w2's CPU was saturated: its busiest loop ran 99 % of the time"},
       [](Seen& worker) {
         worker.add(5000);
         worker.own.busiest_loop_cpu = kDue * 99 / 100;
       }},
      {"on the target's machine",
       analysis::VerdictValue::kSuspect,
       {"worker w2 took 20 % of the CPU of the machine that the target shares"},
       [](Seen& worker) {
         worker.add(5000);
         worker.own.shares_machine = true;
         worker.cpu_s = 8;
       }},
      {"out of connections",
       analysis::VerdictValue::kInvalid,
       {"5,000 requests waited for one of the 5 connections that each worker may open"},
       [](Seen& worker) {
         worker.add(5000, microseconds{40}, microseconds{15}, milliseconds{30});
         worker.own.connections_max = 5;
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Seen other = gentle();
    if (std::string_view(row.name) == "out of connections") other.own.connections_max = 5;
    const Judged found = judged({other, seen(row.plant)});
    CAPTURE(found.reasons);
    CHECK(found.verdict.value == row.verdict);
    for (const char* reason : row.reasons) CHECK(found.reasons.find(reason) != std::string::npos);
    CHECK(found.reasons.find("worker w1") == std::string::npos);
    CHECK(found.notes.empty());
  }
}

TEST_CASE("workers in order are valid, and what they saw is kept, of all and of each") {
  const Judged found = judged({gentle(), gentle(), gentle()});
  CAPTURE(found.reasons);
  CHECK(found.verdict.value == analysis::VerdictValue::kValid);
  REQUIRE(found.use.state);
  CHECK(found.use.state->workers.size() == 3);
  CHECK(found.use.state->workers[1].worker == "w2");
  CHECK(found.use.state->cores == 6);
  CHECK(found.use.busiest_loop_share == doctest::Approx(0.05));
  REQUIRE(found.use.state->shares.size() == 5);
  CHECK(to_seconds(found.use.state->shares[3].latency) == doctest::Approx(0.005055).epsilon(0.01));
}

TEST_CASE(
    "a worker that doesn't tell its share is judged by what went out late, and that is said") {
  Seen silent = gentle();
  silent.tells = false;
  const std::string said =
      "worker w2 doesn't tell its own share: whether it read answers late, or was kept from its "
      "work, the verdict doesn't know";
  SUBCASE("in time, as far as anybody knows") {
    const Judged found = judged({gentle(), silent});
    CHECK(found.verdict.value == analysis::VerdictValue::kValid);
    CHECK(found.notes.find(said) != std::string::npos);
    CHECK(found.use.silent == std::vector<std::string>{"w2"});
  }
  SUBCASE("late in sending") {
    const Judged found = judged({gentle(), silent}, milliseconds{20});
    CHECK(found.verdict.value == analysis::VerdictValue::kInvalid);
    CHECK(found.reasons.find("requests went out late") != std::string::npos);
  }
  SUBCASE("nobody tells") {
    const Judged found = judged({silent, silent}, milliseconds{20});
    CHECK_FALSE(found.use.state);
    CHECK(found.reasons.find("requests went out late") != std::string::npos);
    CHECK(found.notes.find(said) != std::string::npos);
  }
  SUBCASE("one that got nothing to do has nothing to tell") {
    Seen idle;
    idle.tells = false;
    CHECK(judged({gentle(), idle}).notes.empty());
  }
}

TEST_CASE("an answer that is waited for at the end makes no loop idler") {
  analysis::GeneratorState state;
  analysis::take_shares(state, {4, std::chrono::seconds{10}, 4}, std::chrono::seconds{10});
  CHECK(state.busiest_loop_share == doctest::Approx(1));
  CHECK(state.machine_share == doctest::Approx(0.1));
  // What is left to do after the last request was due isn't more than all of the time.
  analysis::take_shares(state, {4, std::chrono::seconds{11}, 4}, std::chrono::seconds{10});
  CHECK(state.busiest_loop_share == doctest::Approx(1));
}
