#include "experiment/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace galileo::experiment {
namespace {

constexpr int kDepthMax = 32;
constexpr std::size_t kNodesMax = 200'000;

Error wrong(const YAML::Mark& mark, std::string why) {
  std::string where;
  if (mark.line >= 0) where = fmt::format("{}:{}", mark.line + 1, mark.column + 1);
  return Error{ErrorCode::kUsage, {}, std::move(where), std::move(why), {}};
}

class Converter {
 public:
  Result<YamlNode> convert(const YAML::Node& from, int depth) {
    if (depth > kDepthMax) return wrong(from.Mark(), "it is nested too deeply");
    if (++count_ > kNodesMax) return wrong(from.Mark(), "it is too large (aliases of aliases?)");
    YamlNode node;
    node.line = from.Mark().line + 1;
    node.column = from.Mark().column + 1;
    switch (from.Type()) {
      case YAML::NodeType::Scalar:
        node.kind = YamlNode::Kind::kScalar;
        node.scalar = from.Scalar();
        node.quoted = from.Tag() == "!";
        break;
      case YAML::NodeType::Sequence:
        node.kind = YamlNode::Kind::kList;
        for (const YAML::Node& item : from) node.list.push_back(TRY(convert(item, depth + 1)));
        break;
      case YAML::NodeType::Map:
        node.kind = YamlNode::Kind::kMap;
        for (const auto& entry : from) {
          const YAML::Node& key = entry.first;
          if (!key.IsScalar()) return wrong(key.Mark(), "a key must be a plain word");
          if (node.find(key.Scalar()))
            return wrong(key.Mark(), fmt::format("the key '{}' is there twice", key.Scalar()));
          node.key_places.emplace_back(key.Mark().line + 1, key.Mark().column + 1);
          node.map.emplace_back(key.Scalar(), TRY(convert(entry.second, depth + 1)));
        }
        break;
      default:
        break;
    }
    return node;
  }

 private:
  std::size_t count_ = 0;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found =
      std::find_if(map.begin(), map.end(), [&](const auto& entry) { return entry.first == key; });
  return found == map.end() ? nullptr : &found->second;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).find(key));
}

Result<YamlNode> parse_yaml(std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    return Error{ErrorCode::kUsage, {}, {}, "it holds a zero byte and is no YAML text", {}};
  try {
    return Converter().convert(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& error) {
    return wrong(error.mark, error.msg);
  }
}

}  // namespace galileo::experiment
