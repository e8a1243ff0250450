#include "experiment/run_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "experiment/pod_objects.h"
#include "kubernetes/objects.h"
#include "plan/plan.h"
#include "pods/fields.h"
#include "wire/unix_time.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;
using Befores = std::map<std::string, std::optional<std::string>>;

constexpr std::int64_t kLeaseSeconds = 120;
constexpr const char* kFunctionsNote = "galileo.edgerun.io/functions";
constexpr const char* kKeptNote = "galileo.edgerun.io/kept";

Json befores_json(const Befores& befores) {
  Json json = Json::object();
  for (const auto& [key, before] : befores) json[key] = before ? Json(*before) : Json(nullptr);
  return json;
}

Befores read_befores(const Json& json) {
  Befores befores;
  for (const auto& [key, before] : json.items()) {
    befores[key] = before.is_string() ? std::optional(before.get<std::string>()) : std::nullopt;
  }
  return befores;
}

Json metadata(const RunLedger& ledger) {
  std::string functions;
  for (const std::string& function : ledger.functions)
    functions += (functions.empty() ? "" : " ") + function;
  return {{"name", claim_name(ledger.experiment)},
          {"labels", {{kExperimentLabel, ledger.experiment}}},
          {"annotations", {{kFunctionsNote, functions}}}};
}

Json given_json(const std::vector<RunLedger::Given>& given) {
  Json json = Json::array();
  for (const RunLedger::Given& one : given)
    json.push_back({one.group_version, one.plural, one.name_space, one.name, one.turn});
  return json;
}

std::vector<RunLedger::Given> read_given(const Json& list) {
  std::vector<RunLedger::Given> given;
  for (const Json& row : list) {
    const bool is_row = row.is_array() && row.size() == 5 && row[4].is_number_integer() &&
                        std::all_of(row.begin(), row.begin() + 4,
                                    [](const Json& cell) { return cell.is_string(); });
    if (is_row)
      given.push_back({row[0].get<std::string>(), row[1].get<std::string>(),
                       row[2].get<std::string>(), row[3].get<std::string>(), row[4].get<int>()});
  }
  return given;
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> all;
  for (const Json& one : list) {
    if (one.is_string()) all.push_back(one.get<std::string>());
  }
  return all;
}

// When anyone last changed it, by the server's clock.
std::optional<Wall> last_changed(const Json& object) {
  std::optional<Wall> last;
  for (const Json& manager : pods::value_at(object, {"metadata", "managedFields"})) {
    const auto time = wire::parse_rfc3339(kubernetes::text_at(manager, {"time"}));
    if (time && (!last || *time > *last)) last = time;
  }
  return last;
}

}  // namespace

std::string claim_name(const std::string& id) {
  return "galileo-" + id;
}

nlohmann::json ledger_data(const RunLedger& ledger) {
  const Json whole{{"experiment", ledger.experiment},
                   {"functions", ledger.functions},
                   {"etcd", ledger.etcd},
                   {"weights", befores_json(ledger.weights)},
                   {"routes", befores_json(ledger.routes)},
                   {"nodes", ledger.nodes},
                   {"fault_nodes", ledger.fault_nodes},
                   {"pods_before", ledger.pods_before},
                   {"clients_before", ledger.clients_before},
                   {"given", given_json(ledger.given)}};
  return {{"ledger", whole.dump(-1, ' ', false, Json::error_handler_t::replace)}};
}

Result<RunLedger> read_ledger(const nlohmann::json& config_map) {
  const Json whole =
      Json::parse(kubernetes::text_at(config_map, {"data", "ledger"}), nullptr, false);
  RunLedger ledger;
  ledger.experiment = kubernetes::text_at(whole, {"experiment"});
  if (ledger.experiment.empty())
    return Error{ErrorCode::kCorrupt, "a run's ledger can't be read",
                 "configmap/" + kubernetes::text_at(config_map, {"metadata", "name"}),
                 "its key 'ledger' isn't what Galileo writes", "delete it by hand"};
  ledger.functions = texts(pods::value_at(whole, {"functions"}));
  ledger.etcd = texts(pods::value_at(whole, {"etcd"}));
  ledger.weights = read_befores(pods::value_at(whole, {"weights"}));
  ledger.routes = read_befores(pods::value_at(whole, {"routes"}));
  for (const auto& [node, before] : pods::value_at(whole, {"nodes"}).items()) {
    if (before.is_boolean()) ledger.nodes[node] = before.get<bool>();
  }
  for (std::string& node : texts(pods::value_at(whole, {"fault_nodes"})))
    ledger.fault_nodes.insert(std::move(node));
  ledger.pods_before = texts(pods::value_at(whole, {"pods_before"}));
  ledger.clients_before = texts(pods::value_at(whole, {"clients_before"}));
  ledger.given = read_given(pods::value_at(whole, {"given"}));
  return ledger;
}

RunLedger without_functions(RunLedger ledger, const std::set<std::string>& functions) {
  std::erase_if(ledger.functions, [&](const auto& one) { return functions.contains(one); });
  std::set<std::string> services;
  std::erase_if(ledger.weights, [&](const auto& weights) {  // ".../<zone>/<function>"
    const std::vector<std::string_view> parts = split(weights.first, '/');
    if (parts.size() < 2 || !functions.contains(std::string(parts.back()))) return false;
    services.insert(
        plan::service_of(std::string(parts.back()), std::string(parts[parts.size() - 2])));
    return true;
  });
  std::erase_if(ledger.routes, [&](const auto& route) { return services.contains(route.first); });
  return ledger;
}

bool appeared_beside(const RunLedger& ledger, const nlohmann::json& pod, std::string_view since) {
  const auto is_among = [](const std::vector<std::string>& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  };
  if (!kubernetes::text_at(pod, {"metadata", "labels", kExperimentLabel}).empty()) return false;
  return is_among(ledger.functions,
                  kubernetes::text_at(pod, {"metadata", "labels", kFunctionLabel})) &&
         !is_among(ledger.pods_before, kubernetes::uid_of(pod)) &&
         kubernetes::text_at(pod, {"metadata", "creationTimestamp"}) >= since;
}

nlohmann::json ledger_object(const RunLedger& ledger) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", metadata(ledger)},
          {"data", ledger_data(ledger)}};
}

nlohmann::json lease_object(const RunLedger& ledger, const std::string& holder) {
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", metadata(ledger)},
          {"spec", {{"holderIdentity", holder}, {"leaseDurationSeconds", kLeaseSeconds}}}};
}

nlohmann::json owner_reference(const nlohmann::json& config_map) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"name", config_map.at("metadata").at("name")},
          {"uid", config_map.at("metadata").at("uid")}};
}

bool is_elder(const ClaimState& one, const ClaimState& other) {
  // Within a second versions tell, which grow: neither lease has been renewed in it.
  const auto order = [](const ClaimState& claim) {
    return std::tuple(std::string_view(claim.created), claim.version.size(),
                      std::string_view(claim.version), std::string_view(claim.experiment));
  };
  return order(one) < order(other);
}

Result<ClaimState> read_claim(const nlohmann::json& lease, std::optional<Wall> date) {
  ClaimState claim;
  claim.experiment = kubernetes::text_at(lease, {"metadata", "labels", kExperimentLabel});
  if (claim.experiment.empty())
    return Error{ErrorCode::kCorrupt,
                 "a lease is of no experiment",
                 "lease/" + kubernetes::text_at(lease, {"metadata", "name"}),
                 {},
                 {}};
  claim.holder = kubernetes::text_at(lease, {"spec", "holderIdentity"});
  claim.name_space = kubernetes::text_at(lease, {"metadata", "namespace"});
  claim.version = kubernetes::text_at(lease, {"metadata", "resourceVersion"});
  claim.created = kubernetes::text_at(lease, {"metadata", "creationTimestamp"});
  const std::string functions =
      kubernetes::text_at(lease, {"metadata", "annotations", kFunctionsNote});
  for (const std::string_view function : split(functions, ' ')) {
    if (!function.empty()) claim.functions.emplace_back(function);
  }
  claim.lasts =
      std::chrono::seconds{pods::number_at(lease, {"spec", "leaseDurationSeconds"}, kLeaseSeconds)};
  claim.is_kept = !kubernetes::text_at(lease, {"metadata", "annotations", kKeptNote}).empty();
  const auto renewed = last_changed(lease);
  if (!renewed || !date) return claim;
  claim.age = std::max(*date - *renewed, Duration{0});
  claim.is_over = *claim.age > claim.lasts;
  return claim;
}

std::optional<Duration> left_of(const ClaimState& claim) {
  if (!claim.age) return std::nullopt;
  return std::max(claim.lasts - *claim.age, Duration{0});
}

std::string kept_text(const ClaimState& claim) {
  const auto left = left_of(claim);
  return left ? fmt::format("kept for {} more", format_duration(*left)) : std::string("kept");
}

nlohmann::json kept_lease(Duration lasts, Wall now) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(lasts).count();
  return {{"metadata", {{"annotations", {{kKeptNote, "yes"}}}}},
          {"spec", {{"leaseDurationSeconds", seconds}, {"renewTime", wire::rfc3339(now, 6)}}}};
}

}  // namespace galileo::experiment
