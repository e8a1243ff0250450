#include "plan/file_metadata.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/result.h"
#include "base/secrets.h"
#include "plan/file_request.h"

namespace galileo::plan {
namespace {

// What stands below a credential's name is hidden where it is text; a number is a count of tokens.
void hide_secrets(wire::YamlNode& node, bool is_secret = false) {
  if (is_secret && node.kind == wire::YamlNode::Kind::kScalar &&
      to_json_text(node).starts_with('"'))
    node.scalar = "***";
  for (std::size_t i = 0; i < node.items.size(); ++i)
    hide_secrets(node.items[i],
                 is_secret || (i < node.keys.size() && is_secret_name(node.keys[i].text)));
}

}  // namespace

std::string read_metadata(const Fields& file) {
  const wire::YamlNode* const map = file.find("metadata");
  if (!map) return {};
  if (map->kind != wire::YamlNode::Kind::kMap) {
    file.wrong_type(*map, "metadata", "a map");
    return {};
  }
  const std::vector<std::string>& ours = analysis::result_metadata_keys();
  for (const wire::YamlKey& key : map->keys) {
    if (std::find(ours.begin(), ours.end(), key.text) != ours.end())
      file.problems().add(
          key.place,
          fmt::format("metadata can't have the key '{}', which the result has", key.text),
          fmt::format("call it another, or put it into a map: {{mine: {{{}: ...}}}}", key.text));
  }
  if (map->keys.empty()) return {};
  wire::YamlNode kept = *map;
  hide_secrets(kept);
  return to_json_text(kept);
}

}  // namespace galileo::plan
