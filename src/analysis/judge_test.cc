// Summary, thresholds and verdict together: traces in, figures and judgements out.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/measured_fixture.h"
#include "analysis/thresholds.h"
#include "analysis/verdict.h"
#include "base/random.h"

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using wire::Failure;

namespace {

constexpr Wall kStart = kMeasuredStart;

struct Run : Measurements {
  using Measurements::Measurements;
  std::optional<double> value(const char* expression) { return of(expression).value; }
  Evidence evidence() {
    Evidence made;
    made.ledger = summary.ledger();
    made.ledger.traces_stored = made.ledger.traces_made;
    return made;
  }
};

}  // namespace

TEST_CASE("the summary's figures are those of the sorted traces") {
  Random random(11);
  Run run;
  std::vector<double> latencies;
  for (int i = 1; i <= 10'000; ++i) {
    const double latency_s = random.lognormvariate(-6, 0.7);
    latencies.push_back(latency_s);
    run.add(milliseconds{i}, seconds(latency_s));
  }
  std::sort(latencies.begin(), latencies.end());
  for (const double share : {0.5, 0.9, 0.99, 0.999}) {
    const double exact = latencies[static_cast<std::size_t>(std::ceil(share * 10'000)) - 1];
    CHECK(to_seconds(run.summary.latency().percentile(share)) ==
          doctest::Approx(exact).epsilon(0.01));
  }
  CHECK(run.summary.offered_rps() == doctest::Approx(1000));
  CHECK(run.summary.ledger().answered == 10'000);
}

TEST_CASE("rates are of the time in which requests were due, whenever the answers came") {
  struct Case {
    const char* name;
    int requests;
    Duration between;
    Duration latency;
    Duration last_takes;
    double rps;  // 0: not known
  };
  using std::chrono::seconds;
  for (const Case& one :
       {Case{"--rate 2 -d 2s", 4, milliseconds{500}, milliseconds{1}, milliseconds{1}, 2},
        Case{"one answer after 15 s", 500, milliseconds{10}, milliseconds{1}, seconds{15}, 100},
        Case{"a slow server", 500, milliseconds{10}, seconds{3}, seconds{3}, 100},
        Case{"one request", 1, milliseconds{10}, milliseconds{1}, milliseconds{1}, 0},
        Case{"all at one moment", 9, milliseconds{0}, milliseconds{1}, milliseconds{1}, 0},
        Case{"none", 0, milliseconds{0}, milliseconds{1}, milliseconds{1}, 0}}) {
    CAPTURE(one.name);
    Run run;
    for (int i = 1; i <= one.requests; ++i)
      run.add(one.between * i, i == one.requests ? one.last_takes : one.latency);
    const Rates rates = run.summary.rates();
    CHECK(rates.offered_rps == doctest::Approx(one.rps));
    CHECK(rates.sent_rps == rates.offered_rps);
    CHECK(rates.achieved_rps == rates.offered_rps);
    CHECK((rates.span_s > 0) == (one.rps > 0));
    if (one.requests == 0) continue;
    CHECK(rates_of(run.summary.phases().front()).offered_rps == rates.offered_rps);
    CHECK(run.summary.tail() == one.last_takes);
  }
}

TEST_CASE("what failed and what wasn't sent is in no rate that it isn't part of") {
  Run run;
  for (int i = 0; i < 100; ++i) {
    run.add(milliseconds{10} * i, milliseconds{1},
            i < 50   ? Failure::none
            : i < 75 ? Failure::status
                     : Failure::no_connection);
  }
  const Rates rates = run.summary.rates();
  CHECK(rates.offered_rps == doctest::Approx(100));
  CHECK(rates.sent_rps == doctest::Approx(75));
  CHECK(rates.achieved_rps == doctest::Approx(50));
  CHECK(rates.failed_rps == doctest::Approx(25));
}

TEST_CASE("what lies between two phases, and the warm-up, is in no span") {
  Run run;
  for (int i = 0; i < 50; ++i)
    run.add(milliseconds{1} * i, milliseconds{1}, Failure::none, Duration{0}, "warmup");
  CHECK(run.summary.rates().span_s == 0);  // only the warm-up
  CHECK(run.summary.first_due() == kNoWall);
  for (int i = 1; i <= 100; ++i)
    run.add(milliseconds{100 + 10 * i}, milliseconds{1}, Failure::none, Duration{0}, "one");
  for (int i = 1; i <= 300; ++i)
    run.add(milliseconds{60'000 + 10 * i}, milliseconds{1}, Failure::none, Duration{0}, "two");
  CHECK(run.summary.rates().span_s == doctest::Approx(4));
  // The generator was at work in the warm-up too, and not until the last answer.
  run.add(milliseconds{63'000}, std::chrono::seconds{15}, Failure::none, Duration{0}, "two");
  CHECK(to_seconds(run.summary.due_span()) == doctest::Approx(4.05).epsilon(0.01));
  CHECK(run.summary.rates().offered_rps == doctest::Approx(100).epsilon(0.01));
  CHECK(run.summary.first_due() == kStart + milliseconds{110});
}

TEST_CASE("a closed loop's lanes are in use until their last answers, a straggler's no longer") {
  const auto achieved = [](int lanes, int rounds, Duration takes, Duration straggler) {
    Run run;
    for (int i = 0; i < lanes * rounds; ++i) {
      wire::Trace trace;
      trace.closed_loop = true;
      trace.created = trace.dispatched = trace.sent = kStart + takes * (i / lanes);
      trace.done = trace.created + (i + 1 == lanes * rounds ? straggler : takes);
      trace.status = 200;
      run.summary.add(trace, {run.summary.service_place("s"), run.summary.server_place("h:80"),
                              run.summary.phase_place("main")});
    }
    return run.summary.rates().achieved_rps;
  };
  using std::chrono::seconds;
  CHECK(achieved(1, 1, seconds{1}, seconds{1}) == doctest::Approx(1));
  CHECK(achieved(50, 1, seconds{1}, seconds{1}) == doctest::Approx(50));
  CHECK(achieved(50, 2, seconds{1}, seconds{1}) == doctest::Approx(50));
  CHECK(achieved(50, 10, seconds{1}, seconds{1}) == doctest::Approx(50));
  CHECK(achieved(50, 10, seconds{1}, seconds{15}) == doctest::Approx(50).epsilon(0.01));
}

TEST_CASE("no answer was a good one: it isn't said that there were none") {
  const auto last_reason = [](int status, Failure failure) {
    Run run;
    for (int i = 0; i < 100; ++i) {
      wire::Trace trace;
      trace.created = trace.dispatched = trace.sent = kStart + milliseconds{i};
      trace.done = trace.created + milliseconds{1};
      trace.status = status;
      trace.failure = failure;
      run.summary.add(trace, {run.summary.service_place("s"), run.summary.server_place("h:80"),
                              run.summary.phase_place("main")});
    }
    const Verdict verdict = judge(run.summary, run.evidence());
    return verdict.reasons.empty() ? std::string() : verdict.reasons.back();
  };
  CHECK(last_reason(500, Failure::status) == "no answer was a good one: 100 with status 500");
  CHECK(last_reason(200, Failure::check) ==
        "no answer was a good one: 100 with status 200; 100 of them failed a check");
  Run silent;
  for (int i = 0; i < 100; ++i) silent.add(milliseconds{i}, milliseconds{1}, Failure::timeout);
  CHECK(judge(silent.summary, silent.evidence()).reasons.back() == "no request was answered");
}

TEST_CASE("warm-up is in the series and in the ledger, and in no statistic") {
  Run run;
  for (int i = 0; i < 10; ++i)
    run.add(milliseconds{i}, std::chrono::seconds{1}, Failure::none, Duration{0}, "warmup");
  for (int i = 10; i < 30; ++i) run.add(milliseconds{i}, milliseconds{1});
  CHECK(run.summary.warmup() == 10);
  CHECK(run.summary.latency().count() == 20);
  CHECK(run.summary.latency().max() == milliseconds{1});
  CHECK(run.summary.ledger().answered == 30);
  CHECK(run.summary.buckets()[0].offered == 30);
}

TEST_CASE("a run of any length has at most 600 buckets, and their sums are kept") {
  Run run(milliseconds{100});
  for (int i = 0; i < 50'000; ++i)
    run.add(milliseconds{20} * i, milliseconds{5}, i % 10 ? Failure::none : Failure::timeout);
  CHECK(run.summary.buckets().size() <= Summary::kBucketsMax);
  CHECK(run.summary.buckets().size() > Summary::kBucketsMax / 2 - 1);
  std::uint64_t offered = 0;
  std::uint64_t achieved = 0;
  std::uint64_t failed = 0;
  for (const Bucket& bucket : run.summary.buckets()) {
    offered += bucket.offered;
    achieved += bucket.achieved;
    failed += bucket.failed;
    CHECK(bucket.latency.count() == bucket.achieved);
  }
  CHECK(offered == 50'000);
  CHECK(achieved == 45'000);
  CHECK(failed == 5'000);
}

TEST_CASE("the same figures come out of a database's rows") {
  Run live;
  Run stored;
  for (int i = 0; i < 100; ++i) {
    const Failure failure = i % 7 ? Failure::none : Failure::reset;
    live.add(milliseconds{i}, microseconds{500 + i}, failure, microseconds{20});
    wire::NamedTrace row;
    row.service = "s";
    row.server = "h:80";
    row.phase = "main";
    row.status = failure == Failure::none ? 200 : -1;
    row.failure = wire::failure_name(failure);
    row.created = row.intended = kStart + milliseconds{i};
    row.dispatched = row.sent = row.created + microseconds{20};
    row.done = row.created + microseconds{500 + i};
    stored.summary.add(row);
  }
  for (const double share : {0.1, 0.5, 0.99}) {
    CHECK(live.summary.latency().percentile(share) == stored.summary.latency().percentile(share));
    CHECK(live.summary.dispatch_error().percentile(share) ==
          stored.summary.dispatch_error().percentile(share));
  }
  CHECK(live.summary.ledger().of(Failure::reset) == stored.summary.ledger().of(Failure::reset));
}

TEST_CASE("rows of the old system, which kept no reason, are failures all the same") {
  Run run;
  wire::NamedTrace row;
  row.created = row.done = kStart;
  row.status = -1;
  run.summary.add(row);
  row.sent = kStart;
  run.summary.add(row);
  row.status = 503;
  run.summary.add(row);
  CHECK(run.summary.ledger().of(Failure::no_route) == 1);
  CHECK(run.summary.ledger().of(Failure::closed) == 1);
  CHECK(run.summary.ledger().of(Failure::status) == 1);
}

TEST_CASE("servers beyond the bound are counted together") {
  Run run;
  for (int i = 0; i < 1000; ++i) {
    wire::NamedTrace row;
    row.server = "h" + std::to_string(i);
    row.created = row.sent = row.done = kStart;
    row.status = 200;
    run.summary.add(row);
  }
  CHECK(run.summary.servers().size() == Summary::kServersMax);
  CHECK(run.summary.servers().back().name == "(others)");
  CHECK(run.summary.servers().back().answered == 1000 - Summary::kServersMax + 1);
}

TEST_CASE("the live times are those of the last second") {
  Run run;
  for (int i = 0; i < 3000; ++i) run.add(milliseconds{i}, milliseconds{i < 1000 ? 100 : 1});
  const LiveFigures figures = run.summary.live(kStart + milliseconds{3000});
  CHECK(figures.p99 == milliseconds{1});
}

TEST_CASE("a run that kept its schedule is valid") {
  Run run;
  for (int i = 0; i < 100; ++i)
    run.add(milliseconds{i}, milliseconds{2}, Failure::none, microseconds{50});
  const Verdict verdict = judge(run.summary, run.evidence());
  CHECK(verdict.value == VerdictValue::kValid);
  CHECK(verdict.reasons.empty());
}

TEST_CASE("requests that went out late make a result doubtful, then worthless") {
  const auto judged = [](Duration late, Duration latency) {
    Run run;
    for (int i = 0; i < 100; ++i) run.add(milliseconds{i}, late + latency, Failure::none, late);
    return judge(run.summary, run.evidence()).value;
  };
  CHECK(judged(microseconds{400}, microseconds{100}) == VerdictValue::kValid);
  CHECK(judged(microseconds{900}, microseconds{100}) == VerdictValue::kSuspect);
  CHECK(judged(milliseconds{2}, milliseconds{10}) == VerdictValue::kSuspect);
  CHECK(judged(milliseconds{2}, milliseconds{1}) == VerdictValue::kInvalid);
  CHECK(judged(milliseconds{2}, milliseconds{100}) == VerdictValue::kValid);
}

TEST_CASE("each other ground for doubt is named") {
  const auto reason = [](Run& run, const Evidence& evidence, VerdictValue value) {
    const Verdict verdict = judge(run.summary, evidence);
    CHECK(verdict.value == value);
    REQUIRE_FALSE(verdict.reasons.empty());
    return verdict.reasons.front();
  };
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  Run nothing;
  CHECK(contains(reason(nothing, nothing.evidence(), VerdictValue::kInvalid),
                 "no request became due"));
  Run run;
  for (int i = 0; i < 100; ++i) run.add(milliseconds{i}, milliseconds{2});
  Evidence evidence = run.evidence();
  evidence.busiest_loop_share = 0.99;
  CHECK(contains(reason(run, evidence, VerdictValue::kSuspect), "saturated"));
  evidence = run.evidence();
  evidence.interrupted = true;
  CHECK(contains(reason(run, evidence, VerdictValue::kSuspect), "signal"));
  evidence = run.evidence();
  evidence.broken_off = "can't begin phase 'second'";
  CHECK(reason(run, evidence, VerdictValue::kInvalid) == "can't begin phase 'second'");
  CHECK(reason(nothing, evidence, VerdictValue::kInvalid) == "can't begin phase 'second'");
  evidence = run.evidence();
  evidence.ledger.traces_stored -= 5;
  evidence.ledger.traces_lost += 5;
  CHECK(contains(reason(run, evidence, VerdictValue::kSuspect), "5 traces were lost"));
  evidence = run.evidence();
  ++evidence.ledger.intended;
  CHECK(contains(reason(run, evidence, VerdictValue::kInvalid), "books don't balance"));
  for (int i = 0; i < 10; ++i) run.add(milliseconds{i}, milliseconds{2}, Failure::no_connection);
  CHECK(
      contains(reason(run, run.evidence(), VerdictValue::kInvalid), "connections were exhausted"));
}
