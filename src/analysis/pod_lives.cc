#include "analysis/pod_lives.h"

#include <algorithm>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::analysis {
namespace {

constexpr std::string_view kFunctionLabel = "ether.edgerun.io/function";
constexpr std::string_view kZoneLabel = "ether.edgerun.io/zone";
constexpr std::string_view kTypeLabel = "type";
// A container that crashes all night.
constexpr std::size_t kIdsMax = 100;

const std::string kNowhere;

std::string label(const wire::PodEvent& pod, std::string_view key) {
  const auto found = pod.labels.find(std::string(key));
  return found == pod.labels.end() ? std::string() : found->second;
}

// What is told later of the same thing, where it is told.
void take(std::string& known, const std::string& told) {
  if (!told.empty()) known = told;
}

void take_earlier(Wall& known, Wall at) {
  if (known == kNoWall || at < known) known = at;
}

}  // namespace

void PodLives::add(const wire::Event& event) {
  if (wire::is_pod_event(event.name)) {
    const auto pod = wire::parse_pod_event(event);
    if (pod.ok())
      add_pod(*pod, event.at);
    else
      ++malformed_;
  } else if (wire::is_container_event(event.name)) {
    const auto told = wire::parse_container_event(event);
    if (!told.ok()) return;
    const auto pod = by_uid_.find(told->pod_uid);
    if (pod == by_uid_.end()) return;
    std::vector<Container>& containers = pods_[pod->second].containers;
    for (std::size_t i = 0; i < containers.size(); ++i) {
      if (containers[i].name != told->container) continue;
      for (const std::string& id : told->ids) add_id(pod->second, i, id);
    }
  }
}

void PodLives::add_pod(const wire::PodEvent& told, Wall at) {
  auto found = by_uid_.find(told.uid);
  if (found == by_uid_.end()) {
    if (pods_.size() >= kPodsMax) {
      ++left_out_;
      return;
    }
    found = by_uid_.emplace(told.uid, pods_.size()).first;
    pods_.emplace_back();
    pods_.back().uid = told.uid;
  }
  Pod& pod = pods_[found->second];
  take_earlier(pod.seen, at);
  take(pod.name, told.name);
  take(pod.name_space, told.name_space);
  take(pod.node, told.node);
  take(pod.host_ip, told.host_ip);
  take(pod.function, label(told, kFunctionLabel));
  take(pod.zone, label(told, kZoneLabel));
  if (label(told, kTypeLabel) == "api-gateway") pod.is_gateway = true;
  if (!told.ip.empty() && told.ip != pod.ip) {
    pod.ip = told.ip;
    by_ip_[told.ip].push_back({found->second, at});
  }
  for (const wire::PodContainer& container : told.containers)
    add_container(pod, found->second, container);
  const bool is_over = told.state == "shutdown" || told.state == "delete" ||
                       told.phase == "Failed" || told.phase == "Succeeded";
  if (is_over)
    take_earlier(pod.ended, at);
  else if (told.state == "running" || (told.phase == "Running" && !told.ip.empty()))
    take_earlier(pod.running, at);
}

void PodLives::add_container(Pod& pod, std::size_t place, const wire::PodContainer& told) {
  auto container = std::find_if(pod.containers.begin(), pod.containers.end(),
                                [&](const Container& one) { return one.name == told.name; });
  if (container == pod.containers.end()) {
    container = pod.containers.emplace(pod.containers.end());
    container->name = told.name;
  }
  take(container->image, told.image);
  if (told.port > 0) container->port = told.port;
  add_id(place, static_cast<std::size_t>(container - pod.containers.begin()), told.id);
}

void PodLives::add_id(std::size_t pod, std::size_t container, const std::string& id) {
  std::vector<std::string>& ids = pods_[pod].containers[container].ids;
  if (id.empty() || ids.size() >= kIdsMax) return;
  if (by_id_.emplace(id, Place{pod, container}).second) ids.push_back(id);
}

void PodLives::add(const wire::NodeInfo& info) {
  if (info.key != "labels") return;
  const auto labels = wire::parse_json(info.value);
  if (!labels.ok()) return;
  const wire::Json* const zone = wire::find(*labels, kZoneLabel);
  if (zone && zone->kind == wire::Json::Kind::kText) zones_[info.node] = zone->text;
}

const PodLives::Pod* PodLives::of_uid(std::string_view uid) const {
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? nullptr : &pods_[found->second];
}

const std::string& PodLives::zone_of(const Pod& pod) const {
  return pod.zone.empty() ? zone_of_node(pod.node) : pod.zone;
}

const std::string& PodLives::zone_of_node(const std::string& node) const {
  const auto found = zones_.find(node);
  return found == zones_.end() ? kNowhere : found->second;
}

template <class Take>
void PodLives::each_holder(std::string_view address, Take&& take) const {
  const std::size_t colon = address.rfind(':');
  std::string_view ip = address.substr(0, colon);
  if (ip.starts_with('[') && ip.ends_with(']')) ip = ip.substr(1, ip.size() - 2);
  const auto found = by_ip_.find(ip);
  if (found == by_ip_.end()) return;
  const std::int64_t port =
      colon == std::string_view::npos ? 0 : parse_integer(address.substr(colon + 1)).value_or(0);
  // Pods on their host's network share its address: their ports tell them apart.
  const auto can_be = [&](const Pod& pod) {
    return pod.ip != pod.host_ip ||
           std::any_of(pod.containers.begin(), pod.containers.end(),
                       [&](const Container& one) { return port > 0 && one.port == port; });
  };
  for (const Held& held : found->second) {
    if (can_be(pods_[held.pod])) take(held);
  }
}

std::size_t PodLives::at_address(std::string_view address, Wall at) const {
  std::size_t first = kNone;
  std::size_t latest = kNone;
  each_holder(address, [&](const Held& held) {
    if (first == kNone) first = held.pod;
    if (held.from <= at) latest = held.pod;
  });
  return latest == kNone ? first : latest;
}

std::vector<PodLives::Held> PodLives::holders(std::string_view address) const {
  std::vector<Held> all;
  each_holder(address, [&](const Held& held) { all.push_back(held); });
  return all;
}

PodLives::Place PodLives::of_container(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? Place{} : found->second;
}

}  // namespace galileo::analysis
