#include "load/request_metrics.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "wire/prometheus.h"

namespace galileo::load {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Requests {
  RequestMetrics metrics;
  wire::Names names;

  void add(const std::string& client, const std::string& service, int status, Duration took,
           wire::Failure failure = wire::Failure::none) {
    wire::Trace trace;
    trace.client = id(client);
    trace.service = id(service);
    trace.status = status;
    trace.failure = failure;
    trace.created = Wall{std::chrono::seconds{1'000'000}};
    trace.dispatched = trace.sent = trace.created + microseconds{200};
    trace.done = trace.created + took;
    trace.request_bytes = 10;
    trace.response_bytes = 100;
    metrics.add(trace, names);
  }
  wire::NameId id(const std::string& name) {
    const auto known = ids.find(name);
    return known != ids.end() ? known->second : ids.emplace(name, names.add(name)).first->second;
  }
  // Each value of the page by name and labels, as a scraper would read it.
  std::map<std::string, double> values() const {
    std::map<std::string, double> all;
    const auto read = wire::read_metrics(metrics.page(), [&](const wire::Metric& metric) {
      std::string key = metric.name;
      for (const auto& [name, value] : metric.labels) key += fmt::format(" {}={}", name, value);
      CHECK_MESSAGE(all.emplace(key, metric.value).second, key, " is there twice");
    });
    REQUIRE_MESSAGE(read.ok(), read.error().to_text());
    return all;
  }
  std::map<std::string, wire::NameId> ids;
};

TEST_CASE("requests are counted by client and service, whichever worker and number sent them") {
  Requests requests;
  requests.add("local:web:0", "shop", 200, milliseconds{3});
  requests.add("node-b:web:12", "shop", 200, milliseconds{30});
  requests.add("local:web:0", "shop", 503, milliseconds{3}, wire::Failure::status);
  requests.add("local:web:0", "shop", -1, milliseconds{20'000}, wire::Failure::timeout);
  auto values = requests.values();
  const std::string of = " client=web service=shop";
  CHECK(values["galileo_requests_answered_total" + of] == 2);
  CHECK(values["galileo_requests_failed_total" + of + " reason=status"] == 1);
  CHECK(values["galileo_requests_failed_total" + of + " reason=timeout"] == 1);
  CHECK(values["galileo_request_bytes_total" + of] == 40);
  CHECK(values["galileo_response_bytes_total" + of] == 400);
  const std::string took = "galileo_request_duration_seconds_bucket" + of;
  CHECK(values[took + " code=2xx le=0.0025"] == 0);
  CHECK(values[took + " code=2xx le=0.005"] == 1);
  CHECK(values[took + " code=2xx le=0.05"] == 2);
  CHECK(values[took + " code=2xx le=+Inf"] == 2);
  CHECK(values[took + " code=none le=10"] == 0);
  CHECK(values[took + " code=none le=+Inf"] == 1);
  CHECK(values["galileo_request_duration_seconds_sum" + of + " code=2xx"] ==
        doctest::Approx(0.033));
  CHECK(values["galileo_send_delay_seconds_bucket" + of + " le=0.0001"] == 0);
  CHECK(values["galileo_send_delay_seconds_bucket" + of + " le=0.0005"] == 4);
  CHECK(requests.metrics.left() == 4);
  CHECK(requests.metrics.failed() == 2);
}

TEST_CASE(
    "a value on a bucket's bound is in that bucket, and one beyond the last in none but +Inf") {
  Buckets<2> buckets;
  const std::array<double, 2> bounds{0.001, 0.002};
  for (const int us : {1000, 1001, 2000, 2001}) buckets.add(microseconds{us}, bounds);
  CHECK(buckets.counts == std::array<std::uint64_t, 3>{1, 2, 1});
  CHECK(buckets.count == 4);
}

TEST_CASE("what never left has no duration, and is counted by its reason") {
  Requests requests;
  requests.add("local:web:0", "shop", -1, milliseconds{3}, wire::Failure::no_connection);
  const std::string page = requests.metrics.page();
  CHECK(page.find("duration_seconds_bucket") == std::string::npos);
  CHECK(requests.metrics.left() == 0);
  CHECK(requests.metrics.failed() == 0);
  CHECK(requests.values()["galileo_requests_failed_total client=web service=shop "
                          "reason=no_connection"] == 1);
}

TEST_CASE("the page stays below its bound whatever there is, and nothing of it goes uncounted") {
  Requests requests;
  std::uint64_t sent = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string client = fmt::format("local:client-\"{}\\{}\n:0", std::string(90, 'x'), i);
    const auto failure = static_cast<wire::Failure>(i % wire::kFailureCount);
    requests.add(client, fmt::format("service-{}", i), i % 7 == 6 ? -1 : 100 + i % 7 * 100,
                 microseconds{i}, failure);
    ++sent;
  }
  CHECK(requests.metrics.page().size() <= std::size_t{64} * 1024 - 2048);
  std::uint64_t counted = 0;
  std::set<std::string> clients;
  for (const RequestMetrics::Row& row : requests.metrics.rows()) {
    counted += row.answered;
    for (const auto& [reason, count] : row.failed) counted += count;
    clients.insert(row.client);
  }
  CHECK(counted == sent);
  CHECK(clients.contains("_other"));
  requests.values();
}

TEST_CASE("a counter never goes down while others join it") {
  Requests requests;
  std::map<std::string, double> before;
  for (int i = 0; i < 60; ++i) {
    requests.add(fmt::format("local:c{}:0", i % 20), "s", 200, milliseconds{i},
                 static_cast<wire::Failure>(i % 5));
    const auto now = requests.values();
    for (const auto& [key, value] : before) {
      INFO(key);
      REQUIRE(now.contains(key));
      CHECK(now.at(key) >= value);
    }
    before = now;
  }
}

TEST_CASE("a client's name is told without its worker and number, and as it is where it has none") {
  CHECK(client_label("local:web:0") == "web");
  CHECK(client_label("w:a:b:17") == "a:b");
  CHECK(client_label("w:web:x") == "w:web:x");
  CHECK(client_label("alone") == "alone");
  CHECK(client_label("a:1") == "a:1");
  CHECK(client_label("").empty());
}

}  // namespace
}  // namespace galileo::load
