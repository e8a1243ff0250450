// Any text as YAML, of one document and of several: no crash, a fault says why, and what is read
// can be written as JSON.
#include "wire/yaml.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/json.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto one = wire::parse_yaml(text);
  const auto several = wire::parse_yaml_documents(text);
  if (!several) {
    ENSURE(!several.error().why.empty());
    // What can't be read as many can't be read as one.
    ENSURE(!one);
    return 0;
  }
  ENSURE(!one || several->size() <= 1);
  for (const wire::YamlNode& root : *several) {
    const std::string json = wire::yaml_to_json(root, &wire::kubernetes_scalar);
    const auto read = wire::parse_json(json);
    ENSURE(read.ok() || json.size() > wire::kJsonBytesMax, json);
  }
  return 0;
}
