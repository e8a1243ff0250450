// A YAML document as a plain tree that knows its lines: what yaml-cpp reads, bounded in depth and
// size, so that neither deep nesting nor aliases of aliases cost more than a message. Aliases are
// resolved by copying, `<<` merges maps into the one it stands in. Pure functions, plain values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace galileo::wire {

// Where something was written: in the file, or in one of the settings of the command line.
struct YamlPlace {
  int line = 0;      // from 1; 0: nowhere in the file
  int column = 0;    // from 1, in characters
  int setting = -1;  // the number of the --set that it came from; -1: it is the file's
};

struct YamlKey {
  std::string text;
  YamlPlace place;
};

struct YamlNode {
  enum class Kind : unsigned char { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  YamlPlace place;
  bool quoted = false;  // a scalar in quotes is text whatever it looks like
  std::string scalar;
  std::vector<YamlKey> keys;    // of a map, in order; no key is there twice
  std::vector<YamlNode> items;  // of a list; of a map, the values of its keys

  // The value of that key of a map; null where there is none.
  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
};

struct YamlFault {
  YamlPlace place;
  std::string why;
  std::string hint;  // what to do about it, where that is known
};

// One document. A fault: no YAML; more than one document; a key twice in one map; a tag that isn't
// YAML's own; more than 32 levels, 200,000 nodes or 16 MiB of text once aliases are resolved.
tl::expected<YamlNode, YamlFault> parse_yaml(std::string_view text);

inline constexpr std::size_t kYamlLevels = 32;

// Any number of them, within the same limits together; empty ones are left out. `levels`: what may
// be nested deeper, since programs write it.
tl::expected<std::vector<YamlNode>, YamlFault> parse_yaml_documents(
    std::string_view text, std::size_t levels = kYamlLevels);

// The node as JSON, each scalar as `scalar` has it: by kubernetes_scalar() as kubectl reads a
// manifest.
std::string yaml_to_json(const YamlNode& node, std::string (*scalar)(const YamlNode& node));
// YAML 1.1: "0644" is octal, "yes" and "on" are true; what is in quotes or a date is text.
std::string kubernetes_scalar(const YamlNode& node);

// What kind of value it is, for a message: "'text'", "a list", "a map", "nothing".
std::string kind_text(const YamlNode& node);

}  // namespace galileo::wire
