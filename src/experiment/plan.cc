#include "experiment/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "load/arrival.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Duration> lasts(const load::ClientSpec& client, const Phase& phase) {
  return client.duration ? client.duration : phase.duration;
}

// Of one client; nothing where it goes on until it is stopped, or as fast as it can.
std::optional<double> requests_of(const load::ClientSpec& client, const Phase& phase) {
  const std::optional<Duration> duration = lasts(client, phase);
  std::optional<double> within;
  if (duration && !client.closed_loop) {
    const double expected = load::expected_requests(client.arrival, *duration);
    if (std::isfinite(expected)) within = expected;
  }
  if (client.arrival.kind == "prerecorded" && !client.closed_loop) {
    const auto recorded = static_cast<double>(client.arrival.recorded_s.size());
    within = within ? std::min(*within, recorded) : recorded;
  }
  if (!client.requests) return within;
  const auto wanted = static_cast<double>(*client.requests);
  return within ? std::min(*within, wanted) : wanted;
}

// Of one client, on average.
std::optional<Duration> duration_of(const load::ClientSpec& client, const Phase& phase) {
  const std::optional<Duration> most = lasts(client, phase);
  std::optional<Duration> taken;
  if (client.requests && !client.closed_loop && !load::unpaced(client.arrival)) {
    const double in_a_second = load::expected_requests(client.arrival, std::chrono::seconds{3600});
    if (in_a_second > 0 && std::isfinite(in_a_second))
      taken = seconds(static_cast<double>(*client.requests) * 3600 / in_a_second);
  }
  if (most && taken) return client.start_after + std::min(*most, *taken);
  if (!most && !taken) return std::nullopt;
  return client.start_after + (most ? *most : *taken);
}

std::string arrival_text(const load::ClientSpec& client) {
  if (client.closed_loop)
    return fmt::format("closed loop, {} connections", std::max(client.connections, 1u));
  const load::ArrivalSpec& arrival = client.arrival;
  if (load::unpaced(arrival)) return "as fast as possible";
  if (arrival.kind == "prerecorded")
    return fmt::format("prerecorded, {} inter-arrivals", arrival.recorded_s.size());
  std::string text = fmt::format("{}({})", arrival.kind, fmt::join(arrival.parameters, ", "));
  if (arrival.process == "exponential") text += ", exponential";
  return text;
}

std::string count_text(const std::optional<double>& count) {
  return count ? format_count(static_cast<std::uint64_t>(std::llround(*count))) : "without end";
}

std::string client_text(const load::ClientSpec& client, const Phase& phase) {
  const std::optional<double> each = requests_of(client, phase);
  const std::optional<Duration> duration = duration_of(client, phase);
  std::string text = fmt::format("    {} x {} -> {}: {} {}\n", client.count, client.name,
                                 client.service, client.request.method, client.request.path);
  text += fmt::format("      {}; requests {}{}; {}\n", arrival_text(client),
                      client.requests || client.closed_loop ? "" : "about ",
                      count_text(each ? std::optional<double>(*each * client.count) : each),
                      duration ? "about " + format_duration(*duration) : "until it is stopped");
  return text;
}

Json arrival_json(const load::ArrivalSpec& arrival) {
  Json json{
      {"kind", arrival.kind}, {"parameters", arrival.parameters}, {"process", arrival.process}};
  if (arrival.kind == "prerecorded") json["recorded"] = arrival.recorded_s.size();
  return json;
}

Json client_json(const load::ClientSpec& client) {
  Json headers = Json::object();
  for (const auto& [name, value] : client.request.headers) {
    // A password must not get into a report that is passed on.
    const bool secret = to_lower(name) == "authorization" || to_lower(name) == "cookie";
    headers[name] = secret ? "***" : value;
  }
  Json json{{"name", client.name},
            {"service", client.service},
            {"num", client.count},
            {"request",
             {{"method", client.request.method},
              {"path", client.request.path},
              {"headers", headers},
              {"body_bytes", client.request.body.size()}}}};
  if (client.closed_loop)
    json["closed_loop"] = {{"connections", std::max(client.connections, 1u)}};
  else
    json["arrival"] = arrival_json(client.arrival);
  if (client.requests) json["requests"] = *client.requests;
  if (client.duration) json["duration_s"] = to_seconds(*client.duration);
  if (client.warmup.count() > 0) json["warmup_s"] = to_seconds(client.warmup);
  if (client.start_after.count() > 0) json["start_after_s"] = to_seconds(client.start_after);
  return json;
}

Json limits_json(const load::Limits& limits) {
  return {{"threads", limits.threads},
          {"connections", limits.connections_max},
          {"connect_timeout_s", to_seconds(limits.connect_timeout)},
          {"request_timeout_s", to_seconds(limits.request_timeout)},
          {"grace_s", to_seconds(limits.grace)},
          {"body_max_bytes", limits.body_max},
          {"address_family", limits.address_family},
          {"redirects", limits.redirects_max},
          {"keep_headers", limits.keep_headers},
          {"keep_response_bytes", limits.keep_response}};
}

}  // namespace

Expectation expect(const Plan& plan) {
  Expectation expectation;
  double requests = 0;
  bool counted = true;
  Duration duration{0};
  bool timed = true;
  for (const Phase& phase : plan.phases) {
    Duration longest{0};
    for (const load::ClientSpec& client : phase.clients) {
      expectation.clients += client.count;
      const std::optional<double> each = requests_of(client, phase);
      counted = counted && each;
      requests += each.value_or(0) * client.count;
      const std::optional<Duration> one = duration_of(client, phase);
      timed = timed && one;
      longest = std::max(longest, one.value_or(Duration{0}));
    }
    duration += longest;
  }
  if (counted) expectation.requests = static_cast<std::uint64_t>(std::llround(requests));
  if (timed) expectation.duration = duration;
  return expectation;
}

std::string describe(const Plan& plan) {
  std::string text = fmt::format("experiment {} by {}, seed {}\n", plan.name, plan.creator,
                                 plan.seed_given ? fmt::format("{}", plan.seed) : "drawn at start");
  if (!plan.applications.empty()) text += "applications\n";
  for (const Application& application : plan.applications)
    text += fmt::format("    {}: {}{}\n", application.name, fmt::join(application.command, " "),
                        application.ready.empty() ? "" : "; ready at " + application.ready);
  text += "services\n";
  for (const load::ServiceSpec& service : plan.services) {
    text += fmt::format("    {} ({}, {}):", service.name, service.router, service.balancer);
    for (const auto& [host, weight] : service.hosts) text += fmt::format(" {} x {}", host, weight);
    text += service.static_host.empty() ? "\n" : " " + service.static_host + "\n";
  }
  for (const Phase& phase : plan.phases) {
    text += fmt::format("phase {}{}\n", phase.name,
                        phase.duration ? ", at most " + format_duration(*phase.duration) : "");
    for (const load::ClientSpec& client : phase.clients) text += client_text(client, phase);
  }
  if (plan.warmup.count() > 0)
    text += fmt::format("warm-up {}, left out of the statistics\n", format_duration(plan.warmup));
  if (plan.telemetry.enabled)
    text += fmt::format("telemetry every {}{}{}\n", format_duration(plan.telemetry.period),
                        plan.telemetry.applications.empty() ? "" : ", processes ",
                        fmt::join(plan.telemetry.applications, ", "));
  for (const std::string& threshold : plan.thresholds)
    text += fmt::format("threshold {}\n", threshold);
  const Expectation expectation = expect(plan);
  text += fmt::format("in all {} clients, {} requests, {}\n", format_count(expectation.clients),
                      expectation.requests ? "about " + format_count(*expectation.requests)
                                           : "an unknown number of",
                      expectation.duration ? "about " + format_duration(*expectation.duration)
                                           : "until it is stopped");
  return text;
}

std::string to_json(const Plan& plan) {
  Json json{{"name", plan.name}, {"creator", plan.creator}, {"seed", plan.seed}};
  json["applications"] = Json::array();
  for (const Application& application : plan.applications)
    json["applications"].push_back({{"name", application.name},
                                    {"command", application.command},
                                    {"ready", application.ready}});
  json["services"] = Json::array();
  for (const load::ServiceSpec& service : plan.services) {
    Json hosts = Json::object();
    for (const auto& [host, weight] : service.hosts) hosts[host] = weight;
    json["services"].push_back({{"name", service.name},
                                {"hosts", hosts},
                                {"router", service.router},
                                {"balancer", service.balancer}});
  }
  json["phases"] = Json::array();
  for (const Phase& phase : plan.phases) {
    Json clients = Json::array();
    for (const load::ClientSpec& client : phase.clients) clients.push_back(client_json(client));
    Json one{{"name", phase.name}, {"clients", clients}};
    if (phase.duration) one["duration_s"] = to_seconds(*phase.duration);
    json["phases"].push_back(one);
  }
  json["warmup_s"] = to_seconds(plan.warmup);
  json["limits"] = limits_json(plan.limits);
  json["telemetry"] = {{"enabled", plan.telemetry.enabled},
                       {"period_s", to_seconds(plan.telemetry.period)},
                       {"processes", plan.telemetry.applications}};
  json["thresholds"] = plan.thresholds;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace galileo::experiment
