// `galileo load URL`: the same as a run of a file with one service and one group of clients, from
// flags in the spellings that people know from other tools.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "experiment/threshold_check.h"
#include "load/arrival.h"
#include "load/distribution.h"
#include "wire/uri.h"

namespace galileo::commands {
namespace {

constexpr std::size_t kBodyFileMax = std::size_t{64} << 20;
constexpr Duration kDefaultDuration = std::chrono::seconds{10};

// The flags as they were written.
struct LoadFlags {
  std::string url;
  std::string connections;
  std::string rate;
  std::string arrival;
  std::string num;
  std::string duration;
  std::string warmup;
  std::string timeout;
  std::string connect_timeout;
  std::string method;
  std::string body;
  std::string seed;
  std::uint32_t clients = 1;
  std::uint32_t threads = 0;
  std::uint32_t redirects = 0;
  std::vector<std::string> headers;
  std::vector<std::string> thresholds;
  bool ipv4 = false;
  bool ipv6 = false;
  bool poisson = false;
  bool no_telemetry = false;
};

// The Error of a value, with the flag that it belongs to.
Error of_flag(const char* flag, Error error) {
  error.what = error.what.empty() ? fmt::format("{}: {}", flag, error.why)
                                  : fmt::format("{}: {}", flag, error.what);
  error.why.clear();
  return error;
}

template <class T>
Result<T> flag_value(const char* flag, Result<T> value) {
  if (!value.ok()) return of_flag(flag, value.error());
  return value;
}

Error usage(std::string what, std::string hint) {
  return Error{ErrorCode::kUsage, std::move(what), {}, {}, std::move(hint)};
}

Result<load::Request> make_request(const LoadFlags& flags, const wire::Uri& uri) {
  load::Request request;
  request.path = uri.path;
  for (const std::string& header : flags.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0)
      return usage(fmt::format("-H '{}' is no header", header), "write it as 'Name: value'");
    request.headers.emplace_back(trim(header.substr(0, colon)), trim(header.substr(colon + 1)));
    if (header.find_first_of("\r\n") != std::string::npos)
      return usage("a header can't hold a line break", {});
  }
  if (!uri.user_info.empty())
    request.headers.emplace_back("Authorization", "Basic " + wire::base64(uri.user_info));
  if (!flags.body.empty()) {
    request.has_body = true;
    request.body = flags.body;
    if (flags.body.front() == '@')
      request.body = TRY(read_whole_file(flags.body.substr(1), kBodyFileMax));
  }
  request.method = flags.method.empty() ? (request.has_body ? "POST" : "GET") : flags.method;
  for (char& c : request.method) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c < 'A' || c > 'Z')
      return usage(fmt::format("'{}' is no method", flags.method), "use GET, POST, ...");
  }
  if (!flags.timeout.empty())
    request.timeout = TRY(flag_value("--timeout", parse_duration(flags.timeout)));
  return request;
}

// Open loop by --rate or --arrival, closed loop by -c alone.
Result<void> set_arrival(const LoadFlags& flags, load::ClientSpec& client, load::Limits& limits) {
  std::uint32_t connections = 0;
  if (!flags.connections.empty()) {
    const std::uint64_t count = TRY(flag_value("-c", parse_count(flags.connections)));
    if (count < 1 || count > 1'000'000) return usage("-c must be from 1 to 1,000,000", {});
    connections = static_cast<std::uint32_t>(count);
  }
  if (!flags.rate.empty() && !flags.arrival.empty())
    return usage("--rate and --arrival can't both be given", "give one of them");
  if (flags.rate.empty() && flags.arrival.empty()) {
    client.closed_loop = true;
    client.connections = std::max(connections, 1u);
    limits.connections_max = client.connections * flags.clients;
    return {};
  }
  if (connections > 0) limits.connections_max = connections;
  if (!flags.rate.empty()) {
    const double rps = TRY(flag_value("--rate", parse_rate(flags.rate)));
    client.arrival.kind = "constant_rate";
    // The rate is that of all clients together.
    client.arrival.parameters = {rps / flags.clients};
    client.arrival.process = flags.poisson ? "exponential" : "static";
  } else {
    const load::Call call = TRY(flag_value("--arrival", load::parse_call(flags.arrival)));
    client.arrival.kind = call.name;
    client.arrival.parameters = call.arguments;
  }
  if (load::unpaced(client.arrival)) return {};
  const char* flag = flags.rate.empty() ? "--arrival" : "--rate";
  const auto checked = load::make_arrival(client.arrival);
  return checked.ok() ? Result<void>() : Result<void>(of_flag(flag, checked.error()));
}

Result<experiment::Plan> make_plan(const LoadFlags& flags) {
  const wire::Uri uri = TRY(wire::parse_uri(flags.url));
  experiment::Plan plan;
  plan.name = fmt::format("load {}", uri.host_port());
  plan.creator = environment("USER").value_or("");
  if (!flags.seed.empty()) {
    plan.seed = TRY(flag_value("--seed", parse_count(flags.seed)));
    plan.seed_given = true;
  }
  plan.services.push_back({"load", {{uri.host_port(), 1}}, "SymmetryHostRouter", "wrr", ""});
  load::ClientSpec client;
  client.service = "load";
  client.name = "local:load";
  client.count = flags.clients;
  if (client.count < 1 || client.count > 1'000'000)
    return usage("--clients must be from 1 to 1,000,000", {});
  client.request = TRY(make_request(flags, uri));
  load::Limits& limits = plan.limits;
  limits.threads = flags.threads;
  limits.redirects_max = flags.redirects;
  limits.address_family = flags.ipv4 ? 4 : flags.ipv6 ? 6 : 0;
  if (!flags.connect_timeout.empty())
    limits.connect_timeout =
        TRY(flag_value("--connect-timeout", parse_duration(flags.connect_timeout)));
  TRY(set_arrival(flags, client, limits));
  if (!flags.num.empty()) {
    const std::uint64_t requests = TRY(flag_value("-n", parse_count(flags.num)));
    // As with other tools -n is the number over all clients.
    client.requests = requests / flags.clients;
    if (*client.requests * flags.clients != requests)
      return usage(
          fmt::format("-n {} can't be shared evenly by {} clients", requests, flags.clients),
          "give a multiple");
  }
  if (!flags.duration.empty())
    client.duration = TRY(flag_value("--duration", parse_duration(flags.duration)));
  if (!client.requests && !client.duration) client.duration = kDefaultDuration;
  if (!flags.warmup.empty())
    plan.warmup = TRY(flag_value("--warmup", parse_duration(flags.warmup)));
  plan.telemetry.enabled = !flags.no_telemetry;
  plan.phases.push_back({"main", {client}, std::nullopt});
  plan.thresholds = flags.thresholds;
  for (const std::string& threshold : plan.thresholds)
    TRY(experiment::check_threshold(threshold, plan));
  return plan;
}

void add_flags(CLI::App& app, LoadFlags& flags) {
  app.add_option("URL", flags.url, "http://host:port/path")->required();
  app.add_option("-c,--connections", flags.connections,
                 "connections; without a rate each sends again as soon as it is answered [1]");
  app.add_option("-r,--rate", flags.rate, "requests a second, evenly: 100, 10k, 50/1s, 600/m");
  app.add_flag("--poisson", flags.poisson, "draw the times between requests (with --rate)");
  app.add_option("--arrival", flags.arrival,
                 "times between requests in seconds, or a rate shape: 'expovariate(100)', "
                 "'ramp(10, 1000, 60)'");
  app.add_option("-n,--num,--requests", flags.num, "requests in all: 100, 10k");
  app.add_option("-d,-z,--duration", flags.duration, "how long: 90, 30s, 5m [10s without -n]");
  app.add_option("--clients", flags.clients, "clients, which share the rate, one after the other")
      ->capture_default_str();
  app.add_option("-m,--method", flags.method, "method [GET, with a body POST]");
  app.add_option("-H,--header", flags.headers, "header, 'Name: value'; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("-b,--body", flags.body, "body; @FILE reads it from a file");
  app.add_option("--timeout", flags.timeout, "for each request [30s]");
  app.add_option("--connect-timeout", flags.connect_timeout, "for each connection [10s]");
  app.add_option("--redirects", flags.redirects, "redirects that are followed [0]");
  app.add_flag("-4,--ipv4", flags.ipv4, "IPv4 only");
  app.add_flag("-6,--ipv6", flags.ipv6, "IPv6 only");
  app.add_option("-t,--threads", flags.threads, "event loops [one a core]");
  app.add_option("--warmup", flags.warmup, "left out of the statistics: 5s");
  app.add_option("--threshold", flags.thresholds, "as 'p95(latency) < 50ms'; may be given again")
      ->expected(1)
      ->take_all();
  app.add_option("--seed", flags.seed, "of all draws [drawn, and kept with the result]");
  app.add_flag("--no-telemetry", flags.no_telemetry, "don't read this machine meanwhile");
}

}  // namespace

int load(const Arguments& arguments) {
  LoadFlags flags;
  OutputOptions output;
  CLI::App app(
      "Load a URL.\n\nexamples:\n"
      "  galileo load http://127.0.0.1:8080/ --rate 1k --duration 30s\n"
      "  galileo load http://127.0.0.1:8080/ -c 50 -n 100k\n"
      "  galileo load http://127.0.0.1:8080/ --arrival 'expovariate(100)' --clients 10\n",
      "galileo load");
  add_flags(app, flags);
  add_output_options(app, output);
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto plan = make_plan(flags);
  if (!plan.ok()) return fail("load", plan.error());
  return run_and_print("load", *plan, output, arguments);
}

}  // namespace galileo::commands
