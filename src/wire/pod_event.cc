#include "wire/pod_event.h"

#include "base/text.h"
#include "wire/json.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kPod = "pod/";
constexpr std::string_view kContainer = "container/";

Error no_pod(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the event of a pod", {}, std::move(why), {}};
}

std::string text_of(const Json& object, std::string_view key) {
  const Json* const value = find(object, key);
  return value && value->kind == Json::Kind::kText ? value->text : std::string();
}

std::vector<PodContainer> containers_of(const Json& pod) {
  std::vector<PodContainer> containers;
  const Json* const all = find(pod, "containers");
  if (!all || all->kind != Json::Kind::kObject) return containers;
  for (std::size_t i = 0; i < all->items.size(); ++i) {
    const Json& one = all->items[i];
    if (one.kind != Json::Kind::kObject) continue;
    PodContainer container;
    container.name = all->keys[i];
    container.id = container_id_of(text_of(one, "id"));
    container.image = text_of(one, "image");
    const Json* const port = find(one, "port");
    const auto number =
        port && port->kind == Json::Kind::kInteger ? parse_integer(port->text) : std::nullopt;
    if (number && *number > 0 && *number < 65536) container.port = static_cast<int>(*number);
    containers.push_back(std::move(container));
  }
  return containers;
}

}  // namespace

bool is_pod_event(std::string_view name) {
  return name.starts_with(kPod) || name == kStandingPod;
}

bool is_container_event(std::string_view name) {
  return name.starts_with(kContainer);
}

std::string_view container_id_of(std::string_view id) {
  const std::size_t scheme = id.find("://");
  return scheme == std::string_view::npos ? id : id.substr(scheme + 3);
}

Result<PodEvent> parse_pod_event(const Event& event) {
  if (!is_pod_event(event.name)) return no_pod("it isn't named as one");
  const Json json = TRY(parse_json(event.value));
  PodEvent pod;
  pod.state = event.name == kStandingPod ? "running" : event.name.substr(kPod.size());
  pod.uid = text_of(json, "podUid");
  pod.name = text_of(json, "name");
  // Without a uid it can't be told from another of its name, without a name nobody knows it.
  if (pod.uid.empty() || pod.name.empty()) return no_pod("it has no podUid, or no name");
  pod.name_space = text_of(json, "namespace");
  pod.node = text_of(json, "nodeName");
  pod.ip = text_of(json, "podIP");
  pod.host_ip = text_of(json, "hostIP");
  pod.phase = text_of(json, "status");
  const Json* const labels = find(json, "labels");
  if (labels && labels->kind == Json::Kind::kObject) {
    for (std::size_t i = 0; i < labels->items.size(); ++i) {
      if (labels->items[i].kind == Json::Kind::kText)
        pod.labels[labels->keys[i]] = labels->items[i].text;
    }
  }
  pod.containers = containers_of(json);
  return pod;
}

Result<ContainerEvent> parse_container_event(const Event& event) {
  if (!is_container_event(event.name)) return no_pod("it isn't named as a container's");
  const Json json = TRY(parse_json(event.value));
  ContainerEvent container;
  container.pod_uid = text_of(json, "podUid");
  container.container = text_of(json, "container");
  if (container.pod_uid.empty() || container.container.empty())
    return no_pod("it has no podUid, or no container");
  for (const char* key : {"previousId", "id"}) {
    std::string id(container_id_of(text_of(json, key)));
    if (!id.empty()) container.ids.push_back(std::move(id));
  }
  return container;
}

}  // namespace galileo::wire
