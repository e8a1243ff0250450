// What the tests of this room share: the summary and the telemetry of requests that a test makes
// up.
#pragma once

#include <doctest/doctest.h>

#include "analysis/summary.h"
#include "analysis/telemetry_series.h"
#include "analysis/thresholds.h"

namespace galileo::analysis {

inline constexpr Wall kMeasuredStart{std::chrono::seconds{1000}};

struct Measurements {
  explicit Measurements(Duration width = std::chrono::milliseconds{100})
      : summary(kMeasuredStart, width), telemetry(kMeasuredStart) {}

  // A request that was due `created` after the start, went out `late` and was over after `latency`.
  void add(Duration created, Duration latency, wire::Failure failure = wire::Failure::none,
           Duration late = Duration{0}, const char* phase = "main") {
    wire::Trace trace;
    trace.created = kMeasuredStart + created;
    trace.dispatched = trace.created + late;
    const bool sent = wire::failure_group(failure) != wire::FailureGroup::not_sent;
    trace.sent = sent ? trace.dispatched : kNoWall;
    trace.done = trace.created + latency;
    trace.failure = failure;
    trace.status = failure == wire::Failure::none ? 200 : -1;
    summary.add(trace, {summary.service_place("s"), summary.server_place("h:80"),
                        summary.phase_place(phase)});
  }

  ThresholdResult of(const char* expression) {
    const auto threshold = parse_threshold(expression);
    REQUIRE_MESSAGE(threshold.ok(), threshold.error().to_text());
    return evaluate(*threshold, summary, telemetry);
  }
  bool holds(const char* expression) { return of(expression).passed; }

  Summary summary;
  TelemetrySeries telemetry;
};

}  // namespace galileo::analysis
