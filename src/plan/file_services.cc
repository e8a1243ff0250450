#include "plan/file_services.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "net/address.h"
#include "route/policy.h"
#include "route/router.h"
#include "wire/uri.h"

namespace galileo::plan {
namespace {

void add_host(Problems& problems, load::ServiceSpec& service, const wire::YamlPlace& place,
              const std::string& host, double weight) {
  const auto parsed = net::parse_route_host(host);
  if (!parsed.ok()) problems.add(place, "", parsed.error());
  for (const auto& [other, other_weight] : service.hosts) {
    if (other == host) problems.add(place, fmt::format("the host '{}' is there twice", host));
  }
  service.hosts.emplace_back(host, weight);
}

void add_weighted_hosts(const Fields& fields, const wire::YamlNode& hosts,
                        load::ServiceSpec& service) {
  for (std::size_t i = 0; i < hosts.keys.size(); ++i) {
    const auto& [host, place] = hosts.keys[i];
    const wire::YamlNode& node = hosts.items[i];
    const auto weight =
        node.kind == wire::YamlNode::Kind::kScalar ? parse_number(node.scalar) : std::nullopt;
    if (!weight || *weight < 0)
      fields.problems().add(node.place,
                            fmt::format("the weight of {} must be a number from 0 up, not {}", host,
                                        wire::kind_text(node)));
    add_host(fields.problems(), service, place, host, weight.value_or(1));
  }
}

void read_hosts(const Fields& fields, bool needed, load::ServiceSpec& service) {
  const wire::YamlNode* hosts = fields.find("hosts");
  if (!hosts) {
    if (needed) fields.missing("hosts", "write hosts: {\"127.0.0.1:8080\": 1}");
    return;
  }
  const std::size_t before = fields.problems().count();
  if (hosts->kind == wire::YamlNode::Kind::kMap) {
    add_weighted_hosts(fields, *hosts, service);
  } else if (hosts->kind == wire::YamlNode::Kind::kList) {
    for (const wire::YamlNode& item : hosts->items) {
      if (item.kind != wire::YamlNode::Kind::kScalar)
        fields.wrong_type(item, "hosts", "a list of hosts");
      else
        add_host(fields.problems(), service, item.place, item.scalar, 1);
    }
  } else {
    add_host(fields.problems(), service, hosts->place, hosts->scalar, 1);
  }
  const bool any = std::any_of(service.hosts.begin(), service.hosts.end(),
                               [](const auto& host) { return host.second > 0; });
  if (needed && !any && fields.problems().count() == before)
    fields.problems().add(hosts->place,
                          fields.where("hosts") + " has no host with a weight above 0");
}

void check_static_host(const Fields& fields, bool needed, const std::string& url) {
  if (needed && url.empty()) {
    fields.missing("static_host", "StaticRouter sends everything there: http://host:port");
  } else if (needed) {
    const auto parsed = route::parse_static_host(url);
    if (!parsed.ok())
      fields.problems().add(fields.place("static_host"), fields.where("static_host"),
                            parsed.error());
  } else if (!url.empty()) {
    fields.problems().add(fields.place("static_host"),
                          fields.where("static_host") + " is read by StaticRouter only",
                          "leave it out, or set router: StaticRouter");
  }
}

}  // namespace

load::ServiceSpec read_service(Problems& problems, const std::string& name,
                               const wire::YamlPlace& name_place, const wire::YamlNode& node) {
  const Fields fields(problems, node, "services." + name, MapKind::service);
  load::ServiceSpec service;
  service.name = name;
  if (const auto unfit = unfit_name(name))
    problems.add(name_place, fmt::format("services: the name '{}' {}", name, *unfit));
  if (name.empty()) problems.add(name_place, "services: a name is empty");
  service.router = fields.choice("router", route::router_names()).value_or(service.router);
  service.balancer = fields.choice("balancer", route::policy_names()).value_or(service.balancer);
  service.static_host = fields.text("static_host").value_or("");
  const auto row = route::router_named(service.router);
  if (!row.ok()) return service;
  // What keeps one from being made is said below.
  const auto router = (*row)->make({name, service.static_host});
  if (router.ok() && (*router)->service_in_path() &&
      (wire::encode_path(name) != name || name.find('?') != std::string::npos))
    problems.add(name_place, fmt::format("services: '{}' can't be part of a URL's path", name),
                 service.router + " puts it there");
  read_hosts(fields, router.ok() && (*router)->uses_table(), service);
  check_static_host(fields, (*row)->reads_static_host, service.static_host);
  return service;
}

}  // namespace galileo::plan
