// Workers, clients, telemetry and routes by the versioned API.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "bus/directory.h"
#include "fleet/controller.h"
#include "fleet/telemetry_nodes.h"
#include "net/address.h"
#include "service/rest_body.h"
#include "service/tokens.h"
#include "service/v1_answers.h"
#include "service/v1_api.h"

namespace galileo::service {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kHostsMax = 10'000;
constexpr double kWeightMax = 1e9;

std::string written(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What a route is, as a short text that is another one whenever the route is.
std::string etag_of(const bus::Route& route) {
  std::string text = route.service;
  for (std::size_t i = 0; i < route.hosts.size(); ++i)
    text += fmt::format("\n{} {}", route.hosts[i], route.weights[i]);
  return "\"" + sha256_of(text).substr(0, 16) + "\"";
}

Json json_of(const bus::Route& route) {
  Json hosts = Json::array();
  for (std::size_t i = 0; i < route.hosts.size(); ++i)
    hosts.push_back({{"host", route.hosts[i]}, {"weight", route.weights[i]}});
  return {{"service", route.service}, {"hosts", hosts}, {"etag", etag_of(route)}};
}

RestAnswer route_answer(const bus::Route& route, int status) {
  RestAnswer answer = json_answer(written(json_of(route)));
  answer.status = status;
  answer.headers.emplace_back("ETag", etag_of(route));
  return answer;
}

RestAnswer no_route(const std::string& service) {
  return problem_answer(ProblemDetail{404, "there is no such route", make_utf8(service)});
}

// Whether what the client has seen is what is there; nothing: it is.
std::optional<RestAnswer> refused_by_match(const RestRequest& request,
                                           const std::optional<bus::Route>& there) {
  if (request.if_match.empty() && request.if_none_match.empty())
    return problem_answer(
        ProblemDetail{428,
                      "a change has to say what it changes",
                      {},
                      "send If-Match with the route's etag, or If-None-Match: * for a new one"});
  const bool fits = request.if_match.empty()
                        ? !there
                        : there && (request.if_match == "*" || request.if_match == etag_of(*there));
  if (fits) return std::nullopt;
  RestAnswer answer = problem_answer(
      ProblemDetail{412, "somebody has changed it meanwhile", {}, "look at it again"});
  // Both are shown: what was sent, and what is there.
  answer.body.pop_back();
  answer.body += ", \"current\": " + (there ? written(json_of(*there)) : std::string("null")) + "}";
  if (there) answer.headers.emplace_back("ETag", etag_of(*there));
  return answer;
}

bus::Route route_of(RestBody& body, const std::string& service) {
  bus::Route route{service, {}, {}};
  for (RestBody& one : body.objects("hosts", kHostsMax)) {
    const std::string host = one.text("host", true, 300);
    const double weight = one.number("weight").value_or(1);
    if (!(weight >= 0 && weight <= kWeightMax)) one.wrong("weight", "it isn't a weight");
    if (!host.empty() && !net::parse_route_host(host).ok()) one.wrong("host", "it isn't host:port");
    route.hosts.push_back(host);
    route.weights.push_back(weight);
    body.add(one);
  }
  if (body.has("hosts") && route.hosts.empty()) body.wrong("hosts", "there are none");
  return route;
}

}  // namespace

RestAnswer V1Api::workers(const RestRequest&) {
  fleet::Controller controller(bus_);
  const auto workers = controller.workers();
  OR_PROBLEM(workers);
  Json all = Json::array();
  for (const fleet::WorkerStatus& one : *workers)
    all.push_back({{"name", one.name},
                   {"labels", one.labels},
                   {"clients", one.clients},
                   {"alive", one.heartbeat ? Json(true)
                             : one.alive   ? Json(nullptr)
                                           : Json(false)}});
  return json_answer(written({{"workers", all}}));
}

RestAnswer V1Api::clients(const RestRequest& request) {
  fleet::Controller controller(bus_);
  const auto clients = controller.clients();
  OR_PROBLEM(clients);
  const std::string_view worker = request.parameter("worker");
  Json all = Json::array();
  for (const wire::ClientDescription& one : *clients) {
    if (!worker.empty() && one.worker != worker) continue;
    all.push_back({{"id", one.client_id},
                   {"worker", one.worker},
                   {"service", one.config.service},
                   {"client", one.config.client ? Json(*one.config.client) : Json(nullptr)}});
  }
  return json_answer(written({{"clients", all}}));
}

RestAnswer V1Api::nodes(const RestRequest&) {
  const auto names = fleet::telemetry_nodes(bus_);
  OR_PROBLEM(names);
  Json all = Json::array();
  for (const std::string& name : *names) {
    const auto infos = fleet::node_infos(bus_, {name});
    OR_PROBLEM(infos);
    Json info = Json::object();
    for (const wire::NodeInfo& one : *infos) info[one.key] = one.value;
    all.push_back({{"name", name}, {"info", info}});
  }
  return json_answer(written({{"nodes", all}}));
}

RestAnswer V1Api::tell_node(const RestRequest& request) {
  RestBody body(request.body);
  const std::string order = body.text("order", true, 20);
  if (!order.empty() && order != "pause" && order != "unpause")
    body.wrong("order", "it is pause or unpause");
  if (auto refused = body.refusal()) return std::move(*refused);
  const std::string& node = request.arguments.at(0);
  const auto names = fleet::telemetry_nodes(bus_);
  OR_PROBLEM(names);
  if (std::find(names->begin(), names->end(), node) == names->end())
    return problem_answer(ProblemDetail{404, "no such node listens", make_utf8(node)});
  const auto unheard = fleet::tell_nodes(bus_, {node}, order);
  OR_PROBLEM(unheard);
  RestAnswer answer = json_answer(fmt::format(R"({{"receivers": {}}})", unheard->empty() ? 1 : 0));
  answer.status = 202;
  return answer;
}

RestAnswer V1Api::routes(const RestRequest&) {
  const auto routes = bus::routes(bus_);
  OR_PROBLEM(routes);
  Json all = Json::array();
  for (const bus::Route& one : routes->routes) all.push_back(json_of(one));
  return json_answer(written({{"routes", all}}));
}

RestAnswer V1Api::route(const RestRequest& request) {
  const auto there = bus::route(bus_, request.arguments.at(0));
  OR_PROBLEM(there);
  return *there ? route_answer(**there, 200) : no_route(request.arguments.at(0));
}

RestAnswer V1Api::set_route(const RestRequest& request) {
  const std::string& service = request.arguments.at(0);
  RestBody body(request.body);
  const bus::Route route = route_of(body, service);
  if (auto refused = body.refusal()) return std::move(*refused);
  if (!is_utf8(service)) return problem_answer(ProblemDetail{400, "a service's name is UTF-8"});
  const auto there = bus::route(bus_, service);
  OR_PROBLEM(there);
  if (auto refused = refused_by_match(request, *there)) return std::move(*refused);
  for (const std::string& host : route.hosts) {
    if (std::string why = refused_target(options_.allowed, host); !why.empty())
      return problem_answer(
          ProblemDetail{403, "requests may not go there", why,
                        "let an administrator allow it: galileo api --allow-target HOST"});
  }
  const auto set = bus::set_route(bus_, route);
  OR_PROBLEM(set);
  return route_answer(route, *there ? 200 : 201);
}

RestAnswer V1Api::remove_route(const RestRequest& request) {
  const std::string& service = request.arguments.at(0);
  const auto there = bus::route(bus_, service);
  OR_PROBLEM(there);
  if (!*there) return no_route(service);
  if (auto refused = refused_by_match(request, *there)) return std::move(*refused);
  const auto removed = bus::remove_route(bus_, service);
  OR_PROBLEM(removed);
  return nothing_more();
}

}  // namespace galileo::service
