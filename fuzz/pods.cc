// Any JSON as pods, nodes, autoscalers and events of a cluster: no crash; what is told is an event
// that can be read again, and but for the five of the old adapter's without "pod" in its name.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"
#include "pods/cluster_events.h"
#include "pods/pod_events.h"
#include "wire/event_line.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Json = nlohmann::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Json objects = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!objects.is_array()) return 0;
  const auto take = [](wire::Event&& event) {
    std::string line;
    wire::append_event_line(line, event);
    const auto again = wire::parse_event_line(line);
    ENSURE(again.ok() && again->name == event.name && again->value == event.value, line);
    ENSURE(!Json::parse(event.value, nullptr, false).is_discarded(), line);
    ENSURE(event.name.starts_with("pod/") || event.name.find("pod") == std::string::npos, line);
  };
  pods::PodEvents pods(take);
  pods::NodeEvents nodes(take, [](auto&, auto&) {});
  pods::ScalerEvents scalers(take);
  pods::ClusterMessages messages(take);
  const Wall now{std::chrono::seconds{1'795'500'000}};
  for (const Json& object : objects) {
    const pods::Pod pod = pods::read_pod(object);
    // A text among them: all that there is has been told; a number: the last one has gone.
    if (object.is_string()) {
      pods.on_synced(now);
      nodes.on_synced();
      scalers.on_synced();
      messages.on_synced();
    } else if (object.is_number()) {
      pods.on_gone("u", nullptr, now);
    }
    pods.on_object(pod, now);
    nodes.on_object(object, now);
    scalers.on_object(object, now);
    messages.on_object(object, now);
  }
  return 0;
}
