// Figures of all requests, not of the survivors, and none where there are too few of them.
#include "analysis/latencies.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::milliseconds;
using wire::FailureGroup;

namespace {

Latencies half_timed_out() {
  Latencies latency;
  for (int i = 0; i < 500; ++i) {
    latency.add(FailureGroup::none, milliseconds{i % 491 + 1});
    latency.add(FailureGroup::failed, milliseconds{500});
  }
  return latency;
}

}  // namespace

TEST_CASE("half of all timed out at 500 ms: their p99 is no 491 ms") {
  const Latencies latency = half_timed_out();
  const Times all = latency.all();
  CHECK(all.count() == 1000);
  CHECK(times_of(latency.answered).percentile(0.9)->value < milliseconds{491});
  CHECK(all.percentile(0.4)->at_least == false);
  CHECK(all.percentile(0.5)->at_least == false);
  for (const double share : {0.51, 0.9, 0.99}) {
    CAPTURE(share);
    CHECK(all.percentile(share)->at_least);
    CHECK(all.percentile(share)->value == milliseconds{500});
  }
  CHECK(all.max() == Bound{milliseconds{500}, true});
  CHECK(all.mean()->at_least);
  CHECK(all.min() == Bound{milliseconds{1}, false});
}

TEST_CASE("a refusal in no time doesn't make the others look faster") {
  Latencies latency;
  for (int i = 0; i < 500; ++i) {
    latency.add(FailureGroup::none, milliseconds{10});
    latency.add(FailureGroup::failed, Duration{1000});
    latency.add(FailureGroup::not_sent, Duration{0});
  }
  const Times all = latency.all();
  CHECK(all.percentile(0.3) == Bound{milliseconds{10}, false});
  CHECK(all.percentile(0.5) == Bound{milliseconds{10}, true});
  CHECK(all.percentile(0.99) == Bound{milliseconds{10}, true});
}

TEST_CASE("what is known of few, none, only failures") {
  struct Case {
    const char* name;
    int answered;
    int failed;
    int pending;
    bool has_any;
    bool has_p50;
    bool p50_at_least;
  };
  for (const Case& one :
       {Case{"none", 0, 0, 0, false, false, false}, Case{"one answer", 1, 0, 0, true, false, false},
        Case{"nineteen", 19, 0, 0, true, false, false}, Case{"twenty", 20, 0, 0, true, true, false},
        Case{"only failures", 0, 20, 0, true, true, true},
        Case{"only in flight", 0, 0, 20, true, true, true},
        Case{"one failure of many", 39, 1, 0, true, true, false}}) {
    CAPTURE(one.name);
    Latencies latency;
    for (int i = 0; i < one.answered; ++i) latency.add(FailureGroup::none, milliseconds{2});
    for (int i = 0; i < one.failed; ++i) latency.add(FailureGroup::failed, milliseconds{1});
    for (int i = 0; i < one.pending; ++i) latency.add(FailureGroup::unfinished, milliseconds{1});
    const Times all = latency.all();
    CHECK(all.min().has_value() == one.has_any);
    CHECK(all.max().has_value() == one.has_any);
    CHECK(all.mean().has_value() == one.has_any);
    CHECK(all.percentile(0.5).has_value() == one.has_p50);
    if (one.has_p50) CHECK(all.percentile(0.5)->at_least == one.p50_at_least);
    if (one.has_any) CHECK(all.max()->at_least == (one.failed + one.pending > 0));
  }
}

TEST_CASE("ten values must lie past a percentile, at either end") {
  const auto has = [](int count, double share) {
    Histogram values;
    values.add(milliseconds{1}, static_cast<std::uint64_t>(count));
    return times_of(values).percentile(share).has_value();
  };
  CHECK_FALSE(has(5, 0.999));
  CHECK_FALSE(has(9'999, 0.999));
  CHECK(has(10'000, 0.999));
  CHECK_FALSE(has(999, 0.99));
  CHECK(has(1000, 0.99));
  CHECK_FALSE(has(199, 0.95));
  CHECK(has(200, 0.95));
  CHECK_FALSE(has(99, 0.9));
  CHECK(has(100, 0.9));
  CHECK_FALSE(has(900, 0.01));
  CHECK(has(1000, 0.01));
  CHECK(has(1, 1));
  CHECK(has(1, 0));
}
