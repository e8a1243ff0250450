#include "experiment/fleet_orders.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiment/fleet_requests.h"
#include "load/arrival.h"
#include "load/distribution.h"
#include "load/request_parameters.h"
#include "wire/json.h"
#include "wire/uri.h"

namespace galileo::experiment {
namespace {

using WireJson = wire::Json;

WireJson text(std::string value) {
  WireJson json;
  json.kind = WireJson::Kind::kText;
  json.text = std::move(value);
  return json;
}

WireJson object() {
  WireJson json;
  json.kind = WireJson::Kind::kObject;
  return json;
}

void add(WireJson& to, std::string key, WireJson value) {
  to.keys.push_back(std::move(key));
  to.items.push_back(std::move(value));
}

WireJson boolean(bool value) {
  WireJson json;
  json.kind = WireJson::Kind::kBoolean;
  json.boolean = value;
  return json;
}

WireJson integer(std::uint64_t value) {
  WireJson json;
  json.kind = WireJson::Kind::kInteger;
  json.text = std::to_string(value);
  return json;
}

WireJson real(double value) {
  WireJson json;
  json.kind = WireJson::Kind::kReal;
  json.text = wire::json_real(value);
  return json;
}

// They differ in how they learn of routes only.
std::string_view not_caching(std::string_view router) {
  constexpr std::string_view kCaching = "Caching";
  return router.starts_with(kCaching) ? router.substr(kCaching.size()) : router;
}

std::uint32_t redirects_of(const load::Request& request, const load::Limits& limits) {
  return request.redirects_max.value_or(limits.redirects_max);
}

Duration warmup_of(const load::ClientSpec& spec, const plan::Plan& plan, bool is_later_phase) {
  return is_later_phase ? spec.warmup : std::max(spec.warmup, plan.warmup - spec.start_after);
}

// As requests has it, and what is ours of it. Files are the worker's.
void add_tls(WireJson& kwargs, const load::TlsSettings& tls) {
  if (!tls.verify)
    add(kwargs, "verify", boolean(false));
  else if (!tls.ca_file.empty())
    add(kwargs, "verify", text(tls.ca_file));
  if (!tls.certificate_file.empty()) {
    WireJson pair;
    pair.kind = WireJson::Kind::kArray;
    pair.items = {text(tls.certificate_file), text(tls.key_file)};
    add(kwargs, "cert", tls.key_file.empty() ? text(tls.certificate_file) : std::move(pair));
  }
  const load::TlsSettings usual;
  WireJson ours = object();
  if (tls.version_min != usual.version_min)
    add(ours, "min_version", text(fmt::format("1.{}", tls.version_min)));
  if (tls.resume != usual.resume) add(ours, "resume", boolean(tls.resume));
  if (!tls.crl_file.empty()) add(ours, "crl", text(tls.crl_file));
  if (!ours.keys.empty()) add(kwargs, "tls", std::move(ours));
}

// Ours, which requests hasn't.
void add_http(WireJson& kwargs, const load::HttpSettings& http) {
  WireJson ours = object();
  if (http.version == 2) add(ours, "version", integer(2));
  if (http.prior_knowledge) add(ours, "prior_knowledge", boolean(true));
  if (http.streams > 0) add(ours, "streams", integer(http.streams));
  if (http.connections > 0) add(ours, "connections", integer(http.connections));
  if (!http.keep_alive) add(ours, "keepalive", boolean(false));
  if (!ours.keys.empty()) add(kwargs, "http", std::move(ours));
}

// What no old worker knows, beside what it reads.
WireJson ours_of(const load::Request& request) {
  WireJson ours = object();
  if (!request.like_requests) add(ours, "as_written", boolean(true));
  if (request.ok) add(ours, "ok", text(request.ok->to_text()));
  if (request.keep_cookies) add(ours, "cookies", text("keep"));
  if (request.traceparent) add(ours, "traceparent", real(*request.traceparent));
  if (!request.digest) return ours;
  WireJson pair;
  pair.kind = WireJson::Kind::kArray;
  pair.items = {text(request.digest->user), text(request.digest->password)};
  WireJson auth = object();
  add(auth, "digest", std::move(pair));
  if (request.digest->keep) add(auth, "keep", boolean(true));
  add(ours, "auth", std::move(auth));
  return ours;
}

// Whether that service's hosts speak TLS, as the plan has them.
bool speaks_tls(const plan::Plan& plan, const std::string& name) {
  for (const load::ServiceSpec& service : plan.services) {
    if (service.name != name) continue;
    for (const auto& [host, weight] : service.hosts) {
      if (wire::speaks_tls(host)) return true;
    }
  }
  return false;
}

}  // namespace

std::string request_parameters(const load::Request& request, const load::Limits& limits) {
  WireJson kwargs = object();
  if (!request.headers.empty()) {
    WireJson headers = object();
    for (const auto& [name, value] : request.headers) add(headers, name, text(value));
    add(kwargs, "headers", std::move(headers));
  }
  if (request.has_body) add(kwargs, "data", text(request.body));
  // What a run says of all its requests is said of each, also where it is a default: an old worker
  // has others.
  add(kwargs, "timeout", real(to_seconds(request.timeout.value_or(limits.request_timeout))));
  add(kwargs, "allow_redirects", boolean(redirects_of(request, limits) > 0));
  add_tls(kwargs, request.tls);
  add_http(kwargs, request.http);
  WireJson parameters = object();
  std::string method = request.method;
  std::transform(method.begin(), method.end(), method.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  add(parameters, "method", text(std::move(method)));
  add(parameters, "path", text(request.path));
  add(parameters, "kwargs", std::move(kwargs));
  WireJson ours = ours_of(request);
  if (!ours.keys.empty()) add(parameters, "galileo", std::move(ours));
  return wire::to_text(parameters);
}

wire::WorkloadOrder order_of(const load::ClientSpec& spec, const plan::Phase& phase,
                             const std::string& client, const plan::Plan& plan,
                             std::uint64_t number, std::uint32_t index, std::uint32_t of,
                             bool is_later_phase) {
  wire::WorkloadOrder order;
  order.client_id = client;
  order.arrival = spec.arrival.kind;
  order.parameters = spec.arrival.parameters;
  order.process = spec.arrival.process;
  for (const load::ArrivalChange& change : spec.changes)
    order.changes.push_back(
        arrival_order(change.arrival, std::max(Duration{0}, change.at - spec.start_after)));
  order.requests = spec.requests;
  order.duration = spec.duration ? spec.duration : phase.duration;
  order.start_after = spec.start_after;
  order.warmup = warmup_of(spec, plan, is_later_phase);
  order.seed = plan.seed;
  order.stream = number;
  order.closed_loop = spec.closed_loop;
  order.connections = spec.connections;
  if (is_described(spec, plan.limits)) {
    order.index = index;
    order.of = of;
  }
  if (is_shared_out(spec)) {
    order.own_times = true;
    order.requests = share_of_replay(spec, index, of);
  } else {
    order.ahead = load::interleaved(index, spec.count);
  }
  order.fail_on = plan.limits.fail_on.to_text();
  order.redirects = redirects_of(spec.request, plan.limits);
  order.connect_timeout = plan.limits.connect_timeout;
  order.head_max = plan.limits.head_max;
  order.body_max = plan.limits.body_max;
  order.keep_headers = plan.limits.keep_headers;
  order.keep_response = plan.limits.keep_response;
  order.keep_only_failed = plan.limits.keep_only_failed;
  return order;
}

Result<void> check_routers(const std::vector<load::ServiceSpec>& services,
                           const std::string& worker,
                           const std::map<std::string, std::string>& labels) {
  const auto label = [&](const char* name, const char* otherwise) {
    const auto found = labels.find(name);
    return found == labels.end() ? std::string(otherwise) : found->second;
  };
  const std::string has = label("galileo_router_type", "SymmetryHostRouter");
  const std::string to = label("galileo_router_static_host", "http://localhost");
  for (const load::ServiceSpec& service : services) {
    const auto refused = [&](const char* key, const std::string& wanted, const std::string& its,
                             const char* variable) {
      return Error{ErrorCode::kUsage,
                   fmt::format("services.{}.{} can't be {}", service.name, key, wanted),
                   "worker " + worker, "it has " + its,
                   fmt::format("start it with {}={}", variable, wanted)};
    };
    if (service.router == load::ServiceSpec{}.router) continue;  // nothing is said of it
    if (not_caching(service.router) != not_caching(has))
      return refused("router", service.router, has, "galileo_router_type");
    if (service.router == "StaticRouter" && service.static_host != to)
      return refused("static_host", service.static_host, to, "galileo_router_static_host");
  }
  return {};
}

wire::ArrivalOrder arrival_order(const load::ArrivalSpec& arrival, Duration at) {
  return {at, arrival.kind, arrival.parameters, arrival.process};
}

Result<OldOrder> old_order_of(const load::ClientSpec& spec, const plan::Phase& phase,
                              const std::string& client, const plan::Plan& plan,
                              bool is_later_phase) {
  const auto cannot = [&](std::string what) {
    return Error{ErrorCode::kUsage,
                 fmt::format("client {} can't have {}", client, what),
                 {},
                 "its worker is one of the old system",
                 "give it a distribution or a constant rate, or labels that choose other workers"};
  };
  if (spec.closed_loop) return cannot("a closed loop");
  for (const plan::Action& action : phase.actions) {
    const auto* const change = std::get_if<plan::Action::ChangeArrival>(&action.what);
    if (change && change->client == spec.name) return cannot("a rate that changes");
  }
  if (spec.start_after > Duration{0}) return cannot("a delayed start");
  if (speaks_tls(plan, spec.service)) return cannot("a host of https");
  if (spec.request.http.may_be_2()) return cannot("HTTP/2");
  if (spec.request.digest) return cannot("digest authentication");
  if (spec.request.keep_cookies) return cannot("cookies that are kept");
  if (spec.request.ok) return cannot("statuses that are a success");
  if (spec.request.traceparent) return cannot("traceparent");
  const std::uint32_t redirects = redirects_of(spec.request, plan.limits);
  if (redirects > 0 && redirects != load::kRedirectsFollowed)
    return Error{ErrorCode::kUsage,
                 fmt::format("client {} can't follow {} redirects", client, redirects),
                 "limits.redirects",
                 fmt::format("its worker is one of the old system, which follows none or {}",
                             load::kRedirectsFollowed),
                 fmt::format("say 0 or {}, or give it labels that choose other workers",
                             load::kRedirectsFollowed)};
  OldOrder order;
  order.duration = spec.duration ? spec.duration : phase.duration;
  order.warmup = warmup_of(spec, plan, is_later_phase);
  order.command.client_id = client;
  order.command.num = spec.requests;
  const load::ArrivalSpec& arrival = spec.arrival;
  std::vector<double> parameters = arrival.parameters;
  if (arrival.kind == "constant_rate") {
    if (parameters.empty() || parameters[0] <= 0) return cannot("no rate");
    const bool even = arrival.process == "static";
    order.command.distribution = even ? "constant" : "expovariate";
    parameters = {even ? 1 / parameters[0] : parameters[0]};
  } else if (arrival.kind == "prerecorded") {
    order.command.distribution = "prerecorded";
    parameters.clear();
    order.command.num = std::min<std::uint64_t>(spec.requests.value_or(arrival.recorded_s.size()),
                                                arrival.recorded_s.size());
  } else if (arrival.kind == "constant" || !load::distribution_parameters(arrival.kind).empty()) {
    order.command.distribution = arrival.kind;
  } else {
    return cannot("the rate shape " + arrival.kind);
  }
  std::vector<wire::Number> numbers;
  for (const double value : parameters) numbers.push_back({value, false});
  order.command.parameters = std::move(numbers);
  return order;
}

}  // namespace galileo::experiment
