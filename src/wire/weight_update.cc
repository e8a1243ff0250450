#include "wire/weight_update.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "wire/json.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

Error no_update(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the change of weights", {}, std::move(why), {}};
}

// Whole ones as such, as etcd has them for old balancers.
std::string weight_text(double weight) {
  if (weight == std::floor(weight) && weight < 1e15)
    return fmt::format("{}", static_cast<std::int64_t>(weight));
  return json_real(weight);
}

Result<std::string> text_of(const Json& object, std::string_view key) {
  const Json* const value = find(object, key);
  if (!value || value->kind != Json::Kind::kText || value->text.empty())
    return no_update(fmt::format("it has no '{}'", key));
  return value->text;
}

Result<double> weight_of(const Json& json) {
  const bool is_number = json.kind == Json::Kind::kInteger || json.kind == Json::Kind::kReal;
  const auto weight = is_number ? parse_number(json.text) : std::nullopt;
  if (!weight || !std::isfinite(*weight) || *weight < 0)
    return no_update("a weight isn't a number from 0 up");
  return *weight;
}

}  // namespace

Event weight_update_event(const WeightUpdate& update) {
  std::string ips;
  std::string weights;
  for (const auto& [host, weight] : update.targets) {
    if (!ips.empty()) ips += ", ";
    if (!weights.empty()) weights += ", ";
    ips += json_text(host);
    weights += weight_text(weight);
  }
  std::string ts;
  append_unix_time(ts, update.at, 7);
  return {update.at, std::string(kWeightUpdate),
          fmt::format(
              R"({{"ts": {}, "fn": {}, "zone": {}, "weights": {{"ips": [{}], "weights": [{}]}}}})",
              ts, json_text(update.function), json_text(update.zone), ips, weights)};
}

Result<WeightUpdate> parse_weight_update(const Event& event) {
  const Json json = TRY(parse_json(event.value));
  WeightUpdate update;
  update.at = event.at;
  update.function = TRY(text_of(json, "fn"));
  update.zone = TRY(text_of(json, "zone"));
  const Json* const both = find(json, "weights");
  if (!both) return no_update("it has no 'weights'");
  const Json* const ips = find(*both, "ips");
  const Json* const weights = find(*both, "weights");
  if (!ips || ips->kind != Json::Kind::kArray || !weights || weights->kind != Json::Kind::kArray)
    return no_update("it has no list of ips, or none of weights");
  if (ips->items.size() != weights->items.size())
    return no_update(
        fmt::format("{} ips have {} weights", ips->items.size(), weights->items.size()));
  for (std::size_t i = 0; i < ips->items.size(); ++i) {
    if (ips->items[i].kind != Json::Kind::kText) return no_update("an ip isn't text");
    update.targets.emplace_back(ips->items[i].text, TRY(weight_of(weights->items[i])));
  }
  return update;
}

}  // namespace galileo::wire
