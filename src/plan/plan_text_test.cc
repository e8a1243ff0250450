// The plan as people and programs read it before it runs, and that no secret is in either.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "plan/file.h"

namespace galileo::plan {
namespace {

Plan parse(const std::string& text) {
  FileOptions options;
  options.read_file = [](const std::string&) { return Result<std::string>("0.5\n0.5\n"); };
  auto plan = parse_plan(text, "f.yaml", options);
  if (!plan.ok()) FAIL(plan.error().to_text());
  return std::move(*plan);
}

// A plan of one client that is written so, and its line of the table, columns apart by one bar.
std::string line_of(const std::string& client) {
  const Plan plan =
      parse("name: x\nservices: {app: {hosts: [\"h:80\"]}}\nclients:\n  - " + client + "\n");
  const std::string text = describe(plan);
  const std::size_t begin = text.find("\n", text.find("\n  clients ") + 1) + 3;
  std::string line = text.substr(begin, text.find('\n', begin) - begin);
  for (std::size_t at = line.find("  "); at != std::string::npos; at = line.find("  ", at + 1))
    line.replace(at, line.find_first_not_of(' ', at) - at, "|");
  return line;
}

constexpr const char* kSecret = "s3cr3t";

}  // namespace

TEST_CASE("each way of a client to send is said in words, with what is known of it") {
  struct Said {
    std::string client;
    std::string line;
  };
  // clang-format off
  const Said kSaid[] = {
      {"{service: app, rate: 100, duration: 10s}", "1 x local:app|app|GET /|100/s|100/s|about 1,000|10.0s"},
      {"{service: app, num: 3, rate: 1k, requests: 500}", "3 x local:app|app|GET /|1000/s|3,000/s|1,500|about 500ms"},
      {"{service: app, rate: 5}", "1 x local:app|app|GET /|5/s|-|unknown|until it is stopped"},
      {"{service: app, rate: {shape: constant, rps: 10, process: exponential}, duration: 2s}", "1 x local:app|app|GET /|10/s, exponential|10/s|about 20|2.00s"},
      {"{service: app, rate: {shape: sine, max_rps: 10, period: 2s}, duration: 4s}", "1 x local:app|app|GET /|sine up to 10/s every 2s|5/s|about 20|4.00s"},
      {"{service: app, rate: {shape: ramp, from: 0, to: 10, seconds: 2s}, duration: 2s}", "1 x local:app|app|GET /|ramp from 0/s to 10/s in 2s|5/s|about 10|2.00s"},
      {"{service: app, rate: {shape: steps, steps: [{rps: 1, for: 2s}, {rps: 3, for: 4s}]}}", "1 x local:app|app|GET /|steps 1/s for 2s, 3/s for 4s|2.33/s|about 14|about 6.00s"},
      {"{service: app, closed_loop: {connections: 1}, requests: 7}", "1 x local:app|app|GET /|closed loop, 1 connection|-|7|until they are sent"},
      {"{service: app, num: 2, closed_loop: {connections: 50}, duration: 5s}", "2 x local:app|app|GET /|closed loop, 50 connections|-|unknown|5.00s"},
      {"{service: app, name: n, arrival: {profile: p.csv}}", "1 x local:n|app|GET /|prerecorded, 2 inter-arrivals|2/s|2|about 1.00s"},
      {"{service: app, rate: 1, duration: 5s, start_after: 1s, warmup: 2s}", "1 x local:app|app|GET /|1/s|1/s|about 5|5.00s, from 1.00s on, the first 2.00s are warm-up"},
      {"{service: app, request: {method: post, path: \"/a?token=s3cr3t\"}, rate: 1, requests: 1}", "1 x local:app|app|POST /a?token=***|1/s|1/s|1|about 1.00s"},
  };
  // clang-format on
  for (const Said& said : kSaid) {
    INFO(said.client);
    CHECK(line_of(said.client) == said.line);
  }
}

TEST_CASE("no secret of a plan is in its text, nor in its JSON") {
  const std::string file = R"(
name: x
applications:
  - name: app
    command: [app, --password, s3cr3t, "--token=s3cr3t", "http://u:s3cr3t@h/"]
    environment: {KEY: s3cr3t}
    ready: http://u:s3cr3t@127.0.0.1:80/
services:
  app: {router: StaticRouter, static_host: "http://u:s3cr3t@h:80"}
clients:
  - service: app
    request:
      method: post
      path: /?password=s3cr3t&a=1
      headers: {Authorization: Bearer s3cr3t, Cookie: s3cr3t, X-Api-Key: s3cr3t, Accept: text}
      data: s3cr3t
    rate: 1
    requests: 1
telemetry:
  scrape: {page: "http://u:s3cr3t@h/?token=s3cr3t"}
  commands: {queue: "curl --password=s3cr3t http://u:s3cr3t@h"}
)";
  const Plan plan = parse(file);
  const std::string json = to_json(plan);
  CHECK(json.find(kSecret) == std::string::npos);
  CHECK(describe(plan).find(kSecret) == std::string::npos);
  CHECK(plan.source_text.find(kSecret) != std::string::npos);  // so there was something to hide
  const auto read = nlohmann::json::parse(json);
  CHECK(read["applications"][0]["environment"] == nlohmann::json::array({"KEY"}));
  const auto& request = read["phases"][0]["clients"][0]["request"];
  CHECK(request["headers"]["Accept"] == "text");
  CHECK(request["headers"]["Authorization"] == "***");
  CHECK(request["body_bytes"] == 6);
}

TEST_CASE("a plan says what it is on: this machine's threads and connections, or each worker's") {
  const Plan plan = parse(
      "name: x\ncreator: me\nseed: 9\nservices: {app: {hosts: {\"h:80\": 2.5}}}\n"
      "clients: [{service: app, rate: 1, requests: 2}]\nlimits: {threads: 3, connections: 7}\n"
      "telemetry: off\nthresholds: [\"failed == 0\"]\n");
  const std::string here = describe(plan);
  CHECK(here.starts_with("experiment x by me, seed 9\n"));
  CHECK(here.find("\n  app  h:80 (weight 2.5)  SymmetryHostRouter, wrr\n") != std::string::npos);
  CHECK(here.find("\ntelemetry off\n") != std::string::npos);
  CHECK(here.find("\nthresholds\n  failed == 0\n") != std::string::npos);
  CHECK(here.find("\nlimits: 3 threads, 7 connections, ") != std::string::npos);
  CHECK(here.find("\nin all 1 client, about 2 requests, about 2.00s\n") != std::string::npos);
  CHECK(describe(plan, Where::kFleet).find("as each worker has them") != std::string::npos);
}

}  // namespace galileo::plan
