// A YAML document as a plain tree that knows its lines: what yaml-cpp reads, bounded in depth and
// size, so that neither deep nesting nor aliases of aliases cost more than an error. Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galileo::experiment {

struct YamlNode {
  enum class Kind : unsigned char { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 0;         // from 1; 0: not from the file
  int column = 0;       // from 1
  bool quoted = false;  // a scalar in quotes is text whatever it looks like
  std::string scalar;
  std::vector<YamlNode> list;
  std::vector<std::pair<std::string, YamlNode>> map;  // in order
  std::vector<std::pair<int, int>> key_places;        // line and column of each key of the map

  // The value of that key of a map; null where there is none.
  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
};

// The Error has "line:column" in `where`.
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace galileo::experiment
