#include "gateway/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "net/address.h"
#include "route/policy.h"

namespace galileo::gateway {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kTargetsMax = 100'000;

Error wrong(std::string why) {
  return Error{ErrorCode::kCorrupt,
               "can't take the weights",
               {},
               std::move(why),
               R"(they are {"ips": ["10.0.0.1:8080"], "weights": [1]})"};
}

Result<Targets> targets_of(const Json& value) {
  if (!value.is_object()) return wrong("that isn't an object");
  const auto ips = value.find("ips");
  const auto weights = value.find("weights");
  if (ips == value.end() || !ips->is_array()) return wrong("it has no list of ips");
  if (weights == value.end() || !weights->is_array()) return wrong("it has no list of weights");
  if (ips->size() != weights->size())
    return wrong(fmt::format("{} ips have {} weights", ips->size(), weights->size()));
  if (ips->size() > kTargetsMax) return wrong(fmt::format("more than {} ips", kTargetsMax));
  Targets targets;
  for (std::size_t i = 0; i < ips->size(); ++i) {
    const Json& ip = (*ips)[i];
    const Json& weight = (*weights)[i];
    if (!ip.is_string()) return wrong(fmt::format("ip {} isn't text", i));
    auto name = ip.get<std::string>();
    if (const auto where = net::parse_host_port(name, 0); !where.ok())
      return wrong(fmt::format("'{}': {}", make_utf8(name.substr(0, 100)), where.error().why));
    if (!weight.is_number() || !std::isfinite(weight.get<double>()) || weight.get<double>() < 0)
      return wrong(fmt::format("the weight of {} isn't a number from 0 up", make_utf8(name)));
    targets.hosts.push_back({std::move(name), weight.get<double>()});
  }
  if (const auto policy = value.find("policy"); policy != value.end()) {
    if (!policy->is_string()) return wrong("its policy isn't text");
    targets.policy = policy->get<std::string>();
    const auto names = route::policy_names();
    if (std::find(names.begin(), names.end(), targets.policy) == names.end())
      return wrong(fmt::format("there is no policy '{}'; {}", make_utf8(targets.policy),
                               hint_for_unknown(targets.policy, names)));
  }
  return targets;
}

}  // namespace

Result<Targets> parse_targets(std::string_view json) {
  const Json value = Json::parse(json.begin(), json.end(), nullptr, false);
  if (value.is_discarded()) return wrong("that isn't JSON");
  return targets_of(value);
}

std::string targets_json(const Targets& targets) {
  Json ips = Json::array();
  Json weights = Json::array();
  for (const route::Host& target : targets.hosts) {
    ips.push_back(target.name);
    // Whole ones as such: the old balancer reads no others.
    if (target.weight == std::floor(target.weight) && target.weight < 1e15)
      weights.push_back(static_cast<std::int64_t>(target.weight));
    else
      weights.push_back(target.weight);
  }
  Json value{{"ips", ips}, {"weights", weights}};
  if (!targets.policy.empty()) value["policy"] = targets.policy;
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::map<std::string, Targets>> parse_weights_file(std::string_view json,
                                                          const std::string& path) {
  const Json value = Json::parse(json.begin(), json.end(), nullptr, false);
  Error error = wrong("that isn't a JSON object of functions");
  error.where = path;
  error.hint = R"(write {"<function>": {"ips": ["10.0.0.1:8080"], "weights": [1]}})";
  if (!value.is_object()) return error;
  std::map<std::string, Targets> functions;
  for (const auto& [name, weights] : value.items()) {
    auto targets = targets_of(weights);
    if (!targets.ok()) {
      error.why = fmt::format("function '{}': {}", make_utf8(name), targets.error().why);
      return error;
    }
    functions[name] = std::move(*targets);
  }
  return functions;
}

}  // namespace galileo::gateway
