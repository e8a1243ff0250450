// Experiment files as people write them wrong: every problem of a file, each at its line and
// column, with what to do.
#include "plan/file.h"

#include <doctest/doctest.h>

namespace galileo::plan {
namespace {

constexpr const char* kServices = "services: {app: {hosts: {\"127.0.0.1:80\": 1}}}\n";

Result<Plan> parse(const std::string& text, const FileOptions& options = {}) {
  return parse_plan(text, "f.yaml", options);
}

// The problems' lines without their indentation; empty where there are none.
std::string problems(const std::string& text, const FileOptions& options = {}) {
  const auto plan = parse(text, options);
  if (plan.ok()) return {};
  CHECK(plan.error().code == ErrorCode::kUsage);
  std::string lines = plan.error().why;
  for (std::size_t at = lines.find("\n  "); at != std::string::npos; at = lines.find("\n  ", at))
    lines.replace(at, 3, at == 0 ? "" : "\n");
  return lines;
}

// A file with a client that is written so, in its fifth line.
std::string with_client(const std::string& client) {
  return std::string("name: x\n") + kServices + "\nclients:\n  - " + client + "\n";
}

struct Wrong {
  std::string text;
  std::string problems;
};

// clang-format off
const Wrong kFiles[] = {
    {"", "f.yaml: the file is empty; examples/hello/experiment.yaml is one to begin with"},
    {"[]", "f.yaml:1:1: the file must be a map, not a list"},
    {"name: x", "f.yaml:1:1: the file has no service; add services: {name: {hosts: {\"127.0.0.1:8080\": 1}}}\nf.yaml:1:1: the file has no clients; add clients: [{service: ..., rate: 100, duration: 10s}]"},
    {"name: ''\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nclients: [{service: app, rate: 1}]", "f.yaml:1:7: name is empty"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nphases:\n  - {name: a, clients: [{service: app, rate: 1}]}\n  - {name: a, duration: 1s, clients: [{service: app, rate: 1}]}\n", "f.yaml:5:12: two phases are called 'a'"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nphases:\n  - {name: a, clients: [{service: app, rate: 1}]}\n  - {name: b, duration: 1s, clients: [{service: app, rate: 1}]}\n", "f.yaml:4:5: the phase 'a' never ends, so 'b' never begins; give it a duration, or its clients requests or a duration"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nphases: [{name: warmup, clients: [{service: app, rate: 1}]}]\n", "f.yaml:3:17: a phase can't be called warmup; that is the name of what warmup leaves out"},
    {"nam: x\nservices: 7\nclients: []", "f.yaml:1:1: unknown key 'nam'; did you mean 'name'?\nf.yaml:2:11: services must be a map of names to services, not '7'\nf.yaml:3:10: the file has no clients; add clients: [{service: ..., rate: 100, duration: 10s}]"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nclients: []\nphases: []", "f.yaml:4:9: the file can't have clients and phases; put the clients into the phases\nf.yaml:4:9: the file has no clients; add clients: [{service: ..., rate: 100, duration: 10s}]"},
    {"name: x\nseed: -1\nwarmup: long\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nclients: [{service: app, rate: 1}]", "f.yaml:2:7: seed must be a whole number from 0 to 9,000,000,000,000,000,000, not '-1'; write it as 100, 10k or 1.5M\nf.yaml:3:9: warmup must be a duration, not 'long'; write it as 90, 1.5s, 250ms or 1h30m"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nclients: [{service: app, rate: 1}]\nlimits: {threads: 2000, fail_on: [99], grace: x, address_family: ipv5}", "f.yaml:4:19: limits.threads must be a whole number from 0 to 1,024, not '2000'\nf.yaml:4:34: limits.fail_on: '99' isn't a list of statuses; write 400-599, or 404, 5xx, or none\nf.yaml:4:47: limits.grace must be a duration, not 'x'; write it as 90, 1.5s, 250ms or 1h30m\nf.yaml:4:66: unknown address_family 'ipv5' in limits; did you mean 'ipv4'?"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\nclients: [{service: app, rate: 1}]\nthresholds: [\"p95(latency) < 5\", {}, \"p95(latencies) < 5ms\"]", "f.yaml:4:14: thresholds[0]: threshold 'p95(latency) < 5': at character 16: the limit is a time: 5 of what?; say 5ms\nf.yaml:4:34: thresholds[1].expression is missing\nf.yaml:4:38: thresholds[2]: threshold 'p95(latencies) < 5ms': at character 17: unknown metric 'latencies'; did you mean 'latency'?"},
    {"name: x\nservices:\n  app: {hosts: {\"a:80\": -1, \"b:99999\": 1}, balancer: wr}\n  other: {hosts: [c, c]}\n  none: {hosts: {d: 0}}\n  lost: {}\nclients: [{service: app, rate: 1}]", "f.yaml:3:25: the weight of a:80 must be a number from 0 up, not '-1'\nf.yaml:3:29: 'b:99999' isn't an address: its port isn't from 1 to 65535; write it as host:port, 127.0.0.1:8080 or [::1]:8080\nf.yaml:3:54: unknown balancer 'wr' in services.app; did you mean 'wrr'?\nf.yaml:4:22: the host 'c' is there twice\nf.yaml:5:17: services.none.hosts has no host with a weight above 0\nf.yaml:6:9: services.lost.hosts is missing; write hosts: {\"127.0.0.1:8080\": 1}"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\napplications:\n  - {name: ../up, command: \"a 'b\"}\n  - {name: app, command: []}\n  - {command: x, ready: \"http://\", stop_timeout: 1}\n  - {name: app, command: x, environment: {\"a=b\": 1}}\nclients: [{service: app, rate: 1}]", "f.yaml:4:12: applications[0].name can't hold a '/' or begin with '.'\nf.yaml:4:28: applications[0].command: a ' isn't closed; close it, or give the command as a list\nf.yaml:5:26: applications[1].command names no program\nf.yaml:6:5: applications[2].name is missing\nf.yaml:6:25: applications[2].ready: 'http://' isn't a URL: it has no valid host; write it as http://host:port/path\nf.yaml:7:5: two applications are called 'app'\nf.yaml:7:43: 'a=b' can't name an environment variable"},
    {"name: x\nservices: {app: {hosts: {\"127.0.0.1:80\": 1}}}\ntelemetry:\n  period: 1ms\n  instruments: [cpus]\n  processes: [app, {name: p}, {name: p, pid: 0}]\n  files: {\"a b\": \"\"}\n  scrape: {page: \"ftp://x\"}\nclients: [{service: app, rate: 1}]", "f.yaml:4:11: telemetry.period is below 10ms; give a period from 10ms up\nf.yaml:5:16: unknown instrument 'cpus'; did you mean 'cpu'?\nf.yaml:6:15: no application is called 'app'; watch a running process as {name: ..., pid: ...}\nf.yaml:6:20: a process needs either pid or pid_file\nf.yaml:6:31: two processes are called 'p'\nf.yaml:6:46: telemetry.processes[2].pid must be a whole number from 1 to 2,147,483,647, not '0'\nf.yaml:7:10: telemetry.files.a b is empty\nf.yaml:8:11: telemetry.scrape.page: 'ftp://x' isn't a URL: the scheme is 'ftp'; write it as http://host:port/path"},
};

const Wrong kClients[] = {
    {"{rate: 1}", "f.yaml:5:5: clients[0].service is missing"},
    {"{service: ap, rate: 1}", "f.yaml:5:15: no service is called 'ap'; did you mean 'app'?"},
    {"{service: app, rate: 1, num: 0}", "f.yaml:5:34: clients[0].num must be a whole number from 1 to 1,000,000, not '0'"},
    {"{service: app, rate: 1, num: 1.5}", "f.yaml:5:34: clients[0].num must be a whole number from 1 to 1,000,000, not '1.5'; write it as 100, 10k or 1.5M"},
    {"{service: app, rate: fast}", "f.yaml:5:26: clients[0].rate must be a rate from 0 up, not 'fast'; write it as 100, 10k, 50/1s or 600/m (requests a second without '/')"},
    {"{service: app, rate: 1, closed_loop: {connections: 0}}", "f.yaml:5:5: a client can have only one of arrival, rate and closed_loop\nf.yaml:5:56: clients[0].closed_loop.connections must be a whole number from 1 to 1,000,000, not '0'"},
    {"{service: app, rate: {shape: sine, max_rps: 5}}", "f.yaml:5:26: clients[0].rate.period is missing for the shape sine"},
    {"{service: app, rate: {shape: ramp, max_rps: 5, form: 1, to: 2, second: 1s}}", "f.yaml:5:49: clients[0].rate.max_rps isn't of the shape ramp; it takes from, to, seconds\nf.yaml:5:52: unknown key 'form' in clients[0].rate; did you mean 'from'?\nf.yaml:5:68: unknown key 'second' in clients[0].rate; did you mean 'seconds'?"},
    {"{service: app, rate: {shape: steps, steps: []}}", "f.yaml:5:48: clients[0].rate.steps is empty; write steps: [{rps: 100, for: 10s}, {rps: 200, for: 10s}]"},
    {"{service: app, rate: {shape: steps, steps: [{rps: 1}, {for: 0s, rps: 1}]}}", "f.yaml:5:49: clients[0].rate.steps[0].for is missing\nf.yaml:5:65: clients[0].rate.steps[1].for must be a duration above 0, not '0s'"},
    {"{service: app, rate: {shape: sin}}", "f.yaml:5:34: unknown shape 'sin' in clients[0].rate; did you mean 'sine'?"},
    {"{service: app, arrival: expovariat(3)}", "f.yaml:5:29: clients[0].arrival: unknown distribution 'expovariat'; did you mean 'expovariate'?"},
    {"{service: app, arrival: {distribution: expovariate, parameters: [1, x]}}", "f.yaml:5:73: clients[0].arrival.parameters must be a list of numbers, not 'x'"},
    {"{service: app, arrival: {distribution: expovariate}}", "f.yaml:5:29: clients[0].arrival: expovariate takes 1 parameter, not 0; write it as expovariate(lambd)"},
    {"{service: app, arrival: {list: [1], profile: p.csv}}", "f.yaml:5:50: clients[0].arrival.profile can't be there beside list\nf.yaml:5:50: clients[0].arrival.profile: can't read: p.csv: files can't be read here"},
    {"{service: app, arrival: {profile: p.csv}}", "f.yaml:5:39: clients[0].arrival.profile: can't read: p.csv: files can't be read here"},
    {"{service: app, arrival: {list: [], column: a}}", "f.yaml:5:48: clients[0].arrival.column is of a profile only"},
    {"{service: app, rate: 1, requests: -1, duration: 0s, start_after: x}", "f.yaml:5:39: clients[0].requests must be a whole number from 0 to 1,000,000,000,000,000, not '-1'; write it as 100, 10k or 1.5M\nf.yaml:5:53: clients[0].duration must be a duration above 0, not '0s'\nf.yaml:5:70: clients[0].start_after must be a duration, not 'x'; write it as 90, 1.5s, 250ms or 1h30m"},
    {"{service: app, rate: 1, worker_labels: [a]}", "f.yaml:5:44: clients[0].worker_labels must be a map of labels to values, not a list"},
    {"{service: app, rate: 1, name: \"a,b\"}", "f.yaml:5:35: clients[0].name can't hold a ','"},
    {"[service, app]", "f.yaml:5:5: clients[0] must be a map, not a list"},
};
// clang-format on

}  // namespace

TEST_CASE("a file that is wrong gets all its problems, each at its line and column") {
  for (const Wrong& wrong : kFiles) {
    INFO(wrong.text);
    CHECK(problems(wrong.text) == wrong.problems);
  }
}

TEST_CASE("a client that is wrong gets its problems where they stand") {
  for (const Wrong& wrong : kClients) {
    INFO(wrong.text);
    CHECK(problems(with_client(wrong.text)) == wrong.problems);
  }
}

}  // namespace galileo::plan
