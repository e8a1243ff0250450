#include "pods/pod_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace galileo::pods {
namespace {

using Json = nlohmann::ordered_json;

Json object_of(const std::map<std::string, std::string>& texts) {
  Json object = Json::object();
  for (const auto& [key, text] : texts) object[key] = text;
  return object;
}

// A quantity stands there as JSON inside of JSON: its quotes are a part of the text.
Json resources_of(const std::map<std::string, std::string>& amounts) {
  Json object = Json::object();
  for (const auto& [key, amount] : amounts) object[key] = go_json(amount);
  return object;
}

// Whose status that is: where there is one container it is that one's; else the name must be the
// same, and the image's name be within the one that the node has found.
const ContainerSpec* spec_of(const Pod& pod, const ContainerStatus& status) {
  if (pod.containers.size() == 1) return &pod.containers.front();
  for (const ContainerSpec& spec : pod.containers) {
    const std::string image = spec.image.substr(0, spec.image.find(':'));
    if (spec.name == status.name && status.image.find(image) != std::string::npos) return &spec;
  }
  return nullptr;
}

Json containers_of(const Pod& pod) {
  std::map<std::string, Json> by_name;
  for (const ContainerStatus& status : pod.statuses) {
    const ContainerSpec* const spec = spec_of(pod, status);
    if (!spec) continue;
    by_name[spec->name] = Json{{"id", status.id},
                               {"name", status.name},
                               {"image", spec->image},
                               {"port", spec->port},
                               {"resource_requests", resources_of(spec->requests)},
                               {"resource_limits", resources_of(spec->limits)}};
  }
  Json containers = Json::object();
  for (auto& [name, container] : by_name) containers[name] = std::move(container);
  return containers;
}

}  // namespace

std::string go_json(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Outside of texts JSON has none of these.
    if (text[i] == '<') {
      escaped += "\\u003c";
    } else if (text[i] == '>') {
      escaped += "\\u003e";
    } else if (text[i] == '&') {
      escaped += "\\u0026";
    } else if (text.compare(i, 3, "\u2028") == 0 || text.compare(i, 3, "\u2029") == 0) {
      escaped += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      escaped += text[i];
    }
  }
  return escaped;
}

std::string pod_text(const Pod& pod) {
  const auto or_null = [](auto&& value, bool is_there) { return is_there ? Json(value) : Json(); };
  return go_json(Json{{"podUid", pod.uid},
                      {"containers", containers_of(pod)},
                      {"namespace", pod.name_space},
                      {"hostIP", pod.host_ip},
                      {"name", pod.name},
                      {"nodeName", pod.node},
                      {"podIP", pod.ip},
                      {"qosClass", pod.qos},
                      {"startTime", or_null(pod.started_at, !pod.started_at.empty())},
                      {"labels", or_null(object_of(pod.labels), !pod.labels.empty())},
                      {"status", pod.phase}});
}

std::string texts_json(const std::map<std::string, std::string>& texts) {
  return go_json(object_of(texts));
}

}  // namespace galileo::pods
