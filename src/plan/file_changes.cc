#include "plan/file_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/text.h"
#include "kubernetes/names.h"
#include "kubernetes/quantity.h"
#include "plan/scaled.h"

namespace galileo::plan {
namespace {

using Kind = ChangeCluster::Kind;

constexpr std::uint64_t kReplicasMax = 10'000;
constexpr std::uint64_t kWeightMax = 1'000'000;
constexpr std::uint64_t kStressMax = 1'024;
constexpr double kBitsFewest = 8'000;  // a packet a second
constexpr double kBitsMost = 100e9;
constexpr Duration kDelayMost = std::chrono::seconds{60};

struct ClusterKey {
  const char* key;
  Kind kind;
  std::vector<std::string> own;  // keys that go with it, and with no other
};

const std::vector<ClusterKey>& table() {
  static const std::vector<ClusterKey> kTable{
      {"scale", Kind::kScale, {"replicas"}},
      {"delete_pod", Kind::kDeletePod, {}},
      {"cordon", Kind::kCordon, {}},
      {"uncordon", Kind::kUncordon, {}},
      {"weights", Kind::kWeights, {"zone", "to", "for"}},
      {"resize", Kind::kResize, {"cpu", "memory", "for"}},
      {"netem", Kind::kNetem, {"delay", "jitter", "loss", "rate", "for"}},
      {"stress", Kind::kStress, {"cpu", "memory", "for"}}};
  return kTable;
}

// The application whose pods are meant: by its name, or by that of a pod as we give it.
const Application* application_of(const Plan& plan, Kind kind, const std::string& name) {
  const bool may_be_pod = kind == Kind::kNetem || kind == Kind::kResize;
  for (const Application& application : plan.applications) {
    if (!application.pods) continue;
    if (kind == Kind::kScale && !application.pods->is_deployment &&
        !application.pods->from_manifests)
      continue;
    if (name == application.name ||
        (may_be_pod && name.starts_with(application.name + "-deployment-")))
      return &application;
  }
  return nullptr;
}

const Application* check_pods(const Fields& fields, const Plan& plan, const ClusterKey& key,
                              const std::string& name) {
  if (const Application* const found = application_of(plan, key.kind, name)) return found;
  std::vector<std::string> names;
  for (const Application& application : plan.applications) {
    if (application_of(plan, key.kind, application.name)) names.push_back(application.name);
  }
  const char* const what = key.kind == Kind::kScale ? "pods of a Deployment" : "pods";
  fields.problems().add(
      fields.place(key.key), fmt::format("no application called '{}' is {}", name, what),
      names.empty() ? "give it kubernetes: {deployment: yes, ...}" : hint_for_unknown(name, names));
  return nullptr;
}

void check_node(const Fields& fields, const ClusterKey& key, const std::string& name) {
  if (const std::string why = kubernetes::unfit_object_name(name); !name.empty() && !why.empty())
    fields.problems().add(fields.place(key.key),
                          fmt::format("{}: '{}' {}", fields.where(key.key), name, why));
}

void read_scale(const Fields& fields, const Plan& plan, const Application* application,
                ChangeCluster& change) {
  if (application) {
    const auto scaled = scaled_by(*application, plan);
    if (!scaled.ok())
      fields.problems().add(fields.place("scale"), fields.where("scale"), scaled.error());
  }
  if (!fields.has("replicas")) fields.missing("replicas", "write replicas: 3");
  change.replicas =
      static_cast<std::uint32_t>(fields.count("replicas", 0, kReplicasMax).value_or(0));
}

void read_weights(const Fields& fields, ChangeCluster& change) {
  change.zone = fields.text("zone").value_or("");
  const wire::YamlNode* const to = fields.find("to");
  if (!to) return fields.missing("to", "write to: {node1: 3}: a pod, a node or another zone");
  if (to->kind != wire::YamlNode::Kind::kMap || to->keys.empty())
    return fields.wrong_type(*to, "to", "a map of pods, nodes or zones to weights");
  for (std::size_t i = 0; i < to->keys.size(); ++i) {
    const auto weight = to->items[i].kind == wire::YamlNode::Kind::kScalar
                            ? parse_integer(to->items[i].scalar)
                            : std::nullopt;
    if (!weight || *weight < 0 || *weight > static_cast<std::int64_t>(kWeightMax)) {
      fields.problems().add(to->items[i].place,
                            fmt::format("{}.{} must be a whole number from 0 up",
                                        fields.where("to"), to->keys[i].text));
      continue;
    }
    change.weights.emplace_back(to->keys[i].text, static_cast<std::uint32_t>(*weight));
  }
}

std::string read_quantity(const Fields& fields, std::string_view key) {
  const std::string text = fields.text(key).value_or("");
  if (text.empty()) return {};
  const auto quantity = kubernetes::parse_quantity(text);
  if (!quantity.ok()) {
    fields.problems().add(fields.place(key), fields.where(key), quantity.error());
    return {};
  }
  if (quantity->nano() > 0) return quantity->canonical();
  fields.problems().add(fields.place(key), fields.where(key) + " must be more than 0");
  return {};
}

// A limit can't be added to a pod that runs, nor taken away: that would make it another class.
void check_limit(const Fields& fields, std::string_view key, const Application* application) {
  if (!application || !fields.has(key)) return;
  const auto& limits = application->pods->limits;
  if (std::any_of(limits.begin(), limits.end(), [&](const auto& one) { return one.first == key; }))
    return;
  fields.problems().add(
      fields.place(key),
      fmt::format("'{}' has no limit of {} that could be changed", application->name, key),
      fmt::format("give it limits: {{{}: ...}}", key));
}

void read_resize(const Fields& fields, const Application* application, ChangeCluster& change) {
  change.cpu = read_quantity(fields, "cpu");
  change.memory = read_quantity(fields, "memory");
  if (!fields.has("cpu") && !fields.has("memory"))
    return fields.missing("cpu", "write cpu: 500m, memory: 64Mi, or one of them");
  check_limit(fields, "cpu", application);
  check_limit(fields, "memory", application);
}

double read_loss(const Fields& fields) {
  const std::string text = fields.text("loss").value_or("");
  if (text.empty()) return 0;
  const bool is_pct = text.back() == '%';
  const auto pct =
      is_pct ? parse_number(trim(std::string_view(text).substr(0, text.size() - 1))) : std::nullopt;
  if (pct && *pct > 0 && *pct <= 100) return *pct / 100;
  fields.problems().add(fields.place("loss"),
                        fmt::format("{}: '{}' isn't a share", fields.where("loss"), text),
                        "as 5%, above 0% and at most 100%");
  return 0;
}

void read_netem(const Fields& fields, ChangeCluster& change) {
  change.delay = fields.positive_duration("delay").value_or(Duration{0});
  change.jitter = fields.positive_duration("jitter").value_or(Duration{0});
  change.loss = read_loss(fields);
  if (const std::string rate = fields.text("rate").value_or(""); !rate.empty()) {
    const auto bits = parse_bit_rate(rate);
    if (!bits.ok())
      fields.problems().add(fields.place("rate"), fields.where("rate"), bits.error());
    else
      change.rate_bps = *bits;
  }
  if (!fields.has("delay") && !fields.has("loss") && !fields.has("rate"))
    return fields.missing("delay", "write delay: 50ms, loss: 5%, rate: 10mbit, or some of them");
  if (fields.has("jitter") && !fields.has("delay"))
    fields.missing("delay", "jitter is around a delay");
  if (change.jitter > change.delay && change.delay.count() > 0)
    fields.problems().add(fields.place("jitter"),
                          fields.where("jitter") + " is more than the delay it is around");
  if (change.delay > kDelayMost)
    fields.problems().add(
        fields.place("delay"),
        fmt::format("{} is more than {}", fields.where("delay"), format_duration(kDelayMost)));
}

void read_stress(const Fields& fields, ChangeCluster& change) {
  if (!fields.has("cpu") && !fields.has("memory"))
    return fields.missing("cpu", "write cpu: 2, memory: 256Mi, or one of them");
  change.cpus = static_cast<std::uint32_t>(fields.count("cpu", 1, kStressMax).value_or(0));
  const std::string text = read_quantity(fields, "memory");
  if (text.empty()) return;
  change.memory_bytes = static_cast<std::uint64_t>(kubernetes::parse_quantity(text)->to_double());
  if (change.memory_bytes < 1 << 20)
    fields.problems().add(fields.place("memory"),
                          fields.where("memory") + " is less than a megabyte", "as 256Mi");
}

// Keys of other kinds of events say nothing of this one.
void refuse_others(const Fields& fields, const ClusterKey& key) {
  for (const ClusterKey& other : table()) {
    for (const std::string& own : other.own) {
      if (!fields.has(own) || std::find(key.own.begin(), key.own.end(), own) != key.own.end())
        continue;
      std::vector<std::string> with;
      for (const ClusterKey& one : table()) {
        if (std::find(one.own.begin(), one.own.end(), own) != one.own.end())
          with.emplace_back(one.key);
      }
      return fields.problems().add(
          fields.place(own), fmt::format("{} goes with {} alone", own, fmt::join(with, ", ")));
    }
  }
}

}  // namespace

const std::vector<std::string>& cluster_change_keys() {
  static const std::vector<std::string> kKeys = [] {
    std::vector<std::string> keys;
    for (const ClusterKey& key : table()) keys.emplace_back(key.key);
    return keys;
  }();
  return kKeys;
}

ChangeCluster read_cluster_change(const Fields& fields, const Plan& plan, const std::string& name) {
  const ClusterKey& key = *std::find_if(table().begin(), table().end(),
                                        [&](const ClusterKey& one) { return one.key == name; });
  ChangeCluster change;
  change.kind = key.kind;
  change.what = fields.required(key.key);
  if (!plan.cluster) {
    fields.problems().add(fields.place(key.key), "no application of the file is pods");
    return change;
  }
  refuse_others(fields, key);
  const bool is_of_node =
      key.kind == Kind::kCordon || key.kind == Kind::kUncordon || key.kind == Kind::kStress;
  const Application* application = nullptr;
  if (is_of_node)
    check_node(fields, key, change.what);
  else
    application = check_pods(fields, plan, key, change.what);
  if (key.kind == Kind::kScale) read_scale(fields, plan, application, change);
  if (key.kind == Kind::kWeights) read_weights(fields, change);
  if (key.kind == Kind::kResize) read_resize(fields, application, change);
  if (key.kind == Kind::kNetem) read_netem(fields, change);
  if (key.kind == Kind::kStress) read_stress(fields, change);
  change.lasts = fields.positive_duration("for");
  return change;
}

Result<std::uint64_t> parse_bit_rate(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits{
      {{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}};
  const std::string lower = to_lower(text);
  for (const auto& [unit, factor] : kUnits) {
    if (!lower.ends_with(unit)) continue;
    const auto number =
        parse_number(trim(std::string_view(lower).substr(0, lower.size() - unit.size())));
    const double bits = number.value_or(0) * factor;
    if (bits >= kBitsFewest && bits <= kBitsMost) return static_cast<std::uint64_t>(bits);
    break;
  }
  return Error{ErrorCode::kUsage,
               {},
               {},
               fmt::format("'{}' isn't a rate of bits", text),
               "as 10mbit or 500kbit, from 8kbit to 100gbit"};
}

}  // namespace galileo::plan
