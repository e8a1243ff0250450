// The plan as people read it before it runs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/secrets.h"
#include "base/text.h"
#include "load/arrival.h"
#include "load/template_text.h"
#include "plan/plan.h"

namespace galileo::plan {
namespace {

constexpr std::size_t kStepsShown = 4;

using Row = std::vector<std::string>;

// Columns as wide as their widest cell, two blanks between them.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += fmt::format("  {:<{}}", row[i], i + 1 < row.size() ? widths[i] : 0);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

// A word of a command as a shell would want it.
std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:=,@%+").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string steps_text(const std::vector<double>& parameters) {
  std::string text = "steps";
  for (std::size_t i = 0; i + 1 < parameters.size(); i += 2) {
    if (i / 2 == kStepsShown) return fmt::format("{}, ... ({})", text, parameters.size() / 2);
    text += fmt::format("{} {}/s for {}s", i == 0 ? "" : ",", parameters[i], parameters[i + 1]);
  }
  return text;
}

std::string pace_text(const load::ClientSpec& client) {
  if (!client.closed_loop) return describe(client.arrival);
  const std::uint32_t connections = std::max(client.connections, 1u);
  const load::HttpSettings& http = client.request.http;
  const std::string streams =
      http.may_be_2() ? fmt::format(" of HTTP/2, {} stream{} each", std::max(http.streams, 1u),
                                    http.streams > 1 ? "s" : "")
                      : "";
  return fmt::format("closed loop, {} connection{}{}", connections, connections == 1 ? "" : "s",
                     streams);
}

// All the clients together, on average: "300/s".
std::string rate_text(const load::ClientSpec& client, const ClientExpectation& one) {
  if (!one.requests || !one.duration || one.duration->count() <= 0) return "-";
  const double rps = *one.requests * client.count / to_seconds(*one.duration);
  if (rps > 1e18) return "-";
  return rps < 1000 ? fmt::format("{:.3g}/s", rps)
                    : format_count(static_cast<std::uint64_t>(std::llround(rps))) + "/s";
}

// "9,000", "about 300", "unknown".
std::string requests_text(const load::ClientSpec& client, const ClientExpectation& one) {
  if (!one.requests || *one.requests * client.count > 1e18) return "unknown";
  const auto listed = static_cast<double>(client.arrival.recorded_s.size());
  const bool exact = (client.requests && *one.requests == static_cast<double>(*client.requests)) ||
                     (client.arrival.kind == "prerecorded" && *one.requests == listed);
  return (exact ? "" : "about ") +
         format_count(static_cast<std::uint64_t>(std::llround(*one.requests * client.count)));
}

std::string lasts_text(const load::ClientSpec& client, const ClientExpectation& one) {
  std::string text = "until it is stopped";
  if (one.duration) text = "about " + format_duration(*one.duration);
  if (!one.duration && one.requests) text = "until they are sent";
  if (client.duration && one.duration == client.duration) text = format_duration(*client.duration);
  if (client.start_after.count() > 0)
    text += fmt::format(", from {} on", format_duration(client.start_after));
  if (client.warmup.count() > 0)
    text += fmt::format(", the first {} are warm-up", format_duration(client.warmup));
  return text;
}

std::string actions_text(const Phase& phase) {
  std::string text;
  for (const Action& action : phase.actions) text += fmt::format("  {}\n", describe(action));
  return text;
}

// "GET /", or who makes the requests: "replay of access.log".
std::string request_text(const load::Request& request) {
  const auto file = request.source.parameters.find("file");
  if (!request.source.kind.empty() && file != request.source.parameters.end())
    return fmt::format("{} of {}", request.source.kind, file->second);
  return fmt::format(
      "{} {}", request.method,
      without_secrets_of_url(load::with_templates(request.path, request.source.parameters)));
}

std::string phase_text(const Phase& phase) {
  std::vector<Row> rows{{"clients", "service", "request", "when", "rate", "requests", "lasts"}};
  for (const load::ClientSpec& client : phase.clients) {
    const ClientExpectation one = expect(client, phase);
    rows.push_back({fmt::format("{} x {}", client.count, client.name), client.service,
                    request_text(client.request), pace_text(client), rate_text(client, one),
                    requests_text(client, one), lasts_text(client, one)});
  }
  return fmt::format("\nphase {}{}\n", phase.name,
                     phase.duration ? ", at most " + format_duration(*phase.duration) : "") +
         table(rows) + actions_text(phase);
}

std::string pods_text(const Pods& pods) {
  if (pods.from_manifests) return fmt::format("pods of the manifests, {} at least", pods.count);
  std::string where;
  for (const auto& [node, count] : pods.on_nodes)
    where += fmt::format("{}{} on {}", where.empty() ? "" : ", ", count, node);
  if (where.empty()) where = fmt::format("{} where a scheduler puts them", pods.count);
  if (const auto& scale = pods.autoscale)
    where += fmt::format(
        ", {} to {} {}", scale->fewest, scale->most,
        scale->cpu_pct > 0 ? fmt::format("at {} % of their CPU", scale->cpu_pct) : "by metrics");
  return fmt::format("pods of {}: {}{}", pods.image, where,
                     pods.zone.empty() ? "" : ", zone " + pods.zone);
}

std::string applications_text(const std::vector<Application>& applications) {
  if (applications.empty()) return {};
  std::vector<Row> rows;
  for (const Application& application : applications) {
    if (application.pods) {
      rows.push_back({application.name, pods_text(*application.pods)});
      continue;
    }
    std::string command;
    for (const std::string& word : without_secrets_of_words(application.command))
      command += (command.empty() ? "" : " ") + shell_word(word);
    rows.push_back({application.name, command});
    if (!application.directory.empty()) rows.push_back({"", "in " + application.directory});
    if (!application.ready.empty())
      rows.push_back({"", fmt::format("ready when {} answers, within {}",
                                      without_secrets_of_url(application.ready),
                                      format_duration(application.ready_timeout))});
  }
  return "\napplications\n" + table(rows);
}

std::string cluster_text(const Cluster& cluster) {
  std::string text;
  if (!cluster.manifests.empty()) {
    std::vector<Row> rows;
    for (const Manifest& one : cluster.manifests)
      rows.push_back({one.kind, one.name_space.empty() ? one.name : one.name_space + "/" + one.name,
                      one.where()});
    text += "\nmanifests\n" + table(rows);
  }
  if (cluster.weights == WhoWeighs::kOnce)
    text += "\nweights are written at the start and taken back at the end\n";
  if (cluster.weights == WhoWeighs::kNone) text += "\nweights are somebody else's to write\n";
  return text;
}

std::string services_text(const std::vector<load::ServiceSpec>& services) {
  std::vector<Row> rows;
  for (const load::ServiceSpec& service : services) {
    std::vector<std::string> hosts;
    for (const auto& [host, weight] : service.hosts)
      hosts.push_back(fmt::format("{} (weight {})", host, weight));
    if (hosts.empty()) hosts = {"the gateway of its zone"};
    if (!service.static_host.empty()) hosts = {without_user_info(service.static_host)};
    rows.push_back({service.name, fmt::format("{}", fmt::join(hosts, ", ")),
                    fmt::format("{}, {}", service.router, service.balancer)});
  }
  return "\nservices\n" + table(rows);
}

std::string telemetry_text(const Telemetry& telemetry) {
  if (!telemetry.enabled) return "\ntelemetry off\n";
  std::vector<std::string> names = telemetry.applications;
  for (const WatchedProcess& process : telemetry.processes) names.push_back(process.name);
  std::string text = fmt::format("\ntelemetry every {}: {}{}{}", format_duration(telemetry.period),
                                 telemetry.instruments.empty()
                                     ? "all instruments"
                                     : fmt::format("{}", fmt::join(telemetry.instruments, ", ")),
                                 names.empty() ? "" : "; processes ", fmt::join(names, ", "));
  for (const auto& file : telemetry.files) text += fmt::format("; file {}", file.path);
  for (const auto& page : telemetry.pages)
    text += fmt::format("; page {}", without_secrets_of_url(page.url));
  for (const auto& command : telemetry.commands)
    text += fmt::format("; command {}", without_secrets_of_text(command.command));
  if (!telemetry.nodes.empty())
    text += fmt::format("; of the nodes {}", fmt::join(telemetry.nodes, ", "));
  return text + "\n";
}

}  // namespace

std::string describe(const load::ArrivalSpec& arrival) {
  const std::vector<double>& p = arrival.parameters;
  if (load::unpaced(arrival)) return "as fast as possible";
  std::string text = fmt::format("{}({})", arrival.kind, fmt::join(p, ", "));
  if (arrival.kind == "prerecorded")
    text = fmt::format("prerecorded, {} inter-arrivals", format_count(arrival.recorded_s.size()));
  if (arrival.kind == "constant_rate" && p.size() == 1) text = fmt::format("{}/s", p[0]);
  if (arrival.kind == "sine" && p.size() == 2)
    text = fmt::format("sine up to {}/s every {}s", p[0], p[1]);
  if (arrival.kind == "ramp" && p.size() == 3)
    text = fmt::format("ramp from {}/s to {}/s in {}s", p[0], p[1], p[2]);
  if (arrival.kind == "steps") text = steps_text(p);
  return arrival.process == "exponential" ? text + ", exponential" : text;
}

std::string describe(const Action& action) {
  const std::string when = action.at ? fmt::format("at {}", format_duration(*action.at))
                                     : fmt::format("when {}", action.condition);
  if (const auto* const put = std::get_if<Action::PutEvent>(&action.what))
    return fmt::format("{}: event {}", when, put->name);
  if (const auto* const cluster = std::get_if<Action::ChangeCluster>(&action.what))
    return fmt::format("{}: {}", when, describe(*cluster));
  const auto& change = std::get<Action::ChangeArrival>(action.what);
  return fmt::format("{}: {} for client {}", when, describe(change.arrival), change.client);
}

std::string describe(const Plan& plan, Where where) {
  std::string text = fmt::format("experiment {}{}, seed {}\n", plan.name,
                                 plan.creator.empty() ? "" : " by " + plan.creator,
                                 plan.seed_given ? fmt::format("{}", plan.seed) : "drawn at start");
  text += applications_text(plan.applications);
  if (plan.cluster) text += cluster_text(*plan.cluster);
  text += services_text(plan.services);
  for (const Phase& phase : plan.phases) text += phase_text(phase);
  text += telemetry_text(plan.telemetry);
  if (!plan.metadata.empty()) text += fmt::format("\nmetadata {}\n", plan.metadata);
  if (plan.warmup.count() > 0)
    text += fmt::format("\nwarm-up {}: left out of the statistics\n", format_duration(plan.warmup));
  if (!plan.thresholds.empty()) text += "\nthresholds\n";
  for (const PlannedThreshold& threshold : plan.thresholds)
    text += fmt::format("  {}{}{}\n", threshold.expression,
                        threshold.abort ? ", ends the run where it can't be met any more" : "",
                        threshold.lasting ? fmt::format(", or was crossed for {}",
                                                        format_duration(*threshold.lasting))
                                          : "");
  const load::Limits& limits = plan.limits;
  std::string threads = fmt::format("{} thread{}", limits.threads, limits.threads == 1 ? "" : "s");
  if (limits.threads == 0) threads = load_loops(plan) == 1 ? "one thread" : "one thread a core";
  text += fmt::format("\nlimits: {}, {} to connect, {} to answer, {} of grace\n",
                      where == Where::kFleet ? "threads and connections as each worker has them"
                                             : fmt::format("{}, {} connections", threads,
                                                           format_count(limits.connections_max)),
                      format_duration(limits.connect_timeout),
                      format_duration(limits.request_timeout), format_duration(limits.grace));
  text += fmt::format("answers that are failures: statuses {}\n", limits.fail_on.to_text());
  const Expectation all = expect(plan);
  text += fmt::format(
      "\nin all {} client{}, {} requests, {}\n", format_count(all.clients),
      all.clients == 1 ? "" : "s",
      all.requests ? "about " + format_count(*all.requests) : "an unknown number of",
      all.duration ? "about " + format_duration(*all.duration) : "until all is sent or stopped");
  return text;
}

}  // namespace galileo::plan
