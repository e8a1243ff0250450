#include "load/routing.h"

#include <algorithm>

#include "base/check.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

// Whoever made the request has looked at them.
std::optional<Checks> checks_of(const Request& request) {
  if (request.checks.empty()) return std::nullopt;
  auto checks = Checks::compile(request.checks);
  ENSURE(checks.ok(), checks.error().to_text());
  return std::move(*checks);
}

}  // namespace

Result<std::unique_ptr<Service>> Service::make(const ServiceSpec& spec, TraceSink& sink) {
  std::unique_ptr<Service> service(new Service);
  service->name_id_ = sink.name(spec.name);
  service->balancer_ = spec.balancer;
  service->router_ = TRY(route::make_router(spec.router, {spec.name, spec.static_host}));
  std::vector<route::Host> hosts;
  for (const auto& [name, weight] : spec.hosts) hosts.push_back({name, weight});
  TRY(service->set_hosts(std::move(hosts)));
  return service;
}

Result<void> Service::set_hosts(std::vector<route::Host> hosts) {
  std::unique_ptr<route::Policy> policy;
  if (!hosts.empty() && router_->uses_table()) policy = TRY(route::make_policy(balancer_, hosts));
  policy_ = std::move(policy);
  hosts_ = std::move(hosts);
  return {};
}

net::HttpBounds bounds_of(const Limits& limits) {
  return {limits.connect_timeout, {limits.head_max, limits.body_max}};
}

Group::Group(const Service& service_of_clients, const Request& request_of_clients,
             const Limits& limits, RequestSources* shared_sources)
    : service(service_of_clients),
      request(request_of_clients),
      timeout(request.timeout.value_or(limits.request_timeout)),
      redirects_max(request.redirects_max.value_or(limits.redirects_max)),
      is_head(request.method == "HEAD"),
      is_repeatable(wire::http1::is_idempotent(request.method)),
      sources(shared_sources),
      checks(checks_of(request)) {}

void Group::route(HostTargets& targets, TraceSink& sink) {
  auto routing = std::make_unique<Routing>();
  const std::string path = service.router().path_of(request.path);
  for (const std::string& host : service.destinations()) {
    std::string header = wire::host_header(host);
    std::string bytes;
    if (!sources)
      bytes = wire::http1::serialize_request(request.method, path, header, request.headers,
                                             request.has_body ? &request.body : nullptr,
                                             !request.http.keep_alive);
    routing->destinations.push_back(
        {&targets.of(host, request), sink.name(host), std::move(bytes), std::move(header)});
  }
  if (!sources && request.http.may_be_2()) {
    for (Routing::Destination& destination : routing->destinations) {
      destination.ahead = std::make_unique<wire::Http2Request>();
      const bool over_tls = wire::speaks_tls(destination.target->host());
      destination.ahead->read(destination.bytes, over_tls ? "https" : "http");
    }
  }
  if (routing_ && routing_->in_flight > 0) retired_.push_back(std::move(routing_));
  routing_ = std::move(routing);
}

void Group::drop(const Routing& routing) {
  std::erase_if(retired_, [&](const auto& one) { return one.get() == &routing; });
}

}  // namespace galileo::load
