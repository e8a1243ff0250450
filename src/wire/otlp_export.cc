#include "wire/otlp_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/text.h"
#include "wire/http1.h"
#include "wire/json.h"
#include "wire/uri.h"

namespace galileo::wire {
namespace {

constexpr int kClientSpan = 3;
constexpr int kError = 2;
constexpr std::size_t kWhyMost = 200;

std::int64_t ns_of(Wall at) {
  return at.time_since_epoch().count();
}

class Attributes {
 public:
  explicit Attributes(std::string& to) : to_(to) { to_ += R"("attributes":[)"; }
  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    begin(key);
    fmt::format_to(std::back_inserter(to_), R"({{"stringValue":{}}}}})", json_text(value));
  }
  void integer(std::string_view key, std::int64_t value) {
    begin(key);
    fmt::format_to(std::back_inserter(to_), R"({{"intValue":"{}"}}}})", value);
  }
  void real(std::string_view key, double value) {
    begin(key);
    fmt::format_to(std::back_inserter(to_), R"({{"doubleValue":{}}}}})", json_real(value));
  }
  void end() { to_ += ']'; }

 private:
  void begin(std::string_view key) {
    fmt::format_to(std::back_inserter(to_), R"({}{{"key":"{}","value":)", any_ ? "," : "", key);
    any_ = true;
  }
  std::string& to_;
  bool any_ = false;
};

void append_attributes(std::string& to, const OtlpAttributes& all) {
  Attributes attributes(to);
  for (const auto& [key, value] : all) attributes.text(key, value);
  attributes.end();
}

std::string head_of(const OtlpResource& resource, std::string_view outer, std::string_view inner,
                    std::string_view list) {
  std::string head = fmt::format(R"({{"{}":[{{"resource":{{)", outer);
  append_attributes(head, resource.attributes);
  head += fmt::format(R"(}},"{}":[{{"scope":{{"name":"galileo","version":{}}},"{}":[)", inner,
                      json_text(resource.version), list);
  return head;
}

constexpr std::string_view kTail = "]}]}]}";

void append_server(Attributes& attributes, std::string_view server) {
  if (server.starts_with(kTlsPrefix)) server.remove_prefix(kTlsPrefix.size());
  const std::size_t colon = server.rfind(':');
  std::string_view host = server.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  attributes.text("server.address", host);
  if (colon == std::string_view::npos) return;
  if (const auto port = parse_integer(server.substr(colon + 1)); port && *port > 0)
    attributes.integer("server.port", *port);
}

void append_event(std::string& to, std::string_view name, Wall at, bool& any) {
  if (at == kNoWall) return;
  fmt::format_to(std::back_inserter(to), R"({}{{"timeUnixNano":"{}","name":"{}"}})", any ? "," : "",
                 ns_of(at), name);
  any = true;
}

}  // namespace

OtlpSpans::OtlpSpans(const OtlpResource& resource)
    : head_(head_of(resource, "resourceSpans", "scopeSpans", "spans")) {}

void OtlpSpans::add(const OtlpSpan& span) {
  text_ += spans_++ == 0 ? "" : ",";
  const auto out = std::back_inserter(text_);
  const Wall start = span.dispatched == kNoWall ? span.done : span.dispatched;
  fmt::format_to(out,
                 R"({{"traceId":"{:016x}{:016x}","spanId":"{:016x}","flags":1,"name":{},"kind":{},)"
                 R"("startTimeUnixNano":"{}","endTimeUnixNano":"{}",)",
                 span.trace.high, span.trace.low, span.span,
                 json_text(span.method.empty() ? "HTTP" : span.method), kClientSpan, ns_of(start),
                 ns_of(std::max(start, span.done)));
  const std::size_t query = span.path.find('?');
  Attributes attributes(text_);
  attributes.text("http.request.method", span.method.empty() ? "_OTHER" : span.method);
  attributes.text("url.scheme", span.server.starts_with(kTlsPrefix) ? "https" : "http");
  attributes.text("url.path", span.path.substr(0, query));
  append_server(attributes, span.server);
  attributes.text("network.protocol.name", "http");
  attributes.text("network.protocol.version", span.is_http2 ? "2" : "1.1");
  if (span.status >= 0) attributes.integer("http.response.status_code", span.status);
  attributes.text("error.type", span.error_type);
  attributes.integer("http.request.size", static_cast<std::int64_t>(span.request_bytes));
  attributes.integer("http.response.size", static_cast<std::int64_t>(span.response_bytes));
  attributes.text("galileo.client", span.client);
  attributes.text("galileo.service", span.service);
  attributes.text("galileo.phase", span.phase);
  attributes.text("galileo.step", span.step);
  attributes.text("galileo.request_id", span.request_id);
  if (span.due != kNoWall && span.dispatched != kNoWall)
    attributes.real("galileo.send_delay", to_seconds(span.dispatched - span.due));
  if (span.handshake != kNoDuration)
    attributes.real("galileo.tls_handshake", to_seconds(span.handshake));
  attributes.end();
  text_ += R"(,"events":[)";
  bool any = false;
  append_event(text_, "galileo.sent", span.sent, any);
  append_event(text_, "galileo.first_byte", span.first_byte, any);
  text_ += ']';
  if (!span.error_type.empty())
    fmt::format_to(out, R"(,"status":{{"code":{},"message":{}}})", kError,
                   json_text(span.error_text));
  text_ += '}';
}

std::string OtlpSpans::take() {
  std::string message = head_ + text_;
  message += kTail;
  text_.clear();
  spans_ = 0;
  return message;
}

OtlpMetrics::OtlpMetrics(const OtlpResource& resource, Wall start, Wall at)
    : text_(head_of(resource, "resourceMetrics", "scopeMetrics", "metrics")),
      times_(fmt::format(R"("startTimeUnixNano":"{}","timeUnixNano":"{}")", ns_of(start),
                         ns_of(at))) {}

void OtlpMetrics::end_metric() {
  if (!in_metric_) return;
  text_ += R"(],"aggregationTemporality":2)";
  if (is_sum_) text_ += R"(,"isMonotonic":true)";
  text_ += "}}";
  in_metric_ = false;
}

void OtlpMetrics::begin(std::string_view name, std::string_view unit, std::string_view description,
                        std::string_view kind) {
  end_metric();
  fmt::format_to(std::back_inserter(text_),
                 R"({}{{"name":"{}","description":{},"unit":"{}","{}":{{"dataPoints":[)",
                 has_metric_ ? "," : "", name, json_text(description), unit, kind);
  has_metric_ = in_metric_ = true;
  has_point_ = false;
  is_sum_ = kind == "sum";
}

void OtlpMetrics::counter(std::string_view name, std::string_view unit,
                          std::string_view description) {
  begin(name, unit, description, "sum");
}

void OtlpMetrics::histogram(std::string_view name, std::string_view unit,
                            std::string_view description) {
  begin(name, unit, description, "histogram");
}

void OtlpMetrics::begin_point(const OtlpAttributes& attributes) {
  text_ += has_point_ ? ",{" : "{";
  has_point_ = true;
  append_attributes(text_, attributes);
  text_ += "," + times_;
}

void OtlpMetrics::count(const OtlpAttributes& attributes, std::uint64_t value) {
  begin_point(attributes);
  fmt::format_to(std::back_inserter(text_), R"(,"asInt":"{}"}})", value);
}

void OtlpMetrics::buckets(const OtlpAttributes& attributes, std::span<const double> bounds,
                          std::span<const std::uint64_t> counts, std::uint64_t count, double sum) {
  begin_point(attributes);
  fmt::format_to(std::back_inserter(text_), R"(,"count":"{}","sum":{},"bucketCounts":[)", count,
                 json_real(sum));
  for (std::size_t i = 0; i < counts.size(); ++i)
    fmt::format_to(std::back_inserter(text_), R"({}"{}")", i == 0 ? "" : ",", counts[i]);
  text_ += R"(],"explicitBounds":[)";
  for (std::size_t i = 0; i < bounds.size(); ++i)
    fmt::format_to(std::back_inserter(text_), "{}{}", i == 0 ? "" : ",", json_real(bounds[i]));
  text_ += "]}";
}

std::string OtlpMetrics::take() {
  end_metric();
  text_ += kTail;
  return std::move(text_);
}

OtlpRefusal parse_otlp_refusal(std::string_view body) {
  OtlpRefusal refusal;
  const auto answer = parse_json(body);
  if (!answer.ok()) return refusal;
  const Json* const partial = find(*answer, "partialSuccess");
  if (!partial) return refusal;
  for (const char* const key : {"rejectedSpans", "rejectedDataPoints"}) {
    const Json* const count = find(*partial, key);
    const bool is_number =
        count && (count->kind == Json::Kind::kText || count->kind == Json::Kind::kInteger);
    if (!is_number) continue;
    if (const auto rejected = parse_integer(count->text); rejected && *rejected > 0)
      refusal.rejected = static_cast<std::uint64_t>(*rejected);
  }
  const Json* const why = find(*partial, "errorMessage");
  if (why && why->kind == Json::Kind::kText) refusal.why = why->text.substr(0, kWhyMost);
  return refusal;
}

Result<OtlpAttributes> parse_otlp_headers(std::string_view text) {
  OtlpAttributes headers;
  for (const std::string_view part : split(text, ',')) {
    const std::string_view pair = trim(part);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string name(trim(pair.substr(0, equals)));
    const std::string value = equals == std::string_view::npos
                                  ? std::string()
                                  : decode_percent(trim(pair.substr(equals + 1)));
    if (equals == std::string_view::npos || !http1::is_token(name) ||
        !http1::is_header_value(value))
      return Error{ErrorCode::kUsage,
                   "the headers for the collector can't be read",
                   {},
                   "one of them isn't name=value",
                   "write them as name=value,other=value"};
    headers.emplace_back(name, value);
  }
  return headers;
}

}  // namespace galileo::wire
