#include "experiment/pod_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "kubernetes/objects.h"
#include "pods/fields.h"
#include "pods/pod_text.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

Json texts_json(const plan::Pods::Texts& texts) {
  Json json = Json::object();
  for (const auto& [name, value] : texts) json[name] = value;
  return json;
}

// What the user adds: maps go together, lists one after the other. An Error where both say
// something else of the same thing.
Result<void> add_to(Json& ours, const Json& users, const std::string& where) {
  for (const auto& [key, value] : users.items()) {
    const auto found = ours.find(key);
    if (found == ours.end()) {
      ours[key] = value;
    } else if (found->is_object() && value.is_object()) {
      TRY(add_to(*found, value, fmt::format("{}.{}", where, key)));
    } else if (found->is_array() && value.is_array()) {
      found->insert(found->end(), value.begin(), value.end());
    } else if (*found != value) {
      return Error{ErrorCode::kUsage,
                   fmt::format("{}.{} is Galileo's to say", where, key),
                   {},
                   fmt::format("it is {} already", found->dump()),
                   "leave it out"};
    }
  }
  return {};
}

Json variables_json(const plan::Pods& pods, const std::string& gateway_ip) {
  Json variables = Json::array();
  for (const auto& [name, value] : pods.environment)
    variables.push_back({{"name", name}, {"value", value}});
  // Functions that call functions do so through the gateway of their zone.
  variables.push_back({{"name", "API_GATEWAY"}, {"value", gateway_ip}});
  return variables;
}

struct Placing {
  std::string id;  // the experiment's
  std::string zone;
  std::string gateway_ip;
  std::string host;  // empty: where a scheduler wants
};

Json labels_json(const std::string& application, const Placing& placing) {
  return {{kFunctionLabel, application},
          {kZoneLabel, placing.zone},
          {kExperimentLabel, placing.id},
          {"type", "fn"},
          {"ether.edgerun.io/type", "fn"}};
}

// The pod's part, of a pod and of a Deployment's template.
Result<Json> pod_json(const plan::Application& application, const std::string& container_name,
                      const Placing& placing) {
  const plan::Pods& pods = *application.pods;
  Json container{{"name", container_name},
                 {"image", pods.image},
                 {"env", variables_json(pods, placing.gateway_ip)},
                 {"ports", {{{"name", "function-port"}, {"containerPort", pods.port}}}}};
  if (!pods.command.empty()) container["command"] = pods.command;
  if (!pods.arguments.empty()) container["args"] = pods.arguments;
  if (!pods.requests.empty()) container["resources"]["requests"] = texts_json(pods.requests);
  if (!pods.limits.empty()) container["resources"]["limits"] = texts_json(pods.limits);
  const std::string where = fmt::format("application {}: kubernetes.", application.name);
  TRY(add_to(container, Json::parse(pods.container_json), where + "container"));
  Json spec{{"containers", Json::array({container})},
            {"volumes",
             {{{"name", "podinfo"},
               {"downwardAPI",
                {{"items",
                  {{{"path", "labels"}, {"fieldRef", {{"fieldPath", "metadata.labels"}}}}}}}}}}}};
  if (!placing.host.empty()) spec["nodeSelector"][kHostLabel] = placing.host;
  TRY(add_to(spec, Json::parse(pods.spec_json), where + "spec"));
  return Json{{"metadata", {{"labels", labels_json(application.name, placing)}}}, {"spec", spec}};
}

Result<std::string> gateway_for(const ClusterView& view, const std::string& zone,
                                const std::string& whose) {
  const std::vector<std::string> ips = view.gateways_of(zone);
  if (!ips.empty()) return ips.front();
  std::set<std::string> zones;
  for (const ZoneGateway& gateway : view.gateways) zones.insert(gateway.zone);
  return Error{ErrorCode::kUsage,
               fmt::format("zone '{}' has no gateway", zone),
               whose,
               {},
               zones.empty() ? "deploy the gateways: docs/how-to/kubernetes.md"
                             : fmt::format("there are gateways in {}", fmt::join(zones, ", "))};
}

class Arranger {
 public:
  Arranger(const std::string& id, const ClusterView& view) : id_(id), view_(view) {}

  Result<void> add(const plan::Application& application) {
    if (application.pods->from_manifests) return add_given(application);
    if (!application.pods->on_nodes.empty()) return add_pinned(application);
    Placing placing{id_, application.pods->zone, {}, {}};
    placing.gateway_ip = TRY(gateway_for(view_, placing.zone, whose(application)));
    count(application.name, placing.zone, application.pods->count);
    return application.pods->is_deployment ? add_deployment(application, placing)
                                           : add_free(application, placing);
  }
  Arrangement take() { return std::move(arrangement_); }

 private:
  static std::string whose(const plan::Application& application) {
    return "application " + application.name;
  }

  Result<ClusterView::Node> node(const plan::Application& application, const std::string& name) {
    const auto found = view_.nodes.find(name);
    if (found != view_.nodes.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [known, about] : view_.nodes) names.push_back(known);
    return Error{ErrorCode::kUsage,
                 fmt::format("the cluster has no node '{}'", name),
                 whose(application),
                 {},
                 hint_for_unknown(name, names)};
  }

  // Their manifests make them.
  Result<void> add_given(const plan::Application& application) {
    count(application.name, "", application.pods->count);
    if (!view_.gateways.empty()) return {};
    return Error{ErrorCode::kUsage,
                 "there is no gateway",
                 whose(application),
                 {},
                 "deploy the gateways: docs/how-to/kubernetes.md"};
  }

  Result<void> add_pinned(const plan::Application& application) {
    for (const auto& [name, pods] : application.pods->on_nodes) {
      const ClusterView::Node on = TRY(node(application, name));
      Placing placing{
          id_, application.pods->zone.empty() ? on.zone : application.pods->zone, {}, on.host};
      if (placing.zone.empty())
        return Error{ErrorCode::kUsage,
                     fmt::format("node '{}' is of no zone", name),
                     whose(application),
                     {},
                     fmt::format("kubectl label node {} {}=main, or give the application a zone",
                                 name, kZoneLabel)};
      placing.gateway_ip = TRY(gateway_for(view_, placing.zone, whose(application)));
      count(application.name, placing.zone, pods);
      for (std::uint32_t i = 0; i < pods; ++i)
        TRY(add_pod(application, fmt::format("{}-deployment-{}-{}", application.name, name, i),
                    placing));
    }
    return {};
  }

  Result<void> add_free(const plan::Application& application, const Placing& placing) {
    for (std::uint32_t i = 0; i < application.pods->count; ++i)
      TRY(add_pod(application, fmt::format("{}-deployment-{}", application.name, i), placing));
    return {};
  }

  Result<void> add_pod(const plan::Application& application, const std::string& name,
                       const Placing& placing) {
    Json pod = TRY(pod_json(application, name, placing));
    pod["metadata"]["name"] = name;
    put("v1", "Pod", "pods", std::move(pod));
    return {};
  }

  Result<void> add_deployment(const plan::Application& application, const Placing& placing) {
    const plan::Pods& pods = *application.pods;
    const std::string name = application.name + "-deployment";
    const Json labels = labels_json(application.name, placing);
    const Json pod = TRY(pod_json(application, application.name, placing));
    const std::uint32_t first = pods.autoscale ? pods.autoscale->fewest : pods.count;
    put("apps/v1", "Deployment", "deployments",
        {{"metadata", {{"name", name}, {"labels", labels}}},
         {"spec",
          {{"replicas", first},
           {"selector",
            {{"matchLabels", {{kFunctionLabel, application.name}, {kExperimentLabel, id_}}}}},
           {"template", pod}}}});
    if (!pods.autoscale) return {};
    arrangement_.groups.back().count = first;
    return add_autoscaler(application, name, labels);
  }

  Result<void> add_autoscaler(const plan::Application& application, const std::string& name,
                              const Json& labels) {
    const plan::Autoscale& scale = *application.pods->autoscale;
    Json spec{
        {"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", name}}},
        {"minReplicas", scale.fewest},
        {"maxReplicas", scale.most}};
    if (scale.cpu_pct > 0)
      spec["metrics"] = Json::array(
          {{{"type", "Resource"},
            {"resource",
             {{"name", "cpu"},
              {"target", {{"type", "Utilization"}, {"averageUtilization", scale.cpu_pct}}}}}}});
    TRY(add_to(spec, Json::parse(scale.spec_json),
               fmt::format("application {}: kubernetes.autoscale.spec", application.name)));
    put("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers",
        {{"metadata", {{"name", name}, {"labels", labels}}}, {"spec", spec}});
    return {};
  }

  void put(const char* group_version, const char* kind, const char* plural, Json body) {
    body["apiVersion"] = group_version;
    body["kind"] = kind;
    arrangement_.objects.push_back(make_object(group_version, plural, body));
  }

  void count(const std::string& application, const std::string& zone, std::uint32_t pods) {
    for (PodGroup& group : arrangement_.groups) {
      if (group.application != application || group.zone != zone) continue;
      group.count += pods;
      return;
    }
    arrangement_.groups.push_back({application, zone, pods});
  }

  const std::string& id_;
  const ClusterView& view_;
  Arrangement arrangement_;
};

// The old gateways' only word of their zone.
std::string zone_in_name(const std::string& pod) {
  const auto parts = split(pod, '-');
  return parts.size() > 6 && parts[4] == "zone" ? fmt::format("zone-{}", parts[5]) : std::string();
}

std::string variable_of(const Json& pod, std::string_view name) {
  for (const Json& container : pods::value_at(pod, {"spec", "containers"})) {
    for (const Json& variable : pods::value_at(container, {"env"})) {
      if (kubernetes::text_at(variable, {"name"}) == name)
        return kubernetes::text_at(variable, {"value"});
    }
  }
  return {};
}

}  // namespace

KubernetesObject make_object(const char* group_version, const char* plural, const Json& body) {
  return {group_version, plural, kubernetes::name_of(body), body.dump()};
}

std::string pods_selector(const std::vector<std::string>& functions) {
  if (functions.empty()) return fmt::format("{0},!{0}", kFunctionLabel);
  return fmt::format("{} in ({})", kFunctionLabel, fmt::join(functions, ","));
}

std::vector<std::string> ClusterView::gateways_of(const std::string& zone) const {
  std::vector<std::string> ips;
  for (const ZoneGateway& gateway : gateways) {
    if (gateway.zone == zone) ips.push_back(gateway.ip);
  }
  return ips;
}

ClusterView::Node read_node(const nlohmann::json& node) {
  const std::string host = kubernetes::text_at(node, {"metadata", "labels", kHostLabel});
  return {kubernetes::text_at(node, {"metadata", "labels", kZoneLabel}),
          host.empty() ? kubernetes::text_at(node, {"metadata", "name"}) : host,
          pods::texts_json(pods::texts_at(node, {"metadata", "labels"}))};
}

ZoneGateway read_gateway(const nlohmann::json& pod, const ClusterView& view) {
  ZoneGateway gateway{kubernetes::text_at(pod, {"metadata", "labels", kZoneLabel}),
                      kubernetes::text_at(pod, {"status", "podIP"}),
                      kubernetes::text_at(pod, {"spec", "nodeName"})};
  if (gateway.zone.empty()) gateway.zone = variable_of(pod, "eb_go_lb_zone");
  const auto node = view.nodes.find(gateway.node);
  if (gateway.zone.empty() && node != view.nodes.end()) gateway.zone = node->second.zone;
  if (gateway.zone.empty())
    gateway.zone = zone_in_name(kubernetes::text_at(pod, {"metadata", "name"}));
  return gateway;
}

Result<Arrangement> arrange(const plan::Plan& plan, const std::string& id,
                            const ClusterView& view) {
  Arranger arranger(id, view);
  for (const plan::Application& application : plan.applications) {
    if (application.pods) TRY(arranger.add(application));
  }
  // The clients' own zones: their requests go to the gateway there.
  const std::vector<load::ServiceSpec> routes = routes_of(plan, view);
  for (const load::ServiceSpec& service : plan.services) {
    const bool reached =
        !service.hosts.empty() || !service.static_host.empty() ||
        std::any_of(routes.begin(), routes.end(),
                    [&](const load::ServiceSpec& route) { return route.name == service.name; });
    if (reached) continue;
    std::set<std::string> zones;
    for (const ZoneGateway& gateway : view.gateways) zones.insert(gateway.zone);
    return Error{ErrorCode::kUsage,
                 fmt::format("no gateway serves '{}'", service.name),
                 "its clients' zone has none",
                 {},
                 zones.empty() ? "deploy the gateways: docs/how-to/kubernetes.md"
                               : fmt::format("there are gateways in {}", fmt::join(zones, ", "))};
  }
  return arranger.take();
}

std::vector<load::ServiceSpec> routes_of(const plan::Plan& plan, const ClusterView& view) {
  std::vector<load::ServiceSpec> routes;
  std::set<std::string> names;
  for (const plan::Application& application : plan.applications) {
    if (!application.pods) continue;
    for (const ZoneGateway& gateway : view.gateways) {
      load::ServiceSpec route;
      route.name = plan::service_of(application.name, gateway.zone);
      if (!names.insert(route.name).second) continue;
      for (const std::string& ip : view.gateways_of(gateway.zone))
        route.hosts.emplace_back(fmt::format("{}:{}", ip, kGatewayPort), 1);
      routes.push_back(std::move(route));
    }
  }
  return routes;
}

}  // namespace galileo::experiment
