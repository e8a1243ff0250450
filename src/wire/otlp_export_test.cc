#include "wire/otlp_export.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "wire/json.h"

namespace galileo::wire {
namespace {

using std::chrono::microseconds;

const OtlpResource kWho{{{"service.name", "galileo"}}, "1.2"};

OtlpSpan example() {
  OtlpSpan span;
  span.trace = {0x4bf92f3577b34da6u, 0xa3ce929d0e0e4736u};
  span.span = 0xf067aa0ba902b7u;
  span.method = "GET";
  span.path = "/cart?id=7";
  span.server = "https://[::1]:8443";
  span.client = "web";
  span.service = "shop";
  span.phase = "main";
  span.request_id = "abcdef0123:7";
  span.is_http2 = true;
  span.status = 200;
  span.due = Wall{std::chrono::seconds{1'800'000'000}};
  span.dispatched = span.due + microseconds{1500};
  span.sent = span.due + microseconds{1600};
  span.first_byte = span.due + microseconds{2600};
  span.done = span.due + microseconds{2700};
  span.request_bytes = 80;
  span.response_bytes = 120;
  return span;
}

TEST_CASE("a request is a client span as the protocol's JSON has it") {
  OtlpSpans spans(kWho);
  spans.add(example());
  CHECK(spans.size() == 1);
  CHECK(
      spans.take() ==
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"galileo"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"galileo","version":"1.2"},"spans":[)"
      R"({"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","flags":1,"name":"GET","kind":3,)"
      R"("startTimeUnixNano":"1800000000001500000","endTimeUnixNano":"1800000000002700000","attributes":[)"
      R"({"key":"http.request.method","value":{"stringValue":"GET"}},)"
      R"({"key":"url.scheme","value":{"stringValue":"https"}},)"
      R"({"key":"url.path","value":{"stringValue":"/cart"}},)"
      R"({"key":"server.address","value":{"stringValue":"::1"}},)"
      R"({"key":"server.port","value":{"intValue":"8443"}},)"
      R"({"key":"network.protocol.name","value":{"stringValue":"http"}},)"
      R"({"key":"network.protocol.version","value":{"stringValue":"2"}},)"
      R"({"key":"http.response.status_code","value":{"intValue":"200"}},)"
      R"({"key":"http.request.size","value":{"intValue":"80"}},)"
      R"({"key":"http.response.size","value":{"intValue":"120"}},)"
      R"({"key":"galileo.client","value":{"stringValue":"web"}},)"
      R"({"key":"galileo.service","value":{"stringValue":"shop"}},)"
      R"({"key":"galileo.phase","value":{"stringValue":"main"}},)"
      R"({"key":"galileo.request_id","value":{"stringValue":"abcdef0123:7"}},)"
      R"({"key":"galileo.send_delay","value":{"doubleValue":0.0015}}],)"
      R"("events":[{"timeUnixNano":"1800000000001600000","name":"galileo.sent"},)"
      R"({"timeUnixNano":"1800000000002600000","name":"galileo.first_byte"}]}]}]}]})");
}

TEST_CASE("a failed request says why, and what isn't known of it is left out") {
  OtlpSpans spans(kWho);
  OtlpSpan span = example();
  span.method = span.path = {};
  span.server = "h:80";
  span.status = -1;
  span.error_type = "timeout";
  span.error_text = "no \"complete\" answer\nin time";
  span.first_byte = kNoWall;
  spans.add(span);
  spans.add(span);
  const std::string message = spans.take();
  CHECK(parse_json(message).ok());
  CHECK(message.find(R"("name":"HTTP")") != std::string::npos);
  CHECK(message.find(R"("stringValue":"_OTHER")") != std::string::npos);
  CHECK(message.find("url.path") == std::string::npos);
  CHECK(message.find("status_code") == std::string::npos);
  CHECK(message.find("first_byte\"") == std::string::npos);
  CHECK(message.find(R"("status":{"code":2,"message":"no \"complete\" answer\nin time"})") !=
        std::string::npos);
  CHECK(spans.size() == 0);
}

TEST_CASE("metrics are sums that grow and histograms with the bounds of their buckets") {
  OtlpMetrics metrics(kWho, Wall{Duration{1}}, Wall{Duration{2}});
  metrics.counter("c", "{request}", "Counts.");
  metrics.count({}, 7);
  metrics.count({{"a", "b"}}, 8);
  metrics.histogram("h", "s", "Times.");
  metrics.buckets({}, std::array{0.5, 1.0}, std::array<std::uint64_t, 3>{1, 0, 2}, 3, 4.25);
  CHECK(
      metrics.take() ==
      R"({"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"galileo"}}]},)"
      R"("scopeMetrics":[{"scope":{"name":"galileo","version":"1.2"},"metrics":[)"
      R"({"name":"c","description":"Counts.","unit":"{request}","sum":{"dataPoints":[)"
      R"({"attributes":[],"startTimeUnixNano":"1","timeUnixNano":"2","asInt":"7"},)"
      R"({"attributes":[{"key":"a","value":{"stringValue":"b"}}],"startTimeUnixNano":"1","timeUnixNano":"2","asInt":"8"}],)"
      R"("aggregationTemporality":2,"isMonotonic":true}},)"
      R"({"name":"h","description":"Times.","unit":"s","histogram":{"dataPoints":[)"
      R"({"attributes":[],"startTimeUnixNano":"1","timeUnixNano":"2","count":"3","sum":4.25,"bucketCounts":["1","0","2"],"explicitBounds":[0.5,1.0]}],)"
      R"("aggregationTemporality":2}}]}]}]})");
}

TEST_CASE("what a collector refuses is read, and any other answer refuses nothing") {
  const auto refusal = parse_otlp_refusal(
      R"({"partialSuccess": {"rejectedSpans": "7", "errorMessage": "too old"}})");
  CHECK(refusal.rejected == 7);
  CHECK(refusal.why == "too old");
  CHECK(parse_otlp_refusal(R"({"partialSuccess": {"rejectedDataPoints": 3}})").rejected == 3);
  for (const char* text : {"", "{}", "[]", "nonsense", R"({"partialSuccess": 7})",
                           R"({"partialSuccess": {"rejectedSpans": "-7"}})",
                           R"({"partialSuccess": {"rejectedSpans": [7]}})"}) {
    INFO(text);
    CHECK(parse_otlp_refusal(text).rejected == 0);
  }
}

TEST_CASE("the headers of OpenTelemetry's variable are pairs with escaped values") {
  const auto headers = parse_otlp_headers(" api-key = a%20b,,other=c=d ");
  REQUIRE(headers.ok());
  CHECK(*headers == OtlpAttributes{{"api-key", "a b"}, {"other", "c=d"}});
  CHECK(parse_otlp_headers("")->empty());
  for (const char* text : {"key", "=value", "a b=c", "k=a%0d%0ab"}) {
    INFO(text);
    CHECK_FALSE(parse_otlp_headers(text).ok());
  }
}

}  // namespace
}  // namespace galileo::wire
