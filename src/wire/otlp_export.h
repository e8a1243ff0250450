// What a run tells a collector by OTLP/HTTP (version 1 of OpenTelemetry's protocol), in its JSON:
// requests as client spans by the semantic conventions of HTTP, and counts as metrics. Ids are hex,
// 64-bit numbers are texts, as that JSON has them. Pure functions and values; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "wire/trace_context.h"

namespace galileo::wire {

using OtlpAttributes = std::vector<std::pair<std::string, std::string>>;  // texts

// Where it is kept: the paths behind the collector's URL.
inline constexpr std::string_view kOtlpTraces = "/v1/traces";
inline constexpr std::string_view kOtlpMetrics = "/v1/metrics";

// Who tells.
struct OtlpResource {
  OtlpAttributes attributes;  // "service.name" and the like
  std::string version;        // ours
};

// One request, as its trace has it.
struct OtlpSpan {
  TraceId trace;
  std::uint64_t span = 0;
  std::string_view method;  // empty: not known
  std::string_view path;    // with its query; empty: not known
  std::string_view server;  // as routes name it: "host:port", "https://host:port"; empty: none
  std::string_view client;
  std::string_view service;
  std::string_view phase;
  std::string_view step;
  std::string_view request_id;
  std::string_view error_type;  // empty: it was a success
  std::string_view error_text;
  bool is_http2 = false;
  std::int32_t status = -1;
  Wall due = kNoWall;  // none in a closed loop
  Wall dispatched = kNoWall;
  Wall sent = kNoWall;
  Wall first_byte = kNoWall;
  Wall done = kNoWall;
  Duration handshake = kNoDuration;
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
};

// The spans of one message.
class OtlpSpans {
 public:
  explicit OtlpSpans(const OtlpResource& resource);
  void add(const OtlpSpan& span);
  std::size_t size() const { return spans_; }
  // The message; it is empty then.
  std::string take();

 private:
  const std::string head_;
  std::string text_;
  std::size_t spans_ = 0;
};

// The metrics of one message: each a name, with the points that are added until the next. They
// count from `start` on, cumulatively, to `at`.
class OtlpMetrics {
 public:
  OtlpMetrics(const OtlpResource& resource, Wall start, Wall at);
  // A sum that only grows.
  void counter(std::string_view name, std::string_view unit, std::string_view description);
  void count(const OtlpAttributes& attributes, std::uint64_t value);
  void histogram(std::string_view name, std::string_view unit, std::string_view description);
  // `counts` has one more than `bounds`: those above the last one.
  void buckets(const OtlpAttributes& attributes, std::span<const double> bounds,
               std::span<const std::uint64_t> counts, std::uint64_t count, double sum);
  std::string take();

 private:
  void begin(std::string_view name, std::string_view unit, std::string_view description,
             std::string_view kind);
  void end_metric();
  void begin_point(const OtlpAttributes& attributes);

  std::string text_;
  std::string times_;
  bool in_metric_ = false;
  bool has_metric_ = false;
  bool has_point_ = false;
  bool is_sum_ = false;
};

// What a collector has taken and still refused, as the body of its good answer says it.
struct OtlpRefusal {
  std::uint64_t rejected = 0;
  std::string why;
};
// Nothing rejected where the body says nothing of it, or is none of the protocol.
OtlpRefusal parse_otlp_refusal(std::string_view body);

// Of OTEL_EXPORTER_OTLP_HEADERS: "api-key=secret,other=value", values percent-encoded. An Error for
// what is none of it.
Result<OtlpAttributes> parse_otlp_headers(std::string_view text);

}  // namespace galileo::wire
