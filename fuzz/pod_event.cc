// Any bytes as an event of a pod or of its containers: no crash, and what is told is UTF-8 with a
// uid and a name.
#include "wire/pod_event.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Event event;
  event.name = "pod/running";
  event.value.assign(reinterpret_cast<const char*>(data), size);
  if (const auto pod = wire::parse_pod_event(event); pod.ok()) {
    ENSURE(!pod->uid.empty() && !pod->name.empty() && is_utf8(pod->name) && is_utf8(pod->ip));
    for (const wire::PodContainer& container : pod->containers)
      ENSURE(container.port == -1 || (container.port > 0 && container.port < 65536));
  } else {
    ENSURE(is_utf8(pod.error().to_text()));
  }
  event.name = "container/restart";
  if (const auto container = wire::parse_container_event(event); container.ok())
    ENSURE(!container->pod_uid.empty() && !container->container.empty() &&
           container->ids.size() <= 2);
  return 0;
}
