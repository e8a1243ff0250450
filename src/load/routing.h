// Where requests go on one loop: the services with the hosts that they have at present, and for
// each group of equal clients the bytes of its request, ready for each host. Hosts change while
// requests are under way: those keep the routing that they began with, which is there until the
// last of them is over. Passive; lives on its loop, owned by its Dispatcher.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "load/checks.h"
#include "load/host_targets.h"
#include "load/request_source.h"
#include "load/trace_sink.h"
#include "load/workload.h"
#include "net/http_pool.h"
#include "route/policy.h"
#include "route/router.h"

namespace galileo::load {

// A service as its loop knows it.
class Service {
 public:
  // Errors: no router or balancer of that name, weights or a static host that can't be.
  static Result<std::unique_ptr<Service>> make(const ServiceSpec& spec, TraceSink& sink);

  // Its hosts from now on; none: it has no route. An Error (as make_policy()'s) leaves it the hosts
  // that it had. Its groups and clients are routed anew by the caller.
  Result<void> set_hosts(std::vector<route::Host> hosts);

  const std::vector<route::Host>& hosts() const { return hosts_; }
  wire::NameId name_id() const { return name_id_; }
  const route::Router& router() const { return *router_; }
  std::vector<std::string> destinations() const { return router_->destinations(hosts_); }
  // A choice of its own for a client; null where there is no choice: no host, or a router that
  // doesn't ask the table.
  std::unique_ptr<route::Policy> new_policy() const { return policy_ ? policy_->copy() : nullptr; }

 private:
  Service() = default;

  std::string balancer_;
  wire::NameId name_id_ = 0;
  std::unique_ptr<route::Router> router_;
  std::vector<route::Host> hosts_;
  std::unique_ptr<route::Policy> policy_;  // never chooses itself
};

// What of them the pool keeps.
net::HttpBounds bounds_of(const Limits& limits);

struct Routing {
  struct Destination {
    net::HttpTarget* target = nullptr;
    wire::NameId name = 0;
    std::string bytes;  // the request, ready to be written; none where each is made
    std::string host_header;
    // The same as HTTP/2 has it; null where that isn't spoken, or each is made.
    std::unique_ptr<wire::Http2Request> ahead = {};
  };
  std::vector<Destination> destinations;  // in the order of the service's hosts; none: no route
  std::uint64_t in_flight = 0;            // requests that began with it
};

// What equal clients share.
class Group {
 public:
  // `sources` outlives it.
  Group(const Service& service, const Request& request, const Limits& limits,
        RequestSources* sources);

  // From now on requests go where the service's hosts are.
  void route(HostTargets& targets, TraceSink& sink);
  Routing& routing() { return *routing_; }
  // A request that began with `routing` is over. One that isn't in use any more goes with its last:
  // true.
  bool over(Routing& routing) {
    const bool goes = --routing.in_flight == 0 && &routing != routing_.get();
    if (goes) drop(routing);
    return goes;
  }
  std::size_t retired() const { return retired_.size(); }

  const Service& service;
  const Request request;
  const Duration timeout;
  const std::uint32_t redirects_max;
  const bool is_head;
  const bool is_repeatable;
  RequestSources* const sources;  // who makes its requests; null: all are alike
  const std::optional<Checks> checks;
  std::size_t clients = 0;

 private:
  void drop(const Routing& routing);

  std::unique_ptr<Routing> routing_;
  std::vector<std::unique_ptr<Routing>> retired_;  // with requests under way
};

}  // namespace galileo::load
