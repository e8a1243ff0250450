// Requests, telemetry and events of a small cluster, joined: two nodes, an application on both.
#include "analysis/joined_view.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "analysis/json_parts.h"
#include "analysis/measured_fixture.h"
#include "analysis/placement.h"
#include "analysis/result.h"
#include "analysis/throttling.h"
#include "wire/weight_update.h"

namespace galileo::analysis {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

Wall at(double s) {
  return kMeasuredStart + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

std::string id_of(char letter) {
  return std::string(64, letter);
}

struct Cluster {
  Cluster() : summary(kMeasuredStart) {}

  void pod(double s, const std::string& state, const std::string& name, const std::string& node,
           const std::string& ip, char id, const std::string& function = "a") {
    joined.add(wire::Event{
        at(s), "pod/" + state,
        fmt::format(
            R"({{"podUid": "uid-{0}", "name": "{0}", "nodeName": "{1}", "podIP": "{2}", "hostIP": "192.168.0.1", )"
            R"("containers": {{"main": {{"id": "containerd://{3}", "port": 8080}}}}, )"
            R"("labels": {{"ether.edgerun.io/function": "{4}", "ether.edgerun.io/zone": "main"}}, "status": "Running"}})",
            name, node, ip, id_of(id), function)});
  }

  // A request that was due and sent at `s`, took `ms`, and whose answer had these headers.
  void request(double s, int ms, const std::string& headers, const std::string& server = "gw:8080",
               int status = 200, const char* phase = "main", const char* service = "a-main") {
    wire::NamedTrace trace;
    trace.service = service;
    trace.server = server;
    trace.headers = headers;
    trace.created = trace.sent = trace.intended = trace.dispatched = at(s);
    trace.done = trace.created + milliseconds(ms);
    trace.status = status;
    trace.failure = status == 200 ? "" : status < 0 ? "connect_refused" : "status";
    trace.phase = phase;
    summary.add(trace);
    joined.add(trace);
  }

  static std::string hops(const std::string& host, double gateway = -1, double start = -1,
                          double end = -1) {
    std::string text = fmt::format(R"({{"X-Final-Host": "{}")", host);
    const auto put = [&](const char* name, double s) {
      if (s >= 0) text += fmt::format(R"(, "{}": "{:.7f}")", name, 1000 + s);
    };
    put("X-Forwarded-Host-Gw", gateway);
    put("X-Start", start);
    put("X-End", end);
    return text + "}";
  }

  void cpu(double s, char id, double seconds_used) {
    joined.add(wire::Sample{at(s), "n", "kubernetes_cgrp_cpu", id_of(id), seconds_used * 1e9});
  }
  void memory(double s, char id, double bytes) {
    joined.add(wire::Sample{at(s), "n", "kubernetes_cgrp_memory", id_of(id), bytes});
  }

  // One that was there before the run: a gateway's, a worker's, telemetry's.
  void standing(const std::string& name, const std::string& container, char id,
                const std::string& labels) {
    joined.add(wire::Event{
        at(0), std::string(wire::kStandingPod),
        fmt::format(
            R"({{"podUid": "uid-{0}", "name": "{0}", "nodeName": "n1", "podIP": "192.168.0.1", "hostIP": "192.168.0.1", )"
            R"("containers": {{"{1}": {{"id": "containerd://{2}", "port": 8080}}}}, "labels": {{{3}}}, "status": "Running"}})",
            name, container, id_of(id), labels)});
  }
  void limit(double s, char id, double periods, double throttled) {
    for (const auto& [what, value] :
         {std::pair{"nr_periods", periods}, std::pair{"nr_throttled", throttled}})
      joined.add(
          wire::Sample{at(s), "n", fmt::format("kubernetes_cgrp_{}", what), id_of(id), value});
  }

  Json json() const { return cluster_json(joined, summary); }

  JoinedView joined;
  Summary summary;
};

TEST_CASE(
    "a row an application and node: what was answered there, how long it took, what it cost") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.pod(0, "running", "a-1", "n2", "10.0.0.2", 'b');
  cluster.pod(0, "running", "gone", "n3", "10.0.0.3", 'c');
  for (int i = 0; i < 100; ++i) {
    const double s = 1 + i * 0.01;
    cluster.request(s, 10, Cluster::hops("10.0.0.1:8080", s + 0.001, s + 0.002, s + 0.008));
    if (i % 2 == 0)
      cluster.request(s, 40, Cluster::hops("10.0.0.2:8080", s + 0.001, s + 0.002, s + 0.022));
  }
  cluster.request(2.5, 5, Cluster::hops("10.0.0.2:8080"), "gw:8080", 500);
  cluster.request(2.6, 1, "", "", -1);
  for (int i = 0; i < 100; ++i)
    cluster.request(0.5, 10, Cluster::hops("10.0.0.1:8080"), "gw:8080", 200, "warmup");
  cluster.cpu(0, 'a', 100);
  cluster.cpu(3, 'a', 102);
  cluster.cpu(0, 'b', 7);  // one value says nothing of what was used
  const std::vector<PlacementRow> rows = placement(cluster.joined, cluster.summary);
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].application == "a");
  CHECK(rows[0].node == "n1");
  CHECK(rows[0].zone == "main");
  CHECK(rows[0].pods == 1);
  CHECK(rows[0].answered == 100);
  CHECK(rows[0].failed == 0);
  CHECK(rows[0].served == 200);
  REQUIRE(rows[0].cpu_s_per_request());
  CHECK(*rows[0].cpu_s_per_request() == doctest::Approx(0.01));
  CHECK(to_seconds(rows[0].latency.percentile(0.5)) == doctest::Approx(0.010).epsilon(0.05));
  CHECK(to_seconds(rows[0].execution.values.percentile(0.5)) ==
        doctest::Approx(0.006).epsilon(0.05));
  CHECK(rows[1].node == "n2");
  CHECK(rows[1].answered == 50);
  CHECK(rows[1].failed == 1);
  CHECK_FALSE(rows[1].cpu_s_per_request());
  CHECK(rows[2].node == "n3");
  CHECK(rows[2].answered == 0);
  CHECK_FALSE(rows[2].cpu_s);
  // What nobody answered is somewhere, and the sums are the services'.
  CHECK(rows[3].node.empty());
  CHECK(rows[3].application == "a");
  CHECK(rows[3].failed == 1);
  const Json json = cluster.json()["placement"];
  CHECK(json[1]["cpu_s_per_request"].is_null());
  CHECK(json[2]["latency_answered_s"].is_null());
  CHECK(json[2]["execution_s"].is_null());
  CHECK(json[3]["node"].is_null());
  CHECK(json[3]["pods"].is_null());
  CHECK(json[3]["latency_answered_s"].is_null());
}

TEST_CASE("an address that is used again is the one's, then the other's") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.request(1, 10, Cluster::hops("10.0.0.1:8080"));
  cluster.pod(2, "delete", "a-0", "n1", "10.0.0.1", 'a');
  cluster.pod(3, "running", "b-0", "n2", "10.0.0.1", 'b', "b");
  cluster.request(4, 10, Cluster::hops("10.0.0.1:8080"), "gw:8080", 200, "main", "b-main");
  const auto rows = placement(cluster.joined, cluster.summary);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].application == "a");
  CHECK(rows[0].answered == 1);
  CHECK(rows[1].application == "b");
  CHECK(rows[1].node == "n2");
  CHECK(rows[1].answered == 1);
}

TEST_CASE("requests that came before anybody told of their pod are its, once it is told") {
  Cluster cluster;
  cluster.request(1, 10, Cluster::hops("10.0.0.1:8080"));
  cluster.pod(1.5, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.request(2, 10, Cluster::hops("10.0.0.1:8080"));
  // Straight to the pod, without a gateway.
  cluster.request(2, 10, "", "10.0.0.1:8080");
  const auto rows = placement(cluster.joined, cluster.summary);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].answered == 3);
}

TEST_CASE("times of requests whose pod isn't known are told where they are known of all of them") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  for (int i = 0; i < 30; ++i) cluster.request(1, 10, Cluster::hops("10.9.9.9:8080"));
  auto rows = placement(cluster.joined, cluster.summary);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].node.empty());
  CHECK(rows[1].answered == 30);
  CHECK(to_seconds(rows[1].latency.percentile(0.5)) == doctest::Approx(0.010).epsilon(0.05));
  // Of one more nothing is known at all: the share of requests that it counts to has no times.
  wire::NamedTrace trace;
  trace.service = "a-main";
  trace.created = trace.sent = at(1);
  trace.done = at(2);
  trace.status = 200;
  trace.phase = "main";
  cluster.summary.add(trace);
  rows = placement(cluster.joined, cluster.summary);
  CHECK(rows[1].answered == 31);
  CHECK(rows[1].latency.count() == 0);
}

TEST_CASE("without pods there is no table, and without anything no cluster") {
  Cluster cluster;
  CHECK(cluster.json().is_null());
  cluster.request(1, 10, R"({"Content-Type": "text/plain"})");
  CHECK(cluster.json().is_null());
  cluster.request(1, 10, Cluster::hops("127.0.0.1:8080", 1.002));
  REQUIRE(cluster.json().is_object());
  CHECK(cluster.json()["placement"].empty());
  CHECK(cluster.json()["hops"].size() == 1);
}

TEST_CASE("each hop has its time, and all but the application's needs no clock to be right") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  for (int i = 0; i < 40; ++i) {
    const double s = 1 + i * 0.1;
    // The gateway took it after 2 ms, the application after 5, worked 20, and it was back after 30.
    cluster.request(s, 30, Cluster::hops("10.0.0.1:8080", s + 0.002, s + 0.005, s + 0.025));
  }
  const Json hops = cluster.json()["hops"];
  REQUIRE(hops.size() == 1);
  CHECK(hops[0]["application"] == "a");
  CHECK(hops[0]["gateways"] == Json::array({"Gw"}));
  CHECK(hops[0]["requests"] == 40);
  REQUIRE(hops[0]["legs"].size() == 4);
  struct Leg {
    const char* from;
    const char* to;
    double mean_s;
  };
  const Leg legs[] = {
      {"client", "Gw", 0.002}, {"Gw", "a", 0.003}, {"a", "a", 0.020}, {"a", "client", 0.005}};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    const Json& leg = hops[0]["legs"][i];
    CHECK(leg["from"] == legs[i].from);
    CHECK(leg["to"] == legs[i].to);
    CHECK(leg["time_s"]["mean"].get<double>() == doctest::Approx(legs[i].mean_s).epsilon(0.001));
    CHECK(leg["negative"] == 0);
  }
  CHECK(hops[0]["way"]["time_s"]["mean"].get<double>() == doctest::Approx(0.010).epsilon(0.001));
}

TEST_CASE("clocks that differ make times unknown, never negative") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  for (int i = 0; i < 40; ++i) {
    const double s = 1 + i * 0.1;
    // The application's clock is a second ahead.
    cluster.request(s, 30, Cluster::hops("10.0.0.1:8080", s + 0.002, s + 1.005, s + 1.025));
  }
  const Json hops = cluster.json()["hops"];
  const Json& back = hops[0]["legs"][3];
  CHECK(back["time_s"].is_null());
  CHECK(back["negative"] == 40);
  CHECK(hops[0]["legs"][2]["time_s"]["mean"].get<double>() == doctest::Approx(0.020));
  CHECK(hops[0]["way"]["time_s"]["mean"].get<double>() == doctest::Approx(0.010).epsilon(0.001));
}

TEST_CASE("replicas go up when a pod runs and down once when it ends, however often that is told") {
  Cluster cluster;
  cluster.pod(-5, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.pod(2, "running", "a-1", "n2", "10.0.0.2", 'b');
  cluster.pod(4, "shutdown", "a-1", "n2", "10.0.0.2", 'b');
  cluster.pod(4.5, "shutdown", "a-1", "n2", "10.0.0.2", 'b');
  cluster.pod(5, "delete", "a-1", "n2", "10.0.0.2", 'b');
  cluster.pod(1, "running", "b-0", "n1", "10.0.0.3", 'c', "b");
  cluster.pod(1, "running", "w-0", "n1", "10.0.0.4", 'd', "client");
  const Json replicas = cluster.json()["replicas"];
  REQUIRE(replicas.size() == 4);
  CHECK(
      replicas[0] ==
      Json({{"function", "a"}, {"node", nullptr}, {"t_s", {0.0, 2.0, 4.0}}, {"count", {1, 2, 1}}}));
  CHECK(replicas[1] == Json({{"function", "a"}, {"node", "n1"}, {"t_s", {0.0}}, {"count", {1}}}));
  CHECK(replicas[2]["node"] == "n2");
  CHECK(replicas[2]["count"] == Json({1, 0}));
  CHECK(replicas[3]["function"] == "b");
}

TEST_CASE("a pod that ends before it began, by another's clock, lives no time") {
  Cluster cluster;
  cluster.pod(2, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.pod(1, "shutdown", "a-0", "n1", "10.0.0.1", 'a');
  const Json json = cluster.json();
  CHECK(json["replicas"][0]["count"] == Json::array({0}));
  CHECK(json["pods"][0]["running_s"] == 2.0);
  CHECK(json["pods"][0]["ended_s"] == 2.0);
}

TEST_CASE("weights over time, by the pods' names; a target that isn't in the list has none") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.joined.add(wire::weight_update_event({at(1), "a", "main", {{"10.0.0.1:8080", 1}}}));
  cluster.joined.add(wire::weight_update_event(
      {at(3), "a", "main", {{"10.0.0.1:8080", 3}, {"10.9.9.9:8080", 0.5}}}));
  // By a clock that is behind, so that it comes late.
  cluster.joined.add(wire::weight_update_event({at(2), "a", "main", {{"10.0.0.1:8080", 2}}}));
  cluster.joined.add(wire::weight_update_event({at(4), "a", "main", {}}));
  cluster.joined.add(wire::Event{at(4), "weight_update", "nonsense"});
  const Json weights = cluster.json()["weights"];
  REQUIRE(weights.size() == 1);
  CHECK(weights[0]["function"] == "a");
  CHECK(weights[0]["zone"] == "main");
  CHECK(weights[0]["t_s"] == Json({1.0, 2.0, 3.0, 4.0}));
  REQUIRE(weights[0]["targets"].size() == 2);
  CHECK(weights[0]["targets"][0]["name"] == "a-0");
  CHECK(weights[0]["targets"][0]["weight"] == Json({1.0, 2.0, 3.0, nullptr}));
  CHECK(weights[0]["targets"][1]["name"].is_null());
  CHECK(weights[0]["targets"][1]["weight"] == Json({nullptr, nullptr, 0.5, nullptr}));
}

TEST_CASE(
    "what a pod used is of all runs of its containers, and unknown where one wasn't measured") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.pod(0, "running", "a-1", "n1", "10.0.0.2", 'b');
  cluster.cpu(0, 'a', 10);
  cluster.cpu(1, 'a', 12);
  cluster.memory(1, 'a', 5e6);
  cluster.joined.add(wire::Event{
      at(2), "container/restart",
      fmt::format(R"({{"podUid": "uid-a-0", "container": "main", "id": "{}", "previousId": "{}"}})",
                  id_of('x'), id_of('a'))});
  cluster.cpu(3, 'x', 0);
  cluster.cpu(4, 'x', 1);
  cluster.memory(4, 'x', 7e6);
  const Json pods = cluster.json()["pods"];
  REQUIRE(pods.size() == 2);
  CHECK(pods[0]["cpu_s"] == 3.0);
  CHECK(pods[0]["memory_max_bytes"] == 7e6);
  CHECK(pods[0]["containers"][0]["ids"].size() == 2);
  CHECK(pods[1]["cpu_s"].is_null());
  CHECK(pods[1]["memory_max_bytes"].is_null());
}

TEST_CASE("what CPU limits held back is a figure of each pod, and a doubt where it is ours") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  cluster.standing("go-1", "go-load-balancer", 'g', R"("type": "api-gateway")");
  cluster.standing("w-1", "galileo-worker", 'w', R"("ether.edgerun.io/function": "client")");
  cluster.standing("telemd-cpu-1", "telemd", 't', R"("app": "telemd-cpu")");
  cluster.standing("w-2", "galileo-worker", 'v', R"("ether.edgerun.io/function": "client")");
  cluster.standing("w-3", "galileo-worker", 'u', R"("ether.edgerun.io/function": "client")");
  CHECK(cluster.json()["pods"][0]["cpu_limit_periods"].is_null());
  for (const char id : {'a', 'g', 'w', 't'}) {
    cluster.limit(1, id, 1000, 20);
    cluster.limit(2, id, 1060, 35);
    cluster.limit(3, id, 1100, 45);
  }
  // One that was hardly held back, and one of which a single value came.
  cluster.limit(1, 'v', 100, 7);
  cluster.limit(2, 'v', 1100, 8);
  cluster.limit(1, 'u', 100, 50);
  std::vector<std::string> doubts = doubts_of_throttling(cluster.joined, nullptr);
  REQUIRE(doubts.size() == 3);
  CHECK(doubts[0] ==
        "the gateway go-1 on n1 was held back by its CPU limit in 25 of 100 periods (25 %): take "
        "the limit out");
  CHECK(doubts[1].starts_with("the worker w-1 on n1 was held back"));
  CHECK(doubts[2].starts_with("the telemetry telemd-cpu-1 on n1 was held back"));
  const Json pods = cluster.json()["pods"];
  REQUIRE(pods.size() == 5);  // w-3 isn't measured, and served nothing
  for (const Json& pod : pods) {
    if (pod["name"] == "w-2") continue;
    CHECK(pod["cpu_limit_periods"] == 100);
    CHECK(pod["cpu_limit_throttled"] == 25);
  }
  // Who tells it of himself isn't told again; of another it is.
  GeneratorState generator;
  generator.workers.resize(2);
  generator.workers[0].worker = "w-1";
  CHECK(doubts_of_throttling(cluster.joined, &generator).size() == 3);
  generator.workers[0].throttled_periods = 25;
  doubts = doubts_of_throttling(cluster.joined, &generator);
  REQUIRE(doubts.size() == 2);
  CHECK(doubts[1].starts_with("the telemetry"));
  // None of it is a mark on a chart.
  CHECK(events_json(cluster.joined, kMeasuredStart)["list"].size() == 1);
}

TEST_CASE("of many that were held back some are told, and how many more there are") {
  Cluster cluster;
  for (int i = 0; i < 8; ++i) {
    const char id = static_cast<char>('a' + i);
    cluster.standing(fmt::format("go-{}", i), "go", id, R"("type": "api-gateway")");
    cluster.limit(1, id, 0, 0);
    cluster.limit(2, id, 10, 10);
  }
  const std::vector<std::string> doubts = doubts_of_throttling(cluster.joined, nullptr);
  REQUIRE(doubts.size() == 6);
  CHECK(doubts[5] == "3 further pods of ours were held back by their CPU limits");
}

TEST_CASE("what a gateway answers itself no pod of an application has had") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n2", "10.0.0.1", 'a');
  cluster.standing("go-1", "go-load-balancer", 'g', R"("type": "api-gateway")");
  cluster.request(1, 10, Cluster::hops("10.0.0.1:8080"));
  cluster.request(2, 10, "", "192.168.0.1:8080", 503);
  const auto rows = placement(cluster.joined, cluster.summary);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].node == "n2");
  CHECK(rows[0].answered == 1);
  CHECK(rows[1].node.empty());
  CHECK(rows[1].failed == 1);
}

TEST_CASE("events are marks in their order, from the start on; the run's own beginnings aren't") {
  Cluster cluster;
  cluster.joined.add(wire::Event{at(3), "scale", "{\"value\": 3}\n<b>"});
  cluster.pod(-1, "running", "a-0", "n1", "10.0.0.1", 'a');
  for (const char* name : {"phase/start", "phase/end", "fleet/clock"})
    cluster.joined.add(wire::Event{at(1), name, ""});
  cluster.joined.add(wire::weight_update_event({at(2), "a", "main", {{"10.0.0.1:8080", 1}}}));
  const Json events = events_json(cluster.joined, kMeasuredStart);
  REQUIRE(events["list"].size() == 3);
  CHECK(events["list"][0] == Json({{"t_s", 0.0}, {"name", "pod/running"}, {"text", "a-0 on n1"}}));
  CHECK(events["list"][1]["text"] == "a in main: 1 target");
  CHECK(events["list"][2]["name"] == "scale");
  CHECK(events["list"][2]["text"].get<std::string>().find('\n') == std::string::npos);
  // Of pods that serve nobody here nothing is said; of workers it is.
  cluster.pod(1, "running", "dns", "n1", "10.0.0.9", 'z', "");
  cluster.joined.add(
      wire::Event{at(1), "container/exit", R"({"podUid": "uid-dns", "container": "main"})"});
  CHECK(cluster.joined.marks().size() == 3);
  cluster.pod(1, "running", "worker", "n1", "10.0.0.8", 'y', "client");
  CHECK(cluster.joined.marks().size() == 4);
  for (std::size_t i = 0; i < JoinedView::kMarksMax; ++i)
    cluster.joined.add(wire::Event{at(1), "mark", ""});
  CHECK(events_json(cluster.joined, kMeasuredStart)["left_out"] == 4);
}

TEST_CASE("a long history is thinned, and ends as it ended") {
  Cluster cluster;
  for (int i = 0; i < 5000; ++i)
    cluster.joined.add(wire::weight_update_event(
        {at(i), "a", "main", {{"10.0.0.1:8080", static_cast<double>(i)}}}));
  const Json row = cluster.json()["weights"][0];
  CHECK(row["t_s"].size() <= 602);
  CHECK(row["t_s"].size() > 500);
  CHECK(row["t_s"].back() == 4999.0);
  CHECK(row["targets"][0]["weight"].back() == 4999.0);
}

TEST_CASE("what strangers send without end is bounded") {
  Cluster cluster;
  for (int i = 0; i < 3000; ++i) {
    cluster.request(1, 10, Cluster::hops(fmt::format("10.1.{}.{}:80", i / 250, i % 250), 1.001));
    cluster.joined.add(
        wire::Sample{at(1), "n", "kubernetes_cgrp_cpu", fmt::format("{:064}", i), 1});
  }
  for (int i = 0; i < 300; ++i)
    cluster.request(1, 10, fmt::format(R"({{"X-Forwarded-Host-G{}": "1000.5"}})", i));
  CHECK(cluster.joined.shares().size() == JoinedView::kSharesMax);
  CHECK(cluster.joined.paths().size() == JoinedView::kPathsMax);
  CHECK(cluster.json()["hops_left_out"].get<std::uint64_t>() > 200);
}

TEST_CASE("series of telemetry that there is no room for are told of, and what pods use is known") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a');
  TelemetrySeries telemetry(kMeasuredStart);
  const auto put = [&](const std::string& subsystem, double s, double value) {
    const wire::Sample sample{at(s), "n", "kubernetes_cgrp_cpu", subsystem, value};
    telemetry.add(sample);
    cluster.joined.add(sample);
  };
  for (std::size_t i = 0; i < TelemetrySeries::kSeriesMax; ++i) put(fmt::format("{}", i), 1, 1);
  RunResult result;
  const auto notes = [&] {
    return Json::parse(result_json(result, cluster.summary, telemetry, cluster.joined))["notes"];
  };
  CHECK(notes().empty());
  JoinedView misled;
  misled.add(wire::Event{at(1), "pod/running", "nonsense"});
  CHECK(Json::parse(result_json(result, cluster.summary, telemetry, misled))["notes"] ==
        Json::array({"1 event of pods couldn't be read"}));
  put(id_of('a'), 1, 1e9);
  put(id_of('a'), 2, 3e9);
  REQUIRE(notes().size() == 1);
  CHECK(notes()[0].get<std::string>().starts_with("2 values of telemetry are left out"));
  CHECK(cluster.json()["pods"][0]["cpu_s"] == 2.0);
}

TEST_CASE("an application is what its pods say, or what its service is called") {
  Cluster cluster;
  cluster.pod(0, "running", "a-0", "n1", "10.0.0.1", 'a', "my-app");
  cluster.request(1, 10, Cluster::hops("10.0.0.1:8080"), "gw:8080", 200, "main", "other-name");
  const Applications applications(cluster.joined);
  struct Case {
    const char* service;
    const char* application;
  };
  const Case cases[] = {{"other-name", "my-app"},
                        {"my-app", "my-app"},
                        {"my-app-main", "my-app"},
                        {"my-app-zone-b", "my-app-zone-b"},
                        {"stranger", "stranger"}};
  for (const Case& one : cases) {
    CAPTURE(one.service);
    CHECK(applications.of(one.service) == one.application);
  }
}

}  // namespace
}  // namespace galileo::analysis
