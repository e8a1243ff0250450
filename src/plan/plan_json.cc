#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/secrets.h"
#include "load/app_request.h"
#include "load/template_text.h"
#include "plan/plan.h"

namespace galileo::plan {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson quantities_json(const Pods::Texts& quantities) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [resource, quantity] : quantities) json[resource] = quantity;
  return json;
}

OrderedJson pods_json(const std::string& name, const Pods& pods) {
  OrderedJson names = OrderedJson::array();
  for (const auto& [variable, value] : pods.environment) names.push_back(variable);
  if (pods.from_manifests)
    return {{"name", name}, {"from_manifests", true}, {"port", pods.port}, {"pods", pods.total()}};
  OrderedJson json{{"name", name},
                   {"image", pods.image},
                   {"zone", pods.zone},
                   {"port", pods.port},
                   {"environment", names},
                   {"pods", pods.total()},
                   {"requests", quantities_json(pods.requests)},
                   {"limits", quantities_json(pods.limits)},
                   {"deployment", pods.is_deployment}};
  for (const auto& [node, count] : pods.on_nodes) json["nodes"][node] = count;
  if (const OrderedJson spec = OrderedJson::parse(pods.spec_json); spec.contains("schedulerName"))
    json["scheduler"] = spec["schedulerName"];
  if (pods.autoscale)
    json["autoscale"] = {{"min", pods.autoscale->fewest},
                         {"max", pods.autoscale->most},
                         {"cpu_pct", pods.autoscale->cpu_pct},
                         {"spec", OrderedJson::parse(pods.autoscale->spec_json)}};
  return json;
}

OrderedJson application_json(const Application& application) {
  if (application.pods) return pods_json(application.name, *application.pods);
  OrderedJson names = OrderedJson::array();
  for (const auto& [name, value] : application.environment) names.push_back(name);
  return {{"name", application.name},
          {"command", without_secrets_of_words(application.command)},
          {"environment", names},
          {"directory", application.directory},
          {"ready", without_secrets_of_url(application.ready)},
          {"ready_timeout_s", to_seconds(application.ready_timeout)},
          {"stop_timeout_s", to_seconds(application.stop_timeout)},
          {"beside", application.is_beside}};
}

// So that a run can be repeated, but for what is secret.
OrderedJson cluster_json(const Cluster& cluster) {
  OrderedJson manifests = OrderedJson::array();
  for (const Manifest& one : cluster.manifests)
    manifests.push_back(
        {{"file", one.file},
         {"line", one.line},
         {"object", OrderedJson::parse(manifest_without_secrets(one.json), nullptr, false)}});
  constexpr const char* kWeights[] = {"follow", "once", "none"};
  return {{"namespace", cluster.name_space},
          {"weights", kWeights[static_cast<std::size_t>(cluster.weights)]},
          {"manifests", manifests}};
}

OrderedJson service_json(const load::ServiceSpec& service) {
  OrderedJson hosts = OrderedJson::object();
  for (const auto& [host, weight] : service.hosts) hosts[host] = weight;
  OrderedJson json{{"name", service.name},
                   {"hosts", hosts},
                   {"router", service.router},
                   {"balancer", service.balancer}};
  if (!service.static_host.empty()) json["static_host"] = without_user_info(service.static_host);
  return json;
}

OrderedJson tls_json(const load::TlsSettings& tls) {
  OrderedJson json{{"verify", tls.verify},
                   {"min_version", fmt::format("1.{}", tls.version_min)},
                   {"resume", tls.resume}};
  if (!tls.ca_file.empty()) json["ca_file"] = tls.ca_file;
  if (!tls.crl_file.empty()) json["crl"] = tls.crl_file;
  if (!tls.certificate_file.empty()) json["cert"] = tls.certificate_file;
  if (!tls.key_file.empty()) json["key"] = tls.key_file;
  return json;
}

OrderedJson http_json(const load::HttpSettings& http) {
  OrderedJson json{{"version", http.may_be_2() ? "2" : "1.1"},
                   {"prior_knowledge", http.prior_knowledge},
                   {"keepalive", http.keep_alive}};
  if (http.streams > 0) json["streams"] = http.streams;
  if (http.connections > 0) json["connections"] = http.connections;
  return json;
}

OrderedJson request_json(const load::Request& request) {
  if (load::has_app(request)) {
    OrderedJson json{{"app", load::app_of(request)}};
    const std::string given = load::app_parameters_of(request);
    if (!given.empty()) json["parameters"] = OrderedJson::parse(given, nullptr, false);
    if (request.timeout) json["timeout_s"] = to_seconds(*request.timeout);
    if (request.redirects_max) json["redirects"] = *request.redirects_max;
    if (request.ok) json["ok"] = request.ok->to_text();
    if (request.tls != load::TlsSettings{}) json["tls"] = tls_json(request.tls);
    if (request.http != load::HttpSettings{}) json["http"] = http_json(request.http);
    if (request.traceparent) json["traceparent"] = *request.traceparent;
    return json;
  }
  const auto& marks = request.source.parameters;
  OrderedJson headers = OrderedJson::object();
  for (const auto& [name, value] : request.headers) {
    // A password must not get into a report that is passed on.
    headers[name] = is_secret_name(name) ? "***" : load::with_templates(value, marks);
  }
  OrderedJson json{{"method", request.method},
                   {"path", without_secrets_of_url(load::with_templates(request.path, marks))},
                   {"headers", headers}};
  if (request.has_body && load::divide(request.body).size() == 1)
    json["body_bytes"] = request.body.size();
  for (const load::CheckSpec& check : request.checks) json["checks"].push_back(check.name);
  for (const load::Step& step : request.steps) {
    load::Request shown = step.request;
    shown.source = request.source;
    OrderedJson one = request_json(shown);
    one.erase("source");
    one.erase("data");
    one["name"] = step.name;
    for (const load::TakenValue& value : step.takes) one["take"][value.name] = value.from;
    if (step.pause > Duration{0}) one["think_s"] = to_seconds(step.pause);
    if (!step.drawn_pause.empty()) one["think_s"] = step.drawn_pause;
    json["steps"].push_back(std::move(one));
  }
  if (!request.source.kind.empty()) json["source"] = request.source.kind;
  if (const auto data = marks.find("data.file"); data != marks.end()) json["data"] = data->second;
  // Of a list; what others are given may be anything.
  if (request.source.kind == "replay" || request.source.kind == "targets") {
    for (const auto& [name, value] : request.source.parameters) {
      const bool is_of_body =
          name == "body" || name.starts_with("mark.") || name.starts_with("text.");
      if (!is_of_body) json["list"][name] = value;
    }
  }
  if (request.timeout) json["timeout_s"] = to_seconds(*request.timeout);
  if (request.redirects_max) json["redirects"] = *request.redirects_max;
  if (request.ok) json["ok"] = request.ok->to_text();
  if (request.digest) json["auth"] = "digest";
  if (request.keep_cookies) json["cookies"] = "keep";
  if (request.traceparent) json["traceparent"] = *request.traceparent;
  if (request.tls != load::TlsSettings{}) json["tls"] = tls_json(request.tls);
  if (request.http != load::HttpSettings{}) json["http"] = http_json(request.http);
  return json;
}

OrderedJson otlp_json(const Otlp& otlp) {
  OrderedJson names = OrderedJson::array();
  for (const auto& [name, value] : otlp.headers) names.push_back(name);
  return {{"endpoint", without_secrets_of_url(otlp.endpoint)},
          {"headers", names},
          {"spans", otlp.spans},
          {"metrics", otlp.metrics}};
}

OrderedJson arrival_json(const load::ArrivalSpec& arrival) {
  OrderedJson json{
      {"kind", arrival.kind}, {"parameters", arrival.parameters}, {"process", arrival.process}};
  if (arrival.kind == "prerecorded") json["recorded"] = arrival.recorded_s.size();
  return json;
}

OrderedJson action_json(const Action& action) {
  OrderedJson json = OrderedJson::object();
  if (action.at)
    json["at_s"] = to_seconds(*action.at);
  else
    json["when"] = action.condition;
  if (const auto* const put = std::get_if<Action::PutEvent>(&action.what)) {
    json["event"] = put->name;
    json["value"] = without_secrets_of_text(put->value);
  } else if (const auto* const cluster = std::get_if<Action::ChangeCluster>(&action.what)) {
    json["cluster"] = describe(*cluster);
  } else {
    const auto& change = std::get<Action::ChangeArrival>(action.what);
    json["client"] = change.client;
    json["arrival"] = arrival_json(change.arrival);
  }
  return json;
}

OrderedJson client_json(const load::ClientSpec& client) {
  OrderedJson json{{"name", client.name},
                   {"service", client.service},
                   {"num", client.count},
                   {"request", request_json(client.request)}};
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

OrderedJson phase_json(const Phase& phase) {
  OrderedJson clients = OrderedJson::array();
  for (const load::ClientSpec& client : phase.clients) clients.push_back(client_json(client));
  OrderedJson json{{"name", phase.name}, {"clients", clients}};
  if (phase.duration) json["duration_s"] = to_seconds(*phase.duration);
  for (const Action& action : phase.actions) json["events"].push_back(action_json(action));
  return json;
}

OrderedJson limits_json(const load::Limits& limits) {
  return {{"threads", limits.threads},
          {"connections", limits.connections_max},
          {"connect_timeout_s", to_seconds(limits.connect_timeout)},
          {"request_timeout_s", to_seconds(limits.request_timeout)},
          {"grace_s", to_seconds(limits.grace)},
          {"body_max_bytes", limits.body_max},
          {"head_max_bytes", limits.head_max},
          {"address_family", limits.address_family},
          {"redirects", limits.redirects_max},
          {"fail_on", limits.fail_on.to_text()},
          {"keep_headers", limits.keep_headers},
          {"keep_response_bytes", limits.keep_response},
          {"keep_only_failed", limits.keep_only_failed}};
}

OrderedJson telemetry_json(const Telemetry& telemetry) {
  OrderedJson processes = telemetry.applications;
  for (const WatchedProcess& process : telemetry.processes) {
    OrderedJson one{{"name", process.name}};
    if (process.pid_file.empty())
      one["pid"] = process.pid;
    else
      one["pid_file"] = process.pid_file;
    processes.push_back(one);
  }
  OrderedJson files = OrderedJson::object();
  for (const auto& file : telemetry.files) files[file.name] = file.path;
  OrderedJson pages = OrderedJson::object();
  for (const auto& page : telemetry.pages) pages[page.name] = without_secrets_of_url(page.url);
  OrderedJson commands = OrderedJson::object();
  for (const auto& command : telemetry.commands)
    commands[command.name] = without_secrets_of_text(command.command);
  return {{"enabled", telemetry.enabled},
          {"period_s", to_seconds(telemetry.period)},
          {"instruments", telemetry.instruments},
          {"processes", processes},
          {"files", files},
          {"scrape", pages},
          {"scrape_metrics", telemetry.page_metrics},
          {"commands", commands},
          {"nodes", telemetry.nodes}};
}

OrderedJson threshold_json(const PlannedThreshold& threshold) {
  if (!threshold.abort) return threshold.expression;
  OrderedJson json{{"expression", threshold.expression}, {"abort", true}};
  if (threshold.lasting) json["for_s"] = to_seconds(*threshold.lasting);
  return json;
}

}  // namespace

std::string to_json(const Plan& plan) {
  OrderedJson json{{"name", plan.name}, {"creator", plan.creator}, {"seed", plan.seed}};
  json["applications"] = OrderedJson::array();
  for (const Application& application : plan.applications)
    json["applications"].push_back(application_json(application));
  if (plan.cluster) json["kubernetes"] = cluster_json(*plan.cluster);
  json["services"] = OrderedJson::array();
  for (const load::ServiceSpec& service : plan.services)
    json["services"].push_back(service_json(service));
  json["phases"] = OrderedJson::array();
  for (const Phase& phase : plan.phases) json["phases"].push_back(phase_json(phase));
  json["warmup_s"] = to_seconds(plan.warmup);
  json["limits"] = limits_json(plan.limits);
  if (plan.otlp) json["otlp"] = otlp_json(*plan.otlp);
  json["telemetry"] = telemetry_json(plan.telemetry);
  json["thresholds"] = OrderedJson::array();
  for (const PlannedThreshold& threshold : plan.thresholds)
    json["thresholds"].push_back(threshold_json(threshold));
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace galileo::plan
