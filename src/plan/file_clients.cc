#include "plan/file_clients.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "load/app_request.h"
#include "plan/file_arrival.h"
#include "plan/file_lists.h"
#include "plan/file_request.h"
#include "plan/file_steps.h"
#include "plan/file_tracing.h"

namespace galileo::plan {
namespace {

constexpr std::uint64_t kClientsMax = 1'000'000;  // of one entry
constexpr std::uint64_t kRequestsMax = 1'000'000'000'000'000;

// What clients of this process are called is told apart from those of other workers.
constexpr const char* kWorker = "local:";

void check_service(const Fields& fields, const std::string& name,
                   const std::vector<load::ServiceSpec>& services) {
  // That a file has no services was said already.
  if (name.empty() || services.empty()) return;
  std::vector<std::string> names;
  for (const load::ServiceSpec& service : services) names.push_back(service.name);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  fields.problems().add(fields.place("service"), fmt::format("no service is called '{}'", name),
                        hint_for_unknown(name, names));
}

void read_labels(const Fields& fields, load::ClientSpec& client) {
  const wire::YamlNode* const labels = fields.find("worker_labels");
  if (!labels) return;
  if (labels->kind != wire::YamlNode::Kind::kMap)
    return fields.wrong_type(*labels, "worker_labels", "a map of labels to values");
  for (std::size_t i = 0; i < labels->keys.size(); ++i) {
    if (labels->items[i].kind == wire::YamlNode::Kind::kScalar)
      client.worker_labels.emplace_back(labels->keys[i].text, labels->items[i].scalar);
    else
      fields.wrong_type(labels->items[i], "worker_labels", "a map of labels to values");
  }
}

// A client of pods asks through the gateway of its zone, where its worker is too.
void read_application(const Fields& fields, Plan& plan, load::ClientSpec& client) {
  if (fields.has("service"))
    return fields.problems().add(
        fields.place("service"),
        "a client is of a service, or of an application in a zone, not of both",
        "leave one of them out");
  const std::string name = fields.required("application");
  const std::string zone = fields.required("zone");
  std::vector<std::string> names;
  for (const Application& application : plan.applications) {
    if (application.pods) names.push_back(application.name);
  }
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
    fields.problems().add(
        fields.place("application"),
        fmt::format("no application of this name has pods: '{}'", name),
        names.empty() ? "a client of a process names its service" : hint_for_unknown(name, names));
  client.service = service_of(name, zone);
  client.request.path = "/function/" + name;
  client.worker_labels.emplace_back("galileo_zone", zone);
  const bool known =
      std::any_of(plan.services.begin(), plan.services.end(),
                  [&](const load::ServiceSpec& other) { return other.name == client.service; });
  if (known) return;
  plan.services.emplace_back();
  plan.services.back().name = client.service;
}

void read_of_whom(const Fields& fields, Plan& plan, load::ClientSpec& client) {
  if (fields.has("application") || fields.has("zone"))
    return read_application(fields, plan, client);
  client.service = fields.required("service");
  check_service(fields, client.service, plan.services);
}

// What an app makes has all that `request` says of one request, but for what may be of all of them.
void read_of_all(const Fields& fields, load::Request& request) {
  const wire::YamlNode* const all = fields.find("request");
  if (!all) return;
  constexpr std::array<std::string_view, 7> kOfAll{
      "timeout", "allow_redirects", "ok", "verify", "cert", "tls", "http"};
  for (const wire::YamlKey& key : all->keys) {
    if (std::find(kOfAll.begin(), kOfAll.end(), key.text) == kOfAll.end())
      fields.problems().add(
          key.place, fmt::format("the app says the {} of each request", key.text),
          "timeout, allow_redirects, ok, verify, cert, tls and http may be of all of them");
  }
  load::Request of_all = read_request(fields.problems(), *all, fields.where("request"));
  request.timeout = of_all.timeout;
  request.tls = of_all.tls;
  request.http = of_all.http;
  request.ok = of_all.ok;
  if (all->find("allow_redirects")) request.redirects_max = of_all.redirects_max;
}

// A name, or with a slash a folder, which is beside the experiment file.
std::string app_named(const Fields& fields, const Plan& plan, const FileOptions& options) {
  std::string name = fields.required("app");
  if (name.find('/') == std::string::npos) return name;
  if (options.on_fleet || !plan.bus.empty())
    fields.problems().add(fields.place("app"),
                          fmt::format("{} can't be a folder on a fleet", fields.where("app")),
                          "workers look an app up by its name: galileo app deploy FOLDER, there or "
                          "into a repository, and name it");
  return options.path_of ? options.path_of(name) : name;
}

void read_app(const Fields& fields, const Plan& plan, const FileOptions& options,
              load::ClientSpec& client) {
  const std::string name = app_named(fields, plan, options);
  std::string parameters;
  if (const wire::YamlNode* const given = fields.find("parameters")) {
    if (given->kind == wire::YamlNode::Kind::kMap)
      parameters = to_json_text(*given);
    else
      fields.wrong_type(*given, "parameters", "a map, which the app is given");
  }
  load::Request request;
  if (auto made = load::app_request(name, parameters); made.ok()) request = std::move(*made);
  read_of_all(fields, request);
  for (const char* const key : {"data", "steps"}) {
    if (fields.has(key))
      fields.problems().add(fields.place(key), "the app says what each request is",
                            fmt::format("leave {} out", key));
  }
  request.checks = read_checks(fields);
  client.request = std::move(request);
}

load::ClientSpec read_client(const Fields& fields, Plan& plan, const FileOptions& options) {
  load::ClientSpec client;
  read_of_whom(fields, plan, client);
  client.name = fields.name("name").value_or("");
  client.count = static_cast<std::uint32_t>(fields.count("num", 1, kClientsMax).value_or(1));
  if (fields.has("app"))
    read_app(fields, plan, options, client);
  else
    client.request = read_requests(fields, options, client.request.path);
  if (fields.has("parameters") && !fields.has("app"))
    fields.problems().add(fields.place("parameters"), "parameters are what an app is given",
                          "name the app, or say request: {...}");
  read_pace(fields, options, client);
  // In a closed loop so many are on a connection at once, else so many at most.
  load::HttpSettings& http = client.request.http;
  if (client.closed_loop && http.may_be_2() && http.streams == 0) http.streams = 1;
  read_listed(fields, options, plan, client);
  const std::uint64_t requests = fields.count("requests", 0, kRequestsMax).value_or(0);
  if (requests > 0) client.requests = requests;  // 0 means without end, as on the wire
  client.duration = fields.positive_duration("duration");
  client.start_after = fields.duration("start_after").value_or(Duration{0});
  client.warmup = fields.duration("warmup").value_or(Duration{0});
  client.request.traceparent =
      fields.has("traceparent") ? read_traceparent(fields) : plan.traceparent;
  read_labels(fields, client);
  return client;
}

}  // namespace

std::vector<load::ClientSpec> read_clients(const Fields& phase, Plan& plan,
                                           const FileOptions& options) {
  std::vector<load::ClientSpec> clients;
  std::set<std::string> names;
  phase.each("clients", [&](const wire::YamlNode& node, const std::string& where) {
    const Fields fields(phase.problems(), node, where, MapKind::client);
    clients.push_back(read_client(fields, plan, options));
    const std::string& name = clients.back().name;
    if (!name.empty() && !names.insert(name).second)
      phase.problems().add(fields.place("name"), fmt::format("two clients are called '{}'", name),
                           "their names tell their traces apart");
  });
  for (load::ClientSpec& client : clients) {
    if (client.name.empty()) {
      client.name = client.service;
      for (int n = 2; !names.insert(client.name).second; ++n)
        client.name = fmt::format("{}-{}", client.service, n);
    }
    client.name.insert(0, kWorker);
  }
  return clients;
}

}  // namespace galileo::plan
