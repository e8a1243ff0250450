// Any text as a file of manifests: no crash, faults have their places and say why, and what is read
// becomes objects with the run's label, and loses its secrets.
#include "plan/manifests.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"
#include "experiment/given_objects.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<wire::YamlFault> faults;
  const auto manifests = plan::parse_manifests(text, "a.yaml", faults);
  for (const wire::YamlFault& fault : faults) ENSURE(!fault.why.empty());
  if (!faults.empty()) return 0;
  experiment::KnownKinds kinds;
  for (const plan::Manifest& manifest : manifests) {
    ENSURE(!manifest.name.empty() && manifest.name.find('/') == std::string::npos);
    const auto hidden =
        nlohmann::json::parse(plan::manifest_without_secrets(manifest.json), nullptr, false);
    ENSURE(hidden.is_object());
    ENSURE(plan::without_secrets_of(manifest.json, "said").size() <= 4);
    kinds[experiment::kind_key(manifest.group_version, manifest.kind)] = {"things", true};
  }
  const auto given = experiment::arrange_given(manifests, kinds, "run", "lab", {});
  if (!given.ok()) return 0;
  for (const experiment::GivenObject& one : *given) {
    const auto json = nlohmann::json::parse(one.object.json);
    ENSURE(json["metadata"]["labels"][experiment::kExperimentLabel] == "run", one.object.json);
    static_cast<void>(experiment::given_state(one.kind, json));
    ENSURE(one.path().starts_with("/api"), one.path());
  }
  return 0;
}
