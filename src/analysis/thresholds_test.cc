// Limits: what they measure, how they are written, and what is said where nobody can tell.
#include "analysis/thresholds.h"

#include <doctest/doctest.h>

#include "analysis/measured_fixture.h"

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using wire::Failure;

namespace {

constexpr Wall kStart = kMeasuredStart;

struct Run : Measurements {
  void read(Duration at, const char* metric, double value, const char* subsystem = "") {
    telemetry.add({kStart + at, "n", metric, subsystem, value});
  }
  double value(const char* expression) { return of(expression).value.value_or(-1); }
};

}  // namespace

TEST_CASE("thresholds measure what their names say") {
  Run run;
  for (int i = 1; i <= 1000; ++i)
    run.add(milliseconds{i}, microseconds{100 * i}, Failure::none, microseconds{i});
  run.add(milliseconds{1001}, milliseconds{1}, Failure::timeout);
  run.add(milliseconds{1002}, milliseconds{1}, Failure::no_connection);
  run.read({}, "cpu", 40);
  run.read({}, "cpu", 60);
  run.read({}, "ram", 2048);
  run.read({}, "process_rss", 3e6, "app");
  run.read({}, "scrape", 7, "app/requests/code=200");
  run.read({}, "scrape", 5, "app/requests_b");
  CHECK(run.value("p95(latency) < 1s") == doctest::Approx(0.0953).epsilon(0.01));
  CHECK(run.value("max(latency[answered]) < 1s") == doctest::Approx(0.1));
  CHECK(run.value("p50(dispatch_error) < 1s") == doctest::Approx(500e-6).epsilon(0.02));
  CHECK(run.value("failed == 0") == 1);
  CHECK(run.value("not_sent == 0") == 1);
  CHECK(run.value("answered == 0") == 1000);
  CHECK(run.value("error_rate < 1%") == doctest::Approx(2.0 / 1002));
  CHECK(run.value("offered > 1") == doctest::Approx(1000));
  CHECK(run.holds("offered > 59k/m"));
  CHECK(run.value("max(cpu) < 90%") == doctest::Approx(0.6));
  CHECK(run.holds("mean(cpu) <= 50%"));
  CHECK_FALSE(run.holds("max(cpu) < 59%"));
  CHECK(run.holds("max(ram) == 2MiB"));
  CHECK(run.holds("max(process_rss/app) < 3MiB"));
  CHECK_FALSE(run.holds("max(process_rss/app) < 2MB"));
  CHECK(run.value("max(scrape/app/requests) < 1") == 7);
  CHECK(run.value("max(scrape/app/requests/code=200) < 1") == 7);
  CHECK(run.value("p50(latency{service=s}[answered]) < 1s") == doctest::Approx(0.05).epsilon(0.02));
  CHECK(run.value("p50(latency[answered]{service=s}) < 1s") == doctest::Approx(0.05).epsilon(0.02));
  CHECK_FALSE(run.of("p50(latency{service=other}) < 1s").value.has_value());
}

TEST_CASE("a threshold on the machine's CPU sees niced programs") {
  Run run;
  run.telemetry.add({kStart, "n", "cpu", "", 5});
  run.telemetry.add({kStart, "n", "cpu_busy", "", 97});
  run.telemetry.add({kStart, "old", "cpu", "", 30});
  CHECK(run.value("max(cpu) < 90%") == doctest::Approx(0.97));
  CHECK(run.value("min(cpu) < 90%") == doctest::Approx(0.3));
  CHECK(run.value("max(cpu_busy) < 90%") == doctest::Approx(0.97));
}

TEST_CASE("half of all time out at 500 ms: `p99 < 600ms` doesn't hold but for the answered") {
  Run run;
  for (int i = 0; i < 2000; ++i)
    run.add(milliseconds{i}, milliseconds{i % 2 ? 400 : 500},
            i % 2 ? Failure::none : Failure::timeout);
  for (const char* expression : {"p99(latency) < 600ms", "max(latency) < 10s", "mean(latency) < 1m",
                                 "p99(service_time) < 600ms", "p99(latency{service=s}) < 600ms"}) {
    CAPTURE(expression);
    const ThresholdResult result = run.of(expression);
    CHECK_FALSE(result.passed);
    CHECK(result.at_least);
    CHECK(result.undecided.empty());
  }
  CHECK(measured_text(run.of("p99(latency) < 600ms")) == "≥500ms");
  CHECK(run.holds("p99(latency) > 600ms"));
  CHECK(run.holds("p40(latency) < 600ms"));
  CHECK(run.holds("p99(latency[answered]) < 600ms"));
  CHECK(run.holds("p99(latency[failed]) < 600ms"));
}

TEST_CASE("what too few requests can't tell isn't decidable, and doesn't hold") {
  struct Case {
    const char* name;
    int answered;
    int failed;
    int warmup;
    std::vector<const char*> undecidable;
    std::vector<const char*> holding;
  };
  const std::vector<Case> cases{
      {"none",
       0,
       0,
       0,
       {"p50(latency) < 1h", "max(latency) < 1h", "error_rate < 1%", "offered > 1",
        "max(cpu) < 90%"},
       {"failed == 0", "intended == 0"}},
      {"one",
       1,
       0,
       0,
       {"p50(latency) < 1h", "p99.9(latency) < 1h", "offered > 0", "p50(dispatch_error) < 1h"},
       {"max(latency) < 1h", "mean(latency) < 1h", "p100(latency) < 1h", "error_rate < 1%"}},
      {"five", 5, 0, 0, {"p99.9(latency) < 1h", "p50(latency) < 1h"}, {"offered == 1k"}},
      {"only failures",
       0,
       100,
       0,
       {"p50(latency[answered]) < 1h", "min(latency[answered]) < 1h"},
       {"error_rate == 100%", "p50(latency[failed]) < 1h", "answered == 0"}},
      {"only the warm-up",
       0,
       0,
       100,
       {"p50(latency) < 1h", "offered > 0", "error_rate < 1%", "min(cpu) < 90%"},
       {"failed == 0"}},
  };
  for (const Case& one : cases) {
    Run run;
    if (one.warmup > 0) run.read({}, "cpu", 10);
    int at = 0;
    for (int i = 0; i < one.warmup; ++i)
      run.add(milliseconds{++at}, milliseconds{1}, Failure::none, {}, "warmup");
    for (int i = 0; i < one.answered; ++i) run.add(milliseconds{++at}, milliseconds{1});
    for (int i = 0; i < one.failed; ++i)
      run.add(milliseconds{++at}, milliseconds{1}, Failure::reset);
    CAPTURE(one.name);
    for (const char* expression : one.undecidable) {
      CAPTURE(expression);
      const ThresholdResult result = run.of(expression);
      CHECK_FALSE(result.passed);
      CHECK_FALSE(result.value.has_value());
      CHECK_FALSE(result.undecided.empty());
      CHECK(mark_of(result) == "?");
    }
    for (const char* expression : one.holding) {
      CAPTURE(expression);
      CHECK(run.of(expression).undecided == "");
      CHECK(run.holds(expression));
    }
  }
  Run five;
  for (int i = 0; i < 5; ++i) five.add(milliseconds{i}, milliseconds{1});
  CHECK(measured_text(five.of("p99.9(latency) < 1s")) ==
        "not decidable: p99.9 of 5 requests: at least 10,000 are needed");
}

TEST_CASE("what a signal cut off took at least the time that it had") {
  Run run;
  for (int i = 0; i < 1000; ++i)
    run.add(milliseconds{i}, milliseconds{2},
            i < 900   ? Failure::none
            : i < 950 ? Failure::unfinished
                      : Failure::stopped);
  CHECK(run.holds("p89(latency) < 3ms"));
  CHECK_FALSE(run.holds("p95(latency) < 3ms"));
  CHECK(run.of("p95(latency) < 3ms").at_least);
  CHECK(run.holds("p95(latency[answered]) < 3ms"));
  CHECK(run.holds("failed == 0"));
  CHECK(run.value("error_rate < 1%") == doctest::Approx(0.1));
  CHECK(run.value("offered > 1") == doctest::Approx(1000));
}

TEST_CASE(
    "a closed loop's rates and times are limited as an open one's, its lateness isn't known") {
  Run run;
  for (int i = 0; i < 100; ++i) {
    wire::Trace trace;
    trace.closed_loop = true;
    trace.created = trace.dispatched = trace.sent = kStart + milliseconds{10 * (i / 2)};
    trace.done = trace.created + milliseconds{10};
    trace.status = 200;
    run.summary.add(trace, {run.summary.service_place("s"), run.summary.server_place("h:80"),
                            run.summary.phase_place("main")});
  }
  CHECK(run.value("achieved > 1") == doctest::Approx(200));
  CHECK(run.holds("p90(latency) < 11ms"));
  CHECK_FALSE(run.of("p50(dispatch_error) < 1ms").undecided.empty());
}

TEST_CASE("telemetry of the warm-up is in no threshold") {
  Run run;
  run.read(milliseconds{0}, "cpu", 100);
  run.read(milliseconds{900}, "cpu", 100);
  for (int i = 0; i < 100; ++i)
    run.add(milliseconds{10 * i}, milliseconds{1}, Failure::none, {}, "warmup");
  CHECK_FALSE(run.holds("max(cpu) < 90%"));
  run.add(milliseconds{1000}, milliseconds{1});
  CHECK_FALSE(run.of("max(cpu) < 90%").undecided.empty());  // nothing was read since
  run.read(milliseconds{1000}, "cpu", 30);
  run.read(milliseconds{1500}, "cpu", 50);
  CHECK(run.value("max(cpu) < 90%") == doctest::Approx(0.5));
  CHECK(run.value("min(cpu) < 90%") == doctest::Approx(0.3));
  CHECK(run.value("mean(cpu) < 90%") == doctest::Approx(0.4));
  // The same where the buckets have become wide.
  for (int i = 1; i < 2000; ++i) run.read(milliseconds{1000 + 100 * i}, "cpu", 40);
  CHECK(run.value("max(cpu) < 90%") <= 0.5);
  Run without;
  without.read(milliseconds{0}, "cpu", 100);
  without.add(milliseconds{1000}, milliseconds{1});
  CHECK(without.value("max(cpu) < 90%") == 1);
}

TEST_CASE("a limit without its unit is refused, with what was meant") {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"p95(latency) < 200", "say 200ms"},
      {"mean(service_time) < 1.5", "say 1.5ms"},
      {"p99(dispatch_error) < 50MiB", "say 50ms"},
      {"p95(latency) < 5%", "say 5ms"},
      {"error_rate < 0.01", "say 1%"},
      {"error_rate < 5", "say 5%"},
      {"error_rate < 5ms", "say 5%"},
      {"failed < 1%", "say 1"},
      {"failed < 5ms", "say 5"},
      {"answered > 5/s", "say 5"},
      {"achieved > 5ms", "say 5/s"},
      {"achieved > 95%", "say 95/s"},
      {"max(cpu) < 90", "say 90%"},
      {"max(cpu) < 0.9", "say 90%"},
      {"max(process_cpu/app) < 90ms", "say 90%"},
      {"max(ram) < 4", "say 4MiB"},
      {"max(process_rss/app) < 100000000", "say 100000000B"},
      {"max(process_rss/app) < 100ms", "say 100MiB"},
      {"max(tx) < 100", "say 100kB/s"},
      {"max(tx) < 100MiB", "say 100kB/s"},
      {"min(freq) > 1000", "say 1000MHz"},
      {"max(load1) < 4%", "say 4"},
      {"max(thermal) < 80", "say 80°C"},
      {"max(scrape/app/process_resident_memory_bytes) < 100", "say 100MiB"},
      {"max(scrape/app/wait_seconds_total) < 1", "say 1ms"},
      {"max(scrape/app/queue_length) < 10ms", "say 10"},
      {"max(file/room) < 30%", "say 30"},
  };
  for (const auto& [text, mend] : cases) {
    CAPTURE(text);
    const auto threshold = parse_threshold(text);
    REQUIRE_FALSE(threshold.ok());
    CHECK_MESSAGE(threshold.error().hint.rfind(mend, 0) == 0, threshold.error().to_text());
  }
}

TEST_CASE("a limit in its unit is taken in whatever multiple") {
  const std::vector<std::pair<const char*, double>> cases{
      {"p95(latency) < 200ms", 0.2},
      {"p95(latency) < 200us", 200e-6},
      {"p95(latency) < 200 µs", 200e-6},
      {"p95(latency) < 2m", 120},
      {"p95(latency) > 0", 0},
      {"error_rate <= 0", 0},
      {"error_rate < 1.5 %", 0.015},
      {"failed < 1k", 1000},
      {"achieved > 5k", 5000},
      {"achieved > 5k/s", 5000},
      {"achieved > 600/m", 10},
      {"achieved > 50/10s", 5},
      {"max(cpu) < 90%", 0.9},
      {"max(process_cpu) < 250%", 2.5},
      {"max(ram) < 1GiB", 1073741824},
      {"max(rx/eth0) < 1MB/s", 1e6},
      {"min(freq) > 1.5GHz", 1.5e9},
      {"max(tx_bitrate/wlan0) > 54Mbit/s", 54e6},
      {"min(signal/wlan0) > -70dBm", -70},
      {"max(psi_cpu/some) < 1s", 1},
      {"max(command/queue) < 10", 10},
      {"max(scrape/a/x_seconds) < 1s", 1},
      {"max(scrape/a/x_ratio) < 50%", 0.5},
  };
  for (const auto& [text, limit] : cases) {
    CAPTURE(text);
    const auto threshold = parse_threshold(text);
    REQUIRE_MESSAGE(threshold.ok(), threshold.error().to_text());
    CHECK(threshold->limit == doctest::Approx(limit));
  }
}

TEST_CASE("a wrong threshold says where it is wrong and what to write") {
  const std::vector<std::tuple<const char*, const char*, const char*>> cases{
      {"", "a metric is missing", ""},
      {"max(/app) < 5", "a metric is missing", ""},
      {"latency < 5ms", "'latency' needs a function", "p95(latency)"},
      {"cpu < 5%", "'cpu' needs a function", "max(cpu)"},
      {"p95(latncy) < 5ms", "unknown metric 'latncy'", "did you mean 'latency'?"},
      {"latncy < 5ms", "unknown metric 'latncy'", "did you mean 'latency'?"},
      {"max(cpuu) < 5%", "unknown metric 'cpuu'", "did you mean 'cpu'?"},
      {"max(proces_rss/app) < 5MB", "unknown metric 'proces_rss'", "did you mean 'process_rss'?"},
      {"faild == 0", "unknown metric 'faild'", "did you mean 'failed'?"},
      {"q95(latency) < 5ms", "unknown function 'q95'", "did you mean 'p95'?"},
      {"meen(latency) < 5ms", "unknown function 'meen'", "did you mean 'mean'?"},
      {"p101(latency) < 5ms", "unknown function 'p101'", ""},
      {"p95(latency < 5ms", "')' is missing", ""},
      {"p95(latency) 5ms", "a comparison is missing", ""},
      {"p95(latency) <", "a number is missing", "< 50ms"},
      {"p95(latency) < 5 parsecs", "'parsecs' isn't a unit of a time", "say 5ms"},
      {"max(failed) < 5", "takes no function", ""},
      {"p95(cpu) < 5%", "telemetry ('cpu') has min, mean and max only", "max(cpu)"},
      {"p95(latency{color=red}) < 5ms", "unknown group 'color'", ""},
      {"p95(latency{serice=red}) < 5ms", "unknown group 'serice'", "did you mean 'service'?"},
      {"p95(latency[anwered]) < 5ms", "unknown outcome 'anwered'", "did you mean 'answered'?"},
      {"p95(dispatch_error[failed]) < 5ms", "isn't kept by outcome", ""},
      {"p95(service_time{service=a}) < 5ms", "isn't kept by service", ""},
      {"p95(latency/app) < 5ms", "has no part 'app'", ""},
  };
  for (const auto& [text, why, hint] : cases) {
    CAPTURE(text);
    const auto threshold = parse_threshold(text);
    REQUIRE_FALSE(threshold.ok());
    CHECK_MESSAGE(threshold.error().why.find(why) != std::string::npos,
                  threshold.error().to_text());
    CHECK_MESSAGE(threshold.error().hint.find(hint) != std::string::npos,
                  threshold.error().to_text());
  }
}
