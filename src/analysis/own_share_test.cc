// The verdict on the generator itself: planted disturbances, each with its right reason, and clean
// runs, of which none may be doubted.
#include "analysis/own_share.h"

#include <doctest/doctest.h>

#include <functional>

#include "analysis/summary.h"
#include "analysis/verdict.h"
#include "base/random.h"

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr Duration kRun = std::chrono::seconds{30};

// A run as the generator saw it: requests of 1 ms and a little, sent 40 us after they were due and
// read 15 us after their answers had come, on two cores that are mostly idle.
struct Seen {
  Seen() {
    state.lasted = kRun;
    state.cores = 2;
    state.connections_max = 10'000;
    state.busiest_loop_share = 0.05;
    state.ran = kRun / 20;
    state.waited_for_core = kRun / 500;
    state.machine_share = 0.03;
  }
  // `count` requests that the target answers after `latency`, and a little.
  void add(int count, Duration latency, Duration sent_late = microseconds{40},
           Duration read_late = microseconds{15}, Duration wait = Duration{0}) {
    for (int i = 0; i < count; ++i) {
      const Duration target = seconds(to_seconds(latency) * random.uniform(1, 1.3));
      times.add(target + sent_late + read_late + wait, sent_late, read_late, wait);
    }
  }
  // Requests that were caught by a gap of that length, evenly: in sending or in reading.
  void add_caught(int count, Duration latency, Duration gap, bool reading) {
    for (int i = 0; i < count; ++i) {
      const Duration late = gap * (i + 1) / count;
      add(1, latency, reading ? microseconds{40} : late, reading ? late : microseconds{15});
    }
  }
  Verdict judged() {
    state.shares = own_shares(times);
    state.sent_late = times.sent_late;
    state.read_late = times.read_late;
    state.waited = times.waited;
    Summary summary(Wall{std::chrono::seconds{1000}});
    wire::NamedTrace trace;
    trace.created = trace.intended = trace.dispatched = trace.sent = summary.start();
    trace.done = trace.created + milliseconds{1};
    trace.status = 200;
    summary.add(trace);
    Evidence evidence;
    evidence.ledger = summary.ledger();
    evidence.ledger.traces_stored = evidence.ledger.traces_made;
    evidence.generator = state;
    return judge(summary, evidence);
  }

  Random random{7};
  load::OwnTimes times;
  GeneratorState state;
};

struct Case {
  const char* what;
  VerdictValue verdict;
  std::vector<const char*> reasons;  // parts of them, each to be found
  std::function<void(Seen&)> plant;
};

std::string all_reasons(const Verdict& verdict) {
  std::string text;
  for (const std::string& reason : verdict.reasons) text += reason + "\n";
  return text;
}

constexpr VerdictValue kSuspect = VerdictValue::kSuspect;
constexpr VerdictValue kInvalid = VerdictValue::kInvalid;

const std::vector<Case>& planted() {
  static const std::vector<Case> cases{
      {"stopped for 200 ms in 30 s of 500/s",
       kSuspect,
       {"p99.9", "stood still for 200ms"},
       [](Seen& seen) {
         seen.add(14'900, milliseconds{1});
         seen.add_caught(100, milliseconds{1}, milliseconds{200}, false);
         seen.state.stood_still = milliseconds{200};
       }},
      {"stopped for 2 s of 30",
       kInvalid,
       {"p99 ", "stood still for 2.00s"},
       [](Seen& seen) {
         seen.add(14'000, milliseconds{1});
         seen.add_caught(1000, milliseconds{1}, std::chrono::seconds{2}, false);
         seen.state.stood_still = std::chrono::seconds{2};
       }},
      {"stopped between the few requests of a trickle",
       kSuspect,
       {"stood still for 200ms"},
       [](Seen& seen) {
         seen.add(60, milliseconds{1});
         seen.state.stood_still = milliseconds{200};
       }},
      {"answers read late: p50 251 ms for 80",
       kInvalid,
       {"mostly in reading answers", "68 % of p50", "why wasn't seen"},
       [](Seen& seen) { seen.add(5000, milliseconds{69}, microseconds{40}, milliseconds{171}); }},
      {"answers read late, by a quarter",
       kSuspect,
       {"mostly in reading answers"},
       [](Seen& seen) { seen.add(5000, milliseconds{6}, microseconds{40}, milliseconds{2}); }},
      {"a CPU quota of 10 % at 500/s: p99.9 46 ms for 7",
       kSuspect,
       {"p99.9", "its CPU quota held it back for 1.20s, in 30 periods"},
       [](Seen& seen) {
         seen.add(14'960, milliseconds{5});
         seen.add_caught(40, milliseconds{5}, milliseconds{60}, false);
         seen.state.throttled_periods = 30;
         seen.state.throttled = milliseconds{1200};
         seen.state.stood_still = milliseconds{900};
       }},
      {"a CPU quota that holds half of all requests back",
       kInvalid,
       {"p50", "its CPU quota"},
       [](Seen& seen) {
         seen.add_caught(15'000, milliseconds{1}, milliseconds{80}, false);
         seen.state.throttled_periods = 290;
         seen.state.throttled = std::chrono::seconds{22};
       }},
      {"a CPU quota that catches nobody",
       kSuspect,
       {"kept from its work: its CPU quota"},
       [](Seen& seen) {
         seen.add(200, milliseconds{1});
         seen.state.throttled_periods = 20;
         seen.state.throttled = milliseconds{500};
       }},
      {"a hypervisor that takes a third",
       kSuspect,
       {"p99", "a hypervisor gave 33 %"},
       [](Seen& seen) {
         seen.add(14'000, milliseconds{10});
         seen.add_caught(1000, milliseconds{10}, milliseconds{9}, false);
         seen.state.steal_share = 0.33;
       }},
      {"a hypervisor that takes a little",
       kSuspect,
       {"a hypervisor gave 4 %"},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{10});
         seen.state.steal_share = 0.04;
       }},
      {"one core for the generator and its target",
       kSuspect,
       {"waited 3.00s for a core", "one core, which the target or others use too"},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{1}, microseconds{200}, microseconds{100});
         seen.state.cores = 1;
         seen.state.shares_machine = true;
         seen.state.waited_for_core = std::chrono::seconds{3};
         seen.state.ran = std::chrono::seconds{4};
       }},
      {"one core for the generator and its target, in the percentiles too",
       kInvalid,
       {"p90", "one core, which the target or others use too"},
       [](Seen& seen) {
         seen.add(12'000, milliseconds{1});
         seen.add(3000, milliseconds{1}, milliseconds{3}, milliseconds{3});
         seen.state.cores = 1;
         seen.state.shares_machine = true;
         seen.state.waited_for_core = std::chrono::seconds{10};
         seen.state.ran = std::chrono::seconds{4};
       }},
      {"a machine that others keep busy",
       kSuspect,
       {"p99", "others use its cores too"},
       [](Seen& seen) {
         seen.add(14'700, milliseconds{10});
         seen.add(300, milliseconds{10}, milliseconds{4}, milliseconds{1});
         seen.state.waited_for_core = std::chrono::seconds{6};
       }},
      {"a closed loop that is starved",
       kInvalid,
       {"reading answers that were there", "for a core"},
       [](Seen& seen) {
         seen.add(8000, milliseconds{1}, Duration{0}, milliseconds{4});
         seen.state.waited_for_core = std::chrono::seconds{20};
       }},
      {"a closed loop at full speed",
       kSuspect,
       {"saturated: its busiest loop ran 99 %"},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{1}, Duration{0}, microseconds{100});
         seen.state.busiest_loop_share = 0.99;
         seen.state.ran = kRun;
       }},
      {"more requests than the generator's loops can send",
       kInvalid,
       {"mostly in sending", "its busiest loop ran 100 %", "saturated"},
       [](Seen& seen) {
         seen.add_caught(15'000, milliseconds{1}, std::chrono::seconds{5}, false);
         seen.state.busiest_loop_share = 1;
         seen.state.ran = kRun;
       }},
      {"-c 1 and a slow target",
       kInvalid,
       {"requests waited for one of the 1 connections that may be open (-c"},
       [](Seen& seen) {
         seen.state.connections_max = 1;
         for (int i = 0; i < 1000; ++i)
           seen.add(1, milliseconds{10}, microseconds{40}, microseconds{15}, milliseconds{5} * i);
       }},
      {"a cap that a few requests meet",
       kSuspect,
       {"30 requests waited for one of the 50"},
       [](Seen& seen) {
         seen.state.connections_max = 50;
         seen.add(14'970, milliseconds{2});
         seen.add(30, milliseconds{2}, microseconds{40}, microseconds{15}, milliseconds{6});
       }},
      {"a cap, and a stop",
       kInvalid,
       {"stood still for 1.00s", "waited for one of the 5 connections"},
       [](Seen& seen) {
         seen.state.connections_max = 5;
         seen.state.stood_still = std::chrono::seconds{1};
         seen.add_caught(500, milliseconds{2}, std::chrono::seconds{1}, false);
         seen.add(4500, milliseconds{2}, microseconds{40}, microseconds{15}, milliseconds{3});
       }},
      {"a generator that takes a third of the machine",
       kSuspect,
       {"took 33 % of the CPU of the machine that the target shares"},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{1});
         seen.state.machine_share = 0.33;
         seen.state.shares_machine = true;
       }},
      {"three requests, all of them late",
       kInvalid,
       {"of p50"},
       [](Seen& seen) { seen.add(3, milliseconds{1}, milliseconds{30}); }},
      {"late by an unseen cause, at the far end",
       kSuspect,
       {"p99.9", "why wasn't seen"},
       [](Seen& seen) {
         seen.add(14'900, milliseconds{1});
         seen.add_caught(100, milliseconds{1}, milliseconds{30}, false);
       }},
  };
  return cases;
}

const std::vector<Case>& clean() {
  static const std::vector<Case> cases{
      {"an open loop",
       VerdictValue::kValid,
       {},
       [](Seen& seen) { seen.add(15'000, milliseconds{1}); }},
      {"a closed loop",
       VerdictValue::kValid,
       {},
       [](Seen& seen) { seen.add(15'000, milliseconds{1}, Duration{0}); }},
      {"a fast target, beside which 55 us are much",
       VerdictValue::kValid,
       {},
       [](Seen& seen) { seen.add(15'000, microseconds{100}); }},
      {"a slow target that is slow by itself",
       VerdictValue::kValid,
       {},
       [](Seen& seen) { seen.add(1000, std::chrono::seconds{2}); }},
      {"late by 300 us, which a busy machine adds to all that waits",
       VerdictValue::kValid,
       {},
       [](Seen& seen) { seen.add(15'000, milliseconds{1}, microseconds{200}, microseconds{100}); }},
      {"late by 5 ms where requests take 200",
       VerdictValue::kValid,
       {},
       [](Seen& seen) { seen.add(15'000, milliseconds{200}, milliseconds{4}, milliseconds{1}); }},
      {"a few hiccups in fifteen thousand",
       VerdictValue::kValid,
       {},
       [](Seen& seen) {
         seen.add(14'993, milliseconds{1});
         seen.add(7, milliseconds{1}, milliseconds{20});
       }},
      {"a target on this machine, of which the generator takes little",
       VerdictValue::kValid,
       {},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{1});
         seen.state.shares_machine = true;
       }},
      {"half of this machine, with the target elsewhere",
       VerdictValue::kValid,
       {},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{1});
         seen.state.machine_share = 0.5;
       }},
      {"a run that is over at once",
       VerdictValue::kValid,
       {},
       [](Seen& seen) {
         seen.add(20, milliseconds{1});
         seen.state.lasted = milliseconds{100};
         seen.state.ran = milliseconds{30};
         seen.state.waited_for_core = microseconds{500};
         seen.state.machine_share = 0.4;
         seen.state.shares_machine = true;
       }},
      {"a cap that is never met",
       VerdictValue::kValid,
       {},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{1});
         seen.state.connections_max = 1;
       }},
      {"one core that the generator has for itself",
       VerdictValue::kValid,
       {},
       [](Seen& seen) {
         seen.add(15'000, milliseconds{1});
         seen.state.cores = 1;
       }},
  };
  return cases;
}

}  // namespace

TEST_CASE("each planted disturbance gets its verdict and its reason") {
  for (const Case& one : planted()) {
    CAPTURE(one.what);
    Seen seen;
    one.plant(seen);
    const Verdict verdict = seen.judged();
    const std::string reasons = all_reasons(verdict);
    CAPTURE(reasons);
    CHECK(verdict.value == one.verdict);
    for (const char* part : one.reasons)
      CHECK_MESSAGE(reasons.find(part) != std::string::npos, part);
  }
}

TEST_CASE("a clean run is valid") {
  for (const Case& one : clean()) {
    CAPTURE(one.what);
    Seen seen;
    one.plant(seen);
    const Verdict verdict = seen.judged();
    CHECK(verdict.value == VerdictValue::kValid);
    CHECK(all_reasons(verdict).empty());
  }
}

TEST_CASE("waiting for a connection is blamed on the cap, never on lateness") {
  Seen seen;
  seen.state.connections_max = 1;
  for (int i = 0; i < 1000; ++i)
    seen.add(1, milliseconds{10}, microseconds{40}, microseconds{15}, milliseconds{5} * i);
  CHECK(all_reasons(seen.judged()).find("late") == std::string::npos);
}

TEST_CASE("percentiles that too few requests lie past aren't judged") {
  load::OwnTimes times;
  for (int i = 0; i < 1000; ++i)
    times.add(milliseconds{2}, milliseconds{1}, Duration{0}, Duration{0});
  std::vector<double> judged;
  for (const OwnShare& one : own_shares(times)) judged.push_back(one.share);
  CHECK(judged == std::vector<double>{0.5, 0.9, 0.95, 0.99});
  CHECK(own_shares(load::OwnTimes()).empty());
}
